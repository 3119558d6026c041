"""Fitting the law and the sides, and the error on rows held out: what `make fit` writes.

The law is fitted to at most three concurrencies of every configuration and workload, each weighted by one over the root of
its group's size: a group is a configuration and what differs from it in name alone. Its parameters have priors; the loss is
soft (outliers count linearly). The kernel's sizes are then learned (learn.py) and a side is solved twice: the second time
rows that lie far from what all other groups say of them count less.

Errors are of nested hold-outs: rows that are held out are left out of the law as well as of what the kernel borrows from.
The law without them is one Newton step from the law with them (the loss is nearly quadratic over such a step; a slow test
holds it against full refits); the kernel's mean without a block is exact, in closed form. The kernel's sizes, some 70
numbers for 1,200 configurations, are learned from a sample of all of them, the held-out ones not taken out: what that is
worth `tools/fit.py --halves` prints.

Source: ours; leaving a block out in closed form: Rasmussen and Williams 2006, section 5.4.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from fleetline.calibration.features import ENGINES, FORMATS, Features, features
from fleetline.calibration.kernel import Kernel, Rows, Solved, inflation, left_out, solve, weights_without
from fleetline.calibration.law import NAMES, PRIOR, SPREAD, Law
from fleetline.calibration.learn import learn
from fleetline.calibration.pooled import Keys, Known, Names, Side, keys, row_inputs
from fleetline.calibration.recipes import Recipe, complete
from fleetline.calibration.terms import QUANTITIES, start
from fleetline.catalog import Catalog
from fleetline.measurements import Measurement

Array = npt.NDArray[np.float64]

_SCALE = {"tpot": 0.3, "ttft": 0.5, "throughput": 0.3}  # log error from which on a row counts as an outlier to the law
_ROWS_A_PRIOR = 5.0  # so many rows of a group of one say as much of a parameter as its prior
_CONCURRENCIES = 3  # of a configuration's workload that are fitted; the others are near copies
_GUESSED = 0.5  # noise of a row whose layout is a neighbour's [log]
_SAMPLE = 1600  # rows of whole configurations that the kernel's sizes are learned from
_STEP = 1e-6  # of a parameter's logarithm, to see how residuals move
_FOLDS = 12  # into which configurations and pairs are put to refit the law without them


@dataclass(frozen=True)
class Observed:
    """Rows with what was measured of them, NaN where nothing was.

    Attributes:
        config: as the score counts. group: to hold out together. latest: of the last quarter in time.
    """

    rows: Features
    measured: Mapping[str, Array]
    config: Names
    group: Rows
    latest: npt.NDArray[np.bool_]

    def take(self, chosen: npt.NDArray[np.bool_] | Rows) -> Observed:
        """Only these rows."""
        measured = {name: values[chosen] for name, values in self.measured.items()}
        parts = (self.config[chosen], self.group[chosen], self.latest[chosen])
        return Observed(self.rows.take(chosen), measured, *parts)

    def having(self, quantity: str) -> Rows:
        """The rows that this quantity can be fitted to: TTFT only where it is a mean over requests."""
        known = ~np.isnan(self.measured[quantity])
        return np.flatnonzero(known & (self.rows.kind == "mean") if quantity == "ttft" else known)


@dataclass(frozen=True)
class Table:
    """The shipped rows: to fit, to predict when nothing of their configuration is known, and their keys.

    Rows of one key cannot be told apart before they are measured: they are of one group.
    """

    seen: Observed
    unseen: Features
    keys: Keys
    fitted: Rows  # the rows of `seen` that are fitted


def table(rows: Sequence[Measurement], catalog: Catalog, known: Sequence[Recipe]) -> Table:
    """Every row that can be predicted."""
    sure, asked = complete(rows, known, confirm=True), complete(rows, known)
    every, told = features(sure.rows, catalog, sure.guessed), features(asked.rows, catalog, asked.guessed)
    hidden = complete(rows, known, without=_own(rows, sure.config, keys(told)))
    unseen = features(hidden.rows, catalog, hidden.guessed)
    kept = np.flatnonzero(every.answered & unseen.answered & told.answered)
    found, measured = every.take(kept), [rows[index] for index in kept.tolist()]
    named = np.array([sure.config[index] or rows[index].config for index in kept.tolist()])
    seen = Observed(
        found,
        {name: _column(measured, field) for name, field in _FIELDS.items()},
        np.array([row.config for row in measured]),
        _joined(groups(found, named), np.unique(keys(told.take(kept)), return_inverse=True)[1].ravel()),
        _latest(rows)[kept],
    )
    return Table(seen, unseen.take(kept), keys(told.take(kept)), _thinned(measured))


def _own(rows: Sequence[Measurement], config: Sequence[str], key: Keys) -> dict[str, set[str]]:
    """Of every row the configurations that it, or one that looks the same before it is measured, was found to be."""
    alike: dict[int, set[str]] = defaultdict(set)
    for each, name in zip(key.tolist(), config, strict=True):
        alike[each] |= {name} - {""}
    return {row.row_id: alike[each] for row, each in zip(rows, key.tolist(), strict=True)}


_FIELDS = {"tpot": "tpot_s", "ttft": "ttft_s", "throughput": "throughput_gpu"}


def _column(rows: Sequence[Measurement], field: str) -> Array:
    return np.array([getattr(row, field) or np.nan for row in rows], dtype=float)


def _latest(rows: Sequence[Measurement]) -> npt.NDArray[np.bool_]:
    """The newest quarter of dated rows, and of undated ones by their configurations' numbers, which rise with time."""
    number = np.array([int(row.config) if row.config.isdigit() and row.date is None else -1 for row in rows])
    day = np.array([row.date or "" for row in rows])
    latest = np.zeros(len(rows), dtype=bool)
    if np.any(number >= 0):
        latest |= number >= np.quantile(np.unique(number[number >= 0]), 0.75)
    if np.any(day != ""):
        latest |= day >= np.sort(day[day != ""])[int(0.75 * np.sum(day != ""))]
    return latest


