"""How supply goes on after the chips that are known: more of them, and cheaper tokens of the same; both slow down alike.

Source: article, section The present and future of inference (growth at fixed model and context); slowing down: ours.
"""

from __future__ import annotations

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.world.trend import CONSTANT, slowed

EFFICIENCY, IN, HALF_LIFE = "growth.efficiency", "growth.efficiency_in", "growth.supply_half_life"


def chips_after(scenario: Scenario, draws: Draws, years: Array, end: float) -> Array:
    """Serving capacity at some years over that at the `end` of known sales, 1 before it; shape (years, draws)."""
    growth = draws.draw("growth.supply", scenario.belief("growth.supply"))
    return np.asarray(growth ** slowed(np.maximum(years - end, 0.0)[:, None], _half_life(scenario, draws)))


def cheaper(scenario: Scenario, draws: Draws, years: Array) -> Array:
    """Tokens from the same chips at some years over those on the scenario's day, apart from chips; (years, draws).

    Before the day it is below one: what is served now was dearer then.
    """
    if EFFICIENCY not in scenario:
        return np.ones((len(years), draws.count))
    growth = draws.draw(EFFICIENCY, scenario.belief(EFFICIENCY))
    away = years - year_of(scenario.date("fleet.as_of"))
    return np.asarray(growth ** slowed(away[:, None], _half_life(scenario, draws)))


def in_both(scenario: Scenario) -> bool:
    """Whether the fall of the cost of a token is shown in supply (and stays in demand), or is taken out of both.

    Raises:
        InputError: the scenario says neither of the two.
    """
    said = scenario.text(IN) if IN in scenario else "both"
    if said not in {"both", "neither"}:
        raise InputError(f"{IN}: got '{said}', allowed both or neither", field=IN, got=said)
    return said == "both"


def _half_life(scenario: Scenario, draws: Draws) -> Array:
    if HALF_LIFE not in scenario:
        return np.full(draws.count, CONSTANT)
    return draws.draw(HALF_LIFE, scenario.belief(HALF_LIFE))
