"""Dates as sources print them."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.dates import date_of, span, year_of

DAYS = st.dates(datetime.date(1990, 1, 1), datetime.date(2110, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-05-09", "2026-05-09", "2026-05-10"),
        ("2026-05", "2026-05-01", "2026-06-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-Q1/Q2", "2026-01-01", "2026-07-01"),
        ("2026-03/04", "2026-03-01", "2026-05-01"),
        ("2025-H2", "2025-07-01", "2026-01-01"),
        ("2025", "2025-01-01", "2026-01-01"),
        ("2025/2026", "2025-01-01", "2027-01-01"),
        ("2026 (talk, mid-year)", "2026-01-01", "2027-01-01"),
        ("2026-09-08 (Claude 2026-08-21)", "2026-09-08", "2026-09-09"),
    ],
)
def test_a_date_text_means_its_days(text: str, first: str, end: str) -> None:
    found = span(text)
    assert (found.first.isoformat(), found.end.isoformat()) == (first, end)
    assert found.first <= found.middle < found.end


@pytest.mark.parametrize("text", ["", "soon", "26-05", "2025-02-30", "2025-13"])
def test_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        span(text)


def test_a_day_as_a_year() -> None:
    assert year_of(datetime.date(2026, 1, 1)) == 2026.0
    assert year_of(datetime.date(2024, 7, 2)) == pytest.approx(2024.5)  # 183 of 366 days passed


@given(DAYS)
def test_a_year_leads_back_to_its_day(day: datetime.date) -> None:
    assert date_of(year_of(day)) == day


@given(DAYS, DAYS)
def test_years_are_in_the_order_of_days(one: datetime.date, other: datetime.date) -> None:
    assert (year_of(one) < year_of(other)) == (one < other)
