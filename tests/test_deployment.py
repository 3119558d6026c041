"""`throughput`, `frontier` and `breakdown` as people call them: by name, with floats or arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fleetline.answers import Prices, StageSeconds, Throughput
from fleetline.catalog import load
from fleetline.deployment import breakdown, deploy, throughput
from fleetline.deployment.requests import REUSE
from fleetline.errors import InputError
from fleetline.frontiers import frontier
from fleetline.physics import serving
from fleetline.physics.candidates import pareto
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.work import weight_bytes

KIMI = ("kimi-k2.6", "gb200-nvl72")


def ask(**options: Any) -> Throughput:
    """`throughput` of the article's Kimi, anything of it replaced."""
    return throughput(**({"model": KIMI[0], "system": KIMI[1]} | options))


def rates(found: Throughput) -> dict[str, Any]:
    """The numbers that are NaN where a case is infeasible."""
    told = {"feasible", "reason", "binding", "setting", "memory_capacity_bytes"}
    numbers: dict[str, Any] = {}
    for field in fields(found):
        value = getattr(found, field.name)
        if isinstance(value, StageSeconds):
            numbers |= {f"{field.name}.compute_s": value.compute_s, f"{field.name}.bandwidth_s": value.bandwidth_s}
        elif isinstance(value, Prices):
            # nothing is cached here, so cached input has no price
            told_prices = {each: part for each, part in vars(value).items() if each != "cached_input"}
            numbers |= {f"price.{each}": np.asarray(part)[()] for each, part in told_prices.items()}
        elif field.name not in told:
            numbers[field.name] = value
    return numbers


# --- bad input ------------------------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "kimi-k26"}, "model", "did you mean 'kimi-k2.6'?"),
    ({"model": "grok-2"}, "model", "has no row of its dense_layers"),
    ({"model": ""}, "model", "unknown model ''"),
    ({"system": "gb200-nvl-72"}, "system", "did you mean 'gb200-nvl72'?"),
    ({"preset": "articel"}, "preset", "did you mean 'article'?"),
    ({"schedule": "chunkd"}, "schedule", "did you mean 'chunked'?"),
    ({"precision": "fp44"}, "precision", "did you mean 'fp4'?"),
    ({"counting": "articles"}, "counting", "did you mean 'article'?"),
    ({"workload": "8000"}, "workload", "allowed INPUT:OUTPUT tokens"),
    ({"workload": "8k:1k"}, "workload", "allowed INPUT:OUTPUT tokens"),
    ({"workload": ""}, "workload", "allowed INPUT:OUTPUT tokens"),
    ({"workload": "8000:0"}, "output_tokens", "got 0, allowed a finite number of at least 1"),
    ({"workload": "-8000:1000"}, "input_tokens", "got -8000, allowed a finite number of at least 1"),
    ({"workload": "nan:1000"}, "input_tokens", "got nan"),
    ({"workload": "8000:1000", "input_tokens": 8000}, "workload", "not both"),
    ({"workload": "8000:1000", "output_tokens": 1000}, "workload", "not both"),
    ({"input_tokens": 8000}, "output_tokens", "missing"),
    ({"output_tokens": 1000}, "input_tokens", "missing"),
    ({"gpus": 0}, "gpus", "0 is not a whole number within 1..72"),
    ({"gpus": 73}, "gpus", "73 is not a whole number within 1..72"),
    ({"gpus": 1.5}, "gpus", "1.5 is not a whole number within 1..72"),
    ({"gpus": [72, -1]}, "gpus", "-1 is not a whole number within 1..72"),
    ({"gpus": "many"}, "gpus", "allowed a number"),
    ({"compute_efficiency": 1.01}, "compute_efficiency", "over 0 and at most 1"),
    ({"bandwidth_efficiency": 30}, "bandwidth_efficiency", "over 0 and at most 1"),
    ({"hbm_reserve": 1.0}, "hbm_reserve", "at least 0 and below 1"),
    ({"hbm_reserve": -0.1}, "hbm_reserve", "at least 0 and below 1"),
    ({"step_latency_s": -0.001}, "step_latency_s", "of at least 0"),
    ({"speculative": "8"}, "speculative", "allowed VERIFIED:ACCEPTED"),
    ({"speculative": "eight:three"}, "speculative", "allowed VERIFIED:ACCEPTED"),
    ({"speculative": "3:8"}, "speculative", "got 8 accepted of 3 verified, allowed accepted from 1 to verified"),
    ({"speculative": "8:0.5"}, "speculative", "got 0.5 accepted of 8 verified"),
    ({"speculative": "nan:3"}, "speculative", "got nan"),
    ({"speculative": (8, np.inf)}, "speculative", "got inf"),
    ({"speculative": ([8, 4], [3, 5])}, "speculative", "accepted from 1 to verified"),
]


