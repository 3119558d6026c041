"""What is served: tiers of models and shapes of requests, each with its share of all tokens, and what each costs.

A token of a model of a trillion parameters and one of a model of five billion active ones are not the same to a chip. So
tokens are held in tokens of the reference: the scenario's model at the first shape. A token of a class k (a model at a
shape) weighs S_ref / S_k of them, where S is what the same fleet would serve if it served nothing else [output token/s]:
the chip seconds it costs, over the reference's. A fleet divided over classes in proportion, each class on its share of
every kind of chip, is full when the sum over classes of demand / S_k reaches one.

The cost of closed models is not known; theirs follows from their price, as the article's footnote 1 reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fleetline import inputs
from fleetline.beliefs import Array, Draws
from fleetline.errors import InputError
from fleetline.scenario import SHAPES, TIERS, Scenario

_SUM = 1e-6


@dataclass(frozen=True)
class Shape:
    """A kind of request: tokens in and out, the share of its input found in the cache [1]."""

    name: str
    workload: str
    prefix_hit: float = 0.0

    @property
    def tokens(self) -> tuple[float, float]:
        """Input and output of a request [token]."""
        given = inputs.pair(f"mix.{self.name}", self.workload, "INPUT:OUTPUT, such as 8000:1000")
        return float(given[0]), float(given[1])

    @property
    def output_share(self) -> float:
        """Output over all tokens of a request [1]."""
        given, made = self.tokens
        return made / (given + made)


@dataclass(frozen=True)
class Tier:
    """Models of one size, by the open one that stands for them; `cost` is what a token costs over that one's, (draws,)."""

    name: str
    model: str
    cost: Array


@dataclass(frozen=True)
class Mix:
    """The tiers and shapes of a scenario; shares of all tokens processed, input and output, sum to one in every world.

    A class's share is its tier's times its shape's: which shapes a tier serves is not known.
    """

    tiers: Sequence[Tier]
    shapes: Sequence[Shape]
    tier_shares: Mapping[str, Array]
    shape_shares: Mapping[str, Array]

    def classes(self) -> Iterable[tuple[Tier, Shape]]:
        """Every tier at every shape."""
        return ((tier, shape) for tier in self.tiers for shape in self.shapes)

    def output_share(self, tier: Tier, shape: Shape) -> Array:
        """Output tokens of a class over all tokens processed, in every world [1]."""
        return self.tier_shares[tier.name] * self.shape_shares[shape.name] * shape.output_share

    @property
    def input_over_output(self) -> Array:
        """Input tokens an output token, over the whole mix; shape (draws,)."""
        output = np.sum([self.shape_shares[shape.name] * shape.output_share for shape in self.shapes], axis=0)
        return np.asarray(1.0 / output - 1.0)

    @property
    def split(self) -> Mapping[str, Array]:
        """Shares of all tokens: input that is computed, input read from the cache, output; shape (draws,) each."""
        output = np.sum([self.shape_shares[shape.name] * shape.output_share for shape in self.shapes], axis=0)
        cached = np.sum(
            [self.shape_shares[each.name] * (1.0 - each.output_share) * each.prefix_hit for each in self.shapes], axis=0
        )
        return {"input": 1.0 - output - cached, "cached": np.asarray(cached), "output": np.asarray(output)}


def has_mix(scenario: Scenario) -> bool:
    """Whether the scenario says what is served, or serves one model as the article does."""
    return "mix.frontier_share" in scenario


def shapes_of(scenario: Scenario) -> list[Shape]:
    """The shapes of requests.

    Raises:
        InputError: a hit share with an interval: one rate is looked up for each shape.
    """
    hits = dict.fromkeys(SHAPES, 0.0)
    if "mix.session_hit" in scenario:
        if not scenario.belief("mix.session_hit").certain:
            raise InputError("mix.session_hit: got an interval, allowed one share", field="mix.session_hit")
        hits["session"] = scenario.number("mix.session_hit")
    return [Shape(name, scenario.text(f"mix.{name}"), hits[name]) for name in SHAPES]


def mix(scenario: Scenario, draws: Draws) -> Mix:
    """The scenario's mix in every world.

    Raises:
        InputError: shares whose medians do not sum to one; a line that is missing.
    """
    cost = np.ones(draws.count)
    tiers = [
        Tier(
            name,
            scenario.text(f"mix.{name}_model"),
            closed_mean(scenario, draws) if name == "frontier" and "mix.closed_share" in scenario else cost,
        )
        for name in TIERS
    ]
    return Mix(tiers, shapes_of(scenario), shares(scenario, draws, TIERS), shares(scenario, draws, SHAPES))


def shares(scenario: Scenario, draws: Draws, names: Sequence[str]) -> dict[str, Array]:
    """Shares that sum to one in every world: each drawn from its interval, then divided by the sum.

    Raises:
        InputError: their medians do not sum to one.
    """
    keys = [f"mix.{name}_share" for name in names]
    total = sum(scenario.number(key) for key in keys)
    if abs(total - 1.0) > _SUM:
        said = " + ".join(f"{scenario.number(key):g}" for key in keys)
        raise InputError(f"{' + '.join(keys)}: got {said} = {total:g}, allowed 1", field=keys[0])
    drawn = [draws.draw(key, scenario.belief(key)) for key in keys]
    together = np.sum(drawn, axis=0)
    return {name: np.asarray(each / together) for name, each in zip(names, drawn, strict=True)}


# --- closed models ------------------------------------------------------------------------------------------------------


def cost_by_price(price: Array, margin: Array, open_price: Array, open_margin: Array) -> Array:
    """What a token of a closed model costs to serve, over one of an open model: price less gross margin, over the same.

    Source: article, footnote 1: GPT-5.5 at 7.5 times Kimi K2.6's price, at a guessed gross margin of 50% against none,
    costs 3.75 times as much, so that Kimi K2.6 is "significantly smaller".
    """
    return np.asarray(price * (1.0 - margin) / (open_price * (1.0 - open_margin)))


def closed_mean(scenario: Scenario, draws: Draws) -> Array:
    """What a frontier token costs over one of the open model that stands for it: closed and open ones by their shares."""
    keys = ("mix.closed_price", "mix.closed_margin", "mix.open_price", "mix.open_margin", "mix.closed_share")
    price, margin, open_price, open_margin, closed = (draws.draw(key, scenario.belief(key)) for key in keys)
    return np.asarray(closed * cost_by_price(price, margin, open_price, open_margin) + (1.0 - closed))
