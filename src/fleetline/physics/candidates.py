"""Which degrees of parallelism are worth trying on so many GPUs: every one that divides, as arrays.

Source: ours; what divides is what `sharding.check` allows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fleetline.architecture.model import Model
from fleetline.physics.sharding import Degrees, split_of

# Tensor parallel beyond the fast links' boards, and pipelines of many stages, are tried by nobody (physics notes).
MOST_TP, MOST_PP = 16, 8


def divisors(number: int) -> list[int]:
    """All of them, smallest first."""
    return [each for each in range(1, number + 1) if number % each == 0]


def degrees_of(model: Model, gpus: int) -> Degrees:
    """Every replica that so many GPUs divide into: one array element each.

    Experts are split whole over all ranks, or not at all by whole ones; data-parallel ranks of a dense model are replicas.
    """
    tried = [each for size in divisors(gpus) for each in _replicas(model, size)]
    columns = np.array(sorted(set(tried)), dtype=float).T
    return Degrees(*columns)


def _replicas(model: Model, size: int) -> Iterator[tuple[int, int, int, int]]:
    for tp in (each for each in divisors(size) if each <= MOST_TP and _splits_heads(model, each)):
        for pp in (each for each in divisors(size // tp) if each <= min(MOST_PP, model.layers)):
            dp = size // tp // pp
            if model.experts is None:
                if dp == 1:
                    yield tp, 1, 1, pp
                continue
            for ep in {1, tp * dp}:
                if ep <= model.experts.count:
                    yield tp, ep, dp, pp


def _splits_heads(model: Model, tp: int) -> bool:
    kinds = [group.attention for group in model.attention if split_of(group.attention).by_heads]
    heads = [getattr(kind, "heads", getattr(kind, "value_heads", 1.0)) for kind in kinds]
    return all(each % tp == 0 for each in heads)


def pareto(
    speed: np.ndarray[tuple[int], np.dtype[np.float64]], rate: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Indices of the points that no other beats in speed and rate at once, slowest first."""
    fastest_first = np.lexsort((-rate, -speed))
    best_so_far = np.maximum.accumulate(np.concatenate(([-np.inf], rate[fastest_first])))[:-1]
    return fastest_first[rate[fastest_first] > best_so_far][::-1]
