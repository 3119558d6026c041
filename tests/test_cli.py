"""The command line as others rely on it: keys, exit codes, one line for every refusal, an example in every help text."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from published_configs import CONFIGS
from readme import in_terminal

from fleetline.catalog.tables import data_folder
from fleetline.cli import app, main

RACK = ("throughput", "kimi-k2.6", "gb200-nvl72")
INTERFACE_KEYS = {
    *("batch", "critical_batch", "throughput_tok_s", "throughput_tok_s_gpu", "speed_tok_s_user"),
    *("interactivity_tok_s_user", "ttft_s", "tpot_s", "cycle_s", "binding", "memory_used_bytes"),
    *("memory_capacity_bytes", "prefill", "decode", "cost_usd_per_mtok_output"),
}


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def refused(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """A refusal: nothing on standard output, one line of JSON on standard error."""
    code, out, err = run(*arguments, capsys=capsys)
    assert out == ""
    assert err.count("\n") == 1
    return code, json.loads(err)["error"]


def test_throughput_gives_the_keys_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(*RACK, "--preset", "article", "--speculative", "8:3", capsys=capsys)
    answer = json.loads(out)
    assert code == 0
    assert set(answer) >= INTERFACE_KEYS
    assert set(answer["prefill"]) == set(answer["decode"]) == {"compute_s", "bandwidth_s"}
    assert answer["throughput_tok_s"] == pytest.approx(375_700, rel=0.01)  # article-numbers: rack after calibration


def test_breakdown_adds_every_operator_with_its_bound(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(*RACK, "--breakdown", capsys=capsys)
    operators = json.loads(out)["breakdown"]
    assert {operator["stage"] for operator in operators} == {"prefill", "decode"}
    assert all(operator["bound"] in {"compute", "bandwidth"} for operator in operators)


def test_a_given_batch_switches_the_wanted_speed_off(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(*RACK, "--batch", "20000", capsys=capsys)
    assert json.loads(out)["speed_tok_s_user"] < 35


def test_frontier_points_carry_their_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run("frontier", "kimi-k2.6", "gb200-nvl72", "--preset", "article", "--points", "5", capsys=capsys)
    points = json.loads(out)["points"]
    assert len(points) == 5
    assert all(set(point) >= {*INTERFACE_KEYS, "configuration"} for point in points)


@pytest.mark.parametrize(("command", "key"), [("models", "models"), ("systems", "systems"), ("sources", "sources")])
def test_the_catalog_is_listed(command: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(command, capsys=capsys)
    assert code == 0
    assert len(json.loads(out)[key]) > 15


def test_every_figure_of_a_model_and_of_a_chip_has_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("models", "kimi-k2.6"), ("systems", "gb200-nvl72")):
        _, out, _ = run(*arguments, capsys=capsys)
        assert all(fact["source"] for fact in json.loads(out)["facts"])


def test_compare_article_prints_ours_ratio_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run("compare-article", capsys=capsys)
    numbers = json.loads(out)["numbers"]
    assert {"printed", "recomputed", "ours", "ours_over_printed", "status"} <= set(numbers[0])


def test_a_system_of_ones_own_from_the_printed_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, example, _ = run("systems", "--example", capsys=capsys)
    path = tmp_path / "rack.toml"
    path.write_text(example)
    code, out, _ = run("throughput", "kimi-k2.6", str(path), capsys=capsys)
    assert code == 0
    assert json.loads(out)["gpus"] == 16


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ((*RACK[:1], "kimi-k26", RACK[2]), "model", "did you mean 'kimi-k2.6'?"),
        ((*RACK[:2], "gb200"), "system", "did you mean 'gb200-nvl72'?"),
        ((*RACK, "--preset", "idael"), "preset", "did you mean 'ideal'?"),
        ((*RACK, "--schedule", "chunky"), "schedule", "did you mean 'chunked'?"),
        ((*RACK, "--workload", "8000"), "workload", "INPUT:OUTPUT"),
        ((*RACK, "--workload", "0:1000"), "input_tokens", "at least 1"),
        ((*RACK, "--speed", "-1"), "speed", "over 0"),
        ((*RACK, "--speed", "nan"), "speed", "finite"),
        ((*RACK, "--batch", "inf"), "batch", "finite"),
        ((*RACK, "--speculative", "3:8"), "speculative", "accepted from 1 to verified"),
        ((*RACK, "--speculative", "mtp:3"), "speculative", "none is measured for kimi-k2.6"),
        (("throughput", "kimi-k2.5", RACK[2], "--speculative", "mtp:9"), "speculative", "1, 2, 3 or 4 drafts"),
        ((*RACK, "--speculative", "0.8,1.1"), "speculative", "0 to 1 for each"),
        ((*RACK, "--gpus", "73"), "gpus", "1..72"),
        ((*RACK, "--tp", "3"), "tp", "a divisor of 64, the latent heads of kimi-k2.6"),
        ((*RACK, "--tp", "5"), "gpus", "a divisor of 72 GPUs"),
        ((*RACK, "--tp", "8", "--ep", "7"), "ep", "a divisor of tp x dp = 8"),
        ((*RACK, "--tp", "16", "--pp", "100"), "pp", "from 1 to 72"),
        ((*RACK, "--prefix-hit", "1.2"), "prefix_hit", "at most 1"),
        ((*RACK, "--prefix-hit", "-0.1"), "prefix_hit", "at least 0"),
        ((*RACK, "--prefix-shared", "0.5"), "prefix_shared", "needs prefix_hit"),
        ((*RACK, "--turns", "10:500", "--think-s", "-1"), "think_s", "at least 0"),
        ((*RACK, "--think-s", "5"), "think_s", "needs turns"),
        ((*RACK, "--turns", "0:500"), "turns", "at least 1"),
        ((*RACK, "--offline", "--speed", "35"), "speed", "none with offline"),
        ((*RACK, "--offline", "--batch", "5"), "batch", "none with offline"),
        ((*RACK, "--compute-efficiency", "1.5"), "compute_efficiency", "at most 1"),
        (("throughput", "grok-2", RACK[2]), "model", "no row of its dense_layers"),
        ((*RACK, "--speed", "fast"), "speed", "got 'fast', allowed a number"),
        ((*RACK, "--sped", "3"), "arguments", "--speed"),
        (("thruput",), "arguments", "thruput"),
        (("throughput",), "arguments", "Missing argument 'MODEL'; Example: fleetline throughput"),
        ((*RACK, "--max-ttft", "500ms"), "max_ttft", "allowed a number of seconds, without the unit"),
        (("plan", "kimi-k2.6", "--systems", "b200", "h200"), "arguments", "(h200); names of --systems stand in one word"),
        (("crunch", "--set", "growth.demand=4", "today", "growth.supply=3"), "arguments", "follows a --set of its own"),
        (("crunch", "today", "--scenario", "article"), "arguments", "given twice: 'today' and 'article'"),
        (("supply", "--scenario", "today", "article"), "arguments", "given twice: 'today' and 'article'"),
        (("supply", "today", "article"), "arguments", "unexpected extra argument(s) (article)"),
        (("crunch", "--scenario", "--draws"), "arguments", "requires an argument"),
        (("throughput", "kimi-k2.6", "missing.toml"), "system file", "No such file"),
        (("frontier", *RACK[1:], "--points", "1"), "points", "at least 2"),
        (("models", "kimi"), "model or system", "did you mean"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], field: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = refused(*arguments, capsys=capsys)
    assert code == 2
    assert error["kind"] == "bad_input"
    assert error["field"] == field
    assert said in error["message"] or said in str(error["allowed"])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((*RACK, "--gpus", "2"), "memory"),  # 500 GB of weights, 2 x 180 GB usable
        ((*RACK, "--batch", "100000000"), "memory"),
        ((*RACK, "--batch", "100000000", "--tp", "8"), "memory"),
        ((*RACK, "--prefix-hit", "1", "--prefix-shared", "1", "--prefixes", "1e9"), "memory"),
        ((*RACK, "--speed", "100000"), "speed"),
        ((*RACK, "--max-ttft", "0.0001"), "ttft"),
        ((*RACK, "--workload", "300000:1000"), "context"),  # Kimi K2.6 takes 262,144
        (("frontier", *RACK[1:], "--gpus", "2"), "memory"),
    ],
)
def test_an_infeasible_case_is_one_line_and_exit_code_3(
    arguments: tuple[str, ...], field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = refused(*arguments, capsys=capsys)
    assert code == 3
    assert error["kind"] == "infeasible"
    assert error["field"] == field


def test_a_broken_catalog_row_names_file_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "catalog"
    shutil.copytree(data_folder(), broken)
    lines = (broken / "formats.csv").read_text().splitlines()
    lines[2] = lines[2].replace("0.5625", "half", 1)
    (broken / "formats.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("FLEETLINE_CATALOG", str(broken))
    code, error = refused(*RACK, capsys=capsys)
    assert code == 2
    assert "formats.csv line 3, column bytes_per_weight: got 'half'" in error["message"]


@pytest.mark.parametrize("chosen", ["missing", "a-file"])
def test_a_catalog_folder_that_is_none_is_told_by_the_variable_that_names_it(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("FLEETLINE_CATALOG", str(tmp_path / chosen))
    for asked in (RACK, ("models",), ("predict",), ("supply", "today", "--draws", "2")):
        code, error = refused(*asked, capsys=capsys)
        assert (code, error["field"]) == (2, "FLEETLINE_CATALOG")
        assert error["message"].startswith(f"FLEETLINE_CATALOG: got '{tmp_path / chosen}', which is no folder, allowed ")


def test_every_command_has_an_example_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    # the interface's commands; more may follow
    assert {"report", "throughput", "frontier", "predict", "calibrate", "validate", "supply", "demand", "crunch"} <= set(
        names
    )
    assert {"import-model", "plan", "compare-article", "models", "systems", "sources", "measured"} <= set(names)
    for name in names:
        code, out, _ = run(name, "--help", capsys=capsys)
        assert code == 0
        assert "Example" in out and f"fleetline {name}" in out


@pytest.mark.parametrize("offline", [(), ("--offline",)])
def test_a_frontier_none_of_whose_points_is_served_is_infeasible(
    offline: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """More requests a second than any configuration serves: no list of points without numbers."""
    asked = ("frontier", "gpt-oss-120b", "h100", "--requests-per-s", "2e8", *offline)
    code, out, err = run(*asked, capsys=capsys)
    assert code == 3 and not out
    assert "rate: more requests come than are served" in err


def test_every_command_has_its_function() -> None:
    import fleetline

    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    for name in names:
        assert callable(getattr(fleetline, name.replace("-", "_")))


def test_people_get_tables_on_a_terminal() -> None:
    """In a pseudo-terminal, as a person runs it: no JSON, and a refusal in plain words."""
    code, shown = in_terminal([sys.executable, "-m", "fleetline", *RACK, "--breakdown"])
    assert code == 0
    assert "output tokens per second" in shown and "routed experts" in shown and "{" not in shown
    code, shown = in_terminal([sys.executable, "-m", "fleetline", *RACK, "--gpus", "73"])
    assert code == 2
    assert shown.strip() == "fleetline: gpus: 73 is not a whole number within 1..72, the chips of gb200-nvl72"


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_a_narrow_terminal_never_cuts_a_number(columns: int) -> None:
    """A cut figure is a wrong figure: 72 chips must not read as 7."""
    code, shown = in_terminal([sys.executable, "-m", "fleetline", "systems"], columns)
    assert code == 0
    row = next(line for line in shown.splitlines() if line.strip().startswith("gb200-nvl72")).split()
    assert row == ["gb200-nvl72", "GB200", "NVL72", "72", "14.4T", "576T", "720P", "360P", "180P", "288"]


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "fleetline", "models"]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert "No space left on device" in found.stderr


def test_predict_answers_every_row_or_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("predict", "--out", str(tmp_path / "p.csv"), capsys=capsys)
    summary = json.loads(out)
    assert code == 0
    assert summary["rows"] == 6534 + 2459  # every row of both shipped tables
    assert summary["answered"] >= 0.98 * summary["rows"]
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == summary["rows"]
    assert all(bool(row["predicted_tpot_s"]) != bool(row["reason"]) for row in rows)


def test_a_model_of_ones_own_from_its_config_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "my-model" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONFIGS["gpt-oss-120b"]))
    code, out, _ = run("import-model", str(path), "--save", capsys=capsys)
    answer = json.loads(out)
    assert code == 0
    # interface.md, import-model; sizes as the model card has them (116.8B, 5.1B)
    assert answer["total_parameters"] == pytest.approx(116.8e9, rel=0.01)
    assert answer["active_parameters"] == pytest.approx(5.1e9, rel=0.01)
    assert answer["kv_elements_per_token"] == 18 * 2 * 8 * 64  # the windowed half of 36 layers forgets
    assert answer["attention"] == "GQA with sliding-window layers"
    for model in (str(path), "my-model"):
        code, out, _ = run("throughput", model, "h100", "--gpus", "1", capsys=capsys)
        assert (code, json.loads(out)["model"]) == (0, "my-model")
    code, error = refused("import-model", str(tmp_path), capsys=capsys)
    assert (code, error["field"]) == (2, "model")
    assert error["message"].endswith(
        "a folder without a config.json, allowed a Hugging Face config.json, or a folder that holds one"
    )
    code, out, _ = run("import-model", str(path.parent), capsys=capsys)
    assert (code, json.loads(out)["path"]) == (0, str(path))
    path.write_text('{"model_type": "qwen3_mo"}')
    code, error = refused("throughput", str(path), "h100", capsys=capsys)
    assert (code, error["field"]) == (2, "model_type")
    assert "did you mean 'qwen3_moe'?" in error["message"]


IDLE = [
    (("crunch", "today", "--set", "demand.engineers=4e7", "--set", "fleet.lag=0.5"), "demand.engineers"),
    (("supply", "today", "--set", "growth.series=a", "--set", "demand.allowance=5"), "demand.allowance, growth.series"),
    (("assumptions", "today", "--find", "fleet.lag", "--set", "growth.horizon=2035-01-01"), "growth.horizon"),
    (("supply", "article", "--fleet", "all", "--speed", "30", "--as-of", "2025-12-30", "--workload", "1000:100"), None),
    (("crunch", "today", "--set", "fleet.lag=0.5", "--set", "growth.half_life=2"), None),
    (("demand", "article", "--set", "demand.engineers=4e7"), None),
    (("market", "--set", "market.elasticity=0.06", "--set", "market.switching=1"), None),
]


@pytest.mark.parametrize(("asked", "told"), IDLE, ids=[" ".join(asked) for asked, _ in IDLE])
def test_lines_that_are_set_and_that_nothing_reads_are_told(
    asked: tuple[str, ...], told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told again where the first answer left something to be remembered."""
    few = () if asked[0] == "assumptions" else ("--draws", "20")
    for _ in range(2):
        code, _, err = run(*asked, *few, capsys=capsys)
        assert code == 0
        said = [line for line in err.splitlines() if "without effect" in line]
        assert said == ([] if told is None else [f"fleetline: set without effect on this answer: {told}"])


