"""Questions about files of benchmark rows: what is planted is found, every row is answered or says why, nothing is lost."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetline import runs
from fleetline.calibration.fit import NAMES, loss
from fleetline.calibration.predict import COLUMNS
from fleetline.calibration.select import select, where
from fleetline.catalog import load
from fleetline.errors import InputError

Write = Callable[[str, str], Path]
Row = dict[str, Any]
KIMI = "model=kimik2.5,vendor=NVIDIA"
MEASURED = ("median_tpot_s", "median_ttft_s", "tput_per_gpu_tok_s")


def row(number: int, **changed: Any) -> Row:
    """A row of benchmarks.csv with the columns a prediction needs and three measured ones."""
    what: Row = {"row_id": number, "model": "kimik2.5", "hardware": "gb200", "framework": "vllm", "precision": "fp4"}
    what |= {"spec_method": "none", "disagg": 0, "decode_tp": 8, "decode_ep": 8, "gpus_total_derived": 8}
    what |= {"isl_tokens": 8192, "osl_tokens": 1024, "conc": 64, "statistic": "single_run", "inferencex_config_id": 7}
    return what | dict.fromkeys(MEASURED, "") | changed


def text(rows: list[Row], without: tuple[str, ...] = ()) -> str:
    """The rows as CSV, without some columns."""
    out = io.StringIO()
    lines = csv.DictWriter(
        out, [name for name in rows[0] if name not in without], extrasaction="ignore", lineterminator="\n"
    )
    lines.writeheader()
    lines.writerows(rows)
    return out.getvalue()


def run_with_ttft(name: str) -> str:
    """A row of runs_with_ttft.csv, a table of another form."""
    columns = "row_id,model,hardware,framework,precision,disagg,isl_tokens,osl_tokens,conc,tp,moe_tp,moe_ep,mean_ttft_s"
    return f"{columns}\n{name},kimik2.5,b200,trtllm,fp4,0,1024,1024,8,8,1,8,0.5\n"


# Six configurations on one to four boards, from one client to a thousand: waiting for latency, memory and arithmetic.
SHAPES = [("gb200", 8), ("gb200", 32), ("gb300", 16), ("b200", 8), ("h200", 8), ("mi355x", 8)]
BLIND = [
    row(
        number,
        hardware=chip,
        decode_tp=gpus,
        decode_ep=gpus,
        gpus_total_derived=gpus,
        conc=clients,
        inferencex_config_id=at,
    )
    for number, (at, (chip, gpus), clients) in enumerate(
        ((at, shape, clients) for at, shape in enumerate(SHAPES, start=1) for clients in (1, 16, 128, 1024)), start=1
    )
]


@pytest.fixture
def planted(write: Write) -> Path:
    """Runs measured exactly as the article's 65%, 30% and 5 ms predict them."""
    found = runs.predict(write("blind.csv", text(BLIND)), preset="article")
    times = zip(BLIND, found.tpot_s.tolist(), found.ttft_s.tolist(), strict=True)
    return write("planted.csv", text([each | {"median_tpot_s": tpot, "median_ttft_s": ttft} for each, tpot, ttft in times]))


# --- calibrate --------------------------------------------------------------------------------------------------------


def test_calibrate_finds_what_was_planted_in_a_file(planted: Path) -> None:
    found = runs.calibrate(planted, draws=2)
    assert found.compute_efficiency["value"] == pytest.approx(0.65, rel=0.01)
    assert found.bandwidth_efficiency["value"] == pytest.approx(0.30, rel=0.01)
    assert found.step_latency_s["value"] == pytest.approx(0.005, rel=0.01)
    assert found.identified == dict.fromkeys(NAMES, True)
    assert found.loss < 0.002
    assert (found.rows, found.configurations, dict(found.left_out)) == (48, 6, {})


