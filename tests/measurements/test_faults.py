"""What is wrong with a row rejects that row, and what is wrong with a file is one line that names it."""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import published_rows as published
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_rows import complete, csv_text, only, reason, write_csv, write_dump, write_json

from fleetline.errors import InputError
from fleetline.measurements import Measurement, Table, read

Rows = Callable[..., published.Row]
CSV_ROWS: list[Rows] = [published.benchmark, published.run, published.agentx, published.dashboard]
JSON_ROWS: list[Rows] = [published.api_row, published.artifact, published.artifact_of_nodes]


def refusal(path: Path) -> str:
    """What the file is refused with: one line that names it."""
    with pytest.raises(InputError) as caught:
        read(path)
    message = caught.value.message
    assert "\n" not in message
    assert path.name in message
    return message


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"conc": "abc"}, "conc: got 'abc', allowed a whole number over 0"),
        ({"conc": ""}, "conc: empty or missing, needed: a whole number over 0"),
        ({"conc": "0"}, "conc: got '0', allowed a whole number over 0"),
        ({"conc": "-4"}, "conc: got '-4', allowed a whole number over 0"),
        ({"conc": "2.5"}, "conc: got '2.5', allowed a whole number over 0"),
        ({"conc": "1_000"}, "conc: got '1_000', allowed a whole number over 0"),
        ({"conc": "1e999"}, "conc: got '1e999', allowed a whole number over 0"),
        ({"conc": "\x1c8 x"}, r"conc: got '\x1c8 x', allowed a whole number over 0"),
        ({"conc": "9" * 20}, f"conc: got '{'9' * 20}', allowed at most 1000000000"),
        ({"model": " "}, "model: empty or missing, needed"),
        ({"hardware": ""}, "hardware: empty or missing, needed"),
        ({"hardware": "gb\u200b200"}, r"hardware: got 'gb\u200b200', allowed printable text on one line"),
        ({"hardware": "gb\x00200"}, r"hardware: got 'gb\x00200', allowed printable text on one line"),
        ({"isl_tokens": ""}, "isl_tokens: empty or missing, needed: a whole number over 0"),
        ({"osl_tokens": "long"}, "osl_tokens: got 'long', allowed a whole number over 0"),
        ({"decode_tp": "four"}, "decode_tp: got 'four', allowed a whole number, 0 or more"),
        ({"prefill_num_workers": "-1"}, "prefill_num_workers: got '-1', allowed a whole number, 0 or more"),
        ({"disagg": "maybe"}, "disagg: got 'maybe', allowed true, false, t, f, 1, 0"),
        ({"date": "yesterday"}, "date: got 'yesterday', allowed a date as YYYY-MM-DD"),
        ({"date": "2026-02-30"}, "date: got '2026-02-30', allowed a date as YYYY-MM-DD"),
        ({"statistic": "mode"}, "statistic: got 'mode', allowed median_over_runs, single_run, single_run_rounded"),
        ({"benchmark_type": "chat"}, "benchmark_type: got 'chat', allowed single_turn, agentic_traces"),
    ],
)
def test_a_cell_that_cannot_be_used_rejects_its_row(tmp_path: Path, changed: dict[str, str], expected: str) -> None:
    table = complete(read(write_csv(tmp_path, published.benchmark(), published.benchmark(row_id=2, **changed))))
    assert [row.row_id for row in table.rows] == ["1"]
    assert [(row.row_id, row.line, row.reason) for row in table.rejected] == [("2", 3, expected)]


