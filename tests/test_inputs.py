from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline import inputs
from fleetline.errors import InputError


def test_two_numbers_with_a_colon_between() -> None:
    assert inputs.pair("workload", "8000:1000", "INPUT:OUTPUT") == (8000.0, 1000.0)
    assert inputs.pair("workload", " 8e3 : 1000 ", "INPUT:OUTPUT") == (8000.0, 1000.0)


@pytest.mark.parametrize("text", ["", ":", "8000", "8000:", ":1000", "8000:1000:1", "8k:1k", "8000/1000", "8000,1000"])
def test_anything_else_is_refused_with_the_form_wanted(text: str) -> None:
    with pytest.raises(InputError) as refused:
        inputs.pair("workload", text, "INPUT:OUTPUT tokens")
    assert refused.value.message == f"workload: got '{text}', allowed INPUT:OUTPUT tokens"
    assert (refused.value.field, refused.value.got) == ("workload", text)


def test_a_number_stays_a_float_and_a_list_becomes_an_array() -> None:
    assert inputs.numbers("batch", 3) == 3.0
    assert isinstance(inputs.numbers("batch", np.float64(3)), float)
    np.testing.assert_array_equal(inputs.numbers("batch", [1, 2]), [1.0, 2.0])


@pytest.mark.parametrize("value", ["three", "1;2", [1, "x"], [[1], [1, 2]], {"a": 1}, object(), 1j, None, True])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"^batch: got .* allowed a number or an array of numbers$") as refused:
        inputs.numbers("batch", value)
    assert refused.value.field == "batch"


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, -np.inf, [1, 0], [[1.0, 2.0], [3.0, np.nan]]])
def test_positive_refuses_what_is_not(value: Any) -> None:
    with pytest.raises(InputError, match=r"allowed a finite number over 0"):
        inputs.positive("speed", value)


@pytest.mark.parametrize("value", [0, -0.1, 1.0000001, np.nan, np.inf])
def test_share_is_over_0_and_at_most_1(value: float) -> None:
    assert inputs.share("compute_efficiency", 1) == 1.0
    with pytest.raises(InputError, match=r"allowed a finite number over 0 and at most 1$"):
        inputs.share("compute_efficiency", value)


def test_of_an_array_the_first_wrong_number_is_named() -> None:
    with pytest.raises(InputError) as refused:
        inputs.positive("speed", [3.0, -7.0, 0.0])
    assert refused.value.got == -7.0
    assert "got -7" in refused.value.message


@pytest.mark.parametrize(
    ("low_open", "high_open", "ends"),
    [(False, False, (True, True)), (True, False, (False, True)), (False, True, (True, False))],
)
def test_an_open_end_is_not_allowed_itself(low_open: bool, high_open: bool, ends: tuple[bool, bool]) -> None:
    for end, allowed in zip((0.0, 1.0), ends, strict=True):
        if allowed:
            assert inputs.within("x", end, 0.0, 1.0, low_open=low_open, high_open=high_open) == end
        else:
            with pytest.raises(InputError):
                inputs.within("x", end, 0.0, 1.0, low_open=low_open, high_open=high_open)


@given(st.floats())
def test_positive_lets_through_numbers_over_0_whose_products_stay_finite(value: float) -> None:
    if 1e-9 <= value <= 1e9:
        assert inputs.positive("x", value) == value
    else:
        with pytest.raises(InputError):
            inputs.positive("x", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (8000.0, "8000"),
        (1234567.0, "1234567"),
        (0.0316, "0.0316"),
        (1.5, "1.5"),
        (500.7123, "500.7"),
        ([1000, 8000], "1000..8000"),
        ([5, 5], "5"),
    ],
)
def test_numbers_in_words(value: Any, text: str) -> None:
    assert inputs.words(value) == text


def test_no_numbers_at_all_are_refused() -> None:
    with pytest.raises(InputError):
        inputs.positive("speed", [])
