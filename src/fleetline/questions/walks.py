"""The question `compare`, by two scenarios: what moved the answer, assumption by assumption.

The measure is the load on the second scenario's day: demand over supply, with every quantity at its median, and the median
date of passing. One walks from the first scenario to the second and changes one assumption after another, in the order of
`BLOCKS`; what only makes sense together is one step. A step's effect depends on what was changed before it, so beside each
stands its effect alone, on the first scenario; what the effects alone leave of the whole is interaction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Median, Worlds
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.questions.worlds import scenario_of, worlds
from fleetline.scenario import KEYS, Scenario
from fleetline.world.crossover import Crossover, passing, summary
from fleetline.world.crunch import sides
from fleetline.world.load import load_of
from fleetline.world.mix import has_mix

DRAWS = 500

# steps in their order, each with the beginnings of its keys; a key in none is a step of its own, after these
BLOCKS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "sales: edition, day, chips counted, carried on": (
            "fleet.name",
            "fleet.vintage",
            "fleet.as_of",
            "fleet.sales",
            "fleet.carried_until",
        ),
        "chips wait for a building": ("fleet.lag",),
        "chips are retired": ("fleet.lifetime",),
        "Blackwell on 8-GPU boards": ("fleet.rack_share",),
        "training takes its share": ("fleet.inference_share",),
        "headroom and the day's peak": ("fleet.busy_share", "fleet.peak_over_mean"),
        "rates: best configuration by measured kernels": ("serving.preset", "serving.schedule", "serving.speculative"),
        "rates: reached in measured runs": ("serving.reached",),
        "rates: by the fit of all runs": ("serving.rates_by", "serving.practice"),
        "who asks": ("demand.",),
        "growth of demand": ("growth.model", "growth.half_life", "growth.series", "growth.demand", "growth.known_by"),
        "growth of supply": ("growth.supply",),
        "software and cheaper models": ("growth.efficiency",),
        "tiers and shapes in the place of one model and request": ("mix.",),
    }
)
AFTER = "market."  # what a market makes of a load does not move the load
_TOGETHER = ("who asks", "growth of demand")  # a world's total needs its growth model


@dataclass(frozen=True)
class Step:
    """One change: `load` after it, its factor on the load in the walk and alone; supply and demand [output token/s]."""

    step: str
    keys: Sequence[str]
    load: float
    factor: float
    factor_alone: float | None
    supply_tok_s: float
    demand_tok_s: float
    crossover_p50: str


@dataclass(frozen=True)
class Walk:
    """From one scenario to another. `rest_factor` is what the effects alone leave of the whole: interactions.

    Supply and demand are in output tokens of the scenario's model at its first workload.
    """

    first: str
    second: str
    changed_lines: Sequence[str]
    day: str
    draws: int
    seed: int
    order: str
    steps: Sequence[Step]
    rest_factor: float


ORDER = "sales, chips, rates, then demand, growth, efficiency, mix; each step upon those before it"


def compare(
    first: str | Path | Scenario = "article",
    second: str | Path | Scenario = "today",
    settings: Iterable[str] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Walk:
    """What moved the answer between two scenarios.

    Args:
        first, second: names, TOML files, or scenarios that were read before.
        settings: lines to change in the second.
        draws: worlds for the dates; the loads are of the median world. seed: of the draws.

    Raises:
        InputError: a scenario that does not hold.
    """
    start, end = scenario_of(first), scenario_of(second, settings)
    drawn = worlds(draws, seed)
    day = year_of(max(start.date("fleet.as_of"), end.date("fleet.as_of")))
    blocks = _blocks(start, end)
    here = _measured(start, day)
    steps = [Step(start.name, (), here.load, 1.0, None, here.supply, here.demand, _median(start, drawn))]
    now = start
    backwards = has_mix(start) and not has_mix(end)  # a mix is taken away first, as it is put on last
    for name, keys in reversed(blocks.items()) if backwards else blocks.items():
        now = _moved(now, end, keys)
        found, alone = _measured(now, day), _alone(start, end, keys, day)
        factor = found.load / here.load
        steps.append(
            Step(
                name,
                keys,
                found.load,
                factor,
                None if alone is None else alone / steps[0].load,
                found.supply,
                found.demand,
                _median(now, drawn),
            )
        )
        here = found
    whole = steps[-1].load / steps[0].load
    alone_all = math.prod(each.factor_alone if each.factor_alone is not None else each.factor for each in steps[1:])
    order = f"backwards: {ORDER}" if backwards else ORDER
    return Walk(
        start.name,
        end.name,
        end.changed,
        end.text("fleet.as_of"),
        draws,
        seed,
        order,
        steps,
        whole / alone_all if steps[1:] else 1.0,
    )


@dataclass(frozen=True)
class Measured:
    """Supply and demand on a day in the median world [output token/s]."""

    supply: float
    demand: float

    @property
    def load(self) -> float:
        """Demand over supply."""
        return self.demand / self.supply


def _measured(scenario: Scenario, day: float) -> Measured:
    if has_mix(scenario):
        found = load_of(scenario, Median())
        place = int(np.argmin(np.abs(found.years - day)))
        return Measured(float(found.supply[place, 0]), float(found.demand[place, 0]))
    side = sides(scenario, Median())[0]
    return Measured(float(side.supply_at([day])[0, 0]), float(side.demand_at([day])[0, 0]))


def crossing(scenario: Scenario, draws: Worlds) -> Crossover:
    """When the mix passes supply, or where there is none the first workload."""
    if has_mix(scenario):
        found = load_of(scenario, draws)
        return passing(found.years, found.total, found.now)
    return sides(scenario, draws)[0].crossover()


def _median(scenario: Scenario, draws: Worlds) -> str:
    return summary(crossing(scenario, draws)).crossover["p50"]


def _alone(start: Scenario, end: Scenario, keys: Sequence[str], day: float) -> float | None:
    """The load with one step alone; None where it says nothing without the others (a shape without a mix, say)."""
    try:
        return _measured(_moved(start, end, keys), day).load
    except InputError:
        return None


def _moved(now: Scenario, end: Scenario, keys: Sequence[str]) -> Scenario:
    """A scenario with some lines as in another."""
    lines = {key: line for key, line in now.assumptions.items() if key not in keys}
    lines |= {key: end.assumptions[key] for key in keys if key in end}
    return replace(now, name=end.name, assumptions=MappingProxyType({key: lines[key] for key in KEYS if key in lines}))


def _blocks(start: Scenario, end: Scenario) -> dict[str, list[str]]:
    """The lines that differ, by step."""
    differing = [key for key in KEYS if not key.startswith(AFTER) and _said(start, key) != _said(end, key)]
    found: dict[str, list[str]] = {}
    for name, beginnings in BLOCKS.items():
        keys = [key for key in differing if key.startswith(tuple(beginnings))]
        keys = [key for key in keys if key not in {each for known in found.values() for each in known}]
        if keys:
            found[name] = keys
    if any(key.startswith("demand.proxy") for key in differing) and all(name in found for name in _TOGETHER):
        found[_TOGETHER[0] + ", and its growth"] = found.pop(_TOGETHER[0]) + found.pop(_TOGETHER[1])
    known = {key for keys in found.values() for key in keys}
    order = [*BLOCKS, *(key for key in differing if key not in known)]
    found |= {key: [key] for key in differing if key not in known}
    return {name: found[name] for name in sorted(found, key=lambda name: _place(order, name))}


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else order.index(_TOGETHER[0])


def _said(scenario: Scenario, key: str) -> object:
    if key not in scenario:
        return None
    line = scenario.assumptions[key]
    return line.value, line.low, line.high
