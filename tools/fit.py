"""Refit the preset `fitted` to the shipped benchmark rows: `make fit` (about a minute).

    python tools/fit.py src/fleetline/catalog/data

The three efficiencies come from Kimi K2.5 on Nvidia, the rows the article fits; the spread of the errors comes from every
row that can be predicted, since that is what the preset is used for. Then the law of all rows and what near rows leave of
it: pooled_law.csv, pooled.npz and, by the ways of holding rows out, pooled_errors.csv.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fleetline import runs
from fleetline.calibration.features import features
from fleetline.calibration.law import PARAMETERS, Law
from fleetline.calibration.pooled import QUANTITIES, Side, correction, row_inputs, save, throughput
from fleetline.calibration.pooled_fit import Held, Observed, fit_law, fit_side, groups, predicted
from fleetline.calibration.predict import predict
from fleetline.catalog import load

WHERE = "model=kimik2.5,vendor=NVIDIA"


def main(data: Path) -> None:
    """Write presets_fitted.csv."""
    fit = runs.calibrate(where=WHERE, progress=lambda done, all_: print(f"{done}/{all_}", end="\r", file=sys.stderr))  # noqa: T201
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in runs.shipped())).hexdigest()[:12]
    source = f"fleetline calibrate --where {WHERE} on the shipped benchmark tables, sha256 {digest} (make fit)"
    estimates = {
        "compute_efficiency": (fit.compute_efficiency, "1"),
        "bandwidth_efficiency": (fit.bandwidth_efficiency, "1"),
        "step_latency_s": (fit.step_latency_s, "s"),
    }
    note = f"{fit.rows} values of {fit.configurations} configurations, loss {fit.loss:.3f}"
    lines = [["preset", "parameter", "value", "low", "high", "unit", "source", "note"]]
    for name, (each, unit) in estimates.items():
        numbers = [f"{each[key]:.4g}" for key in ("value", "low", "high")]
        lines.append(["fitted", name, *numbers, unit, source, note])
    lines.append(["fitted", "counting", "article", "", "", "text", source, "as the article counts"])
    lines += [["fitted", *spread, "1", source, "log(measured / predicted): median, 5% and 95%"] for spread in spreads(fit)]
    write(data / "presets_fitted.csv", lines)


def spreads(fit: runs.Calibration) -> list[list[str]]:
    """Median, 5% and 95% of log(measured / predicted) over every shipped row, of TPOT and of TTFT."""
    preset = replace(
        load().preset("article"),
        compute_efficiency=fit.compute_efficiency["value"],
        bandwidth_efficiency=fit.bandwidth_efficiency["value"],
        step_latency=fit.step_latency_s["value"],
    )
    rows, _ = runs.rows_of(())
    found = predict(rows, preset, load())
    spread = []
    for name, modelled in (("tpot", found.tpot_s), ("ttft", found.ttft_s)):
        measured = np.array([getattr(row, f"{name}_s") or np.nan for row in rows], dtype=float)
        low, middle, high = np.nanpercentile(np.log(measured / modelled), (5, 50, 95))
        spread.append([f"{name}_log_error", f"{middle:.4g}", f"{low:.4g}", f"{high:.4g}"])
    return spread


def pool(data: Path) -> None:
    """Write the fit of all rows, and its errors on rows held out."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in runs.shipped())).hexdigest()[:12]
    source = f"make fit on the shipped benchmark tables, sha256 {digest}"
    seen = observed()
    law = fit_law(seen)
    sides, held = {}, []
    for quantity in QUANTITIES:
        sides[quantity], errors = fit_side(quantity, seen, law)
        held += errors
    save(data / "pooled.npz", sides)
    lines = [["parameter", "value", "unit", "prior", "source", "note"]]
    lines += [
        [each.name, f"{law[each.name]:.6g}", each.unit, f"{each.prior:g}", source, each.meaning] for each in PARAMETERS
    ]
    lines.append(
        ["busy", f"{busy(seen, law, sides):.6g}", "1", "1", source, "share of a run in which all clients are served"]
    )
    write(data / "pooled_law.csv", lines)
    write(data / "pooled_errors.csv", [ERRORS, *([*row, source] for row in map(error_row, held))])


ERRORS = ["quantity", "way", "rows", "configurations", "median_abs_log", "by_configuration"]
ERRORS += ["low", "high", "coverage", "source"]


def error_row(held: Held) -> list[str]:
    """A way's errors, its 90% interval, and how much such an interval covers when made from half of the configurations."""
    low, high = np.percentile(held.errors, (5, 95))
    names = np.unique(held.config)
    covered = []
    for half in (0, 1):
        own = np.isin(held.config, names[half::2])
        ends = np.percentile(held.errors[own], (5, 95))
        covered.append(np.mean((held.errors[~own] >= ends[0]) & (held.errors[~own] <= ends[1])))
    numbers = (np.median(np.abs(held.errors)), held.by_configuration, low, high, np.mean(covered))
    return [held.quantity, held.way, str(len(held.errors)), str(len(names)), *(f"{each:.4g}" for each in numbers)]


def observed() -> Observed:
    """Every shipped row that can be predicted, with what was measured."""
    rows, _ = runs.rows_of(())
    every = features(rows, load())
    rows = [row for row, answered in zip(rows, every.answered, strict=True) if answered]
    known = every.take(every.answered)
    config = np.array([row.config for row in rows])
    tpot, ttft = (np.array([getattr(row, name) or np.nan for row in rows], dtype=float) for name in ("tpot_s", "ttft_s"))
    return Observed(known, tpot, ttft, config, groups(known, config))


def busy(seen: Observed, law: Law, sides: dict[str, Side]) -> float:
    """Median of measured over predicted throughput while all clients are served."""
    rows, _ = runs.rows_of(())
    measured = np.array([row.throughput_gpu or np.nan for row in rows], dtype=float)[features(rows, load()).answered]
    here, alone = row_inputs(seen.rows, law), predicted(law, seen.rows)
    values = {name: alone[name] * np.exp(correction(name, here, sides[name])) for name in QUANTITIES}
    return float(np.nanmedian(measured / throughput(seen.rows, values["tpot"], values["ttft"])))


def write(path: Path, lines: list[list[str]]) -> None:
    """A table as the catalog keeps it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    pool(Path(sys.argv[1]))