@pytest.mark.parametrize(
    "asked",
    [
        ("supply", "article", "--speed", "30"),
        ("demand", "article"),
        ("crunch", "article"),
        ("market",),
        ("compare", "article", "article"),
    ],
)
def test_headings_do_not_call_a_changed_scenario_by_its_name_alone(
    asked: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    lines = ("--set", "growth.supply=2") if asked[0] != "supply" else ()
    whole = " ".join(run(*asked, *lines, "--draws", "20", capsys=capsys)[1].split())
    assert ", with 1 line changed" in whole
    assert ", with" not in run(asked[0], *asked[1:2], "--draws", "20", capsys=capsys)[1]


def test_people_get_tables_of_an_imported_model(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIGS["gpt-oss-120b"]))
    code, shown = in_terminal([sys.executable, "-m", "fleetline", "import-model", str(path)], 160)
    assert code == 0
    assert "total parameters" in shown and "routed_experts" in shown and "sliding-window" in shown and "{" not in shown


@pytest.mark.parametrize("command", ["supply", "demand", "crunch"])
def test_a_scenario_stands_in_front_or_behind_its_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    few = ("--draws", "20")
    ways = ((command, "today", *few), (command, "--scenario", "today", *few), (command, *few, "--scenario=today"))
    answers = [json.loads(run(*each, capsys=capsys)[1]) for each in ways]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["scenario"] == "today" != json.loads(run(command, *few, capsys=capsys)[1])["scenario"]
