"""A row as the InferenceX record it came from, for aiconfigurator's own adapter to map: is our mapping the authors'?"""

from __future__ import annotations

from collections.abc import Mapping

from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool
from peers.question import Question


def record(row: Measurement, asked: Question) -> dict[str, object]:
    """What `peers.compare_aiconfigurator` reads: the record, what the record does not hold, and our arguments."""
    config: dict[str, object] = {
        "hardware": row.hardware,
        "framework": row.framework,
        "model": row.model,
        "precision": row.precision,
        "spec_method": row.speculation or "none",
        "disagg": row.disaggregated,
        **_pool("prefill", row.prefill),
        **_pool("decode", row.decode),
    }
    drafts = {name: asked.arguments[name] for name in ("nextn", "nextn_accepted") if name in asked.arguments}
    benchmark: Mapping[str, object] = {"isl": row.input_tokens, "osl": row.output_tokens, "conc": row.concurrency}
    return {"config": config, "benchmark": benchmark, "overrides": drafts, "arguments": dict(asked.arguments)}


def _pool(role: str, pool: Pool) -> dict[str, object]:
    return {
        f"num_{role}_gpu": (pool.workers or 0) * (pool.gpus or 0),
        f"{role}_num_workers": pool.workers,
        f"{role}_tp": pool.tp,
        f"{role}_ep": pool.ep or 1,
        f"{role}_dp_attention": bool(pool.dp_attention),
    }
