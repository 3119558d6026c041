"""Every number says where it comes from, in a form that can be followed: no source of words that lead nowhere."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from conftest import Tables
from harness import COLLECTION, ROOT

from fleetline.catalog import load
from fleetline.dates import span
from fleetline.errors import InputError
from fleetline.scenario import scenario, shipped

needs_collection = pytest.mark.skipif(not COLLECTION.exists(), reason=f"the collected data is not at {COLLECTION}")

LINK = re.compile(r"https?://[^\s;,)]+")
PAPER = re.compile(r"arXiv:(\d\d)(\d\d)\.(\d{5})\b")
REPOSITORY = re.compile(r"(?<![\w/.-])[A-Za-z][\w-]+/[A-Za-z][\w.-]+")
COMMAND = re.compile(r"\bmake ([a-z-]+)|\bfleetline ([a-z]+)")
NOTES = re.compile(r"physics notes section (\d+)")
ARTICLE = re.compile(r"^article, (publication date|footnote \d+|[A-Z][^;:(]*?)(?: and (footnote \d+))?(?:[;:,] .*)?$")
# ours, or nobody's: the words that follow are the reason
OWN = (
    *("guess", "ours", "computed", "model name", "the day of this scenario", "with rates_by"),
    *("the largest open model of the catalog", "the article's model", "5 billion active parameters, as"),
)
# in print under these names
NAMED = (
    "Epoch AI",
    "IEA, ",
    "UN World Population Prospects 2024",
    "Stack Overflow 2025 survey",
    "reports on Apple, as the article cites them",
    "reports on Meta, as the article cites them",
    "AgentX",
    "Hot Chips 2026",
    "vLLM",
    "AMD Advancing AI 2026 keynote",
    "TrendForce",
    "Nvidia, announced",
)
# The collection of which only these words are left: what they say nobody can look up. How many rows of each table have no
# other source; none may be added.
LOST = "third-party notes in a public repository"
LOST_ROWS = {
    "api_prices": 10,
    "chip_specs": 6,
    "demand_parameters": 1,
    "growth_and_supply_facts": 6,
    "models": 41,
    "token_demand": 15,
    "checkpoints": 3,
}
PLAIN = "http://news.297wan.com/"  # a copy of a press conference; the site has no other


def followed(source: str) -> str | None:
    """By what a source can be found; None of none."""
    return next((way for way, told in WAYS.items() if told(source)), None)


WAYS: Mapping[str, Callable[[str], object]] = {
    "link": LINK.search,
    "paper": PAPER.search,
    "repository": REPOSITORY.search,
    "command": COMMAND.search,
    "article": lambda source: source.startswith(("article, ", "same page as ")),
    "table": lambda source: any(re.search(rf"\b{table}\b", source) for table in load().tables),
    "own": lambda source: source.startswith(OWN),
    "named": lambda source: any(name in source for name in NAMED),
}


def every_source() -> Iterator[tuple[str, str]]:
    """Where it stands, and the source."""
    for table, rows in load().tables.items():
        yield from ((f"{table} line {row.line}", row.source) for row in rows)
    for name in shipped():
        yield from ((f"{name} {key}", line.source) for key, line in scenario(name).assumptions.items())


def faults(source: str) -> list[str]:
    """What is wrong with the form of a source."""
    told = [] if followed(source) else [f"nothing to follow in '{source}'"]
    told += [f"no address: {link}" for link in LINK.findall(source) if not _address(link)]
    told += [f"no paper: {source}" for year, month, _ in PAPER.findall(source) if not _month(year, month)]
    told += [f"no command: {name}" for name in _commands(source) if name not in _known_commands()]
    return told


def _address(link: str) -> bool:
    parts = urlsplit(link)
    host = parts.hostname or ""
    return (parts.scheme == "https" or link.startswith(PLAIN)) and "." in host.strip(".") and not host.endswith(".")


def _month(year: str, month: str) -> bool:
    return 7 <= int(year) <= datetime.date.today().year % 100 and 1 <= int(month) <= 12


def _commands(source: str) -> list[str]:
    return [f"{'make' if make else 'fleetline'} {make or own}" for make, own in COMMAND.findall(source)]


def _known_commands() -> set[str]:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    commands = re.findall(
        r"^## .*?fleetline ([a-z]+)", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {f"make {name}" for name in targets} | {f"fleetline {name}" for name in commands}


def test_every_source_can_be_followed() -> None:
    told = {fault: where for where, source in every_source() if LOST not in source for fault in faults(source)}
    assert not told


def test_no_more_rows_than_are_known_say_what_nobody_can_look_up() -> None:
    lost = Counter(
        where.split()[0]
        for where, source in every_source()
        if LOST in source and followed(source) in {None, "own", "table"}
    )
    assert dict(lost) == LOST_ROWS


@pytest.mark.parametrize(
    "source",
    [
        "somewhere",
        "https://nowhere",
        "http://epoch.ai/gradient-updates/is-a-compute-crunch-coming",
        "https:///path",
        "arXiv:2513.10537",
        "make nothing, tables 1",
        "fleetline invent on the shipped tables",
    ],
)
def test_a_source_that_leads_nowhere_is_noticed(source: str) -> None:
    assert faults(source)


# --- what is beside the repository --------------------------------------------------------------------------------------


@needs_collection
def test_sections_and_footnotes_are_the_articles() -> None:
    text = (COLLECTION.parent / "article.txt").read_text(encoding="utf-8")
    headings = {line.strip() for line in text.splitlines() if len(line) < 60}
    told = [source for _, source in every_source() if source.startswith("article, ") and not _in_article(source, headings)]
    assert not told
    assert not _in_article("article, The past of inference", headings)
    assert not _in_article("article, footnote 99", headings)


def _in_article(source: str, headings: set[str]) -> bool:
    found = ARTICLE.match(source)
    places = [place for place in found.groups() if place] if found else []
    return bool(places) and all(place in headings or place in FOOTNOTES or place == "publication date" for place in places)


FOOTNOTES = {f"footnote {number}" for number in range(1, 16)}  # the copy of the text has them without their numbers


@needs_collection
def test_sections_of_the_physics_notes_are_there() -> None:
    notes = (COLLECTION.parent / "physics-notes.md").read_text(encoding="utf-8")
    named = {number for _, source in every_source() for number in NOTES.findall(source)}
    assert named
    assert all(re.search(rf"^## {number}\. ", notes, re.MULTILINE) for number in named)
    assert not re.search(r"^## 99\. ", notes, re.MULTILINE)


# --- dates --------------------------------------------------------------------------------------------------------------

DATES = ("retrieved", "retrieved_or_published", "as_of", "announced", "made_on", "start_date", "end_date", "from_day")
SEEN = ("retrieved", "retrieved_or_published", "announced", "made_on")  # these cannot lie ahead


def undated(text: str, column: str) -> bool:
    """Whether a text holds no date, or one that lies ahead of today where it cannot."""
    years = re.search(r"\d{4}.*", text)
    try:
        first = span(years[0] if years else text).first
    except ValueError:
        return True
    return (
        not datetime.date(2007, 1, 1) <= first <= (datetime.date.today() if column in SEEN else datetime.date(2036, 1, 1))
    )


def test_every_date_is_one() -> None:
    told = [
        f"{table} line {row.line} {column}: {value}"
        for table, rows in load().tables.items()
        for row in rows
        for column, value in row
        if column in DATES and value and undated(str(value), column)
    ]
    assert not told


@pytest.mark.parametrize("text", ["", "soon", "2026-13", "2026-02-30", "2199-01-01", "0001-01-01"])
def test_what_is_no_date_is_noticed(text: str) -> None:
    assert undated(text, "retrieved")


# --- once -----------------------------------------------------------------------------------------------------------------


def test_no_row_stands_twice() -> None:
    for table, rows in load().tables.items():
        cells = Counter(tuple(value for name, value in row if name not in {"table", "line"}) for row in rows)
        assert max(cells.values()) == 1, table


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("agent_parameters", {"parameter": "HBM growth in 2026"}),
        ("demand_parameters", {"parameter": "Meta employees"}),
        ("energy_facts", {"parameter": "installed share of AI chips sold"}),
        ("growth_and_supply_facts", {"fact": "AI compute capacity growth"}),
        ("api_prices", {"model": "kimi-k2.6"}),
        ("token_demand", {"entity": "Google"}),
    ],
)
def test_a_second_row_of_the_same_name_is_refused(tables: Tables, table: str, cells: Mapping[str, str]) -> None:
    """Whichever of the two were read, the other would be a number that does nothing."""
    tables.repeat(table, tables.line_of(table, **cells))
    with pytest.raises(InputError, match="two rows of"):
        load()
