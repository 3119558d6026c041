"""Energy of the chips: rated power of a fleet, what its sites draw, and published totals to hold it against.

* All-in power of a chip: the chip with its share of host and network (`all_in_power` of `chip_specs`); where that is not
  known, its rated power (`tdp`) times the median ratio of the two over the chips that have both.
* Site at its peak: all-in power x 1.4 for cooling and conversion. On average it draws a share of that.
* Sold is not installed: chips wait for a building. The totals of electricity take that off by `energy_facts`, whatever the
  scenario says; a fleet's own power is that of the chips the scenario has installed.
* The energy of tokens is that of the hours that serve requests (`supply.available`): not training, not idle ones.

Source: ours, derived above; the factors and their sources in the table `energy_facts`.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Array, Belief, Draws
from fleetline.catalog import load
from fleetline.catalog.load import EVERY_CHIP
from fleetline.catalog.rows import ChipSalesCumulativeRow, ChipSpecRow, ParameterRow
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.units import HOUR, YEAR
from fleetline.world.fleet import Fleet, fleet

OVERHEAD = "facility power over all-in power of chips"
LOAD = "average draw over rated power"
INSTALLED = "installed share of AI chips sold"
HOURS_PER_YEAR = YEAR / HOUR


def fact(name: str) -> ParameterRow:
    """A row of `energy_facts`.

    Raises:
        InputError: no such row.
    """
    for row in load().rows("energy_facts", ParameterRow):
        if row.parameter == name:
            return row
    raise InputError(f"energy_facts.csv: no row of '{name}'", field="energy_facts.csv", got=name)


def central(name: str) -> float:
    """The central value of a row of `energy_facts`.

    Raises:
        InputError: no such row, or one that gives an interval alone.
    """
    value = fact(name).central
    if value is None:
        raise InputError(f"energy_facts.csv: '{name}' has no central value", field="energy_facts.csv", got=name)
    return value


def drawn(draws: Draws, name: str, scale: str) -> Array:
    """A factor of `energy_facts` in every world, one draw wherever it is used; shape (draws,)."""
    row, value = fact(name), central(name)
    return draws.draw(f"energy {name}", Belief(value, row.low or value, row.high or value, scale))


@dataclass(frozen=True)
class ChipPower:
    """Of one chip: rated [W], all-in [W], and whether the second is known or derived from the first."""

    rated: float
    all_in: float
    derived: bool


def chip_powers() -> Mapping[str, ChipPower]:
    """Power of every chip whose rated power is known."""
    known: dict[str, dict[str, float]] = {}
    for row in load().rows("chip_specs", ChipSpecRow):
        if row.preferred and row.quantity in {"tdp", "all_in_power"}:
            known.setdefault(row.chip, {})[row.quantity] = row.si
    ratio = float(np.median([each["all_in_power"] / each["tdp"] for each in known.values() if len(each) == 2]))
    return MappingProxyType(
        {
            chip: ChipPower(each["tdp"], each.get("all_in_power", ratio * each["tdp"]), "all_in_power" not in each)
            for chip, each in known.items()
            if "tdp" in each
        }
    )


@dataclass(frozen=True)
class MemberPower:
    """The chips of one sales name and system; `count` of shape (draws,)."""

    chip: str
    system: str
    count: Array
    power: ChipPower | None


@dataclass(frozen=True)
class FleetPower:
    """A fleet on a day. Powers in W, shape (draws,); a chip whose power is not known draws none and is in `unknown`."""

    day: datetime.date
    members: tuple[MemberPower, ...]

    @cached_property
    def rated(self) -> Array:
        """Of the chips alone [W]."""
        return np.asarray(np.sum([each.count * each.power.rated for each in self.members if each.power], axis=0))

    @cached_property
    def all_in(self) -> Array:
        """With host and network [W]."""
        return np.asarray(np.sum([each.count * each.power.all_in for each in self.members if each.power], axis=0))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Chips whose rated power nobody states."""
        return tuple(each.chip for each in self.members if each.power is None)


def fleet_power(chips: Fleet, day: datetime.date) -> FleetPower:
    """Power of a fleet's chips on a day.

    Raises:
        InputError: a day that the sales data does not cover.
    """
    powers = chip_powers()
    members = zip(chips.members, chips.units(day), strict=True)
    return FleetPower(
        day, tuple(MemberPower(each.chip, each.system, count, powers.get(each.chip)) for each, count in members)
    )


