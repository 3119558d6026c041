"""Growth from dated statements: a straight line through the logarithm of tokens a second against time, a series each.

A statement is rounded, late, and counts what its author likes, so points scatter around their line and the slope is
uncertain: Student's t with the residuals' degrees of freedom. Fewer than four points cannot tell their own scatter (with
one degree of freedom a t has no mean, with none there is no t); they get the pooled scatter of every longer series of the
same window. For two points that leaves the growth between them as the middle, with a spread as wide as such statements are
known to miss by.

Source: ours; a slope of few points has the distribution of Student 1908 (doi:10.1093/biomet/6.1.1).
"""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from fleetline.beliefs import Array
from fleetline.catalog.rows import TokenDemandRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError, unknown_name

FACTORS = (0.1, 1000.0)  # growth a year outside of which no draw falls: the ends of a heavy tail are no forecast
OWN_SCATTER = 4  # points a series needs to tell its own scatter
_ROUNDING = 0.01  # points that lie on a line exactly are still rounded, to two digits or so
_HALVINGS = 60


@dataclass(frozen=True)
class Point:
    """One dated statement [token/s], and the row it stands in."""

    date: datetime.date
    tok_s: float
    row: TokenDemandRow


@dataclass(frozen=True)
class Scatter:
    """Residual variance of log tokens around a line, its degrees of freedom, and whose it is."""

    variance: float
    freedom: int
    whose: str


@dataclass(frozen=True)
class Fit:
    """The line through one series: slope of the logarithm a year with its standard error, and the ends of the data."""

    series: str
    points: Sequence[Point]
    slope: float
    error: float
    scatter: Scatter

    @property
    def years(self) -> float:
        """From the first point to the last."""
        return year_of(self.points[-1].date) - year_of(self.points[0].date)

    @property
    def factor(self) -> float:
        """The last point over the first, whatever the years between."""
        return self.points[-1].tok_s / self.points[0].tok_s

    def share_below(self, slope: Array) -> Array:
        """The probability that the slope is lower than this."""
        return np.asarray(special.stdtr(self.scatter.freedom, (slope - self.slope) / self.error))


@dataclass(frozen=True)
class Growth:
    """Growth a year as a factor: one of several series is right, each as likely."""

    fits: Sequence[Fit]

    def at(self, scores: npt.ArrayLike) -> Array:
        """The factor at these standard normal scores: the median at 0. Same shape as `scores`."""
        wanted = special.ndtr(np.asarray(scores, dtype=float))
        low, high = (np.full(wanted.shape, math.log(end)) for end in FACTORS)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            below = np.mean([fit.share_below(middle) for fit in self.fits], axis=0) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.exp((low + high) / 2.0)


def growth(rows: Iterable[TokenDemandRow], names: Sequence[str], since: datetime.date) -> Growth:
    """The growth of the named series ("ENTITY | SCOPE") from `since` on.

    Raises:
        InputError: no such series, or fewer than two dates of it in the window.
    """
    every = by_series(rows)
    for name in names:
        if name not in every:
            raise unknown_name("series", name, every, field="growth.series")
    window = {name: [point for point in points if point.date >= since] for name, points in every.items()}
    for name in names:
        if len({point.date for point in window[name]}) < 2:
            said = f"growth.series: '{name}' has fewer than two dates from {since} on, so no growth"
            raise InputError(said, field="growth.series_from", got=str(since))
    return Growth([_fit(name, window[name], window) for name in names])


def by_series(rows: Iterable[TokenDemandRow]) -> dict[str, list[Point]]:
    """The points of each series in the order of time; rows marked as unfit for growth are left out."""
    found: dict[str, list[Point]] = defaultdict(list)
    for row in rows:
        if row.shows_growth:
            found[row.series].append(Point(span(row.as_of).middle, row.per_second(row.tokens_central), row))
    return {name: sorted(points, key=lambda point: point.date) for name, points in found.items()}


def _fit(name: str, points: Sequence[Point], window: Mapping[str, Sequence[Point]]) -> Fit:
    slope, spread, residual = _line(points)
    if len(points) >= OWN_SCATTER:
        scatter = Scatter(residual / (len(points) - 2), len(points) - 2, "its own")
    else:
        scatter = _pooled(window)
    error = math.sqrt(max(scatter.variance, _ROUNDING**2) / spread)
    return Fit(name, tuple(points), slope, error, scatter)


def _line(points: Sequence[Point]) -> tuple[float, float, float]:
    """Least squares of log tokens on years: slope, sum of squares of the years around their mean, and of the residuals."""
    years = np.array([year_of(point.date) for point in points])
    logs = np.log([point.tok_s for point in points])
    away = years - years.mean()
    spread = float(away @ away)
    slope = float(away @ logs) / spread
    residuals = logs - logs.mean() - slope * away
    return slope, spread, float(residuals @ residuals)


def _pooled(window: Mapping[str, Sequence[Point]]) -> Scatter:
    longer = {name: points for name, points in window.items() if len(points) >= OWN_SCATTER}
    if not longer:
        said = f"growth.series_from: no series has {OWN_SCATTER} points that late, to tell a shorter one's scatter"
        raise InputError(said, field="growth.series_from")
    freedom = sum(len(points) - 2 for points in longer.values())
    residual = sum(_line(points)[2] for points in longer.values())
    return Scatter(residual / freedom, freedom, f"pooled over {', '.join(longer)}")
