"""What is true of every deployment: any attention kind, rewrite and schedule, on one large chip, sharded or in two pools.

A law takes a deployment and a load (requests of one rank) and asserts. Nothing is listed by name: attention kinds are those
of the catalog's models, rewrites and schedules those of their folders, and a class of the attention module that no model
uses is a failure by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from harness import ROUNDING, at_shares, made, made_chip, made_model, rewrite_kinds

from fleetline.architecture.attention import Attention
from fleetline.architecture.model import AttentionLayers, Model
from fleetline.catalog import load as load_catalog
from fleetline.catalog.types import Checkpoint, CollectiveLaw, NumberFormat
from fleetline.physics import serving
from fleetline.physics.network import Fabric
from fleetline.physics.placement import WHOLE, Placement, Pooled, Sharded
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.roofline import Efficiency, StageTime
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Deployment
from fleetline.physics.sharding import Degrees, split_of
from fleetline.physics.stages import Draft, Stage
from fleetline.physics.work import Work, decode_work, prefill_work

# powers of two scale floats exactly; sums of many terms in another order do not
FACTOR, CLOSE = 4.0, 1e-9


# --- every case there is ------------------------------------------------------------------------------------------------


def attention_classes(module: ModuleType) -> set[type[Any]]:
    """Every attention kind that a module defines."""
    return {
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__ and is_dataclass(kind) and hasattr(kind, "pairs")
    }


def attention_kinds() -> dict[str, Attention]:
    """One layer of every variant that a model of the catalog has, told apart by class and the options that are set."""
    found: dict[str, Attention] = {}
    catalog = load_catalog()
    for name in catalog.models:
        for group in catalog.model(name).attention:
            found.setdefault(variant(group.attention), group.attention)
    return found


def variant(kind: Attention) -> str:
    """A kind by its class and what it has besides what it must."""
    optional = [one for one in fields(kind) if one.default is not MISSING]  # type: ignore[arg-type]
    return "-".join([type(kind).__name__, *(one.name for one in optional if getattr(kind, one.name) != one.default)])


def check_all_known(module: ModuleType, kinds: Mapping[str, Attention]) -> None:
    """No class of the module is left out of the laws."""
    missing = attention_classes(module) - {type(kind) for kind in kinds.values()}
    assert not missing, f"no law is tried on {sorted(kind.__name__ for kind in missing)}: no model of the catalog has it"


PLACES = ("whole", "sharded", "pooled")
LAW = CollectiveLaw(latency=1e-5, latency_per_doubling=1e-6, bandwidth_share=0.5)
FABRIC = Fabric(
    link=1e11,
    domain=8.0,
    laws=MappingProxyType(dict.fromkeys(("all_reduce", "all_gather", "reduce_scatter", "dispatch", "combine"), LAW)),
    out_latency=3e-5,
    out_bandwidth=1e10,
    imbalance=(0.1, 1.0),
)


def place_of(name: str, kind: Attention, numbers: Mapping[str, Any]) -> Placement:
    """A placement with degrees that the kind's heads allow."""
    if name == "whole":
        return WHOLE
    heads = getattr(kind, "heads", getattr(kind, "value_heads", 1.0)) if split_of(kind).by_heads else numbers["tp"]
    tp = numbers["tp"] if heads % numbers["tp"] == 0 else 1.0
    ranks = tp * numbers["dp"]
    degrees = Degrees(tp=tp, dp=numbers["dp"], pp=numbers["pp"], ep=ranks if numbers["split"] else 1.0)
    gpus = degrees.gpus * (numbers["replicas"] + 1.0)
    return Pooled(degrees, gpus, FABRIC, 1.0) if name == "pooled" else Sharded(degrees, gpus, FABRIC)


def _made_draft(base: Deployment) -> Draft:
    group = replace(base.model.attention[0], count=1)
    return Draft(replace(made_model(rest=1e8, routed=1e8), layers=1.0, attention=(group,)), base.checkpoint)


# what a field of a rewrite that has no range is given; a new one has to be thought of here
OTHERS: Mapping[str, Callable[[Deployment], Any]] = MappingProxyType({"draft": _made_draft})


