"""The collection's tidy tables: medians over runs with single runs (benchmarks), and single runs with TTFT."""

from __future__ import annotations

from dataclasses import replace

from fleetline.measurements.fields import Record, refuse
from fleetline.measurements.forms import (
    Form,
    Observed,
    is_disaggregated,
    labels,
    measurement,
    output_rate,
    workload,
)
from fleetline.measurements.layout import Layout, layout, product, separate, shared, undivided
from fleetline.measurements.types import Measurement, Pool

KINDS = ("median_over_runs", "single_run", "single_run_rounded")
LENGTHS = ("isl_tokens", "osl_tokens")
NEEDS = tuple((column,) for column in ("model", "hardware", "conc", *LENGTHS))


def benchmark(record: Record) -> Measurement:
    """A row of benchmarks.csv: medians, whatever else it has (its means and its blog TPOT are left alone)."""
    kind = record.text("statistic") or "single_run"
    if kind not in KINDS:
        raise refuse("statistic", kind, ", ".join(KINDS))
    shape = layout(
        record,
        Record({}, record.line, record.file),
        disaggregated=is_disaggregated(record),
        gpus=record.some("gpus_total_derived"),
        recorded=("num_prefill_gpu_recorded", "num_decode_gpu_recorded"),
    )
    seen = Observed(
        tpot_s=record.measured("median_tpot_s"),
        ttft_s=record.measured("median_ttft_s"),
        throughput_gpu=record.measured("tput_per_gpu_tok_s"),
        output_throughput=output_rate(record.measured("output_tput_per_gpu_tok_s"), shape),
    )
    return measurement(
        record,
        labels(record),
        shape,
        seen,
        row_id="row_id",
        lengths=LENGTHS if workload(record) == "single_turn" else None,
        config=record.text("inferencex_config_id"),
        date=record.day("date"),
        kind=kind,
        source=record.text("source"),
    )


# Until then InferenceX stored no workers and no separate degrees of deployments over several nodes.
# Source: SCHEMA.md of the collection, section 4 ("Before 2025-12-19 multi-node rows too had only tp/ep").
_SEPARATE_DEGREES_FROM = "2025-12-19"
_RACKS = ("gb200", "gb300")


def run(record: Record) -> Measurement:
    """A row of runs_with_ttft.csv: means. It does not say whether decoding was speculative."""
    total = _undivided_gpus(record)
    disaggregated = is_disaggregated(record) or total is not None
    label = labels(record)
    if disaggregated and label.framework == "trt":  # InferenceX serves separate pools of TensorRT-LLM with Dynamo
        label = replace(label, framework="dynamo-trt")
    return measurement(
        record,
        label,
        _run_layout(record, disaggregated) if total is None else undivided(total),
        Observed(record.measured("mean_tpot_s"), record.measured("mean_ttft_s"), "mean"),
        row_id="row_id",
        lengths=LENGTHS,
        config=record.text("inferencex_config_id"),
        date=record.day("measured"),
        source=record.text("source"),
    )


def _undivided_gpus(record: Record) -> int | None:
    """GPUs of a rack's deployment where the row is so old that its tensor-parallel degree is all of them."""
    day = record.day("measured")
    old = day is not None and day < _SEPARATE_DEGREES_FROM
    if not (old and record.flag("inferencex") and record.text("hardware") in _RACKS):
        return None
    degrees = [record.some(name) for name in ("tp", "prefill_tp", "decode_tp")]
    known = {degree for degree in degrees if degree is not None} - {1}
    return known.pop() if len(known) == 1 else None


def _run_layout(record: Record, disaggregated: bool) -> Layout:
    if not disaggregated:
        return shared(_shared_engine(record), None)
    prefill, decode = (_run_pool(record, f"{role}_", record.some(f"{role}_workers")) for role in ("prefill", "decode"))
    return separate(prefill, decode, None)


def _shared_engine(record: Record) -> Pool:
    """The engine of a row whose stages share it.

    InferenceX stores tp x ep GPUs of an engine that has tp of them: a square, where both are the engine's GPUs. Of its rows
    with shared stages none that says attention_dp = 1 runs data-parallel attention (230 rows with a configuration number,
    held against the database's own fields); one that repeats tp there says nothing.
    """
    pool = _run_pool(record, "", 1)
    if not record.flag("inferencex"):
        return pool
    tp, attention_dp, moe_tp, moe_ep = (record.some(name) for name in ("tp", "attention_dp", "moe_tp", "moe_ep"))
    squared = moe_tp is not None and moe_tp == moe_ep and moe_tp > 1
    repeated = tp is not None and tp == attention_dp and moe_ep == tp * tp > 1
    if not squared and not repeated:
        return pool if attention_dp != 1 else replace(pool, dp_attention=False)
    gpus = moe_tp if squared else tp
    many = None if repeated else (attention_dp or 1) > 1
    return replace(pool, gpus=gpus, tp=gpus, ep=gpus, dp_attention=many, total=gpus)


def _run_pool(record: Record, role: str, workers: int | None) -> Pool:
    """GPUs of an engine: the larger of tp x attention_dp and moe_tp x moe_ep, times its pipeline stages.

    An attention_dp of 1 is also recorded for engines of separate pools that do run data-parallel attention.
    """
    tp, attention_dp, moe_ep = (record.some(f"{role}{name}") for name in ("tp", "attention_dp", "moe_ep"))
    moe = product(record.some(f"{role}moe_tp"), moe_ep)
    engine = max(product(tp, attention_dp or 1) or 0, moe or 0) * (record.some(f"{role}pp") or 1)
    gpus = engine or None
    many = True if attention_dp is not None and attention_dp > 1 else None
    return Pool(workers, gpus, tp, moe_ep, many, product(workers, gpus))


BENCHMARKS = Form(
    name="tidy medians (benchmarks.csv)",
    needs=NEEDS,
    own=frozenset({"statistic", "gpus_total_derived", "gpus_total_basis", "prefill_num_workers", "decode_num_workers"}),
    row_id="row_id",
    parse=benchmark,
    likely=frozenset({"median_tpot_s", "median_ttft_s"}),
)
RUNS = Form(
    name="tidy runs (runs_with_ttft.csv)",
    needs=NEEDS,
    own=frozenset({"attention_dp", "moe_tp", "moe_ep", "prefill_workers", "decode_workers"}),
    row_id="row_id",
    parse=run,
)
