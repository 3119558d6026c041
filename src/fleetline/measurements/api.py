"""BenchmarkRow, as the public API answers it; the database's rows are the same once joined with their configuration."""

from __future__ import annotations

from dataclasses import replace

from fleetline.measurements.fields import Record
from fleetline.measurements.forms import (
    Form,
    Observed,
    is_disaggregated,
    labels,
    measurement,
    output_rate,
    times,
    workload,
)
from fleetline.measurements.layout import Layout, layout
from fleetline.measurements.types import Measurement


def benchmark_row(record: Record, *, config: str | None = None) -> Measurement:
    """A BenchmarkRow of any age: without id, benchmark_type, image or offload_mode in older captures."""
    metrics = record.inner("metrics")
    shape = layout(record, metrics, disaggregated=is_disaggregated(record))
    agentic = workload(record) == "agentic"
    return measurement(
        record,
        labels(record),
        shape,
        observed(metrics, shape, agentic=agentic),
        row_id="id",
        lengths=None if agentic else ("isl", "osl"),
        config=config,
        date=record.day("date"),
        source=record.text("run_url"),
    )


def observed(metrics: Record, shape: Layout, *, agentic: bool) -> Observed:
    """What the metrics say. TPOT of agentic traces is 1 / interactivity, as in agentx.csv."""
    seen = times(metrics, "_tpot", "_ttft")
    speed = metrics.measured("median_intvty") if agentic else None
    if speed is not None:
        seen = replace(seen, tpot_s=1.0 / speed, ttft_s=metrics.measured("median_ttft"), statistic="median")
    output = metrics.measured("output_tput_per_gpu")
    return replace(
        seen,
        throughput_gpu=metrics.measured("tput_per_gpu"),
        # of agentic traces the sources disagree on which GPUs the rate is counted over when there are two pools
        output_throughput=None if agentic and shape.disaggregated else output_rate(output, shape),
    )


API = Form(
    name="public API (array of BenchmarkRow)",
    needs=(("model",), ("hardware",), ("conc",), ("isl", "benchmark_type")),
    own=frozenset({"hardware"}),
    row_id="id",
    parse=benchmark_row,
)