def deployment_of(kind: Attention, place: str, numbers: Mapping[str, Any]) -> Deployment:
    """One deployment without rewrites."""
    placement = place_of(place, kind, numbers)
    base = made(
        model=made_model(attention=kind, share=numbers["share"]),
        chip=made_chip(bandwidth=numbers["bandwidth"], fp4=numbers["peak"], fp8=numbers["peak"] / 2.0),
        input_tokens=numbers["input_tokens"],
        output_tokens=numbers["output_tokens"],
        efficiency=Efficiency(0.6, 0.4, numbers["latency"]),
    )
    gpus = getattr(placement, "gpus", 4.0)
    return replace(base, placement=placement, system=replace(base.system, gpus=gpus))


def cases(kind: Attention, place: str, numbers: Mapping[str, Any]) -> Iterator[Deployment]:
    """The deployment under every schedule, and with none, each and all of the rewrites."""
    base = deployment_of(kind, place, numbers)
    each = [rewrite_of(one, base, numbers["along"]) for one in sorted(rewrite_kinds(), key=lambda one: one.__name__)]
    for schedule in SCHEDULES.values():
        for rewrites in ((), *((one,) for one in each), tuple(each)):
            yield replace(base, schedule=schedule, rewrites=rewrites)


def rewrite_of(kind: type[Rewrite], base: Deployment, along: float) -> Rewrite:
    free = {one.name for one in fields(kind)} - set(kind.RANGES)  # type: ignore[arg-type]
    return at_shares(kind, dict.fromkeys(kind.RANGES, along), **{name: OTHERS[name](base) for name in sorted(free)})


# --- laws of a deployment -------------------------------------------------------------------------------------------------


def batch_of(deployment: Deployment, load: float) -> float:
    """So many requests for every rank."""
    return float(load * deployment.placement.ranks)


def close(left: Any, right: Any) -> bool:
    return bool(np.all(np.abs(left - right) <= CLOSE * np.maximum(np.abs(left), np.abs(right))))


def times_scale_as_one_over_rate(deployment: Deployment, load: float) -> None:
    """Everything FACTOR times as fast takes FACTOR times less."""
    now, then = (serving.rates(one, batch_of(one, load)) for one in (deployment, _faster(deployment)))
    assert close(now.cycle.total_s, FACTOR * then.cycle.total_s), "times do not scale as 1/rate"
    assert close(now.ttft_s, FACTOR * then.ttft_s), "TTFT does not scale as 1/rate"
    assert close(now.request_s, FACTOR * then.request_s), "wall time does not scale as 1/rate"


def _faster(deployment: Deployment) -> Deployment:
    chip, place, efficiency = deployment.system.chip, deployment.placement, deployment.efficiency
    assert chip.peak is not None
    assert chip.hbm_bandwidth is not None
    peak = MappingProxyType({name: FACTOR * value for name, value in chip.peak.items()})
    if isinstance(place, Sharded):
        law = replace(LAW, latency=LAW.latency / FACTOR, latency_per_doubling=LAW.latency_per_doubling / FACTOR)
        fabric = replace(
            place.fabric,
            link=FACTOR * place.fabric.link,
            out_bandwidth=FACTOR * place.fabric.out_bandwidth,
            out_latency=place.fabric.out_latency / FACTOR,
            laws=dict.fromkeys(place.fabric.laws, law),
        )
        place = replace(place, fabric=fabric)
    return replace(
        deployment,
        placement=place,
        efficiency=replace(efficiency, step_latency=efficiency.step_latency / FACTOR),
        system=replace(deployment.system, chip=replace(chip, peak=peak, hbm_bandwidth=FACTOR * chip.hbm_bandwidth)),
    )


def bytes_and_bandwidth_together_change_nothing(deployment: Deployment, load: float) -> None:
    """FACTOR times the bytes of everything, through FACTOR times the bandwidth, into FACTOR times the memory."""
    now, then = (serving.stage_times(one, load) for one in (deployment, _wider(deployment)))
    for before, after in zip(now, then, strict=True):
        for one, two in ((before.linear, after.linear), (before.attention, after.attention)):
            assert close(one.bandwidth_s, two.bandwidth_s), "traffic does not scale with bytes over bandwidth"
            assert close(one.compute_s, two.compute_s), "arithmetic depends on bytes"
        assert close(before.latency_s, after.latency_s), "latency depends on bytes"
    if not any(getattr(one, "think_s", 0.0) for one in deployment.rewrites):  # else messages decide who waits, in bytes
        used = [serving.memory_used(one, batch_of(one, load)) for one in (deployment, _wider(deployment))]
        assert close(FACTOR * used[0], used[1]), "memory does not scale with bytes"


