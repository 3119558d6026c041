"""The project's fit: a physical law of a row (law.py), and what near rows of the shipped benchmarks say of its error.

Every row has labels (model, chip, engine ...) and coordinates (load, layout, what its step is made of). A fitted side, of
TPOT, TTFT or throughput, keeps the rows it was fitted to with one weight each; a new row's correction is the covariance
with them times those weights. A label nobody has seen correlates with none: its effect is the population's, and its
interval is wider.

A row of the fit itself is predicted without its configuration, as if it had never been measured: so its error is the error
to expect of a new one, and no measured value is read back.

Intervals are the 5% and 95% points of the errors on rows held out in the way the new row is new: another configuration of a
known model and chip, a pair never seen together, a model, a chip, or an engine never seen.

Source: ours; the law and the kernel as their modules cite.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.calibration.features import Features, features
from fleetline.calibration.kernel import Inputs, Kernel, inputs, mean
from fleetline.calibration.law import PARTS, PRIOR, Law
from fleetline.calibration.predict import Prediction
from fleetline.calibration.recipes import Recipe, complete
from fleetline.calibration.terms import QUANTITIES
from fleetline.catalog import Catalog
from fleetline.errors import InputError
from fleetline.measurements import Measurement

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
Keys = npt.NDArray[np.uint64]

# how a row may be new, the most new first; each is a way of holding rows out
WAYS = ("framework", "model", "chip", "pair", "configuration")


@dataclass(frozen=True)
class Side:
    """One quantity's fit: its kernel, the rows it was fitted to and the weight of each."""

    kernel: Kernel
    rows: Inputs
    weights: Array


@dataclass(frozen=True)
class Known:
    """Rows of the fit by key, and what is predicted of each without its configuration; `keys` rise."""

    keys: Keys
    values: Mapping[str, Array]


@dataclass(frozen=True)
class Pooled:
    """The whole fit. `spreads`: (quantity, way) -> 5% and 95% points of log(measured / predicted) on rows held out so."""

    law: Law
    sides: Mapping[str, Side]
    known: Known
    spreads: Mapping[tuple[str, str], tuple[float, float]]


def row_inputs(rows: Features) -> Inputs:
    """The labels and coordinates of rows: by the law's priors, so that no measured row moves another's place."""
    return inputs(_labels(rows), _coordinates(rows))


_NAMES = ("model", "chip", "engine", "vendor", "precision", "attention", "kind", "expert_format")


def _labels(rows: Features) -> dict[str, Names]:
    def yes(values: Array) -> Names:
        return np.where(values > 0, "1", "0")

    return {
        **{name: getattr(rows, name) for name in _NAMES},
        "spec": yes(rows.speculates),
        "apart": yes(rows.disaggregated),
        "dp": np.where(rows.dp_unstated > 0, "?", yes(rows.dp)),
        "prefill_dp": yes(rows.prefill_dp),
    }


def _coordinates(rows: Features) -> dict[str, Array]:
    """Root shares of a step's parts, and logarithms of load and layout."""
    of_step = Law(PRIOR).parts(rows, np.ones(len(rows)))
    parts = np.stack([of_step[part] for part in PARTS], axis=1)
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


_KEY = ("model", "chip", "engine", "precision", "kind")
_KEY_NUMBERS = (
    *("speculates", "disaggregated", "dp", "dp_unstated", "prefill_dp", "ep", "gpus", "prefill_gpus", "engines"),
    *("prefill_engines", "total_gpus", "tokens_in", "tokens_out", "clients"),
)


