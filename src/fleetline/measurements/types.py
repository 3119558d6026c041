"""One benchmark run as a value, in SI units; what its source does not give is None."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """The GPUs that run one stage: `workers` engines of `gpus` each.

    Attributes:
        workers: engines; None where the source does not say.
        gpus: GPUs of one engine: the larger of its tensor- and expert-parallel degree, never their product, times its
            pipeline stages. None where the source does not say, or says 1 of an engine it counts more GPUs for.
        tp, ep: tensor- and expert-parallel degree as recorded, None where it is not.
        dp_attention: whether attention runs data-parallel inside an engine; None where the source does not say.
        total: GPUs of the whole pool, as recorded or else workers x gpus; some sources give this and no engines.
    """

    workers: int | None
    gpus: int | None
    tp: int | None = None
    ep: int | None = None
    dp_attention: bool | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One configuration x workload x concurrency.

    Attributes:
        row_id: as its file names it, or '#' and its place. line: where it stands in the file (CSV line, or position in
            a JSON array or a Parquet file from 1).
        model: InferenceX key ("kimik2.5"). hardware: InferenceX key ("gb200"). vendor: NVIDIA, AMD, or "" for others.
        framework: as recorded, documented aliases resolved; "" where unstated.
        precision: fp4, fp8, bf16, int4; None where unstated. speculation: mtp, none, or None where unstated.
        disaggregated: separate prefill and decode pools; otherwise both pools are the same GPUs.
        gpus: GPUs of the whole deployment.
        input_tokens, output_tokens: nominal lengths [token]; None for agentic traces.
        concurrency: clients of the closed loop over the whole deployment.
        tpot_s, ttft_s: measured, and `statistic` says what they are: median (tpot_s and ttft_s), mean (both).
        throughput_gpu: input + output tokens per second over all GPUs [token/s].
        output_throughput: output tokens per second of the whole deployment [token/s], where the source gives it.
        config: what names the configuration (rows of one configuration differ in workload and concurrency alone).
        date: of the run, ISO; None for medians over runs.
        workload: single_turn or agentic.
        kind: median_over_runs, single_run, single_run_rounded (the tidy medians' own words), else run.
        source: where the row says it comes from; the file's name where it says nothing.
        slow_tpot_s, slow_ttft_s: 90th percentiles over requests, of agentic traces alone.
        reusable: share of the input tokens that an ideal cache would hold [1]; no measured hit rate.
    """

    row_id: str
    line: int
    model: str
    hardware: str
    vendor: str
    framework: str
    precision: str | None
    speculation: str | None
    disaggregated: bool
    prefill: Pool
    decode: Pool
    gpus: int | None
    input_tokens: int | None
    output_tokens: int | None
    concurrency: int
    tpot_s: float | None
    ttft_s: float | None
    statistic: str
    throughput_gpu: float | None
    output_throughput: float | None
    config: str
    date: str | None
    workload: str
    kind: str
    source: str
    slow_tpot_s: float | None = None
    slow_ttft_s: float | None = None
    reusable: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is no measurement, with what a person would have to change."""

    row_id: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file of benchmark rows: each of its `total` rows is either in `rows` or in `rejected`, in the file's order."""

    form: str
    rows: list[Measurement]
    rejected: list[Rejected]
    total: int
