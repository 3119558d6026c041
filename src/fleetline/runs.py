"""Questions about benchmark rows, by file: `calibrate`, `predict`, `validate`, `measured`.

A file may be any form that `fleetline.measurements` reads; without one, the rows that fleetline ships are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline import inputs, named
from fleetline.calibration.best import Throughputs
from fleetline.calibration.fit import NAMES, Observed, fit
from fleetline.calibration.kernel_sum import predict as predict_kernels
from fleetline.calibration.law import NAMES as LAW_NAMES
from fleetline.calibration.law import Law
from fleetline.calibration.layouts import Records, records_of
from fleetline.calibration.measured import Best, frontier
from fleetline.calibration.pooled import Pooled
from fleetline.calibration.pooled import load as load_fit
from fleetline.calibration.pooled import predict as predict_pooled
from fleetline.calibration.pooled_fit import table
from fleetline.calibration.predict import COLUMNS, Prediction
from fleetline.calibration.predict import predict as predict_rows
from fleetline.calibration.recipes import Recipe, incomplete, recipes
from fleetline.calibration.select import select
from fleetline.calibration.select import where as meeting
from fleetline.calibration.terms import QUANTITIES
from fleetline.calibration.terms import read as read_kernel
from fleetline.calibration.validate import Score
from fleetline.calibration.validate import validate as validate_rows
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import BestRunRow, FittedErrorRow, PooledErrorRow, PooledKernelRow, PooledLawRow
from fleetline.catalog.tables import data_folder
from fleetline.errors import InputError, unknown_name
from fleetline.measurements import Measurement, Rejected, Table, read

POOLED = "pooled.npz"
PREDICTED_FORMS = ("article", "pooled", "kernels")
SHIPPED = ("benchmarks.parquet", "runs_with_ttft.parquet")
FORMS = ("article",)
DRAWS = 200


def rows_of(paths: Sequence[str | Path]) -> tuple[list[Measurement], list[tuple[str, Rejected]]]:
    """All rows of some files, and every row that could not be read with the file it is in.

    Raises:
        InputError: a file is missing, broken or of no known form.
    """
    tables: list[tuple[str, Table]] = [(str(path), _table(Path(path))) for path in paths or shipped()]
    rows = [row for _, table in tables for row in table.rows]
    return rows, [(name, rejected) for name, table in tables for rejected in table.rejected]


def _table(path: Path) -> Table:
    if path in shipped():
        return _shipped_table(path)
    if not named.files_allowed() and path.parent != data_folder():
        raise named.no_files("rows", path)
    return read(path)


@lru_cache(maxsize=4)
def _shipped_table(path: Path) -> Table:
    """The catalog's own tables do not change while fleetline runs."""
    return read(path)


def shipped() -> list[Path]:
    """The benchmark tables of the catalog."""
    return [table_path(name) for name in SHIPPED]


@dataclass(frozen=True)
class Calibration:
    """A fit in words: the three efficiencies with 90% intervals, and what the rows can tell.

    `identified` says of each parameter whether the rows pin it down; where not, its interval is all that fits as well.
    `no_interval` says why an identified parameter has none (NaN at both ends), and is empty where it has one. `profiles`
    hold the least loss at each value of one parameter; `left_out` counts rows not fitted, by reason.
    """

    compute_efficiency: Mapping[str, float]
    bandwidth_efficiency: Mapping[str, float]
    step_latency_s: Mapping[str, float]
    identified: Mapping[str, bool]
    no_interval: str
    loss: float
    losses: Mapping[str, float]
    rows: int
    rows_by_quantity: Mapping[str, int]
    configurations: int
    search_disagreement: float
    median_overestimate_of_ideal: float
    left_out: Mapping[str, int]
    profiles: Sequence[Mapping[str, Any]]


