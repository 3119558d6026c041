"""Adding a quarter: new rows are held against the rules, and what they move is said before they are in."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forecasts
import pytest
from harness import SHIPPED

import fleetline as fl
from fleetline.catalog.tables import data_folder
from fleetline.cli import main

Rows = list[dict[str, str]]


def shipped(table: str) -> tuple[list[str], Rows]:
    with (SHIPPED / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file)
        return list(read.fieldnames or []), list(read)


def put(folder: Path, table: str, rows: Rows, header: list[str] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header or shipped(table)[0], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def edition(**cells: str) -> Rows:
    """The newest sales once more as a later edition, with Nvidia's third quarter of 2026 whole."""
    rows = [dict(row) for row in shipped("chip_sales")[1] if row["vintage"] == "2026-09-24"]
    for row in rows:
        row.update({"vintage": "2027-01-15", "retrieved_or_published": "2027-01-15"})
        if (row["designer"], row["start_date"]) == ("Nvidia", "2026-07-01"):
            grown = {key: str(4.0 * float(row[key])) for key in row if key.startswith(("units", "h100e"))}
            row.update({"incomplete": ""} | grown)
    rows[-1] |= cells
    return rows


def statement(**cells: str) -> Rows:
    row = next(row for row in shipped("token_demand")[1] if row["scope"] == "all surfaces" and row["as_of"] == "2026-05")
    new = {
        "as_of": "2027-02",
        "announced": "2027-02-04",
        "tokens_central": "9e15",
        "tokens_per_second_computed": "3422313483",
    }
    return [row | new | cells]


def test_a_quarter_of_sales_and_a_statement(tmp_path: Path) -> None:
    put(tmp_path, "chip_sales", edition())
    put(tmp_path, "token_demand", statement())
    before = {path.name: path.stat().st_mtime_ns for path in data_folder().iterdir()}
    found = fl.update(tmp_path, draws=50)
    assert found.tables is not None and found.moved is not None and found.scored is not None
    assert {each["table"]: each["rows"] for each in found.tables} == {"chip_sales": 160, "token_demand": 1}
    assert found.settings == ["fleet.vintage=2027-01-15"]
    assert found.notices == []
    moved = {each["what"]: (each["before"], each["after"]) for each in found.moved}
    # by hand: four times a partial quarter of 470,000 chips is over what was carried on, 1.88 million in the median
    assert moved["supply, in the reference's output"][0] != moved["supply, in the reference's output"][1]
    # 9 quadrillion a month is under the forecast of 11: fewer tokens are asked for
    assert moved["tokens asked for, input and output"][0] > moved["tokens asked for, input and output"][1]
    scored = {(each["quantity"], each["date"]): each for each in found.scored}
    assert scored["tokens: Google | all surfaces", "2027-02"]["came"] == pytest.approx(9e15, rel=1e-6)
    assert scored["chips sold: Nvidia", "2026-Q3"]["came"] == pytest.approx(4 * (53_191 + 408_898 + 7_742))
    assert ("chips sold: AMD", "2026-Q3") not in scored
    # nothing of the catalog was touched, and it is read again
    assert {path.name: path.stat().st_mtime_ns for path in data_folder().iterdir()} == before
    assert fl.update(tmp_path, draws=50) == found


def test_a_series_without_a_place_is_noticed(tmp_path: Path) -> None:
    put(tmp_path, "token_demand", statement(entity="Somebody"))
    found = fl.update(tmp_path, draws=20)
    assert found.notices == ["Somebody | all surfaces: not in demand_series, so it counts nowhere"]
    assert found.scored == []
    assert found.moved is not None
    assert all(each["before"] == each["after"] for each in found.moved)


def test_a_chip_that_was_not_sold_before_brings_its_rows(tmp_path: Path) -> None:
    last = edition()[-1]
    put(tmp_path, "chip_sales", [*edition(), last | {"chip_type": "VR200"}])
    fleet = {"fleet": "all", "chip_type": "VR200", "system": "vr200-nvl72", "source": "guess"}
    put(tmp_path, "fleets", [dict.fromkeys(shipped("fleets")[0], "") | fleet])
    found = fl.update(tmp_path, draws=20)
    assert found.notices == ["announced.csv line 2: VR200 NVL72 is sold now, as VR200; take its row out"]


def test_without_a_folder_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["update"])
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tables"] is None
    page = (Path(__file__).parents[1] / "docs" / "update.md").read_text(encoding="utf-8")
    assert page == forecasts.steps()
    assert all(step in page for step in found["steps"])


def table(name: str, rows: Callable[[], Rows]) -> Callable[[Path], None]:
    return lambda folder: put(folder, name, rows())


def wrong_header(folder: Path) -> None:
    put(folder, "token_demand", statement(), shipped("token_demand")[0][:-1])


def nothing(folder: Path) -> None:
    put(folder, "token_demand", [])


def other_table(folder: Path) -> None:
    (folder / "token_demnd.csv").write_text("entity\nx\n")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "check: no new rows in"),
        (other_table, "unknown table to update 'token_demnd'; did you mean 'token_demand'?"),
        (wrong_header, "token_demand.csv: got the columns"),
        (table("token_demand", lambda: statement(tokens_per_second_computed="1e9")), "9e+15 tokens a month are 3.422e+09"),
        (
            table("token_demand", lambda: statement(announced="2027-01-31")),
            "column announced: announced 2027-01-31, before",
        ),
        (table("token_demand", lambda: statement(per="fortnight")), "column per: got 'fortnight'"),
        (table("token_demand", lambda: statement(tokens_low="1e17")), "low, central and high are out of order"),
        (table("token_demand", lambda: statement(source="")), "column source: got ''; the cell is empty"),
        (table("chip_sales", lambda: edition(vintage="2026-09-24")), "column start_date: two rows of 2026-09-24"),
        (
            table("chip_sales", lambda: edition(vintage="2026-09-24", start_date="2026-10-01", end_date="2026-12-31")),
            "is out and is",
        ),
        (table("chip_sales", lambda: edition(start_date="2026-06-30")), "is no calendar quarter"),
        (
            table("chip_sales", lambda: edition(vintage="2027-01-16")),
            "got the editions 2027-01-15, 2027-01-16, allowed one",
        ),
        (table("chip_sales", lambda: edition(units_p5="9e9")), "units: low, central and high are out of order"),
        (table("chip_sales", lambda: edition(chip_type="R200")), "the fleet 'all' counts 0 of the R200"),
    ],
)
def test_rows_that_do_not_hold_are_one_line(
    make: Callable[[Path], Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["update", "--check", str(tmp_path), "--draws", "20"])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in json.loads(err)["error"]["message"]


def test_a_folder_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["update", "--check", str(tmp_path / "nowhere")])
    assert "allowed a folder of CSV files" in json.loads(capsys.readouterr().err)["error"]["message"]
