"""The ledger: what is shipped holds, entries are scored by hand, and only by what is surely newer."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import ledger as tool
import pytest
from conftest import Tables
from harness import SHIPPED

import fleetline as fl
from fleetline.catalog.rows import LedgerRow
from fleetline.catalog.tables import read_rows
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.questions.ledgers import INPUTS, RECORDS, SERIES, inputs_hash, ledger, score
from fleetline.scenario import scenario

HEAD = list(tool.COLUMNS)
GOOGLE = [
    "2026-11-26",
    "0.0.1",
    "tokens: Google | all surfaces",
    "2027-02",
    "token/month",
    "5e15",
    "1e16",
    "2e16",
    "m",
    "h",
    "s",
]


def entry(**cells: str) -> list[str]:
    return [cells.get(column, cell) for column, cell in zip(HEAD, GOOGLE, strict=True)]


@pytest.fixture
def world(tables: Tables) -> Tables:
    """A catalog to change, with the benchmark rows beside it and one entry in its ledger."""
    for path in SHIPPED.glob("*.parquet"):
        (tables.folder / path.name).symlink_to(path)
    tables.write("ledger", [HEAD, entry()])
    return tables


def state(world: Tables, **cells: str) -> None:
    """One more statement of Google's, as the newest but for these cells."""
    line = world.repeat(
        "token_demand", world.line_of("token_demand", entity="Google", scope="all surfaces", as_of="2026-05")
    )
    for column, cell in cells.items():
        world.put("token_demand", line, column, cell)


# --- what is shipped ----------------------------------------------------------------------------------------------------


def test_the_shipped_ledger_names_what_the_releases_promise() -> None:
    rows = read_rows("ledger", LedgerRow)
    quantities = {row.quantity for row in rows}
    assert {f"tokens: {series}" for series in SERIES} <= quantities
    assert {f"{what} sold: {who}" for what in ("chips", "arithmetic") for who in ("Nvidia", "AMD", "Google")} <= quantities
    assert {f"best run: {model} on {chip} at 8192:1024" for model, chip in RECORDS} <= quantities
    assert all(len(row.inputs) == 12 for row in rows)


def test_no_entry_of_the_shipped_ledger_was_known_when_it_was_made() -> None:
    # what is in the catalog was printed before the forecasts' day: nothing can be scored with it
    made = max(row.made_on for row in read_rows("ledger", LedgerRow))
    assert all(each["known"] is None or each["known"] > made for each in score().entries)


# --- scored by hand -----------------------------------------------------------------------------------------------------


def test_an_entry_that_no_row_speaks_of_is_open(world: Tables) -> None:
    (found,) = score().entries
    assert (found["status"], found["came"], found["inside"], found["pinball"]) == ("open", None, None, None)
    assert score().summary == {"entries": 1, "scored": 0, "inside": None, "bias": None, "pinball": None}


def test_a_statement_scores_its_entry(world: Tables) -> None:
    state(world, tokens_central="1.5e16", as_of="2027-02", announced="2027-02-04")
    (found,) = score().entries
    assert (found["status"], found["known"], found["inside"]) == ("scored", "2027-02-04", True)
    assert found["came"] == pytest.approx(1.5e16)
    assert found["log_error"] == pytest.approx(math.log(1.5))
    # by hand: errors ln 3, ln 1.5, ln 0.75
    assert found["pinball"] == pytest.approx(
        (0.05 * math.log(3.0) + 0.5 * math.log(1.5) + 0.05 * math.log(4.0 / 3.0)) / 3.0
    )
    assert score().summary["bias"] == found["log_error"]


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"as_of": "2027-02", "announced": "2027-02-04"}, "scored"),
        ({"as_of": "2027-Q1", "announced": "2027-04"}, "scored"),  # a quarter that holds the month
        ({"as_of": "2027-03", "announced": "2027-04"}, "open"),
        ({"as_of": "2027-02", "announced": "2026-11-26"}, "open"),  # known when it was made
        ({"as_of": "2027-02", "announced": "2026-11"}, "open"),  # may have been
        ({"as_of": "2027-02", "announced": "2027-02-04", "scope": "some surfaces"}, "open"),
        ({"as_of": "2027-02", "announced": "2027-02-04", "basis": "forecast"}, "open"),
    ],
)
def test_only_what_is_surely_newer_and_of_the_date_scores(cells: dict[str, str], status: str, world: Tables) -> None:
    state(world, **cells)
    assert [each["status"] for each in score().entries] == [status]


