"""The project's fit: a physical law of a row (law.py), and what near rows of the shipped benchmarks say of its error.

Every row has labels (model, chip, engine ...) and coordinates (load, layout, what its step is made of). A fitted side,
TPOT or TTFT, keeps the rows it was fitted to with one weight each; a new row's correction is the covariance with them times
those weights. A label nobody has seen correlates with none: its effect is the population's, and its interval is wider.

Intervals are the 5% and 95% points of the errors on rows held out in the way the new row is new: another configuration of a
known model and chip, a pair never seen together, a model, a chip, or an engine never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.calibration.features import Features, features
from fleetline.calibration.kernel import Inputs, Kernel, Space, Term, inputs, mean
from fleetline.calibration.law import PARTS, Law
from fleetline.calibration.predict import Prediction
from fleetline.catalog import Catalog
from fleetline.errors import InputError
from fleetline.measurements import Measurement

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

QUANTITIES = ("tpot", "ttft")
# how a row may be new, the most new first; each is a way of holding rows out
WAYS = ("framework", "model", "chip", "pair", "configuration")

_ENGINE = ("engine", "vendor")
_CELL = ("model", "chip", "engine", "precision", "spec", "apart")

# What deviates together: labels, standard deviation of the log altogether, and over load. Set once by the held-out error of
# configurations; a deviation of 0.1 is 10% of a step's time.
_EFFECTS: Sequence[tuple[tuple[str, ...], float, float]] = (
    (("model",), 0.07, 0.05),
    (("chip",), 0.07, 0.05),
    (_ENGINE, 0.07, 0.10),
    (("attention",), 0.07, 0.05),
    (("precision", "chip"), 0.08, 0.05),
    (("model", "precision"), 0.08, 0.08),
    (("model", *_ENGINE), 0.10, 0.08),
    (("model", "chip"), 0.05, 0.03),
    (("chip", "engine"), 0.06, 0.03),
    (("model", "spec", "engine"), 0.06, 0.04),
    (("engine", "apart", "dp"), 0.07, 0.09),
    (("model", "chip", "engine", "precision"), 0.04, 0.03),
    (_CELL, 0.05, 0.06),
)
_TERMS = (
    Term((), "mix", 0.25),
    Term((), "load", 0.12),
    *(Term(labels, "", altogether) for labels, altogether, _ in _EFFECTS),
    *(Term(labels, "load", over_load) for labels, _, over_load in _EFFECTS),
    Term(("kind", "engine"), "", 0.015),
    Term(("chip",), "mix", 0.12),
    Term(_ENGINE, "mix", 0.07),
    Term(("model",), "mix", 0.07),
    Term(_CELL, "layout", 0.06),
)
# How far apart rows may lie and still say something of each other: in logarithms, shares and yes or no.
_SPACES: Mapping[str, Space] = MappingProxyType(
    {
        "mix": Space({f"mix_{part}": 0.35 for part in PARTS}),
        "load": Space({"sequences": 2.4, "gpus": 3.0, "input": 5.0, "output": 4.0, "dp": 2.0, "spec": 1.4, "apart": 1.0}),
        "layout": Space(
            {
                **{"sequences": 4.0, "gpus": 1.6, "input": 4.0, "output": 5.0, "dp": 2.0, "ep": 2.2, "spec": 0.8},
                **{"apart": 1.0, "engines": 2.7, "ratio": 2.3, "prefill": 2.5, "guessed": 0.6},
            },
            heavy=True,
        ),
    }
)
_TTFT_OVER_TPOT = 1.5  # the same effects deviate more in TTFT
KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        "tpot": Kernel(_TERMS, _SPACES, noise=0.03, configuration=0.068),
        "ttft": Kernel(
            tuple(Term(term.labels, term.space, _TTFT_OVER_TPOT * term.deviation) for term in _TERMS),
            _SPACES,
            noise=0.08,
            configuration=0.15,
        ),
    }
)


@dataclass(frozen=True)
class Side:
    """One quantity's fit: the rows it was fitted to and the weight of each."""

    rows: Inputs
    weights: Array


@dataclass(frozen=True)
class Pooled:
    """The whole fit. `spreads`: (quantity, way) -> 5% and 95% points of log(measured / predicted) on rows held out so.

    `busy` is the share of a run during which all clients are served: a run starts and ends with fewer.
    """

    law: Law
    sides: Mapping[str, Side]
    spreads: Mapping[tuple[str, str], tuple[float, float]]
    busy: float


def row_inputs(rows: Features, law: Law) -> Inputs:
    """The labels and coordinates of rows."""
    return inputs(_labels(rows), _coordinates(rows, law))


def _labels(rows: Features) -> dict[str, Names]:
    def yes(values: Array) -> Names:
        return np.where(values > 0, "1", "0")

    return {
        **{name: getattr(rows, name) for name in ("model", "chip", "engine", "vendor", "precision", "attention", "kind")},
        "spec": yes(rows.speculates),
        "apart": yes(rows.disaggregated),
        "dp": np.where(rows.dp_unstated > 0, "?", yes(rows.dp)),
    }