@pytest.mark.parametrize("cell", ["NaN", "abc", "-1", "0", "1e999", "Infinity", "-inf", "0x10", "1,5", "\u0661"])
@pytest.mark.parametrize(
    ("rows", "column"),
    [
        (published.benchmark, "median_tpot_s"),
        (published.benchmark, "median_ttft_s"),
        (published.benchmark, "tput_per_gpu_tok_s"),
        (published.run, "mean_ttft_s"),
        (published.agentx, "median_intvty_tok_s_user"),
        (published.dashboard, "Median TPOT (s)"),
    ],
)
def test_a_measured_value_is_a_positive_number_or_absent(tmp_path: Path, rows: Rows, column: str, cell: str) -> None:
    expected = f"{column}: got '{cell}', allowed a finite number over 0, or nothing"
    assert reason(write_csv(tmp_path, rows(**{column: cell}))) == expected
    assert only(write_csv(tmp_path, rows(**{column: " "}))) is not None


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "-1", "0", "true", '"abc"', "[]", "9" * 5000])
def test_a_measured_value_of_json_is_a_positive_number_or_null(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.json"
    sound = json.dumps(published.api_row())
    path.write_text(f"[{sound}, {sound.replace('0.02,', f'{text},', 1)}]", encoding="utf-8")
    table = complete(read(path))
    assert len(table.rows) == 1
    (rejected,) = table.rejected
    assert (rejected.row_id, rejected.line) == ("4711", 2)
    assert rejected.reason.startswith("median_tpot: got ")


def test_rates_beyond_numbers_reject_the_row(tmp_path: Path) -> None:
    row = published.benchmark(statistic="single_run", output_tput_per_gpu_tok_s="1e308")
    assert "a number from 1e-12 to 1e+15" in reason(write_csv(tmp_path, row))
    assert "a number from 1e-12" in reason(write_csv(tmp_path, published.agentx(median_intvty_tok_s_user="1e-320")))


@pytest.mark.parametrize("cells", [["1"], ["x"] * 3, ["x"] * 200])
def test_a_row_of_another_length_is_rejected_alone(tmp_path: Path, cells: list[str]) -> None:
    path = write_csv(tmp_path, published.benchmark())
    header, row = path.read_text().splitlines()
    path.write_text("\n".join([header, ",".join(cells), row, ""]))
    table = complete(read(path))
    assert [row.line for row in table.rows] == [3]
    width = len(header.split(","))
    assert [(row.line, row.reason) for row in table.rejected] == [(2, f"{len(cells)} cells, the header has {width}")]


@pytest.mark.parametrize("broken", ['"open', "stray\rend", 'a"b",c"', '"a"b', "x" * 200_000 + ',"'])
def test_a_broken_quote_swallows_no_other_row(tmp_path: Path, broken: str) -> None:
    path = write_csv(tmp_path, published.benchmark(source='one, "two"'))
    header, row = path.read_text().splitlines()
    path.write_text("\n".join([header, row, broken, *[row] * 30, broken, row, ""]))
    table = complete(read(path))
    assert [row.line for row in table.rejected] == [3, 34]
    assert [row.line for row in table.rows] == [2, *range(4, 34), 35]


def test_a_quoted_cell_may_hold_a_line_break_and_lines_stay_right(tmp_path: Path) -> None:
    note = published.benchmark(note="first\nsecond")
    path = write_csv(tmp_path, note, note)
    table = complete(read(path))
    assert [row.line for row in table.rows] == [2, 4]


def test_blank_lines_are_no_rows_and_line_ends_are_any(tmp_path: Path) -> None:
    text = csv_text([published.benchmark(), published.benchmark()])
    path = tmp_path / "rows.csv"
    for end in ("\r\n", "\r", "\n\n", "\n \n"):
        path.write_bytes(("\ufeff" + text.replace("\n", end)).encode())
        assert complete(read(path)).total == len(complete(read(path)).rows) == 2


@pytest.mark.parametrize("element", [1, None, "text", [], True])
def test_an_element_that_is_no_object_is_rejected_alone(tmp_path: Path, element: object) -> None:
    table = complete(read(write_json(tmp_path, [published.api_row(), element, published.api_row()])))
    assert len(table.rows) == 2
    assert [(row.row_id, row.line) for row in table.rejected] == [("#2", 2)]
    assert table.rejected[0].reason.endswith(", allowed an object")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"metrics": "none"}, "metrics: got 'none', allowed an object"),
        ({"model": ["kimik2.5"]}, "model: got ['kimik2.5'], allowed text"),
        ({"model": "\ud800"}, r"model: got '\ud800', allowed printable text on one line"),
        ({"conc": True}, "conc: got True, allowed a whole number over 0"),
        ({"conc": None}, "conc: empty or missing, needed: a whole number over 0"),
        ({"isl": None}, "isl: empty or missing, needed: a whole number over 0"),
        ({"decode_dp_attention": "perhaps"}, "decode_dp_attention: got 'perhaps', allowed true, false, t, f, 1, 0"),
        ({"id": {}}, "id: got {}, allowed text"),
    ],
)
def test_a_json_value_that_cannot_be_used_rejects_its_row(tmp_path: Path, changed: published.Row, expected: str) -> None:
    table = complete(read(write_json(tmp_path, [published.api_row(), published.api_row(**changed)])))
    assert (len(table.rows), [row.reason for row in table.rejected]) == (1, [expected])