def test_tokens_are_held_in_the_entry_s_period(world: Tables) -> None:
    # a day's tokens against a month's: a month is 365.25 / 12 days
    state(world, tokens_central="4e14", per="day", as_of="2027-02", announced="2027-02-04")
    (found,) = score().entries
    assert found["came"] == pytest.approx(4e14 * 365.25 / 12.0)


@pytest.mark.parametrize(("incomplete", "status"), [("", "scored"), ("true", "floor")])
def test_a_quarter_in_part_is_a_floor_and_a_whole_one_scores(incomplete: str, status: str, world: Tables) -> None:
    world.write("ledger", [HEAD, entry(quantity="chips sold: AMD", date="2026-Q2", made_on="2026-06-30", unit="chip")])
    line = world.line_of("chip_sales", chip_type="MI355X", start_date="2026-04-01")
    world.put("chip_sales", line, "incomplete", incomplete)
    (found,) = score().entries
    # chip_sales 2026-09-24
    assert (found["status"], found["came"]) == (status, 16_816 + 14_242 + 23_312 + 65_031)
    assert found["inside"] is (False if status == "scored" else None)


def test_a_record_scores_when_runs_go_beyond_its_date(world: Tables) -> None:
    quantity = "best run: dsr1 on mi355x at 8192:1024"
    rows = [
        entry(quantity=quantity, date=date, made_on="2026-02-01", unit="output token/s/GPU")
        for date in ("2026-02", "2026-12")
    ]
    world.write("ledger", [HEAD, *rows])
    past, ahead = score().entries
    assert past["status"] == "scored"
    assert past["came"] == pytest.approx(226.0, abs=1.0)  # runs_with_ttft: the best until the end of February
    assert ahead["status"] == "open"  # the newest dated run is of June


def test_a_ledger_that_does_not_hold_is_one_line(world: Tables) -> None:
    world.write("ledger", [HEAD, entry(p5="3e16")])
    with pytest.raises(InputError, match=r"ledger\.csv line 2, column forecast: low, central and high are out of order"):
        score()
    world.write("ledger", [HEAD, entry(), entry()])
    with pytest.raises(InputError, match=r"ledger\.csv line 3, column date: two rows of"):
        score()


# --- made ---------------------------------------------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_entries_and_others_another_hash(tmp_path: Path) -> None:
    one, other = (ledger(draws=50, out=tmp_path / name) for name in ("a.csv", "b.csv"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert one == other
    assert one.inputs == inputs_hash(scenario("today")) != inputs_hash(scenario("today", ["fleet.lag=0.5"]))
    with (tmp_path / "a.csv").open() as file:
        assert list(csv.DictReader(file).fieldnames or []) == HEAD
    assert "chip_sales" in INPUTS


def test_a_release_s_rows_are_written_once_and_others_kept(world: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    old, made = world.read("ledger")[1], ledger(draws=20)
    monkeypatch.setattr(tool, "ledger", lambda: made)
    tool.main(world.folder, again=False)
    written = world.read("ledger")
    assert written[1] == old
    assert len(written) > 80
    with pytest.raises(SystemExit, match="a forecast is not changed"):
        tool.main(world.folder, again=False)
    tool.main(world.folder, again=True)
    assert world.read("ledger") == written


def test_a_scenario_that_carries_nothing_on_has_no_ledger() -> None:
    with pytest.raises(InputError, match=r"a ledger needs fleet\.sales_growth"):
        fl.ledger("article")


def test_commands_print_the_documented_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for arguments in (["ledger", "--draws", "50"], ["score"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert {"made_on", "release", "scenario", "changed_lines", "inputs", "entries"} == set(answers[0])
    assert {"status", "came", "known", "inside", "log_error", "pinball"} <= set(answers[1]["entries"][0])
    with pytest.raises(SystemExit) as stopped:
        main(["ledger", "--draws", "50", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "out: cannot write to" in json.loads(capsys.readouterr().err)["error"]["message"]
