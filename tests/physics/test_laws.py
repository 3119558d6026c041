"""The laws of `laws.py` on every attention kind x rewrite x schedule x placement; and each law, broken, is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import magnitudes, rewrite_kinds
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import (
    LAWS,
    PLACES,
    attention_kinds,
    cases,
    check_all_known,
    check_attention,
    deployment_of,
    rewrite_of,
    variant,
)

from fleetline.architecture import attention
from fleetline.architecture.attention import Attention, GroupedQuery, Numbers, PairCosts
from fleetline.architecture.model import Model
from fleetline.catalog.types import Checkpoint
from fleetline.physics import serving
from fleetline.physics.placement import Pooled, Sharded
from fleetline.physics.roofline import Leg, StageTime
from fleetline.physics.serving import Deployment
from fleetline.physics.stages import Plan, Stage
from fleetline.physics.work import Work, prefill_work

KINDS = attention_kinds()
NUMBERS = st.fixed_dictionaries(
    {
        "input_tokens": magnitudes(10, 1e5),
        "output_tokens": magnitudes(2, 1e4),
        "bandwidth": magnitudes(1e11, 1e13),
        "peak": magnitudes(1e13, 1e17),
        "latency": st.sampled_from([0.0, 5e-3]),
        "share": st.sampled_from([1 / 384, 8 / 384, 1 / 2]),
        "along": st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
        "tp": st.sampled_from([1.0, 2.0, 4.0]),
        "dp": st.sampled_from([1.0, 2.0, 3.0]),
        "pp": st.sampled_from([1.0, 2.0]),
        "replicas": st.sampled_from([1.0, 2.0, 3.0]),
        "split": st.booleans(),
    }
)
ONE = {
    **{"input_tokens": 4000.0, "output_tokens": 500.0, "bandwidth": 1e12, "peak": 4e15, "latency": 2e-3, "share": 1 / 16},
    **{"along": 0.5, "tp": 2.0, "dp": 2.0, "pp": 2.0, "replicas": 2.0, "split": True},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("law", sorted(LAWS))
@given(numbers=NUMBERS, load=st.sampled_from([1.0, 2.0, 17.0, 1000.0]))
@settings(max_examples=2)
def test_every_deployment_keeps_the_law(law: str, place: str, numbers: dict[str, Any], load: float) -> None:
    for kind in KINDS.values():
        for deployment in cases(kind, place, numbers):
            LAWS[law](deployment, load)


@pytest.mark.parametrize("name", sorted(KINDS))
@given(context=st.floats(0, 1e6), more=st.floats(0, 1e6))
def test_every_kind_keeps_the_law(name: str, context: float, more: float) -> None:
    check_attention(KINDS[name], context, more)


def test_no_kind_is_left_out() -> None:
    check_all_known(attention, KINDS)


def test_a_class_that_nobody_tries_is_noticed() -> None:
    module = ModuleType("fleetline.architecture.attention")
    new = type("Novel", (GroupedQuery,), {"__module__": module.__name__})
    vars(module).update({**vars(attention), "Novel": new})
    with pytest.raises(AssertionError, match="Novel"):
        check_all_known(module, KINDS)


# --- every input moves some output ----------------------------------------------------------------------------------


def outcome(deployment: Deployment) -> tuple[float, ...]:
    """All that comes of a deployment, for 64 requests a rank."""
    found = serving.rates(deployment, 64.0 * deployment.placement.ranks)
    memory = serving.memory_used(deployment, found.batch), serving.memory_capacity(deployment)
    times = (*found.cycle.parts, found.ttft_s, found.request_s, found.throughput)
    return tuple(float(one) for one in (*times, *memory, serving.sessions(deployment, found)))


def idle_fields(value: Any, names: set[str], seen: Callable[[Any], Any]) -> set[str]:
    """Fields which may be nudged up without anything seen."""
    before = seen(value)
    return {name for name in names if seen(replace(value, **{name: getattr(value, name) * 1.25})) == before}


@pytest.mark.parametrize("kind", rewrite_kinds(), ids=lambda kind: kind.__name__)
def test_every_number_of_a_rewrite_moves_something(kind: Any) -> None:
    base = deployment_of(KINDS["Latent"], "sharded", ONE)
    assert not idle_fields(
        rewrite_of(kind, base, 0.5), set(kind.RANGES), lambda one: outcome(replace(base, rewrites=(one,)))
    )


def seen_of(kind: Attention) -> tuple[Any, ...]:
    return kind.weights, kind.costs, *(float(each(context)) for each in (kind.pairs, kind.kept) for context in (900.0, 1e6))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_number_of_a_kind_moves_something(name: str) -> None:
    kind: Any = KINDS[name]
    given = {one.name for one in fields(kind) if np.isfinite(getattr(kind, one.name) or 0.0) and getattr(kind, one.name)}
    assert not idle_fields(kind, given, seen_of)


def test_every_degree_and_link_moves_something() -> None:
    base = deployment_of(KINDS["Latent"], "pooled", ONE)
    place = base.placement
    assert isinstance(place, Pooled)

    def of_place(one: Pooled) -> tuple[float, ...]:
        return outcome(replace(base, placement=one))

    assert not idle_fields(place, {"gpus", "prefill_replicas"}, of_place)
    assert not idle_fields(place.degrees, {"tp", "ep", "dp", "pp"}, lambda one: of_place(replace(place, degrees=one)))
    links = {"link", "domain", "out_latency", "out_bandwidth"}
    beyond = replace(place, fabric=replace(place.fabric, domain=2.0, out_latency=1e-3, out_bandwidth=1e9))
    assert not idle_fields(beyond.fabric, links - {"link"}, lambda one: of_place(replace(beyond, fabric=one)))
    inside = replace(place, fabric=replace(place.fabric, domain=72.0))
    assert not idle_fields(inside.fabric, {"link"}, lambda one: of_place(replace(inside, fabric=one)))


def test_every_number_of_a_deployment_moves_something() -> None:
    base = deployment_of(KINDS["Latent"], "whole", ONE)
    numbers = {"input_tokens", "output_tokens", "hbm_reserve", "chunk_tokens", "activation_value_bytes"}
    assert not idle_fields(base, numbers, outcome)
    slow = replace(base, system=replace(base.system, chip=replace(base.system.chip, hbm_bandwidth=1e10)))
    for each, name in ((base, "compute"), (slow, "bandwidth"), (base, "step_latency")):
        found = idle_fields(
            each.efficiency,
            {name},
            lambda one, each=each: outcome(replace(each, efficiency=one)),  # type: ignore[misc]
        )
        assert not found


# --- controls: every law is broken, and it is noticed ---------------------------------------------------------------


def forgets_memory(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (Leg((prefill.total + decode.total).compute_s, 0.0),)


def forgets_arithmetic(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (Leg(0.0, (prefill.total + decode.total).bandwidth_s),)


def adds_a_second(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    return (prefill.total + decode.total + Leg(1.0, 1.0),)


def waits_for_both(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    both = prefill.total + decode.total
    return (Leg(both.compute_s, 0.0), Leg(0.0, both.bandwidth_s))


@dataclass(frozen=True)
class Crowded:
    """Passes grow with the square of the requests."""

    def apply(self, plan: Plan) -> Plan:
        decode = plan.decode
        return replace(plan, decode=replace(decode, passes=decode.passes * decode.sequences**2))


@dataclass(frozen=True)
class Swapped:
    """The more requests, the less each of them keeps."""

    def apply(self, plan: Plan) -> Plan:
        return replace(plan, longest=plan.longest / plan.decode.sequences**2)


@dataclass(frozen=True)
class Averaged:
    """Every element of an array gets their mean."""

    def apply(self, plan: Plan) -> Plan:
        prefill = plan.prefill
        return replace(plan, prefill=replace(prefill, tokens=float(np.mean(prefill.tokens))))


@dataclass(frozen=True)
class Ignored:
    RANGES = {"share": (0.0, 1.0)}  # noqa: RUF012
    share: float = 0.5

    def apply(self, plan: Plan) -> Plan:
        return plan


def starts_anew(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    """Forgets what was prefilled before."""
    return prefill_work(model, checkpoint, replace(stage, start=0.0, end=stage.end - stage.start))


def with_schedule(schedule: Any) -> Callable[[pytest.MonkeyPatch, Deployment], Deployment]:
    return lambda _, base: replace(base, schedule=schedule)


def with_rewrite(rewrite: Any) -> Callable[[pytest.MonkeyPatch, Deployment], Deployment]:
    return lambda _, base: replace(base, rewrites=(rewrite,))


def patched(target: str, broken: Any) -> Callable[[pytest.MonkeyPatch, Deployment], Deployment]:
    def with_it(monkeypatch: pytest.MonkeyPatch, base: Deployment) -> Deployment:
        monkeypatch.setattr(target, broken)
        return base

    return with_it


BROKEN = [
    ("times_scale_as_one_over_rate", with_schedule(adds_a_second), "1/rate"),
    (
        "bytes_and_bandwidth_together_change_nothing",
        patched("fleetline.physics.work._element_bytes", lambda *_: 1.0),
        "bytes",
    ),
    ("throughput_stays_under_both_roofs", with_schedule(forgets_arithmetic), "arithmetic roof"),
    ("throughput_stays_under_both_roofs", with_schedule(forgets_memory), "memory roof"),
    ("between_its_longest_leg_and_serial", with_schedule(waits_for_both), "slower than"),
    ("between_its_longest_leg_and_serial", with_schedule(forgets_memory), "shorter than a leg of decode"),
    ("between_its_longest_leg_and_serial", with_schedule(forgets_arithmetic), "shorter than a leg of prefill"),
    ("more_requests_never_lower_throughput", with_rewrite(Crowded()), "lower the throughput"),
    ("memory_grows_with_requests", with_rewrite(Swapped()), "no more memory"),
    ("arrays_are_their_elements", with_rewrite(Averaged()), "not its elements"),
    ("two_pieces_are_one", patched("laws._prefill", starts_anew), "two pieces"),
    ("two_pieces_are_one", patched("fleetline.physics.work._pairs", lambda *_: 1.0), "two pieces"),
]


@pytest.mark.parametrize("place", ["whole", "sharded"])
@pytest.mark.parametrize(("law", "broken", "complaint"), BROKEN)
def test_a_broken_law_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    law: str,
    broken: Callable[[pytest.MonkeyPatch, Deployment], Deployment],
    complaint: str,
    place: str,
) -> None:
    # bound by memory, and by arithmetic
    sound = [deployment_of(KINDS["Latent"], place, {**ONE, "peak": peak}) for peak in (4e15, 4e12)]
    each = [(one, load) for one in sound for load in (4.0, 64.0, 1000.0)]
    for one, load in each:
        LAWS[law](one, load)
    with pytest.raises(AssertionError, match=complaint):
        for one, load in each:
            LAWS[law](broken(monkeypatch, one), load)


def test_two_pools_that_do_not_wait_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = deployment_of(KINDS["Latent"], "pooled", {**ONE, "peak": 4e12})
    LAWS["throughput_stays_under_both_roofs"](pooled, 64.0)
    monkeypatch.setattr("fleetline.physics.placement.slower_pool", lambda _prefill_s, decode_s, _ratio: decode_s)
    with pytest.raises(AssertionError, match="faster than the arithmetic roof"):
        LAWS["throughput_stays_under_both_roofs"](pooled, 64.0)


def test_every_law_has_a_control() -> None:
    assert {law for law, _, _ in BROKEN} == set(LAWS)


@dataclass(frozen=True)
class Odd(GroupedQuery):
    """Full attention with something wrong."""

    spare: float = 1.0

    @property
    def costs(self) -> PairCosts:
        return super().costs


class Falling(Odd):
    def pairs(self, context: Numbers) -> Numbers:
        return 1e6 - context


class Slowing(Odd):
    def pairs(self, context: Numbers) -> Numbers:
        return np.sqrt(context)


class Forgetting(Odd):
    def kept(self, context: Numbers) -> Numbers:
        return context / (1.0 + context**2)


class Inventing(Odd):
    def kept(self, context: Numbers) -> Numbers:
        return 2.0 * context


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [(Falling, "fewer pairs"), (Slowing, "attends to fewer"), (Forgetting, "less cache"), (Inventing, "more is kept")],
)
def test_a_broken_kind_is_caught(kind: type[Odd], complaint: str) -> None:
    check_attention(GroupedQuery(1000.0, 8.0, 2.0, 64.0), 100.0, 100.0)
    with pytest.raises(AssertionError, match=complaint):
        check_attention(kind(1000.0, 8.0, 2.0, 64.0), 100.0, 100.0)


def test_a_number_that_moves_nothing_is_caught() -> None:
    assert idle_fields(Odd(1000.0, 8.0, 2.0, 64.0), {"heads", "spare"}, seen_of) == {"spare"}
    base = deployment_of(KINDS["Latent"], "whole", ONE)
    assert idle_fields(Ignored(), {"share"}, lambda one: outcome(replace(base, rewrites=(one,)))) == {"share"}


def test_variants_are_told_apart() -> None:
    assert variant(GroupedQuery(1000.0, 8.0, 2.0, 64.0, window=10.0)) == "GroupedQuery-window"
    assert {"Latent", "Latent-top", "GroupedQuery", "GroupedQuery-window", "Recurrent"} <= set(KINDS)
    assert isinstance(deployment_of(KINDS["Latent"], "sharded", ONE).placement, Sharded)