def test_a_key_that_stands_twice_rejects_its_row(tmp_path: Path) -> None:
    path, sound = tmp_path / "rows.json", json.dumps(published.api_row())
    inner = sound.replace('"metrics": {', '"metrics": {"median_tpot": 3, ')
    outer = sound.replace('"conc": 256', '"conc": 256, "conc": 8')
    path.write_text(f"[{sound}, {outer}, {inner}]")
    table = complete(read(path))
    assert len(table.rows) == 1
    twice = [row.reason for row in table.rejected]
    assert twice == ["'conc' stands twice in one object", "metrics: 'median_tpot' stands twice in one object"]


def test_metrics_of_a_dump_that_are_no_json_reject_their_row(tmp_path: Path) -> None:
    results = [published.result_row(), published.result_row(metrics="{"), published.result_row(metrics="[" * 100_000)]
    first, second = complete(read(write_dump(tmp_path, results))).rejected
    assert first.reason.startswith("metrics: not JSON: ")
    assert second.reason == "metrics: not a table: JSON nested too deep"


def test_a_broken_configuration_of_a_dump_rejects_its_rows_alone(tmp_path: Path) -> None:
    configs = [published.config_row(), published.config_row(id=6, decode_tp="x")]
    table = complete(read(write_dump(tmp_path, [published.result_row(), published.result_row(config_id=6)], configs)))
    assert (len(table.rows), len(table.rejected)) == (1, 1)
    assert table.rejected[0].reason == "decode_tp: got 'x', allowed a whole number, 0 or more"


def test_a_failed_artifact_is_rejected(tmp_path: Path) -> None:
    row = published.artifact(num_requests_successful=0, num_requests_total=640)
    assert reason(write_json(tmp_path, [row])) == "num_requests_successful: 0, the run failed"