def _wider(deployment: Deployment) -> Deployment:
    chip = deployment.system.chip
    assert chip.hbm_bandwidth is not None
    wide = replace(chip, hbm_bandwidth=FACTOR * chip.hbm_bandwidth)
    return replace(
        deployment,
        model=_wide(deployment.model),
        checkpoint=_stored_wide(deployment.checkpoint),
        activation_value_bytes=FACTOR * deployment.activation_value_bytes,
        system=replace(deployment.system, chip=wide),
        rewrites=tuple(_rewritten_wide(one) for one in deployment.rewrites),
    )


def _rewritten_wide(rewrite: Any) -> Any:
    draft = getattr(rewrite, "draft", None)
    if draft is None:
        return rewrite
    return replace(rewrite, draft=replace(draft, model=_wide(draft.model), checkpoint=_stored_wide(draft.checkpoint)))


def _wide(model: Model) -> Model:
    def group(one: AttentionLayers) -> AttentionLayers:
        fixed = one.costs.element_bytes
        return replace(one, costs=replace(one.costs, element_bytes=None if fixed is None else FACTOR * fixed))

    return replace(model, attention=tuple(group(one) for one in model.attention))


def _stored_wide(checkpoint: Checkpoint) -> Checkpoint:
    def wide(stored: NumberFormat) -> NumberFormat:
        return replace(stored, bytes_per_weight=FACTOR * stored.bytes_per_weight)

    formats = {name: wide(stored) for name, stored in checkpoint.formats.items()}
    return replace(checkpoint, formats=formats, kv_cache=wide(checkpoint.kv_cache))


def throughput_stays_under_both_roofs(deployment: Deployment, load: float) -> None:
    """No placement beats all its chips taken as one, were that to overlap everything and read every weight once."""
    batch = batch_of(deployment, load)
    rate = serving.rates(deployment, batch).throughput
    prefill, decode = serving.stage_times(replace(deployment, placement=WHOLE, schedule=SCHEDULES["serial"]), batch)
    both = prefill.total + decode.total
    answered = batch * deployment.output_tokens
    assert rate * both.compute_s <= answered * (1.0 + CLOSE), "faster than the arithmetic roof"
    assert rate * both.bandwidth_s <= answered * (1.0 + CLOSE), "faster than the memory roof"


def between_its_longest_leg_and_serial(deployment: Deployment, load: float) -> None:
    """Serial >= any schedule >= the larger single leg; in two pools, whose schedule is fixed, each pool's legs."""
    stages, place = serving.timed(deployment, load), deployment.placement
    prefill, decode, total = stages.prefill, stages.decode, place.timing(stages).cycle.total_s
    before = place.ratio if isinstance(place, Pooled) else 1.0
    for leg in _legs(prefill):
        assert total >= before * leg * (1.0 - ROUNDING), "shorter than a leg of prefill"
    for leg in _legs(decode):
        assert total >= leg * (1.0 - ROUNDING), "shorter than a leg of decode"
    if not isinstance(place, Pooled):
        one_by_one = serving.timed(replace(deployment, schedule=SCHEDULES["serial"]), load)
        serial = place.timing(one_by_one).cycle.total_s
        assert serial >= total * (1.0 - ROUNDING), "slower than doing one after the other"


def _legs(stage: StageTime) -> tuple[Any, Any]:
    return stage.linear.roof_s, stage.attention.roof_s


def more_requests_never_lower_throughput(deployment: Deployment, load: float) -> None:
    """For equal ranks: a request more on one rank alone makes the others wait, and does lower it."""
    loads = load * np.array([1.0, 2.0, 3.0, 10.0])
    rate = np.asarray(serving.rates(deployment, loads * deployment.placement.ranks).throughput)
    assert np.all(np.diff(rate) >= -CLOSE * rate[1:]), "more requests lower the throughput"


