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
from fleetline.measurements.layout import Layout, layout, product, separate, shared
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


def run(record: Record) -> Measurement:
    """A row of runs_with_ttft.csv: means. It does not say whether decoding was speculative."""
    disaggregated = is_disaggregated(record)
    label = labels(record)
    if disaggregated and label.framework == "trt":  # InferenceX serves separate pools of TensorRT-LLM with Dynamo
        label = replace(label, framework="dynamo-trt")
    return measurement(
        record,
        label,
        _run_layout(record, disaggregated),
        Observed(record.measured("mean_tpot_s"), record.measured("mean_ttft_s"), "mean"),
        row_id="row_id",
        lengths=LENGTHS,
        config=record.text("inferencex_config_id"),
        date=record.day("measured"),
        source=record.text("source"),
    )


def _run_layout(record: Record, disaggregated: bool) -> Layout:
    if not disaggregated:
        return shared(_run_pool(record, "", 1), None)
    prefill, decode = (_run_pool(record, f"{role}_", record.some(f"{role}_workers")) for role in ("prefill", "decode"))
    return separate(prefill, decode, None)


def _run_pool(record: Record, role: str, workers: int | None) -> Pool:
    """GPUs of an engine: the larger of tp x attention_dp and moe_tp x moe_ep, times its pipeline stages.

    An attention_dp of 1 is also recorded for engines that do run data-parallel attention, so 1 says nothing.
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
)
RUNS = Form(
    name="tidy runs (runs_with_ttft.csv)",
    needs=NEEDS,
    own=frozenset({"attention_dp", "moe_tp", "moe_ep", "prefill_workers", "decode_workers"}),
    row_id="row_id",
    parse=run,
)
