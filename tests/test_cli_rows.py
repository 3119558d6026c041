"""The commands about benchmark rows: a file that is no table is one line, a row that is no run takes no other down."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetline.cli import main

COMMANDS = ("calibrate", "predict", "validate", "measured")
HEADER = (
    "row_id,model,hardware,framework,precision,spec_method,disagg,decode_tp,decode_ep,gpus_total_derived,"
    "isl_tokens,osl_tokens,conc,statistic,median_tpot_s,tput_per_gpu_tok_s,inferencex_config_id"
)
# 8 GPUs; by wall time 16 clients get 40 token/s each (720 x 1/9 x 8 / 16), 64 clients 12.5
QUICK = "11,kimik2.5,gb200,vllm,fp4,none,0,8,8,8,8192,1024,16,single_run,0.022,720,7"
CROWDED = "12,kimik2.5,gb200,vllm,fp4,none,0,8,8,8,8192,1024,64,single_run,0.025,900,7"
SOUND = f"{HEADER}\n{QUICK}\n{CROWDED}\n"


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def ask(command: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command's answer: the rows of the CSV that `predict` prints, the JSON of the others; bad rows are told apart."""
    few = ("--draws", "2") if command == "calibrate" else ()
    code, out, err = run(command, *arguments, *few, capsys=capsys)
    assert code == 0
    assert all(re.match(r"\S+ line \d+: ", line) for line in err.splitlines())
    return list(csv.DictReader(io.StringIO(out))) if command == "predict" else json.loads(out)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one's own to work in."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


# --- files that are no table ------------------------------------------------------------------------------------------

