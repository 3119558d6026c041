"""Beliefs meet their points; a name is drawn once a world."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.beliefs import SCALES, Z95, Belief, Median, Worlds, between

POINTS = {"log": (1.0, 3.0, 40.0), "log-odds": (0.2, 0.47, 0.5), "linear": (-3.0, 0.0, 0.5)}


@pytest.mark.parametrize(("scale", "points"), POINTS.items())
def test_the_three_points_are_met_exactly(scale: str, points: tuple[float, float, float]) -> None:
    low, value, high = points
    assert Belief(value, low, high, scale).at([-Z95, 0.0, Z95]) == pytest.approx(points, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_a_bare_interval_has_its_median_in_the_middle_of_the_scale(scale: str) -> None:
    low, _, high = POINTS[scale]
    to = SCALES[scale].to
    assert to(between(low, high, scale).value) == pytest.approx((to(low) + to(high)) / 2.0)


@given(st.sampled_from(sorted(POINTS)), st.lists(st.floats(-6, 6), min_size=2, max_size=20))
def test_a_higher_score_is_never_a_lower_value(scale: str, scores: list[float]) -> None:
    low, value, high = POINTS[scale]
    found = Belief(value, low, high, scale).at(sorted(scores))
    assert np.all(np.diff(found) >= 0.0)
    assert scale != "log-odds" or (np.all(found > 0.0) and np.all(found < 1.0))


def test_a_certain_value_is_the_same_everywhere() -> None:
    assert Worlds(5).draw("x", Belief(0.0, 0.0, 0.0)).tolist() == [0.0] * 5
    assert between(2.0, 2.0) == Belief(2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("value", "low", "high", "scale"),
    [
        (1.0, 2.0, 3.0, "log"),
        (4.0, 2.0, 3.0, "log"),
        (2.0, 3.0, 1.0, "log"),
        (math.nan, 1.0, 2.0, "log"),
        (1.0, 0.0, 2.0, "log"),
        (0.5, 0.1, 1.0, "log-odds"),
        (1.0, 0.5, math.inf, "log"),
        (0.0, -math.inf, 1.0, "linear"),
    ],
)
def test_points_out_of_order_or_off_the_scale_are_refused(value: float, low: float, high: float, scale: str) -> None:
    with pytest.raises(ValueError, match=r"order|edge"):
        Belief(value, low, high, scale)


def test_the_same_name_is_the_same_draw_in_any_order() -> None:
    one, other = Worlds(1000, seed=3), Worlds(1000, seed=3)
    first = one.scores("demand.engineers")
    one.scores("something else")
    assert np.array_equal(first, one.scores("demand.engineers"))
    assert np.array_equal(first, other.scores("demand.engineers"))


def test_other_names_seeds_and_chunks_are_independent() -> None:
    every = [Worlds(20_000).scores("a"), Worlds(20_000).scores("b"), Worlds(20_000, 1).scores("a")]
    every.append(Worlds(20_000, chunk=1).scores("a"))
    correlation = np.corrcoef(every) - np.eye(len(every))
    assert np.abs(correlation).max() < 0.03  # 4 standard errors of 1/sqrt(20,000)


def test_draws_have_the_belief_s_percentiles() -> None:
    drawn = Worlds(50_000).draw("engineers", Belief(30e6, 20e6, 50e6))
    assert np.quantile(drawn, [0.05, 0.5, 0.95]) == pytest.approx([20e6, 30e6, 50e6], rel=0.01)


def test_the_median_world_has_medians() -> None:
    assert Median().draw("x", Belief(3.0, 1.0, 40.0)).tolist() == pytest.approx([3.0])
    assert Median(4).scores("x").tolist() == [0.0] * 4