def memory_grows_with_requests(deployment: Deployment, load: float) -> None:
    """What does not fit fits no better with more requests: why the largest batch may be bisected."""
    loads = load * np.array([1.0, 2.0, 3.0, 10.0])
    used = serving.memory_used(deployment, loads * deployment.placement.ranks)
    assert np.all(np.diff(used) > 0), "more requests need no more memory"


def arrays_are_their_elements(deployment: Deployment, load: float) -> None:
    """Prompts and loads as arrays give what each pair gives."""
    prompts = deployment.input_tokens * np.array([1.0, 2.0])
    many = replace(deployment, input_tokens=prompts)
    batches = np.asarray(load * np.array([1.0, 3.0]) * deployment.placement.ranks)
    found, used = serving.rates(many, batches), serving.memory_used(many, batches)
    for place, (batch, tokens) in enumerate(zip(batches.tolist(), prompts.tolist(), strict=True)):
        one = replace(deployment, input_tokens=tokens)
        alone = serving.rates(one, batch)
        assert close(np.asarray(found.throughput)[place], alone.throughput), "an array is not its elements"
        assert close(np.asarray(found.ttft_s)[place], alone.ttft_s), "an array is not its elements"
        assert close(np.asarray(used)[place], serving.memory_used(one, batch)), "an array is not its elements"


def two_pieces_are_one(deployment: Deployment, load: float) -> None:
    """Arithmetic of a prompt cut in two is that of the whole, and decoding S to S + O is pairs(S + O) - pairs(S)."""
    what, model, checkpoint = serving.planned(deployment, load), deployment.part, deployment.checkpoint
    for stage, work in ((what.prefill, _prefill), (what.decode, _decode)):
        whole, halves = work(model, checkpoint, stage), [work(model, checkpoint, half) for half in _halves(stage)]
        for kind in ("linear", "attention"):
            spent = [sum(float(one.flop) for one in getattr(each, kind)) for each in (whole, *halves)]
            assert close(spent[0], spent[1] + spent[2]), "two pieces are not one"
    pairs = [model.attention[0].attention.pairs(context) for context in (what.decode.start, what.decode.end)]
    group, decode = model.attention[0], what.decode
    expected = (pairs[1] - pairs[0]) * group.count * group.costs.decode_flop * group.heads_here * load
    found = float(_decode(model, checkpoint, decode).attention[0].flop) / float(decode.tokens_per_position)
    assert close(found, float(expected)), "decode does not attend to what it sees"


def _halves(stage: Stage) -> tuple[Stage, Stage]:
    middle = (stage.start + stage.end) / 2.0
    share = {"passes": stage.passes / 2.0}
    return replace(stage, end=middle, **share), replace(stage, start=middle, **share)


def _prefill(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    return prefill_work(model, checkpoint, stage)


def _decode(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    return decode_work(model, checkpoint, stage)


Law = Callable[[Deployment, float], None]
LAWS: Mapping[str, Law] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            times_scale_as_one_over_rate,
            bytes_and_bandwidth_together_change_nothing,
            throughput_stays_under_both_roofs,
            between_its_longest_leg_and_serial,
            more_requests_never_lower_throughput,
            memory_grows_with_requests,
            arrays_are_their_elements,
            two_pieces_are_one,
        )
    }
)


# --- laws of an attention kind ----------------------------------------------------------------------------------------


def check_attention(kind: Attention, context: float, more: float) -> None:
    """Pairs grow, evenly or ever faster (inside a chunk, where there are chunks: each begins anew); no cache shrinks."""
    middle, end = context + more / 2.0, context + more
    few, some, many = (float(kind.pairs(each)) for each in (context, middle, end))
    assert few <= some * (1.0 + ROUNDING), "more context is fewer pairs"
    assert some <= many * (1.0 + ROUNDING), "more context is fewer pairs"
    assert few >= 0.0, "fewer than no pairs"
    chunk = getattr(kind, "chunk", np.inf)
    if context // chunk == end // chunk:
        assert 2.0 * some <= (few + many) * (1.0 + ROUNDING), "a token later on attends to fewer"
    kept = [float(kind.kept(each)) for each in (context, middle, end)]
    assert kept == sorted(kept), "more context is less cache"
    assert 0.0 <= kept[2] <= end, "more is kept than there is"
