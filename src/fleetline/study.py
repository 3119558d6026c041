"""The study, one function per question, in the article's order. What is shown is made from the Results returned here.

So far: how a rack serves. Prefill is bound by arithmetic and decode by memory (1); running both at once fills each other's
idle time (2), up to a batch that shrinks as context grows (3); speculation trades arithmetic for memory reads (4); what a
user's speed costs in throughput (5); and how near all of this comes to the numbers the article prints (6). Then the
model meets measured runs: how well three efficiencies predict them (7), what the runs can tell about each (8), the best
runs anyone has published (9), and why they serve less than the modelled rack (10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline import runs
from fleetline.article import compare_article
from fleetline.calibration.measured import run_of
from fleetline.catalog import load
from fleetline.deployment import breakdown, throughput
from fleetline.frontiers import frontier
from fleetline.gap import gap

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


# the article's own rows: footnote 10
CALIBRATED_ON = "model=kimik2.5,vendor=NVIDIA"


def predictions() -> Rows:
    """Every measured TPOT and TTFT of the article's rows beside its prediction at our efficiencies."""
    found = runs.predict(where=CALIBRATED_ON)
    rows: Rows = []
    for index, row in enumerate(found.rows):
        for quantity, measured, predicted in (
            ("TPOT", row.tpot_s, found.tpot_s[index]),
            ("TTFT", row.ttft_s, found.ttft_s[index]),
        ):
            if measured is not None and not found.reason[index]:
                rows.append(
                    {
                        "quantity": quantity,
                        "chip": row.hardware,
                        "framework": row.framework,
                        "workload": f"{row.input_tokens}:{row.output_tokens}",
                        "concurrency": row.concurrency,
                        "configuration": row.config,
                        "measured_s": measured,
                        "predicted_s": float(predicted),
                    }
                )
    return rows


def error_by_group() -> Rows:
    """How far predictions are off over every shipped row, by model, chip, framework and more, and the article's beside."""
    rows: Rows = []
    for preset in ("fitted", "article"):
        rows += [{"preset": preset} | asdict(score) for score in runs.validate(preset=preset)]
    return rows


def loss_profiles() -> Rows:
    """The least loss at each value of each efficiency: from TPOT alone, and with TTFT."""
    tables = {"TPOT alone": runs.shipped()[:1], "TPOT and TTFT": runs.shipped()}
    rows: Rows = []
    for data, paths in tables.items():
        found = runs.calibrate(*paths, where=CALIBRATED_ON, draws=2)
        for profile in found.profiles:
            least = min(profile["loss"])
            rows += [
                {"data": data, "parameter": profile["parameter"], "value": value, "loss_above_least": loss - least}
                for value, loss in zip(profile["value"], profile["loss"], strict=True)
            ]
    return rows


def efficiencies() -> Rows:
    """Our three efficiencies with their 90% intervals beside the article's."""
    ours, theirs = load().preset("fitted"), load().preset("article")
    values = {
        "compute_efficiency": (ours.compute_efficiency, theirs.compute_efficiency),
        "bandwidth_efficiency": (ours.bandwidth_efficiency, theirs.bandwidth_efficiency),
        "step_latency_s": (ours.step_latency, theirs.step_latency),
    }
    return [
        {"parameter": name, "ours": mine, "low": ours.intervals[name][0], "high": ours.intervals[name][1], "article": other}
        for name, (mine, other) in values.items()
    ]


def best_measured() -> Rows:
    """The best published run of every model, chip and workload at the wanted speed, by wall time and by 1/TPOT."""
    return [asdict(best) for best in runs.measured()]


def measured_runs() -> Rows:
    """Every published run of the article's model on Nvidia racks as throughput per GPU against speed, beside the model."""
    rows: Rows = []
    for hardware, system in (("gb200", "gb200-nvl72"), ("gb300", "gb300-nvl72")):
        table, _ = runs.rows_of(())
        wanted = [row for row in table if row.model == "kimik2.5" and row.hardware == hardware]
        rows += [
            {
                "chip": hardware,
                "source": "measured",
                "workload": f"{run.row.input_tokens}:{run.row.output_tokens}",
                "speed_tok_s_user": run.wall,
                "output_tok_s_gpu": run.output_tok_s_gpu,
                "gpus": run.row.gpus,
            }
            for run in (run_of(row) for row in wanted)
            if run is not None and run.row.input_tokens == 8192
        ]
        for preset in ("article", "fitted"):
            found = frontier("kimi-k2.5", system, "8192:1024", preset=preset)
            rows += [
                {
                    "chip": hardware,
                    "source": preset,
                    "workload": "8192:1024",
                    "speed_tok_s_user": speed,
                    "output_tok_s_gpu": rate,
                    "gpus": 72,
                }
                for speed, rate in _pairs(found.speed_tok_s_user, found.throughput_tok_s_gpu)
            ]
    return rows


def gap_to_measured() -> Rows:
    """From the modelled rack to the best measured GB200 run by wall time: one difference taken away at a time."""
    kimi = [best for best in runs.measured(where="model=kimik2.5,hardware=gb200") if best.workload == "8192:1024"]
    (best,) = [each for each in kimi if each.definition == "wall"]
    steps = gap(best, workload=GENERAL, preset="article", speculative=SPECULATION)
    return [{"order": order} | asdict(step) for order, step in enumerate(steps)]


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
        "predictions": predictions,
        "error_by_group": error_by_group,
        "loss_profiles": loss_profiles,
        "efficiencies": efficiencies,
        "best_measured": best_measured,
        "measured_runs": measured_runs,
        "gap_to_measured": gap_to_measured,
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
    for row in catalog.model_rows(MODEL):
        values = row.model_dump()
        if values["unit"] != "text":
            rows.append({"table": "models", "what": f"{values['model']} {values['quantity']}"} | _claim(values, "value"))
    return rows


def _claim(values: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {"value": values[column], "unit": values["unit"], "source": values["source"], "note": values.get("note") or ""}


def _batches(first: float, last: float, points: int = 120) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Whole batches, evenly spaced by ratio."""
    return np.unique(np.round(np.geomspace(first, last, points)))


def _pairs(batches: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    return list(zip(batches.tolist(), values.tolist(), strict=True))
