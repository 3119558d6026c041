"""The report: whole or not there, offline, its sentences and figures made from results."""

from __future__ import annotations

import csv
import html
import json
import re
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from conftest import Reported
from html_outline import Element, Outline

from fleetline import reporting
from fleetline.errors import InputError
from fleetline.figures import DARK, figures, findings, first_screen, human, when
from fleetline.reporting.files import replace_all
from fleetline.reporting.page import page as page_of
from fleetline.reporting.pictures import Picture
from fleetline.reporting.plain import plain
from fleetline.reporting.report import report
from fleetline.reporting.words import linked, number, share
from fleetline.study import Results


@pytest.fixture(scope="module")
def out(reported: Reported) -> Path:
    return reported.out


def test_everything_the_interface_names_is_written(out: Path) -> None:
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    figures = {path.stem for path in (out / "figures").iterdir()}
    assert {"report.html", "results.json"} <= names
    assert len(figures) >= 10
    assert names >= {f"figures/{figure}.{kind}" for figure in figures for kind in ("svg", "png")}
    assert (out / "figures" / "speculation.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def outline(out: Path) -> Outline:
    return Outline((out / "report.html").read_text(encoding="utf-8"))


LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "image": "href", "use": "href", "source": "srcset"}


def test_the_page_needs_nothing_from_the_network(out: Path, outline: Outline) -> None:
    assert [each.attributes for each in outline.elements if LOADS.get(each.tag, "-") in each.attributes] == []
    style = "".join(each.text for each in outline.every("style"))
    assert "@import" not in style
    assert "url(" not in style
    script = "".join(each.text for each in outline.every("script"))
    assert "localStorage" in script
    assert not re.search(r"fetch|XMLHttpRequest|import\(|https?:", script)
    assert (out / "report.html").stat().st_size < 3e6  # it is sent by mail


def test_the_page_is_well_formed(outline: Outline) -> None:
    assert outline.faults == []
    ids = [each.attributes["id"] for each in outline.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids)) > 100
    assert {each.attributes["lang"] for each in outline.every("html")} == {"en"}


@pytest.mark.parametrize("broken", ["<p><b>one</p></b>", "<section>", '<p id="a" id="b"></p>', "</p>"])
def test_a_page_that_is_not_is_noticed(broken: str) -> None:
    assert Outline(broken).faults


