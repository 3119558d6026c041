"""A made-up run whose every number is known, to change field by field."""

from __future__ import annotations

from typing import Any

from fleetline.measurements import Measurement, Pool


def engine(gpus: int, workers: int | None = 1) -> Pool:
    """So many engines of so many GPUs each."""
    return Pool(workers, gpus, tp=gpus, ep=gpus, dp_attention=False, total=workers and workers * gpus)


def made_run(**changed: Any) -> Measurement:
    """Kimi K2.5 in FP4 on eight GB200 in one engine; lengths of which 90% are round; a median TPOT and rate measured."""
    pool = engine(8)
    given: dict[str, Any] = {
        "row_id": "1",
        "line": 2,
        "model": "kimik2.5",
        "hardware": "gb200",
        "vendor": "NVIDIA",
        "framework": "vllm",
        "precision": "fp4",
        "speculation": "none",
        "disaggregated": False,
        "prefill": pool,
        "decode": pool,
        "gpus": 8,
        "input_tokens": 10_000,
        "output_tokens": 1000,
        "concurrency": 512,
        "tpot_s": 0.02,
        "ttft_s": None,
        "statistic": "median",
        "throughput_gpu": 900.0,
        "output_throughput": None,
        "config": "7",
        "date": None,
        "workload": "single_turn",
        "kind": "median_over_runs",
        "source": "made up",
    }
    return Measurement(**(given | changed))


def apart(prefill: Pool, decode: Pool, **changed: Any) -> Measurement:
    """The same run with a pool for each stage."""
    totals = (prefill.total, decode.total)
    both = None if None in totals else sum(total or 0 for total in totals)
    return made_run(**({"disaggregated": True, "prefill": prefill, "decode": decode, "gpus": both} | changed))