@pytest.mark.parametrize(("options", "field", "reason"), BAD, ids=[str(one[0]) for one in BAD])
def test_bad_input_is_one_line_with_its_field(options: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        ask(**options)
    assert refused.value.field == field
    assert reason in refused.value.message
    assert "\n" not in refused.value.message


REUSE_NONE = {**dict.fromkeys(("framework", *REUSE, "rate")), "arrivals": "batch"}
NUMERIC = {
    *("batch", "speed", "max_ttft", "input_tokens", "output_tokens", "gpus"),
    *("compute_efficiency", "bandwidth_efficiency", "step_latency_s", "hbm_reserve"),
}


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, -np.inf, [0.5, np.nan], "fast", [[1, 2], [3]]], ids=str)
@pytest.mark.parametrize("name", sorted(NUMERIC))
def test_no_numeric_argument_takes_what_is_no_quantity(name: str, wrong: Any) -> None:
    tokens = {"input_tokens": 8000, "output_tokens": 1000}
    with pytest.raises(InputError) as refused:
        ask(**(tokens | {name: wrong}))
    assert refused.value.field == name
    assert refused.value.message.startswith(f"{name}: ")


@pytest.mark.parametrize("name", sorted(NUMERIC - {"step_latency_s", "hbm_reserve"}))
def test_only_a_latency_and_a_reserve_may_be_zero(name: str) -> None:
    with pytest.raises(InputError) as refused:
        ask(**({"input_tokens": 8000, "output_tokens": 1000} | {name: 0}))
    assert refused.value.field == name


def test_a_latency_and_a_reserve_of_zero_are_taken() -> None:
    assert ask(step_latency_s=0, hbm_reserve=0).feasible


@pytest.mark.parametrize("given", [(8,), (8, 3, 1), 8, []], ids=str)
def test_speculation_that_is_not_two_numbers_is_refused(given: Any) -> None:
    with pytest.raises(InputError) as refused:
        ask(speculative=given)
    assert refused.value.field == "speculative"


@pytest.mark.parametrize("batch", [0, -1, np.nan, np.inf, "many", [1.0, 2.0]], ids=str)
def test_a_breakdown_is_of_a_positive_number_of_requests(batch: Any) -> None:
    with pytest.raises(InputError) as refused:
        breakdown(*KIMI, batch=batch)
    assert refused.value.field == "batch"


def test_a_breakdown_is_of_one_deployment() -> None:
    with pytest.raises(InputError):
        breakdown(*KIMI, batch=1.0, input_tokens=[8000, 9000], output_tokens=1000)


@pytest.mark.parametrize("name", ["input_tokens", "compute_efficiency", "speed", "batch"])
def test_an_empty_array_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        ask(**({"input_tokens": 8000, "output_tokens": 1000} | {name: []}))


@pytest.mark.parametrize("points", [1, 0, -5, 2.5, True, 100_001])
def test_a_frontier_has_a_whole_number_of_points(points: Any) -> None:
    with pytest.raises(InputError) as refused:
        frontier(*KIMI, points=points)
    assert refused.value.field == "points"


def test_a_frontier_is_of_one_deployment() -> None:
    with pytest.raises(InputError, match="one deployment at a time"):
        frontier(*KIMI, input_tokens=[8000, 9000], output_tokens=1000)


def test_an_unknown_precision_of_a_checkpoint_lists_those_published() -> None:
    with pytest.raises(InputError, match="unknown precision") as refused:
        ask(counting="checkpoint", precision="fp6")
    assert isinstance(refused.value.allowed, list)
    assert "nvidia/kimi-k2.6-nvfp4" in refused.value.allowed


