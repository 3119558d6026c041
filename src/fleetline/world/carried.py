"""Sales that the data does not have, carried on: designers whose rows have ended, quarters known in part, quarters to come.

Each designer's sales, counted in arithmetic (H100-equivalents, dense 8-bit), grow from its last whole quarter by a factor a
year, one draw a designer that correlates with the others'. A partial row is a floor. Announced chips enter from their date:
their share of the designer's arithmetic rises in a straight line to its full value in a year, and the chips before keep the
rest in their old proportions.

Source: ours; last quarters by Epoch AI (table `chip_sales`), chips to come by their makers (table `announced`).
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.catalog import load
from fleetline.catalog.rows import AnnouncedRow, ChipSalesRow, ChipSpecRow, FleetRow
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario

GROWTH, TOGETHER, UNTIL = "fleet.sales_growth", "fleet.sales_growth_correlation", "fleet.carried_until"
_RAMP_YEARS = (
    1.0  # guess: from the first sale of a chip to its full share; B300 had 86% of Blackwell after a year (chip_sales)
)
_H100 = "H100 SXM"


@dataclass(frozen=True)
class Sale:
    """The chips of one row in every world, shape (draws,); a carried sale has a row of its own."""

    row: ChipSalesRow
    units: Array


@dataclass(frozen=True)
class Kept:
    """All sales; `carried` says of which designers and in which quarter they are carried on; announced chips' rows."""

    sales: Sequence[Sale]
    carried: Mapping[str, Sequence[str]] = field(default_factory=dict)
    announced: Sequence[FleetRow] = ()


def carried(scenario: Scenario, draws: Draws, kept: Kept, announced: Sequence[FleetRow]) -> Kept:
    """The sales with every designer's carried on until `fleet.carried_until`, the scenario's day without.

    Raises:
        InputError: a day before the end of the data.
    """
    until = scenario.date(UNTIL if UNTIL in scenario else "fleet.as_of")
    first = max(sale.row.start_date for sale in kept.sales)
    if until.isoformat() < first:
        raise InputError(f"{UNTIL}: got {until}, before the last quarter of the data, {first}", field=UNTIL, got=str(until))
    sales = {(sale.row.chip_type, sale.row.start_date): sale for sale in kept.sales}
    said: dict[str, list[str]] = {}
    for designer in sorted({sale.row.designer for sale in kept.sales}):
        mine = [sale for sale in kept.sales if sale.row.designer == designer]
        for sale in _of_designer(designer, mine, _growth(scenario, draws, designer), until):
            key = (sale.row.chip_type, sale.row.start_date)
            partial = sales[key].units if key in sales else 0.0
            sales[key] = Sale(sale.row, np.maximum(sale.units, partial))
            if designer not in said.setdefault(sale.row.start_date, []):
                said[sale.row.start_date].append(designer)
    return Kept(list(sales.values()), said, announced)


def _growth(scenario: Scenario, draws: Draws, designer: str) -> Array:
    """Growth of a designer's sales [factor/year]: one part of the score is everybody's, one its own."""
    together = scenario.number(TOGETHER) if TOGETHER in scenario else 0.0
    score = np.sqrt(together) * draws.scores("sales growth") + np.sqrt(1.0 - together) * draws.scores(
        f"sales growth {designer}"
    )
    return scenario.belief(GROWTH).at(score)


def _of_designer(designer: str, sales: Sequence[Sale], growth: Array, until: datetime.date) -> Iterable[Sale]:
    """One designer's sales after its last whole quarter."""
    whole = max(sale.row.start_date for sale in sales if not sale.row.incomplete)
    last = [sale for sale in sales if sale.row.start_date == whole]
    arithmetic = np.sum([sale.units * _h100e(sale.row) for sale in last], axis=0)
    coming = [row for row in load().rows("announced", AnnouncedRow) if row.designer == designer and row.system]
    begun = datetime.date.fromisoformat(whole)
    for start in _quarters_after(begun, until):
        grown = growth ** (year_of(start) - year_of(begun))
        shares = {row.chip: row.share * _ramp(start, row.from_day) for row in coming}
        old = 1.0 - sum(shares.values())
        yield from (Sale(_row(last[0].row, sale.row.chip_type, start), sale.units * grown * old) for sale in last)
        for chip, share in shares.items():
            if share > 0.0:
                yield Sale(_row(last[0].row, chip, start), arithmetic * grown * share / peak_ratio(chip))


def _h100e(row: ChipSalesRow) -> float:
    """H100-equivalents of one chip of a row."""
    return row.h100e_median / row.units_median


def peak_ratio(chip: str) -> float:
    """A chip's dense 8-bit arithmetic over an H100's [1]: what one H100-equivalent is to Epoch AI.

    Raises:
        InputError: no peak of the chip is known.
    """
    peaks = {row.chip: row.si for row in load().rows("chip_specs", ChipSpecRow) if row.preferred and row.quantity == _PEAK}
    if chip not in peaks:
        raise InputError(f"announced.csv: {chip} has no {_PEAK} in chip_specs", field="announced.csv", got=chip)
    return peaks[chip] / peaks[_H100]


_PEAK = "peak_8bit_dense"


def _ramp(quarter: datetime.date, from_day: str) -> float:
    """How much of its full share an announced chip has in the middle of a quarter [1]."""
    middle = year_of(quarter) + 0.125
    return min(max((middle - year_of(datetime.date.fromisoformat(from_day))) / _RAMP_YEARS, 0.0), 1.0)


def _quarters_after(start: datetime.date, until: datetime.date) -> Iterable[datetime.date]:
    """First days of the quarters after that of `start`, to that of `until`."""
    year, month = start.year, start.month
    while True:
        year, month = (year + 1, 1) if month == 10 else (year, month + 3)
        if datetime.date(year, month, 1) > until:
            return
        yield datetime.date(year, month, 1)


def _row(like: ChipSalesRow, chip: str, start: datetime.date) -> ChipSalesRow:
    """A row for a sale that no source knows: its dates and names; its numbers are in the worlds, not here."""
    last = datetime.date(start.year, start.month + 2, calendar.monthrange(start.year, start.month + 2)[1])
    changed = {"chip_type": chip, "start_date": start.isoformat(), "end_date": last.isoformat(), "incomplete": True}
    nothing = dict.fromkeys(("units_p5", "units_median", "units_p95", "h100e_p5", "h100e_median", "h100e_p95"), 0.0)
    return like.model_copy(update=changed | nothing | {"source": "carried on", "note": None})
