"""What a study is asked about, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fleetline.beliefs import Worlds
from fleetline.scenario import Scenario

Rows = list[dict[str, Any]]

RACKS = ("gb200-nvl72", "gb300-nvl72")  # those of the article
SYSTEM = "gb200-nvl72"  # the rack the article follows through every step


@dataclass(frozen=True, eq=False)
class Asked:
    """One study: a scenario, its possible worlds, and the seed they come from; equal to itself alone."""

    scenario: Scenario
    draws: Worlds
    seed: int

    @property
    def model(self) -> str:
        """The model that every request is served with."""
        return self.scenario.text("serving.model")

    @property
    def workloads(self) -> tuple[str, ...]:
        """INPUT:OUTPUT of each use of the chips, shortest first."""
        return self.scenario.names("serving.workloads")

    @property
    def general(self) -> str:
        """The workload that the argument follows: the first."""
        return self.workloads[0]

    @property
    def speculative(self) -> str:
        """VERIFIED:ACCEPTED."""
        return self.scenario.text("serving.speculative")

    @property
    def speed(self) -> float:
        """The wanted speed [token/s/user]."""
        return self.scenario.number("serving.speed")


Question = Callable[[Asked], Rows]


@dataclass(frozen=True)
class Section:
    """Questions that belong together, each a table by the name of its function.

    Attributes:
        of_worlds: whether the answers are of possible worlds, and so are made of all draws.
        of_the_answer: whether they are asked of the scenario itself, also where the argument is of another.
    """

    questions: Sequence[Question]
    of_worlds: bool = False
    of_the_answer: bool = False


Answer = TypeVar("Answer")


def once(question: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    """The question, worked on once for the same study; the answer is kept for as long as what was asked."""
    answers: WeakKeyDictionary[Asked, Answer] = WeakKeyDictionary()

    @wraps(question)
    def answer(asked: Asked) -> Answer:
        if asked not in answers:
            answers[asked] = question(asked)
        return answers[asked]

    return answer


@dataclass(frozen=True)
class Results:
    """Everything the report shows: named tables of plain values, units in the column names, and where they come from.

    `methods` says of every table how it was made; `assumptions` are the scenario's lines; `sources` the catalog rows used.
    """

    version: str
    setting: Mapping[str, Any]
    tables: Mapping[str, Rows]
    methods: Mapping[str, str]
    assumptions: Rows
    sources: Rows
