"""Fitting the law and the two sides, and the error on rows held out: what `make fit` writes.

The law is fitted to all rows at once, each weighted by one over the root of its group's size: a group is a configuration
and what differs from it in name alone. Its parameters have priors; the loss is soft (outliers count linearly). A side is
then solved twice: the second time rows that lie far from what all other groups say of them count less.

The held-out errors leave the law as fitted to all rows: its 45 parameters are few beside 9,000 rows. What the kernel says
of a row is without every row of its block, in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from fleetline.calibration.features import Features
from fleetline.calibration.kernel import Rows, inflation, left_out, solve
from fleetline.calibration.law import PRIOR, SPREAD, Law
from fleetline.calibration.pooled import KERNELS, WAYS, Side, row_inputs

Array = npt.NDArray[np.float64]

_SCALE = {"tpot": 0.3, "ttft": 0.5}  # log error from which on a row counts as an outlier to the law
_ROWS_A_PRIOR = 25.0  # so many rows of a group of one say as much of a parameter as its prior


@dataclass(frozen=True)
class Observed:
    """Rows with what was measured of them [s], NaN where nothing was; `config` as the score counts, `group` to hold out."""

    rows: Features
    tpot: Array
    ttft: Array
    config: npt.NDArray[np.str_]
    group: Rows

    def take(self, chosen: npt.NDArray[np.bool_]) -> Observed:
        """Only these rows."""
        return Observed(
            self.rows.take(chosen), self.tpot[chosen], self.ttft[chosen], self.config[chosen], self.group[chosen]
        )

    def having(self, quantity: str) -> Observed:
        """The rows that this quantity can be fitted to: TTFT only where it is a mean over requests."""
        values: Array = getattr(self, quantity)
        return self.take(~np.isnan(values) & ((quantity == "tpot") | (self.rows.kind == "mean")))


_LAYOUT = ("speculates", "disaggregated", "gpus", "engines", "prefill_gpus", "prefill_engines", "dp", "ep")


def groups(rows: Features, config: npt.NDArray[np.str_]) -> Rows:
    """Configurations, those of one model, chip, engine and layout taken together: they are near copies."""
    layout = np.stack(
        [
            *(getattr(rows, name) for name in ("model", "chip", "engine", "precision")),
            *(
                getattr(rows, name).astype(int).astype(str)
                for name in (
                    "speculates",
                    "disaggregated",
                    "gpus",
                    "engines",
                    "prefill_gpus",
                    "prefill_engines",
                    "dp",
                    "ep",
                )
            ),
        ],
        axis=1,
    )
    _, alike = np.unique(layout, axis=0, return_inverse=True)
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


def fit_law(seen: Observed, evaluations: int = 60) -> Law:
    """The law's parameters by penalised, soft least squares of both logarithms."""
    known = seen.take(seen.rows.guessed == 0)
    sides = {quantity: known.having(quantity) for quantity in _SCALE}
    weights = {quantity: _weights(each.group) for quantity, each in sides.items()}

    def residuals(logs: Array) -> Array:
        law = Law(logs)
        errors = []
        for quantity, each in sides.items():
            wrong = np.log(predicted(law, each.rows)[quantity] / getattr(each, quantity)) / _SCALE[quantity]
            errors.append(_soft(wrong) * weights[quantity] / np.sqrt(_ROWS_A_PRIOR))
        return np.concatenate([*errors, (logs - PRIOR) / SPREAD])

    return Law(np.asarray(optimize.least_squares(residuals, PRIOR, max_nfev=evaluations).x))


def predicted(law: Law, rows: Features) -> Mapping[str, Array]:
    """Both quantities by the law alone [s]."""
    tpot = law.tpot(rows)
    return {"tpot": tpot, "ttft": law.ttft(rows, tpot)}


def _weights(group: Rows) -> Array:
    weights = np.bincount(group)[group] ** -0.5
    return np.asarray(np.sqrt(weights / weights.mean()))


def _soft(errors: Array) -> Array:
    return np.asarray(np.sign(errors) * np.sqrt(2.0 * (np.sqrt(1.0 + errors**2) - 1.0)))


@dataclass(frozen=True)
class Held:
    """Rows of one quantity held out in one way: log(measured / predicted) of each, and its configuration."""

    quantity: str
    way: str
    errors: Array
    config: npt.NDArray[np.str_]

    @property
    def by_configuration(self) -> float:
        """Mean over configurations of each one's median absolute error."""
        off = np.abs(self.errors)
        return float(np.mean([np.median(off[self.config == name]) for name in np.unique(self.config)]))


def fit_side(quantity: str, seen: Observed, law: Law) -> tuple[Side, list[Held]]:
    """One quantity's weights, and the errors on rows held out in every way."""
    known = seen.having(quantity)
    here, kernel = row_inputs(known.rows, law), KERNELS[quantity]
    left = np.log(getattr(known, quantity) / predicted(law, known.rows)[quantity])
    ways = _ways(known)
    solved = solve(kernel, here, left, known.group, np.ones(len(left)))
    outlying = inflation(left - left_out(solved, left, ways["configuration"]))
    solved = solve(kernel, here, left, known.group, outlying)
    held = [Held(quantity, way, left - left_out(solved, left, ways[way]), known.config) for way in WAYS]
    return Side(here, solved.weights), held


def _ways(known: Observed) -> Mapping[str, Sequence[Rows]]:
    rows = known.rows
    pairs = np.char.add(np.char.add(rows.model, " on "), rows.chip)
    labels = {"framework": rows.engine, "model": rows.model, "chip": rows.chip, "pair": pairs, "configuration": known.group}
    return {way: _blocks(labels[way]) for way in WAYS}


def _blocks(labels: npt.NDArray[np.generic]) -> list[Rows]:
    _, place = np.unique(labels, return_inverse=True)
    order = np.argsort(place, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(np.asarray(place)[order])) + 1)
