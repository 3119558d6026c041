"""When demand passes supply. Both are straight lines on a log scale: demand one, supply one from each quarter to the next.

The passing meant is the one that leads to, or from, the day demand was measured. Where demand is below supply that day, the
first time after it that demand reaches supply; where it is above already, the time since which it has been so without a
break. An earlier shortage, while the first chips of a kind had only just been sold, is no crunch of today's.

Source: article, section The present and future of inference (two growing sides); which crossing is meant: ours.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.beliefs import Array
from fleetline.dates import date_of


@dataclass(frozen=True)
class Crossover:
    """The time demand passes supply in every world, as a year such as 2026.5; shape (draws,).

    Where `before` the data (demand was above supply all the way back to `first`) or `after` the `horizon` (or never),
    `time` is that end of the window and says no more.
    """

    time: Array
    before: npt.NDArray[np.bool_]
    after: npt.NDArray[np.bool_]
    first: float
    horizon: float


def crossover(
    years: npt.ArrayLike,
    supply: npt.ArrayLike,
    supply_growth: npt.ArrayLike,
    demand_year: float,
    demand: npt.ArrayLike,
    demand_growth: npt.ArrayLike,
    horizon: float,
) -> Crossover:
    """The exact solution, in every world at once.

    Args:
        years: of the supply history, increasing, shape (quarters,).
        supply: [token/s], shape (quarters, draws).
        supply_growth: after the last quarter [factor/year], shape (draws,).
        demand_year: when `demand` holds.
        demand: [token/s], shape (draws,).
        demand_growth: before and after [factor/year], shape (draws,).
        horizon: year after which nobody looks; beyond the history and the demand's date.

    Raises:
        ValueError: years that do not increase, a horizon inside the data, a rate or growth that is not over 0.
    """
    times = np.asarray(years, dtype=float)
    logs = [np.log(_positive(name, each)) for name, each in (("supply", supply), ("demand", demand))]
    slopes = [np.log(_positive("growth", each)) for each in (supply_growth, demand_growth)]
    if times.ndim != 1 or not times.size or np.any(np.diff(times) <= 0.0):
        raise ValueError(f"years: got {times}, allowed one or more that increase")
    if not horizon > max(times[-1], demand_year):
        raise ValueError(f"horizon: got {horizon}, allowed after the data and the demand, {max(times[-1], demand_year)}")
    anchor = max(demand_year, float(times[0]))
    knots = np.unique([*times, anchor, horizon])
    gap = logs[1] + slopes[1] * (knots[:, None] - demand_year) - _supply_at(knots, times, logs[0], slopes[0])
    return _solve(knots, gap, int(np.searchsorted(knots, anchor)))


def passing(years: npt.ArrayLike, load: npt.ArrayLike, now: int) -> Crossover:
    """When demand over supply passes one, straight in its logarithm between the times it is given at.

    Args:
        years: increasing, shape (times,). load: over 0, shape (times, draws).
        now: the place of the day that decides which passing is meant, as the module says.

    Raises:
        ValueError: years that do not increase, a load that is not over 0.
    """
    times = np.asarray(years, dtype=float)
    if times.ndim != 1 or times.size < 2 or np.any(np.diff(times) <= 0.0):
        raise ValueError(f"years: got {times}, allowed two or more that increase")
    return _solve(times, np.log(_positive("load", load)), now)


def _positive(what: str, given: npt.ArrayLike) -> Array:
    found = np.asarray(given, dtype=float)
    if not np.all((found > 0.0) & np.isfinite(found)):
        raise ValueError(f"{what}: got a value that is not a number over 0")
    return found


def _supply_at(knots: Array, years: Array, logs: Array, slope: Array) -> Array:
    """Log supply at the knots, all from the first year on; shape (knots, draws)."""
    index = np.clip(np.searchsorted(years, knots, side="right") - 1, 0, len(years) - 1)
    upper = np.minimum(index + 1, len(years) - 1)
    past = knots >= years[-1]
    widths = np.where(past, 1.0, years[upper] - years[index])
    slopes = np.where(past[:, None], slope, (logs[upper] - logs[index]) / widths[:, None])
    return np.asarray(logs[index] + slopes * (knots - years[index])[:, None])


def _solve(knots: Array, gap: Array, anchor: int) -> Crossover:
    """Where the gap, a line between knots, turns from below 0 to 0 or more; after the knot `anchor`, or last before it."""
    short = gap >= 0.0
    ahead, behind = short[anchor:], ~short[: anchor + 1]
    already = short[anchor]
    after = ~already & ~ahead.any(axis=0)
    before = already & ~behind.any(axis=0)
    next_short = anchor + ahead.argmax(axis=0)
    last_enough = anchor - behind[::-1].argmax(axis=0)
    # where there is no passing, any segment does: its time is overwritten
    start = np.clip(np.where(already, last_enough, next_short - 1), 0, len(knots) - 2)
    draws = np.arange(gap.shape[1])
    low, high = gap[start, draws], gap[start + 1, draws]
    rise = np.where(before | after, 1.0, high - low)
    time = knots[start] + (knots[start + 1] - knots[start]) * np.where(before | after, 0.0, -low / rise)
    time = np.where(before, knots[0], np.where(after, knots[-1], time))
    return Crossover(time, before, after, float(knots[0]), float(knots[-1]))


@dataclass(frozen=True)
class Summary:
    """Percentiles as dates, `before DATE` or `after DATE`; the probability of having passed by the end of each year."""

    crossover: dict[str, str]
    probability_by_year: dict[int, float]


def summary(found: Crossover, through: Sequence[int] | None = None) -> Summary:
    """The distribution in words; `through` are the years to give a probability for, all of the window unless given."""
    years = through or range(int(found.first), int(np.ceil(found.horizon)))
    return Summary(
        crossover={f"p{share}": _point(found, share / 100.0) for share in (10, 50, 90)},
        probability_by_year={year: _passed(found, year + 1.0) for year in years},
    )


def _point(found: Crossover, share: float) -> str:
    """A percentile: the world that stands there when they are sorted, so that no date is mixed with `after`."""
    kind = np.where(found.before, -1, np.where(found.after, 1, 0))
    order = np.lexsort((found.time, kind))
    world = order[max(0, int(np.ceil(share * len(order) - 1e-9)) - 1)]
    date: datetime.date = date_of(float(found.time[world]))
    return {-1: f"before {date}", 0: f"{date}", 1: f"after {date}"}[int(kind[world])]


def _passed(found: Crossover, year: float) -> float:
    """The share of worlds where demand passed supply before the start of `year`."""
    passed = found.before | (~found.after & (found.time < year))
    return float(passed.mean())
