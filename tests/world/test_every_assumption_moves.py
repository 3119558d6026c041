"""Every line of a shipped scenario moves some answer: its value, each end of its interval, its day."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest
from moves import QUESTIONS, moved, numbers

from fleetline.scenario import KEYS, Assumption, Scenario, scenario, shipped

# Lines that a scenario has from its base and that do nothing in it, and why.
UNUSED = {
    ("today", "growth.series", "day"): "the world's growth is fitted to every series",
}
TIERS, SHAPES = ("frontier", "mid", "small"), ("general", "agentic", "long", "session")
TOGETHER = {
    f"mix.{one}_share": f"mix.{names[(place + 1) % len(names)]}_share"
    for names in (TIERS, SHAPES)
    for place, one in enumerate(names)
}


def cases() -> Iterator[tuple[str, str, str]]:
    """Scenario, line, and what of it is changed."""
    for name in shipped():
        for key, line in scenario(name).assumptions.items():
            if KEYS[key].numeric:
                yield from ((name, key, what) for what in ("value", *(("low", "high") if line.low is not None else ())))
            elif KEYS[key].unit == "date":
                yield name, key, "day"


def changed(world: Scenario, key: str, what: str) -> Scenario:
    """The scenario with a number a tenth nearer to its low end, an end to the middle, or a day 40 days earlier."""
    line = world.assumptions[key]
    lines = {**world.assumptions, key: replace(line, **_less(line, what))}
    if what == "value" and key in TOGETHER:  # shares add up to one: the next takes what this one gives up
        other = lines[TOGETHER[key]]
        rest = _number(line.value) - _number(lines[key].value)
        lines[other.key] = replace(other, value=_number(other.value) + rest)
    return replace(world, assumptions=MappingProxyType(lines))


def _less(line: Assumption, what: str) -> dict[str, Any]:
    if what == "day":
        return {"value": (datetime.date.fromisoformat(str(line.value)) - datetime.timedelta(days=40)).isoformat()}
    middle = _number(line.value)
    if what == "value":
        return {"value": middle - 0.1 * (middle if line.low is None else middle - line.low)}
    end = _number(getattr(line, what))
    return {what: end + 0.1 * (middle - end)}


def _number(value: object) -> float:
    assert isinstance(value, float | int)
    return float(value)


@cache
def asked(name: str, question: str) -> Mapping[str, float | str]:
    """What a shipped scenario answers."""
    return dict(numbers(QUESTIONS[question](scenario(name))))


def what_moves(name: str, world: Scenario) -> str | None:
    """The first answer that differs from the shipped scenario's, None of none."""
    for question, ask in QUESTIONS.items():
        found = moved(asked(name, question), dict(numbers(ask(world))))
        if found:
            return f"{question}{found[0]}"
    return None


SLOW = {("today", "mix.session_hit", "value")}  # every session served anew, of every class: half a minute


def marked() -> list[Any]:
    """The ends of intervals, and what takes long, are tried in `make check-long`."""
    long = [case[2] in {"low", "high"} or case in SLOW for case in cases()]
    return [pytest.param(*case, marks=[pytest.mark.long] * is_long) for case, is_long in zip(cases(), long, strict=True)]


@pytest.mark.parametrize("name, key, what", marked())
def test_an_assumption_moves_an_answer(name: str, key: str, what: str) -> None:
    moves = what_moves(name, changed(scenario(name), key, what))
    if (name, key, what) in UNUSED:
        assert moves is None, f"it is used after all: {moves}"
    else:
        assert moves is not None


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_that_is_not_changed_moves_nothing(name: str) -> None:
    """The control: an answer that is new each time would hide a line that does nothing."""
    assert what_moves(name, scenario(name)) is None