def test_its_field_is_the_argument() -> None:
    with pytest.raises(InputError) as refused:
        ask(counting="checkpoint", precision="fp6")
    assert refused.value.field == "precision"


def test_a_model_without_published_counts_is_sent_to_its_checkpoint() -> None:
    lacking = [name for name, model in load().models.items() if model.published_active is None]
    assert lacking
    for name in lacking:
        with pytest.raises(InputError, match="ask with counting 'checkpoint'"):
            ask(model=name)


def test_an_argument_nobody_knows_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="'bacth'; did you mean 'batch'"):
        ask(bacth=3)


# --- infeasible -----------------------------------------------------------------------------------------------------------

INFEASIBLE: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [
    ({"gpus": 1}, "memory", ("one request alone", "500.7 GB", "179.7 GB of gb200-nvl72")),
    ({"speed": 1e6}, "speed", ("one request alone", "wanted 1000000")),
    ({"max_ttft": 1e-6}, "ttft", ("one request alone", "wanted 1e-06 s")),
    ({"workload": "300000:1000"}, "context", ("301000 tokens", "kimi-k2.6 takes 262144")),
    ({"batch": 1e6}, "memory", ("1000000 requests",)),
    ({"batch": 5000, "speed": 100}, "speed", ("5000 requests", "wanted 100")),
    ({"batch": 5000, "max_ttft": 0.5}, "ttft", ("5000 requests", "wanted 0.5 s")),
    # the first thing a person would find out comes first
    ({"gpus": 1, "workload": "300000:1000", "speed": 1e6}, "context", ()),
    ({"gpus": 1, "speed": 1e6}, "memory", ()),
]


@pytest.mark.parametrize(("options", "kind", "words"), INFEASIBLE, ids=[str(one[0]) for one in INFEASIBLE])
def test_an_infeasible_case_is_a_result_with_a_reason(options: dict[str, Any], kind: str, words: tuple[str, ...]) -> None:
    found = ask(**options)
    assert not found.feasible
    assert found.reason.startswith(f"{kind}: ")
    assert [word for word in words if word not in found.reason] == []
    assert {name for name, value in rates(found).items() if not np.isnan(value)} == set()
    assert found.binding == ""
    assert found.memory_capacity_bytes > 0


def test_in_an_array_each_case_has_its_own_reason() -> None:
    found = ask(gpus=[1, 72, 72, 72], speed=[35, 35, 1e6, 35], max_ttft=[9e8, 9e8, 9e8, 1e-6])
    assert found.feasible.tolist() == [False, True, False, False]
    assert [reason.partition(":")[0] for reason in found.reason.tolist()] == ["memory", "", "speed", "ttft"]
    for name, values in rates(found).items():
        assert np.isnan(values).tolist() == [True, False, True, True], name
    assert found.binding.tolist() == ["", "speed", "", ""]


@pytest.mark.parametrize("options", [one[0] for one in INFEASIBLE if "batch" not in one[0]], ids=str)
def test_a_frontier_of_an_infeasible_case_has_the_reason_too(options: dict[str, Any]) -> None:
    found = frontier(*KIMI, **options)
    assert np.ndim(found.feasible) == 0
    assert not found.feasible
    assert found.reason


# --- what is answered -----------------------------------------------------------------------------------------------------


def test_the_answer_keeps_the_definitions_of_the_interface() -> None:
    found = ask(speculative="8:3", max_ttft=20.0)
    assert found.feasible
    assert found.reason == ""
    assert found.throughput_tok_s_gpu == found.throughput_tok_s / 72
    assert found.interactivity_tok_s_user == 1 / found.tpot_s
    # speed is output over wall time, throughput that of all requests; a part in 1e12 is rounding
    assert found.speed_tok_s_user == pytest.approx(1000 / found.cycle_s, rel=1e-12)
    assert found.throughput_tok_s == pytest.approx(found.batch * found.speed_tok_s_user, rel=1e-12)
    assert found.ttft_s + 1000 * found.tpot_s == pytest.approx(found.cycle_s, rel=1e-12)
    assert found.speed_tok_s_user >= 35.0
    assert found.ttft_s <= 20.0
    assert found.memory_used_bytes <= found.memory_capacity_bytes
    assert found.memory_capacity_bytes == pytest.approx(72 * 186 * 2**30 * 0.9, rel=1e-12)
    assert found.batch == int(found.batch)
    rent = load().system("gb200-nvl72").rent
    assert rent is not None
    assert found.cost_usd_per_mtok_output == pytest.approx(rent / found.throughput_tok_s * 1e6, rel=1e-12)


