"""The chips there are: sales by quarter -> chips installed, by the system each serves in, in every world.

Error model. A sales row is a median with a 5% and a 95% point. Its score in a world is
`sqrt(r) * chip + sqrt(1 - r) * quarter`: one score for each chip, the same in all quarters, and one for each chip and
quarter, both drawn by name; r is `fleet.sales_correlation`. Every quarter's own percentiles are met exactly whatever r is;
r decides those of their sum. Held against the percentiles that Epoch AI publishes of the sums (`chip_sales_cumulative`),
r = 1 comes within 0.5% for every chip and quarter they are published for; r = 0.5 gives intervals a fifth too narrow,
r = 0 half as wide or less. Between chips the scores are independent: the sums of a designer's chips come within 20% of the
published width (AMD, Amazon, Google at the end of 2025).

Sold is taken as installed unless the scenario says how long a chip waits for a building (`fleet.lag`) and how long it
serves (`fleet.lifetime`); sales the data does not have are carried on where it says how they grow (`fleet.sales_growth`,
module `carried`); Blackwell is divided into racks and 8-GPU boards where it says so (`fleet.rack_share`).

Source: Epoch AI, chip sales (tables `chip_sales`, `chip_sales_cumulative`); the error model: ours, held against theirs.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Array, Belief, Draws, kept
from fleetline.catalog import load
from fleetline.catalog.rows import AnnouncedRow, ChipSalesRow, FleetRow, SystemRow
from fleetline.catalog.tables import data_folder
from fleetline.dates import year_of
from fleetline.errors import InputError, unknown_name
from fleetline.scenario import Assumption, Scenario
from fleetline.world.carried import Kept, Sale, carried
from fleetline.world.installed import Service, installed


@dataclass(frozen=True)
class Quarter:
    """A quarter by its first and last day; `incomplete` says what of its sales is missing, "" if nothing is known to be."""

    start: datetime.date
    end: datetime.date
    incomplete: str = ""

    def share_by(self, day: datetime.date) -> float:
        """How much of the quarter has passed at the end of `day` [1]."""
        passed = ((day - self.start).days + 1) / ((self.end - self.start).days + 1)
        return min(max(passed, 0.0), 1.0)


@dataclass(frozen=True)
class Member:
    """What one row of `fleets` counts: the chips of a sales name that serve in one system.

    Attributes:
        chip: as `chip_specs` names it.
        system: where they serve; "" where nothing of the catalog stands for them, and `note` says why.
        gpus: chips of one such system, or of the part of it that serves as one.
        sold: in each quarter; shape (quarters, draws).
    """

    chip_type: str
    chip: str
    system: str
    gpus: int
    note: str
    sold: Array

    @cached_property
    def installed(self) -> Array:
        """Chips sold by the end of each quarter; shape (quarters, draws)."""
        return np.cumsum(self.sold, axis=0)


@dataclass(frozen=True, eq=False)  # told apart by identity: what is computed of one can be kept with it
class Fleet:
    """The chips of a scenario by quarter. `outside` are sales names that the fleet does not count.

    `service` says how long chips wait and serve; without it they serve from the day they are sold.
    """

    name: str
    vintage: str
    quarters: tuple[Quarter, ...]
    members: tuple[Member, ...]
    outside: tuple[str, ...]
    service: Service | None = None

    def units(self, day: datetime.date) -> tuple[Array, ...]:
        """Chips of every member installed by the end of `day`; a quarter that is not over counts pro rata.

        Raises:
            InputError: a day before the first sale of the fleet, or after the last that the data covers.
        """
        self.check(day)
        shares = np.array([quarter.share_by(day) for quarter in self.quarters])
        if self.service is None:
            return tuple(shares @ member.sold for member in self.members)
        return tuple(installed(member.sold, shares.sum(), self.service)[0] for member in self.members)

    @property
    def installed(self) -> tuple[Array, ...]:
        """Chips of every member installed at the end of each quarter; shape (quarters, draws) each."""
        if self.service is None:
            return tuple(member.installed for member in self.members)
        ends = np.arange(1.0, len(self.quarters) + 1.0)
        return tuple(installed(member.sold, ends, self.service) for member in self.members)

    def at(self, years: Array) -> tuple[Array, ...]:
        """Chips of every member installed at some times, as years; as on its first or last day outside the sales."""
        days = [self.quarters[0].start, *(quarter.end + datetime.timedelta(days=1) for quarter in self.quarters)]
        times = np.interp(years, [year_of(day) for day in days], np.arange(len(days)))
        count = self.members[0].sold.shape[1]
        service = self.service or Service(np.zeros(count), np.full(count, np.inf))
        return tuple(installed(member.sold, times, service) for member in self.members)

    @property
    def end(self) -> float:
        """When its last quarter ends, as a year."""
        return year_of(self.quarters[-1].end + datetime.timedelta(days=1))

    def check(self, day: datetime.date) -> None:
        """Refuse a day that the sales data says nothing about, by InputError."""
        first, last = self.quarters[0].start, self.quarters[-1].end
        if first <= day <= last:
            return
        early = f"before {first}, the first sale of fleet '{self.name}'"
        late = f"after {last}, the last day that chip sales {self.vintage} cover"
        raise InputError(
            f"fleet.as_of: got {day}, {early if day < first else late}",
            field="fleet.as_of",
            got=day.isoformat(),
            allowed=f"{first} to {last}",
        )


def fleet(scenario: Scenario, draws: Draws, name: str | None = None) -> Fleet:
    """The scenario's fleet, or the one called `name`, in every world; quarters from its first sale on.

    Raises:
        InputError: an unknown fleet or vintage; a fleet none of whose chips were sold.
    """
    lines = tuple(line for line in scenario.lines("fleet.") if line.key not in _OF_CAPACITY)
    asked = _Asked(lines, draws, name, data_folder(), scenario)
    return _kept(asked) if kept(draws) else _fleet(asked)


# how much of the fleet serves, and how busy it may be: lines that `supply.available` reads, and no chip depends on
_OF_CAPACITY = frozenset({"fleet.inference_share", "fleet.busy_share", "fleet.peak_over_mean"})


@dataclass(frozen=True)
class _Asked:
    """What a fleet depends on; the scenario is where its lines are read."""

    lines: tuple[Assumption, ...]
    draws: Draws
    name: str | None
    folder: Path
    scenario: Scenario = field(compare=False)


@lru_cache(maxsize=8)
def _kept(asked: _Asked) -> Fleet:
    return _fleet(asked)


def _fleet(asked: _Asked) -> Fleet:
    scenario, draws, name = asked.scenario, asked.draws, asked.name
    named = scenario.text("fleet.name") if name is None else name
    vintage, rows = _sales_rows(scenario.text("fleet.vintage"))
    listed = _fleet_rows(named)
    counted = [row for row in rows if any(each.counts(row) for each in listed)]
    mine = [each for each in listed if any(each.counts(row) for row in counted)]
    if not counted:
        raise InputError(f"fleet.name: nothing of '{named}' is in chip sales {vintage}", field="fleet.name", got=named)
    sold = _sold(scenario, draws, counted)
    sales = Kept([Sale(row, sold[row.chip_type, row.start_date]) for row in counted])
    if CARRIED in scenario and name is None:
        sales = carried(scenario, draws, sales, _announced(sales, named))
    quarters = _quarters([sale.row for sale in sales.sales], sales.carried)
    found = tuple(_member(each, quarters, sales.sales, draws.count) for each in [*mine, *sales.announced])
    return Fleet(
        name=named,
        vintage=vintage,
        quarters=quarters,
        members=_on_boards(scenario, draws, found) if RACKS in scenario else found,
        outside=tuple(sorted({row.chip_type for row in rows} - {row.chip_type for row in counted})),
        service=_service(scenario, draws),
    )


CARRIED, RACKS = "fleet.sales_growth", "fleet.rack_share"


def _announced(sales: Kept, fleet: str) -> list[FleetRow]:
    """The chips that are announced by designers of the fleet, as members of it."""
    designers = {sale.row.designer for sale in sales.sales}
    return [
        FleetRow(
            fleet=fleet,
            chip_type=row.chip,
            chip=row.chip,
            system=row.system,
            gpus=row.gpus,
            note=row.note,
            source=row.source,
        )
        for row in load().rows("announced", AnnouncedRow)
        if row.designer in designers
    ]


def _service(scenario: Scenario, draws: Draws) -> Service | None:
    """How long chips wait and serve, in quarters; None where the scenario has them serve from the day they are sold."""
    keys = ("fleet.lag", "fleet.lifetime")
    if not any(key in scenario for key in keys):
        return None
    lag, lifetime = (
        draws.draw(key, scenario.belief(key)) * _QUARTERS if key in scenario else np.full(draws.count, nothing)
        for key, nothing in zip(keys, (0.0, np.inf), strict=True)
    )
    return Service(lag, lifetime)


_QUARTERS = 4.0  # a year


def _on_boards(scenario: Scenario, draws: Draws, members: Sequence[Member]) -> tuple[Member, ...]:
    """Racks whose chip is also sold on 8-GPU boards, divided between both."""
    racks = draws.draw(RACKS, scenario.belief(RACKS))
    boards = {row.system: row.board for row in load().rows("systems", SystemRow) if row.board}
    found = []
    for member in members:
        if member.system not in boards:
            found.append(member)
            continue
        board = load().systems[boards[member.system]]
        found.append(replace(member, sold=racks * member.sold))
        found.append(
            replace(member, chip=board.chip.name, system=board.name, gpus=int(board.gpus), sold=(1.0 - racks) * member.sold)
        )
    return tuple(found)


def _sales_rows(wanted: str) -> tuple[str, list[ChipSalesRow]]:
    """The vintage whose name begins with `wanted`, and its rows."""
    rows = load().rows("chip_sales", ChipSalesRow)
    known = sorted({row.vintage for row in rows})
    found = [vintage for vintage in known if vintage.startswith(wanted)]
    if len(found) != 1:
        raise InputError(
            f"fleet.vintage: got '{wanted}'; known: {', '.join(known)}", field="fleet.vintage", got=wanted, allowed=known
        )
    return found[0], [row for row in rows if row.vintage == found[0]]


def _fleet_rows(name: str) -> list[FleetRow]:
    rows = load().rows("fleets", FleetRow)
    if name not in {row.fleet for row in rows}:
        raise unknown_name("fleet", name, {row.fleet for row in rows}, field="fleet.name")
    return [row for row in rows if row.fleet == name]


def _sold(scenario: Scenario, draws: Draws, rows: Sequence[ChipSalesRow]) -> Mapping[tuple[str, str], Array]:
    """Chips sold by name and quarter's first day; each shape (draws,)."""
    r = draws.draw("fleet.sales_correlation", scenario.belief("fleet.sales_correlation"))
    scores = {chip: np.sqrt(r) * draws.scores(f"sales {chip}") for chip in sorted({row.chip_type for row in rows})}
    apart = np.sqrt(1.0 - r)
    own = {
        (row.chip_type, row.start_date): draws.scores(f"sales {row.chip_type} {row.start_date}") if apart.any() else 0.0
        for row in rows
    }
    return {
        (chip, start): _belief(row).at(scores[chip] + apart * own[chip, start]).clip(min=0.0)
        for row in rows
        for chip, start in [(row.chip_type, row.start_date)]
    }


