"""The study, one function per question, in the article's order. What is shown is made from the Results returned here.

So far: how a rack serves. Prefill is bound by arithmetic and decode by memory (1); running both at once fills each other's
idle time (2), up to a batch that shrinks as context grows (3); speculation trades arithmetic for memory reads (4); what a
user's speed costs in throughput (5); and how near all of this comes to the numbers the article prints (6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.article import compare_article
from fleetline.catalog import load
from fleetline.deployment import breakdown, frontier, throughput

MODEL = "kimi-k2.6"
SYSTEM = "gb200-nvl72"
GENERAL = "8000:1000"
WORKLOADS = (GENERAL, "25000:1000", "128000:1000")
SPECULATION = "8:3"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Results:
    """Everything the report shows: named tables of plain values, units in the column names, and where they come from."""

    version: str
    setting: Mapping[str, Any]
    tables: Mapping[str, Rows]
    sources: Rows


def study(version: str, progress: Callable[[str], None] = lambda _: None) -> Results:
    """The whole study; `progress` is told the name of each question before it is worked on."""
    tables: dict[str, Rows] = {}
    for name, question in QUESTIONS.items():
        progress(name.replace("_", " "))
        tables[name] = question()
    setting = {
        "model": MODEL,
        "system": SYSTEM,
        "workloads": list(WORKLOADS),
        "speculative": SPECULATION,
        "speed_tok_s_user": load().defaults["speed"],
    }
    return Results(version, setting, tables, used_sources())


def stage_times() -> Rows:
    """How long prefill and decode take, by batch: arithmetic and memory traffic of each (ideal, 8k).

    At small batches decode bends down: not every expert is needed, and each further request needs a few more.
    """
    batches = _batches(1, 2000)
    found = throughput(MODEL, SYSTEM, GENERAL, preset="ideal", batch=batches)
    return [
        {"stage": stage, "limit": limit, "batch": batch, "seconds": seconds}
        for stage in ("prefill", "decode")
        for limit in ("compute", "bandwidth")
        for batch, seconds in _pairs(batches, getattr(getattr(found, stage), f"{limit}_s"))
    ]


def chunked_cycle() -> Rows:
    """The two sides of a chunked cycle by batch: arithmetic and memory traffic of both stages, and the cycle itself."""
    batches = _batches(50, 3000)
    found = throughput(MODEL, SYSTEM, GENERAL, preset="ideal", batch=batches, schedule="chunked-total")
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


def throughput_by_context() -> Rows:
    """Throughput by batch for each context length while it fits in memory, and where the roof becomes flat (ideal)."""
    rows: Rows = []
    for workload in WORKLOADS:
        batches = _batches(1, 3000)
        found = throughput(MODEL, SYSTEM, workload, preset="ideal", batch=batches)
        critical = float(found.critical_batch[0])
        at_critical = float(throughput(MODEL, SYSTEM, workload, preset="ideal", batch=critical).throughput_tok_s)
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


def speculation() -> Rows:
    """Throughput by batch with and without speculation, ideal and calibrated, and the best at the wanted speed."""
    rows: Rows = []
    for preset in ("ideal", "article"):
        for speculative in (None, SPECULATION):
            batches = _batches(10, 20_000)
            found = throughput(MODEL, SYSTEM, GENERAL, preset=preset, speculative=speculative, batch=batches)
            best = throughput(MODEL, SYSTEM, GENERAL, preset=preset, speculative=speculative)
            wanted = load().defaults["speed"]
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


def speed_frontier() -> Rows:
    """Throughput of a rack against the speed each user gets, by workload (article's efficiencies, with speculation)."""
    rows: Rows = []
    for workload in WORKLOADS:
        found = frontier(MODEL, SYSTEM, workload, preset="article", speculative=SPECULATION)
        rows += [
            {"workload": workload, "batch": batch, "speed_tok_s_user": speed, "throughput_tok_s": rate}
            for batch, speed, rate in zip(
                found.batch.tolist(), found.speed_tok_s_user.tolist(), found.throughput_tok_s.tolist(), strict=True
            )
        ]
    return rows


def racks() -> Rows:
    """What one rack serves at the wanted speed: both racks, all workloads, ideal and calibrated, speculating or not."""
    rows: Rows = []
    for system in ("gb200-nvl72", "gb300-nvl72"):
        for workload in WORKLOADS:
            for preset in ("ideal", "article"):
                for speculative in (None, SPECULATION):
                    found = throughput(MODEL, system, workload, preset=preset, speculative=speculative)
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


def operators() -> Rows:
    """FLOP, bytes and what binds each operator of the calibrated rack at its best batch."""
    best = throughput(MODEL, SYSTEM, GENERAL, preset="article", speculative=SPECULATION)
    costs = breakdown(MODEL, SYSTEM, GENERAL, preset="article", speculative=SPECULATION, batch=float(best.batch))
    return [asdict(cost) for cost in costs]


def article_numbers() -> Rows:
    """The article's numbers beside ours."""
    return [asdict(comparison) for comparison in compare_article()]


QUESTIONS: Mapping[str, Callable[[], Rows]] = MappingProxyType(
    {
        "stage_times": stage_times,
        "chunked_cycle": chunked_cycle,
        "throughput_by_context": throughput_by_context,
        "speculation": speculation,
        "speed_frontier": speed_frontier,
        "racks": racks,
        "operators": operators,
        "article_numbers": article_numbers,
    }
)


def used_sources() -> Rows:
    """The catalog rows behind this study: every figure of its model, chips and presets with the source it comes from."""
    catalog = load()
    chips = {catalog.system(system).chip.name for system in ("gb200-nvl72", "gb300-nvl72")}
    wanted = {"hbm_capacity", "hbm_bandwidth", "fp4_dense", "fp8_dense", "rent_3yr", "scaleup_domain"}
    rows: Rows = []
    for row in catalog.tables["presets"]:
        values = row.model_dump()
        rows.append({"table": "presets", "what": f"{values['preset']} {values['parameter']}"} | _claim(values, "value"))
    for row in catalog.tables["chip_specs"]:
        values = row.model_dump()
        if values["chip"] in chips and values["preferred"] and values["quantity"] in wanted:
            rows.append(
                {"table": "chip_specs", "what": f"{values['chip']} {values['quantity']}"} | _claim(values, "central")
            )
    for row in catalog.tables["models"]:
        values = row.model_dump()
        if values["model"] == MODEL and values["unit"] != "text":
            rows.append({"table": "models", "what": f"{values['model']} {values['quantity']}"} | _claim(values, "value"))
    return rows


def _claim(values: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {"value": values[column], "unit": values["unit"], "source": values["source"], "note": values.get("note") or ""}


def _batches(first: float, last: float, points: int = 120) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Whole batches, evenly spaced by ratio."""
    return np.unique(np.round(np.geomspace(first, last, points)))


def _pairs(batches: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    return list(zip(batches.tolist(), values.tolist(), strict=True))