def test_one_request_more_would_break_the_limit_that_binds() -> None:
    found = ask()
    assert found.binding == "speed"
    assert throughput(*KIMI, batch=float(found.batch), speed=35).feasible
    assert throughput(*KIMI, batch=float(found.batch) + 1, speed=35).reason.startswith("speed")


def test_a_batch_switches_the_default_speed_off() -> None:
    # interface.md, Definitions
    found = ask(batch=20_000)
    assert found.feasible
    assert found.speed_tok_s_user < 35
    assert not ask(batch=20_000, speed=35).feasible
    assert ask().speed_tok_s_user >= 35


# three-year rent and owning cost of a GB200 NVL72 chip: rows rent_3yr and tco_hyperscaler of chip_specs
RENTED = {"price": "rent", "utilisation": 1.0, "usd_chip_hour": {"own": 1.86, "rent": 4.0}}


def test_the_preset_of_the_article_is_the_article_s() -> None:
    assert ask(preset="article").setting == {
        **{"model": "kimi-k2.6", "system": "gb200-nvl72", "gpus": 72, "workload": "8000:1000", "schedule": "chunked"},
        **{"speculative": None, "preset": "article", "counting": "article", "checkpoint": "all fp4"},
        **{"compute_efficiency": 0.65, "bandwidth_efficiency": 0.3, "step_latency_s": 0.005, "hbm_reserve": 0.1},
        **{"precision": None, "speed": 35.0, "max_ttft": None, "configuration": None, **REUSE_NONE, **RENTED},
    }


def test_the_default_preset_is_our_own_fit() -> None:
    assert ask().setting["preset"] == "fitted"  # interface.md


def test_the_setting_tells_what_was_asked() -> None:
    found = ask(
        workload="1000:2000", gpus=8, schedule="serial", speculative=(4, 2.5), preset="ideal", counting="checkpoint",
        bandwidth_efficiency=0.5,
    )  # fmt: skip
    assert found.setting == {
        **{"model": "kimi-k2.6", "system": "gb200-nvl72", "gpus": 8.0, "workload": "1000:2000", "schedule": "serial"},
        **{"speculative": "4:2.5", "preset": "ideal", "counting": "checkpoint", "checkpoint": "nvidia/kimi-k2.6-nvfp4"},
        **{"compute_efficiency": 1.0, "bandwidth_efficiency": 0.5, "step_latency_s": 0.0, "hbm_reserve": 0.1},
        **{"precision": None, "speed": 35.0, "max_ttft": None, "configuration": None, **REUSE_NONE, **RENTED},
    }


@pytest.mark.parametrize(
    ("one_way", "another"),
    [
        ({"workload": "8000:1000"}, {"input_tokens": 8000, "output_tokens": 1000}),
        ({"workload": "8000:1000"}, {}),
        ({"speculative": "8:3"}, {"speculative": (8, 3)}),
        ({"speculative": "none"}, {}),
        ({"speed": 35}, {}),
        ({"gpus": 72}, {}),
        ({"precision": "fp4"}, {}),
        ({"preset": "ideal"}, {"compute_efficiency": 1, "bandwidth_efficiency": 1, "step_latency_s": 0}),
        ({"counting": "checkpoint"}, {"counting": "checkpoint", "precision": "nvidia/kimi-k2.6-nvfp4"}),
    ],
)
def test_two_ways_to_say_the_same(one_way: dict[str, Any], another: dict[str, Any]) -> None:
    assert rates(ask(**one_way)) == rates(ask(**another))


