"""Degrees worth trying, counted by hand, and the points that no other beats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import GROUPED, made_model

from fleetline.architecture.attention import Recurrent
from fleetline.architecture.model import AttentionLayers, Model
from fleetline.physics.candidates import degrees_of, divisors, pareto


def tried(model: Model, gpus: int) -> list[tuple[float, ...]]:
    """Every (tp, ep, dp, pp)."""
    found = degrees_of(model, gpus)
    return [tuple(map(float, each)) for each in zip(found.tp, found.ep, found.dp, found.pp, strict=True)]  # type: ignore[arg-type]


def test_divisors_from_one_to_the_number_itself() -> None:
    assert [divisors(each) for each in (1, 7, 12)] == [[1], [1, 7], [1, 2, 3, 4, 6, 12]]


def test_a_dense_model_is_split_by_heads_and_layers_alone() -> None:
    # 8 heads and 10 layers; data-parallel ranks of a dense model are replicas, of 1, 2, 4 GPUs each
    dense = replace(made_model(attention=GROUPED), experts=None)
    assert tried(dense, 4) == [(1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 1, 4), (2, 1, 1, 1), (2, 1, 1, 2), (4, 1, 1, 1)]
    # 3 divides neither 8 heads; 16 GPUs neither share 8 heads nor make a pipeline, which ends at 8 stages
    assert tried(dense, 3) == [(1, 1, 1, 1), (1, 1, 1, 3)]
    assert max(pp for *_, pp in tried(dense, 16)) == 8
    assert max(tp for tp, *_ in tried(dense, 16)) == 8


def test_experts_are_split_over_all_ranks_or_not_at_all() -> None:
    sparse = made_model(attention=GROUPED)
    assert tried(sparse, 2) == [(1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 1), (2, 2, 1, 1)]
    # of two experts no four ranks have one each
    few = replace(sparse, experts=replace(sparse.experts, count=2.0, per_token=1.0))  # type: ignore[type-var]
    assert {ep for _, ep, _, _ in tried(few, 4)} == {1.0, 2.0}


def test_no_more_stages_than_layers_and_no_more_ranks_a_head_than_sixteen() -> None:
    wide = replace(GROUPED, heads=64.0)
    dense = replace(made_model(attention=wide), experts=None)
    assert max(tp for tp, *_ in tried(dense, 64)) == 16
    assert {pp for *_, pp in tried(replace(dense, layers=3), 8)} == {1.0, 2.0}
    assert {pp for *_, pp in tried(replace(dense, layers=2), 8)} == {1.0, 2.0}


def test_every_kind_whose_arithmetic_is_split_has_heads_that_divide() -> None:
    state = Recurrent(4.0, 8.0, 8.0, 1e6)
    layers = (AttentionLayers(5, GROUPED, GROUPED.costs), AttentionLayers(5, state, state.costs))
    both = replace(made_model(), experts=None, attention=layers)
    assert {tp for tp, *_ in tried(both, 8)} == {1.0, 2.0, 4.0}  # 8 heads, but 4 of the state


def test_the_points_that_none_beats_slowest_first() -> None:
    speed, rate = np.array([1.0, 2.0, 2.0, 3.0, 2.5, 3.0]), np.array([9.0, 7.0, 8.0, 5.0, 4.0, 6.0])
    assert pareto(speed, rate).tolist() == [0, 2, 5]
    assert pareto(speed, np.full(6, 1.0)).tolist() == [3]  # equal rates: the fastest, the first of two
    assert pareto(np.array([1.0, 2.0]), np.array([0.0, 0.0])).tolist() == [1]
