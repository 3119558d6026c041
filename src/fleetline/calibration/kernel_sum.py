"""Benchmark rows as deployments of the physics: TPOT and TTFT as sums of measured kernels, nothing fitted to serving.

Every row becomes a deployment of its chip, framework, checkpoint (KV format by recipe), degrees and speculation:

* TPOT = one decode step of the requests of one data-parallel rank, at a mean context of 0.9 input + 0.45 output tokens; on
  GPUs that prefill too, plus the other requests' prompts, which each wait for: (n - 1) * prefill / output tokens;
* TTFT = one prompt's prefill, half a step until it may start, and the prompts that are queued before it. Of a mean, the
  tenth of the requests that start together wait for half of the others.

Source: physics notes, sections 0, 4 and 6 (the sum over kernels, its plain term of interference, the client).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fleetline.architecture.drafts import LENT, own_draft
from fleetline.architecture.model import Model
from fleetline.calibration.form import MEAN_LENGTH, pool_gpus, unusable
from fleetline.calibration.names import drafts_of, names_of
from fleetline.calibration.predict import Prediction
from fleetline.calibration.recipes import engine_of
from fleetline.catalog import Catalog, Checkpoint
from fleetline.catalog.rows import RecipeRow
from fleetline.catalog.types import Timings
from fleetline.errors import InputError
from fleetline.measurements import Measurement
from fleetline.physics.network import fabric_of
from fleetline.physics.placement import Sharded
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.roofline import IDLE, Efficiency, StageTime
from fleetline.physics.schedules import cycle, serial
from fleetline.physics.serving import Deployment, decode_time, prefill_time
from fleetline.physics.sharding import Degrees
from fleetline.physics.stages import Draft

Array = npt.NDArray[np.float64]
# the catalog's names of the engines that features tells apart
_FRAMEWORKS = {"trt": "trt-llm", "vllm": "vllm", "sglang": "sglang", "atom": "atom"}
# a label without a published checkpoint: the format of the weights that are quantised at all
_FORMATS = {"fp4": "nvfp4", "fp8": "fp8", "int4": "int4", "bf16": "bf16"}
# Of 10 N requests N start together. Source: SemiAnalysisAI/InferenceX benchmark_serving @843c625, physics notes section 6.
_TOGETHER = 0.1


@dataclass(frozen=True)
class _Key:
    """What rows must have in common to be evaluated at once."""

    model: str
    hardware: str
    framework: str
    precision: str
    speculation: str


def predict(
    rows: Sequence[Measurement], catalog: Catalog, laws: Callable[[Timings], Timings] = lambda found: found
) -> Prediction:
    """TPOT, TTFT and throughput of every row, without intervals; `laws` changes the measured ones (for controls)."""
    count = len(rows)
    reasons = [unusable(row) for row in rows]
    tpot, ttft, gpus = (np.full(count, np.nan) for _ in range(3))
    for key, members in _grouped(rows, reasons).items():
        chosen = [rows[index] for index in members]
        try:
            tpot[members], ttft[members], gpus[members] = _evaluate(key, chosen, catalog, laws)
        except InputError as error:
            for index in members:
                reasons[index] = error.message
    unknown = np.full(count, np.nan)
    size = np.array([MEAN_LENGTH * ((row.input_tokens or 0) + (row.output_tokens or 0)) for row in rows])
    output = np.array([MEAN_LENGTH * (row.output_tokens or 0) for row in rows])
    clients = np.array([float(row.concurrency) for row in rows])
    rate = clients * size / (ttft + output * tpot) / gpus
    return Prediction(rows, tpot, unknown, unknown, ttft, unknown, unknown, rate, reasons)


def _grouped(rows: Sequence[Measurement], reasons: Sequence[str]) -> Mapping[_Key, list[int]]:
    groups: dict[_Key, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if not reasons[index]:
            framework = engine_of(row.framework)
            key = _Key(row.model, row.hardware, framework, row.precision or "bf16", row.speculation or "none")
            groups[key].append(index)
    return groups


def _evaluate(
    key: _Key, rows: Sequence[Measurement], catalog: Catalog, laws: Callable[[Timings], Timings]
) -> tuple[Array, Array, Array]:
    """TPOT [s], TTFT [s] and GPUs of rows that differ in sizes alone."""
    layout, deployment = _layout(rows), _deployment(key, rows, catalog, laws)
    decode, prefill = _placed(deployment, layout["decode"]), _placed(deployment, layout["prefill"])
    apart = np.array([row.disaggregated for row in rows])
    clients = np.array([float(row.concurrency) for row in rows])
    local = np.maximum(clients / layout["decode"].engines / decode.placement.degrees.dp, 1.0)  # type: ignore[attr-defined]
    tokens_out = np.asarray(deployment.output_tokens)
    step = _seconds(decode_time(decode, np.ceil(local))) / tokens_out
    first = prefill_time(prefill, 1.0)
    alone = _seconds(first)
    kernels = alone - _host(prefill, first)
    tpot = step + np.where(apart, 0.0, (local - 1.0) * kernels / tokens_out)
    waiting = np.maximum(clients / layout["prefill"].engines / prefill.placement.degrees.dp, 1.0)  # type: ignore[attr-defined]
    busy = np.minimum(waiting * kernels / (alone + tokens_out * tpot), 1.0)
    queue = np.minimum(busy / np.maximum(2.0 * (1.0 - busy), 1e-9), (waiting - 1.0) / 2.0) * kernels
    steady = alone + step / 2.0 + queue
    means = np.array([row.statistic == "mean" for row in rows])
    burst = alone + (waiting - 1.0) / 2.0 * kernels
    ttft = np.where(means, (1.0 - _TOGETHER) * steady + _TOGETHER * burst, steady)
    return tpot, ttft, layout["gpus"].engines


def _seconds(stage: StageTime) -> Array:
    return np.asarray(cycle(serial.legs, stage, IDLE).total_s)


def _host(deployment: Deployment, prefill: StageTime) -> Array:
    """What the host adds to a prefill that starts its kernels one by one: other requests' steps hide it [s]."""
    quiet = {name: law for name, law in deployment.kernels.items() if name[0] != "eager layer"}
    return np.asarray(_seconds(prefill) - _seconds(prefill_time(replace(deployment, kernels=quiet), 1.0)))


