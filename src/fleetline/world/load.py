"""How full the fleet is: the demand of every class of tokens over what the fleet could serve of it, over time.

Load one is the crunch: the chips that serve are as busy, over the day, as the scenario says they can be. Demand is the
proxy's tokens a second, input and output, divided over the mix; what a class's tokens cost falls by `growth.efficiency` a
year from the scenario's day on. Observed tokens already hold cheaper models and software, so that fall belongs to both
sides or to neither: `growth.efficiency_in` says which one is shown, and the load is the same.

Source: ours, derived in `mix`; that efficiency moves both sides: article, section The present and future of inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.world.crunch import times
from fleetline.world.demand import chosen, makers
from fleetline.world.demand_growth import log_factors
from fleetline.world.fleet import Fleet, fleet
from fleetline.world.mix import Mix, Shape, mix
from fleetline.world.proxy import question
from fleetline.world.rates import rate, way
from fleetline.world.supply import available, systems_at
from fleetline.world.supply_growth import cheaper, chips_after, in_both

REFERENCE = ("reference", "reference")
Class = tuple[str, str]  # tier and shape


@dataclass(frozen=True)
class Load:
    """Both sides of a scenario's mix; arrays of shape (times, draws).

    Attributes:
        years: times, increasing; `now` is the place of the scenario's day.
        capacity: what the fleet would serve of a class alone [output token/s], and of the reference.
        tokens: asked for, input and output [token/s].
        mix: classes and shares.
        cheaper: fall of the cost of a token since the scenario's day, as a factor over it.
        in_both: whether that fall is shown in supply (and stays in demand), or is taken out of both.
    """

    years: Array
    now: int
    capacity: Mapping[Class, Array]
    tokens: Array
    mix: Mix
    cheaper: Array
    in_both: bool

    def weight(self, name: Class) -> Array:
        """What an output token of a class costs, in output tokens of the reference [1]."""
        return np.asarray(self.capacity[REFERENCE] / self.capacity[name])

    def load_of(self, name: Class) -> Array:
        """The share of the fleet that a class's demand keeps busy [1]."""
        tier = next(each for each in self.mix.tiers if each.name == name[0])
        shape = next(each for each in self.mix.shapes if each.name == name[1])
        asked = self.tokens * self.mix.output_share(tier, shape)
        return np.asarray(asked / (self.capacity[name] * self.cheaper))

    @cached_property
    def loads(self) -> Mapping[Class, Array]:
        """Of every class."""
        return {(tier.name, shape.name): self.load_of((tier.name, shape.name)) for tier, shape in self.mix.classes()}

    @cached_property
    def total(self) -> Array:
        """Demand over supply of the whole mix [1]: one is full."""
        return np.asarray(np.sum(list(self.loads.values()), axis=0))

    @property
    def supply(self) -> Array:
        """What the fleet could serve, in output tokens of the reference [token/s]."""
        return self.capacity[REFERENCE] * (self.cheaper if self.in_both else 1.0)

    @property
    def demand(self) -> Array:
        """What is asked for, in output tokens of the reference [token/s]."""
        return self.total * self.supply

    def alone(self, tier: str) -> Array:
        """Load if all tokens were of one tier, at the mix of shapes [1]."""
        mine = {name: load for name, load in self.loads.items() if name[0] == tier}
        return np.asarray(np.sum(list(mine.values()), axis=0) / self.mix.tier_shares[tier])


def load_of(scenario: Scenario, draws: Draws) -> Load:
    """The load of a scenario with a mix, from its day back to a year before and on to the horizon.

    Raises:
        InputError: as `fleet`, `mix` and `demand`; a class that the fleet serves in no world, or a horizon before the day.
    """
    chips, served = fleet(scenario, draws), mix(scenario, draws)
    chips.check(scenario.date("fleet.as_of"))
    today = year_of(scenario.date("fleet.as_of"))
    years = times(today, year_of(scenario.date("growth.horizon")))
    classes: dict[Class, tuple[str, Shape, Array]] = {
        (tier.name, shape.name): (tier.model, shape, tier.cost) for tier, shape in served.classes()
    }
    classes[REFERENCE] = (scenario.text("serving.model"), served.shapes[0], np.ones(draws.count))
    return Load(
        years=years,
        now=int(np.argmin(np.abs(years - today))),
        capacity=_capacity(scenario, draws, chips, classes, years),
        tokens=_tokens(scenario, draws, served, years.tolist()),
        mix=served,
        cheaper=cheaper(scenario, draws, years),
        in_both=in_both(scenario),
    )


def _capacity(
    scenario: Scenario, draws: Draws, chips: Fleet, classes: Mapping[Class, tuple[str, Shape, Array]], years: Array
) -> Mapping[Class, Array]:
    """What the fleet would serve of each class alone; after the last quarter it grows by `growth.supply` a year."""
    end = chips.end
    inside = years[years < end] if years[-1] <= end else np.append(years[years < end], end)
    systems = systems_at(chips, inside)
    share = available(scenario, draws)
    last = np.minimum(np.arange(len(years)), len(inside) - 1)  # later times stand on the last one known
    grown = chips_after(scenario, draws, years, end)
    ways = {model: way(scenario, draws, model) for model in dict.fromkeys(model for model, _, _ in classes.values())}
    found: dict[Class, Array] = {}
    for name, (model, shape, cost) in classes.items():
        total, part, one = np.zeros((len(inside), draws.count)), np.empty((len(inside), draws.count)), np.zeros(draws.count)
        for (system, gpus), count in systems.items():
            each = rate(ways[model], system, gpus, shape.workload, shape.prefix_hit)
            if np.any(each.tok_s > 0.0):
                total += np.multiply(count, each.tok_s / gpus, out=part)
                one = np.maximum(one, each.tok_s)
        if not np.all(np.median(total, axis=1) > 0.0) or not np.all(one > 0.0):
            said = f"mix: no chip of the fleet serves {model} at {shape.workload} at every time"
            raise InputError(said, field=f"mix.{shape.name}", got=model)
        # a world where chips wait for years may have none yet: it has one system, so that a price is high but is one
        np.maximum(total, one, out=total)
        found[name] = total[last] * (share / cost) * grown
    return found


def _tokens(scenario: Scenario, draws: Draws, served: Mix, years: Sequence[float]) -> Array:
    """Tokens asked for, input and output; a proxy of output is one at the mix's own ratio."""
    asked = question(scenario, draws, served.shapes[0].workload)
    found = makers(scenario)[chosen(scenario)](asked)
    tokens = found.tokens if found.direction == "both" else found.output * (1.0 + served.input_over_output)
    return np.asarray(tokens * np.exp(log_factors(scenario, draws, year_of(found.date), years)))