def test_the_pool_of_a_fault_is_named(tmp_path: Path) -> None:
    """Labels of two columns name both."""
    assert reason(write_json(tmp_path, [published.artifact(model="")])).startswith("infmax_model_prefix, model: ")
    assert reason(write_csv(tmp_path, published.dashboard(**{"Hardware Key": "", "Hardware": ""}))).startswith("Hardware")


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty, no rows"),
        (b" \n\n", "empty, no rows"),
        (b"\xef\xbb\xbf", "no known form"),
        (csv_text([published.benchmark()]).splitlines()[0].encode(), "no rows"),
        (b"model,hardware\xff\n", "not UTF-8 text"),
        (csv_text([published.benchmark()]).encode() * 500 + b"\xff\n", "not UTF-8 text"),
        (csv_text([published.benchmark()]).encode("utf-16"), "UTF-16: save it as UTF-8"),
        (gzip.compress(b"model", mtime=0), "gzip: unpack it first"),
        (b"PK\x03\x04zip", "zip: unpack it first"),
        (b"model,\0hardware", "neither text nor Parquet"),
        (b"PAR1 and then nothing", "not a sound Parquet file"),
        (b"<html><body>502</body></html>", "no known form"),
        (b'"model', "not CSV"),
        (b"model;hardware;conc\n", "cells are separated by ';', allowed ','"),
        (b"[]", "an empty array, no rows"),
        (b"[1, 2]", "an array without objects"),
        (b"[{", "not JSON"),
        (b"[" * 100_000, "JSON nested too deep"),
        (b'{"a":' * 100_000, "JSON nested too deep"),
        (b'{"error": "Unknown\\nmodel"}', r"an error in place of rows: 'Unknown\nmodel'"),
        (b'{"error": "a", "error": "b"}', "an error in place of rows"),
        (b'{"summary": []}', "no known form"),
        (b'[{"model": "dsr1", "hardware": "b200", "isl": 1}]', "public API (array of BenchmarkRow), which needs conc"),
        (b"model,hardware,isl_tokens,osl_tokens,statistic\n", "tidy medians (benchmarks.csv), which needs conc"),
        (b"Model,Concurrency,ISL,OSL\n", "dashboard export, which needs Hardware Key or Hardware"),
        (b"model,hardware,conc,moe_tp,isl_tokens,osl_tokens,statistic\n", "two forms in one file"),
        (b"model,hardware,conc,conc\n", "column 'conc' stands twice"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "rows.any"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_an_unknown_form_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("model,hardware,conc,isl_tokens,osl_tokens\na,b,1,1,1\n")
    message = refusal(path)
    for form in ("tidy medians", "tidy runs", "AgentX", "dashboard", "public API", "database dump", "CI artifact"):
        assert form in message
    assert "which needs one of decode_num_workers, gpus_total_basis" in message


def test_rows_of_ones_own_need_no_column_that_only_one_form_has(tmp_path: Path) -> None:
    """Medians tell the form; means do not, as two forms write their GPUs differently beside them."""
    path = tmp_path / "rows.csv"
    path.write_text(
        "model,hardware,conc,isl_tokens,osl_tokens,decode_tp,median_tpot_s\nllama70b,h100,4,1024,1024,4,0.012\n"
    )
    (found,) = read(path).rows
    assert (found.tpot_s, found.decode.tp, found.kind) == (0.012, 4, "single_run")
    path.write_text(path.read_text().replace("median", "mean"))
    assert "no known form" in refusal(path)


def test_two_forms_of_json_in_one_file_are_refused(tmp_path: Path) -> None:
    assert "two forms in one file" in refusal(write_json(tmp_path, [published.api_row(), published.artifact()]))


def test_a_missing_file_and_a_folder_that_is_no_dump_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "rows.csv").endswith("No such file or directory")
    assert "a folder without benchmark_results.json and configs.json" in refusal(tmp_path)
    write_json(tmp_path, [published.result_row()], "benchmark_results.json")
    assert "a folder without configs.json" in refusal(tmp_path)
    with pytest.raises(InputError, match=r"configs\.json: No such file"):
        read(tmp_path / "benchmark_results.json")
    with pytest.raises(InputError, match="null byte"):
        read(Path("rows\0.csv"))


@pytest.mark.parametrize(
    ("configs", "runs", "expected"),
    [
        ({}, None, "configs.json: got {}, allowed an array of rows"),
        ([1], None, "configs.json: row: got 1, allowed an object"),
        ([{}], None, "configs.json: id: empty or missing"),
        ([{"id": 5}, {"id": 5}], None, "configs.json: id 5 stands twice"),
        (None, [{"id": 70}], "workflow_runs.json: github_run_id: empty or missing"),
    ],
)
def test_broken_tables_of_a_dump_are_refused(tmp_path: Path, configs: Any, runs: Any, expected: str) -> None:
    write_dump(tmp_path, [published.result_row()], configs, runs)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert expected in caught.value.message


# --- anything ---------------------------------------------------------------------------------------------------------