@dataclass(frozen=True)
class _Pool:
    """Engines of one stage and the degrees of one; arrays of one value a row."""

    engines: Array
    degrees: Degrees


def _layout(rows: Sequence[Measurement]) -> dict[str, _Pool]:
    """Both pools; an engine's GPUs are one data-parallel rank each where attention is data-parallel, else one group."""
    found = {}
    every = np.array([pool_gpus(row) for row in rows], dtype=float)
    for side, role in enumerate(("prefill", "decode")):
        pools = [getattr(row, role) for row in rows]
        total = np.maximum(every[:, side], 1.0)
        each = np.minimum([float(pool.gpus or gpus) for pool, gpus in zip(pools, total, strict=True)], total)
        spread = np.array([bool(pool.dp_attention) for pool in pools])
        ep = np.clip([float(pool.ep or 1) for pool in pools], 1.0, each)
        degrees = Degrees(tp=np.where(spread, 1.0, each), ep=ep, dp=np.where(spread, each, 1.0))
        found[role] = _Pool(np.maximum(np.round(total / each), 1.0), degrees)
    apart = np.array([row.disaggregated for row in rows])
    counted = np.where(apart, every.sum(axis=1), every[:, 1])
    recorded = np.array([np.nan if row.gpus is None else float(row.gpus) for row in rows])
    return {**found, "gpus": _Pool(np.where(np.isnan(recorded), counted, recorded), Degrees())}


def _placed(deployment: Deployment, pool: _Pool) -> Deployment:
    """The deployment on one engine of a pool."""
    place = deployment.placement
    gpus = np.asarray(pool.degrees.gpus)
    return replace(
        deployment,
        system=replace(deployment.system, gpus=gpus),
        placement=replace(place, degrees=pool.degrees, gpus=gpus),  # type: ignore[type-var]
    )


