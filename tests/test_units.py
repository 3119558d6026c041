from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.errors import InputError
from fleetline.units import parse, to_si


@pytest.mark.parametrize(
    ("text", "base", "value"),
    [
        ("8 TB/s", "byte/s", 8e12),
        ("8TB/s", "byte/s", 8e12),
        ("  8   TB/s ", "byte/s", 8e12),
        ("8e3 GB/s", "byte/s", 8e12),
        ("8_000 GB/s", "byte/s", 8e12),
        (".5 TB/s", "byte/s", 5e11),
        ("186 GiB", "byte", 186 * 2**30),  # binary: 199,715,979,264
        ("186 GB", "byte", 186e9),  # decimal: 7% less
        ("1 TiB", "byte", 2**40),
        ("10 PFLOP/s", "FLOP/s", 1e16),
        ("3 POP/s", "FLOP/s", 3e15),
        ("5 ms", "s", 0.005),
        ("5 us", "s", 5e-6),
        ("5 µs", "s", 5e-6),
        ("1.87 kW", "W", 1870),
        ("3600 USD/h", "USD/s", 1),
        ("72 chips", "1", 72),
        ("-3 W", "W", -3),
    ],
)
def test_a_quantity_as_people_write_it_is_read_in_si(text: str, base: str, value: float) -> None:
    assert parse(text, base, "here") == pytest.approx(value, rel=1e-15)  # one rounding of the product


def test_an_hourly_price_becomes_a_price_by_the_second() -> None:
    assert to_si(3600.0, "USD/chip-hour") == 1.0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8", "is not a number with a unit of byte/s"),
        ("", "is not a number with a unit of byte/s"),
        ("TB/s", "is not a number with a unit of byte/s"),
        ("fast", "is not a number with a unit of byte/s"),
        ("nan TB/s", "is not a number with a unit of byte/s"),
        ("inf TB/s", "is not a number with a unit of byte/s"),
        ("8 GB", "is in byte, wanted a finite value in byte/s"),
        ("8 kW", "is in W, wanted a finite value in byte/s"),
        ("1e400 TB/s", "wanted a finite value in byte/s"),
    ],
)
def test_what_is_not_such_a_quantity_is_refused_by_place(text: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text, "byte/s", "rack.toml: chip.hbm_bandwidth")
    assert refused.value.message.startswith("rack.toml: chip.hbm_bandwidth: ")
    assert why in refused.value.message
    assert refused.value.field == "rack.toml: chip.hbm_bandwidth"


def test_an_unknown_unit_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match="unknown unit 'furlong'") as refused:
        to_si(8.0, "furlong")
    assert isinstance(refused.value.allowed, list)
    assert "GB/s" in refused.value.allowed


def test_an_unknown_unit_is_refused_by_place_too() -> None:
    with pytest.raises(InputError) as refused:
        parse("8 TBs", "byte/s", "rack.toml: chip.hbm_bandwidth")
    assert "rack.toml: chip.hbm_bandwidth" in refused.value.message


@pytest.mark.parametrize("text", ["8_ TB/s", "8__0 TB/s"])
def test_a_misplaced_underscore_is_refused_like_any_other_typo(text: str) -> None:
    with pytest.raises(InputError, match="is not a number with a unit"):
        parse(text, "byte/s", "here")


@given(value=st.floats(1e-6, 1e6), unit=st.sampled_from(["GB", "GiB", "TB/s", "PFLOP/s", "kW", "ms", "USD/h"]))
def test_reading_a_written_number_is_converting_it(value: float, unit: str) -> None:
    base = {"GB": "byte", "GiB": "byte", "TB/s": "byte/s", "PFLOP/s": "FLOP/s", "kW": "W", "ms": "s", "USD/h": "USD/s"}[
        unit
    ]
    assert parse(f"{value!r} {unit}", base, "here") == to_si(value, unit)
