"""Files of hostile size and shape are refused before they fill the memory, and names that are none in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import published_rows as published
import pytest
from harness import PRINT_PEAK, SHIPPED
from sweeping import SMALL

import fleetline as fl
from fleetline.calibration import pooled
from fleetline.calibration.terms import QUANTITIES
from fleetline.catalog import system_file
from fleetline.cli import main
from fleetline.errors import InputError, printable, read_text, unknown_name
from fleetline.measurements import documents, read, tables
from fleetline.scenario import MOST_BYTES, scenario
from fleetline.sweeps import folder as sweep_folder
from fleetline.sweeps import grid, query


def refusal(ask: Callable[[], Any]) -> InputError:
    with pytest.raises(InputError) as refused:
        ask()
    assert refused.value.message.isprintable()
    return refused.value


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        (scenario, MOST_BYTES),
        (grid.read, grid.MOST_BYTES),
        (system_file.system_from_file, system_file.MOST_BYTES),
        (lambda path: read_text(path, "catalog table", 1000), 1000),
    ],
)
def test_a_file_larger_than_its_limit_is_refused(ask: Callable[[Path], Any], most: int, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(b"#" * (most + 1))
    assert f"larger than the {most:,} bytes allowed" in refusal(lambda: ask(path)).message


def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.symlink_to("/dev/zero")
    assert "larger than" in refusal(lambda: scenario(path)).message


def test_json_rows_larger_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    path = published.write_json(tmp_path, [published.api_row()] * 2)
    assert "larger than the 1,000 bytes allowed" in refusal(lambda: read(path)).message


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    path = published.write_csv(tmp_path, published.benchmark())
    path.write_text(path.read_text() + "x" * (tables.MOST_LETTERS + 1))
    assert "a line longer than the 1,000,000 letters allowed, after line 2" in refusal(lambda: read(path)).message
    path.write_text("x" * (tables.MOST_LETTERS + 1))
    assert "a line longer than" in refusal(lambda: read(path)).message


def test_more_rows_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    row = published.benchmark()
    assert read(published.write_csv(tmp_path, row, row)).total == 2
    assert "more than the 2 rows allowed" in refusal(lambda: read(published.write_csv(tmp_path, row, row, row))).message


def _parquet(path: Path, chosen: str, rows: int) -> Path:
    named = {"model": "'kimik2.5'", "hardware": "'gb200'", "conc": "1", "decode_num_workers": "8", "isl_tokens": "1"}
    named |= {"osl_tokens": "2", "statistic": "'single_run'"}
    columns = ", ".join(f"{value} AS {name}" for name, value in named.items())
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT {columns}, {chosen} FROM range({rows})) TO '{path}' (FORMAT parquet)")
    return path


def test_a_small_parquet_file_of_many_rows_is_refused_at_once(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "rows.parquet", "1 AS a", tables.MOST_ROWS + 1)
    assert path.stat().st_size < 100_000
    assert "more than the 1,000,000 rows allowed" in refusal(lambda: read(path)).message


def test_long_texts_and_nested_values_of_parquet_are_faults_of_their_rows(tmp_path: Path) -> None:
    long = read(_parquet(tmp_path / "long.parquet", f"repeat('x', {tables.PARQUET_LETTERS + 1}) AS note", 3))
    assert {each.reason for each in long.rejected} == {"'note': longer than 10,000 letters"}
    nested = read(_parquet(tmp_path / "nested.parquet", "[1, 2] AS a, {'b': 1} AS c, 'x'::BLOB AS d", 3))
    assert nested.total == 3 and not any("letters" in each.reason for each in nested.rejected)


HELD = f"""
import resource, sys
from pathlib import Path
from fleetline.errors import InputError
from fleetline.measurements import read
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
try:
    read(Path(sys.argv[1]))
