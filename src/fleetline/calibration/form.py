"""The article's form of a benchmark row: which quantities of a run are compute, traffic and latency of TPOT and of TTFT.

* TPOT is one decode step of all `concurrency` requests on the whole decode pool, which shares one copy of the weights:
  max(arithmetic, traffic) + one step latency.
* TTFT is the prefill of all those requests at once on the prefill pool, and one latency.
* Input and output are 0.9 of nominal: the client draws lengths uniformly from 80% to 100%.
* Sizes are the article's: published parameters in one format, attention without RoPE parts.
* Pools: workers x the larger of tensor- and expert-parallel degree; without disaggregation both are the whole deployment.
* Speculation: the tokens verified and accepted of the model's draft, see the table `speculation`.

Source: article, section Calibrating and footnotes 10 to 13; docs/calibration.md says what is reconstruction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.architecture.model import Model, as_the_article_counts
from fleetline.calibration.names import drafts_of, names_of
from fleetline.catalog import Catalog, Checkpoint, System
from fleetline.errors import InputError
from fleetline.measurements import Measurement
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.roofline import Efficiency, Leg, stage_time
from fleetline.physics.stages import Plan, plan
from fleetline.physics.work import decode_work, prefill_work

Array = npt.NDArray[np.float64]

# The benchmark's client draws every length uniformly from 80% to 100% of nominal.
# Source: SemiAnalysisAI/InferenceX benchmark_serving @843c625, physics notes section 6.
MEAN_LENGTH = 0.9

# The precision a benchmark names -> the format of all weights. The article takes all 4-bit checkpoints for FP4 (its
# Prefill section: "serving the model in FP4 weights"); a chip without FP4 computes them in bf16.
_FORMAT_OF = {"fp4": "fp4", "int4": "fp4", "fp8": "fp8", "bf16": "bf16"}
# Rows that name no precision were measured in the model's own 16 bits (aiconfigurator silicon_sample.csv).
_UNNAMED = "bf16"


@dataclass(frozen=True)
class Terms:
    """Seconds of every row at efficiencies of 1, so that a prediction is max(compute / ce, bandwidth / be) + latency.

    Arrays of one value a row; NaN where `reason` says why there is none.
    """

    rows: Sequence[Measurement]
    tpot: Leg
    ttft: Leg
    steps_per_token: Array
    gpus: Array
    reason: Sequence[str]

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Which rows have terms."""
        return np.array([not reason for reason in self.reason], dtype=bool)


@dataclass(frozen=True)
class _Key:
    model: str
    hardware: str
    precision: str
    speculates: bool


def terms(rows: Sequence[Measurement], catalog: Catalog) -> Terms:
    """The compute and bandwidth seconds of every row's decode step and prefill."""
    count = len(rows)
    columns = {name: np.full(count, np.nan) for name in ("tpot_c", "tpot_b", "ttft_c", "ttft_b", "steps", "gpus")}
    reasons = [unusable(row) for row in rows]
    for key, members in _grouped(rows, reasons).items():
        try:
            setting = _setting(catalog, key)
        except InputError as error:
            for index in members:
                reasons[index] = error.message
            continue
        found = _evaluate(setting, [rows[index] for index in members])
        for name, values in found.items():
            columns[name][members] = values
    return Terms(
        rows=rows,
        tpot=Leg(columns["tpot_c"], columns["tpot_b"]),
        ttft=Leg(columns["ttft_c"], columns["ttft_b"]),
        steps_per_token=columns["steps"],
        gpus=columns["gpus"],
        reason=reasons,
    )


def tpot_s(found: Terms, efficiency: Efficiency) -> Array:
    """Mean time per output token: a step's longer leg and its latency, shared by the tokens it yields [s]."""
    return _time(found.tpot, efficiency, found.steps_per_token)


def ttft_s(found: Terms, efficiency: Efficiency) -> Array:
    """Time to the first token: the longer leg of the whole batch's prefill, and one latency [s]."""
    return _time(found.ttft, efficiency, 1.0)


def throughput_gpu(found: Terms, tpot: Array, ttft: Array) -> Array:
    """Input and output tokens per second over all GPUs in a closed loop: requests in service over their time [token/s].

    Source: Little's law; InferenceX counts input and output tokens over every GPU.
    """
    size = MEAN_LENGTH * np.array([(row.input_tokens or 0) + (row.output_tokens or 0) for row in found.rows], dtype=float)
    output = MEAN_LENGTH * np.array([row.output_tokens or 0 for row in found.rows], dtype=float)
    requests = np.array([row.concurrency for row in found.rows], dtype=float)
    return requests * size / (ttft + output * tpot) / found.gpus


