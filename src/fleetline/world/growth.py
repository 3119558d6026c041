"""Growth: stocks of arithmetic and memory bandwidth by quarter, what a fleet could serve by quarter, how fast each grew.

A factor a year over a window, in two ways: end to end, `(last / first) ** (1 / years)`, and by least squares on the
logarithm at the quarter ends inside; between quarter ends a stock is interpolated in its logarithm. The article's 3.4
(arithmetic) and 4.1 (bandwidth) are averages since 2022; of a single year other numbers are true.

What the chips could serve grows faster here than either stock: the article counts weights in FP4, in which only Blackwell
computes (an H100 then computes in bf16), so a rack gains more over older chips than its 8-bit peak says.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.catalog import load
from fleetline.catalog.load import EVERY_CHIP
from fleetline.catalog.rows import CHIP_QUANTITIES, ChipSpecRow, FactRow
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.units import DAY, YEAR
from fleetline.world.fleet import Fleet, fleet
from fleetline.world.rates import rate, way
from fleetline.world.supply import available, systems_at

YEAR_DAYS = YEAR / DAY

# stock: what of a chip adds up to it
STOCKS: Mapping[str, str] = MappingProxyType({"compute": "peak_8bit_dense", "bandwidth": "hbm_bandwidth"})


@dataclass(frozen=True)
class History:
    """What a scenario's fleet could have served at the end of each quarter, by workload.

    Attributes:
        dates: last days of the quarters.
        output_tok_s: by workload [token/s]; each shape (quarters, draws).
        incomplete: what is missing of the sales of each quarter, "" where nothing is known to be.
    """

    dates: tuple[datetime.date, ...]
    output_tok_s: Mapping[str, Array]
    incomplete: tuple[str, ...]


@dataclass(frozen=True)
class Stock:
    """All chips sold by the end of each quarter, as one quantity: `total` shape (quarters, draws), in `unit`.

    `unknown` are chips without the figure: they are in no total.
    """

    name: str
    unit: str
    dates: tuple[datetime.date, ...]
    total: Array
    incomplete: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """Factor a year of one quantity between two days, both ways; shape (draws,). `article` is the article's, or None."""

    quantity: str
    start: datetime.date
    end: datetime.date
    end_to_end: Array
    least_squares: Array
    article: float | None


def history(scenario: Scenario, draws: Draws, fleet_name: str | None = None) -> History:
    """Serving capacity by quarter: the model run on each quarter's fleet, the scenario's or the one called `fleet_name`.

    What one system serves does not depend on the quarter, so it is computed once; the fleets are drawn as for `supply`.

    Raises:
        InputError: as `supply`.
    """
    chips = fleet(scenario, draws, fleet_name)
    served = way(scenario, draws)
    systems = systems_at(chips, None)
    share = available(scenario, draws)
    return History(
        dates=_dates(chips),
        output_tok_s={
            workload: share
            * np.sum(
                [count / gpus * rate(served, system, gpus, workload).tok_s for (system, gpus), count in systems.items()],
                axis=0,
            )
            for workload in scenario.names("serving.workloads")
        },
        incomplete=tuple(quarter.incomplete for quarter in chips.quarters),
    )


def stock(scenario: Scenario, draws: Draws, name: str) -> Stock:
    """Every chip sold x what one does: `compute` (dense 8-bit arithmetic) or `bandwidth` (of memory).

    Source: chip_sales x chip_specs; as Epoch AI computes it (data insights ai-chip-production, hbm-shipped).
    """
    chips = fleet(scenario, draws, EVERY_CHIP)
    quantity = STOCKS[name]
    one, unit = _specification(quantity)
    known = [member for member in chips.members if member.chip in one]
    return Stock(
        name=name,
        unit=unit,
        dates=_dates(chips),
        total=np.sum([member.installed * one[member.chip] for member in known], axis=0),
        incomplete=tuple(quarter.incomplete for quarter in chips.quarters),
        unknown=tuple(member.chip_type for member in chips.members if member.chip not in one),
    )