BROKEN = {
    "missing": (None, "No such file or directory"),
    "empty": (b"", "empty, no rows"),
    "blank": (b" \n\n", "empty, no rows"),
    "header only": (f"{HEADER}\n".encode(), "no rows"),
    "binary": (b"\0\x01\x02" * 1000, "neither text nor Parquet"),
    "packed": (gzip.compress(SOUND.encode(), mtime=0), "gzip: unpack it first"),
    "broken Parquet": (b"PAR1" + b"\xff" * 100, "not a sound Parquet file"),
    "Latin-1": (SOUND.replace("vllm", "v\u00e9").encode("latin-1"), "not UTF-8 text"),
    "huge cell": (b"x" * 200_000 + b"," + SOUND.encode(), "field larger than field limit"),
    "mixed forms": (SOUND.replace("statistic", "moe_tp").encode(), "two forms in one file"),
    "unknown columns": (b"colour,shape\nred,round\n", "no known form"),
    "a page": (b"<!doctype html><title>404</title>", "no known form"),
    "no rows in JSON": (b"[]", "an empty array, no rows"),
    "broken JSON": (b'[{"model": ', "not JSON"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_is_no_table_is_one_line(
    command: str, what: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone or after a sound one; nothing is answered, nothing written, and what was written before stays."""
    content, said = BROKEN[what]
    path = folder / "rows.any"
    if content is not None:
        path.write_bytes(content)
    (folder / "sound.csv").write_text(SOUND)
    (folder / "before.csv").write_bytes(b"an earlier result")
    listed = sorted(folder.iterdir())
    out_option = ("--out", "before.csv") if command == "predict" else ()
    for files in ([str(path)], ["sound.csv", str(path)]):
        code, out, err = run(command, *files, *out_option, capsys=capsys)
        assert (code, out, err.count("\n")) == (2, "", 1)
        error = json.loads(err)["error"]
        assert error["kind"] == "bad_input"
        assert said in error["message"] and path.name in error["message"]
        assert len(err) < 3000, "one line that a person can read"
    assert (folder / "before.csv").read_bytes() == b"an earlier result"
    assert sorted(folder.iterdir()) == listed


def test_a_real_process_gives_no_traceback(folder: Path) -> None:
    (folder / "rows.csv").write_bytes(b"\0")
    command = [sys.executable, "-W", "error", "-m", "fleetline", "validate", "rows.csv"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--where", "modle=kimik2.5"), "unknown field in where 'modle'; did you mean 'model'?"),
        (("--where", "model=kimi2.5"), "unknown model in where 'kimi2.5'; did you mean 'kimik2.5'?"),
        (("--where", "model"), "where: got 'model', allowed FIELD=VALUE, with commas between"),
        (("--colour", "red"), "No such option: --colour"),
    ],
)
def test_a_wrong_option_is_one_line(
    command: str, options: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rows.csv").write_text(SOUND)
    code, out, err = run(command, "rows.csv", *options, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in json.loads(err)["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "rows.csv", "--preset", "idael"), "unknown preset 'idael'; did you mean 'ideal'?"),
        (("validate", "rows.csv", "--preset", "idael"), "unknown preset 'idael'; did you mean 'ideal'?"),
        (("calibrate", "rows.csv", "--form", "artcle"), "unknown form 'artcle'; did you mean 'article'?"),
        (("calibrate", "rows.csv", "--draws", "0"), "draws: got 0, allowed 2 to 100000"),
        (("measured", "rows.csv", "--speed", "0"), "speed: got 0, allowed a finite number over 0"),
        (("measured", "rows.csv", "--speed", "fast"), "speed: got 'fast', allowed a number"),
        (("predict", "rows.csv", "--out", "rows.csv/p.csv"), "out: cannot write to rows.csv: it is a file"),
    ],
)
def test_a_wrong_value_is_one_line(
    arguments: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rows.csv").write_text(SOUND)
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in json.loads(err)["error"]["message"]


# --- a bad row among good ones ----------------------------------------------------------------------------------------

BAD_ROWS = {
    "a word for a number": (CROWDED.replace(",64,", ",many,"), "conc: got 'many', allowed a whole number over 0"),
    "a negative time": (CROWDED.replace("0.025", "-1"), "median_tpot_s: got '-1', allowed a finite number over 0"),
    "a cell too few": (CROWDED.rsplit(",", 1)[0], "16 cells, the header has 17"),
    "an open quote": ('"' + CROWDED, "a quoted cell does not end"),
    "a huge cell": (CROWDED.replace("vllm", "v" * 200_000), "not CSV: field larger than field limit"),
    "no model": (CROWDED.replace("kimik2.5", ""), "model: empty or missing, needed"),
}


def check_fit(fit: dict[str, Any]) -> None:
    """The keys of `calibrate` that stay (interface.md)."""
    assert {"loss", "rows", "identified"} <= set(fit)
    for name in ("compute_efficiency", "bandwidth_efficiency", "step_latency_s"):
        assert set(fit[name]) == {"value", "low", "high"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_row_leaves_the_answers_of_the_others_as_they_are(
    command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of the bad rows at once, before, between and after the sound ones."""
    (folder / "sound.csv").write_text(SOUND)
    bad = [row for row, _ in BAD_ROWS.values()]
    (folder / "mixed.csv").write_text("\n".join([HEADER, *bad[:3], QUICK, *bad[3:5], CROWDED, *bad[5:], ""]))
    sound, mixed = (ask(command, name, capsys=capsys) for name in ("sound.csv", "mixed.csv"))
    if command == "predict":
        mixed = [row for row in mixed if not row["reason"]]
    if command == "calibrate":
        assert mixed.pop("left_out") == {"could not be read": len(bad)}
        assert sound.pop("left_out") == {}
        check_fit(sound)
    assert mixed == sound


def test_calibrate_says_that_one_configuration_has_no_interval(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Null where a parameter is identified; all that fits as well where it is not. The control has two."""
    (folder / "one.csv").write_text(SOUND)
    (folder / "two.csv").write_text(f"{HEADER}\n{QUICK}\n{CROWDED.removesuffix('7')}8\n")
    one, two = (ask("calibrate", name, capsys=capsys) for name in ("one.csv", "two.csv"))
    assert (one["configurations"], two["configurations"]) == (1, 2)
    assert one["no_interval"].startswith("one configuration alone ") and two["no_interval"] == ""
    assert one["identified"] == two["identified"] and set(one["identified"].values()) == {True, False}
    for name, identified in one["identified"].items():
        assert (one[name]["low"] is None) == (one[name]["high"] is None) == identified
        assert None not in two[name].values()


@pytest.mark.parametrize(("rows", "said"), [((QUICK,), False), ((QUICK, CROWDED.replace("kimik2.5", "gpt-6")), True)])
def test_calibrate_s_table_says_what_it_left_out(
    rows: tuple[str, ...], said: bool, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    (folder / "rows.csv").write_text("\n".join([HEADER, *rows, ""]))
    code, out, _ = run("calibrate", "rows.csv", "--draws", "2", capsys=capsys)
    assert code == 0
    assert ("; not fitted: 1 (model 'gpt-6' is not in the table" in " ".join(out.split())) == said
    assert ("not fitted" in out) == said


@pytest.mark.parametrize("what", BAD_ROWS)
def test_predict_gives_a_bad_row_its_reason_in_its_place(
    what: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, said = BAD_ROWS[what]
    (folder / "rows.csv").write_text(f"{HEADER}\n{QUICK}\n{row}\n{CROWDED}\n")
    first, bad, last = ask("predict", "rows.csv", capsys=capsys)
    assert [first["row_id"], last["row_id"]] == ["11", "12"]
    assert bad["row_id"] in ("12", "#3")  # its own name where it has a readable one, else its line
    assert bad.pop("reason").startswith(said)
    assert set(bad.values()) == {bad["row_id"], ""}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_row_is_reported_with_its_line(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Issue 3: "a bad row is reported with its line and does not take the rest down", never dropped in silence."""
    bad = CROWDED.replace(",64,", ",many,")
    (folder / "rows.csv").write_text(f"{HEADER}\n{QUICK}\n{CROWDED}\n{bad}\n")
    few = ("--draws", "2") if command == "calibrate" else ()
    code, out, err = run(command, "rows.csv", *few, capsys=capsys)
    assert code == 0
    assert re.search(r'\bline"?[: ]+4\b', out + err)
    assert "conc: got 'many'" in out + err


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_keys_that_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """interface.md, the table of commands; those of `calibrate` are looked at where it is asked above."""
    (folder / "rows.csv").write_text(SOUND)
    groups = ask("validate", "rows.csv", capsys=capsys)["groups"]
    keys = {"by", "rows", "tpot_median_abs_log", "ttft_median_abs_log", "coverage", "interval_coverage"}
    assert all(keys <= set(group) for group in groups)
    named = ["row_id", "predicted_tpot_s", "predicted_ttft_s", "predicted_tput_per_gpu_tok_s"]
    columns = [*named, "tpot_low_s", "tpot_high_s", "ttft_low_s", "ttft_high_s", "reason"]
    assert list(ask("predict", "rows.csv", capsys=capsys)[0]) == columns


def test_measured_tells_the_two_definitions_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rows.csv").write_text(SOUND)
    best = {each["definition"]: each for each in ask("measured", "rows.csv", "--speed", "35", capsys=capsys)["best"]}
    assert (best["wall"]["row_id"], best["tpot"]["row_id"]) == ("11", "12")
    assert best["wall"]["speed_wall_tok_s_user"] == pytest.approx(40.0)
    assert best["tpot"]["output_tok_s_gpu"] == pytest.approx(100.0)


def test_a_column_nobody_knows_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rows.csv").write_text(SOUND)
    (folder / "more.csv").write_text(f"{HEADER},colour\n{QUICK},red\n{CROWDED},\n")
    assert ask("predict", "more.csv", capsys=capsys) == ask("predict", "rows.csv", capsys=capsys)


def test_predict_writes_what_it_prints_and_sums_it_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = CROWDED.replace(",64,", ",many,")
    (folder / "rows.csv").write_text(f"{HEADER}\n{QUICK}\n{bad}\n{CROWDED}\n")
    (folder / "p.csv").write_text("an earlier result")
    _, printed, _ = run("predict", "rows.csv", capsys=capsys)
    code, out, err = run("predict", "rows.csv", "--out", "p.csv", capsys=capsys)
    assert (code, err) == (0, "rows.csv line 3: conc: got 'many', allowed a whole number over 0\n")
    assert (folder / "p.csv").read_text() == printed
    summary = json.loads(out)
    assert (summary["rows"], summary["answered"]) == (3, 2)
    assert summary["reasons"] == {"conc: got 'many', allowed a whole number over 0": 1}


def test_an_out_that_is_a_folder_is_refused_and_keeps_its_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rows.csv").write_text(SOUND)
    (folder / "results").mkdir()
    (folder / "results" / "thesis.txt").write_text("years of work")
    code, _, err = run("predict", "rows.csv", "--out", "results", capsys=capsys)
    assert (folder / "results" / "thesis.txt").read_text() == "years of work"
    assert (code, err.count("\n")) == (2, 1)