def test_the_shipped_preset_is_the_least_loss_on_the_articles_rows() -> None:
    """presets_fitted.csv: "249 values of 42 configurations, loss 0.630". Controls: the points beside it are worse."""
    rows, _ = runs.rows_of(())
    seen = select(where(rows, KIMI), load()).observed
    assert sum(len(each.measured_s) for each in seen.values()) == 249
    assert len({config for each in seen.values() for config in each.config.tolist()}) == 42
    ours, article = (
        np.array([preset.compute_efficiency, preset.bandwidth_efficiency, preset.step_latency])
        for preset in (load().preset("fitted"), load().preset("article"))
    )
    least = loss(seen, ours)
    assert least == pytest.approx(0.630, abs=5e-4)
    assert loss(seen, article) > least
    for index in range(len(NAMES)):
        for factor in (0.7, 0.9, 1.1, 1.4):
            beside = ours.copy()
            beside[index] *= factor
            assert loss(seen, beside) > least, (NAMES[index], factor)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"form": "artcle"}, "unknown form 'artcle'; did you mean 'article'?"),
        ({"draws": 1}, "draws: got 1, allowed 2 to 100000"),
        ({"where": "modle=kimik2.5"}, "unknown field in where 'modle'; did you mean 'model'?"),
    ],
)
def test_a_wrong_question_is_refused(asked: dict[str, Any], said: str, planted: Path) -> None:
    with pytest.raises(InputError) as refused:
        runs.calibrate(planted, **asked)
    assert refused.value.message == said


def test_rows_with_nothing_to_fit_are_refused_with_the_reasons(write: Write) -> None:
    unknown = row(2, model="gpt-6", median_tpot_s=0.02)
    with pytest.raises(InputError) as refused:
        runs.calibrate(write("rows.csv", text([row(1), unknown])))
    assert refused.value.message == (
        "rows: nothing to fit (1 nothing measured; 1 model 'gpt-6' is not in the table benchmark_models)"
    )


def test_a_file_of_broken_rows_is_not_called_empty(write: Write) -> None:
    with pytest.raises(InputError) as refused:
        runs.calibrate(write("rows.csv", text([row(1, conc="many")])))
    assert "could not be read" in refused.value.message


def test_a_seed_below_zero_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="seed"):
        runs.calibrate(write("rows.csv", text([row(1, median_tpot_s=0.02)])), draws=2, seed=-1)


@pytest.mark.parametrize("question", [runs.validate, lambda path: runs.calibrate(path, draws=2)])
def test_a_measured_value_far_out_warns_nobody(write: Write, question: Callable[[Path], object]) -> None:
    """measurements/fields.py lets any finite number over 0 in; on the command line a warning is two lines of stderr."""
    question(write("rows.csv", text([row(1, median_tpot_s="1e-320"), row(2, median_tpot_s=0.02, conc=8)])))


# --- validate ---------------------------------------------------------------------------------------------------------


def test_validate_scores_planted_runs_zero_and_wrong_efficiencies_not(planted: Path) -> None:
    for score in runs.validate(planted, preset="article"):
        assert (score.tpot_median_abs_log, score.ttft_median_abs_log, score.coverage) == (0.0, 0.0, 1.0)
    (wrong,) = [score for score in runs.validate(planted, preset="ideal") if score.by == "all"]
    assert wrong.tpot_bias_log < -np.log(1 / 0.65)  # without any inefficiency, at least that much too fast
    assert wrong.ttft_bias_log < -0.4


def test_our_intervals_hold_nine_tenths_of_all_published_values() -> None:
    """The three numbers' 90% interval, made on these same rows (tools/fit.py): 5% to 95% of TPOT and of TTFT errors."""
    (whole,) = [score for score in runs.validate(form="article") if score.by == "all"]
    assert whole.interval_coverage == pytest.approx(0.90, abs=0.005)
    assert whole.rows > 8000


def test_rows_without_measurements_cannot_be_validated(write: Write) -> None:
    with pytest.raises(InputError, match="nothing measured to hold predictions against"):
        runs.validate(write("rows.csv", text([row(1)])))


# --- predict ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "rows", "unanswered"), [(0, 6534, 0), (1, 2459, 16)])
def test_each_shipped_table_is_answered_to_98_percent(place: int, rows: int, unanswered: int) -> None:
    """Issue 3. Unanswered: 16 runs without a concurrency; where GPUs are not stated a near recipe's are taken."""
    listed = runs.prediction_table(runs.shipped()[place])
    assert len(listed) == rows
    reasons = Counter(str(each["reason"]) for each in listed if each["reason"])
    assert sum(reasons.values()) == unanswered <= 0.02 * rows
    for each in listed:
        empty = [name for name in COLUMNS[1:-1] if each[name] == ""]
        assert bool(empty) == bool(each["reason"]), each
    numbers = np.array([[each[name] for name in COLUMNS[1:-1]] for each in listed if not each["reason"]], dtype=float)
    assert np.isfinite(numbers).all() and (numbers > 0.0).all()


