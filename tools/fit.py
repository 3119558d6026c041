"""Refit the preset `fitted` to the shipped benchmark rows: `make fit` (two minutes), `make fit-sizes` (six).

    python tools/fit.py src/fleetline/catalog/data [--article | --pooled] [--keep-sizes] [--halves]

The three efficiencies come from Kimi K2.5 on Nvidia, the rows the article fits; the spread of the errors comes from every
row that can be predicted, since that is what the preset is used for. Then the law of all rows and what near rows leave of
it: pooled_law.csv, pooled_kernel.csv, pooled.npz and, by the ways of holding rows out, pooled_errors.csv.

`--article` renews the former alone, `--pooled` the latter; `make fit` runs both side by side. `--keep-sizes` takes the
kernel's sizes as shipped: new rows hardly move them, and learning them takes twice the rest. `--halves` writes nothing and
prints how much of the held-out error is owed to sizes that are learned from all configurations.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from fleetline import runs
from fleetline.calibration.law import PARAMETERS
from fleetline.calibration.pooled import save
from fleetline.calibration.pooled_fit import (
    Held,
    Observed,
    fit_law,
    fit_side,
    held_out,
    known_rows,
    learned,
    left_out_by_configuration,
    table,
    without_their_configuration,
)
from fleetline.calibration.predict import predict
from fleetline.calibration.terms import QUANTITIES, written
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


def pool(data: Path, *, keep_sizes: bool = False) -> None:
    """Write the fit of all rows, and its errors on rows held out.

    Args:
        keep_sizes: take the kernel's deviations and length scales as shipped; learning them is half of the work.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in runs.shipped())).hexdigest()[:12]
    source = f"make fit on the shipped benchmark tables, sha256 {digest}"
    rows, _ = runs.rows_of(())
    every = table(rows, load(), runs.recorded())
    seen = every.seen.take(every.fitted)
    law = fit_law(seen)
    sides, held, known = {}, [], {}
    sizes = [["quantity", "what", "of", "space", "number", "source"]]
    for quantity in QUANTITIES:
        kernel = runs.pooled().sides[quantity].kernel if keep_sizes else learned(quantity, seen, law.law)
        sizes += [[quantity, what, of, space, f"{number:g}", source] for what, of, space, number in written(kernel)]
        side = fit_side(quantity, seen, law.law, kernel)
        known[quantity] = without_their_configuration(side, law, every)
        held += [*held_out(side, law, seen), by_configuration(quantity, every.seen, known[quantity])]
        sides[quantity] = side.side
        say(f"{quantity} held out by configuration: {np.median(np.abs(held[-1].errors)):.3f}")
    save(data / "pooled.npz", sides, known_rows(every, known))
    lines = [["parameter", "value", "unit", "prior", "source", "note"]]
    lines += [
        [each.name, f"{law.law[each.name]:.6g}", each.unit, f"{each.prior:g}", source, each.meaning] for each in PARAMETERS
    ]
    write(data / "pooled_law.csv", lines)
    write(data / "pooled_kernel.csv", sizes)
    write(data / "pooled_errors.csv", [ERRORS, *([*row, source] for row in map(error_row, held))])


def halves() -> None:
    """Print how far sizes learned from half of the configurations are off on the other half, beside sizes of all.

    Both by the shipped law, which saw all rows: it is the same for either.
    """
    every = table(runs.rows_of(())[0], load(), runs.recorded())
    seen, law = every.seen.take(every.fitted), runs.pooled().law
    half = seen.group % 2 == 0
    for quantity in QUANTITIES:
        kernels = {"of half": learned(quantity, seen.take(half), law), "of all": runs.pooled().sides[quantity].kernel}
        for name, kernel in kernels.items():
            errors, rows = left_out_by_configuration(fit_side(quantity, seen, law, kernel), seen, law)
            told = ~half[rows]
            found = error_row(Held(quantity, "configuration", errors[told], seen.config[rows][told]))
            say(f"{quantity}, sizes {name}: {found[4]} / {found[7]}")


ERRORS = ["quantity", "way", "rows", "configurations", "median_abs_log", "median_from", "median_to"]
ERRORS += ["by_configuration", "by_configuration_from", "by_configuration_to", "low", "high", "coverage", "source"]
RESAMPLED = 400


def by_configuration(quantity: str, seen: Observed, known: np.ndarray) -> Held:
    """Every row's error when its configuration is held out."""
    rows = seen.having(quantity)
    return Held(quantity, "configuration", np.log(seen.measured[quantity][rows] / known[rows]), seen.config[rows])


def error_row(held: Held) -> list[str]:
    """A way's errors, its 90% interval, and how much such an interval covers when made from half of the configurations."""
    low, high = np.percentile(held.errors, (5, 95))
    names, place = np.unique(held.config, return_inverse=True)
    covered = []
    for half in (0, 1):
        own = place % 2 == half
        ends = np.percentile(held.errors[own], (5, 95))
        covered.append(np.mean((held.errors[~own] >= ends[0]) & (held.errors[~own] <= ends[1])))
    off = np.abs(held.errors)
    of_each = [off[place == each] for each in range(len(names))]
    medians = np.array([np.median(each) for each in of_each])
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLED, len(names)))
    over_rows = np.percentile([np.median(np.concatenate([of_each[each] for each in draw])) for draw in drawn], (5, 95))
    over_all = np.percentile(medians[drawn].mean(axis=1), (5, 95))
    numbers = (np.median(off), *over_rows, medians.mean(), *over_all, low, high, np.mean(covered))
    return [held.quantity, held.way, str(len(off)), str(len(names)), *(f"{each:.4g}" for each in numbers)]


def say(words: str) -> None:
    """Progress, on standard error."""
    print(words, file=sys.stderr)  # noqa: T201


def write(path: Path, lines: list[list[str]]) -> None:
    """A table as the catalog keeps it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    if "--halves" in sys.argv:
        halves()
        sys.exit()
    if "--pooled" not in sys.argv:
        main(Path(sys.argv[1]))
    if "--article" not in sys.argv:
        pool(Path(sys.argv[1]), keep_sizes="--keep-sizes" in sys.argv)
