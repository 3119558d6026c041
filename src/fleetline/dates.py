"""Dates as sources print them ("2026-05", "2026-Q1/Q2", "2025-12-31"), and as numbers: 2026.5 is the middle of 2026."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass

_ONE = re.compile(r"(\d{4})(?:-(?:Q([1-4])|H([12])|(\d\d)(?:-(\d\d))?))?")
_LATER = re.compile(r"/(?:(\d{4})(?!\d)|Q([1-4])|H([12])|(\d\d)(?!\d))")


@dataclass(frozen=True)
class Span:
    """The days from `first` up to, not with, `end`."""

    first: datetime.date
    end: datetime.date

    @property
    def middle(self) -> datetime.date:
        """The day that stands for all of them."""
        return self.first + (self.end - self.first) / 2


def span(text: str) -> Span:
    """The days a date text means: a day, month, quarter, half or year, or from one to another of its kind ("2026-03/04").

    What follows in words ("2026 (talk, mid-year)") is not read.

    Raises:
        ValueError: no such date.
    """
    found = _ONE.match(text)
    if found is None:
        raise ValueError(f"got '{text}', allowed YYYY, YYYY-Q1, YYYY-H1, YYYY-MM or YYYY-MM-DD")
    year = int(found[1])
    quarter, half, month, day = _numbers(found, 2)
    if day is not None and month is not None:
        first = datetime.date(year, month, day)
        return Span(first, first + datetime.timedelta(days=1))
    begun = _months(year, quarter, half, month)
    later = _LATER.match(text, found.end())
    if later is None:
        return begun
    return Span(begun.first, _months(int(later[1] or year), *_numbers(later, 2)).end)


def _numbers(found: re.Match[str], start: int) -> list[int | None]:
    return [None if part is None else int(part) for part in found.groups()[start - 1 :]]


def _months(year: int, quarter: int | None, half: int | None, month: int | None) -> Span:
    if quarter is not None:
        first, count = 3 * quarter - 2, 3
    elif half is not None:
        first, count = 6 * half - 5, 6
    elif month is not None:
        first, count = month, 1
    else:
        first, count = 1, 12
    after = first + count
    end = datetime.date(year + 1, 1, 1) if after > 12 else datetime.date(year, after, 1)
    return Span(datetime.date(year, first, 1), end)


def year_of(day: datetime.date) -> float:
    """A day as a number of years: 1 January 2026 is 2026.0."""
    return day.year + (day.timetuple().tm_yday - 1) / _days(day.year)


def date_of(year: float) -> datetime.date:
    """The day a number of years falls on: the inverse of `year_of`."""
    whole = int(year)
    passed = round((year - whole) * _days(whole), 6)  # so that a day's own number is not the day before
    return datetime.date(whole, 1, 1) + datetime.timedelta(days=int(passed))


def _days(year: int) -> int:
    return 366 if calendar.isleap(year) else 365