def test_a_published_checkpoint_is_larger_and_slower_than_the_article_s_rounding() -> None:
    # article-numbers.md, What the article could not see: "about 594 GB instead of 500 GB, and about twice the GEMM time"
    deployment, _ = deploy(*KIMI, counting="checkpoint")
    rounded, _ = deploy(*KIMI)
    assert weight_bytes(rounded.model, rounded.checkpoint) == pytest.approx(500e9, rel=1e-12)
    assert weight_bytes(deployment.model, deployment.checkpoint) == pytest.approx(594e9, abs=0.5e9)
    (layers,) = deployment.model.attention
    assert layers.costs.decode_flop / layers.costs.prefill_flop == pytest.approx(3.4, rel=1e-12)
    assert ask(counting="checkpoint").throughput_tok_s < ask().throughput_tok_s
    more = ask(counting="checkpoint", batch=1).memory_used_bytes - ask(batch=1).memory_used_bytes
    assert more == pytest.approx(94e9, abs=1e9)  # 594 - 500, each to half a digit


@pytest.mark.parametrize(
    ("model", "counting"),
    [(name, "checkpoint") for name in sorted(load().models)]
    + [(name, "article") for name, model in sorted(load().models.items()) if model.published_active is not None],
)
def test_every_model_is_served_by_a_rack(model: str, counting: str) -> None:
    found = throughput(model, "gb300-nvl72", "4000:500", counting=counting)
    assert found.feasible
    assert found.speed_tok_s_user >= 35


@pytest.mark.parametrize("system", sorted(load().systems))
def test_every_system_serves_a_small_model_or_says_what_is_not_known(system: str) -> None:
    if "bf16" not in (load().system(system).chip.peak or {}):
        with pytest.raises(InputError, match=f"system {system}: no .* is known"):
            throughput("gpt-oss-20b", system, counting="checkpoint", precision="fp4")
    else:
        assert throughput("gpt-oss-20b", system, "1000:100", batch=1).feasible


# --- every input counts, arrays are their elements ------------------------------------------------------------------------

# what is changed by a tenth, in a setting where it matters: memory binds only where speed does not
TENTHS: dict[str, tuple[dict[str, Any], Callable[[float], dict[str, Any]]]] = {
    "input_tokens": ({}, lambda by: {"input_tokens": 8000 * by, "output_tokens": 1000}),
    "output_tokens": ({}, lambda by: {"input_tokens": 8000, "output_tokens": 1000 * by}),
    "batch": ({}, lambda by: {"batch": 1000 * by}),
    "speed": ({}, lambda by: {"speed": 35 * by}),
    "max_ttft": ({}, lambda by: {"max_ttft": 2 * by}),
    "verified": ({}, lambda by: {"speculative": (8 * by, 3)}),
    "accepted": ({}, lambda by: {"speculative": (8, 3 * by)}),
    "compute_efficiency": ({}, lambda by: {"compute_efficiency": 0.65 * by}),
    "bandwidth_efficiency": ({}, lambda by: {"bandwidth_efficiency": 0.3 * by}),
    "step_latency_s": ({}, lambda by: {"step_latency_s": 0.005 * by}),
    "gpus": ({}, lambda by: {"gpus": 40 * by}),
    "hbm_reserve": ({"gpus": 8, "speed": 1, "workload": "100:3000"}, lambda by: {"hbm_reserve": 0.5 * by}),
}


@pytest.mark.parametrize("name", sorted(TENTHS))
def test_every_number_moves_throughput(name: str) -> None:
    setting, changed = TENTHS[name]
    before, again, after = (ask(**(setting | changed(by))) for by in (1.0, 1.0, 1.1))
    assert before.feasible
    assert after.feasible
    assert rates(before) == rates(again)  # the control: the same question, the same answer
    assert before.throughput_tok_s != after.throughput_tok_s


def assert_an_array_is_its_elements(found: Throughput, alone: list[Throughput]) -> None:
    for name, values in {**rates(found), "memory_capacity_bytes": found.memory_capacity_bytes}.items():
        one_by_one = [float({**rates(one), "memory_capacity_bytes": one.memory_capacity_bytes}[name]) for one in alone]
        np.testing.assert_array_equal(values, one_by_one, err_msg=name)
    assert found.feasible.tolist() == [bool(one.feasible) for one in alone]
    assert found.binding.tolist() == [str(one.binding) for one in alone]
    assert [why.partition(":")[0] for why in found.reason.tolist()] == [one.reason.partition(":")[0] for one in alone]


