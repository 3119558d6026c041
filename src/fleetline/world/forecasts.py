"""Dated forecasts of what others will print: chips sold by quarter, tokens a series will state, as 5%, 50% and 95% points.

Chips: the sales of a scenario's fleet, carried on from each designer's last whole quarter (module `carried`); a quarter
known in part is a floor. Tokens: the fit of all dated series (module `trend`) asked for a statement that is not in it, with
the series' own level and growth and the noise of statements; a mixture of normals over the half-lives, without draws.

Source: ours.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from fleetline.beliefs import Array, Draws
from fleetline.catalog import load
from fleetline.catalog.rows import AnnouncedRow, ChipSalesRow, DemandSeriesRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError, unknown_name
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world.carried import peak_ratio
from fleetline.world.fleet import fleet
from fleetline.world.trend import Statement, Trend, predicted

CHIPS, ARITHMETIC, TOKENS = "chips sold", "arithmetic sold", "tokens"
POINTS = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Forecast:
    """A quantity on a date as a source would print it ("2026-Q4", "2027-02"), in `unit`, and how it was made."""

    quantity: str
    date: str
    unit: str
    p5: float
    p50: float
    p95: float
    method: str


_CARRIED = "sales of the fleet, carried on by fleet.sales_growth"
_FITTED = "fit of all dated series, slowing growth; a statement with its noise"


@dataclass(frozen=True)
class Sold:
    """What a designer sells in a quarter, in every world: chips, and arithmetic [H100e]; shape (draws,) each."""

    chips: Array
    arithmetic: Array


def sold(scenario: Scenario, draws: Draws) -> Mapping[tuple[str, str], Sold]:
    """By designer and quarter ("2026-Q4"), over all quarters of the scenario's fleet.

    Raises:
        InputError: as `fleet`.
    """
    chips = fleet(scenario, draws)
    rows = [row for row in load().rows("chip_sales", ChipSalesRow) if row.vintage == chips.vintage]
    designers = {row.chip: row.designer for row in load().rows("announced", AnnouncedRow)}
    designers |= {row.chip_type: row.designer for row in rows}
    ratios = {row.chip_type: row.h100e_median / row.units_median for row in rows if row.units_median > 0.0}
    found: dict[tuple[str, str], Sold] = {}
    for member in (each for each in chips.members if np.any(each.sold > 0.0)):
        ratio = ratios[member.chip_type] if member.chip_type in ratios else peak_ratio(member.chip_type)
        for quarter, units in zip(chips.quarters, member.sold, strict=True):
            key = (designers[member.chip_type], quarter_of(quarter.start))
            before = found.get(key, Sold(np.zeros(draws.count), np.zeros(draws.count)))
            found[key] = Sold(before.chips + units, before.arithmetic + ratio * units)
    return found


def quarter_of(day: datetime.date) -> str:
    """The quarter of a day: 2026-Q4."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def of_sales(found: Mapping[tuple[str, str], Sold], quarters: Sequence[str]) -> list[Forecast]:
    """Chips and arithmetic of every designer in some quarters; of one that sells none, nothing is said."""
    lines = []
    for (designer, quarter), each in found.items():
        if quarter in quarters and np.median(each.chips) > 0.0:
            for quantity, unit, drawn in ((CHIPS, "chip", each.chips), (ARITHMETIC, "H100e", each.arithmetic)):
                p5, p50, p95 = np.quantile(drawn, POINTS).tolist()
                lines.append(Forecast(f"{quantity}: {designer}", quarter, unit, p5, p50, p95, _CARRIED))
    return lines


def of_tokens(found: Trend, series: str, date: str, per: str) -> Forecast:
    """What a series of `token_demand` will state of a date, in tokens of a period.

    Raises:
        InputError: a series that the table `demand_series` does not name, an unknown period.
    """
    known = {row.series: row for row in load().rows("demand_series", DemandSeriesRow)}
    if series not in known:
        raise unknown_name("series", series, known)
    if per not in PERIODS:
        raise unknown_name("period", per, PERIODS)
    row = known[series]
    years = year_of(span(date).middle) - found.anchor
    means, spreads = predicted(found, Statement(series, row.group, row.role, years, 0.0))
    logs = [_quantile(share, found.weights, means, spreads) for share in POINTS]
    p5, p50, p95 = (np.exp(logs) * PERIODS[per]).tolist()
    return Forecast(f"{TOKENS}: {series}", date, f"token/{per}", p5, p50, p95, _FITTED)


def has_level(series: str, said: Iterable[Statement]) -> bool:
    """Whether statements tell the level of a series: its own do, and of the world's total those of any estimate of it."""
    total = any(row.series == series and row.role == "total" for row in load().rows("demand_series", DemandSeriesRow))
    return any(each.series == series or (total and each.role == "total") for each in said)


def _quantile(share: float, weights: Array, means: Array, spreads: Array) -> float:
    """Quantile of a mixture of normals."""
    ends = (float(np.min(means - 10.0 * spreads)), float(np.max(means + 10.0 * spreads)))
    return float(optimize.brentq(lambda at: float(weights @ special.ndtr((at - means) / spreads)) - share, *ends))


# --- held against what came -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Marked:
    """A forecast beside what came: natural log of what came over the median, and the pinball loss of the logarithm.

    The loss is the mean over the three points of max(p e, (p - 1) e), e = log(came / point): 0 for a sure and right one.
    """

    inside: bool
    log_error: float
    pinball: float


def marked(p5: float, p50: float, p95: float, came: float) -> Marked:
    """Score three points against what came.

    Raises:
        InputError: a number that is not over 0, points out of order.
    """
    if not 0.0 < p5 <= p50 <= p95 or not came > 0.0:
        said = f"forecast: got {p5:g}, {p50:g}, {p95:g} against {came:g}, allowed numbers over 0, points in order"
        raise InputError(said, field="forecast")
    errors = [float(np.log(came / point)) for point in (p5, p50, p95)]
    losses = [max(share * error, (share - 1.0) * error) for share, error in zip(POINTS, errors, strict=True)]
    return Marked(p5 <= came <= p95, errors[1], float(np.mean(losses)))
