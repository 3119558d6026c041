"""What one decode step and one prompt cost a GPU of a row's layout: seconds at full rates, kernels, room in memory.

Conventions, all from the physics notes (sections 1 to 6):

* an engine of `g` GPUs serves its share of the clients; with data-parallel attention each GPU keeps whole attention weights
  and the caches of its own requests, else the weights are divided by g and the caches by g or by the key-value heads;
* a latent cache has one "head" and cannot be divided: every tensor-parallel rank reads all of it;
* experts lie spread over the engine; those touched by a step's tokens are read once;
* speculation verifies 1 + drafts tokens a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Compressed, GroupedQuery, Indexer, Kept, Latent, Recurrent
from fleetline.architecture.model import Model
from fleetline.calibration.names import Depth, Names
from fleetline.catalog import Catalog, Checkpoint, Chip
from fleetline.errors import InputError

Array = npt.NDArray[np.float64]

# Kinds of attention and the feature that counts their layers; dependent kernels of each are parameters of the law.
_KINDS: Mapping[type, str] = MappingProxyType(
    {GroupedQuery: "grouped", Latent: "latent", Indexer: "indexed", Compressed: "compressed", Recurrent: "recurrent"}
)
# Dependent kernels of a layer outside attention and the experts' call: two products and an activation; router; shared
# experts (physics notes, section 0).
_DENSE_KERNELS, _ROUTER_KERNELS, _SHARED_KERNELS = 3.0, 1.0, 2.0
_KEPT_KERNELS = 2.0  # writing what other layers attend to
_ATTENTION_PRODUCTS = 3.0  # products with weights of a layer's attention that follow one another
# Share of a chip's label that holds weights and caches: vLLM's and SGLang's defaults are 0.9 and 0.88, recipes go higher.
_USABLE = 0.92


@dataclass(frozen=True)
class Setting:
    """A model in the precision of a row, on a chip; what a draft accepts."""

    model: Model
    checkpoint: Checkpoint
    chip: Chip
    hardware: str
    key: str
    precision: str
    verified: float
    accepted: float


def setting_of(catalog: Catalog, names: Names, depth: Depth, key: str, hardware: str, precision: str | None) -> Setting:
    """What a row's keys of model, hardware and precision stand for; `depth` is how deep its rows draft, if they do.

    Raises:
        InputError: a key that the catalog does not know, a precision without a format, a chip without peaks.
    """
    name, system = names.model(key), names.system(hardware)
    model = catalog.model(name)
    checkpoint = _checkpoint(catalog, model, precision)
    chip = catalog.system(system).chip
    if chip.hbm_bandwidth is None or chip.hbm_capacity is None or not chip.peak:
        raise InputError(f"hardware '{hardware}' has no published memory or arithmetic")
    return Setting(model, checkpoint, chip, hardware, key, precision or "bf16", *depth)


def _checkpoint(catalog: Catalog, model: Model, precision: str | None) -> Checkpoint:
    """The published checkpoint of that label; where there is none, one in which every projection has that format."""
    published = catalog.checkpoints_of(model.name)
    for checkpoint in published:
        if checkpoint.label == (precision or "bf16"):
            return checkpoint
    words = {"fp4": "nvfp4", "fp8": "fp8", "bf16": "bf16", "int4": "int4"}
    word = words.get(precision or "bf16")
    if word is None:
        raise InputError(f"precision '{precision}' is not one of {', '.join(words)}")
    kept = ("router", "embedding", "head") + (("attention",) if word in {"nvfp4", "int4"} else ())
    formats = {part.name: catalog.format("bf16" if part.name in kept else word) for part in model.parts}
    return Checkpoint(
        f"all {word}", model.name, precision or "bf16", formats, catalog.format("bf16" if word == "bf16" else "fp8")
    )


def of_a_step(
    setting: Setting,
    gpus: Array,
    dp: Array,
    tokens: Array,
    local: Array,
    verified: Array,
    tokens_in: Array,
    tokens_out: Array,
) -> dict[str, Array]:
    """One decode step on one GPU, in seconds at full rates."""
    model, chip, formats = setting.model, setting.chip, setting.checkpoint.formats
    hbm = float(chip.hbm_bandwidth or np.nan)
    link = float(chip.scaleup_bandwidth or np.nan)
    ranks = np.where(dp > 0, 1.0, gpus)
    weight, expert, gemm = np.zeros_like(gpus), np.zeros_like(gpus), np.zeros_like(gpus)
    for part in model.parts:
        stored = formats[part.name]
        share = {"attention": ranks, "router": np.ones_like(gpus)}.get(part.name, gpus)
        read = part.elements * stored.bytes_per_weight / share / hbm
        if part.name == "attention":
            read = read + _unsplit(model) * stored.bytes_per_weight * (1.0 - 1.0 / ranks) / hbm
        worked = np.where(part.name == "attention", local * verified / ranks, tokens / gpus)
        gemm = gemm + 2.0 * part.active * worked / _peak(chip, stored.compute_precision)
        if part.name == "routed_experts":
            expert = expert + read
        elif part.name != "embedding":
            weight = weight + read
    cache, attend = np.zeros_like(gpus), np.zeros_like(gpus)
    for group in model.attention:
        attended = (group.attention.pairs(tokens_in + tokens_out) - group.attention.pairs(tokens_in)) / tokens_out
        size = group.costs.element_bytes or setting.checkpoint.kv_cache.bytes_per_weight
        read = group.count * group.costs.decode_read * attended * size * local
        cache = cache + read / _split(group.attention, ranks) / hbm
        flop = group.count * group.costs.decode_flop * attended * local * verified / ranks
        attend = attend + flop / _peak(chip, "bf16")
    layers, wide = _layers(model), gpus > 1
    width = 2.0 * model.hidden / link  # one token in bf16
    carried = np.where(dp > 0, local * verified * _reached(model, gpus), 2.0 * tokens) * layers * width
    counts = {name: np.full(gpus.shape, value) for name, value in _counts(setting).items()}
    return counts | {
        "weight_s": weight,
        "expert_s": expert,
        "cache_s": cache,
        "gemm_s": gemm,
        "attend_s": attend,
        "link_s": np.asarray(carried * wide, dtype=float),
        "collectives": 2.0 * layers * wide,
        "expert_share": np.full(gpus.shape, float(model.routed_share)),
    }


def of_a_prompt(setting: Setting, gpus: Array, dp: Array, tokens_in: Array, cached: Array) -> dict[str, Array]:
    """The prefill of one prompt shared by an engine's GPUs, its first `cached` tokens apart, in seconds at full rates."""
    model, chip, formats = setting.model, setting.chip, setting.checkpoint.formats
    hbm, link = float(chip.hbm_bandwidth or np.nan), float(chip.scaleup_bandwidth or np.nan)
    gemm, experts, read = np.zeros_like(gpus), np.zeros_like(gpus), np.zeros_like(gpus)
    fresh = tokens_in - cached
    for part in model.parts:
        stored = formats[part.name]
        work = 2.0 * part.prompt_share * part.active * fresh / _peak(chip, stored.compute_precision)
        gemm, experts = (gemm, experts + work) if part.name == "routed_experts" else (gemm + work, experts)
        read = read + part.touched(fresh) * stored.bytes_per_weight
    attend, cache = np.zeros_like(gpus), np.zeros_like(gpus)
    for group in model.attention:
        first = np.maximum(tokens_in - group.prompt_tail, cached)
        pairs = group.attention.pairs(tokens_in) - group.attention.pairs(first)
        attend = attend + group.count * group.costs.prefill_flop * pairs
        size = group.costs.element_bytes or setting.checkpoint.kv_cache.bytes_per_weight
        cache = cache + group.count * group.costs.kept * group.attention.kept(tokens_in) * size
    sent = np.where(dp > 0, 1.5 * _reached(model, gpus) / gpus, 2.0)  # dispatch in 8 bits and combine in 16, or all-reduces
    carried = sent * _layers(model) * fresh * 2.0 * model.hidden / link * (gpus > 1)
    return {
        "prompt_gemm_s": gemm / gpus,
        "prompt_expert_s": experts / gpus,
        "prompt_attend_s": attend / gpus / _peak(chip, "bf16"),
        "prompt_bytes_s": read / gpus / hbm,
        "prompt_link_s": carried,
        "cache_bytes": cache,
    }