ARRAYS: list[Mapping[str, Any]] = [
    {"input_tokens": [100.0, 8000.0, 300000.0], "output_tokens": [1000.0, 1000.0, 1.0]},
    {"batch": [1.0, 7.0, 333.0, 1e5, 1e7]},
    {"speed": [1.0, 35.0, 100.0, 1e6]},
    {"max_ttft": [1e-6, 0.1, 1.0, 100.0]},
    {"compute_efficiency": [0.1, 0.65, 1.0]},
    {"bandwidth_efficiency": [0.1, 0.3, 1.0]},
    {"step_latency_s": [0.0, 0.005, 0.1]},
    {"gpus": [1.0, 4.0, 40.0, 72.0]},
    {"hbm_reserve": [0.0, 0.1, 0.97]},
]


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("arrays", ARRAYS, ids=" ".join)
def test_an_array_is_its_elements_exactly(arrays: Mapping[str, list[float]], schedule: str) -> None:
    found = ask(**arrays, schedule=schedule)
    alone = [
        ask(**dict(zip(arrays, values, strict=True)), schedule=schedule) for values in zip(*arrays.values(), strict=True)
    ]
    assert_an_array_is_its_elements(found, alone)


def test_speculation_takes_arrays_too() -> None:
    found = ask(speculative=([1.0, 4.0, 8.0], [1.0, 2.5, 3.0]))
    assert_an_array_is_its_elements(found, [ask(speculative=pair) for pair in ((1.0, 1.0), (4.0, 2.5), (8.0, 3.0))])


def test_arrays_broadcast() -> None:
    found = ask(batch=[[1.0], [10.0]], compute_efficiency=[0.3, 0.6, 0.9])
    assert {np.shape(value) for value in rates(found).values()} == {(2, 3)}
    assert np.shape(found.feasible) == np.shape(found.binding) == np.shape(found.memory_capacity_bytes) == (2, 3)
    assert found.throughput_tok_s[1, 2] == ask(batch=10.0, compute_efficiency=0.9).throughput_tok_s


# --- frontier -------------------------------------------------------------------------------------------------------------


def assert_pareto(found: Throughput) -> None:
    """Slowest user first: from point to point users get faster and the rack serves less, strictly."""
    assert len(found.batch) > 1
    assert all(before < after for before, after in pairwise(found.speed_tok_s_user.tolist())), "speed does not rise"
    assert all(before > after for before, after in pairwise(found.throughput_tok_s.tolist())), "throughput does not fall"


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("speculative", [None, "8:3"])
def test_a_frontier_is_a_pareto_set(schedule: str, speculative: str | None) -> None:
    found = frontier(*KIMI, preset="fitted", schedule=schedule, speculative=speculative)
    assert_pareto(found)
    assert found.feasible.all()
    assert len(found.batch) <= 60


def test_the_check_catches_points_that_another_beats() -> None:
    # the control: batches beyond the critical one on an ideal rack serve users slower and the rack no faster
    flat = throughput(*KIMI, preset="ideal", batch=[4000.0, 2000.0, 1.0])
    with pytest.raises(AssertionError, match="throughput does not fall"):
        assert_pareto(flat)
    with pytest.raises(AssertionError, match="speed does not rise"):
        assert_pareto(throughput(*KIMI, batch=[1.0, 10.0]))


def test_no_batch_that_was_left_out_beats_the_frontier() -> None:
    found = frontier(*KIMI, preset="fitted")
    others = throughput(*KIMI, batch=np.arange(1.0, 3000.0, 7.0))
    for speed, rate in zip(others.speed_tok_s_user.tolist(), others.throughput_tok_s.tolist(), strict=True):
        # between two points of the frontier lies its staircase: nothing is better than the next point in both
        beaten = (found.speed_tok_s_user < speed) & (found.throughput_tok_s < rate)
        ahead = (found.speed_tok_s_user >= speed) | (found.throughput_tok_s >= rate)
        assert (beaten | ahead).all()
        assert not beaten.all()


