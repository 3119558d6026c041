"""One harness for every schedule: what is in the table is checked, and what is broken is caught."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest
from harness import ROUNDING, check_schedule, numbers_of, stage_of, stage_times
from hypothesis import given

from fleetline.physics import schedules
from fleetline.physics.roofline import IDLE, Leg, StageTime
from fleetline.physics.schedules import SCHEDULES, Schedule, cycle

# prefill is bound by arithmetic and decode by memory, as served models are; attention the other way round
PREFILL = StageTime(linear=Leg(8.0, 1.0), attention=Leg(2.0, 0.5), latency_s=0.0)
DECODE = StageTime(linear=Leg(1.0, 6.0), attention=Leg(3.0, 4.0), latency_s=0.25)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@given(prefill=stage_times(), decode=stage_times())
def test_every_schedule_keeps_the_rules(name: str, prefill: StageTime, decode: StageTime) -> None:
    check_schedule(SCHEDULES[name], prefill, decode)


def test_every_file_of_the_folder_is_in_the_table() -> None:
    files = {module.name for module in pkgutil.iter_modules(schedules.__path__)}
    assert {name.replace("-", "_") for name in SCHEDULES} == files
    for name, schedule in SCHEDULES.items():
        module = importlib.import_module(f"{schedules.__name__}.{name.replace('-', '_')}")
        assert schedule is module.legs


@pytest.mark.parametrize(
    ("name", "total"),
    [  # by hand from the two stages above, latency 0.25 included
        ("serial", 8 + 2 + 6 + 4 + 0.25),
        ("serial-total", 10 + 10 + 0.25),  # max(8 + 2, 1.5) + max(1 + 3, 6 + 4)
        ("chunked", 9 + 2 + 4 + 0.25),  # max(8 + 1, 1 + 6) + 2 + 4
        ("chunked-total", 14 + 0.25),  # max(8 + 2 + 1 + 3, 1 + 0.5 + 6 + 4)
    ],
)
def test_a_cycle_by_hand(name: str, total: float) -> None:
    assert float(cycle(SCHEDULES[name], PREFILL, DECODE).total_s) == total


def test_a_cycle_says_what_it_waits_for() -> None:
    whole = cycle(SCHEDULES["chunked"], PREFILL, DECODE)
    assert (whole.compute_s, whole.bandwidth_s, whole.latency_s) == (9 + 2, 4, 0.25)


@given(prefill=stage_times(), decode=stage_times())
def test_more_overlap_is_never_slower(prefill: StageTime, decode: StageTime) -> None:
    total = {name: float(cycle(schedule, prefill, decode).total_s) for name, schedule in SCHEDULES.items()}
    for slower, faster in [
        ("serial", "chunked"),
        ("chunked", "chunked-total"),
        ("serial", "serial-total"),
        ("serial-total", "chunked-total"),
    ]:
        assert total[slower] >= total[faster] * (1.0 - ROUNDING)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@given(decode=stage_times())
def test_without_prefill_only_decode_is_left(name: str, decode: StageTime) -> None:
    alone = cycle(SCHEDULES[name], IDLE, decode)
    assert alone.parts == cycle(SCHEDULES[name], decode, IDLE).parts
    assert float(alone.total_s) <= float(decode.linear.roof_s + decode.attention.roof_s + decode.latency_s) * (1 + ROUNDING)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_arrays_are_their_elements(name: str) -> None:
    rng = np.random.default_rng(7)
    prefill, decode = rng.lognormal(size=(5, 50)), rng.lognormal(size=(5, 50))

    def stage(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> StageTime:
        return StageTime(Leg(times[0], times[1]), Leg(times[2], times[3]), times[4])

    together = cycle(SCHEDULES[name], stage(prefill), stage(decode)).total_s
    alone = [
        float(cycle(SCHEDULES[name], stage_of(tuple(one)), stage_of(tuple(two))).total_s)
        for one, two in zip(prefill.T.tolist(), decode.T.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(np.asarray(together), np.array(alone))


# --- controls: each rule is broken once, and noticed --------------------------------------------------------------------


def forgets_attention(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (prefill.linear + decode.linear, prefill.attention)


def counts_twice(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (prefill.linear + decode.linear, prefill.total, decode.attention)


def frees_the_memory(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Prefill's reads are taken to be hidden."""
    both = prefill.total + decode.total
    return (Leg(both.compute_s, decode.bandwidth_s),)


def two_machines(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """The longer of the stages, as if each had a machine of its own."""
    return (max(prefill.total, decode.total, key=lambda leg: float(leg.roof_s)),)


def waits_for_the_slowest(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Arithmetic moved to where there is traffic and back: slower than doing one after the other."""
    both = prefill.total + decode.total
    return (Leg(both.compute_s, 0.0), Leg(0.0, both.bandwidth_s))


def switches(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Overlaps only where prefill is long beside decode, so that a longer one may end sooner."""
    if float(prefill.linear.compute_s) > 1.5 * float(decode.linear.bandwidth_s):
        return (prefill.total + decode.total,)
    return (prefill.linear, prefill.attention, decode.linear, decode.attention)


def looks_at_the_clock(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Overlaps only what takes over 8.1 seconds: another unit of time would be another schedule."""
    if float(prefill.linear.compute_s) > 8.1:
        return (prefill.total + decode.total,)
    return (prefill.linear, prefill.attention, decode.linear, decode.attention)


def adds_a_second(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (prefill.total + decode.total + Leg(1.0, 1.0),)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (forgets_attention, "arithmetic is lost or done twice"),
        (counts_twice, "arithmetic is lost or done twice"),
        (frees_the_memory, "traffic is lost or done twice"),
        (two_machines, "arithmetic is lost or done twice"),
        (waits_for_the_slowest, "slower than doing one after the other"),
        (switches, "more work takes less time"),
        (looks_at_the_clock, "times do not scale as 1/rate"),
        (adds_a_second, "arithmetic is lost or done twice"),
    ],
)
def test_a_broken_schedule_is_caught(broken: Schedule, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_schedule(broken, PREFILL, DECODE)


def test_the_stages_of_the_controls_pass_with_a_sound_schedule() -> None:
    for schedule in SCHEDULES.values():
        check_schedule(schedule, PREFILL, DECODE)
    assert numbers_of(PREFILL) == (8.0, 1.0, 2.0, 0.5, 0.0)


@pytest.mark.parametrize("whole", [(11.0, 4.0, 0.0), (9.0, 4.0, 0.25)], ids=["no latency", "no prefill attention"])
def test_a_cycle_that_loses_time_is_caught(monkeypatch: pytest.MonkeyPatch, whole: tuple[float, float, float]) -> None:
    # here the legs are right and their sum is not: the sound cycle is 11 + 4 + 0.25
    compute, bandwidth, latency = whole
    lost = schedules.Cycle((Leg(compute, 0.0), Leg(0.0, bandwidth)), latency)
    monkeypatch.setattr("harness.cycle", lambda *_: lost)
    with pytest.raises(AssertionError, match="the cycle is not its legs one after the other"):
        check_schedule(SCHEDULES["chunked"], PREFILL, DECODE)