def places_in_memory(setting: Setting, gpus: Array, dp: Array, context: Array) -> tuple[Array, Array]:
    """Requests whose caches fit what weights leave of an engine's memory, at least one; and the share that they leave."""
    capacity = _USABLE * float(setting.chip.hbm_capacity or np.nan)
    ranks = np.where(dp > 0, 1.0, gpus)
    held, cache = np.zeros_like(gpus), np.zeros_like(gpus)
    for part in setting.model.parts:
        size = part.elements * setting.checkpoint.formats[part.name].bytes_per_weight
        held = held + size / (ranks if part.name == "attention" else gpus)
    for group in setting.model.attention:
        size = group.costs.element_bytes or setting.checkpoint.kv_cache.bytes_per_weight
        entry = group.count * group.costs.kept * group.attention.kept(context) * size
        cache = cache + entry / _split(group.attention, ranks)
    free = np.maximum(capacity - held, 0.05 * capacity)
    return np.maximum(1.0, free / cache * np.where(dp > 0, gpus, 1.0)), 1.0 - held / capacity


def _counts(setting: Setting) -> dict[str, float]:
    """Kernels of one pass over all layers, and its layers by kind of attention."""
    model, formats = setting.model, setting.checkpoint.formats
    layers, experts = _layers(model), model.experts.layers if model.experts else 0.0
    shared = "shared_experts" in formats
    quantised = _ATTENTION_PRODUCTS * layers * (formats["attention"].compute_precision != "bf16")
    if "dense_ffn" in formats:
        quantised += 2.0 * (layers - experts) * (formats["dense_ffn"].compute_precision != "bf16")
    if shared:
        quantised += 2.0 * experts * (formats["shared_experts"].compute_precision != "bf16")
    kinds = dict.fromkeys(_KINDS.values(), 0.0)
    plain = _DENSE_KERNELS * (layers - experts) + (_ROUTER_KERNELS + _SHARED_KERNELS * shared) * experts
    for group in model.attention:
        if isinstance(group.attention, Kept):
            plain += _KEPT_KERNELS * group.count
        else:
            kinds[_KINDS[type(group.attention)]] += float(group.count)
    count = float(model.experts.count) if model.experts else 1.0
    return {
        "kernels": plain,
        "quantised": quantised,
        "layers": layers,
        "expert_calls": experts,
        "expert_count": count,
    } | kinds


