"""One measure of demand: what it is made of, its own direction, and how tokens of any direction become output tokens.

Sources count input, output or both. Every proxy keeps its own direction and is turned into output tokens with the
input:output ratio of the supply it is held against.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from fleetline.beliefs import Array, Draws
from fleetline.catalog import Catalog, load
from fleetline.catalog.rows import Direction, TokenDemandRow
from fleetline.dates import span
from fleetline.errors import InputError
from fleetline.inputs import at_least_one, pair
from fleetline.scenario import Scenario


@dataclass(frozen=True)
class Input:
    """One thing a proxy is made from."""

    what: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Proxy:
    """One measure of demand: `tokens` in its own direction and `output` at the asked ratio [token/s], shape (draws,).

    `stated` is the direction in the source's words, `dated` the date as the source prints it, `date` the middle of it.
    `tokens` is at the ratio the source speaks of, where it depends on one; `formula` makes `output` from `inputs`.
    """

    name: str
    about: str
    direction: Direction
    stated: str
    date: datetime.date
    dated: str
    inputs: Sequence[Input]
    formula: str
    tokens: Array
    output: Array

    @property
    def sources(self) -> tuple[str, ...]:
        """Where its inputs come from, each once."""
        return tuple(dict.fromkeys(each.source for each in self.inputs))


@dataclass(frozen=True)
class Question:
    """Demand in some worlds, held against a supply of `ratio` input tokens an output token.

    `native_ratio` is the one at which the engineers' demand is stated.
    """

    scenario: Scenario
    draws: Draws
    ratio: float
    native_ratio: float
    catalog: Catalog

    def drawn(self, key: str) -> Array:
        """An assumption in every world."""
        return self.draws.draw(key, self.scenario.belief(key))

    def input(self, key: str) -> Input:
        """An assumption's median, for the list of inputs."""
        line = self.scenario.assumptions[key]
        return Input(key, self.scenario.number(key), line.unit, line.source)


def question(scenario: Scenario, draws: Draws, workload: str | None = None) -> Question:
    """The demand to hold against a supply at `workload`, INPUT:OUTPUT; at the engineers' own without."""
    native = ratio_of(scenario.text(_NATIVE), _NATIVE)
    return Question(scenario, draws, native if workload is None else ratio_of(workload), native, load())


_NATIVE = "demand.native_workload"


def ratio_of(workload: str, what: str = "workload") -> float:
    """Input tokens per output token of INPUT:OUTPUT [1].

    Raises:
        InputError: not two numbers from 1 on.
    """
    given, wanted = pair(what, workload, "INPUT:OUTPUT, such as 8000:1000")
    return float(at_least_one(what, given)) / float(at_least_one(what, wanted))


def output_tokens(tokens: Array, direction: Direction, ratio: float) -> Array:
    """The output among `tokens` of a direction, at `ratio` input tokens an output token. Same unit."""
    match direction:
        case "output":
            return tokens
        case "input":
            return tokens / ratio
        case "both":
            return tokens / (1.0 + ratio)


def newest(catalog: Catalog, name: str) -> TokenDemandRow:
    """The newest statement of a series of `token_demand`; raises InputError where there is none."""
    found = [row for row in catalog.rows("token_demand", TokenDemandRow) if row.series == name and row.basis != "forecast"]
    if not found:
        raise InputError(f"token_demand.csv: no row of '{name}'", field="token_demand.csv", got=name)
    return max(found, key=lambda row: span(row.as_of).middle)


def of_row(row: TokenDemandRow) -> Input:
    """A statement as what a proxy is made from."""
    return Input(f"{row.series}, {row.as_of}", row.tokens_central, f"token/{row.per}", row.source)


def to_output(direction: Direction) -> str:
    """How output is made of a direction, in words."""
    return {"output": "", "input": " / ratio", "both": " / (1 + ratio)"}[direction]