def calibrate(
    *paths: str | Path,
    where: str | None = None,
    form: str = "article",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Calibration:
    """Fit compute efficiency, bandwidth efficiency and step latency to measured rows, in the article's form.

    Args:
        paths: benchmark files; the shipped ones without any.
        where: only rows that meet it, such as "model=kimik2.5,vendor=NVIDIA".
        form: how a row is predicted; only "article" so far.
        draws: bootstrap fits over configurations, for the intervals.
        seed: of the bootstrap.
        progress: told after every bootstrap fit.

    Raises:
        InputError: a broken file, an unknown field or value in `where`, nothing measured among the rows.
    """
    if form not in FORMS:
        raise unknown_name("form", form, FORMS)
    if not isinstance(draws, int) or not 2 <= draws <= 100_000:
        raise InputError(f"draws: got {draws}, allowed 2 to 100000", field="draws", got=draws, allowed="2..100000")
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"seed: got {seed}, allowed a whole number of 0 or more", field="seed", got=seed, allowed="0..")
    rows, rejected = rows_of(paths)
    chosen = select(meeting(rows, where), load())
    if not chosen.observed:
        unread = {"could not be read": len(rejected)} if rejected else {}
        why = "; ".join(f"{count} {reason}" for reason, count in (dict(chosen.left_out) | unread).items())
        raise InputError(f"rows: nothing to fit ({why or 'no rows'})", field="rows")
    found = fit(chosen.observed, draws=draws, seed=seed, progress=progress)
    estimates = {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in found.estimates.items()}
    left_out = dict(chosen.left_out) | ({"could not be read": len(rejected)} if rejected else {})
    return Calibration(
        compute_efficiency=estimates[NAMES[0]],
        bandwidth_efficiency=estimates[NAMES[1]],
        step_latency_s=estimates[NAMES[2]],
        identified={name: each.identified for name, each in found.estimates.items()},
        no_interval=_ONE_CONFIGURATION if found.configurations == 1 else "",
        loss=found.loss,
        losses=found.parts,
        rows=sum(found.rows.values()),
        rows_by_quantity=found.rows,
        configurations=found.configurations,
        search_disagreement=found.disagreement,
        median_overestimate_of_ideal=_overestimate(chosen.observed),
        left_out=MappingProxyType(left_out),
        profiles=[
            {"parameter": each.parameter, "value": each.values.tolist(), "loss": each.losses.tolist()}
            for each in found.profiles
        ],
    )


_ONE_CONFIGURATION = (
    "one configuration alone tells nothing of how far others would be off, so what is identified has no interval"
)


def prediction_table(*paths: str | Path, preset: str = "fitted", where: str | None = None) -> list[dict[str, object]]:
    """A row for every row of the files, in their order, predicted or with the reason why not: what `predict` writes.

    Raises:
        InputError: a broken file, an unknown preset.
    """
    listed: list[dict[str, object]] = []
    files = [rows_of([path]) for path in paths or shipped()]
    met = {id(row) for row in meeting([row for rows, _ in files for row in rows], where)}
    for rows, rejected in files:
        found = _predicted([row for row in rows if id(row) in met], preset, None)
        numbered: list[tuple[int, dict[str, object]]] = [
            (row.line, cells) for row, cells in zip(found.rows, found.table(), strict=True)
        ]
        empty: dict[str, object] = dict.fromkeys(COLUMNS, "")
        if where is None:
            numbered += [(each.line, empty | {"row_id": each.row_id, "reason": each.reason}) for _, each in rejected]
        listed += [cells for _, cells in sorted(numbered, key=lambda entry: entry[0])]
    return listed


def predict(*paths: str | Path, preset: str = "fitted", where: str | None = None, form: str | None = None) -> Prediction:
    """TPOT, TTFT and throughput per GPU of every row, with intervals and reasons; rows that cannot be read are left out.

    Args:
        paths: benchmark files; the shipped ones without any.
        preset: fitted, article, ideal or kernels.
        where: only rows that meet it.
        form: `article` predicts in the article's form, by the preset's three numbers, as every preset but `fitted` does
            anyway; `fitted` without it uses the fit of all rows (`pooled`), and `kernels` the sum of measured kernels,
            in which nothing is fitted to serving (`kernels`).

    Raises:
        InputError: a broken file, an unknown preset or form.
    """
    rows, _ = rows_of(paths)
    return _predicted(meeting(rows, where), preset, form)


_FORM_OF = {"fitted": "pooled", "kernels": "kernels"}


def _predicted(rows: Sequence[Measurement], preset: str, form: str | None) -> Prediction:
    chosen = load().preset(preset)
    if form not in {None, *PREDICTED_FORMS}:
        raise unknown_name("form", str(form), PREDICTED_FORMS)
    match form or _FORM_OF.get(preset, "article"):
        case "pooled":
            return predict_pooled(rows, pooled(), load(), recorded() if any(map(incomplete, rows)) else ())
        case "kernels":
            return predict_kernels(rows, load())
        case _:
            return predict_rows(rows, chosen, load())


def pooled() -> Pooled:
    """The shipped fit of all rows."""
    return _pooled(table_path(POOLED))


@lru_cache(maxsize=4)
def _pooled(path: Path) -> Pooled:
    catalog = load()
    law = {row.parameter: row.value for row in catalog.rows("pooled_law", PooledLawRow)}
    missing = [name for name in LAW_NAMES if name not in law]
    if missing:
        raise InputError(f"pooled_law.csv: no row of {missing[0]}; make fit writes it", field="pooled_law.csv")
    sizes: dict[str, list[tuple[str, str, str, float]]] = {name: [] for name in QUANTITIES}
    for row in catalog.rows("pooled_kernel", PooledKernelRow):
        sizes[row.quantity].append((row.what, row.of, row.space, row.number))
    sides, known = load_fit(path, {name: read_kernel(rows) for name, rows in sizes.items()})
    spreads: dict[tuple[str, str], tuple[float, float]] = {
        (row.quantity, row.way): (row.low, row.high) for row in accuracy()
    }
    return Pooled(Law(np.log([law[name] for name in LAW_NAMES])), sides, known, spreads)


