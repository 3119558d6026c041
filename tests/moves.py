"""Everything that fleetline answers about a world, as flat numbers, and how one of them is found to have moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

import fleetline as fl
from fleetline.scenario import Scenario

DRAWS = 24

# What is asked of a scenario, quickest first.
QUESTIONS: Mapping[str, Callable[[Scenario], Any]] = {
    "crunch": lambda world: fl.crunch(world, draws=DRAWS),
    "supply": lambda world: fl.supply(world, draws=DRAWS),
    "demand": lambda world: fl.demand(world, draws=DRAWS),
    "market": lambda world: fl.market(world, draws=DRAWS) if "mix.frontier_share" in world else None,
    "energy": lambda world: fl.energy(world, draws=DRAWS),
    "agents": lambda world: fl.agents(world, draws=DRAWS),
}


def numbers(value: Any, at: str = "") -> Iterator[tuple[str, float | str]]:
    """Every number and word of an answer, by where it stands."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), f"{at}.{field.name}")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from numbers(each, f"{at}.{key}")
    elif isinstance(value, np.ndarray):
        yield at, float(np.sum(np.nan_to_num(value.astype(float)))) if value.dtype.kind in "fiub" else str(value.tolist())
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            yield from numbers(each, f"{at}[{place}]")
    elif isinstance(value, (bool, int, float, np.number)):
        yield at, float(value)
    elif value is not None:
        yield at, str(value)


def moved(before: Mapping[str, float | str], after: Mapping[str, float | str]) -> list[str]:
    """Where two answers differ by more than rounding."""
    return [at for at in {*before, *after} if not same(before.get(at), after.get(at))]


def same(one: float | str | None, other: float | str | None) -> bool:
    """Equal, but for the last digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or (math.isnan(one) and math.isnan(other))
    return one == other
