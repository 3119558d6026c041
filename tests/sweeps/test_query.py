"""Questions in SQL: what they may ask, and how they are refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from sweeping import SMALL, toml

from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.sweeps.query import query
from fleetline.sweeps.sweep import sweep


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweeps") / "small"
    sweep(SMALL, out, keep_draws=True)
    return out


def test_both_tables_can_be_asked(folder: Path) -> None:
    assert query(folder, "select count(*) as n from results").records() == [{"n": 12}]
    assert query(folder, "select count(*) as n from draws").records() == [{"n": 240}]
    joined = (
        "select max(abs(r.tpot_s_p50 - d.m)) < 1e-12 from results r join (select model, system, batch, median(tpot_s) as m"
    )
    assert query(folder, f"{joined} from draws group by all) d using (model, system, batch)").rows == ((True,),)


def test_values_are_plain(folder: Path) -> None:
    found = query(
        folder, "select 1::decimal(4,1) as a, date '2026-01-02' as b, [1.5::decimal(4,1)] as c, {'x': 1} as d, null as e"
    )
    assert found.records() == [{"a": 1.0, "b": "2026-01-02", "c": [1.5], "d": {"x": 1}, "e": None}]
    assert query(folder, "describe results").columns[0] == "column_name"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select modle from results", "unknown column 'modle'; did you mean 'model'?"),
        ("select results.modle from results", "unknown column 'modle'; did you mean 'model'?"),
        ("select * from result", "unknown table 'result'; did you mean 'results'?"),
        ("select nothing(1)", "nothing does not exist"),
        ("selec 1", "syntax error"),
        ("", "got nothing, allowed one SELECT"),
        ("select 1; select 2", "allowed one SELECT"),
        ("select cast('a' as int)", "Could not convert"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, sql: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        query(folder, sql)
    assert said in refused.value.message
    assert refused.value.field == "sql"
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "attack",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('{file}')",
        "select * from read_parquet('{file}')",
        "select * from glob('/*')",
        "select * from query('select * from read_text(''{file}'')')",
        "copy results to '{file}'",
        "copy results to '{results}'",
        "explain analyze copy results to '{results}'",
        "with a as (copy results to '{file}') select 1",
        "export database '{file}'",
        "attach '{file}' as other",
        "create table more as select 1",
        "drop view results",
        "set enable_external_access = true",
        "reset lock_configuration",
        "install httpfs",
        "load httpfs",
        "pragma enable_external_access",
        "call enable_logging('x')",
        "select * from folder",
        "select * from asked",
    ],
)
def test_nothing_else_is_read_and_nothing_written(folder: Path, attack: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.parquet"
    secret.write_bytes((folder / "results.parquet").read_bytes())
    before = sorted((path, path.read_bytes()) for each in (folder, tmp_path) for path in each.iterdir())
    with pytest.raises(InputError) as refused:
        query(folder, attack.format(file=secret, results=folder / "results.parquet"))
    assert "\n" not in refused.value.message
    assert sorted((path, path.read_bytes()) for each in (folder, tmp_path) for path in each.iterdir()) == before


def test_a_folder_without_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no results\.parquet"):
        query(tmp_path, "select 1")
    (tmp_path / "results.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(InputError, match="sql: ") as refused:
        query(tmp_path, "select 1")
    assert "\n" not in refused.value.message


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid, out = toml(tmp_path / "grid.toml", SMALL), str(tmp_path / "out")
    code, said, errors = run("sweep", str(grid), "--out", out, "--workers", "1", capsys=capsys)
    assert code == 0
    assert json.loads(said)["rows"] == 12
    assert "1 of 1 chunks" in errors
    sql = "select model, min(batch) as least from results group by model order by model"
    _, said, _ = run("query", out, sql, capsys=capsys)
    assert json.loads(said) == {
        "columns": ["model", "least"],
        "rows": [{"model": "gpt-oss-120b", "least": 1.0}, {"model": "kimi-k2.6", "least": 1.0}],
    }
    _, said, _ = run("query", out, sql, "--csv", capsys=capsys)
    assert list(csv.reader(said.splitlines())) == [["model", "least"], ["gpt-oss-120b", "1.0"], ["kimi-k2.6", "1.0"]]
    code, said, errors = run("query", out, "select modle from results", capsys=capsys)
    assert (code, said, errors.count("\n")) == (2, "", 1)
    code, said, errors = run("sweep", str(grid), "--out", out, capsys=capsys)
    assert (code, said, errors.count("\n")) == (2, "", 1)
    _, said, _ = run("sweep", str(grid), "--dry-run", capsys=capsys)
    assert json.loads(said)["points"] == 240


def test_the_printed_example_can_be_swept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, example, _ = run("sweep", "--example", capsys=capsys)
    path = tmp_path / "grid.toml"
    path.write_text(example.replace("draws = 100", "draws = 2"))
    code, said, _ = run("sweep", str(path), "--out", str(tmp_path / "out"), "--workers", "1", capsys=capsys)
    assert (code, json.loads(said)["rows"]) == (0, 9600)
