"""The model against measured runs: how near, what the runs can tell, the best of them, and why they serve less."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import asdict

import numpy as np

from fleetline import runs
from fleetline.calibration.measured import run_of
from fleetline.calibration.recipes import incomplete
from fleetline.catalog import load
from fleetline.frontiers import frontier
from fleetline.measurements import Measurement
from fleetline.questions.gap import gap
from fleetline.study.results import Asked, Rows

# the article's own rows: footnote 10
CALIBRATED_ON = "model=kimik2.5,vendor=NVIDIA"


def predictions(_: Asked) -> Rows:
    """Every measured TPOT and TTFT of the article's rows beside its prediction at our efficiencies."""
    found = runs.predict(where=CALIBRATED_ON, form="article")
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


def error_by_group(_: Asked) -> Rows:
    """How far predictions are off over every shipped row, by model, chip, framework and more, and the article's beside."""
    rows: Rows = []
    for preset in ("fitted", "article"):
        rows += [{"preset": preset} | asdict(score) for score in runs.validate(preset=preset, form="article")]
    return rows


def held_out(_: Asked) -> Rows:
    """Errors of the fit of all rows on rows it had not seen, by the way they were held out (`make fit` writes them)."""
    wanted = ("quantity", "way", "rows", "configurations", "median_abs_log", "by_configuration", "low", "high", "coverage")
    return [{name: getattr(row, name) for name in wanted} for row in runs.accuracy()]


def held_out_by_group(_: Asked) -> Rows:
    """The fit of all rows on rows whose configuration it had not seen, by group; the article's form, fitted, beside it."""
    rows: Rows = []
    for form in ("pooled", "article"):
        rows += [{"form": form} | asdict(score) for score in runs.validate(form=form)]
    return rows


LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def interval_coverage(_: Asked) -> Rows:
    """What share of rows lies in intervals of every width, made from the other half of the configurations."""
    rows: Rows = []
    for quantity, errors in runs.held_out_errors().items():
        half = np.array([zlib.crc32(row.config.encode()) % 2 for row, _ in errors])
        off = np.array([error for _, error in errors])
        for level in LEVELS:
            within = np.empty(len(off), dtype=bool)
            for own in (0, 1):
                low, high = np.quantile(off[half != own], (0.5 - level / 2, 0.5 + level / 2))
                within[half == own] = (off[half == own] >= low) & (off[half == own] <= high)
            rows.append({"quantity": quantity, "level": level, "covered": float(within.mean()), "rows": len(off)})
    return rows


WORST = 12


def worst_configurations(_: Asked) -> Rows:
    """The configurations whose TPOT is farthest off when held out, and a guess why."""
    errors = runs.held_out_errors()["tpot"]
    cells = Counter((row.model, row.hardware, row.framework) for row in {row.config: row for row, _ in errors}.values())
    of_each: dict[str, list[tuple[Measurement, float]]] = defaultdict(list)
    for row, error in errors:
        of_each[row.config].append((row, error))
    ranked = sorted(of_each.values(), key=lambda each: -abs(float(np.median([error for _, error in each]))))
    return [
        {
            "configuration": each[0][0].config,
            "model": each[0][0].model,
            "chip": each[0][0].hardware,
            "framework": each[0][0].framework,
            "precision": each[0][0].precision or "unstated",
            "rows": len(each),
            "log_error": float(np.median([error for _, error in each])),
            "guess": _guess(each[0][0], cells[each[0][0].model, each[0][0].hardware, each[0][0].framework]),
        }
        for each in ranked[:WORST]
    ]


def _guess(row: Measurement, alike: int) -> str:
    if incomplete(row):
        return "how many engines ran is not stated"
    if row.speculation is None and row.model in {"dsr1", "dsv3"} and row.disaggregated:
        return "whether it drafts is not stated"
    if alike == 1:
        return "no other configuration of this model on this chip and framework was measured"
    if row.kind != "median_over_runs":
        return "one run, with software and settings of its day"
    return "software or settings that a row does not state"


def loss_profiles(_: Asked) -> Rows:
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


def efficiencies(_: Asked) -> Rows:
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


def best_measured(_: Asked) -> Rows:
    """The best published run of every model, chip and workload at the wanted speed, by wall time and by 1/TPOT."""
    return [asdict(best) for best in runs.measured()]


def measured_runs(_: Asked) -> Rows:
    """Every published run of the article's model on Nvidia racks as throughput per GPU against speed, beside the model."""
    rows: Rows = []
    for hardware, system in (("gb200", "gb200-nvl72"), ("gb300", "gb300-nvl72")):
        table = runs.rows_of(())[0]
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
                for speed, rate in zip(found.speed_tok_s_user.tolist(), found.throughput_tok_s_gpu.tolist(), strict=True)
            ]
    return rows


def gap_to_measured(asked: Asked) -> Rows:
    """From the modelled rack to the best measured GB200 run by wall time: one difference taken away at a time."""
    kimi = [best for best in runs.measured(where="model=kimik2.5,hardware=gb200") if best.workload == "8192:1024"]
    (best,) = [each for each in kimi if each.definition == "wall"]
    steps = gap(best, workload=asked.general, preset="article", speculative=asked.speculative)
    return [{"order": order} | asdict(step) for order, step in enumerate(steps)]
