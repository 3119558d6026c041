"""Runs in genz-llm's environment: python -m peers.ask_genz QUESTIONS ANSWERS."""

from __future__ import annotations

import json
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from peers.ask import answer_all

_LEFT_BEHIND = Path("/tmp/genz/data/model")  # noqa: S108  (the tool writes a file there for every model it builds)


def main(questions: Path, answers: Path) -> None:
    """Answer every question."""
    warnings.simplefilter("ignore")
    before = set(_LEFT_BEHIND.glob("*.csv"))
    answer_all(questions, answers, estimate)
    for path in set(_LEFT_BEHIND.glob("*.csv")) - before:
        path.unlink()


def estimate(arguments: dict[str, Any]) -> tuple[float, float]:
    """TPOT at the middle of the answer, and one prompt on an idle engine [s]."""
    model, bits, inputs = json.dumps(arguments["model"]), arguments["bits"], arguments["input_tokens"]
    decode, prefill = (json.dumps(arguments[role]) for role in ("decode", "prefill"))
    tpot = milliseconds("decode", model, bits, inputs, arguments["output_tokens"], decode)
    return tpot / 1000.0, milliseconds("prefill", model, bits, inputs, 0, prefill) / 1000.0


@cache
def milliseconds(stage: str, model: str, bits: str, inputs: int, outputs: int, engine: str) -> float:
    """One stage's latency; model and engine are JSON, so that a stage asked for twice is computed once."""
    from GenZ import decode_moddeling, prefill_moddeling
    from GenZ.Models import ModelConfig

    described, options = json.loads(model), json.loads(engine)
    options |= {"model": ModelConfig(**described) if isinstance(described, dict) else described}
    layout = f"TP{{{options['tensor_parallel']}}}_EP{{{options['expert_parallel']}}}_PP{{1}}"
    options |= {"bits": bits, "input_tokens": inputs, "parallelism_heirarchy": layout}
    if stage == "prefill":
        return float(prefill_moddeling(**options)["Latency"])
    return float(decode_moddeling(output_tokens=outputs, Bb=1, **options)["Latency"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