def _time(leg: Leg, efficiency: Efficiency, latencies: Array | float) -> Array:
    work = np.maximum(leg.compute_s / efficiency.compute, leg.bandwidth_s / efficiency.bandwidth)
    return np.asarray(work + latencies * efficiency.step_latency)


def unusable(row: Measurement) -> str:
    """Why a row cannot be predicted, before its model is looked at; "" where it can."""
    if row.input_tokens is None or row.output_tokens is None:
        return f"{row.workload} rows have no fixed input and output lengths"
    if not all(pool_gpus(row)):
        return "the number of GPUs is not recorded"
    return ""


def pool_gpus(row: Measurement) -> tuple[int | None, int | None]:
    """GPUs of prefill and of decode: their pools' if the stages are apart, else all for both.

    A pool whose worker count is not recorded is taken to be one worker; one whose degrees are not recorded is what the
    other leaves of the deployment.
    """
    if not row.disaggregated:
        every = row.gpus or row.decode.gpus
        return every, every
    prefill, decode = (pool.gpus * (pool.workers or 1) if pool.gpus else pool.total for pool in (row.prefill, row.decode))
    if row.gpus and (prefill is None) != (decode is None):
        rest = row.gpus - (prefill or decode or 0)
        prefill, decode = (prefill or max(rest, 0)), (decode or max(rest, 0))
    return prefill, decode


def _grouped(rows: Sequence[Measurement], reasons: Sequence[str]) -> Mapping[_Key, list[int]]:
    groups: dict[_Key, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if not reasons[index]:
            groups[_Key(row.model, row.hardware, row.precision or _UNNAMED, row.speculation == "mtp")].append(index)
    return groups


@dataclass(frozen=True)
class _Setting:
    model: Model
    checkpoint: Checkpoint
    system: System
    rewrite: Speculative | None


def _setting(catalog: Catalog, key: _Key) -> _Setting:
    """What the words of a group of rows mean; raises InputError where the catalog does not know one."""
    names = names_of(catalog)
    name, system = names.model(key.model), names.system(key.hardware)
    if key.precision not in _FORMAT_OF:
        raise InputError(f"precision '{key.precision}' is not one of {', '.join(_FORMAT_OF)}")
    try:
        model = as_the_article_counts(catalog.model(name))
    except ValueError as error:
        raise InputError(str(error)) from error
    stored = catalog.format(_FORMAT_OF[key.precision])
    parts = {part.name: stored for part in model.parts}
    checkpoint = Checkpoint(f"all {stored.name}", model.name, key.precision, parts, catalog.format("fp8"))
    return _Setting(model, checkpoint, catalog.system(system), _speculative(catalog, key))


def _speculative(catalog: Catalog, key: _Key) -> Speculative | None:
    if not key.speculates:
        return None
    drafts = drafts_of(catalog, key.model)
    return Speculative(drafts.verified, drafts.accepted)


def _evaluate(setting: _Setting, rows: Sequence[Measurement]) -> dict[str, Array]:
    def column(values: Iterable[float | None]) -> Array:
        return np.array([np.nan if value is None else value for value in values], dtype=float)

    tokens_in = MEAN_LENGTH * column(row.input_tokens for row in rows)
    tokens_out = MEAN_LENGTH * column(row.output_tokens for row in rows)
    what: Plan = plan(tokens_in, tokens_out, column(row.concurrency for row in rows))
    if setting.rewrite is not None:
        what = setting.rewrite.apply(what)
    prefill_gpus, decode_gpus = (column(gpus) for gpus in zip(*(pool_gpus(row) for row in rows), strict=True))
    ideal = Efficiency(1.0, 1.0, 0.0)
    prefill = stage_time(
        prefill_work(setting.model, setting.checkpoint, what.prefill), _with(setting.system, prefill_gpus), ideal
    )
    decode = stage_time(
        decode_work(setting.model, setting.checkpoint, what.decode), _with(setting.system, decode_gpus), ideal
    )
    apart, recorded = np.array([row.disaggregated for row in rows]), column(row.gpus for row in rows)
    return {
        "tpot_c": np.asarray(decode.compute_s / tokens_out),
        "tpot_b": np.asarray(decode.bandwidth_s / tokens_out),
        "ttft_c": np.broadcast_to(np.asarray(prefill.compute_s), len(rows)),
        "ttft_b": np.broadcast_to(np.asarray(prefill.bandwidth_s), len(rows)),
        "steps": np.broadcast_to(np.asarray(what.decode.passes / tokens_out), len(rows)),
        "gpus": np.where(np.isnan(recorded), np.where(apart, prefill_gpus + decode_gpus, decode_gpus), recorded),
    }


def _with(system: System, gpus: Array) -> System:
    """So many of a system's chips: a benchmark may use part of a domain, or several."""
    return System(system.name, system.chip, gpus)
