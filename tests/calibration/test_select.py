"""Which rows a fit sees: a filter in words, one statistic a quantity, no copies, and a count of everything left out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import apart, engine, made_run

from fleetline.calibration.fit import loss
from fleetline.calibration.form import terms, tpot_s, ttft_s
from fleetline.calibration.select import FIELDS, Selection, select, where
from fleetline.catalog import load
from fleetline.errors import InputError
from fleetline.measurements import Measurement, Pool
from fleetline.physics.roofline import Efficiency

ROWS = [
    made_run(row_id="kimi on gb200"),
    made_run(row_id="kimi on mi355x", hardware="mi355x", vendor="AMD", concurrency=64),
    made_run(row_id="r1 on gb200", model="dsr1", speculation="mtp", precision="fp8", framework="dynamo-trt"),
]


def ids(rows: list[Measurement]) -> list[str]:
    return [row.row_id for row in rows]


def chosen(*rows: Measurement) -> Selection:
    return select(rows, load())


def picked(selection: Selection, quantity: str) -> list[float]:
    return selection.observed[quantity].measured_s.tolist() if quantity in selection.observed else []


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (None, ids(ROWS)),
        ("model=kimik2.5", ["kimi on gb200", "kimi on mi355x"]),
        ("model=kimi-k2.5", ["kimi on gb200", "kimi on mi355x"]),  # as the catalog calls it
        ("model=DeepSeek-R1,vendor=NVIDIA", ["r1 on gb200"]),
        ("vendor=NVIDIA", ["kimi on gb200", "r1 on gb200"]),
        ("model=kimik2.5,vendor=NVIDIA", ["kimi on gb200"]),
        (" model = DSR1 ", ["r1 on gb200"]),  # blanks and the value's capitals do not matter
        ("concurrency=64", ["kimi on mi355x"]),
        ("input_tokens=10000,output_tokens=1000", ids(ROWS)),
        ("speculation=mtp", ["r1 on gb200"]),
        ("precision=fp8", ["r1 on gb200"]),
        ("framework=dynamo-trt", ["r1 on gb200"]),
        ("disaggregated=no", ids(ROWS)),
    ],
)
def test_a_condition_keeps_the_rows_that_meet_all_of_it(condition: str | None, met: list[str]) -> None:
    assert ids(where(ROWS, condition)) == met


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_finds_a_row_by_its_own_value(field: str) -> None:
    assert ROWS[2] in where(ROWS, f"{field}={FIELDS[field](ROWS[2])}")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("modle=kimik2.5", "unknown field in where 'modle'; did you mean 'model'?"),
        ("model=kimi2.5", "unknown model in where 'kimi2.5'; did you mean 'kimik2.5'?"),
        ("hardware=gb20", "unknown hardware in where 'gb20'; did you mean 'gb200'?"),
        ("vendor=Cerebras", "unknown vendor in where 'Cerebras'; known: AMD, NVIDIA"),
        # each alone has rows, together they have none: known is what is left
        ("vendor=AMD,hardware=gb200", "unknown hardware in where 'gb200'; known: mi355x"),
        ("model", "where: got 'model', allowed FIELD=VALUE, with commas between"),
        ("model=", "where: got 'model=', allowed FIELD=VALUE, with commas between"),
        ("model=kimik2.5,", "where: got '', allowed FIELD=VALUE, with commas between"),
        ("model=a\nb", r"unknown model in where 'a\nb'; known: dsr1, kimik2.5"),
    ],
)
def test_a_condition_nobody_meets_is_refused_with_the_nearest_one(condition: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        where(ROWS, condition)
    assert refused.value.field == "where"


def test_rows_that_do_not_say_are_not_those_that_say_none() -> None:
    """types.py: speculation is "mtp, none, or None where unstated"; runs_with_ttft.csv states it nowhere."""
    unstated = made_run(row_id="unstated", speculation=None)
    assert ids(where([*ROWS, unstated], "speculation=none")) == ["kimi on gb200", "kimi on mi355x"]
    assert ids(where([*ROWS, unstated], "speculation=unstated")) == ["unstated"]


# --- one statistic a quantity -----------------------------------------------------------------------------------------

MEDIAN = made_run(tpot_s=0.020)
SINGLE = made_run(tpot_s=0.021, ttft_s=1.5, kind="single_run")
MEAN = made_run(tpot_s=0.022, ttft_s=4.5, kind="run", statistic="mean")


@pytest.mark.parametrize(
    ("rows", "tpot", "ttft"),
    [
        ([MEDIAN, SINGLE, MEAN], [0.020], [4.5]),  # medians over runs for TPOT, means for TTFT
        ([SINGLE, MEAN], [0.021, 0.022], [4.5]),  # no medians over runs: what there is
        ([MEDIAN, SINGLE], [0.020], [1.5]),
        ([MEDIAN], [0.020], []),
        ([made_run(tpot_s=None, ttft_s=2.0)], [], [2.0]),
    ],
)
def test_each_quantity_is_taken_from_one_statistic(rows: list[Measurement], tpot: list[float], ttft: list[float]) -> None:
    found = chosen(*rows)
    assert (picked(found, "tpot"), picked(found, "ttft")) == (tpot, ttft)


def test_what_another_statistic_says_is_counted() -> None:
    assert dict(chosen(MEDIAN, SINGLE, MEAN).left_out) == {
        "another statistic of tpot than the one fitted": 2,
        "another statistic of ttft than the one fitted": 1,
    }


# --- copies -----------------------------------------------------------------------------------------------------------

RUN = made_run(tpot_s=0.02, ttft_s=1.5, kind="run", statistic="mean", config="697")


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({}, 1),
        ({"framework": "trt", "config": "kimik2.5/gb200/trt"}, 1),  # relabelled
        ({"tpot_s": 0.02004, "ttft_s": 1.504}, 1),  # rounded: the same to three digits
        ({"tpot_s": 0.0201}, 2),
        ({"ttft_s": 1.51}, 2),
        ({"concurrency": 513}, 2),
        ({"hardware": "gb300"}, 2),
        ({"precision": "fp8"}, 2),
        ({"kind": "single_run"}, 2),  # another kind is another statistic, chosen between elsewhere
        ({"prefill": engine(4), "decode": engine(4)}, 2),
    ],
)
def test_a_row_that_repeats_another_to_three_digits_counts_once(changed: dict[str, Any], kept: int) -> None:
    found = chosen(RUN, replace(RUN, **changed))
    assert len(picked(found, "ttft")) == kept
    assert found.left_out.get("copies of another row", 0) == 2 - kept


@pytest.mark.parametrize("turn", [1, -1])
def test_of_copies_the_one_with_a_configuration_id_stays(turn: int) -> None:
    """Its configuration is known to other tables; in either order."""
    label = replace(RUN, config="kimik2.5/gb200/vllm/fp4")
    assert chosen(*[RUN, label][::turn]).observed["ttft"].config.tolist() == ["697"]


def test_medians_without_ttft_that_agree_are_two_configurations() -> None:
    """One number of three digits coincides by chance; two seldom do."""
    assert picked(chosen(made_run(config="1"), made_run(config="2")), "tpot") == [0.02, 0.02]


# --- what is left out, and what is seen of the rest -------------------------------------------------------------------


def test_rows_that_cannot_be_fitted_are_counted_by_reason() -> None:
    uncounted = apart(engine(4, None), engine(16, None))
    found = chosen(
        *[made_run()] * 3,
        *[uncounted] * 2,
        made_run(tpot_s=None),
        made_run(model="gpt-6"),
        made_run(gpus=None, decode=Pool(None, None)),
    )
    assert picked(found, "tpot") == [0.02] * 3
    assert dict(found.left_out) == {
        "worker counts are not recorded": 2,
        "nothing measured": 1,
        "model 'gpt-6' is not in the table benchmark_models": 1,
        "the number of GPUs is not recorded": 1,
    }


ANY_ROW = st.fixed_dictionaries(
    {
        "tpot_s": st.sampled_from([None, 0.02]),
        "ttft_s": st.sampled_from([None, 1.0]),
        "kind": st.sampled_from(["median_over_runs", "run"]),
        "statistic": st.sampled_from(["median", "mean"]),
        "model": st.sampled_from(["kimik2.5", "gpt-6"]),
    }
)


@given(st.lists(ANY_ROW, max_size=12))
def test_every_measured_value_is_fitted_or_counted(given_rows: list[dict[str, Any]]) -> None:
    rows = [made_run(concurrency=place, **row) for place, row in enumerate(given_rows, start=1)]  # no two are copies
    found = chosen(*rows)
    measured = [row for row in rows if row.tpot_s or row.ttft_s]
    known = [row for row in measured if row.model == "kimik2.5"]
    assert found.left_out.get("nothing measured", 0) == len(rows) - len(measured)
    unknown = "model 'gpt-6' is not in the table benchmark_models"
    assert found.left_out.get(unknown, 0) == len(measured) - len(known)
    for quantity in ("tpot", "ttft"):
        of_another = found.left_out.get(f"another statistic of {quantity} than the one fitted", 0)
        given_values = [row for row in known if getattr(row, f"{quantity}_s")]
        assert len(picked(found, quantity)) + of_another == len(given_values)
        assert bool(picked(found, quantity)) == bool(given_values)


def test_a_fit_sees_the_form_of_its_own_rows() -> None:
    """Rows are evaluated in groups of one model, chip and speculation; each keeps its times, value and configuration."""
    rows = [made_run(tpot_s=0.01 * n, ttft_s=float(n), concurrency=n, config=str(n)) for n in (3, 1, 2)]
    rows[1] = replace(rows[1], speculation="mtp")
    seen, form = chosen(*rows).observed, terms(rows, load())
    np.testing.assert_array_equal(seen["tpot"].bandwidth_s, form.tpot.bandwidth_s)
    np.testing.assert_array_equal(seen["tpot"].compute_s, form.tpot.compute_s)
    np.testing.assert_array_equal(seen["ttft"].compute_s, form.ttft.compute_s)
    np.testing.assert_allclose(seen["tpot"].latencies, [1.0, 1 / 2.88, 1.0])  # shared by accepted tokens
    np.testing.assert_array_equal(seen["ttft"].latencies, [1.0, 1.0, 1.0])
    assert seen["tpot"].measured_s.tolist() == [0.03, 0.01, 0.02]
    assert seen["ttft"].config.tolist() == ["3", "1", "2"]


def test_rows_as_the_form_predicts_them_have_no_loss_and_wrong_efficiencies_do() -> None:
    """Planted: article, section Calibrating (65%, 30%, 5 ms). The control: 10% more of any one is noticed."""
    planted = np.array([0.65, 0.30, 0.005])
    rows = [made_run(concurrency=n, speculation=said) for n in (1, 16, 256, 4096) for said in ("none", "mtp")]
    form = terms(rows, load())
    times = (tpot_s(form, Efficiency(*planted)).tolist(), ttft_s(form, Efficiency(*planted)).tolist())
    measured = [replace(row, tpot_s=tpot, ttft_s=ttft, kind="run") for row, tpot, ttft in zip(rows, *times, strict=True)]
    seen = chosen(*measured).observed
    assert loss(seen, planted) == pytest.approx(0.0, abs=1e-12)
    for index in range(3):
        wrong = planted.copy()
        wrong[index] *= 1.1
        assert loss(seen, wrong) > 0.005
