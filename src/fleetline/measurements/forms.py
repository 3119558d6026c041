"""What a form of table is, and the fields that all forms share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from fleetline.measurements import names
from fleetline.measurements.fields import Fault, Record, refuse
from fleetline.measurements.layout import Layout
from fleetline.measurements.types import Measurement, Pool

WORKLOADS = {"single_turn": "single_turn", "agentic_traces": "agentic"}


@dataclass(frozen=True)
class Form:
    """One published form of benchmark rows.

    Attributes:
        name: what it is called in messages.
        needs: columns or keys without which no row is of use; of each group one is enough.
        own: columns or keys that no other form has; one of them at least must be there,
        likely: or, where no form's own is, one of these.
        row_id: the column or key that names a row, "" if none does.
        parse: a row to a measurement; raises Fault.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    own: frozenset[str]
    row_id: str
    parse: Callable[[Record], Measurement]
    likely: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observed:
    """What was measured, in SI units, and the statistic of both times; `slow` ones are 90th percentiles."""

    tpot_s: float | None = None
    ttft_s: float | None = None
    statistic: str = "median"
    throughput_gpu: float | None = None
    output_throughput: float | None = None
    slow_tpot_s: float | None = None
    slow_ttft_s: float | None = None
    reusable: float | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What names a configuration besides its GPUs."""

    model: str
    hardware: str
    framework: str
    precision: str | None
    speculation: str | None


def labels(record: Record) -> Labels:
    """The labels of a row with the database's own column names."""
    spoken = record.text("spec_method")
    return Labels(
        model=names.model_key(record.needed_text("model")),
        hardware=record.needed_text("hardware").casefold(),
        framework=names.framework_key(record.text("framework")),
        precision=names.precision_key(record.text("precision")),
        speculation=None if spoken is None else spoken.casefold(),
    )


def is_disaggregated(record: Record) -> bool:
    """Whether the row has separate pools: what it says, or what its framework means where it says nothing."""
    said = record.flag("disagg")
    return names.implies_disaggregation(record.text("framework") or "") if said is None else said


def workload(record: Record) -> str:
    """single_turn or agentic; captures from before there were two do not say."""
    name = record.text("benchmark_type") or "single_turn"
    if name not in WORKLOADS:
        raise refuse("benchmark_type", name, ", ".join(WORKLOADS))
    return WORKLOADS[name]


def times(record: Record, tpot: str, ttft: str, *, median: str = "median", mean: str = "mean") -> Observed:
    """Both latencies by one statistic: the medians where there are any, else the means."""
    for statistic, word in (("median", median), ("mean", mean)):
        if record.has(f"{word}{tpot}") or record.has(f"{word}{ttft}"):
            return Observed(record.measured(f"{word}{tpot}"), record.measured(f"{word}{ttft}"), statistic)
    return Observed()


def output_rate(per_gpu: float | None, shape: Layout) -> float | None:
    """Output tokens per second of the deployment; the rate per GPU counts the decode pool alone where there are two."""
    if per_gpu is None or shape.decode.total is None:
        return None
    return per_gpu * shape.decode.total


def row_name(record: Record, column: str) -> str:
    """What the file calls the row, else its place; live captures give every row the id 0."""
    name = record.text(column) if column else None
    return f"#{record.line}" if name in (None, "0") else str(name)


def configuration(label: Labels, shape: Layout) -> str:
    """Everything that names a configuration, as one text; lengths, concurrency and date are no part of it."""
    kind = "disaggregated" if shape.disaggregated else "aggregated"
    pools = [shape.prefill, shape.decode] if shape.disaggregated else [shape.decode]
    words = (label.model, label.hardware, label.framework, label.precision, label.speculation, kind)
    texts = [_said(word) for word in words] + [_pool_text(pool) for pool in pools] + [f"{_said(shape.gpus)}gpus"]
    return "/".join(texts)


def measurement(
    record: Record,
    label: Labels,
    shape: Layout,
    seen: Observed,
    *,
    row_id: str,
    concurrency: str = "conc",
    lengths: tuple[str, str] | None,
    config: str | None = None,
    date: str | None = None,
    kind: str = "run",
    source: str | None = None,
) -> Measurement:
    """The measurement of a row; `lengths` are the columns of input and output tokens, None for agentic traces."""
    return Measurement(
        row_id=row_name(record, row_id),
        line=record.line,
        model=label.model,
        hardware=label.hardware,
        vendor=names.vendor(label.hardware),
        framework=label.framework,
        precision=label.precision,
        speculation=label.speculation,
        disaggregated=shape.disaggregated,
        prefill=shape.prefill,
        decode=shape.decode,
        gpus=shape.gpus,
        input_tokens=record.needed_count(lengths[0]) if lengths else None,
        output_tokens=record.needed_count(lengths[1]) if lengths else None,
        concurrency=record.needed_count(concurrency),
        tpot_s=seen.tpot_s,
        ttft_s=seen.ttft_s,
        statistic=seen.statistic,
        throughput_gpu=seen.throughput_gpu,
        output_throughput=seen.output_throughput,
        config=config or sys.intern(configuration(label, shape)),
        date=date,
        workload="single_turn" if lengths else "agentic",
        kind=kind,
        source=source or record.file,
        slow_tpot_s=seen.slow_tpot_s,
        slow_ttft_s=seen.slow_ttft_s,
        reusable=seen.reusable,
    )


def not_an_object(value: object) -> Fault:
    """The fault of an element of an array of rows that is no row."""
    return refuse("row", value, "an object")


def _said(word: object) -> str:
    return "?" if word is None else str(word)


def _pool_text(pool: Pool) -> str:
    dp = {True: "dp", False: "", None: "?"}[pool.dp_attention]
    return f"{_said(pool.workers)}x{_said(pool.gpus)}:tp{_said(pool.tp)}ep{_said(pool.ep)}{dp}"