def test_headings_lead_down_step_by_step(outline: Outline) -> None:
    levels = [int(each.tag[1]) for each in outline.every("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_parts_of_the_page_can_be_reached(outline: Outline) -> None:
    assert len(outline.every("main")) == len(outline.every("header")) == 1
    names = [each.attributes["aria-label"] for each in outline.every("nav")]
    assert len(names) == len(set(names)) == 2  # beside the text, and folded above it
    first = outline.every("a")[0]
    assert first.has("skip")
    assert first.attributes["href"] == "#main"
    chapters = [each.attributes["id"] for each in outline.every("section") if "id" in each.attributes]
    for contents in outline.every("nav"):
        assert [each.attributes["href"] for each in contents.every("a")] == [f"#{anchor}" for anchor in chapters]
    ids = {each.attributes.get("id") for each in outline.elements}
    assert {each.attributes["aria-labelledby"] for each in outline.elements if "aria-labelledby" in each.attributes} <= ids


def test_every_figure_has_words_data_and_files(out: Path, outline: Outline) -> None:
    read = _results(json.loads((out / "results.json").read_text()))
    made = {figure.name: figure for figure in figures(read)}
    assert {each.attributes["id"] for each in outline.every("figure")} == {f"figure-{name}" for name in made}
    for figure in outline.every("figure"):
        name = figure.attributes["id"].removeprefix("figure-")
        (chart,) = [each for each in figure.every("div") if each.has("chart")]
        assert chart.attributes["role"] == "img"
        assert chart.attributes["aria-label"] == made[name].description
        assert [each.attributes["class"] for each in chart.every("svg")] == ["large", "small"]
        assert len(figure.every("figcaption")[0].text) > 50
        assert len(figure.every("h3")) == 1
        links = {each.text: each for each in figure.every("a")}
        kind, _, content = links["Data (CSV)"].attributes["href"].partition(",")
        assert kind == "data:text/csv;charset=utf-8"
        assert unquote(content) == (out / "tables" / f"{made[name].table}.csv").read_text(encoding="utf-8")
        for word in ("SVG", "PNG"):
            assert (out / links[word].attributes["href"]).is_file()


def test_every_table_can_be_got_as_csv(out: Path, outline: Outline) -> None:
    got = {
        each.attributes["download"] for each in outline.every("a") if each.attributes["href"].startswith("data:text/csv")
    }
    assert got == {path.name for path in (out / "tables").iterdir()}


def test_every_colour_of_a_figure_has_its_dark_twin(outline: Outline) -> None:
    charts = [each for each in outline.every("div") if each.has("chart")]
    used = {
        part.attributes[what].upper()
        for chart in charts
        for part in _inside(chart)
        for what in ("fill", "stroke")
        if part.attributes.get(what, "none") != "none" and not part.attributes[what].startswith("url(")
    }
    assert used <= {colour.upper() for colour in DARK}
    assert len(used) > 8


def _inside(element: Element) -> list[Element]:
    return [element, *(each for child in element.children for each in _inside(child))]


def test_every_table_has_a_caption_and_heads(outline: Outline) -> None:
    tables = outline.every("table")
    assert len(tables) > 20
    for table in tables:
        assert len(table.every("caption")[0].text) > 10
        heads = table.every("th")
        assert {each.attributes["scope"] for each in heads} == {"col", "row"}
        columns = [each for each in heads if each.attributes["scope"] == "col"]
        for row in table.every("tbody")[0].every("tr"):
            assert len(row.children) == len(columns)
            assert row.children[0].tag == "th"
    for box in (each for each in outline.every("div") if each.has("box")):
        assert box.attributes["tabindex"] == "0"  # what scrolls can be scrolled with the keyboard


def test_a_scenario_without_a_mix_has_its_page(out: Path) -> None:
    read = json.loads((out / "results.json").read_text())
    for part in ("tables", "methods"):
        read[part] = {name: each for name, each in read[part].items() if not name.startswith("today")}
    results = _results(read)
    shown = figures(results)
    outline = Outline(page_of(results, shown, {figure.name: Picture({}, "", "") for figure in shown}))
    assert outline.faults == []
    ids = {each.attributes.get("id") for each in outline.elements}
    assert "market" not in ids
    assert {each.attributes["href"][1:] for each in outline.every("a") if each.attributes["href"].startswith("#")} <= ids


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


def test_the_first_screen_answers_in_five_sentences_made_from_results(out: Path) -> None:
    read = json.loads((out / "results.json").read_text())
    screen = re.search(r"<dl>(.*?)</dl>", (out / "report.html").read_text(), re.DOTALL)
    assert screen is not None
    questions = [each.question for each in first_screen(_results(read))]
    assert len(questions) == 5
    for question in questions:
        assert question in screen[1]
        assert html.escape(answer(read, question)).replace("&#x27;", "&#39;") in screen[1]
    now = {row["what"]: row for row in read["tables"]["today_now"]}
    crossing = {row["what"]: row for row in read["tables"]["today_crossover"]}["all together"]
    supply = now["supply_tok_s"]
    assert f"{human(supply['p50'])} ({human(supply['p5'])} to {human(supply['p95'])})" in answer(read, questions[0])
    load = now["load"]
    assert f"{load['p50']:.0%} of the fleet ({load['p5']:.0%} to {load['p95']:.0%})" in answer(read, questions[1])
    for point in ("p10", "p50", "p90"):
        assert when(crossing[point]).removeprefix("in ") in answer(read, questions[2])
    priced = next(row for row in read["tables"]["today_market"] if row["year"] == 2028)
    assert f"{priced['priced_out']:.0%} of the tokens" in answer(read, questions[4])


def test_every_section_leads_with_its_finding(out: Path, outline: Outline) -> None:
    found = findings(_results(json.loads((out / "results.json").read_text())))
    chapters = {each.attributes["id"]: each for each in outline.every("section") if "id" in each.attributes}
    assert set(chapters) - set(found) == {"method", "limits"}
    for anchor, words in found.items():
        assert [each.text for each in chapters[anchor].every("p") if each.has("finding")] == [words]


def test_no_key_stands_where_a_name_should(outline: Outline) -> None:
    """Names of chips and models for people; the keys of the command line in code alone."""
    keys = {"gb200-nvl72", "gb300-nvl72", "mi355x", "dsr1", "kimi-k2.6", "kimik2.5", "dynamo-trt"}
    shown = {each.text for each in outline.every("td", "th") if not each.every("code")}
    assert len(shown) > 500
    assert shown & keys == set()


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
    anchors, targets = set(re.findall(r' id="([^"]+)"', page)), set(re.findall(r' href="#([^"]+)"', page))
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


def test_a_run_that_fails_leaves_the_old_output_whole(
    reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "out"
    replace_all(old, {"report.html": b"old", "notes.txt": b"not ours"})

    def broken(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("fleetline.study.study", lambda *_, **__: reported.results)  # what is broken comes after it
    monkeypatch.setattr("fleetline.reporting.pictures.draw", lambda *_: Picture({}, "", ""))
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


@pytest.mark.parametrize(("value", "words"), [(None, ""), (0.0, "0%"), (0.0043, "0.4%"), (0.0996, "10%"), (3.18, "318%")])
def test_shares_read_as_people_write_them(value: float | None, words: str) -> None:
    assert share(value) == words


def test_addresses_can_be_followed_and_words_cannot_break_out() -> None:
    assert linked("see https://a.org/b; <i>") == 'see <a href="https://a.org/b">a.org/b</a>; &lt;i&gt;'
    edition = "@230b683739d530552d143354b4becbe7714087b4"
    assert linked(f"<i> {edition}") == f'&lt;i&gt; <span class="long">{edition}</span>'


def test_reporting_computes_nothing() -> None:
    assert not any(
        "physics" in line for path in Path(reporting.__file__).parent.glob("*.py") for line in path.read_text().splitlines()
    )
