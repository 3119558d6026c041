"""More worlds than memory holds: chunks of their own, put together; few worlds' answers stay what they were."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from harness import PRINT_PEAK

import fleetline as fl
from fleetline import study as study_of
from fleetline.beliefs import Worlds
from fleetline.questions import chunked, crunches
from fleetline.questions.chunked import chunks, in_chunks, together
from fleetline.questions.worlds import interval
from fleetline.scenario import scenario
from fleetline.study import today, world
from fleetline.study.results import Asked, Rows, Section, once


def test_few_worlds_are_one_chunk_and_their_answer_is_what_it_was() -> None:
    assert chunks(Worlds(10_000, 3)) == [Worlds(10_000, 3)]
    direct = crunches._crunch(scenario("today"), Worlds(60, 5))
    assert asdict(fl.crunch("today", draws=60, seed=5)) == asdict(direct)


def test_many_worlds_are_chunks_of_their_own() -> None:
    parts = chunks(Worlds(25_000, 3))
    assert [(part.count, part.chunk, part.seed) for part in parts] == [(10_000, 0, 3), (10_000, 1, 3), (5_000, 2, 3)]
    first, second = (part.scores("a name") for part in parts[:2])
    np.testing.assert_array_equal(first, Worlds(10_000, 3).scores("a name"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.04


def test_answers_are_put_together_by_their_worlds() -> None:
    found = together(
        [
            {"p50": 1.0, "word": "a", "day": "2027-01-01", "rows": [{"n": 3}], "none": None, "some": None},
            {"p50": 3.0, "word": "a", "day": "2026-01-01", "rows": [{"n": 3}], "none": None, "some": 2.0},
            {"p50": 5.0, "word": "a", "day": "before 2025-01-01", "rows": [{"n": 3}], "none": None, "some": 4.0},
        ],
        [2.0, 1.0, 1.0],
    )
    assert found == {"p50": 2.5, "word": "a", "day": "2026-01-01", "rows": [{"n": 3}], "none": None, "some": 3.0}
    assert together(["after 2030-01-01", "2027-01-01", "before 2020-01-01"], [1, 1, 1]) == "2027-01-01"
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        together([[1.0, 2.0], [1.0]], [1, 1])


def test_quantiles_of_chunks_are_near_those_of_all() -> None:
    # a lognormal as wide as the load; the exact quantiles of all its worlds are known
    worlds = Worlds(200_000)
    every = np.concatenate([np.exp(0.7 * part.scores("load")) for part in chunks(worlds)])
    found, exact = in_chunks(lambda part: interval(np.exp(0.7 * part.scores("load"))), worlds), interval(every)
    chance = 0.7 * np.sqrt(0.05 * 0.95 / len(every)) / 0.103  # of the 95% point: root of p (1 - p) / n over the density
    for point in ("p5", "p50", "p95"):
        assert np.log(found[point] / exact[point]) == pytest.approx(0.0, abs=chance)


def test_a_question_in_chunks_is_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fl.crunch("today", draws=400).mix
    monkeypatch.setattr(chunked, "CHUNK", 100)
    parts = fl.crunch("today", draws=400)
    assert (parts.draws, parts.mix is None) == (400, False)
    assert whole is not None
    assert parts.mix is not None
    for key in ("supply_tok_s", "demand_tok_s", "tokens_asked_tok_s"):
        assert parts.mix[key]["p50"] == pytest.approx(whole[key]["p50"], rel=0.1)
    assert replace(parts, workloads=()).scenario == "today"


def test_a_study_in_chunks_is_of_all_its_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[Asked] = []

    def walk(asked: Asked) -> Rows:
        """A question of no world."""
        walks.append(asked)
        return [{"step": "none"}]

    worlds = Section((today.today_now,), of_worlds=True, of_the_answer=True)
    monkeypatch.setattr(today, "ANSWER", (worlds, Section((walk,))))
    monkeypatch.setattr(study_of, "ARGUMENT", (Section((world.crossover,), of_worlds=True),))
    monkeypatch.setattr(chunked, "CHUNK", 40)
    found = study_of.study("0", scenario("today"), draws=100).tables
    assert len(walks) == 1  # not once a chunk
    parts = [Worlds(40, 0, 0), Worlds(40, 0, 1), Worlds(20, 0, 2)]
    alone = [today.today_now(Asked(scenario("today"), part, 0))[0]["p50"] for part in parts]
    assert found["today_now"][0]["p50"] == pytest.approx(np.average(alone, weights=[40, 40, 20]))
    assert len(set(alone)) == 3  # the control: each chunk has worlds of its own


def test_an_answer_kept_is_forgotten_with_what_was_asked() -> None:
    times = []

    @once
    def count(asked: Asked) -> int:
        times.append(asked.seed)
        return len(times)

    one, other = (Asked(scenario(), Worlds(2), seed) for seed in (0, 1))
    assert (count(one), count(one), count(other)) == (1, 1, 2)
    del one
    assert count(Asked(scenario(), Worlds(2), 0)) == 3


@pytest.mark.long
def test_a_report_of_many_worlds_stays_below_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    """Four chunks: what a chunk needs is given back after it. A million worlds are a line of docs/speed.md."""
    assert _peak(f"fl.report('today', draws=40_000, out={str(tmp_path)!r})") < 1.5e9


@pytest.mark.long
def test_a_hundred_thousand_worlds_stay_below_a_gigabyte_and_a_half(record_property: Callable[[str, object], None]) -> None:
    most = _peak("fl.crunch('today', draws=100_000)")
    record_property("megabytes", round(most / 1e6))
    assert most < 1.5e9


def _peak(asked: str) -> int:
    """The most memory [byte] of a process that asks this."""
    code = f"import fleetline as fl\n{asked}\n{PRINT_PEAK}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])