def _belief(row: ChipSalesRow) -> Belief:
    # a quarter that may have sold none has no logarithm
    return Belief(row.units_median, row.units_p5, row.units_p95, "log" if row.units_p5 > 0.0 else "linear")


def _member(row: FleetRow, quarters: Sequence[Quarter], sales: Sequence[Sale], count: int) -> Member:
    catalog = load()
    units = np.zeros((len(quarters), count))
    place = {quarter.start.isoformat(): index for index, quarter in enumerate(quarters)}
    for sale in sales:
        if row.counts(sale.row):
            units[place[sale.row.start_date]] += row.share * sale.units
    return Member(
        chip_type=row.chip_type,
        chip=row.chip or catalog.systems[row.system or ""].chip.name,
        system=row.system or "",
        gpus=row.gpus or (int(catalog.systems[row.system].gpus) if row.system else 1),
        note=row.note or "",
        sold=units,
    )


def _quarters(rows: Sequence[ChipSalesRow], carried_on: Mapping[str, Sequence[str]]) -> tuple[Quarter, ...]:
    """Every quarter from the first sale to the last, with what is missing in it, or carried on."""
    missing = _missing(rows)
    return tuple(
        Quarter(
            datetime.date.fromisoformat(start),
            datetime.date.fromisoformat(end),
            f"carried on: {', '.join(carried_on[start])}" if start in carried_on else "; ".join(missing[start]),
        )
        for start, end in sorted({(row.start_date, row.end_date) for row in rows})
    )


def _missing(rows: Sequence[ChipSalesRow]) -> Mapping[str, list[str]]:
    """By quarter: chips whose row says it is incomplete or that pause, designers whose rows have ended."""
    starts = sorted({row.start_date for row in rows})
    missing: dict[str, list[str]] = {start: [] for start in starts}
    for chip in sorted({row.chip_type for row in rows}):
        own = {row.start_date: row for row in rows if row.chip_type == chip}
        for start in starts:
            if start in own and own[start].incomplete:
                missing[start].append(f"{chip}: part of the quarter")
            elif start not in own and min(own) < start < max(own):
                missing[start].append(f"{chip}: no row")
    for designer in sorted({row.designer for row in rows}):
        last = max(row.start_date for row in rows if row.designer == designer)
        for start in starts:
            if start > last:
                missing[start].append(f"{designer}: no rows")
    return MappingProxyType(missing)