def _thinned(rows: Sequence[Measurement]) -> Rows:
    """At most three concurrencies of every configuration, workload and kind of row."""
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        alike[row.config, row.hardware, row.model, row.input_tokens, row.output_tokens, row.statistic, row.kind].append(
            index
        )
    kept: list[int] = []
    for members in alike.values():
        ordered = sorted(members, key=lambda index: (rows[index].concurrency, index))
        place = np.linspace(0, len(ordered) - 1, min(_CONCURRENCIES, len(ordered))).round().astype(int)
        kept += [ordered[each] for each in place]
    return np.array(sorted(kept), dtype=np.intp)


_LAYOUT = ("speculates", "disaggregated", "gpus", "engines", "prefill_gpus", "prefill_engines", "dp", "ep")


def groups(rows: Features, config: Names) -> Rows:
    """Configurations, those of one model, chip, engine and layout taken together: they are near copies."""
    words = [getattr(rows, name) for name in ("model", "chip", "engine", "precision")]
    numbers = [getattr(rows, name).astype(int).astype(str) for name in _LAYOUT]
    _, alike = np.unique(np.stack([*words, *numbers], axis=1), axis=0, return_inverse=True)
    _, named = np.unique(config, return_inverse=True)
    return _joined(np.asarray(named).ravel(), np.asarray(alike).ravel())


def _joined(first: Rows, second: Rows) -> Rows:
    """Rows that share either number, directly or through others."""
    found = first.copy()
    while True:
        before = found.copy()
        for each in (second, first):
            least = np.full(each.max() + 1, len(found) + found.max() + 1)
            np.minimum.at(least, each, found)
            found = least[each]
        if np.array_equal(before, found):
            return np.asarray(np.unique(found, return_inverse=True)[1]).ravel()


@dataclass(frozen=True)
class FittedLaw:
    """The law, and what it takes to leave rows out of it: residuals at the least loss, their slopes, each one's row."""

    law: Law
    residuals: Array
    slopes: Array
    owner: Rows

    def without(self, rows: Rows) -> Law:
        """The law fitted to all other rows: one Newton step."""
        gone = np.isin(self.owner, rows)
        slopes = self.slopes[gone]
        curvature = self.slopes.T @ self.slopes - slopes.T @ slopes
        return Law(self.law.logs + linalg.solve(curvature, slopes.T @ self.residuals[gone], assume_a="pos"))