def test_the_frontier_begins_at_the_best_batch_and_ends_at_one_request() -> None:
    found = frontier(*KIMI, preset="fitted", speed=35)
    best = throughput(*KIMI, speed=35)
    assert (found.batch[0], found.throughput_tok_s[0]) == (best.batch, best.throughput_tok_s)
    assert found.batch[-1] == 1.0
    assert found.speed_tok_s_user.min() >= 35


def test_points_that_another_beats_in_both_are_left_out() -> None:
    # by hand: (2, 5) is beaten by (3, 6), (1, 7) by (1, 8), and of two equal points one is enough
    speed, rate = np.array([3.0, 2.0, 1.0, 1.0, 4.0, 3.0]), np.array([6.0, 5.0, 7.0, 8.0, 1.0, 6.0])
    chosen = pareto(speed, rate)
    assert list(zip(speed[chosen].tolist(), rate[chosen].tolist(), strict=True)) == [(1.0, 8.0), (3.0, 6.0), (4.0, 1.0)]


# --- breakdown ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counting", ["article", "checkpoint"])
@pytest.mark.parametrize("speculative", [None, "8:3"])
def test_operators_add_up_to_their_stages(counting: str, speculative: str | None) -> None:
    costs = breakdown(*KIMI, batch=500, counting=counting, speculative=speculative)
    found = ask(batch=500, counting=counting, speculative=speculative)
    for stage, time in (("prefill", found.prefill), ("decode", found.decode)):
        mine = [cost for cost in costs if cost.stage == stage]
        # 1e-12: the same numbers added up in another order
        assert sum(cost.compute_s for cost in mine) == pytest.approx(time.compute_s, rel=1e-12)
        assert sum(cost.bandwidth_s for cost in mine) == pytest.approx(time.bandwidth_s, rel=1e-12)


def test_an_operator_is_bound_by_what_takes_longer() -> None:
    costs = breakdown(*KIMI, batch=500, counting="checkpoint")
    deployment, _ = deploy(*KIMI, counting="checkpoint")
    for cost in costs:
        assert cost.intensity_flop_byte == cost.flop / cost.bytes
        assert cost.bound == ("compute" if cost.compute_s >= cost.bandwidth_s else "bandwidth")
        # the ridge: peak over bandwidth, at their efficiencies
        ridge = deployment.system.peak(cost.precision) * 0.65 / (deployment.system.hbm_bandwidth * 0.3)
        assert (cost.intensity_flop_byte >= ridge) == (cost.bound == "compute")
    assert {cost.operator for cost in costs} == {
        *("attention", "router", "routed experts", "shared experts", "dense ffn", "embedding", "head", "latent attention")
    }


def test_prefill_is_bound_by_arithmetic_and_decode_by_memory() -> None:
    # article, What happens during inference: the two assumptions behind it all, for a batch of 100 at 8k
    found = ask(preset="ideal", batch=100)
    assert found.prefill.compute_s > 10 * found.prefill.bandwidth_s
    assert found.decode.bandwidth_s > 10 * found.decode.compute_s


def test_best_batch_of_the_rack_is_what_trying_every_one_finds() -> None:
    batches = np.arange(1.0, 12_001.0)
    tried = throughput(*KIMI, batch=batches, speed=35, speculative="8:3")
    best = throughput(*KIMI, speculative="8:3")
    assert best.throughput_tok_s == np.nanmax(tried.throughput_tok_s)
    assert best.batch == batches[np.nanargmax(tried.throughput_tok_s)]
    assert not tried.feasible[-1]  # the range of the trial goes beyond the best


def test_critical_batch_is_where_more_requests_stop_helping() -> None:
    deployment, _ = deploy(*KIMI, preset="ideal")
    critical = float(ask(preset="ideal").critical_batch)
    rate = [float(serving.rates(deployment, factor * critical).throughput) for factor in (0.5, 1.0, 2.0)]
    assert rate[0] < 0.95 * rate[1]
    assert rate[2] == pytest.approx(rate[1], rel=2e-9)  # flat means within 1e-9