def _layers(model: Model) -> float:
    """Layers: each has one kind that is no index and no compressed part beside a window."""
    parts = [group for group in model.attention if not isinstance(group.attention, Indexer)]
    return float(sum(group.count for group in parts if getattr(group.attention, "ratio", 1.0) == 1.0))


def _reached(model: Model, gpus: Array) -> Array:
    """Ranks that a token's experts lie on, expected, of experts spread evenly: R (1 - (1 - 1/R)^k)."""
    used = model.experts.per_token if model.experts else 1.0
    return gpus * (1.0 - (1.0 - 1.0 / gpus) ** used)


def expert_format(setting: Setting) -> str:
    """nvfp4, mxfp4, fp8, bf16, or w4a16: 4-bit weights that are computed in 16 bits, by format or for want of a chip's."""
    stored = setting.checkpoint.formats.get("routed_experts")
    if stored is None:
        return "none"
    narrow = stored.bytes_per_weight < 1.0
    peaks = setting.chip.peak or {}
    if narrow and (stored.compute_precision == "bf16" or "fp4" not in peaks):
        return "w4a16"
    if narrow:
        return "nvfp4" if stored.name == "nvfp4" and setting.hardware[:2] != "mi" else "mxfp4"
    return "fp8" if stored.bytes_per_weight < 2.0 else "bf16"


def _unsplit(model: Model) -> float:
    """Attention weights that every tensor-parallel rank keeps whole: projections into the latent, and indexers'."""
    whole = 0.0
    for group in model.attention:
        kind = group.attention
        if isinstance(kind, Latent):
            whole += group.count * kind.hidden * ((kind.query_rank or 0.0) + kind.latent + kind.rope_dim)
        elif isinstance(kind, Indexer):
            whole += group.count * kind.weights
    return whole


def _split(kind: object, ranks: Array) -> Array:
    """Among how many tensor-parallel ranks a cache is divided."""
    if isinstance(kind, GroupedQuery):
        return np.minimum(ranks, kind.kv_heads)
    return ranks if isinstance(kind, Recurrent) else np.ones_like(ranks)


def _peak(chip: Chip, precision: str) -> float:
    peaks = chip.peak or {}
    return peaks.get(precision, peaks["bf16"])