def test_the_larger_shipped_table_is_predicted_within_five_seconds() -> None:
    """Issue 3: each file in under 5 s; about 3 s of processor time where this was written, the file read anew."""
    runs._shipped_table.cache_clear()
    begin = time.process_time()
    assert len(runs.prediction_table(runs.shipped()[0])) == 6534
    assert time.process_time() - begin < 5.0


def test_measured_columns_may_be_filled_empty_or_absent(write: Write) -> None:
    filled = [each | {"median_tpot_s": 0.02, "median_ttft_s": 1.5, "tput_per_gpu_tok_s": 900} for each in BLIND]
    tables = [text(filled), text(BLIND), text(BLIND, without=MEASURED)]
    first, *others = [runs.prediction_table(write(f"{at}.csv", table)) for at, table in enumerate(tables)]
    assert len(first) == len(BLIND) and not any(each["reason"] for each in first)
    assert others == [first, first]


def test_rows_stay_in_the_order_of_the_file_the_broken_ones_in_their_place(write: Write) -> None:
    rows = [row(30), row(10, conc="many"), row(20, model="gpt-6"), row(40)]
    listed = runs.prediction_table(write("rows.csv", text(rows)))
    assert [each["row_id"] for each in listed] == ["30", "10", "20", "40"]
    assert [each["reason"] for each in listed] == [
        "",
        "conc: got 'many', allowed a whole number over 0",
        "model 'gpt-6' is not in the table benchmark_models",
        "",
    ]
    assert listed[0] == listed[3] | {"row_id": "30"}


def test_files_of_several_forms_are_answered_in_turn(write: Write) -> None:
    medians, other = write("medians.csv", text([row(1)])), write("runs.csv", run_with_ttft("t17"))
    assert [each["row_id"] for each in runs.prediction_table(other, medians)] == ["t17", "1"]
    assert runs.prediction_table(other, medians) == runs.prediction_table(other) + runs.prediction_table(medians)


def test_a_condition_may_be_met_by_one_of_the_files(write: Write) -> None:
    """As `validate` and `calibrate` have it; `fleetline predict --where speculation=mtp` cannot be asked otherwise."""
    medians, other = write("medians.csv", text([row(1)])), write("runs.csv", run_with_ttft("t17"))
    assert [each["row_id"] for each in runs.prediction_table(medians, other, where="hardware=b200")] == ["t17"]


def test_what_cannot_be_read_is_returned_with_its_file_and_line(write: Write) -> None:
    paths = [write(f"{name}.csv", text([row(1), row(2, conc="many")])) for name in ("a", "b")]
    rows, rejected = runs.rows_of(paths)
    assert [each.row_id for each in rows] == ["1", "1"]
    assert [(name, each.row_id, each.line) for name, each in rejected] == [(str(path), "2", 3) for path in paths]


# --- measured ---------------------------------------------------------------------------------------------------------


def test_the_wanted_speed_is_the_articles_unless_given(write: Write) -> None:
    """35 token/s/user (article, "Introducing our setting"): 36 by both definitions is enough, 34 is not."""
    seen = {"median_tpot_s": 1 / 36, "tput_per_gpu_tok_s": 9 * 36 * 64 / 8}  # output is 1 of 9 tokens, 64 clients, 8 GPUs
    path = write("rows.csv", text([row(1, **seen)]))
    assert [each.definition for each in runs.measured(path)] == ["wall", "tpot"]
    assert runs.measured(path, speed=36.1) == []
    slow = write("slow.csv", text([row(1, median_tpot_s=1 / 34, tput_per_gpu_tok_s=9 * 34 * 64 / 8)]))
    assert runs.measured(slow) == []
    assert len(runs.measured(slow, speed=33.9)) == 2


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_is_a_positive_number(speed: float) -> None:
    with pytest.raises(InputError, match="speed: got"):
        runs.measured(speed=speed)
