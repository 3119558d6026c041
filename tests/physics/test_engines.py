"""An engine and a pool of plain numbers, solved by hand: what each tells of the queue its prompts stand in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.arrivals.closed import Closed
from fleetline.physics.engines import Pool, Shared, Timed
from fleetline.physics.roofline import NO_LEG, Leg, StageTime
from fleetline.physics.schedules import SCHEDULES


def prompts(seconds: float) -> StageTime:
    """Prompts bound by arithmetic."""
    return StageTime(Leg(seconds, 0.0), NO_LEG, 0.0)


# 5 requests of 10 passes, in all 20 s of memory, 1 s of arithmetic and 5 s of latencies; two prompts come together, four of
# them fill a chunk
SHORT = Timed(
    schedule=SCHEDULES["chunked"],
    arrivals=Closed(),
    load=5.0,
    joint=2.0,
    passes=10.0,
    chunks=0.25,
    line=4.0,
    full=prompts(8.0),
    some=prompts(5.0),
    first=prompts(6.0),
    decode=StageTime(Leg(1.0, 20.0), NO_LEG, 5.0),
)
LONG = replace(SHORT, joint=1.0, chunks=2.5, line=1.0)  # a prompt takes two chunks and a half


def told(timed: Timed) -> dict[str, float]:
    """All that the engine tells."""
    names = ("clients", "service", "away", "tick_s", "service_s", "own_s", "burst_s", "mate_s", "mates", "grain", "step_s")
    return {name: float(getattr(Shared(timed, 1.0), name)) for name in (*names, "alone_s")}


def test_short_prompts_share_a_chunk_that_rides_along_with_a_decode_pass() -> None:
    # a pass alone: 2 s of memory, 0.5 s of latency; with two prompts 5 + 0.1 s of arithmetic; with a full chunk 8 + 0.1 s
    alone, joint, full = 2.0 + 0.5, 5.0 + 0.1 + 0.5, 8.0 + 0.1 + 0.5
    expected = {
        "clients": 5.0,
        "away": 10.0,
        "service": 0.25,  # of a chunk's budget
        "service_s": joint / 2.0,  # both in one pass
        "tick_s": full,
        "own_s": joint,  # the whole pass, however little of the chunk is its own
        "burst_s": full / 4.0,
        "mate_s": 0.75 * 0.25 * (full - alone),  # where both fit into a chunk, a pass grows by one
        "mates": 1.0,
        "grain": 1.0,
        "step_s": alone,
        "alone_s": 6.0,
    }
    assert told(SHORT) == pytest.approx(expected)


def test_a_long_prompt_takes_several_chunks_one_after_the_other() -> None:
    # 5 prompts of 2.5 chunks are 12.5 for 10 passes: a pass carries 1 / 1.25 of what it decoded with nobody to prefill
    latency, memory, arithmetic = 0.5 / 1.25, 2.0 / 1.25, 0.1 / 1.25
    alone, joint, full = latency + memory, latency + arithmetic + 5.0 / 2.5, latency + arithmetic + 8.0 / 2.5
    expected = {
        "service": 2.5,
        "service_s": 2.5 * joint,
        "tick_s": full,
        "own_s": 2.5 * joint + 0.5 * alone,  # the third chunk's pass to its end
        "burst_s": 2.5 * full,
        "mate_s": 0.0,
        "mates": 0.0,
        "grain": 1.0 / 2.5,
    }
    found = told(LONG)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_prompts_first_stop_the_clock() -> None:
    # under a serial schedule no pass runs beside a chunk, and only whole prompts are waited for
    found = told(replace(LONG, schedule=SCHEDULES["serial"]))
    expected = {"service": 0.0, "tick_s": 3.2, "service_s": 5.0, "own_s": 5.0, "mate_s": 0.5 * 2.5 * 3.2, "grain": 1.0}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["step_s"] == pytest.approx(2.5)
    assert found["alone_s"] == 6.0


def test_a_request_by_itself_has_no_pass_beside_its_prompt() -> None:
    # with two, the other one is decoded meanwhile: 2 s of memory and 0.5 s of latency a pass
    one, two = (told(replace(LONG, load=load, passes=load * 10.0))["own_s"] for load in (1.0, 2.0))
    assert one == pytest.approx(5.0)
    assert two == pytest.approx(2.5 * (0.25 + 0.05 + 2.0) + 0.5 * (0.25 + 1.0))


def test_all_prompts_of_a_load_are_so_many_times_those_that_come_together() -> None:
    assert LONG.prefill.linear.compute_s == 5 * 5.0
    assert SHORT.prefill.linear.compute_s == 5 * 5.0 / 2
    assert replace(SHORT, joint=SHORT.load).prefill is SHORT.some
    assert (SHORT.steps, LONG.steps) == (0.5, 2.5)


def test_in_a_loop_only_passes_with_a_chunk_overlap_with_prefill() -> None:
    # 5 prompts, two a pass: 2.5 of 10 passes carry 12.5 s of arithmetic, the others are bound by memory
    assert SHORT.cycle.total_s == pytest.approx(12.5 + 0.25 + 0.75 * 20.0 + 5.0)
    # in lockstep chunks are spread over all passes: 12.5 + 1 s hide in 20 s of memory
    assert replace(SHORT, arrivals=LOCKSTEP).cycle.total_s == pytest.approx(20.0 + 5.0)


def test_a_pool_only_prefills() -> None:
    pool = Pool(clients=30.0, service_s=2.0, away=40.0, per_s=0.25)
    assert pool.service == pool.own_s == pool.burst_s == pool.alone_s == pool.service_s == 2.0
    assert (pool.tick_s, pool.mate_s, pool.mates, pool.grain, pool.step_s) == (1.0, 0.0, 0.0, 0.0, 0.0)