ODD = st.sampled_from(
    ["", " ", "0", "-1", "1e999", "nan", "inf", "1e308", "1e-320", "\0", '"', "\u0663", "[]", "{", "true", "9" * 400]
)
CELLS = st.one_of(ODD, st.text(max_size=12), st.integers().map(str), st.floats().map(str))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), ODD)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def check_sound(table: Table) -> None:
    """Whatever a file holds: nothing is lost, and what is read can be calculated with."""
    complete(table)
    for row in table.rows:
        check_row(row)
    for rejected in table.rejected:
        assert rejected.reason.isprintable()
        assert rejected.row_id.isprintable()


def check_row(row: Measurement) -> None:
    for name in ("tpot_s", "ttft_s", "throughput_gpu", "output_throughput"):
        value = getattr(row, name)
        assert value is None or 0.0 < value < math.inf, name
    for name in ("gpus", "input_tokens", "output_tokens", "concurrency"):
        value = getattr(row, name)
        assert value is None or (type(value) is int and value > 0), name
    for field in fields(row):
        value = getattr(row, field.name)
        assert not isinstance(value, str) or value.isprintable(), field.name
    assert row.model
    assert row.hardware
    assert (row.input_tokens is None) == (row.workload == "agentic")


def outcome(path: Path) -> Table | None:
    """What becomes of a file: a table, or a refusal of one line."""
    try:
        table = read(path)
    except InputError as error:
        assert error.message.isprintable()
        return None
    check_sound(table)
    return table


@fuzz
@given(data=st.data(), place=st.sampled_from(CSV_ROWS))
def test_any_cell_is_read_or_rejected(tmp_path: Path, data: st.DataObject, place: Rows) -> None:
    row = place()
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(row)), CELLS, max_size=4))
    table = outcome(write_csv(tmp_path, row, row | changed, row))
    assert table is not None
    assert table.total >= 3, "a row is lost"  # one with stray line breaks may be refused line by line
    assert len(table.rows) >= 2, "a broken row took a sound one down"


@fuzz
@given(data=st.data(), place=st.sampled_from(JSON_ROWS))
def test_any_value_is_read_or_rejected(tmp_path: Path, data: st.DataObject, place: Rows) -> None:
    row = place()
    inner = "metrics" if "metrics" in row and data.draw(st.booleans()) else ""
    keys = st.sampled_from(sorted(row[inner] if inner else row))
    changed = data.draw(st.dictionaries(keys, VALUES, max_size=4))
    broken = row | {inner: row[inner] | changed} if inner else row | changed
    table = outcome(write_json(tmp_path, [row, broken, row]))
    assert table is not None
    assert (table.total, len(table.rows) >= 2) == (3, True)


@fuzz
@given(value=VALUES)
def test_any_json_is_a_table_or_refused(tmp_path: Path, value: Any) -> None:
    outcome(write_json(tmp_path, value))


@fuzz
@given(content=st.binary(max_size=60), at=st.integers(0, 600), place=st.sampled_from(CSV_ROWS))
def test_any_bytes_are_a_table_or_refused(tmp_path: Path, content: bytes, at: int, place: Rows) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    outcome(path)
    sound = csv_text([place(), place()]).encode()
    path.write_bytes(sound[:at] + content + sound[at:])
    outcome(path)


@pytest.mark.xfail(
    raises=AssertionError, strict=True, reason="a control: the checks above notice a value that is not sound"
)
def test_a_row_that_is_not_sound_is_noticed(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.benchmark()))
    object.__setattr__(row, "tpot_s", math.nan)
    check_row(row)


@pytest.mark.xfail(raises=AssertionError, strict=True, reason="a control: a table that lost a row is noticed")
def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    table = read(write_csv(tmp_path, published.benchmark()))
    check_sound(Table(table.form, table.rows[1:], table.rejected, table.total))


def test_the_csv_limit_on_cells_is_as_python_has_it() -> None:
    assert csv.field_size_limit() == 131072  # the case of a longer cell above rests on it