def site_peak(power: FleetPower, draws: Draws) -> Array:
    """What the fleet's sites draw at their peak [W]; shape (draws,)."""
    return power.all_in * drawn(draws, OVERHEAD, "log")


def site_average(power: FleetPower, draws: Draws) -> Array:
    """What they draw on average while every chip is in use [W]; shape (draws,)."""
    return site_peak(power, draws) * drawn(draws, LOAD, "log-odds")


def electricity(chips: Fleet, year: int, draws: Draws) -> Array:
    """What the sites of the chips that are installed take in a year [Wh]; shape (draws,).

    The mean over the year's quarters of the average draw at their ends, first and last counted half.
    """
    days = [datetime.date(year - 1, 12, 31), *(datetime.date(year, month, day) for month, day in _QUARTER_ENDS)]
    each = np.array([site_average(fleet_power(chips, day), draws) for day in days])
    mean = np.trapezoid(each, axis=0) / len(_QUARTER_ENDS)
    return np.asarray(mean * drawn(draws, INSTALLED, "log-odds") * HOURS_PER_YEAR)


_QUARTER_ENDS = ((3, 31), (6, 30), (9, 30), (12, 31))


@dataclass(frozen=True)
class Check:
    """A published figure beside ours, in `unit`; `ours` of shape (draws,)."""

    what: str
    published: float
    ours: Array
    unit: str
    date: str
    source: str
    note: str


END_2025 = datetime.date(2025, 12, 31)


def checks(scenario: Scenario, draws: Draws) -> list[Check]:
    """The power of every chip sold, whatever fleet the scenario takes, against figures others published.

    Raises:
        InputError: the scenario's sales edition does not reach the end of 2025.
    """
    # sold, whatever the scenario says of waits: the published totals are of chips sold, or have their own share installed
    every = replace(fleet(scenario, draws, EVERY_CHIP), service=None)
    now = fleet_power(every, END_2025)
    peak = site_peak(now, draws)
    epoch_w, h100e = _published_chips()
    of_all, of_openai = fact("power for all AI chips sold by the end of 2025"), fact("power of OpenAI at the end of 2025")
    openai_w = central(of_openai.parameter) * 1e9 / central("H100 equivalents of OpenAI at the end of 2025")
    year = {each: electricity(every, each, draws) for each in (2024, 2025)}
    all_centres, grew = (
        fact("electricity of all data centres in 2024"),
        fact("growth of all data centres' electricity in 2025"),
    )
    total = central(all_centres.parameter) * central(grew.parameter)
    ai = fact("growth of AI data centres' electricity in 2025")
    sold = f"Epoch AI chip sales, {_EDITION}, table chip_sales_cumulative"
    end = END_2025.isoformat()
    return [
        Check("rated power of all AI chips sold", epoch_w / 1e9, now.rated / 1e9, "GW", end, sold, "chips alone"),
        _check(of_all, peak / 1e9, end, "peak of the sites"),
        Check(
            "site power of an H100 equivalent", openai_w, peak / h100e, "W", end, of_openai.source,
            "OpenAI's power over its compute, against all chips sold: newer chips need less for the same",
        ),
        Check(
            "electricity of AI chips in 2025, against all data centres", total, year[2025] / 1e12, "TWh/year", "2025",
            f"{all_centres.source}; {grew.source}", "must be well below 1: other computing is in the published total",
        ),
        _check(ai, year[2025] / year[2024], "2025", "ours counts every AI chip installed"),
    ]  # fmt: skip


def _check(row: ParameterRow, ours: Array, date: str, note: str) -> Check:
    return Check(row.parameter, central(row.parameter), ours, row.unit, date, row.source, note)


_EDITION = "2026-09-24"


def _published_chips() -> tuple[float, float]:
    """Rated power [W] and H100 equivalents of all chips sold by the end of 2025, each maker's own total."""
    rows = [
        row
        for row in load().rows("chip_sales_cumulative", ChipSalesCumulativeRow)
        if (row.vintage[:10], row.chip_type, row.end_date) == (_EDITION, "ALL", END_2025.isoformat())
    ]
    return sum((row.power_mw_median or 0.0) * 1e6 for row in rows), sum(row.h100e_median for row in rows)