def growth(scenario: Scenario, draws: Draws, windows: Sequence[tuple[datetime.date, datetime.date]] = ()) -> list[Growth]:
    """Growth of both stocks, and of what every chip sold could serve at each workload, over some windows.

    Without any, two: since the end of 2022 and over the last year, both to the scenario's day. What could be served is
    run on all chips sold: the article's own fleet begins at the end of 2024.

    Raises:
        InputError: a window outside the sales data; otherwise as `supply`.
    """
    article = _article()
    lines: list[tuple[str, Sequence[datetime.date], Array, float | None]] = []
    for name in STOCKS:
        found = stock(scenario, draws, name)
        lines.append((name, found.dates, found.total, article[name]))
    served = history(scenario, draws, EVERY_CHIP)
    lines += [
        (f"serving {workload}", served.dates, rates, article["serving"]) for workload, rates in served.output_tok_s.items()
    ]
    return [
        Growth(name, start, end, end_to_end(dates, values, start, end), least_squares(dates, values, start, end), printed)
        for start, end in windows or _windows(scenario.date("fleet.as_of"))
        for name, dates, values, printed in lines
    ]


def end_to_end(dates: Sequence[datetime.date], values: Array, start: datetime.date, end: datetime.date) -> Array:
    """Growth between the two ends of a window [factor/year]; `values` shape (dates, draws), the answer (draws,).

    Raises:
        InputError: a window that is empty or reaches outside the dates.
    """
    ends = log_at(dates, values, [start, end])
    return np.asarray(np.exp((ends[1] - ends[0]) / _years(start, end)))


def least_squares(dates: Sequence[datetime.date], values: Array, start: datetime.date, end: datetime.date) -> Array:
    """Growth by a straight line through the logarithms [factor/year] at the window's ends and every date between; (draws,).

    Raises:
        InputError: as `end_to_end`.
    """
    _years(start, end)
    inside = sorted({start, end, *(date for date in dates if start < date < end)})
    years = np.array([(date - start).days / YEAR_DAYS for date in inside])
    centred = years - years.mean()
    return np.asarray(np.exp(centred @ log_at(dates, values, inside) / np.sum(centred**2)))


def log_at(dates: Sequence[datetime.date], values: Array, days: Sequence[datetime.date]) -> Array:
    """Logarithm of a series on some days, straight between its dates; shape (days, draws).

    Raises:
        InputError: a day before the first date or after the last.
    """
    outside = [day for day in days if not dates[0] <= day <= dates[-1]]
    if outside:
        allowed = f"{dates[0]} to {dates[-1]}"
        raise InputError(
            f"window: got {outside[0]}, allowed {allowed}", field="window", got=str(outside[0]), allowed=allowed
        )
    known = np.array([date.toordinal() for date in dates], dtype=float)
    wanted = np.array([day.toordinal() for day in days], dtype=float)
    after = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    part = ((wanted - known[after - 1]) / (known[after] - known[after - 1]))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing was sold yet: minus infinity
        logs = np.log(values)
        between = (1.0 - part) * logs[after - 1] + part * logs[after]
    return np.where(part == 0.0, logs[after - 1], np.where(part == 1.0, logs[after], between))


def _years(start: datetime.date, end: datetime.date) -> float:
    if not start < end:
        raise InputError(f"window: {start} is not before {end}", field="window", got=f"{start}..{end}")
    return (end - start).days / YEAR_DAYS


def _windows(end: datetime.date) -> list[tuple[datetime.date, datetime.date]]:
    year_before = end - datetime.timedelta(days=365)
    return [(datetime.date(2022, 12, 31), end), (year_before, end)]


def _dates(chips: Fleet) -> tuple[datetime.date, ...]:
    return tuple(quarter.end for quarter in chips.quarters)


def _specification(quantity: str) -> tuple[Mapping[str, float], str]:
    """The preferred figure of every chip, and its unit."""
    rows = [row for row in load().rows("chip_specs", ChipSpecRow) if row.preferred and row.quantity == quantity]
    return {row.chip: row.si for row in rows}, CHIP_QUANTITIES[quantity]


_ARTICLE_FACTS: Mapping[str, str] = MappingProxyType(
    {
        "compute": "AI compute capacity growth (article)",
        "bandwidth": "AI chip memory bandwidth growth",
        # "well modeled as growing at 3.4x/year": the article gives serving capacity the growth of arithmetic
        "serving": "AI compute capacity growth (article)",
    }
)


def _article() -> Mapping[str, float | None]:
    """The article's factors a year, from the rows that carry them."""
    facts = {row.parameter: row.central for row in load().rows("growth_and_supply_facts", FactRow)}
    return {quantity: facts[name] for quantity, name in _ARTICLE_FACTS.items()}
