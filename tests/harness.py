"""A made-up deployment whose every number is known, random ones like it, and the checks that several tests run."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from fleetline.architecture.attention import Attention, GroupedQuery, Latent, Numbers
from fleetline.architecture.model import AttentionLayers, Experts, Model, WeightPart
from fleetline.catalog import table_path
from fleetline.catalog.types import Checkpoint, Chip, NumberFormat, System
from fleetline.physics import rewrites as rewrites_folder
from fleetline.physics import serving
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.roofline import Efficiency, Leg, StageTime
from fleetline.physics.schedules import SCHEDULES, Schedule, cycle
from fleetline.physics.serving import Deployment, Limits

ROOT = Path(__file__).parents[1]
SHIPPED = table_path("chip_specs.csv").parent
COLLECTION = ROOT.parent / "shared" / "data"
# the most memory that the process has had [byte]; `ru_maxrss` would count what the process had that started it
PRINT_PEAK = """
print(next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""

# Sums of a few floats in another order differ by a few units in the last place (2.2e-16 each), no more.
ROUNDING = 1e-12

FP4, FP8 = NumberFormat("fp4", 0.5, "fp4"), NumberFormat("fp8", 1.0, "fp8")
LATENT = Latent(hidden=1000.0, heads=8.0, query_rank=300.0, latent=128.0, nope_dim=64.0, rope_dim=16.0, value_dim=64.0)
GROUPED = GroupedQuery(hidden=1000.0, heads=8.0, kv_heads=2.0, head_dim=64.0)
ATTENTIONS: tuple[Attention, ...] = (LATENT, GROUPED, replace(GROUPED, window=128.0))


def made_model(*, rest: float = 1e9, routed: float = 8e9, share: float = 1 / 16, attention: Attention = LATENT) -> Model:
    """Ten layers, of which the weights fall into a part every token uses and experts of which it uses a share."""
    return Model(
        name="made",
        title="Made",
        hidden=1000.0,
        max_context=1e6,
        layers=10,
        experts=Experts(384.0, 384.0 * share, 10.0),
        parts=(WeightPart("rest", rest, rest), WeightPart("routed_experts", routed, routed * share, touched_by_one=share)),
        attention=(AttentionLayers(10, attention, attention.costs),),
        published_total=None,
        published_active=None,
    )


def made_chip(
    *, capacity: float = 1e11, bandwidth: float = 1e12, fp4: float = 4e15, fp8: float = 2e15, rent: float | None = 1e-3
) -> Chip:
    peak = MappingProxyType({"fp4": fp4, "fp8": fp8, "bf16": fp8 / 2.0})
    return Chip("made-chip", hbm_capacity=capacity, hbm_bandwidth=bandwidth, peak=peak, rent=rent)


def made(
    *,
    model: Model | None = None,
    chip: Chip | None = None,
    gpus: int = 4,
    input_tokens: Numbers = 4000.0,
    output_tokens: Numbers = 500.0,
    schedule: str = "chunked",
    efficiency: Efficiency | None = None,
    hbm_reserve: Numbers = 0.1,
    rewrites: tuple[Rewrite, ...] = (),
) -> Deployment:
    """A deployment of made-up numbers, to replace one at a time."""
    model = model or made_model()
    return Deployment(
        model=model,
        checkpoint=Checkpoint("made", "made", "fp4", {part.name: FP4 for part in model.parts}, FP8),
        system=System("made-rack", chip or made_chip(), gpus),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        schedule=SCHEDULES[schedule],
        efficiency=efficiency or Efficiency(0.6, 0.4, 0.002),
        hbm_reserve=hbm_reserve,
        chunk_tokens=1024.0,
        activation_value_bytes=2.0,
        rewrites=rewrites,
    )


def with_chip(deployment: Deployment, **changed: float) -> Deployment:
    """The same deployment on chips with other numbers."""
    system = deployment.system
    return replace(deployment, system=replace(system, chip=replace(system.chip, **changed)))  # type: ignore[arg-type]


def with_room_for(deployment: Deployment, requests: int) -> Deployment:
    """The same deployment with memory for exactly so many requests: half way to what one more would need."""
    needed = [float(serving.memory_used(deployment, many)) for many in (max(requests, 1.0), requests + 1.0)]
    usable = sum(needed) / 2.0 if requests else needed[0] * 0.999
    return with_chip(
        deployment, hbm_capacity=usable / float(deployment.system.gpus) / (1.0 - float(deployment.hbm_reserve))
    )


def magnitudes(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers spread evenly over orders of magnitude."""
    return st.floats(np.log10(low), np.log10(high)).map(lambda exponent: float(10.0**exponent))


def rewrite_kinds() -> list[type[Rewrite]]:
    """Every technique of the folder, one a file: a new file is tried without being named anywhere."""
    modules = [importlib.import_module(f"{rewrites_folder.__name__}.{each.name}") for each in _files(rewrites_folder)]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__ and hasattr(kind, "apply")
    ]


def _files(package: ModuleType) -> list[pkgutil.ModuleInfo]:
    return sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name)


@st.composite
def rewrites_of(draw: st.DrawFn, kind: type[Rewrite]) -> Rewrite:
    """A technique with every field somewhere within its `RANGES`."""
    return at_shares(kind, {name: draw(st.floats(0.0, 1.0)) for name in kind.RANGES})


def at_shares(kind: type[Rewrite], shares: Mapping[str, float], **others: Any) -> Rewrite:
    """A technique with every field so far along its range, and what has no range as given."""
    values: dict[str, float] = {}
    for name, (low, high) in kind.RANGES.items():
        top = values[high] if isinstance(high, str) else high
        values[name] = low + shares[name] * (top - low)
    return kind(**values, **others)


def without_effect(kind: type[Rewrite]) -> Rewrite:
    """A technique at the lower end of every range, where it changes nothing."""
    return kind(**{name: low for name, (low, _) in kind.RANGES.items()})


def rewrites() -> st.SearchStrategy[tuple[Rewrite, ...]]:
    """None, or one of any technique."""
    return st.one_of(st.just(()), *(st.tuples(rewrites_of(kind)) for kind in rewrite_kinds()))


@st.composite
def deployments(draw: st.DrawFn, schedules: tuple[str, ...] = tuple(SCHEDULES)) -> Deployment:
    """Deployments of every shape: dense and sparse models, long and short requests, any balance of compute and memory."""
    attention = draw(st.sampled_from(ATTENTIONS))
    return made(
        model=made_model(
            rest=draw(magnitudes(1e8, 1e11)),
            routed=draw(magnitudes(1e8, 1e12)),
            share=draw(st.sampled_from([1 / 384, 8 / 384, 1 / 16, 1 / 2])),
            attention=attention,
        ),
        chip=made_chip(
            bandwidth=draw(magnitudes(1e11, 1e13)), fp4=draw(magnitudes(1e13, 1e17)), fp8=draw(magnitudes(1e13, 1e17))
        ),
        gpus=draw(st.integers(1, 72)),
        input_tokens=draw(magnitudes(10, 1e5)),
        output_tokens=draw(magnitudes(1, 1e4)),
        schedule=draw(st.sampled_from(schedules)),
        efficiency=Efficiency(
            draw(st.floats(0.01, 1.0)), draw(st.floats(0.01, 1.0)), draw(st.sampled_from([0.0, 1e-4, 5e-3]))
        ),
        hbm_reserve=draw(st.floats(0.0, 0.9)),
        rewrites=draw(rewrites()),
    )


# --- schedules ------------------------------------------------------------------------------------------------------


def stage_times() -> st.SearchStrategy[StageTime]:
    """Stages with any balance of arithmetic, traffic and latency, idle ones among them."""
    seconds = st.one_of(st.just(0.0), magnitudes(1e-6, 1e3))
    legs = st.builds(Leg, seconds, seconds)
    return st.builds(StageTime, legs, legs, seconds)


def numbers_of(stage: StageTime) -> tuple[float, ...]:
    """The five times a stage consists of."""
    legs = (stage.linear.compute_s, stage.linear.bandwidth_s, stage.attention.compute_s, stage.attention.bandwidth_s)
    return tuple(float(value) for value in (*legs, stage.latency_s))


def stage_of(numbers: tuple[float, ...]) -> StageTime:
    return StageTime(Leg(numbers[0], numbers[1]), Leg(numbers[2], numbers[3]), numbers[4])


def check_schedule(schedule: Schedule, prefill: StageTime, decode: StageTime) -> None:
    """What is true of every schedule, whatever overlaps; a new one in the table is checked by itself."""
    whole = cycle(schedule, prefill, decode)
    total = float(whole.total_s)
    latency = float(prefill.latency_s + decode.latency_s)

    def close(left: Numbers, right: Numbers) -> bool:
        return abs(float(left) - float(right)) <= ROUNDING * max(float(left), float(right))

    def at_least(left: Numbers, right: Numbers) -> bool:
        return bool(float(left) >= float(right) * (1.0 - ROUNDING))

    legs = schedule(prefill, decode)
    everything = prefill.total + decode.total
    assert close(sum(leg.compute_s for leg in legs), everything.compute_s), "arithmetic is lost or done twice"
    assert close(sum(leg.bandwidth_s for leg in legs), everything.bandwidth_s), "traffic is lost or done twice"

    parts = whole.compute_s + whole.bandwidth_s + whole.latency_s
    assert close(total, parts), "the cycle is not the sum of its parts"
    assert close(total, sum(float(leg.roof_s) for leg in legs) + latency), "the cycle is not its legs one after the other"

    for leg in (prefill.linear, prefill.attention, decode.linear, decode.attention):
        assert at_least(total, leg.roof_s + latency), "the cycle is shorter than one of its legs"
    assert at_least(total, everything.compute_s + latency), "faster than the arithmetic roof"
    assert at_least(total, everything.bandwidth_s + latency), "faster than the memory roof"
    assert at_least(cycle(SCHEDULES["serial"], prefill, decode).total_s, total), "slower than doing one after the other"

    for factor in (0.25, 8.0):  # powers of two scale floats exactly
        slower = (stage_of(tuple(factor * time for time in numbers_of(stage))) for stage in (prefill, decode))
        assert close(cycle(schedule, *slower).total_s, factor * total), "times do not scale as 1/rate"

    given = (*numbers_of(prefill), *numbers_of(decode))
    for place, value in enumerate(given):
        longer = (*given[:place], value * 1.5 + 1e-6, *given[place + 1 :])
        grown = cycle(schedule, stage_of(longer[:5]), stage_of(longer[5:])).total_s
        assert at_least(grown, total), "more work takes less time"


# --- the best batch ---------------------------------------------------------------------------------------------------


def allowed_batches(
    deployment: Deployment, limits: Limits, up_to: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Every batch from 1 to `up_to` and whether the limits allow it, asked one by one of the formulas alone."""
    batches = np.arange(1.0, up_to + 1.0)
    found = serving.rates(deployment, batches)
    memory = np.less_equal(serving.memory_used(deployment, batches), serving.memory_capacity(deployment))
    return batches, memory & np.asarray(found.speed >= limits.speed) & (found.ttft_s <= limits.max_ttft)


def check_best_batch(
    search: Callable[[Deployment, Limits], Numbers], deployment: Deployment, limits: Limits, up_to: int
) -> None:
    """`search` returns the smallest batch within 1e-9 of the highest allowed throughput, as trying them all does."""
    batches, allowed = allowed_batches(deployment, limits, up_to)
    rate = np.where(allowed, serving.rates(deployment, batches).throughput, 0.0)
    expected = batches[rate >= rate.max() * (1.0 - 1e-9)][0] if allowed.any() else 0.0
    assert float(search(deployment, limits)) == expected, "not the batch that trying every one finds"