def fit_law(seen: Observed, evaluations: int = 15) -> FittedLaw:
    """The law's parameters by penalised, soft least squares of the logarithms of all quantities."""
    stated = seen.rows.guessed == 0
    sides = {name: seen.having(name)[stated[seen.having(name)]] for name in QUANTITIES}
    weights = {name: _weights(seen.group[rows]) / np.sqrt(_ROWS_A_PRIOR) for name, rows in sides.items()}
    measured = {name: np.log(seen.measured[name][rows]) for name, rows in sides.items()}

    def residuals(logs: Array) -> Array:
        values = Law(logs).values(seen.rows)
        wrong = [(np.log(values[name][rows]) - measured[name]) / _SCALE[name] for name, rows in sides.items()]
        soft = [_soft(each) * weight for each, weight in zip(wrong, weights.values(), strict=True)]
        return np.concatenate([*soft, (logs - PRIOR) / SPREAD])

    owner = np.concatenate([*sides.values(), np.full(len(PRIOR), -1)])
    apart = _apart(seen.rows, owner)
    found = optimize.least_squares(residuals, PRIOR, lambda logs: _slopes(residuals, logs, apart), max_nfev=evaluations)
    return FittedLaw(Law(np.asarray(found.x)), np.asarray(found.fun), np.asarray(found.jac), owner)


def _apart(rows: Features, owner: Rows) -> list[list[tuple[int, npt.NDArray[np.bool_]]]]:
    """Parameters that can be moved together, as no residual has two of them: of different engines, of different formats.

    Of each its place, and which residuals it moves: those of its own rows, and its prior's.
    """
    families: dict[str, list[tuple[int, npt.NDArray[np.bool_]]]] = defaultdict(list)
    measured = owner >= 0
    for place, name in enumerate(NAMES):
        family, _, member = name.rpartition("_")
        own = owner == -1
        own[measured] = True
        for members, of_row in ((ENGINES, rows.engine_place), (FORMATS, rows.format_place)):
            if member in members and family:
                own[measured] = of_row[owner[measured]] == members.index(member)
                family += " of each"  # not the population's parameter of that name
                break
        else:
            family = name
        prior = np.flatnonzero(~measured)
        own[prior] = prior - prior[0] == place
        families[family].append((place, own))
    return list(families.values())


def _slopes(
    residuals: Callable[[Array], Array], logs: Array, apart: Sequence[Sequence[tuple[int, npt.NDArray[np.bool_]]]]
) -> Array:
    """How each residual moves with each parameter's logarithm, by differences of whole families of parameters."""
    here = residuals(logs)
    slopes = np.zeros((len(here), len(logs)))
    for family in apart:
        moved = logs.copy()
        moved[[place for place, _ in family]] += _STEP
        change = (residuals(moved) - here) / _STEP
        for place, own in family:
            slopes[own, place] = change[own]
    return slopes


def _weights(group: Rows) -> Array:
    weights = np.bincount(group)[group] ** -0.5
    return np.asarray(np.sqrt(weights / weights.mean())) if len(group) else np.ones(0)


def _soft(errors: Array) -> Array:
    return np.asarray(np.sign(errors) * np.sqrt(2.0 * (np.sqrt(1.0 + errors**2) - 1.0)))


@dataclass(frozen=True)
class FittedSide:
    """A side, the rows of `Observed` it was fitted to, and the inverse covariance that leaves rows out."""

    quantity: str
    side: Side
    rows: Rows
    solved: Solved


def learned(quantity: str, seen: Observed, law: Law) -> Kernel:
    """The kernel of a quantity, its sizes learned from a sample of whole configurations."""
    rows = seen.having(quantity)
    rows = rows[seen.rows.guessed[rows] == 0]
    order = np.random.default_rng(0).permutation(np.unique(seen.group[rows]))
    size = np.bincount(seen.group[rows], minlength=int(order.max()) + 1)[order]
    rows = rows[np.isin(seen.group[rows], order[np.cumsum(size) <= _SAMPLE])]
    few = seen.take(rows)
    here, left = row_inputs(few.rows), _left(quantity, few, law)
    begin = start(quantity)
    solved = solve(begin, here, left, few.group, np.ones(len(left)))
    return learn(begin, here, left, few.group, inflation(left - left_out(solved, left, blocks(few.group))))


