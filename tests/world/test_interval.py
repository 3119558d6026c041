"""The three points of draws are NumPy's, to the bit, however few the draws are."""

from __future__ import annotations

import numpy as np
import pytest

from fleetline.questions.worlds import interval


@pytest.mark.parametrize("count", [1, 2, 3, 20, 21, 199, 500, 4999, 5001])
def test_points_are_those_of_percentile(count: int) -> None:
    draws = np.random.default_rng(count)
    for spread in (0.0, 1.0, 20.0):
        values = np.exp(spread * draws.normal(size=count))
        assert list(interval(values).values()) == np.percentile(values, [5.0, 50.0, 95.0]).tolist()


def test_a_world_without_a_number_leaves_none() -> None:
    found = interval(np.array([1.0, np.nan, 3.0]))
    assert all(np.isnan(value) for value in found.values())
