"""Refit the preset `fitted` to the shipped benchmark rows: `make fit`.

    python tools/fit.py src/fleetline/catalog/data

The three efficiencies come from Kimi K2.5 on Nvidia, the rows the article fits; the spread of the errors comes from every
row that can be predicted, since that is what the preset is used for.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fleetline import runs
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
    with (data / "presets_fitted.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


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
    for name, predicted in (("tpot", found.tpot_s), ("ttft", found.ttft_s)):
        measured = np.array([getattr(row, f"{name}_s") or np.nan for row in rows], dtype=float)
        low, middle, high = np.nanpercentile(np.log(measured / predicted), (5, 50, 95))
        spread.append([f"{name}_log_error", f"{middle:.4g}", f"{low:.4g}", f"{high:.4g}"])
    return spread


if __name__ == "__main__":
    main(Path(sys.argv[1]))