def fit_side(quantity: str, seen: Observed, law: Law, kernel: Kernel) -> FittedSide:
    """One quantity's weights."""
    rows = seen.having(quantity)
    known = seen.take(rows)
    here, left = row_inputs(known.rows), _left(quantity, known, law)
    noise = 1.0 + known.rows.guessed * (_GUESSED / kernel.noise) ** 2
    solved = solve(kernel, here, left, known.group, noise)
    outlying = inflation(left - left_out(solved, left, blocks(known.group)))
    solved = solve(kernel, here, left, known.group, noise * outlying)
    return FittedSide(quantity, Side(kernel, here, solved.weights), rows, solved)


def _left(quantity: str, known: Observed, law: Law) -> Array:
    return np.asarray(np.log(known.measured[quantity] / law.values(known.rows)[quantity]))


def blocks(labels: npt.NDArray[np.generic]) -> list[Rows]:
    """The rows of every label."""
    _, place = np.unique(labels, return_inverse=True)
    order = np.argsort(place, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(np.asarray(place)[order])) + 1)


@dataclass(frozen=True)
class Held:
    """Rows of one quantity held out in one way: log(measured / predicted) of each, and its configuration."""

    quantity: str
    way: str
    errors: Array
    config: Names


def held_out(side: FittedSide, law: FittedLaw, seen: Observed) -> list[Held]:
    """The errors on the fitted rows held out in every way but by configuration."""
    known = seen.take(side.rows)
    measured = np.log(known.measured[side.quantity])
    found = []
    for way, labels in _ways(known.rows, seen.take(side.rows).latest).items():
        errors = np.full(len(measured), np.nan)
        for block in blocks(labels):
            if way == "time" and not known.latest[block[0]]:
                continue
            without = law.without(side.rows[block]).values(known.rows)[side.quantity]
            left = measured - np.log(without)
            errors[block] = left[block] - left_out(again(side.solved, left), left, [block])[block]
        told = ~np.isnan(errors)
        found.append(Held(side.quantity, way, errors[told], known.config[told]))
    return found


def left_out_by_configuration(side: FittedSide, seen: Observed, law: Law) -> tuple[Array, Rows]:
    """log(measured / predicted) of the fitted rows without their configuration, the law being given, and which they are."""
    known = seen.take(side.rows)
    left = _left(side.quantity, known, law)
    return left - left_out(side.solved, left, blocks(known.group)), side.rows


def again(solved: Solved, values: Array) -> Solved:
    """The same rows with other values."""
    return replace(solved, weights=np.asarray(solved.inverse @ values.astype(np.float32), dtype=float))


def _ways(rows: Features, latest: npt.NDArray[np.bool_]) -> Mapping[str, npt.NDArray[np.generic]]:
    pairs = np.char.add(np.char.add(rows.model, " on "), rows.chip)
    return {"framework": rows.engine, "model": rows.model, "chip": rows.chip, "pair": pairs, "time": latest}


def without_their_configuration(side: FittedSide, law: FittedLaw, every: Table) -> Array:
    """What is predicted of every row of the table when its configuration's rows had never been measured."""
    group = every.seen.group
    fold = np.random.default_rng(0).integers(0, _FOLDS, int(group.max()) + 1)[group]
    found = np.full(len(group), np.nan)
    fitted = every.fitted[side.rows]
    left_of = every.seen.take(fitted)
    measured = np.log(left_of.measured[side.quantity])
    for number in range(_FOLDS):
        rows = np.flatnonzero(fold == number)
        without = law.without(np.flatnonzero(fold[every.fitted] == number))
        left = measured - np.log(without.values(left_of.rows)[side.quantity])
        new = every.unseen.take(rows)
        near = side.side.kernel.covariance(row_inputs(new), side.side.rows)
        said = np.log(without.values(new)[side.quantity])
        found[rows] = np.exp(said + _corrections(near, again(side.solved, left), group[rows], left_of.group))
    return found


def _corrections(near: npt.NDArray[np.float32], solved: Solved, group: Rows, fitted: Rows) -> Array:
    """Each new row's mean by all fitted rows but its own group's; shape (new rows,)."""
    found = np.empty(len(group))
    for members in blocks(group):
        own = np.flatnonzero(fitted == group[members[0]])
        found[members] = near[members] @ weights_without(solved, own)
    return found


def known_rows(every: Table, values: Mapping[str, Array]) -> Known:
    """The rows of the table by key; of rows that differ in nothing but what was measured, the first."""
    ordered, first = np.unique(every.keys, return_index=True)
    return Known(ordered, {name: each[first] for name, each in values.items()})
