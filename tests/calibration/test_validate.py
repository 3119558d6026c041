"""Errors by group, solved by hand on a handful of runs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import made_run

from fleetline.calibration.predict import Prediction, predict
from fleetline.calibration.validate import GROUPS, Score, validate
from fleetline.catalog import load
from fleetline.measurements import Measurement

NONE = math.nan
LN2 = math.log(2.0)


def held(rows: list[Measurement], tpot: list[float], ttft: list[float] | None = None) -> Prediction:
    """Predictions of our choosing, each with an interval from half to double; NaN is an unanswered row."""
    times = {"tpot": np.array(tpot), "ttft": np.array(ttft if ttft else [NONE] * len(tpot))}
    return Prediction(
        rows=rows,
        tpot_s=times["tpot"],
        tpot_low_s=times["tpot"] / 2,
        tpot_high_s=times["tpot"] * 2,
        ttft_s=times["ttft"],
        ttft_low_s=times["ttft"] / 2,
        ttft_high_s=times["ttft"] * 2,
        throughput_gpu_tok_s=np.full(len(rows), 1.0),
        reason=["not known" if math.isnan(each) else "" for each in tpot],
    )


def score(prediction: Prediction, by: str = "all", group: str = "all") -> Score:
    (found,) = [each for each in validate(prediction) if (each.by, each.group) == (by, group)]
    return found


# Five runs of three configurations, measured at 20 ms; predictions are off by factors of 4, 2, 1 and 1/4, one is missing.
RUNS = [
    made_run(config="a", concurrency=8),
    made_run(config="a", concurrency=9),
    made_run(config="a", concurrency=64),
    made_run(config="b", concurrency=65, framework="trt"),
    made_run(config="c", concurrency=513, model="gpt-6"),
]
OFF = held(RUNS, [0.08, 0.04, 0.02, 0.005, NONE])


def test_the_error_is_the_median_of_absolute_logarithms() -> None:
    assert score(OFF).tpot_median_abs_log == pytest.approx(1.5 * LN2)  # of 2, 1, 0 and 2 times ln 2
    assert score(OFF).tpot_bias_log == pytest.approx(0.5 * LN2)  # of 2, 1, 0 and -2: too slow on balance
    assert score(OFF).tpot_by_configuration == pytest.approx(1.5 * LN2)  # mean of a's 1 and b's 2; c has none


def test_a_configuration_counts_once_however_many_its_rows() -> None:
    """a is measured at three concurrencies; a hundred more like the last would change its median alone."""
    many = held([*RUNS, *[RUNS[2]] * 100], [0.08, 0.04, 0.02, 0.005, NONE, *[0.02] * 100])
    assert score(many).tpot_by_configuration == pytest.approx((0.0 + 2.0 * LN2) / 2)
    assert score(many).tpot_median_abs_log == 0.0


def test_coverage_is_the_share_of_rows_that_are_answered() -> None:
    assert score(OFF).coverage == pytest.approx(4 / 5)
    assert score(OFF, "model", "gpt-6").coverage == 0.0
    assert math.isnan(score(OFF, "model", "gpt-6").tpot_median_abs_log)


def test_interval_coverage_is_the_share_of_measured_values_inside() -> None:
    assert score(OFF).interval_coverage == pytest.approx(2 / 4)  # 20 ms is inside 20..80 and 10..40, its ends included
    both = [replace(row, ttft_s=1.0) for row in RUNS]
    with_ttft = held(both, [0.08, 0.04, 0.02, 0.005, NONE], [1.9, 2.1, 0.6, 0.4, NONE])
    assert score(with_ttft).interval_coverage == pytest.approx((2 + 2) / 8)  # TTFT: 0.95..3.8 and 0.3..1.2 hold 1 s


def test_a_prediction_without_an_interval_has_no_interval_coverage() -> None:
    without = replace(OFF, tpot_low_s=np.full(5, NONE), tpot_high_s=np.full(5, NONE))
    assert math.isnan(score(without).interval_coverage)
    assert score(without).tpot_median_abs_log == score(OFF).tpot_median_abs_log


def test_ttft_is_scored_on_the_rows_that_have_it() -> None:
    rows = [replace(RUNS[0], ttft_s=1.0), RUNS[1], replace(RUNS[3], ttft_s=2.0, tpot_s=None)]
    found = score(held(rows, [0.02, 0.02, 0.02], [math.e, 5.0, 2.0]))
    assert (found.rows, found.configurations) == (3, 2)
    assert found.ttft_median_abs_log == pytest.approx(0.5)  # of 1 and 0
    assert found.tpot_median_abs_log == 0.0


def test_rows_without_anything_measured_are_in_no_group() -> None:
    blind = replace(RUNS[0], tpot_s=None)
    assert validate(held([blind], [0.02])) == []
    assert score(held([blind, RUNS[1]], [0.02, 0.04])).rows == 1


def test_perfect_predictions_score_zero_and_slow_ones_do_not() -> None:
    """Planted: rows measured exactly as predicted. The control: all of them a tenth slower than predicted."""
    rows = [made_run(concurrency=n, hardware=chip) for n in (1, 30, 500) for chip in ("gb200", "h200")]
    found = predict(rows, load().preset("fitted"), load())
    times = zip(rows, found.tpot_s, found.ttft_s, strict=True)
    perfect = [replace(row, tpot_s=float(tpot), ttft_s=float(ttft)) for row, tpot, ttft in times]
    for each in validate(replace(found, rows=perfect)):
        assert (each.tpot_median_abs_log, each.ttft_median_abs_log) == (0.0, 0.0)
        assert (each.tpot_bias_log, each.tpot_by_configuration, each.coverage, each.interval_coverage) == (
            0.0,
            0.0,
            1.0,
            1.0,
        )
    slower = [replace(row, tpot_s=(row.tpot_s or 0.0) * 1.1) for row in perfect]
    for each in validate(replace(found, rows=slower)):
        assert each.tpot_median_abs_log == pytest.approx(math.log(1.1))
        assert each.tpot_bias_log == pytest.approx(-math.log(1.1))  # predicted too fast


# --- groups -----------------------------------------------------------------------------------------------------------

VARIED: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["kimik2.5", "dsr1"]),
    "hardware": st.sampled_from(["gb200", "h200", "mi355x"]),
    "framework": st.sampled_from(["vllm", "dynamo-trt", ""]),
    "precision": st.sampled_from(["fp4", "fp8", None]),
    "speculation": st.sampled_from(["none", "mtp", None]),
    "disaggregated": st.booleans(),
    "concurrency": st.integers(1, 2000),
    "input_tokens": st.sampled_from([1024, 8192]),
    "config": st.sampled_from(["a", "b", "c"]),
    "tpot_s": st.sampled_from([None, 0.02, 0.05]),
    "kind": st.sampled_from(["run", "single_run"]),
}


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries(VARIED), min_size=1, max_size=10))
def test_the_groups_of_every_kind_add_up_to_all_rows(changed: list[dict[str, Any]]) -> None:
    rows = [made_run(**each) for each in changed]
    measured = sum(row.tpot_s is not None for row in rows)
    scores = validate(held(rows, [0.03] * len(rows)))
    totals = Counter({by: sum(each.rows for each in scores if each.by == by) for by in GROUPS})
    assert totals == dict.fromkeys(GROUPS, measured)
    assert len({(each.by, each.group) for each in scores}) == len(scores)


def test_error_is_told_by_model_chip_framework_and_concurrency() -> None:
    """Issue 3, step 3; the others are further ways of cutting the same rows."""
    assert {"all", "model", "chip", "framework", "concurrency"} <= {each.by for each in validate(OFF)}
    named = {(each.by, each.group): each.rows for each in validate(OFF)}
    assert (named["model", "kimik2.5"], named["model", "gpt-6"]) == (4, 1)
    assert (named["framework", "vllm"], named["framework", "trt"]) == (4, 1)
    assert named["chip", "gb200"] == 5
    assert score(OFF, "framework", "trt").tpot_median_abs_log == pytest.approx(2.0 * LN2)
    assert score(OFF, "framework", "trt").tpot_bias_log == pytest.approx(-2.0 * LN2)


@pytest.mark.parametrize(
    ("clients", "group"),
    [(1, "1-8"), (8, "1-8"), (9, "9-64"), (64, "9-64"), (65, "65-512"), (512, "65-512"), (513, "513 and more")],
)
def test_concurrency_is_grouped_in_steps_of_eight_times(clients: int, group: str) -> None:
    assert score(held([made_run(concurrency=clients)], [0.02]), "concurrency", group).rows == 1


def test_a_label_the_source_does_not_give_is_called_unstated() -> None:
    row = made_run(precision=None, speculation=None)
    groups = {each.by: each.group for each in validate(held([row], [0.02]))}
    assert (groups["precision"], groups["speculation"]) == ("unstated", "unstated")
    assert (groups["workload"], groups["disaggregated"], groups["kind"]) == ("10000:1000", "no", "median_over_runs")
