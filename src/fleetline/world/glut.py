"""The crunch's mirror: a fleet that has to be paid for whether it is asked for or not.

What a fleet costs is its owning cost: every serving chip at what a hyperscaler's hour of it costs (capital, power,
building; `tco_hyperscaler` of chip_specs). Chips whose figure is not known are taken at the mean cost of an H100-equivalent
of the others. What it earns is the revenue reported for all model developers; the load on the day made that much, so that a
full fleet would make revenue / load, and the fleet pays for itself from the utilisation cost / (revenue / load) on.

Source: ours; costs by SemiAnalysis (`tco_hyperscaler`), revenue as `growth_and_supply_facts` cites it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.catalog import load
from fleetline.catalog.rows import ChipSpecRow, FactRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world.fleet import fleet

REVENUE = "combined annualised revenue of model developers"
_REVENUE_AS_OF = "2026-07/08"  # the fact's own date, in its note: July-August 2026
_COST = "tco_hyperscaler"
_ARITHMETIC = ("peak_8bit_dense", "fp8_dense", "int8_dense", "bf16_dense")  # the first that is known


@dataclass(frozen=True)
class Owning:
    """The owning cost of the chips that serve [USD/year], shape (draws,); `guessed` share of it at the mean of the rest."""

    usd_year: Array
    guessed: Array


def owning(scenario: Scenario, draws: Draws) -> Owning:
    """What the serving chips of the scenario's day cost a year, trained-on and idle ones left out.

    Raises:
        InputError: as `fleet`.
    """
    chips = fleet(scenario, draws)
    costs, arithmetic = _figures(_COST), _arithmetic()
    known, like, unlike = np.zeros(draws.count), np.zeros(draws.count), np.zeros(draws.count)
    for member, units in zip(chips.members, chips.units(scenario.date("fleet.as_of")), strict=True):
        if not member.system:
            continue
        weight = arithmetic.get(member.chip, 0.0)
        if member.chip in costs:
            known, like = known + units * costs[member.chip], like + units * weight
        else:
            unlike = unlike + units * weight
    if not np.all(like > 0.0):
        raise InputError("glut: no chip of the fleet has an owning cost in chip_specs", field="fleet.name")
    share = _share(scenario, draws)
    guessed = known / like * unlike
    return Owning((known + guessed) * share * PERIODS["year"], guessed / (known + guessed))


def _share(scenario: Scenario, draws: Draws) -> Array:
    key = "fleet.inference_share"
    return draws.draw(key, scenario.belief(key)) if key in scenario else np.ones(draws.count)


def _figures(quantity: str) -> Mapping[str, float]:
    rows = load().rows("chip_specs", ChipSpecRow)
    return {row.chip: row.si for row in rows if row.preferred and row.quantity == quantity}


def _arithmetic() -> Mapping[str, float]:
    found: dict[str, float] = {}
    for quantity in _ARITHMETIC:
        found = dict(_figures(quantity)) | found
    return found


def revenue(day: datetime.date, growth: Array) -> Array:
    """Revenue of all model developers on a day [USD/year], from the reported one and its growth [factor/year].

    Raises:
        InputError: the table `growth_and_supply_facts` has no figure of it.
    """
    facts = {row.parameter: row for row in load().rows("growth_and_supply_facts", FactRow)}
    stated = facts[REVENUE].central
    if stated is None:
        raise InputError(f"growth_and_supply_facts.csv: no central value of {REVENUE}", field=REVENUE)
    return np.asarray(stated * growth ** (year_of(day) - year_of(span(_REVENUE_AS_OF).middle)))


def break_even(cost: Array, earned: Array, at_load: Array) -> Array:
    """The utilisation from which on a fleet pays for itself, at the price that made `earned` at a load [1]."""
    return np.asarray(cost * at_load / earned)


def under(load_by_time: Array, threshold: Array | float) -> Array:
    """Probability of a load under a threshold, by time; `load_by_time` shape (times, draws)."""
    return np.asarray(np.mean(load_by_time < threshold, axis=1))


def never_full(years: Array, load_by_time: Array, now: int, until: float) -> Array:
    """Worlds whose fleet is not full from the place `now` until a year; shape (draws,), booleans."""
    window = (np.arange(len(years)) >= now) & (years < until)
    return np.asarray(np.all(load_by_time[window] < 1.0, axis=0))


def needed(years: Array, load_by_time: Array, now: int, until: float) -> Array:
    """How many times the supply there is until a year would have to be, for the fleet never to be full; shape (draws,)."""
    window = (np.arange(len(years)) >= now) & (years < until)
    return np.asarray(load_by_time[window].max(axis=0))