def keys(rows: Features) -> Keys:
    """A number for everything that is known of a row but what was measured and when."""
    words = [getattr(rows, name).tolist() for name in _KEY]
    numbers = [np.round(getattr(rows, name), 6).tolist() for name in _KEY_NUMBERS]
    digests = [hashlib.blake2b(repr(each).encode(), digest_size=8).digest() for each in zip(*words, *numbers, strict=True)]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def predict(rows: Sequence[Measurement], fit: Pooled, catalog: Catalog, known: Sequence[Recipe]) -> Prediction:
    """TPOT, mean TTFT and throughput per GPU of every row, with 90% intervals and a reason where there is none.

    Args:
        known: recorded recipes, for rows that do not say how many engines they ran.
    """
    completed = complete(rows, known)
    every = features(completed.rows, catalog, completed.guessed)
    answered = np.flatnonzero(every.answered)
    found = every.take(answered)
    columns = {f"{each}{edge}": np.full(len(rows), np.nan) for each in QUANTITIES for edge in ("", "_low", "_high")}
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
    values = _values(rows, fit)
    new = novelty(rows, fit.sides["tpot"].rows)
    answer: dict[str, Array] = dict(values)
    for each in QUANTITIES:
        edges = np.array([fit.spreads[each, way] for way in WAYS])[new]
        answer |= {f"{each}_low": values[each] * np.exp(edges[:, 0]), f"{each}_high": values[each] * np.exp(edges[:, 1])}
    return answer


def _values(rows: Features, fit: Pooled) -> dict[str, Array]:
    """Law and correction; for rows of the fit what was said of them without their configuration."""
    own = keys(rows)
    place = np.minimum(np.searchsorted(fit.known.keys, own), len(fit.known.keys) - 1)
    seen = fit.known.keys[place] == own
    values = {each: np.where(seen, fit.known.values[each][place], np.nan) for each in QUANTITIES}
    rest = np.flatnonzero(~seen)
    if len(rest):
        new = rows.take(rest)
        here, law = row_inputs(new), fit.law.values(new)
        for each in QUANTITIES:
            side = fit.sides[each]
            values[each][rest] = law[each] * np.exp(mean(side.kernel, here, side.rows, side.weights))
    return values


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


def save(path: Path, sides: Mapping[str, Side], known: Known) -> None:
    """Write the fitted rows, their weights and what is predicted of each as NumPy arrays."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"keys": known.keys}
    for name, side in sides.items():
        arrays[f"{name}.known"] = known.values[name].astype(np.float32)
        arrays[f"{name}.names"] = np.array(side.rows.names)
        arrays[f"{name}.combinations"] = side.rows.combinations
        arrays[f"{name}.place"] = side.rows.place.astype(np.int32)
        arrays[f"{name}.coordinates"] = np.array(list(side.rows.coordinates))
        arrays[f"{name}.points"] = np.stack(list(side.rows.coordinates.values()), axis=1).astype(np.float32)
        arrays[f"{name}.weights"] = side.weights.astype(np.float32)
    np.savez_compressed(path, allow_pickle=False, **arrays)


# what NumPy and the ZIP archive around its arrays raise for a file that is not as `save` wrote it
_BROKEN: tuple[type[Exception], ...] = (
    *(OSError, ValueError, KeyError, IndexError, EOFError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def load(path: Path, kernels: Mapping[str, Kernel]) -> tuple[dict[str, Side], Known]:
    """The fitted rows that `save` wrote.

    Raises:
        InputError: no such file, or none that this version wrote.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            held = {key: file[key] for key in file.files}
            sides = {name: _side(name, held, kernels[name]) for name in QUANTITIES}
            values = {name: np.asarray(held[f"{name}.known"], dtype=float) for name in QUANTITIES}
            return sides, Known(np.asarray(held["keys"], dtype=np.uint64), MappingProxyType(values))
    except _BROKEN as error:
        raise InputError(f"fit {path.name}: cannot be read ({error}); make fit writes it", field=path.name) from error


def _side(name: str, held: Mapping[str, npt.NDArray[np.generic]], kernel: Kernel) -> Side:
    points = np.asarray(held[f"{name}.points"], dtype=float)
    coordinates = {str(each): points[:, index] for index, each in enumerate(held[f"{name}.coordinates"].tolist())}
    rows = Inputs(
        names=tuple(str(each) for each in held[f"{name}.names"].tolist()),
        combinations=np.asarray(held[f"{name}.combinations"], dtype=np.str_),
        place=np.asarray(held[f"{name}.place"], dtype=np.intp),
        coordinates=MappingProxyType(coordinates),
    )
    return Side(kernel, rows, np.asarray(held[f"{name}.weights"], dtype=float))
