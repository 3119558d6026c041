"""The best rate of a model on a system by the fit of all rows: of every recorded layout, whichever serves most.

Throughput is predicted for each layout and number of clients; a user's speed follows from it, output rate over clients
(Little's law), as it does for measured runs. Between two numbers of clients the rate is straight in logarithms.

A maximum over predictions that err is too high, if each errs by itself. These hardly do: a Gaussian process has shrunk each
prediction towards the law by how little is known of it, and the layouts of one model on one chip err together. What is left
of it is measured with the errors (best_errors.py), which are of the layout that was predicted to be best.

Source: ours; Little 1961 (doi:10.1287/opre.9.3.383).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.calibration.features import Features
from fleetline.calibration.kernel import mean
from fleetline.calibration.law import Law
from fleetline.calibration.layouts import Layout, Records, Target, candidates, precisions_for
from fleetline.calibration.pooled import Side, row_inputs
from fleetline.catalog import Catalog

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

# ways in which a deployment is new to the fit: the layout of a pair that ran, a pair of a model and a chip that both ran,
# a model, a chip, both, or a chip whose vendor has no run
CONFIGURATION, PAIR, MODEL, CHIP, BOTH, VENDOR = WAYS = (
    "configuration",
    "pair",
    "model",
    "chip",
    "model and chip",
    "vendor",
)
_SLOW = 5.0  # the law's speed may be so many times off the wanted one before a candidate is not looked at


@dataclass(frozen=True)
class Throughputs:
    """The law and the process of throughput; `weights` of the process's rows, those held out having none."""

    law: Law
    side: Side
    weights: Array

    def of(self, rows: Features) -> Array:
        """Input and output tokens per second over all GPUs of each row [token/s]."""
        corrected = mean(self.side.kernel, row_inputs(rows), self.side.rows, self.weights)
        return np.asarray(self.law.values(rows)["throughput"] * np.exp(corrected))


@dataclass(frozen=True)
class BestRate:
    """Output tokens per second and GPU at a speed [token/s/user], what serves it, and how new that is to the fit."""

    speed: float
    output_tok_s_gpu: float
    way: str
    configuration: str


@dataclass(frozen=True)
class Frontier:
    """Best rates by rising speed, the last at the highest speed there is; none, and why."""

    points: Sequence[BestRate]
    reason: str = ""


@dataclass(frozen=True)
class Load:
    """What is asked: mean lengths [token], and the share of each prompt that is found in the cache [1]."""

    tokens_in: float
    tokens_out: float
    prefix_hit: float = 0.0


@dataclass(frozen=True)
class Tried:
    """Candidates: output rate a GPU and speed of a user of each; points of one `run` differ in clients alone, rising."""

    rate: Array
    speed: Array
    run: Rows

    def best(self, speed: float) -> tuple[float, int]:
        """The highest rate at that speed or faster, and whose it is; 0 where none is so fast."""
        inside = self.speed >= speed
        rate = np.where(inside, self.rate, 0.0)
        crosses = np.flatnonzero(inside[:-1] & ~inside[1:] & (self.run[:-1] == self.run[1:]))
        fast, slow = np.log(self.speed[crosses]), np.log(self.speed[crosses + 1])
        share = (fast - np.log(speed)) / (fast - slow)
        between = np.exp((1.0 - share) * np.log(self.rate[crosses]) + share * np.log(self.rate[crosses + 1]))
        rate[crosses] = np.maximum(rate[crosses], between)
        place = int(np.argmax(rate))
        return float(rate[place]), place


def frontier(
    asked: Target,
    load: Load,
    speeds: Sequence[float],
    layouts: Sequence[Layout],
    fit: Throughputs,
    known: Records,
    catalog: Catalog,
) -> Frontier:
    """The best rate at each of the speeds that is reached [token/s/user], and at the highest.

    Args:
        layouts: the candidates. known: what has been run, to say how new the best one is.

    Raises:
        InputError: a system that lacks a needed specification.
    """
    found: list[Tried] = []
    precisions: list[str] = []
    for precision in precisions_for(asked, catalog):
        rows, of_layout = candidates(asked, layouts, precision, (load.tokens_in, load.tokens_out), load.prefix_hit, catalog)
        rows, of_layout = _promising(rows, of_layout, min(speeds), fit.law)
        if len(rows):
            found.append(_tried(rows, of_layout + len(precisions) * len(layouts), fit.of(rows)))
            precisions.append(precision)
    if not found:
        return Frontier((), "memory: no recorded layout holds the weights and a request's cache within one scale-up domain")
    every = Tried(*(np.concatenate([getattr(each, name) for each in found]) for name in ("rate", "speed", "run")))
    top = float(every.speed.max())
    wanted = [*(speed for speed in sorted(speeds) if speed < top), top]
    return Frontier(tuple(_answer(asked, every, speed, layouts, precisions, known) for speed in wanted))


def _promising(rows: Features, of_layout: Rows, speed: float, law: Law) -> tuple[Features, Rows]:
    """Those that are not far too slow by the law."""
    if not len(rows):
        return rows, of_layout
    kept = np.flatnonzero(_speed(rows, law.values(rows)["throughput"]) * _SLOW > speed)
    return rows.take(kept), of_layout[kept]


def output_rate(rows: Features, throughput: Array) -> Array:
    """Output tokens per second and GPU [token/s], of all tokens'."""
    return np.asarray(throughput * rows.tokens_out / (rows.tokens_in + rows.tokens_out))


def _speed(rows: Features, throughput: Array) -> Array:
    return np.asarray(output_rate(rows, throughput) * rows.total_gpus / rows.clients)


def _tried(rows: Features, run: Rows, throughput: Array) -> Tried:
    return Tried(output_rate(rows, throughput), _speed(rows, throughput), run)


def _answer(
    asked: Target, every: Tried, speed: float, layouts: Sequence[Layout], precisions: Sequence[str], known: Records
) -> BestRate:
    rate, place = every.best(speed)
    precision, layout = divmod(int(every.run[place]), len(layouts))
    chosen = layouts[layout]
    return BestRate(speed, rate, way_of(asked, chosen, known), f"{precisions[precision]}, {chosen.words()}")


def way_of(asked: Target, layout: Layout, known: Records) -> str:
    """How a layout of a model on a chip is new to the fit."""
    if not asked.vendor:
        return VENDOR
    ran, chip = asked.model in known.models, asked.chip in known.vendors
    if ran and chip:
        same = (asked.model, asked.chip, layout.engine, layout.apart, layout.drafts) in known.pairs
        return CONFIGURATION if same else PAIR
    return MODEL if chip else CHIP if ran else BOTH
