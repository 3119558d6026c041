"""Find the best rates by the fit of all runs, their errors, and how they compare: `make fitted-rates` (five minutes).

    python tools/fitted_rates.py src/fleetline/catalog/data

Writes `fitted_rates.csv` (what the shipped scenarios ask for, at a ladder of speeds), `best_runs.csv` (the best measured
runs beside what two ways of predicting them say without the pair's runs, the model's, the chip's) and `fitted_errors.csv`
(of best rates by way held out, and of the layout that is predicted to be best of those run). To do again after `make fit`,
or when models, chips and systems change.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rates import all_asked, best_by_wall, median_ratio, ratios

from fleetline import runs
from fleetline.beliefs import Z95
from fleetline.calibration.best import BOTH, CHIP, CONFIGURATION, MODEL, PAIR, VENDOR, Load, Throughputs, frontier
from fleetline.calibration.best_errors import Cell, HeldOut, chosen, errors_by_way, shares
from fleetline.calibration.features import Features
from fleetline.calibration.form import MEAN_LENGTH
from fleetline.calibration.layouts import Layout, layouts, layouts_for, records_of, target
from fleetline.calibration.measured import Best
from fleetline.calibration.pooled_fit import Table, fit_law, fit_side, table
from fleetline.calibration.recipes import architecture_of
from fleetline.catalog import load
from fleetline.catalog.rows import BestRunRow, FittedErrorRow, FittedRateRow
from fleetline.world import best_rates, fitted_rates
from fleetline.world.best_rates import Question
from fleetline.world.fitted_rates import Asked

RATES, ERRORS, RUNS = (
    [*(name for name in row.model_fields if name not in {"source", "table", "line"}), "source"]
    for row in (FittedRateRow, FittedErrorRow, BestRunRow)
)
ALL = (CONFIGURATION, PAIR, MODEL, CHIP, BOTH, VENDOR)
AMD = ("mi300x", "mi325x", "mi355x")  # chips of the vendor that is held out
COMPARED = (PAIR, MODEL, CHIP)  # ways that both predictors can be held out in


def main(data: Path) -> None:
    """The three tables."""
    asked = all_asked()
    tabled = [Asked(each.model, each.system, each.gpus, each.workload, each.prefix_hit) for each in asked]
    made = fitted_rates.source(tabled)
    write(data / "fitted_rates.csv", RATES, [[*line, made] for line in rates(tabled)])
    every = table(runs.rows_of(())[0], load(), runs.recorded())
    seen = every.seen.take(every.fitted)
    law = fit_law(seen)
    kernel = runs.pooled().sides["throughput"].kernel
    held = HeldOut(law, fit_side("throughput", seen, law.law, kernel), seen)
    found = best_runs(held, every)
    with_kernels = f"{made}; {best_rates.source(asked)}"
    write(data / "best_runs.csv", RUNS, [[*cells(each), with_kernels] for each in found])
    write(data / "fitted_errors.csv", ERRORS, [[*line, made] for line in errors(held, found)])


def rates(asked: Sequence[Asked]) -> list[list[object]]:
    """Every question, at every speed that is reached."""
    lines: list[list[object]] = []
    for each in dict.fromkeys(asked):
        found = fitted_rates.found(each)
        start = list(each.__dict__.values())
        lines += [
            [*start, f"{point.speed:.6g}", f"{point.output_tok_s_gpu:.6g}", point.way, point.configuration, ""]
            for point in found.points
        ] or [[*start, 0, 0, "", "", found.reason]]
        say(f"{each.model} on {each.system}, {each.workload}")
    return lines


def errors(held: HeldOut, found: Sequence[Compared]) -> list[list[object]]:
    """Of best rates where many layouts were run, by way; and of the layouts chosen by prediction among those run."""
    searched = [each for each in found if each.layouts >= runs.MANY_LAYOUTS]
    lines = [_error("best", way, [each.cell(way) for each in searched if each.fit.get(way)]) for way in ALL]
    chosen_at = load().defaults["speed"]
    return lines + [_error("chosen", way, chosen(held, off, chosen_at)) for way, off in errors_by_way(held).items()]


def _error(of: str, way: str, found: Sequence[Cell]) -> list[object]:
    """One row.

    Of the vendors one is held out: its errors are one draw of what a vendor's chips share, so the interval around their
    median is that of a normal with their root mean square.
    """
    off = np.array([each.error for each in found])
    low, middle, high = np.percentile(off, (5, 50, 95))
    square = float(np.sqrt(np.mean(off**2)))
    if way == VENDOR:
        low, high = middle - Z95 * square, middle + Z95 * square
    shared = [1.0, 0.0, 0.0, 0.0] if way == VENDOR else list(shares(found).__dict__.values())
    return [of, way, len(found), *(f"{each:.4g}" for each in (low, middle, high, square, *shared))]


@dataclass(frozen=True)
class Compared:
    """A best run, how many layouts were run of its cell, and what is said of it by way held out [token/s/GPU]."""

    run: Best
    model: str
    system: str
    layouts: int
    fit: Mapping[str, float]
    reached: Mapping[str, float]

    def cell(self, way: str) -> Cell:
        """log(best measured / best predicted)."""
        lengths = [float(part) for part in self.run.workload.split(":")]
        off = float(np.log(self.run.output_tok_s_gpu / self.fit[way]))
        return Cell(architecture_of(self.run.model), self.run.hardware, (lengths[0], lengths[1]), off)


def cells(each: Compared) -> list[object]:
    """A row of best_runs.csv; empty where nothing is said."""
    numbers = [each.run.speed_wall_tok_s_user, each.run.output_tok_s_gpu]
    numbers += [each.fit.get(way, 0.0) for way in ALL] + [each.reached[way] for way in COMPARED]
    return [each.model, each.system, each.run.workload, each.layouts, *(f"{n:.5g}" if n > 0.0 else "" for n in numbers)]


def best_runs(held: HeldOut, every: Table) -> list[Compared]:
    """The best measured run of every cell by wall time at the default speed, and what is said of it held out.

    In the ways that only the fit is held out in, where many layouts were run.
    """
    catalog = load()
    models = catalog.benchmark_models
    systems = catalog.benchmark_systems
    known, fitted_models = ratios(), set(every.seen.rows.model.tolist())
    found = []
    for best in best_by_wall():
        model, system = models.get(best.model), systems.get(best.hardware)
        if model in catalog.models and model and system and architecture_of(best.model) in fitted_models:
            count = len(layouts_of(best, every))
            ways = [way for way in ALL if way in COMPARED or count >= runs.MANY_LAYOUTS]
            if best.hardware not in AMD and VENDOR in ways:
                ways.remove(VENDOR)
            said = {way: by_fit(best, model, system, way, held, every) for way in ways}
            modelled = by_kernels(best, model, system)
            reached = {way: modelled * float(np.exp(median_ratio(known, model, system, way))) for way in COMPARED}
            found.append(Compared(best, model, system, count, said, reached))
            say(" ".join(str(each) for each in cells(found[-1])))
    return found


def layouts_of(best: Best, every: Table) -> set[tuple[Layout, str]]:
    """The layouts that were run of a model on a chip at a workload, with their formats."""
    rows = every.seen.rows
    lengths = [MEAN_LENGTH * float(part) for part in best.workload.split(":")]
    same = (rows.model == architecture_of(best.model)) & (rows.chip == best.hardware)
    same &= np.isclose(rows.tokens_in, lengths[0]) & np.isclose(rows.tokens_out, lengths[1])
    mine = rows.take(np.flatnonzero(same))
    return {(each, precision) for each, precision in zip(layouts(mine), mine.precision.tolist(), strict=True)}


def by_fit(best: Best, model: str, system: str, way: str, held: HeldOut, every: Table) -> float:
    """The best rate a GPU at the run's own speed and mean lengths, by the fit without the way's rows; 0 where none is."""
    key, catalog = architecture_of(best.model), load()
    own = np.unique(held.known.group[held.known.config == best.config])

    def gone(rows: Features) -> npt.NDArray[np.bool_]:
        of_model, on = rows.model == key, rows.chip == best.hardware
        of_vendor = rows.vendor == "AMD"
        return np.asarray({PAIR: of_model & on, MODEL: of_model, CHIP: on, BOTH: of_model | on, VENDOR: of_vendor}[way])

    out = np.isin(held.known.group, own) if way == CONFIGURATION else gone(held.rows)
    fit = fits(held, (way, key, best.hardware, best.config), np.flatnonzero(out))
    known = every.seen.rows if way == CONFIGURATION else every.seen.rows.take(np.flatnonzero(~gone(every.seen.rows)))
    records = records_of(known)
    vendors = set(records.vendors.values())
    asked = target(catalog, model, system, int(np.max(catalog.systems[system].gpus)), vendors)
    load_of = Load(*(MEAN_LENGTH * float(part) for part in best.workload.split(":")))
    speed = best.speed_wall_tok_s_user
    found = frontier(asked, load_of, [speed], layouts_for(asked, records, catalog), fit, records, catalog)
    return found.points[0].output_tok_s_gpu if found.points and found.points[0].speed >= speed else 0.0


_FITS: dict[tuple[str, str, str, str], Throughputs] = {}


def fits(held: HeldOut, asked: tuple[str, str, str, str], gone: npt.NDArray[np.intp]) -> Throughputs:
    """The fit without some rows, found once for each way, model, chip and configuration that it depends on."""
    way, model, chip, config = asked
    key = (
        way,
        "" if way in {CHIP, VENDOR, CONFIGURATION} else model,
        "" if way in {MODEL, VENDOR, CONFIGURATION} else chip,
        config if way == CONFIGURATION else "",
    )
    if key not in _FITS:
        _FITS[key] = held.without(gone)
    return _FITS[key]


def by_kernels(best: Best, model: str, system: str) -> float:
    """The best rate a GPU at the run's own speed by measured kernel times."""
    gpus = int(np.max(load().systems[system].gpus))
    speed = best.speed_wall_tok_s_user
    return best_rates.explored(Question(model, system, gpus, best.workload, 0.0, speed)).tok_s / gpus


def say(words: str) -> None:
    """Progress, on standard error."""
    print(words, file=sys.stderr)  # noqa: T201


def write(path: Path, header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """A table as the catalog keeps it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
