from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.physics.search import Predicate, largest_whole, smallest_real


def up_to(limit: float | list[float]) -> Predicate:
    return lambda batch: np.less_equal(batch, np.asarray(limit))


@given(limit=st.floats(-5, 400), upper=st.floats(-5, 300))
def test_the_largest_whole_number_is_what_trying_them_all_finds(limit: float, upper: float) -> None:
    tried = [number for number in range(1, 401) if number <= limit and number <= upper]
    assert float(largest_whole(up_to(limit), upper)) == max(tried, default=0)


@pytest.mark.parametrize("limit", [1.0, 2.0, 3.0, 255.0, 256.0, 257.0, 1e6, 1e12])
def test_the_ends_are_found_exactly(limit: float) -> None:
    assert float(largest_whole(up_to(limit), limit + 10)) == limit
    assert float(largest_whole(up_to(limit), limit)) == limit
    assert float(largest_whole(up_to(limit - 0.5), limit)) == limit - 1


def test_nothing_below_one_is_ever_asked() -> None:
    asked: list[float] = []

    def holds(batch: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        asked.extend(np.ravel(batch).tolist())
        return np.less_equal(batch, 0.0)

    assert float(largest_whole(holds, 1000.0)) == 0.0
    assert min(asked) >= 1.0


@given(limits=st.lists(st.floats(-5, 1e9), min_size=1, max_size=20), upper=st.floats(0, 1e9))
def test_an_array_is_searched_element_by_element(limits: list[float], upper: float) -> None:
    together = largest_whole(up_to(limits), np.full(len(limits), upper))
    alone = [float(largest_whole(up_to(limit), upper)) for limit in limits]
    np.testing.assert_array_equal(together, alone)


def test_the_array_may_have_any_shape() -> None:
    limits = np.array([[3.0, 7.0], [0.0, 100.0]])
    np.testing.assert_array_equal(largest_whole(lambda batch: batch <= limits, np.full((2, 2), 50.0)), [[3, 7], [0, 50]])


def test_a_predicate_that_is_false_for_small_numbers_is_not_what_it_is_for() -> None:
    # the control: bisection needs "true up to some number", and misses what holds only in the middle
    assert float(largest_whole(lambda batch: (batch >= 40.0) & (batch <= 45.0), 1000.0)) != 45.0


@given(root=st.floats(1e-2, 1e8))
def test_the_smallest_real_number_is_the_root(root: float) -> None:
    found = float(smallest_real(lambda batch: np.asarray(batch >= root), 1.0, lower=1e-3, upper=1e9))
    # 1e-11: the docstring's 1e-12 of the logarithm, and the rounding of exp and log over 27 natural powers
    assert found == pytest.approx(root, rel=1e-11)
    assert found >= root * (1 - 1e-15)


def test_a_root_known_by_other_means() -> None:
    # x**3 = 2 has the root 1.259921049894873
    found = smallest_real(lambda batch: batch**3 >= 2.0, 1.0, lower=1e-3, upper=1e9)
    assert float(found) == pytest.approx(1.259921049894873, rel=1e-11)


def test_what_never_holds_is_infinity_and_what_always_does_is_zero() -> None:
    found = smallest_real(lambda batch: batch >= np.array([np.inf, 0.0, 10.0]), np.zeros(3), lower=1e-3, upper=1e9)
    np.testing.assert_allclose(found, [np.inf, 0.0, 10.0], rtol=1e-11)


def test_what_holds_for_a_while_and_not_for_good_is_not_the_end() -> None:
    found = smallest_real(lambda load: ((load > 1.0) & (load < 100.0)) | (load >= 1e4), 1.0, lower=1e-3, upper=1e9)
    assert float(found) == pytest.approx(1e4, rel=1e-11)


def test_a_single_point_is_found_in_few_questions() -> None:
    asked: list[int] = []

    def holds(batch: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        asked.append(batch.size)
        return np.less_equal(batch, 12_345.0)

    assert float(largest_whole(holds, 1e6)) == 12_345.0
    assert len(asked) <= 3  # twenty halvings
    assert max(asked) <= 512


@given(limits=st.lists(st.floats(1e-2, 1e8), min_size=1, max_size=1500))
def test_real_numbers_of_many_points_are_those_of_each(limits: list[float]) -> None:
    roots = np.array(limits)
    found = smallest_real(lambda batch: batch >= roots, roots, lower=1e-3, upper=1e9)
    np.testing.assert_allclose(found, roots, rtol=1e-11)