def _coordinates(rows: Features, law: Law) -> dict[str, Array]:
    """Root shares of a step's parts, and logarithms of load and layout."""
    parts = np.stack([law.parts(rows)[part] for part in PARTS], axis=1)
    shares = np.sqrt(parts / parts.sum(axis=1, keepdims=True))

    def log(values: Array) -> Array:
        return np.log(np.maximum(values, 1e-9))

    return {
        **{f"mix_{part}": shares[:, index] for index, part in enumerate(PARTS)},
        "sequences": log(rows.sequences),
        "gpus": log(rows.gpus),
        "input": log(rows.tokens_in),
        "output": log(rows.tokens_out),
        "dp": np.where(rows.dp_unstated > 0, 0.5, rows.dp),
        "ep": log(rows.ep),
        "spec": rows.speculates,
        "apart": rows.disaggregated,
        "engines": log(rows.engines),
        "ratio": log(rows.prefill_engines / rows.engines),
        "prefill": log(rows.prefill_gpus),
        "guessed": rows.guessed,
    }


def predict(rows: Sequence[Measurement], fit: Pooled, catalog: Catalog) -> Prediction:
    """TPOT, mean TTFT and throughput per GPU of every row, with 90% intervals and a reason where there is none."""
    every = features(rows, catalog)
    answered = np.flatnonzero(every.answered)
    found = every.take(answered)
    columns = {
        name: np.full(len(rows), np.nan)
        for name in ("tpot", "tpot_low", "tpot_high", "ttft", "ttft_low", "ttft_high", "throughput")
    }
    if len(found):
        for name, values in _predicted(found, fit).items():
            columns[name][answered] = values
    return Prediction(
        rows=rows,
        tpot_s=columns["tpot"],
        tpot_low_s=columns["tpot_low"],
        tpot_high_s=columns["tpot_high"],
        ttft_s=columns["ttft"],
        ttft_low_s=columns["ttft_low"],
        ttft_high_s=columns["ttft_high"],
        throughput_gpu_tok_s=columns["throughput"],
        reason=[str(reason) for reason in every.reason],
    )


def _predicted(rows: Features, fit: Pooled) -> dict[str, Array]:
    here = row_inputs(rows, fit.law)
    tpot = fit.law.tpot(rows)
    laws = {"tpot": tpot, "ttft": fit.law.ttft(rows, tpot)}
    values = {each: laws[each] * np.exp(correction(each, here, fit.sides[each])) for each in QUANTITIES}
    new = novelty(rows, fit.sides["tpot"].rows)
    answer: dict[str, Array] = dict(values)
    for each in QUANTITIES:
        edges = np.array([fit.spreads[each, way] for way in WAYS])[new]
        answer |= {f"{each}_low": values[each] * np.exp(edges[:, 0]), f"{each}_high": values[each] * np.exp(edges[:, 1])}
    return answer | {"throughput": fit.busy * throughput(rows, values["tpot"], values["ttft"])}


def correction(quantity: str, new: Inputs, side: Side) -> Array:
    """What the fitted rows say of new rows' deviation from the law [log]; shape (rows,)."""
    return mean(KERNELS[quantity], new, side.rows, side.weights)


def throughput(rows: Features, tpot: Array, ttft: Array) -> Array:
    """Input and output tokens per second over all GPUs while every client is served (Little's law) [token/s]."""
    tokens = rows.tokens_in + rows.tokens_out
    return np.asarray(rows.clients * tokens / (ttft + rows.tokens_out * tpot) / rows.total_gpus)


def novelty(rows: Features, fitted: Inputs) -> npt.NDArray[np.intp]:
    """Index into WAYS of how each row is new to the fitted ones."""
    known = {name: set(fitted.of(name).tolist()) for name in ("engine", "model", "chip")}
    pairs = set(zip(fitted.of("model").tolist(), fitted.of("chip").tolist(), strict=True))
    seen = [
        np.array([each in known[name] for each in getattr(rows, name).tolist()], dtype=bool)
        for name in ("engine", "model", "chip")
    ]
    paired = np.array([each in pairs for each in zip(rows.model.tolist(), rows.chip.tolist(), strict=True)], dtype=bool)
    return np.asarray(np.select([~each for each in (*seen, paired)], range(4), default=4))


def save(path: Path, sides: Mapping[str, Side]) -> None:
    """Write the fitted rows and weights as NumPy arrays."""
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name, side in sides.items():
        arrays[f"{name}.names"] = np.array(side.rows.names)
        arrays[f"{name}.combinations"] = side.rows.combinations
        arrays[f"{name}.place"] = side.rows.place.astype(np.int32)
        arrays[f"{name}.coordinates"] = np.array(list(side.rows.coordinates))
        arrays[f"{name}.points"] = np.stack(list(side.rows.coordinates.values()), axis=1).astype(np.float32)
        arrays[f"{name}.weights"] = side.weights.astype(np.float32)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_sides(path: Path) -> dict[str, Side]:
    """The fitted rows and weights that `save` wrote.

    Raises:
        InputError: no such file, or none that this version wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: _side(name, {key: held[key] for key in held.files}) for name in QUANTITIES}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"fit {path.name}: cannot be read ({error}); make fit writes it", field=path.name) from error


def _side(name: str, held: Mapping[str, npt.NDArray[np.generic]]) -> Side:
    points = np.asarray(held[f"{name}.points"], dtype=float)
    coordinates = {str(each): points[:, index] for index, each in enumerate(held[f"{name}.coordinates"].tolist())}
    rows = Inputs(
        names=tuple(str(each) for each in held[f"{name}.names"].tolist()),
        combinations=np.asarray(held[f"{name}.combinations"], dtype=np.str_),
        place=np.asarray(held[f"{name}.place"], dtype=np.intp),
        coordinates=MappingProxyType(coordinates),
    )
    return Side(rows, np.asarray(held[f"{name}.weights"], dtype=float))
