"""Scenario files: every bad line is one line that names its key; settings change single lines."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from fleetline.errors import InputError
from fleetline.scenario import KEYS, SET_ON_COMMAND_LINE, scenario, shipped


def own(folder: Path, text: str, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def line(key: str, cells: str) -> str:
    group, _, name = key.partition(".")
    return f'base = "article"\n[{group}]\n{name} = {{{cells}}}\n'


SOURCED = 'source = "guess"'


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_whole_and_every_line_has_a_source(name: str) -> None:
    found = scenario(name)
    assert set(found.assumptions) <= set(KEYS)
    assert {key for key, kind in KEYS.items() if kind.required} <= set(found.assumptions)
    assert all(each.source and each.unit == KEYS[key].unit for key, each in found.assumptions.items())


def test_a_line_of_ones_own_over_a_base(tmp_path: Path) -> None:
    text = line("demand.engineers", f'value = 25e6, low = 20e6, high = 40e6, unit = "people", {SOURCED}')
    found = scenario(own(tmp_path, text))
    belief = found.belief("demand.engineers")
    assert (belief.low, belief.value, belief.high) == (20e6, 25e6, 40e6)
    assert found.number("demand.allowance") == scenario("article").number("demand.allowance")
    assert found.name == "own"


def test_a_base_stands_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    own(tmp_path / "deep", line("demand.daily_share", f'value = 0.6, unit = "share", {SOURCED}'), "middle.toml")
    top = own(tmp_path, 'base = "deep/middle.toml"\n', "top.toml")
    assert scenario(top).number("demand.daily_share") == 0.6


@pytest.mark.parametrize(
    ("key", "cells", "said"),
    [
        ("demand.enginers", f'value = 1, unit = "people", {SOURCED}', "did you mean 'demand.engineers'?"),
        ("demand.engineers", f'low = 5e7, high = 2e7, unit = "people", {SOURCED}', "low 5e+07 is over high 2e+07"),
        ("demand.engineers", f'value = 9e7, low = 2e7, high = 5e7, unit = "people", {SOURCED}', "out of order"),
        ("demand.engineers", f'low = 2e7, unit = "people", {SOURCED}', "needs both low and high"),
        ("demand.engineers", f'unit = "people", {SOURCED}', "value is missing"),
        ("demand.engineers", f'value = "many", unit = "people", {SOURCED}', "allowed a number from 1"),
        ("demand.engineers", f'value = true, unit = "people", {SOURCED}', "allowed a number from 1"),
        ("demand.engineers", f'value = nan, unit = "people", {SOURCED}', "allowed a number from 1"),
        ("demand.engineers", f'value = inf, unit = "people", {SOURCED}', "allowed a number from 1"),
        ("demand.engineers", f'value = 3e7, unit = "persons", {SOURCED}', "unit: got 'persons', allowed 'people'"),
        ("demand.engineers", 'value = 3e7, unit = "people"', "source is missing"),
        ("demand.engineers", 'value = 3e7, unit = "people", source = "  "', "source is missing"),
        ("demand.engineers", f'valeu = 3e7, unit = "people", {SOURCED}', "did you mean 'value'?"),
        ("demand.daily_share", f'value = 1.2, unit = "share", {SOURCED}', "allowed a number from 0 to 1 share"),
        ("demand.daily_share", f'low = 0.5, high = 1.0, unit = "share", {SOURCED}', "off its edges"),
        ("demand.daily_share", f'low = 0.0, high = 0.5, unit = "share", {SOURCED}', "off its edges"),
        ("demand.as_of", f'value = "May 2026", unit = "date", {SOURCED}', "allowed a day such as 2025-12-31"),
        ("demand.as_of", f'value = 2026-05-25T10:00:00, unit = "date", {SOURCED}', "allowed a date"),
        ("demand.as_of", f'value = 2026-05-25, low = 1, high = 2, unit = "date", {SOURCED}', "an interval is for numbers"),
        ("demand.proxy", f'value = "", unit = "name", {SOURCED}', "allowed a name"),
        ("serving.workloads", f'value = "8000:1000", unit = "names", {SOURCED}', "allowed a list of names"),
        ("serving.workloads", f'value = [], unit = "names", {SOURCED}', "allowed a list of names"),
    ],
)
def test_a_bad_line_is_named_by_its_key(tmp_path: Path, key: str, cells: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        scenario(own(tmp_path, line(key, cells)))
    assert key in refused.value.message
    assert said in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serving = 3", "serving: got 3, allowed lines below [serving]"),
        ("[servin]\n", "did you mean 'serving'?"),
        ("[serving]\nspeed = 35\n", "serving.speed: got 35, allowed {value"),
        ("name = 3\n", "name: got 3, allowed a text"),
        ("base = 3\n", "base: got 3, allowed a text"),
        ('base = "artcle"\n', "own.toml: unknown base 'artcle'; did you mean 'article'?"),
        ('base = "missing.toml"\n', "No such file"),
        ('name = "empty"\n', "scenario empty: serving.model is missing"),
        ("not TOML", "own.toml"),
        ('base = "own.toml"\n', "leads back to itself"),
        ('base = "../{folder}/own.toml"\n', "leads back to itself"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        scenario(own(tmp_path, text.replace("{folder}", tmp_path.name)))
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_a_loop_through_another_file_is_noticed(tmp_path: Path) -> None:
    own(tmp_path, 'base = "two.toml"\n', "one.toml")
    own(tmp_path, 'base = "./one.toml"\n', "two.toml")
    with pytest.raises(InputError, match="leads back to itself"):
        scenario(tmp_path / "one.toml")


def test_an_unknown_scenario_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'article'"):
        scenario("artikle")
    with pytest.raises(InputError, match="No such file"):
        scenario("missing.toml")


def test_settings_change_single_lines() -> None:
    settings = ("demand.engineers=25e6", "demand.daily_share=0.4..0.6", "fleet.name=all", "demand.as_of=2026-06-30")
    found = scenario("article", (*settings, "serving.workloads = 1000:1000, 2000:500"))
    assert found.belief("demand.engineers").certain
    assert (found.belief("demand.daily_share").low, found.belief("demand.daily_share").high) == (0.4, 0.6)
    assert found.text("fleet.name") == "all"
    assert found.date("demand.as_of") == datetime.date(2026, 6, 30)
    assert found.names("serving.workloads") == ("1000:1000", "2000:500")
    assert found.assumptions["fleet.name"].source == SET_ON_COMMAND_LINE


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("demand.engineers", "allowed KEY=VALUE or KEY=LOW..HIGH"),
        ("demand.enginers=3", "did you mean 'demand.engineers'?"),
        ("demand.growth=3", "unknown key 'demand.growth'; did you mean 'growth.demand'?"),
        ("inference_share=0.6", "unknown key 'inference_share'; did you mean 'fleet.inference_share'?"),
        ("demand.engineers=many", "demand.engineers: got 'many', allowed a number"),
        ("demand.engineers=5e7..2e7", "demand.engineers: low 5e+07 is over high 2e+07"),
        ("demand.engineers=2e7..", "demand.engineers: got '', allowed a number"),
        ("demand.daily_share=1.2", "demand.daily_share: got 1.2, allowed a number from 0 to 1"),
        ("demand.as_of=someday", "demand.as_of: got 'someday', allowed a day"),
        ("serving.workloads=8000:1000,", "serving.workloads"),
        ("fleet.name=", "fleet.name"),
    ],
)
def test_a_bad_setting_names_its_key(setting: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        scenario("article", [setting])
    assert said in refused.value.message


def test_a_heading_says_how_many_lines_were_changed() -> None:
    """A line that is set to what it says already is not changed: neither counted nor given another source."""
    lifetime = scenario("today").assumptions["fleet.lifetime"]
    same = f"fleet.lifetime={lifetime.low}..{lifetime.high}"  # its value is their middle
    assert scenario("today").title == scenario("today", [same]).title == "today"
    assert scenario("today", [same]).assumptions["fleet.lifetime"] == lifetime
    assert scenario("today", [same, "fleet.lag=0.5"]).title == "today, with 1 line changed"
    two = scenario("today", ["fleet.lag=0.5", "fleet.lag=0.6", "growth.series=OpenRouter | platform"])
    assert (two.name, two.title) == ("today", "today, with 2 lines changed")
    assert set(two.changed) == {"fleet.lag", "growth.series"}


def test_settings_are_a_list_of_them() -> None:
    with pytest.raises(InputError, match="a list"):
        scenario("article", "fleet.name=all")


def test_a_line_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"growth\.demand is missing"):
        scenario("article").belief("growth.demand")
