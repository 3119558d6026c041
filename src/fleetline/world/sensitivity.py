"""Which assumptions decide the answer: Sobol' indices over everything that is drawn, and one assumption moved at a time.

Every quantity of a scenario is drawn by its name from a standard normal score, so a table of scores by name is a world and
the answer is a function of it. Names that are one assumption together (the sales of every chip; what is reached on every
system) are moved together, as one group.

Sobol' indices. The first-order index of a group is the share of the answer's variance that goes when the group is known;
the total index is the share that stays while everything but the group is known, its interactions included. Two tables A and
B of n worlds come from one scrambled Sobol' sequence; AB is A with a group's columns from B.

Source: Saltelli et al., Computer Physics Communications 181 (2010) 259, table 2 (b) and (f), by
`scipy.stats.sobol_indices`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import special
from scipy.stats import qmc, sobol_indices

from fleetline.beliefs import Z95, Array, Belief
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.world.crossover import Crossover, passing
from fleetline.world.crunch import sides
from fleetline.world.load import load_of
from fleetline.world.mix import has_mix

# beginnings of names that are drawn for each chip, designer, system or model, and the assumption they are
TOGETHER: Mapping[str, str] = {
    "sales growth": "fleet.sales_growth",
    "sales ": "chip sales",
    "reached": "serving.reached_by",
    "fit of runs": "serving.rates_by",
}


@dataclass(frozen=True)
class Scored:
    """Worlds whose scores are given by name, shape (count,) each; every other quantity is at its median."""

    count: int
    given: Mapping[str, Array]

    def scores(self, name: str) -> Array:
        """As given, or the median's."""
        return self.given.get(name, np.zeros(self.count))

    def draw(self, name: str, belief: Belief) -> Array:
        """The quantity in every world."""
        return belief.at(self.scores(name))


@dataclass(frozen=True)
class Asked:
    """The median world, which notes the name of every uncertain quantity that is asked for."""

    names: dict[str, None] = field(default_factory=dict)
    count: int = 1

    def scores(self, name: str) -> Array:
        """The median's."""
        self.names[name] = None
        return np.zeros(1)

    def draw(self, name: str, belief: Belief) -> Array:
        """The quantity's median; one that is certain is not noted."""
        return belief.at(np.zeros(1) if belief.certain else self.scores(name))


Groups = Mapping[str, Sequence[str]]  # an assumption, and the names it is drawn by


def groups_of(names: Sequence[str]) -> dict[str, list[str]]:
    """The names of draws by the assumption they belong to, in the order of asking."""
    found: dict[str, list[str]] = {}
    for name in names:
        group = next((group for beginning, group in TOGETHER.items() if name.startswith(beginning)), name)
        found.setdefault(group, []).append(name)
    return found


@dataclass(frozen=True)
class Indices:
    """Shares of variance: `first` and `total`, shape (answers, groups)."""

    first: Array
    total: Array


def indices(answer: Callable[[Scored], Array], groups: Groups, points: int, seed: int) -> Indices:
    """Sobol' indices of each group of names.

    Args:
        answer: worlds -> finite numbers, shape (answers, worlds).
        groups: names of independent standard normal scores.
        points: rows of A and B, a power of 2; the answer is asked for points x (groups + 2) worlds.
        seed: of the scrambling.

    Raises:
        ValueError: points that are no power of 2, an answer that is not finite.
    """
    if points < 2 or points & (points - 1):
        raise ValueError(f"points: got {points}, allowed a power of 2 from 2 on")
    names = [name for group in groups.values() for name in group]
    uniform = qmc.Sobol(2 * len(names), scramble=True, rng=seed).random(points)
    scores = special.ndtri(np.clip(uniform, np.finfo(float).eps, 1.0 - np.finfo(float).eps)).T
    first, second = (dict(zip(names, half, strict=True)) for half in (scores[: len(names)], scores[len(names) :]))
    of_first, of_second = (_finite(answer(Scored(points, half))) for half in (first, second))
    mixed = [
        _finite(answer(Scored(points, {**first, **{name: second[name] for name in group}}))) for group in groups.values()
    ]
    found = sobol_indices(func={"f_A": of_first, "f_B": of_second, "f_AB": np.array(mixed)}, n=points)
    shape = (-1, len(groups))  # SciPy leaves out the axis of a single answer
    return Indices(np.reshape(found.first_order, shape), np.reshape(found.total_order, shape))


def _finite(values: Array) -> Array:
    if not np.all(np.isfinite(values)):
        raise ValueError("answer: got a value that is not finite")
    return values


def swings(answer: Callable[[Scored], Array], groups: Groups, points: int, seed: int) -> Array:
    """The answer with each group at its 5% and at its 95%, everything else at its median; shape (2, answers, groups).

    A group of one name has such points; of several independent names the answer has: 5% and 95% of the answer while they
    alone are drawn, which for one name that moves the answer one way is the same.
    """
    found = []
    for names in groups.values():
        if len(names) == 1:
            ends = answer(Scored(2, {names[0]: np.array([-Z95, Z95])}))
        else:
            uniform = qmc.Sobol(len(names), scramble=True, rng=seed).random(points).T
            drawn = answer(Scored(points, dict(zip(names, special.ndtri(uniform), strict=True))))
            ends = np.quantile(drawn, [0.05, 0.95], axis=1).T
        found.append(ends.T)
    return np.array(found).transpose(1, 2, 0)


@dataclass(frozen=True)
class Gap:
    """What is asked of a scenario in some worlds: log of demand over supply at its times, and when that passes 0."""

    years: Array
    log_load: Array
    crossing: Crossover

    def at(self, year: float) -> Array:
        """Log of demand over supply at a year, straight between the times; never cut off. Shape (draws,)."""
        after = int(np.clip(np.searchsorted(self.years, year), 1, len(self.years) - 1))
        part = (year - self.years[after - 1]) / (self.years[after] - self.years[after - 1])
        return np.asarray((1.0 - part) * self.log_load[after - 1] + part * self.log_load[after])


def gap(scenario: Scenario, draws: Scored | Asked) -> Gap:
    """Demand over supply of the scenario's mix, or at its first workload where it has none.

    Raises:
        InputError: a horizon that is not after the scenario's day.
    """
    if has_mix(scenario):
        found = load_of(scenario, draws)
        total = found.total
        return Gap(found.years, np.log(total), passing(found.years, total, found.now))
    side = sides(scenario, draws)[0]
    day, horizon = (year_of(scenario.date(key)) for key in ("fleet.as_of", "growth.horizon"))
    if not horizon > day:
        raise InputError("growth.horizon: got a day that is not after the scenario's, fleet.as_of", field="growth.horizon")
    years = np.linspace(day, horizon, max(2, math.ceil((horizon - day) * 4.0) + 1))
    load = side.demand_at(years.tolist()) / side.supply_at(years.tolist())
    return Gap(years, np.log(load), side.crossover())
