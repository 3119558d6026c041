from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from harness import (
    ROUNDING,
    check_best_batch,
    deployments,
    made,
    made_chip,
    made_model,
    magnitudes,
    with_chip,
    with_room_for,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fleetline.architecture.attention import Numbers
from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.critical import critical_batch
from fleetline.physics.rewrites.prefix_cache import PrefixCache
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.roofline import Efficiency, Leg, StageTime
from fleetline.physics.schedules import Cycle
from fleetline.physics.serving import Deployment, Limits

NONE_WANTED = Limits()


def speed_at(deployment: Deployment, batch: float) -> float:
    return float(serving.rates(deployment, batch).speed)


def limits_at(deployment: Deployment, speed_batch: float | None, ttft_batch: float | None) -> Limits:
    """Limits that this many requests just keep, by a part in a million."""
    speed = 0.0 if speed_batch is None else speed_at(deployment, speed_batch) * (1 - 1e-6)
    ttft = np.inf if ttft_batch is None else float(serving.rates(deployment, ttft_batch).ttft_s) * (1 + 1e-6)
    return Limits(speed, ttft)


batches_or_none = st.one_of(st.none(), st.integers(1, 250).map(float))


# --- the best batch -----------------------------------------------------------------------------------------------------


@given(deployment=deployments(), room=st.integers(0, 300), speed=batches_or_none, ttft=batches_or_none)
def test_the_best_batch_is_what_trying_every_one_finds(
    deployment: Deployment, room: int, speed: float | None, ttft: float | None
) -> None:
    deployment = with_room_for(deployment, room)
    check_best_batch(serving.best_batch, deployment, limits_at(deployment, speed, ttft), up_to=room + 5)


def test_the_check_catches_a_search_that_goes_too_far_or_not_far_enough() -> None:
    # the control, on a roof that is flat from a batch of about 35 on, with room for 200
    flat = with_room_for(made(efficiency=Efficiency(0.01, 1.0, 0.0)), 200)
    best, most = float(serving.best_batch(flat, NONE_WANTED)), float(serving.largest_batch(flat, NONE_WANTED))
    assert 1 < best < most == 200
    check_best_batch(serving.best_batch, flat, NONE_WANTED, up_to=250)
    broken: list[Callable[[Deployment, Limits], Numbers]] = [
        serving.largest_batch,
        lambda deployment, limits: serving.best_batch(deployment, limits) - 1.0,
        lambda deployment, limits: serving.best_batch(deployment, limits) + 1.0,
        lambda deployment, _limits: critical_batch(deployment),
    ]
    for search in broken:
        with pytest.raises(AssertionError, match="not the batch that trying every one finds"):
            check_best_batch(search, flat, NONE_WANTED, up_to=250)


@pytest.mark.parametrize("room", [0, 1, 2, 100, 4097])
def test_the_largest_batch_fills_the_memory(room: int) -> None:
    assert float(serving.largest_batch(with_room_for(made(), room), NONE_WANTED)) == room


@given(deployment=deployments(), room=st.integers(0, 300), speed=batches_or_none, ttft=batches_or_none)
def test_the_largest_batch_keeps_every_limit_and_one_more_breaks_one(
    deployment: Deployment, room: int, speed: float | None, ttft: float | None
) -> None:
    deployment = with_room_for(deployment, room)
    limits = limits_at(deployment, speed, ttft)
    most = float(serving.largest_batch(deployment, limits))
    if most:
        assert serving.fits(deployment, most)
        assert serving.quick_enough(deployment, limits, most)
    more = most + 1.0
    assert not (serving.fits(deployment, more) and serving.quick_enough(deployment, limits, more))


def test_no_batch_is_allowed_where_even_one_request_is_too_much() -> None:
    deployment = with_room_for(made(), 50)
    assert float(serving.best_batch(with_room_for(made(), 0), NONE_WANTED)) == 0.0
    assert float(serving.best_batch(deployment, Limits(speed=1e9))) == 0.0
    assert float(serving.best_batch(deployment, Limits(max_ttft=1e-9))) == 0.0


@pytest.mark.parametrize(
    ("speed_batch", "ttft_batch", "best", "binding"),
    [(None, None, 50, "memory"), (20.0, None, 20, "speed"), (None, 30.0, 30, "ttft"), (20.0, 30.0, 20, "speed")],
)
def test_what_keeps_the_best_batch_from_being_larger(
    speed_batch: float | None, ttft_batch: float | None, best: float, binding: str
) -> None:
    deployment = with_room_for(made(), 50)
    limits = limits_at(deployment, speed_batch, ttft_batch)
    assert float(serving.best_batch(deployment, limits)) == best
    assert serving.BOUNDS[int(serving.bound(deployment, limits, serving.rates(deployment, best)))] == binding


@pytest.mark.parametrize(
    ("efficiency", "binding"),
    [
        (Efficiency(0.001, 1.0, 0.0), "compute"),
        (Efficiency(0.6, 0.4, 100.0), "latency"),
        (Efficiency(1.0, 0.001, 0.0), "bandwidth"),
    ],
)
def test_what_a_cycle_waits_for_longest(efficiency: Efficiency, binding: str) -> None:
    assert serving.BOUNDS[int(serving.longest_wait(serving.rates(made(efficiency=efficiency), 20.0).cycle))] == binding


def test_a_limit_that_would_not_have_helped_does_not_bind() -> None:
    # room for no more, but the roof is flat: arithmetic binds, memory does not
    flat = with_room_for(made(efficiency=Efficiency(0.001, 1.0, 0.0)), 200)
    best = serving.best_batch(flat, NONE_WANTED)
    assert serving.BOUNDS[int(serving.bound(flat, NONE_WANTED, serving.rates(flat, best)))] == "compute"


# --- throughput over batch ----------------------------------------------------------------------------------------------


@given(deployment=deployments(), batch=magnitudes(1, 1e6), more=magnitudes(1, 1e4))
def test_a_bigger_batch_never_lowers_throughput_and_never_serves_a_user_faster(
    deployment: Deployment, batch: float, more: float
) -> None:
    fewer, bigger = serving.rates(deployment, batch), serving.rates(deployment, batch + more)
    assert bigger.throughput >= fewer.throughput * (1 - ROUNDING)
    assert bigger.speed <= fewer.speed * (1 + ROUNDING)
    assert bigger.ttft_s >= fewer.ttft_s * (1 - ROUNDING)


@given(deployment=deployments(), batch=magnitudes(1, 1e6))
def test_throughput_stays_under_both_roofs(deployment: Deployment, batch: float) -> None:
    found = serving.rates(deployment, batch)
    served = float(found.batch * found.output_tokens)
    for roof_s in (found.prefill.compute_s + found.decode.compute_s, found.prefill.bandwidth_s + found.decode.bandwidth_s):
        assert float(found.throughput) <= served / float(roof_s) * (1 + ROUNDING)


@settings(max_examples=40)  # each one is a search of its own
@given(deployment=deployments(schedules=("chunked", "serial")))
def test_throughput_rises_up_to_the_critical_batch_and_is_flat_beyond(deployment: Deployment) -> None:
    without_latency = replace(deployment, efficiency=replace(deployment.efficiency, step_latency=0.0))
    critical = float(critical_batch(deployment))
    assert critical == float(critical_batch(without_latency))  # "latency aside"
    assume(0.01 < critical < 1e8)  # neither flat from the start nor never: the next tests have such cases
    before, at, beyond = (float(serving.rates(without_latency, factor * critical).throughput) for factor in (0.9, 1.0, 1e4))
    assert at == pytest.approx(beyond, rel=2e-9)  # flat means within 1e-9 (SAME)
    assert before < at * (1 - 1e-9)


def test_the_critical_batch_by_hand() -> None:
    # dense model, chunked: 2 FLOP per weight and token for all 4,500 tokens of a request against 501 reads of the weights
    # -> batch = 501 x bytes per weight / bandwidth / (2 x 4500 / peak); both linear legs are one
    deployment = made(model=made_model(rest=1e9, routed=0.0), efficiency=Efficiency(1.0, 1.0, 0.0))
    by_hand = 501 * 0.5 / 1e12 / (2 * 4500 / 4e15)
    # 1e-8: flat is within 1e-9 of the whole time of a request, of which the multiplications are a part
    assert float(critical_batch(deployment)) == pytest.approx(by_hand, rel=1e-8)


@pytest.mark.parametrize(
    ("workload", "schedule", "batch"),
    [
        # article-numbers.md: critical batch recomputed, "GEMM only" and "all compute against all traffic"
        ("8000:1000", "chunked", 1086),
        ("25000:1000", "chunked", 376),
        ("8000:1000", "chunked-total", 1232),
        ("25000:1000", "chunked-total", 269),
    ],
)
def test_the_critical_batch_of_the_article(workload: str, schedule: str, batch: float) -> None:
    deployment, _ = deploy("kimi-k2.6", "gb200-nvl72", workload, preset="ideal", schedule=schedule)
    assert float(critical_batch(deployment)) == pytest.approx(batch, rel=0.005)  # given to three digits


@pytest.mark.parametrize("schedule", ["serial-total", "chunked-total"])
def test_where_traffic_outgrows_arithmetic_the_roof_never_gets_flat(schedule: str) -> None:
    # decode reads each request's own cache: more seconds a request than all its arithmetic takes
    slow_memory = made(chip=made_chip(bandwidth=1e10), schedule=schedule)
    assert float(critical_batch(slow_memory)) == np.inf


def test_the_roof_of_a_small_model_with_long_contexts_never_gets_flat_either() -> None:
    deployment, _ = deploy("llama-3.1-8b", "gb200-nvl72", "130000:1000", preset="ideal", schedule="serial-total")
    decode = serving.rates(deployment, 1e9).decode
    assert decode.bandwidth_s > decode.compute_s
    assert float(critical_batch(deployment)) == np.inf


# --- time to the first token, time per token ----------------------------------------------------------------------------


@given(deployment=deployments(), batch=magnitudes(1, 1e6))
def test_the_first_token_and_all_others_take_the_cycle(deployment: Deployment, batch: float) -> None:
    found = serving.rates(deployment, batch)
    total = float(found.cycle.total_s)
    assert float(found.ttft_s + deployment.output_tokens * found.tpot_s) == pytest.approx(total, rel=ROUNDING)
    assert 0.0 < float(found.ttft_s) <= total * (1 + ROUNDING)
    assert float(found.speed) == pytest.approx(float(deployment.output_tokens) / total, rel=ROUNDING)
    assert float(found.throughput) == pytest.approx(batch * float(found.speed), rel=ROUNDING)


@given(deployment=deployments(), batch=magnitudes(1, 1e6), latency=magnitudes(1e-5, 1.0))
def test_a_step_latency_is_paid_in_decode_passes_only(deployment: Deployment, batch: float, latency: float) -> None:
    slower = replace(deployment, efficiency=replace(deployment.efficiency, step_latency=latency))
    passes = float(serving.planned(deployment, batch).decode.passes)
    found = serving.rates(slower, batch)
    assert found.prefill.latency_s == 0.0
    assert float(found.cycle.latency_s) == pytest.approx(passes * latency, rel=ROUNDING)
    assert found.ttft_s == serving.rates(deployment, batch).ttft_s


def test_the_first_token_waits_for_prefill_alone() -> None:
    deployment, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal")
    found = serving.rates(deployment, 1000.0)
    # by hand: 2 x 32e9 x 8000 FLOP at 720 PF/s and 2 x 61 x 64 x 256 x 8000 x 4000 at 360 PF/s, a thousand times
    by_hand = 1000 * (2 * 32e9 * 8000 / 720e15 + 2 * 61 * 64 * 256 * 8000 * 4000 / 360e15)
    assert found.ttft_s == pytest.approx(by_hand, rel=ROUNDING)


# --- who pays, who is left ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hit", [0.0, 0.8])
def test_the_cost_of_a_cycle_is_shared_out_in_whole(hit: float) -> None:
    deployment = made(rewrites=(PrefixCache(hit),))
    found = serving.rates(deployment, 16.0)
    shares = serving.shares(deployment, found)
    # of a request's 4,000 prompt tokens those that are hit are read, the others computed; 500 are answered
    assert shares.input * 4000 * (1 - hit) + shares.cached * 4000 * hit + shares.output * 500 == pytest.approx(1.0)
    prefill, decode = serving.alone_s(found.prefill), serving.alone_s(found.decode)
    assert shares.output * 500 == pytest.approx(decode / (prefill + decode))
    # a cached token of each of 16 requests: 1,440 bytes at 0.4 of 4 TB/s
    assert shares.cached == pytest.approx(16 * 1440 / 1.6e12 / (prefill + decode))


def test_a_stage_by_itself_is_all_that_it_waits_for() -> None:
    assert serving.alone_s(StageTime(Leg(1.0, 2.0), Leg(4.0, 3.0), 8.0, 16.0)) == 2 + 4 + 8 + 16


def test_more_requests_than_are_served_are_an_overrun() -> None:
    able = float(serving.rates(made(), 16.0).throughput) / 500.0  # requests a second
    for rate, over in ((0.5 * able, False), (1.5 * able, True), (1e3 * able, True)):
        deployment = replace(made(), arrivals=Poisson(rate=rate))
        assert bool(serving.overrun(deployment, serving.rates(deployment, 16.0))) is over
    assert not serving.overrun(made(), serving.rates(made(), 16.0))  # the next batch comes when this one is answered


def test_a_cycle_may_wait_for_the_network() -> None:
    legs = (Leg(1.0, 2.0), Leg(3.0, 1.0))
    assert [serving.BOUNDS[int(serving.longest_wait(Cycle(legs, *rest)))] for rest in ((0.5, 4.0), (5.0, 4.0))] == [
        "network",
        "latency",
    ]
    assert serving.BOUNDS[int(serving.longest_wait(Cycle(legs, 3.0, 3.0)))] == "compute"  # of equals the first


# --- experts ------------------------------------------------------------------------------------------------------------


def test_small_batches_need_few_experts() -> None:
    # the bend of decode at small batches (article, footnotes 5 and 6): one request reads its active weights, a thousand all
    deployment, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal")
    seconds = [float(serving.rates(deployment, batch).decode.linear.bandwidth_s) for batch in (1.0, 2.0, 8.0, 64.0, 1000.0)]
    assert seconds == sorted(seconds)
    assert seconds[0] == pytest.approx(32e9 * 0.5 * 1000 / 576e12, rel=ROUNDING)
    assert seconds[-1] == pytest.approx(500e9 * 1000 / 576e12, rel=1e-6)  # (1 - 8/384)**1000 of the experts is left: 7e-10
    # concave: each further request adds less
    assert seconds[1] - seconds[0] > (seconds[2] - seconds[1]) / 6 > (seconds[3] - seconds[2]) / 56


def test_a_dense_model_has_no_bend() -> None:
    deployment = made(model=made_model(routed=0.0))
    reads = [serving.rates(deployment, batch).decode.linear.bandwidth_s for batch in (1.0, 1000.0)]
    assert reads[0] == reads[1]


# --- memory -------------------------------------------------------------------------------------------------------------


def test_memory_by_hand() -> None:
    # weights 9e9 x 0.5; a cache of 10 layers x 144 bytes x 4,500 tokens a request; activations 3 x 1000 x 2 bytes for each
    # of 1,024 prompt tokens and one decoded token a request
    expected = 4.5e9 + 100 * 10 * 144 * 4500 + 3 * 1000 * 2 * (1024 + 100)
    assert serving.memory_used(made(), 100.0) == expected
    spoken = made(rewrites=(Speculative(8.0, 3.0),))
    assert serving.memory_used(spoken, 100.0) == expected + 3 * 1000 * 2 * 700
    assert serving.memory_capacity(made()) == pytest.approx(4 * 1e11 * 0.9, rel=ROUNDING)


def test_the_context_must_be_long_enough_for_prompt_and_answer() -> None:
    assert serving.within_context(made(input_tokens=999_000.0, output_tokens=1000.0))
    assert not serving.within_context(made(input_tokens=999_001.0, output_tokens=1000.0))


# --- arrays, and every input counts -------------------------------------------------------------------------------------


def test_an_array_is_its_elements() -> None:
    inputs = np.array([[100.0], [4000.0], [90000.0]])
    latency = np.array([0.0, 0.002, 0.5, 1.0])
    together = made(input_tokens=inputs, efficiency=Efficiency(0.6, 0.4, latency))
    limits = Limits(speed=20.0)
    assert serving.shape_of(together, limits) == (3, 4)
    found = {
        "best": serving.best_batch(together, limits),
        "most": serving.largest_batch(together, limits),
        "critical": np.broadcast_to(critical_batch(together), (3, 4)),
        "throughput": np.asarray(serving.rates(together, 7.0).throughput),
        "ttft": np.broadcast_to(serving.rates(together, 7.0).ttft_s, (3, 4)),
    }
    for row, column in np.ndindex(3, 4):
        one = made(
            input_tokens=float(inputs[row, 0]),
            efficiency=Efficiency(0.6, 0.4, float(latency[column])),
        )
        alone = {
            "best": serving.best_batch(one, limits),
            "most": serving.largest_batch(one, limits),
            "critical": critical_batch(one),
            "throughput": serving.rates(one, 7.0).throughput,
            "ttft": serving.rates(one, 7.0).ttft_s,
        }
        assert {name: float(values[row, column]) for name, values in found.items()} == {
            name: float(value) for name, value in alone.items()
        }


def outputs(deployment: Deployment) -> tuple[float, ...]:
    """All that is told of a deployment, at a batch small enough that not every expert is needed."""
    found = serving.rates(deployment, 4.0)
    stages = [time for stage in (found.prefill, found.decode) for time in (stage.compute_s, stage.bandwidth_s)]
    memory = [serving.memory_used(deployment, 4.0), serving.memory_capacity(deployment)]
    limits = [serving.largest_batch(deployment, NONE_WANTED), serving.within_context(deployment)]
    rent = deployment.system.rent
    cost = np.nan if rent is None else rent / found.throughput
    return tuple(float(value) for value in (*stages, found.cycle.latency_s, found.throughput, *memory, *limits, cost))


def changed_model(name: str) -> Callable[[Deployment], Deployment]:
    return lambda one: replace(one, model=replace(one.model, **{name: 1.1 * getattr(one.model, name)}))


def changed_experts(name: str) -> Callable[[Deployment], Deployment]:
    def change(one: Deployment) -> Deployment:
        *others, experts = one.model.parts
        experts = replace(experts, **{name: 0.9 * getattr(experts, name)})
        return replace(one, model=replace(one.model, parts=(*others, experts)))

    return change


def changed_costs(name: str) -> Callable[[Deployment], Deployment]:
    def change(one: Deployment) -> Deployment:
        (layers,) = one.model.attention
        costs = replace(layers.costs, **{name: 1.1 * getattr(layers.costs, name)})
        return replace(one, model=replace(one.model, attention=(replace(layers, costs=costs),)))

    return change


def changed_peak(name: str) -> Callable[[Deployment], Deployment]:
    def change(one: Deployment) -> Deployment:
        assert one.system.chip.peak is not None
        peak = MappingProxyType({**one.system.chip.peak, name: 1.1 * one.system.chip.peak[name]})
        return replace(one, system=replace(one.system, chip=replace(one.system.chip, peak=peak)))

    return change


def changed_efficiency(name: str) -> Callable[[Deployment], Deployment]:
    return lambda one: replace(one, efficiency=replace(one.efficiency, **{name: 1.1 * getattr(one.efficiency, name)}))


CHANGES: dict[str, Callable[[Deployment], Deployment]] = {
    **{f"model {name}": changed_model(name) for name in ("hidden",)},
    **{f"experts {name}": changed_experts(name) for name in ("elements", "active", "touched_by_one")},
    **{
        f"attention {name}": changed_costs(name)
        for name in ("prefill_flop", "decode_flop", "decode_read", "prefill_write", "decode_write", "kept")
    },
    **{f"efficiency {name}": changed_efficiency(name) for name in ("compute", "bandwidth", "step_latency")},
    **{f"peak {name}": changed_peak(name) for name in ("fp4", "fp8")},
    "max_context": lambda one: replace(one, model=replace(one.model, max_context=4499.0)),
    "layers": lambda one: replace(one, model=replace(one.model, attention=(replace(one.model.attention[0], count=11),))),
    "hbm_capacity": lambda one: with_chip(one, hbm_capacity=1.1e11),
    "hbm_bandwidth": lambda one: with_chip(one, hbm_bandwidth=1.1e12),
    "rent": lambda one: with_chip(one, rent=1.1e-3),
    "gpus": lambda one: replace(one, system=replace(one.system, gpus=5)),
    "input_tokens": lambda one: replace(one, input_tokens=4400.0),
    "output_tokens": lambda one: replace(one, output_tokens=550.0),
    "hbm_reserve": lambda one: replace(one, hbm_reserve=0.11),
    "chunk_tokens": lambda one: replace(one, chunk_tokens=1126.4),
    "activation_value_bytes": lambda one: replace(one, activation_value_bytes=2.2),
    "verified": lambda one: replace(one, rewrites=(Speculative(8.8, 3.0),)),
    "accepted": lambda one: replace(one, rewrites=(Speculative(8.0, 3.3),)),
    "cache format": lambda one: replace(
        one, checkpoint=replace(one.checkpoint, kv_cache=replace(one.checkpoint.kv_cache, bytes_per_weight=1.1))
    ),
}


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
def test_every_input_moves_some_output(change: Callable[[Deployment], Deployment]) -> None:
    # links and power are not listed: nothing is computed from them yet
    deployment = made(rewrites=(Speculative(8.0, 3.0),))
    assert outputs(change(deployment)) != outputs(deployment)
    assert outputs(deployment) == outputs(made(rewrites=(Speculative(8.0, 3.0),)))  # the control: no change, no move


@given(deployment=deployments(), batch=magnitudes(1, 1e5), chips=st.sampled_from([2, 4, 8]))
def test_more_chips_are_faster_by_their_number_latency_aside(deployment: Deployment, batch: float, chips: int) -> None:
    still = replace(deployment, efficiency=replace(deployment.efficiency, step_latency=0.0))
    more = replace(still, system=replace(still.system, gpus=chips * still.system.gpus))
    gain = float(serving.rates(more, batch).throughput / serving.rates(still, batch).throughput)
    assert gain == pytest.approx(chips, rel=ROUNDING)


def test_twice_the_peak_halves_what_is_bound_by_arithmetic_only() -> None:
    deployment = made(efficiency=Efficiency(0.6, 0.4, 0.0))
    twice = with_chip(deployment)
    chip = deployment.system.chip
    assert chip.peak is not None
    doubled = {name: 2.0 * rate for name, rate in chip.peak.items()}
    twice = replace(deployment, system=replace(deployment.system, chip=replace(chip, peak=doubled)))
    before, after = serving.rates(deployment, 64.0), serving.rates(twice, 64.0)
    assert (after.prefill.compute_s, after.decode.compute_s) == (before.prefill.compute_s / 2, before.decode.compute_s / 2)
    assert (after.prefill.bandwidth_s, after.decode.bandwidth_s) == (before.prefill.bandwidth_s, before.decode.bandwidth_s)
    assert float(critical_batch(twice)) == pytest.approx(2 * float(critical_batch(deployment)), rel=1e-6)
