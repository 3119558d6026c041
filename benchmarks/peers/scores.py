"""Predicted against measured, one line for a predictor, a quantity and a group of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.measurements import Measurement

Array = npt.NDArray[np.float64]
QUANTITIES = ("tpot", "ttft")
EVERY, NVIDIA, KIMI = "all rows", "Nvidia", "Kimi K2.5 on Nvidia"


@dataclass(frozen=True)
class Predictor:
    """A predictor's answers for the rows in their order [s], NaN where it gives none; `source` says what made them."""

    name: str
    source: str
    tpot: Array
    ttft: Array


@dataclass(frozen=True)
class Line:
    """One score; errors are |log(predicted / measured)|.

    Attributes:
        rows, configurations: with a measured value. answered: rows with a prediction too; share: of `rows`.
        median: over answered rows. by_configuration: mean over configurations of each one's median.
        bias: median of log(predicted / measured); over 0 is too slow a prediction.
        ours_median, ours_by_configuration: our errors on the very rows that this predictor answers.
    """

    quantity: str
    group: str
    predictor: str
    rows: int
    configurations: int
    answered: int
    share: float
    median: float
    by_configuration: float
    bias: float
    ours_median: float
    ours_by_configuration: float
    source: str


def lines(rows: Sequence[Measurement], predictors: Sequence[Predictor], ours: Predictor) -> list[Line]:
    """Every predictor's score of every quantity and group; `ours` is one of the predictors."""
    config = np.array([row.config for row in rows])
    found = []
    for quantity in QUANTITIES:
        truth = measured(rows, quantity)
        for name, members in groups(rows).items():
            for predictor in predictors:
                errors = np.log(getattr(predictor, quantity) / truth)[members]
                beside = np.log(getattr(ours, quantity) / truth)[members]
                found.append(_line(quantity, name, predictor, truth[members], errors, beside, config[members]))
    return [line for line in found if line.rows]


def measured(rows: Sequence[Measurement], quantity: str) -> Array:
    """Measured TPOT, or TTFT where it is a mean over requests (a median of a queue is another quantity) [s]."""
    values = [getattr(row, f"{quantity}_s") if quantity == "tpot" or row.statistic == "mean" else None for row in rows]
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def groups(rows: Sequence[Measurement]) -> Mapping[str, npt.NDArray[np.bool_]]:
    """All rows, those of one vendor, Kimi's among them, and each model's."""
    model, vendor = np.array([row.model for row in rows]), np.array([row.vendor for row in rows])
    nvidia = vendor == "NVIDIA"
    named = {EVERY: np.ones(len(rows), dtype=bool), NVIDIA: nvidia, KIMI: nvidia & (model == "kimik2.5")}
    return named | {str(name): model == name for name in np.unique(model)}


def _line(
    quantity: str,
    group: str,
    predictor: Predictor,
    truth: Array,
    errors: Array,
    beside: Array,
    config: npt.NDArray[np.str_],
) -> Line:
    known, answered = np.isfinite(truth), np.isfinite(errors)
    both = answered & np.isfinite(beside)
    rows = int(known.sum())
    return Line(
        quantity=quantity,
        group=group,
        predictor=predictor.name,
        rows=rows,
        configurations=len(np.unique(config[known])),
        answered=int(answered.sum()),
        share=answered.sum() / rows if rows else np.nan,
        median=median(np.abs(errors[answered])),
        by_configuration=by_configuration(np.abs(errors[answered]), config[answered]),
        bias=median(errors[answered]),
        ours_median=median(np.abs(beside[both])),
        ours_by_configuration=by_configuration(np.abs(beside[both]), config[both]),
        source=predictor.source,
    )


def median(values: Array) -> float:
    """NaN of nothing."""
    return float(np.median(values)) if len(values) else float("nan")


def by_configuration(errors: Array, config: npt.NDArray[np.str_]) -> float:
    """Mean over configurations of each one's median."""
    if not len(errors):
        return float("nan")
    return float(np.mean([np.median(errors[config == name]) for name in np.unique(config)]))
