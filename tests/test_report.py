"""The report: whole or not there, offline, its sentences and figures made from results."""

from __future__ import annotations

import csv
import html
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from fleetline import reporting
from fleetline.errors import InputError
from fleetline.figures import first_screen, human, when
from fleetline.reporting import report
from fleetline.reporting.files import replace_all
from fleetline.reporting.page import number
from fleetline.reporting.plain import plain
from fleetline.study import Results


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "out"
    report(out=folder)
    return folder


def test_everything_the_interface_names_is_written(out: Path) -> None:
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    figures = {path.stem for path in (out / "figures").iterdir()}
    assert {"report.html", "results.json"} <= names
    assert len(figures) >= 10
    assert names >= {f"figures/{figure}.{kind}" for figure in figures for kind in ("svg", "png")}
    assert (out / "figures" / "speculation.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_needs_nothing_from_the_network(out: Path) -> None:
    page = (out / "report.html").read_text()
    outside_scripts = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?([^\"'> ]+)", outside_scripts)
    assert loaded == []
    assert "vegaEmbed" in page


def test_the_headline_is_the_result(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    lead = re.search(r"<p>(The GB200 and GB300 racks sold by .*?)</p>", (out / "report.html").read_text(), re.DOTALL)
    assert lead is not None
    short, long = (
        next(row for row in results["tables"]["world_supply"] if (row["case"], row["workload"]) == ("article", workload))
        for workload in ("8000:1000", "128000:1000")
    )
    # article, The present and future of inference: 500 million to 20 billion
    assert (human(long["p50"]), human(short["p50"])) == ("460 million", "20 billion")
    assert all(words in lead.group(1) for words in (human(long["p50"]), human(short["p50"])))
    for row in results["tables"]["crossover"]:
        assert when(row["p50"]) in lead.group(1) or row["workload"] == "25000:1000"


def test_agents_and_energy_are_the_commands_answers(out: Path) -> None:
    tables = json.loads((out / "results.json").read_text())["tables"]
    cells = {(row["model"], row["hardware"], row["speed_tok_s_user"]): row for row in tables["agents_per_gpu"]}
    # Epoch AI, How many AI agents could run on the AI chips shipped through 2027?, table B4: agents of a GB300
    for model, at_50, at_100 in (("dsv4", 31.43, 14.42), ("glm5.2", 9.46, 7.85), ("kimik3", 3.97, 1.77)):
        for speed, expected in ((50.0, at_50), (100.0, at_100)):
            assert cells[model, "gb300", speed]["measured"] == pytest.approx(expected, abs=0.005)
    page = (out / "report.html").read_text()
    assert "a GB300 carries 31 agents of DeepSeek V4 Pro or 4 of Kimi K3" in page
    (whole,) = [row for row in tables["energy_checks"] if row["what"].startswith("power for all")]
    assert f"All AI chips sold by 2025 need {whole['p50']:.0f} GW (30 published)" in page


def answer(results: dict[str, Any], question: str) -> str:
    page = re.sub("<[^>]+>", "", next(each.words for each in first_screen(_results(results)) if each.question == question))
    return str(page)


def _results(read: dict[str, Any]) -> Results:
    return Results(**read)


def test_the_first_screen_answers_in_sentences_made_from_results(out: Path) -> None:
    read = json.loads((out / "results.json").read_text())
    screen = re.search(r'<div class="answer">(.*?)</div>', (out / "report.html").read_text(), re.DOTALL)
    assert screen is not None
    questions: tuple[str, ...] = ("How much can the world serve now?", "How much does it ask for?", "When do they cross?")
    questions += ("What decides it?", "What changed since the article?")
    for question in questions:
        assert question in screen[1]
        assert html.escape(answer(read, question)).replace("&#x27;", "&#39;") in screen[1]
    now = {row["what"]: row for row in read["tables"]["today_now"]}
    crossing = {row["what"]: row for row in read["tables"]["today_crossover"]}["all together"]
    assert human(now["supply_tok_s"]["p50"]) in answer(read, questions[0])
    assert f"{now['load']['p50']:.0%}" in answer(read, questions[1])
    for point in ("p10", "p50", "p90"):
        assert when(crossing[point]) in answer(read, questions[2])


def test_a_sentence_follows_its_results(out: Path) -> None:
    # the control: other results, other words
    read = json.loads((out / "results.json").read_text())
    before = answer(read, "How much can the world serve now?")
    next(row for row in read["tables"]["today_now"] if row["what"] == "supply_tok_s")["p50"] = 123e12
    after = answer(read, "How much can the world serve now?")
    assert before != after
    assert "120 trillion" in after


def test_every_link_of_the_page_leads_somewhere(out: Path) -> None:
    page = re.sub(r"<script>.*?</script>", "", (out / "report.html").read_text(), flags=re.DOTALL)
    anchors, targets = set(re.findall(r'id="([^"]+)"', page)), set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= anchors
    assert {"data-world_supply", "data-crossover", "assumption-growth.supply"} <= targets


def test_every_assumption_and_every_table_says_where_it_comes_from(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    assert all(line["source"].strip() for line in results["assumptions"])
    assert set(results["methods"]) == set(results["tables"])
    assert all(method.endswith(".") for method in results["methods"].values())


def test_tables_hold_what_results_hold(out: Path) -> None:
    results = json.loads((out / "results.json").read_text())
    for name, rows in results["tables"].items():
        with (out / "tables" / f"{name}.csv").open() as file:
            written = list(csv.DictReader(file))
        assert len(written) == len(rows) > 0
        assert list(written[0]) == list(rows[0])


def test_the_same_inputs_give_the_same_bytes(out: Path, tmp_path: Path) -> None:
    for path in report(out=tmp_path / "again"):
        assert path.read_bytes() == (out / path.relative_to(tmp_path / "again")).read_bytes(), path.name


def test_a_run_that_fails_leaves_the_old_output_whole(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "out"
    replace_all(old, {"report.html": b"old", "notes.txt": b"not ours"})

    def broken(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("fleetline.reporting.page.page", broken)
    with pytest.raises(KeyboardInterrupt):
        report(out=old)
    assert (old / "report.html").read_bytes() == b"old"
    assert sorted(path.name for path in old.iterdir()) == ["notes.txt", "report.html"]


def test_a_disk_that_fills_up_leaves_the_old_output_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_all(tmp_path, {"a.txt": b"old", "b.txt": b"old"})
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "b.txt":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        replace_all(tmp_path, {"a.txt": b"new", "b.txt": b"new"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"old", "b.txt": b"old"}


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match=r"out: cannot write to .*it is a file"):
        replace_all(tmp_path / "out", {"a.txt": b"new"})


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    (path,) = replace_all(tmp_path / "out", {"a.txt": b"new"})
    assert path.stat().st_mode & stat.S_IRGRP


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    replace_all(tmp_path, {"a.txt": b"new"})
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_plain_values_are_strict_json() -> None:
    assert plain({"a": float("nan"), "b": (1.5, float("inf"))}) == {"a": None, "b": [1.5, None]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (0.0, "0"),
        (0.000889, "8.890e-4"),
        (4.0, "4"),
        (1086.15, "1,086"),
        (375_685.2, "375,685"),
        (5e11, "500 billion"),
    ],
)
def test_numbers_read_as_people_write_them(value: float | None, words: str) -> None:
    assert number(value) == words


def test_reporting_computes_nothing() -> None:
    assert not any(
        "physics" in line for path in Path(reporting.__file__).parent.glob("*.py") for line in path.read_text().splitlines()
    )
