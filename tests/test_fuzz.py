"""Hostile inputs for every reader: some here, more than 100,000 in `make fuzz`, whose figures docs/hardening.md has."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import fuzz
import hostile
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS, Reader, check_refusal, finite, inputs_in_all, outcome, sound_json, sound_table

from fleetline.errors import InputError
from fleetline.measurements import Table

QUICK = [name for name, reader in READERS.items() if reader.few]


@pytest.mark.parametrize("name", QUICK)
def test_every_input_is_answered_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    reader = READERS[name]

    @settings(max_examples=reader.few, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(reader.inputs, st.integers(0, 2**32))
    def every(given: Any, chance: int) -> None:
        for each in hostile.family(given, chance, 2 * reader.variants):
            outcome(reader, each, tmp_path)

    every()


def test_there_are_more_than_a_hundred_thousand() -> None:
    assert inputs_in_all() >= 100_000


PAGE = Path(__file__).parents[1] / "docs" / "hardening.md"


def test_the_page_has_the_figures_of_every_reader() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \| [\d,]+ \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [about for about, *_ in rows[:-1]] == [reader.about for reader in READERS.values()]
    for (about, inputs, refused), reader in zip(rows, READERS.values(), strict=False):
        assert int(inputs.replace(",", "")) >= reader.many, about
        assert int(refused.replace(",", "")) > 0, f"{about}: hostile inputs are refused"
    assert int(rows[-1][1].replace(",", "")) == sum(int(inputs.replace(",", "")) for _, inputs, _ in rows[:-1])


def test_the_figures_stand_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- fuzz: make fuzz -->\nold\n<!-- /fuzz -->\nafter\n")
    one = fuzz.Figures(inputs=1_000, answered=300, refused=600, infeasible=100, seconds=2.4, slowest_s=0.05, memory=2**21)
    fuzz.write(page, {"config": one, "query": one})
    text = page.read_text()
    assert text.startswith("before\n<!-- fuzz: make fuzz -->\nNo fault")
    assert text.endswith("\n<!-- /fuzz -->\nafter\n")
    assert "| all, and the most of any | 2,000 | 600 | 1,200 | 200 | 5 | 50 | 2 |" in text
    with pytest.raises(ValueError, match="0 places"):
        fuzz.write(PAGE.parent / "index.md", {"config": one})


# --- controls: a reader that is not sound is noticed ------------------------------------------------------------------


def _reader(ask: Any, sound: Any = finite) -> Reader:
    return Reader("control", hostile.texts, ask, sound, 1)


def _traceback(_: Any, __: Path) -> Any:
    raise KeyError("format")


def _lines(_: Any, __: Path) -> Any:
    refused = InputError("one line")
    refused.message = "two\nlines"
    raise refused


def _echo(_: Any, __: Path) -> Any:
    refused = InputError("x")
    refused.message = "x" * 10_000
    raise refused


@pytest.mark.parametrize("ask", [_traceback, _lines, _echo])
def test_what_is_no_refusal_is_noticed(ask: Any, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, KeyError)):
        outcome(_reader(ask), "", tmp_path)


@pytest.mark.parametrize("answer", [math.nan, {"a": [1.0, math.inf]}, np.array([1.0, math.nan]), [np.float64("nan")]])
def test_an_answer_that_is_no_number_is_noticed(answer: Any, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        outcome(_reader(lambda _, __: answer), "", tmp_path)
    with pytest.raises(AssertionError):
        sound_json('{"a": NaN}')
    with pytest.raises(AssertionError):
        sound_table(Table("x", [], [], 1))


def test_a_sound_refusal_is_none() -> None:
    check_refusal(InputError("batch: got 0, allowed 1"))
    assert outcome(_reader(lambda _, __: [1.0, None, "x"]), "", Path()) == "answered"


def test_documents_hold_what_no_library_writes() -> None:
    """The changes reach numbers beyond floats, keys that stand twice, and bytes that are no UTF-8."""
    seen: list[bytes] = []
    seeds = [hostile.tree({"one": 1.5, "two": [{"three": "x"}]})]

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(hostile.spoilt(hostile.documents(seeds).map(hostile.json_text)), st.integers(0, 2**32))
    def every(given: bytes, chance: int) -> None:
        seen.extend(hostile.family(given, chance, 15))

    every()
    whole = b"\n".join(seen)
    for part in (b"NaN", b"Infinity", b"1e999", b"9" * 400, b"[" * 60, b"\xff", b"\x00"):
        assert part in whole, part
    assert any(each.count(b'"one"') > 1 for each in seen)
