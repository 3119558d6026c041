"""The question `assumptions`: every line of a scenario, and which of them are guesses."""

from __future__ import annotations

from typing import Any

import pytest

import fleetline as fl
from fleetline.errors import InputError
from fleetline.scenario import KEYS, SET_ON_COMMAND_LINE, scenario, shipped


def by_key(*given: Any, **asked: Any) -> dict[str, dict[str, Any]]:
    return {line["key"]: dict(line) for line in fl.assumptions(*given, **asked).lines}


@pytest.mark.parametrize("name", shipped())
def test_every_line_is_there_as_the_scenario_has_it(name: str) -> None:
    found, world = by_key(name), scenario(name)
    assert list(found) == [key for key in KEYS if key in world]
    for key, line in found.items():
        kept = world.assumptions[key]
        assert (line["low"], line["high"], line["unit"], line["source"]) == (kept.low, kept.high, kept.unit, kept.source)
        assert line["value"] == (kept.value if not isinstance(kept.value, tuple) else ", ".join(kept.value))


def test_guesses_are_told_from_what_a_source_says() -> None:
    """today.toml: lifetime "guess: ...", sales_growth "...; interval: guess"; the control, a line of the sales data."""
    found = by_key("today")
    assert found["fleet.lifetime"]["guess"] and found["fleet.sales_growth"]["guess"]
    assert not found["fleet.name"]["guess"]
    only = by_key("today", guesses=True)
    assert only and only == {key: line for key, line in found.items() if line["guess"]}
    assert not any(line["guess"] for line in by_key("today", ["fleet.lifetime=4..8"], find="lifetime").values())


def test_a_text_finds_lines_by_key_or_meaning() -> None:
    found, named = by_key("today", find="FLEET."), by_key("today", find="list price")
    assert set(found) == {key for key in scenario("today").assumptions if key.startswith("fleet.")}
    assert "demand.price_models" in named and "mix.frontier_price_model" in named and "fleet.name" not in named


def test_changed_lines_are_listed_and_the_scenario_beside() -> None:
    found = fl.assumptions("today", ["fleet.lag=0.5"])
    assert (found.scenario, found.changed_lines, found.about) == ("today", ("fleet.lag",), scenario("today").about)
    assert by_key("today", ["fleet.lag=0.5"])["fleet.lag"]["source"] == SET_ON_COMMAND_LINE


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"find": "fleet.lifetme"}, "unknown line 'fleet.lifetme'; did you mean 'fleet.lifetime'?"),
        ({"find": 3}, "find: got 3, allowed a name"),
        ({"guesses": "no"}, "guesses: got no, allowed true or false"),
        ({"scenario": "yesterday"}, "unknown scenario 'yesterday'; did you mean 'today'?"),
    ],
)
def test_a_wrong_question_is_one_line(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        fl.assumptions(**asked)
    assert refused.value.message == said