@lru_cache(maxsize=1)
def recorded() -> Sequence[Recipe]:
    """The recipes of the shipped medians over runs."""
    return recipes(rows_of(shipped()[:1])[0])


@lru_cache(maxsize=1)
def layouts_run() -> Records:
    """Every layout of the shipped rows, and what has been run with it."""
    return records_of(table(rows_of(())[0], load(), recorded()).seen.rows)


def throughputs() -> Throughputs:
    """The shipped fit of throughput."""
    fit = pooled()
    side = fit.sides["throughput"]
    return Throughputs(fit.law, side, side.weights)


def accuracy() -> list[PooledErrorRow]:
    """Errors of the shipped fit on rows it had not seen, by the way they were held out."""
    return load().rows("pooled_errors", PooledErrorRow)


@dataclass(frozen=True)
class BestAccuracy:
    """How far best rates are off that are predicted without the runs they are held against.

    Attributes:
        errors: log(measured / predicted) by way held out, `of` the best rates and of the layout chosen among those run.
        compared: by way, and by how many layouts were run: the fit's best rate and that of measured kernels times what
            other runs reach of them, against the best measured run; log(predicted / measured).
        runs: what `compared` sums up, a best run a row.
    """

    errors: Sequence[Mapping[str, Any]]
    compared: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]


MANY_LAYOUTS = 10  # from so many on, a best run is the best of a search and not of what happened to be tried


def best_accuracy() -> BestAccuracy:
    """How far the best rates of a world are off, by the fit and by measured kernels; `make fitted-rates` measures it."""
    hidden = {"line", "table"}
    errors = [row.model_dump(exclude=hidden) for row in load().rows("fitted_errors", FittedErrorRow)]
    found = load().rows("best_runs", BestRunRow)
    compared = [
        _compared(by, way, said, rows)
        for said, rows in (
            ("all", found),
            (f"{MANY_LAYOUTS} or more", [row for row in found if row.layouts >= MANY_LAYOUTS]),
        )
        for way in ("pair", "model", "chip")
        for by in ("fit", "reached")
    ]
    return BestAccuracy(errors, compared, [row.model_dump(exclude=hidden) for row in found])


def _compared(by: str, way: str, layouts: str, rows: Sequence[BestRunRow]) -> dict[str, Any]:
    """Only of runs that both ways answer."""
    told = [row for row in rows if all(getattr(row, f"{each}_{way}") for each in ("fit", "reached"))]
    off = np.log([getattr(row, f"{by}_{way}") / row.measured for row in told])
    return {
        "layouts_run": layouts,
        "way": way,
        "by": by,
        "runs": len(told),
        "median_log": float(np.median(off)),
        "median_abs_log": float(np.median(np.abs(off))),
        "root_mean_square": float(np.sqrt(np.mean(off**2))),
    }


def held_out_errors() -> dict[str, list[tuple[Measurement, float]]]:
    """log(measured / predicted) of every shipped row, by quantity, predicted without its configuration.

    TTFT only of rows that measured its mean over requests, as that is what is predicted.
    """
    found = predict()
    sides = {
        "tpot": (found.tpot_s, [row.tpot_s for row in found.rows]),
        "ttft": (found.ttft_s, [row.ttft_s if row.statistic == "mean" else None for row in found.rows]),
        "throughput": (found.throughput_gpu_tok_s, [row.throughput_gpu for row in found.rows]),
    }
    errors: dict[str, list[tuple[Measurement, float]]] = {}
    for name, (predicted, measured) in sides.items():
        off = np.log(np.array([value or np.nan for value in measured], dtype=float) / predicted)
        errors[name] = [(found.rows[index], float(off[index])) for index in np.flatnonzero(~np.isnan(off)).tolist()]
    return errors


def validate(*paths: str | Path, preset: str = "fitted", where: str | None = None, form: str | None = None) -> list[Score]:
    """Predicted against measured, by group.

    Raises:
        InputError: a broken file, an unknown preset, nothing measured.
    """
    scores = validate_rows(predict(*paths, preset=preset, where=where, form=form))
    if not scores:
        raise InputError("rows: nothing measured to hold predictions against", field="rows")
    return scores


def measured(*paths: str | Path, speed: float | None = None, where: str | None = None) -> list[Best]:
    """The best measured run of every model, chip and workload at a wanted speed, by wall time and by 1/TPOT.

    Raises:
        InputError: a broken file, a speed that is not positive.
    """
    wanted = load().defaults["speed"] if speed is None else float(inputs.positive("speed", speed))
    rows, _ = rows_of(paths)
    return frontier(meeting(rows, where), wanted)


def _overestimate(observed: Mapping[str, Observed]) -> float:
    """Median of measured over predicted TPOT at efficiencies of 1 and no latency; NaN without TPOT."""
    if "tpot" not in observed:
        return float("nan")
    each = observed["tpot"]
    return float(np.median(each.measured_s / np.maximum(each.compute_s, each.bandwidth_s)))
