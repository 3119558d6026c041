"""Why the best measured run serves less than the modelled rack: one difference taken away at a time, in output per GPU.

Each step asks the model once more with one thing changed; the ratios of neighbours multiply to the whole gap. What the last
step leaves is what the model does not hold: communication, kernel floors, queues, load balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fleetline.calibration.form import MEAN_LENGTH
from fleetline.calibration.measured import Best
from fleetline.catalog import load
from fleetline.deployment import throughput
from fleetline.errors import InputError, unknown_name


@dataclass(frozen=True)
class Step:
    """One rung between model and measurement: output tokens per second and GPU, and its ratio to the rung before."""

    step: str
    output_tok_s_gpu: float
    ratio: float


def gap(best: Best, *, workload: str, preset: str, speculative: str) -> list[Step]:
    """The rungs from the modelled rack to the best measured run of the same model on the same chip.

    Args:
        best: the run.
        workload, preset, speculative: of the modelled rack, as in `fleetline.throughput`.

    Raises:
        InputError: a rung that is not feasible, such as a run larger than the rack.
    """
    systems = load().benchmark_systems
    models = load().benchmark_models
    for what, name, known in (("model", best.model, models), ("hardware", best.hardware, systems)):
        if name not in known:
            raise unknown_name(what, name, known)
    asked: dict[str, Any] = {"model": models[best.model], "system": systems[best.hardware], "preset": preset}
    tokens_in, tokens_out = (MEAN_LENGTH * float(number) for number in best.workload.split(":"))
    lengths = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    part = {"gpus": best.gpus}
    rungs = [
        ("the modelled rack", {**asked, "workload": workload, "speculative": speculative}),
        ("without speculation", {**asked, "workload": workload}),
        ("the benchmark's lengths", {**asked, **lengths}),
        (f"{best.gpus} GPUs", {**asked, **lengths, **part}),
        (f"{best.concurrency} clients", {**asked, **lengths, **part, "batch": best.concurrency}),
        ("the checkpoint's precisions", {**asked, **lengths, **part, "batch": best.concurrency, "counting": "checkpoint"}),
    ]
    served = [(step, _per_gpu(step, question)) for step, question in rungs]
    served.append(("measured: communication and the rest", best.output_tok_s_gpu))
    before = [served[0][1], *(value for _, value in served[:-1])]
    return [Step(step, value, value / last) for (step, value), last in zip(served, before, strict=True)]


def _per_gpu(step: str, question: dict[str, Any]) -> float:
    found = throughput(**question)
    if not found.feasible:
        raise InputError(f"gap: {step}: {found.reason}", field="gap")
    return float(found.throughput_tok_s_gpu)