except InputError as refused:
    print(refused.message)
{PRINT_PEAK}"""


@pytest.mark.long
def test_a_bomb_of_parquet_stays_within_the_memory(tmp_path: Path) -> None:
    """50,000 texts of a million letters each, from a file of some kB."""
    path = _parquet(tmp_path / "bomb.parquet", "repeat('x', 1000000) AS note", 50_000)
    assert path.stat().st_size < 1_000_000
    done = subprocess.run([sys.executable, "-c", HELD, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) < 1_500_000_000


# --- queries ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweeps") / "small"
    fl.sweep(SMALL | {"draws": 1}, out)
    return out


def test_a_query_that_takes_too_long_is_stopped(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_SECONDS", 0.3)
    endless = "select count(*) from range(1000000000) a, range(1000000000) b where a.range * b.range % 7 = 3"
    assert "longer than 0.3 seconds" in refusal(lambda: query.query(swept, endless)).message


def test_an_answer_of_too_many_rows_is_refused(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_ROWS", 5)
    assert "more than 5 rows" in refusal(lambda: query.query(swept, "select * from range(6)")).message
    assert len(query.query(swept, "select * from range(5)").rows) == 5


def test_a_query_that_does_not_fit_writes_nothing(swept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(query, "MEMORY", "50MB")
    monkeypatch.chdir(tmp_path)
    large = "select sum(x) from (select range as x from range(30000000) order by hash(range))"
    assert "Out of Memory" in refusal(lambda: query.query(swept, large)).message
    assert not list(tmp_path.iterdir())


# --- what fuzzing found -------------------------------------------------------------------------------------------------

LONG = "x" * 300  # letters of a name; file systems take 255


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\ud800", "\u2028", "\u202eabc"])
def test_a_name_that_is_not_printable_is_told_by_its_escapes(name: str) -> None:
    for ask in (lambda: fl.throughput(name, "b200"), lambda: fl.crunch(name), lambda: fl.plan(name, users=5)):
        assert "unknown" in refusal(ask).message
    assert "unknown" in refusal(lambda: scenario("today", [f"{name}=1"])).message


def test_a_name_of_any_length_has_a_short_refusal() -> None:
    refused = unknown_name("model", "x" * 100_000, ["a", "b"])
    assert len(refused.message) < 200
    assert len(printable("x" * 10**6)) < 6000


@pytest.mark.parametrize(
    "words",
    [
        ["measured", LONG],
        ["predict", f"{LONG}.csv", "--out", "out.csv"],
        ["calibrate", f"{LONG}.csv"],
        ["query", LONG, "select 1"],
        ["sweep", f"{LONG}.toml", "--out", "out"],
        ["report", "--out", LONG, "--draws", "2"],
        ["import-model", LONG],
        ["crunch", f"{LONG}.toml"],
        ["update", "--check", LONG],
    ],
    ids=lambda words: words[0],
)
def test_a_path_that_no_system_takes_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert LONG[:50] in json.loads(line)["error"]["message"]


@pytest.mark.parametrize(
    "said", [b"0", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"format": 1, "grid": 3, "made_with": 1, "chunks": 1}']
)
@pytest.mark.parametrize("name", [sweep_folder.MANIFEST, "plan.json"])
def test_a_plan_or_manifest_that_is_none_is_refused(name: str, said: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(said)
    assert refusal(lambda: fl.sweep(SMALL | {"draws": 1}, tmp_path, resume=True)).field in {"out", "sweep"}
    assert (tmp_path / name).read_bytes() == said


@pytest.mark.parametrize("cut", [0, 3, 400, -3000, -100, -1])
def test_a_fit_that_is_broken_is_one_line(cut: int, tmp_path: Path) -> None:
    whole = (SHIPPED / "pooled.npz").read_bytes()
    for content in (whole[:cut], whole[: cut or 1] + b"\0\0\0" + whole[(cut or 1) + 3 :]):
        path = tmp_path / "pooled.npz"
        path.write_bytes(content)
        try:
            pooled.load(path, dict.fromkeys(QUANTITIES))  # type: ignore[arg-type]
        except InputError as refused:
            assert "pooled.npz: cannot be read" in refused.message


def test_a_fit_with_pickles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pooled.npz"
    np.savez(path, keys=np.array([{"a": 1}], dtype=object))
    assert "allow_pickle" in refusal(lambda: pooled.load(path, {})).message


def test_new_rows_with_an_open_quote_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "announced.csv").write_text('\n"')
    assert refusal(lambda: fl.update(tmp_path)).message.startswith("announced.csv line ")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["crunch", "a\0b.toml"], "scenario"),
        (["import-model", ""], "path"),
        (["throughput", "kimi\nk2", "b200"], "model"),
        (["crunch", "today", "--draws", "3", "--set", "fleet.busy_share=0"], "fleet.busy_share"),
        (["crunch", "today", "--draws", "3", "--set", "fleet.inference_share=0"], "fleet.inference_share"),
        (["crunch", "today", "--draws", "3", "--set", "serving.speed=1e6"], "serving.workloads"),
    ],
)
def test_the_field_that_is_wrong_is_named(words: list[str], field: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    told = json.loads(capsys.readouterr().err)["error"]
    assert (stopped.value.code, told["field"]) == (2, field)
    assert told["message"].isprintable()


@pytest.mark.parametrize(
    ("name", "given"),
    [("arrivals", "poisson"), ("rate", 3.0), ("preset", "article"), ("batch", 3), ("tp", 8), ("utilisation", 0.5)],
)
def test_plan_takes_nothing_that_it_looks_for(name: str, given: Any) -> None:
    refused = refusal(lambda: fl.plan("gpt-oss-20b", users=5, systems="h100", **{name: given}))
    assert refused.field == name
    assert refused.message.endswith("cannot be given to plan")


@pytest.mark.parametrize("given", ["no", "", 0, 1, None])
def test_offline_is_true_or_false(given: Any) -> None:
    asks: list[Callable[[], Any]] = [
        lambda: fl.plan("gpt-oss-20b", users=5, systems="h100", offline=given),
        lambda: fl.throughput("gpt-oss-20b", "h100", offline=given),
        lambda: fl.frontier("gpt-oss-20b", "h100", preset="article", offline=given),
    ]
    for ask in asks:
        assert refusal(ask).message == f"offline: got {given}, allowed true or false"


def test_a_whole_number_beyond_floats_is_no_number_of_a_grid(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text('models = ["gpt-oss-20b"]\nsystems = ["b200"]\ntp = [1, ' + "9" * 400 + "]\n")
    assert "tp: got 999" in refusal(lambda: grid.read(path)).message
