"""Benchmark rows -> arrays of physical quantities: what one decode step and one prompt cost a GPU of the row's layout.

Sizes are the checkpoint's own dimensions and mixed precisions (not the article's rounding). Lengths are 0.9 of nominal.
Conventions, all from the physics notes (sections 1 to 6):

* an engine of `g` GPUs serves its share of the clients; with data-parallel attention each GPU keeps whole attention weights
  and the caches of its own requests, else the weights are divided by g and the caches by g or by the key-value heads;
* a latent cache has one "head" and cannot be divided: every tensor-parallel rank reads all of it;
* experts lie spread over the engine; those touched by a step's tokens are read once;
* speculation verifies 1 + drafts tokens a step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Compressed, GroupedQuery, Indexer, Kept, Latent, Recurrent
from fleetline.architecture.model import Model
from fleetline.calibration.form import MEAN_LENGTH, pool_gpus, unusable
from fleetline.calibration.names import Names, names_of, recipe_drafts
from fleetline.calibration.recipes import architecture_of, engine_of
from fleetline.catalog import Catalog, Checkpoint, Chip
from fleetline.catalog.rows import SpeculationRow
from fleetline.errors import InputError
from fleetline.measurements import Measurement

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
ENGINES = ("trt", "vllm", "sglang", "atom")
FORMATS = ("nvfp4", "mxfp4", "fp8", "w4a16", "bf16")
# Share of a chip's label that holds weights and caches: vLLM's and SGLang's defaults are 0.9 and 0.88, recipes go higher.
_USABLE = 0.92


@dataclass(frozen=True)
class Features:
    """One value a row, NaN where `reason` says why there is none. Decode quantities are of one step on one GPU.

    Attributes:
        reason: why a row has no features; "" where it has.
        model, chip, engine, vendor, precision, kind, attention: labels. engine is the framework without its router
            (`dynamo-trt` is `trt`). kind is how the row was measured: median or mean.
        speculates, disaggregated, dp, prefill_dp: 1 or 0. dp_unstated: 1 where the source does not say whether attention
            is data-parallel (taken to be not). guessed: 1 where engines of separate pools are a neighbour's.
        clients: of the whole run. sequences: of one decode engine. local: of one GPU's caches. tokens: of one step.
        verified, accepted: tokens of a step a sequence, and those of them that are kept.
        gpus, prefill_gpus: of one engine. engines, prefill_engines: how many. total_gpus: of the deployment.
        ep: expert-parallel degree. layers: of the model.
        tokens_in, tokens_out: mean lengths [token].
        weight_s, expert_s, cache_s: reading dense weights, all experts, caches at full HBM bandwidth [s].
        expert_share, expert_count, expert_calls: of the experts those one token uses, how many there are in a layer, and
            layers with experts. expert_format: how their weights are stored and computed.
        gemm_s, attend_s: arithmetic at dense peaks [s]. link_s: what collectives carry at full link rate [s].
        collectives: all-reduces or exchanges of a step [1].
        prompt_*: the same for one prompt, all of an engine's GPUs sharing it; experts' products apart from the others'.
        grouped, latent, indexed, compressed, recurrent: layers (or parts of one) with that kind of attention.
        kernels: dependent kernels of a step outside attention and the experts' call. quantised: products of a step whose
            inputs must be quantised first.
        fresh: tokens of a prompt that are computed, the others are found in the cache [token].
        slots: requests whose caches fit an engine's memory. cache_bytes: of one request's prompt [byte].
        room: what weights leave of a GPU's usable memory, as a share of it; under 0 they do not fit [1].
        date: years since 2025-10-01, NaN where undated.
    """

    reason: npt.NDArray[np.str_]
    model: npt.NDArray[np.str_]
    chip: npt.NDArray[np.str_]
    engine: npt.NDArray[np.str_]
    vendor: npt.NDArray[np.str_]
    precision: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    attention: npt.NDArray[np.str_]
    expert_format: npt.NDArray[np.str_]
    speculates: Array
    disaggregated: Array
    dp: Array
    prefill_dp: Array
    dp_unstated: Array
    guessed: Array
    clients: Array
    sequences: Array
    local: Array
    tokens: Array
    verified: Array
    accepted: Array
    gpus: Array
    prefill_gpus: Array
    engines: Array
    prefill_engines: Array
    total_gpus: Array
    ep: Array
    layers: Array
    kernels: Array
    quantised: Array
    grouped: Array
    latent: Array
    indexed: Array
    compressed: Array
    recurrent: Array
    expert_share: Array
    expert_count: Array
    expert_calls: Array
    tokens_in: Array
    tokens_out: Array
    weight_s: Array
    expert_s: Array
    cache_s: Array
    gemm_s: Array
    attend_s: Array
    link_s: Array
    collectives: Array
    prompt_gemm_s: Array
    prompt_expert_s: Array
    prompt_attend_s: Array
    prompt_bytes_s: Array
    prompt_link_s: Array
    fresh: Array
    slots: Array
    room: Array
    cache_bytes: Array
    date: Array

    @cached_property
    def amd(self) -> npt.NDArray[np.bool_]:
        """Which rows ran on AMD."""
        return np.asarray(self.vendor == "AMD")

    @cached_property
    def engine_place(self) -> npt.NDArray[np.intp]:
        """Index of each row's engine in ENGINES, their number where it is none of them."""
        return _places(self.engine, ENGINES)

    @cached_property
    def format_place(self) -> npt.NDArray[np.intp]:
        """Index of each row's experts' format in FORMATS, their number where it has no experts."""
        return _places(self.expert_format, FORMATS)

    @property
    def crowded(self) -> Array:
        """Clients of an engine over the places its memory has for their caches, less one; 0 where all have a place."""
        return np.asarray(np.maximum(self.sequences / self.slots - 1.0, 0.0))

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Which rows have features."""
        return np.asarray(self.reason == "")

    def __len__(self) -> int:
        return len(self.reason)

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Features:
        """Only these rows."""
        return Features(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})


def _places(labels: npt.NDArray[np.str_], known: Sequence[str]) -> npt.NDArray[np.intp]:
    return np.asarray(np.select([labels == each for each in known], range(len(known)), default=len(known)))


_LABELS = ("model", "chip", "engine", "vendor", "precision", "kind", "attention", "expert_format")


def features(
    rows: Sequence[Measurement],
    catalog: Catalog,
    guessed: Array | None = None,
    *,
    names: Names | None = None,
    prefix_hit: float = 0.0,
) -> Features:
    """The physical quantities of every row; rows that cannot be computed say why.

    Args:
        guessed: 1 for rows whose layout was taken from a neighbour's recipe; 0 for all unless given.
        names: of models and systems in the rows; those of published rows unless given.
        prefix_hit: share of each prompt that is found in the cache [1]; benchmark rows have none.
    """
    named, drafted = names or names_of(catalog), recipe_drafts(catalog)
    reasons = [unusable(row) or _undrafted(row, drafted) for row in rows]
    groups: dict[tuple[str, str, str | None], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if not reasons[index]:
            groups[row.model, row.hardware, row.precision].append(index)
    columns = {each.name: np.full(len(rows), np.nan) for each in fields(Features) if each.name != "reason"}
    words = {name: np.full(len(rows), "", dtype=object) for name in _LABELS}
    for (model, hardware, precision), members in groups.items():
        try:
            setting = _setting(catalog, named, drafted.get(model), model, hardware, precision)
        except InputError as error:
            for index in members:
                reasons[index] = error.message
            continue
        found = _quantities(setting, [rows[index] for index in members], prefix_hit)
        for name, values in found.items():
            columns[name][members] = values
        for name, labels in _labels(setting, [rows[index] for index in members]).items():
            words[name][members] = labels
    arrays = {name: values for name, values in columns.items() if name not in _LABELS}
    arrays["guessed"] = np.zeros(len(rows)) if guessed is None else np.asarray(guessed, dtype=float)
    labels_of = {name: values.astype(str) for name, values in words.items()}
    return Features(reason=np.array(reasons, dtype=str), **labels_of, **arrays)


@dataclass(frozen=True)
class _Setting:
    """A model in the precision of a row, on a chip; what a draft accepts."""

    model: Model
    checkpoint: Checkpoint
    chip: Chip
    hardware: str
    key: str
    precision: str
    verified: float
    accepted: float


def _undrafted(row: Measurement, drafted: Mapping[str, SpeculationRow]) -> str:
    """Why a row that drafts cannot be computed; "" where it can."""
    if row.speculation != "mtp" or row.model in drafted:
        return ""
    return f"speculation of '{row.model}' is not in the table speculation"


def _setting(
    catalog: Catalog, names: Names, draft: SpeculationRow | None, key: str, hardware: str, precision: str | None
) -> _Setting:
    name, system = names.model(key), names.system(hardware)
    model = catalog.model(name)
    checkpoint = _checkpoint(catalog, model, precision)
    verified, accepted = (draft.verified, draft.accepted) if draft else (np.nan, np.nan)  # of rows that do not draft
    chip = catalog.system(system).chip
    if chip.hbm_bandwidth is None or chip.hbm_capacity is None or not chip.peak:
        raise InputError(f"hardware '{hardware}' has no published memory or arithmetic")
    return _Setting(model, checkpoint, chip, hardware, key, precision or "bf16", verified, accepted)


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


def _labels(setting: _Setting, rows: Sequence[Measurement]) -> dict[str, list[str]]:
    kinds = sorted({group.attention.name for group in setting.model.attention})
    sparse = "moe" if setting.model.routed_share else "dense"
    count = len(rows)
    return {
        "model": [architecture_of(setting.key)] * count,
        "chip": [setting.hardware] * count,
        "engine": [engine_of(row.framework) for row in rows],
        "vendor": [row.vendor for row in rows],
        "precision": [setting.precision] * count,
        "kind": ["mean" if row.statistic == "mean" else "median" for row in rows],
        "attention": ["+".join([*kinds, sparse])] * count,
        "expert_format": [_expert_format(setting)] * count,
    }


def _column(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=float)


def _layout(rows: Sequence[Measurement]) -> dict[str, Array]:
    """GPUs of an engine and engines of either stage; a pool without worker count is taken to be one worker."""
    found: dict[str, Array] = {}
    for role, total in zip(("prefill", "decode"), zip(*(pool_gpus(row) for row in rows), strict=True), strict=True):
        pools = [getattr(row, role) for row in rows]
        every = np.maximum(_column(total), 1.0)
        each = np.minimum(_column([pool.gpus or gpus for pool, gpus in zip(pools, total, strict=True)]), every)
        found[f"{role}_gpus"] = each
        found[f"{role}_engines"] = np.maximum(1.0, np.round(every / each))
        found[f"{role}_total"] = every
        found[f"{role}_dp"] = np.array([float(bool(pool.dp_attention)) for pool in pools]) * (each > 1)
        found[f"{role}_unstated"] = np.array([float(pool.dp_attention is None) for pool in pools])
        found[f"{role}_ep"] = np.clip(_column([pool.ep or 1 for pool in pools]), 1.0, each)
    return found


def _quantities(setting: _Setting, rows: Sequence[Measurement], prefix_hit: float) -> dict[str, Array]:
    layout = _layout(rows)
    tokens_in = MEAN_LENGTH * _column([row.input_tokens for row in rows])
    tokens_out = MEAN_LENGTH * _column([row.output_tokens for row in rows])
    speculates = np.array([float(row.speculation == "mtp") for row in rows])
    verified = np.where(speculates > 0, setting.verified, 1.0)
    gpus, dp = layout["decode_gpus"], layout["decode_dp"]
    clients = _column([row.concurrency for row in rows])
    sequences = np.maximum(clients / layout["decode_engines"], 1.0)
    local = np.where(dp > 0, np.maximum(sequences / gpus, 1.0), sequences)
    apart = np.array([float(row.disaggregated) for row in rows])
    total = _column([row.gpus for row in rows])
    both = np.where(apart > 0, layout["prefill_total"] + layout["decode_total"], layout["decode_total"])
    step = _step(setting, gpus, dp, sequences * verified, local, verified, tokens_in, tokens_out)
    cached = prefix_hit * tokens_in
    prompt = _prompt(setting, layout["prefill_gpus"], layout["prefill_dp"], tokens_in, cached)
    slots, room = _places_in_memory(setting, gpus, dp, tokens_in + 0.5 * tokens_out)
    return {
        "speculates": speculates,
        "disaggregated": apart,
        "dp": dp,
        "prefill_dp": layout["prefill_dp"],
        "dp_unstated": layout["decode_unstated"] * (gpus > 1),
        "clients": clients,
        "sequences": sequences,
        "local": local,
        "tokens": sequences * verified,
        "verified": verified,
        "accepted": np.where(speculates > 0, setting.accepted, 1.0),
        "gpus": gpus,
        "prefill_gpus": layout["prefill_gpus"],
        "engines": layout["decode_engines"],
        "prefill_engines": layout["prefill_engines"],
        "total_gpus": np.where(np.isnan(total), both, total),
        "ep": layout["decode_ep"],
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "date": _column([_years(row.date) for row in rows]),
        "fresh": tokens_in - cached,
        "slots": slots,
        "room": room,
        **step,
        **prompt,
    }


def _years(date: str | None) -> float | None:
    if date is None:
        return None
    return float((np.datetime64(date[:10], "D") - np.datetime64("2025-10-01", "D")).astype(float)) / 365.25


def _layers(model: Model) -> float:
    """Layers: each has one kind that is no index and no compressed part beside a window."""
    parts = [group for group in model.attention if not isinstance(group.attention, Indexer)]
    return float(sum(group.count for group in parts if getattr(group.attention, "ratio", 1.0) == 1.0))


def _counts(setting: _Setting) -> dict[str, float]:
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


def _expert_format(setting: _Setting) -> str:
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


def _step(
    setting: _Setting,
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


def _reached(model: Model, gpus: Array) -> Array:
    """Ranks that a token's experts lie on, expected, of experts spread evenly: R (1 - (1 - 1/R)^k)."""
    used = model.experts.per_token if model.experts else 1.0
    return gpus * (1.0 - (1.0 - 1.0 / gpus) ** used)


def _prompt(setting: _Setting, gpus: Array, dp: Array, tokens_in: Array, cached: Array) -> dict[str, Array]:
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


def _places_in_memory(setting: _Setting, gpus: Array, dp: Array, context: Array) -> tuple[Array, Array]:
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
