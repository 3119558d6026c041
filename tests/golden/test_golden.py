"""The whole chain at a fixed seed gives the numbers of `study.csv`. If one moved on purpose: `make golden`, and say why."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from golden import SECTIONS, as_csv, lines_of, moved

from fleetline.catalog import load
from fleetline.catalog.load import Catalog
from fleetline.scenario import Scenario, scenario

FILE = Path(__file__).with_name("study.csv")
# seconds; the others wait for `make check-long`: the README, checked by `make test`, shows their figures to three digits
QUICK = ("deployment", "plan", "article supply", "article demand", "article crunch", "today demand")


def golden(section: str) -> Mapping[str, tuple[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: (row["unit"], row["value"])
            for row in csv.DictReader(file)
            if row["name"].startswith(f"{section}, ")
        }


EACH = [pytest.param(section, marks=[] if section in QUICK else [pytest.mark.long]) for section in SECTIONS]


@pytest.mark.parametrize("section", EACH)
def test_the_numbers_are_those_of_the_file(section: str) -> None:
    told = moved(golden(section), lines_of(section))
    assert not told, "\n".join(["make golden writes these, if they are meant:", *told])


def test_the_file_is_as_it_is_written() -> None:
    """Nobody edits it, and no number stands in it twice or under a section that is no longer asked for."""
    with FILE.open(encoding="utf-8", newline="") as file:
        lines = [(row["name"], row["unit"], row["value"]) for row in csv.DictReader(file)]
    assert FILE.read_text(encoding="utf-8") == as_csv(list(lines))
    assert len({name for name, _, _ in lines}) == len(lines)
    assert list(dict.fromkeys(name.partition(", ")[0] for name, _, _ in lines)) == list(SECTIONS)


# --- controls: one constant, a percent off, is told --------------------------------------------------------------------


def with_more_bandwidth(found: Catalog) -> Catalog:
    """The catalog with a percent more memory bandwidth of one chip."""
    wider = {
        name: replace(system, chip=replace(system.chip, hbm_bandwidth=1.01 * system.chip.hbm_bandwidth))
        for name, system in found.systems.items()
        if name == "b200" and system.chip.hbm_bandwidth is not None
    }
    assert wider
    return replace(found, systems=MappingProxyType({**found.systems, **wider}))


@pytest.mark.parametrize("section", ["deployment", "plan"])
def test_a_percent_of_a_chip_is_told(monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    wider = with_more_bandwidth(load())
    monkeypatch.setattr(sys.modules["fleetline.catalog.load"], "_load", lambda _: wider)
    told = moved(golden(section), lines_of(section))
    assert told
    assert all(" b200" in line for line in told)  # and nothing else is


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("article supply", "serving.speed"),
        ("article demand", "demand.engineers"),
        ("article crunch", "growth.supply"),
        ("today demand", "growth.half_life"),
    ],
)
def test_a_percent_of_an_assumption_is_told(monkeypatch: pytest.MonkeyPatch, section: str, key: str) -> None:
    def more(name: str) -> Scenario:
        found = scenario(name)
        line = found.assumptions[key]
        assert isinstance(line.value, float)
        low, high = (None if end is None else 1.01 * end for end in (line.low, line.high))
        lines = {**found.assumptions, key: replace(line, value=1.01 * line.value, low=low, high=high)}
        return replace(found, assumptions=MappingProxyType(lines))

    monkeypatch.setattr("golden.scenario", more)
    assert moved(golden(section), lines_of(section))


def test_what_is_lost_or_new_or_of_another_unit_is_told() -> None:
    file = {"a": ("s", "1"), "b": ("s", "2029-06-06")}
    assert not moved(file, [("a", "s", 1.000001), ("b", "s", "2029-06-07")])
    told = moved(file, [("a", "ms", 1.0), ("b", "s", "2029-06-08"), ("c", "s", 0.0)])
    assert [line.partition(":")[0] for line in told] == ["c", "a", "b"]
    assert moved(file, []) == ["a: in the file and not found", "b: in the file and not found"]
    assert moved({"a": ("s", "1")}, [("a", "s", 1.01)]) == ["a: 1 s is now 1.01 s (+1.0000%)"]