def _deployment(key: _Key, rows: Sequence[Measurement], catalog: Catalog, laws: Callable[[Timings], Timings]) -> Deployment:
    """Everything about the rows but their pools."""
    names = names_of(catalog)
    model, system = catalog.model(names.model(key.model)), catalog.system(names.system(key.hardware))
    timings = laws(catalog.timings_of(system.chip.name, _FRAMEWORKS.get(key.framework, "")))
    checkpoint = _checkpoint(key, model, catalog).on(system.chip)
    return Deployment(
        model=model,
        checkpoint=checkpoint,
        system=system,
        input_tokens=np.array([MEAN_LENGTH * (row.input_tokens or 0) for row in rows]),
        output_tokens=np.array([MEAN_LENGTH * (row.output_tokens or 0) for row in rows]),
        schedule=serial.legs,
        efficiency=Efficiency(1.0, 1.0, 0.0),
        hbm_reserve=0.0,
        chunk_tokens=catalog.defaults["prefill_chunk_tokens"],
        activation_value_bytes=catalog.defaults["activation_bytes"],
        rewrites=_rewrites(key, model, checkpoint, catalog),
        placement=Sharded(Degrees(), 1.0, fabric_of(system, timings)),
        kernels=timings.kernels,
    )


def _rewrites(key: _Key, model: Model, checkpoint: Checkpoint, catalog: Catalog) -> tuple[Rewrite, ...]:
    """The model's own draft layer at its cost, as many drafts as the benchmark's recipe is taken to have."""
    if key.speculation != "mtp":
        return ()
    drafts = drafts_of(catalog, key.model)
    return (Speculative(drafts.verified, drafts.accepted, _draft(model, checkpoint)),)


def _draft(model: Model, checkpoint: Checkpoint) -> Draft:
    """What is not in the checkpoint's own parts (the projection before the layer) is stored as attention is."""
    layer, formats = own_draft(model), checkpoint.formats
    stored = {part.name: formats.get(part.name, formats["attention"]) for part in layer.parts}
    return Draft(layer, Checkpoint(checkpoint.name, layer.name, checkpoint.label, stored, checkpoint.kv_cache), LENT)


def _checkpoint(key: _Key, model: Model, catalog: Catalog) -> Checkpoint:
    """What the rows' recipe runs: the checkpoint of their label, or another, with the cache it sets."""
    words = {name: getattr(key, name) for name in ("hardware", "framework", "precision", "speculation")}
    recipes = [
        row
        for row in catalog.rows("recipes", RecipeRow)
        if row.key == key.model and all(getattr(row, name) in {None, word} for name, word in words.items())
    ]
    named = next((row.checkpoint for row in recipes if row.checkpoint is not None), None)
    published = {each.label: each for each in reversed(catalog.checkpoints_of(model.name))}
    found = catalog.checkpoints[named] if named is not None else published.get(key.precision)
    found = _expanded(key, model, catalog) if found is None else found
    cache = next((row.kv_cache for row in recipes if row.kv_cache is not None), None)
    return found if cache is None else replace(found, kv_cache=catalog.format(cache))


def _expanded(key: _Key, model: Model, catalog: Catalog) -> Checkpoint:
    """A label nobody published as a checkpoint: experts (or all products of a dense model) in it, the rest in bf16.

    In fp8 attention is quantised too, as in every published fp8 checkpoint of the catalog.
    """
    if key.precision not in _FORMATS:
        raise InputError(f"precision '{key.precision}' is not one of {', '.join(_FORMATS)}")
    word = _FORMATS[key.precision]
    wide = {"router", "embedding", "head"} | ({"attention"} if word in {"nvfp4", "int4"} and model.experts else set())
    formats = {part.name: catalog.format("bf16" if part.name in wide else word) for part in model.parts}
    cache = catalog.format("bf16" if word == "bf16" else "fp8")
    return Checkpoint(f"all {word}", model.name, key.precision, formats, cache)
