"""Benchmark rows -> arrays of physical quantities: what one decode step and one prompt cost a GPU of the row's layout.

Sizes are the checkpoint's own dimensions and mixed precisions (not the article's rounding). Lengths are 0.9 of nominal.
How the layout of a row makes a step and a prompt is in `costs.py`.

Source: physics notes, sections 1 to 6, as `costs.py` cites them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fleetline.calibration.costs import Setting, expert_format, of_a_prompt, of_a_step, places_in_memory, setting_of
from fleetline.calibration.form import MEAN_LENGTH, pool_gpus, unusable
from fleetline.calibration.names import Names, depths_of, names_of
from fleetline.calibration.recipes import architecture_of, engine_of
from fleetline.catalog import Catalog
from fleetline.errors import InputError
from fleetline.measurements import Measurement
from fleetline.units import DAY, YEAR

Array = npt.NDArray[np.float64]
ENGINES = ("trt", "vllm", "sglang", "atom")
FORMATS = ("nvfp4", "mxfp4", "fp8", "w4a16", "bf16")


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
    named, (depths, usual) = names or names_of(catalog), depths_of(catalog)
    reasons = [unusable(row) for row in rows]
    groups: dict[tuple[str, str, str | None], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if not reasons[index]:
            groups[row.model, row.hardware, row.precision].append(index)
    columns = {each.name: np.full(len(rows), np.nan) for each in fields(Features) if each.name != "reason"}
    words = {name: np.full(len(rows), "", dtype=object) for name in _LABELS}
    for (model, hardware, precision), members in groups.items():
        try:
            setting = setting_of(catalog, named, depths.get(model, usual), model, hardware, precision)
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


def _labels(setting: Setting, rows: Sequence[Measurement]) -> dict[str, list[str]]:
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
        "expert_format": [expert_format(setting)] * count,
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


def _quantities(setting: Setting, rows: Sequence[Measurement], prefix_hit: float) -> dict[str, Array]:
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
    step = of_a_step(setting, gpus, dp, sequences * verified, local, verified, tokens_in, tokens_out)
    cached = prefix_hit * tokens_in
    prompt = of_a_prompt(setting, layout["prefill_gpus"], layout["prefill_dp"], tokens_in, cached)
    slots, room = places_in_memory(setting, gpus, dp, tokens_in + 0.5 * tokens_out)
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
    return float((np.datetime64(date[:10], "D") - np.datetime64("2025-10-01", "D")).astype(float)) / (YEAR / DAY)
