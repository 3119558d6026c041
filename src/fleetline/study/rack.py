"""How a rack serves: its stages, the cycle they share, batch, context, speculation, speed; and the article's numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from fleetline.article import compare_article
from fleetline.deployment import breakdown, throughput
from fleetline.frontiers import frontier
from fleetline.study.results import RACKS, SYSTEM, Asked, Rows


def stage_times(asked: Asked) -> Rows:
    """How long prefill and decode take, by batch: arithmetic and memory traffic of each (ideal, 8k).

    At small batches decode bends down: not every expert is needed, and each further request needs a few more.
    """
    batches = _batches(1, 2000)
    found = throughput(asked.model, SYSTEM, asked.general, preset="ideal", batch=batches)
    return [
        {"stage": stage, "limit": limit, "batch": batch, "seconds": seconds}
        for stage in ("prefill", "decode")
        for limit in ("compute", "bandwidth")
        for batch, seconds in _pairs(batches, getattr(getattr(found, stage), f"{limit}_s"))
    ]


def chunked_cycle(asked: Asked) -> Rows:
    """The two sides of a chunked cycle by batch: arithmetic and memory traffic of both stages, and the cycle itself."""
    batches = _batches(50, 3000)
    found = throughput(asked.model, SYSTEM, asked.general, preset="ideal", batch=batches, schedule="chunked-total")
    sides = {
        "compute": found.prefill.compute_s + found.decode.compute_s,
        "bandwidth": found.prefill.bandwidth_s + found.decode.bandwidth_s,
        "cycle": found.cycle_s,
    }
    return [
        {"side": side, "batch": batch, "seconds": seconds, "critical_batch": float(found.critical_batch[0])}
        for side, values in sides.items()
        for batch, seconds in _pairs(batches, values)
    ]


def throughput_by_context(asked: Asked) -> Rows:
    """Throughput by batch for each context length while it fits in memory, and where the roof becomes flat (ideal)."""
    rows: Rows = []
    for workload in asked.workloads:
        batches = _batches(1, 3000)
        found = throughput(asked.model, SYSTEM, workload, preset="ideal", batch=batches)
        critical = float(found.critical_batch[0])
        at_critical = float(throughput(asked.model, SYSTEM, workload, preset="ideal", batch=critical).throughput_tok_s)
        rows += [
            {
                "workload": workload,
                "batch": batch,
                "throughput_tok_s": rate,
                "critical_batch": critical,
                "throughput_at_critical_tok_s": at_critical,
            }
            for batch, rate in _pairs(batches[found.feasible], found.throughput_tok_s[found.feasible])
        ]
    return rows


def speculation(asked: Asked) -> Rows:
    """Throughput by batch with and without speculation, ideal and calibrated, and the best at the wanted speed."""
    rows: Rows = []
    for preset in ("ideal", "article"):
        for speculative in (None, asked.speculative):
            batches = _batches(10, 20_000)
            found = throughput(asked.model, SYSTEM, asked.general, preset=preset, speculative=speculative, batch=batches)
            best = throughput(asked.model, SYSTEM, asked.general, preset=preset, speculative=speculative)
            wanted = asked.speed
            rows += [
                {
                    "preset": preset,
                    "speculation": speculative or "none",
                    "batch": batch,
                    "throughput_tok_s": rate,
                    "fast_enough": bool(speed >= wanted),
                    "best_batch": float(best.batch),
                    "best_tok_s": float(best.throughput_tok_s),
                }
                for batch, rate, speed in zip(
                    batches.tolist(), found.throughput_tok_s.tolist(), found.speed_tok_s_user.tolist(), strict=True
                )
            ]
    return rows


def speed_frontier(asked: Asked) -> Rows:
    """Throughput of a rack against the speed each user gets, by workload (article's efficiencies, with speculation)."""
    rows: Rows = []
    for workload in asked.workloads:
        found = frontier(asked.model, SYSTEM, workload, preset="article", speculative=asked.speculative)
        rows += [
            {"workload": workload, "batch": batch, "speed_tok_s_user": speed, "throughput_tok_s": rate}
            for batch, speed, rate in zip(
                found.batch.tolist(), found.speed_tok_s_user.tolist(), found.throughput_tok_s.tolist(), strict=True
            )
        ]
    return rows


def racks(asked: Asked) -> Rows:
    """What one rack serves at the wanted speed: both racks, all workloads, ideal and calibrated, speculating or not."""
    rows: Rows = []
    for system in RACKS:
        for workload in asked.workloads:
            for preset in ("ideal", "article"):
                for speculative in (None, asked.speculative):
                    found = throughput(asked.model, system, workload, preset=preset, speculative=speculative)
                    rows.append(
                        {
                            "system": system,
                            "workload": workload,
                            "preset": preset,
                            "speculation": speculative or "none",
                            "batch": float(found.batch),
                            "critical_batch": float(found.critical_batch),
                            "throughput_tok_s": float(found.throughput_tok_s),
                            "speed_tok_s_user": float(found.speed_tok_s_user),
                            "ttft_s": float(found.ttft_s),
                            "tpot_s": float(found.tpot_s),
                            "binding": str(found.binding),
                            "cost_usd_per_mtok_output": float(found.cost_usd_per_mtok_output),
                        }
                    )
    return rows


def operators(asked: Asked) -> Rows:
    """FLOP, bytes and what binds each operator of the calibrated rack at its best batch."""
    best = throughput(asked.model, SYSTEM, asked.general, preset="article", speculative=asked.speculative)
    costs = breakdown(
        asked.model, SYSTEM, asked.general, preset="article", speculative=asked.speculative, batch=float(best.batch)
    )
    return [asdict(cost) for cost in costs]


def article_numbers(_: Asked) -> Rows:
    """The article's numbers beside ours."""
    return [asdict(comparison) for comparison in compare_article()]


_POINTS = 120  # of a curve at most


def _batches(first: float, last: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Whole batches, evenly spaced by ratio."""
    return np.unique(np.round(np.geomspace(first, last, _POINTS)))


def _pairs(batches: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    return list(zip(batches.tolist(), values.tolist(), strict=True))
