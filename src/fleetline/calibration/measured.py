"""The measured frontier: the best runs anyone has published, at a wanted speed, by both meanings of speed.

Source: InferenceX (tables `benchmarks`, `runs_with_ttft`); speed over wall time: article, footnote 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fleetline.calibration.form import MEAN_LENGTH
from fleetline.measurements import Measurement


@dataclass(frozen=True)
class Best:
    """The run with the most output tokens per second and GPU of a model, chip and workload that is fast enough.

    Attributes:
        definition: `wall` (output tokens over wall time, TTFT included: the article's) or `tpot` (1 / TPOT).
        wall_from: `ttft` where TTFT was measured, else `rate`: output rate over clients (Little's law).
    """

    model: str
    hardware: str
    workload: str
    definition: str
    output_tok_s_gpu: float
    speed_wall_tok_s_user: float
    speed_tpot_tok_s_user: float
    wall_from: str
    concurrency: int
    gpus: int
    framework: str
    precision: str
    speculation: str
    config: str
    row_id: str


@dataclass(frozen=True)
class Run:
    """A measured run as throughput and speeds."""

    row: Measurement
    output_tok_s_gpu: float
    wall: float
    by_tpot: float
    wall_from: str


def run_of(row: Measurement) -> Run | None:
    """A row's output rate per GPU and both speeds; None where TPOT, throughput, lengths or GPUs are missing.

    Output-only throughput is the share osl / (isl + osl) of the total, to within 1.3% (InferenceX data, README).
    """
    given = (row.tpot_s, row.throughput_gpu, row.gpus, row.input_tokens, row.output_tokens)
    known = [float(value) for value in given if value is not None]
    if len(known) < len(given):
        return None
    tpot, total, gpus, tokens_in, tokens_out = known
    output = total * tokens_out / (tokens_in + tokens_out)
    if row.ttft_s is not None and row.statistic == "mean":
        length = MEAN_LENGTH * tokens_out
        return Run(row, output, length / (row.ttft_s + length * tpot), 1.0 / tpot, "ttft")
    return Run(row, output, output * gpus / row.concurrency, 1.0 / tpot, "rate")


def frontier(rows: Sequence[Measurement], speed: float) -> list[Best]:
    """The best run of every model, chip and workload at `speed` [token/s/user] or faster, by each definition."""
    groups: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in (run_of(row) for row in rows):
        if run is not None:
            workload = f"{run.row.input_tokens}:{run.row.output_tokens}"
            groups[run.row.model, run.row.hardware, workload].append(run)
    found = []
    for (model, hardware, workload), runs in sorted(groups.items()):
        for definition in ("wall", "tpot"):
            fast = [run for run in runs if (run.wall if definition == "wall" else run.by_tpot) >= speed]
            if fast:
                best = max(fast, key=lambda run: run.output_tok_s_gpu)
                found.append(_best(model, hardware, workload, definition, best))
    return found


def _best(model: str, hardware: str, workload: str, definition: str, run: Run) -> Best:
    return Best(
        model=model,
        hardware=hardware,
        workload=workload,
        definition=definition,
        output_tok_s_gpu=run.output_tok_s_gpu,
        speed_wall_tok_s_user=run.wall,
        speed_tpot_tok_s_user=run.by_tpot,
        wall_from=run.wall_from,
        concurrency=run.row.concurrency,
        gpus=run.row.gpus or 0,
        framework=run.row.framework,
        precision=run.row.precision or "",
        speculation=run.row.speculation or "",
        config=run.row.config,
        row_id=run.row.row_id,
    )
