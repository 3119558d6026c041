"""What choosing by prediction costs, and what errors share: of what `make fitted-rates` writes beside the rates.

Of a model, a chip and a workload (a cell) many layouts have been run. Held out in some way, all of them are predicted; the
one that is predicted to serve most at the wanted speed is chosen, and its measured throughput is held against its predicted
one. So a mean error under zero is the cost of choosing by prediction (the winner's curse). Cells with fewer groups of
configurations than four leave no choice and are not counted.

How much of it is shared: mean products of the errors of two cells that have the chip in common, the model, both or neither
estimate the variance that everybody, a system, a model and a pair share; the rest is each cell's own.

Source: ours, derived above.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fleetline.calibration.best import BOTH, CHIP, CONFIGURATION, MODEL, PAIR, VENDOR, Throughputs, output_rate
from fleetline.calibration.features import Features
from fleetline.calibration.kernel import left_out, weights_without
from fleetline.calibration.layouts import UNSTATED
from fleetline.calibration.pooled_fit import FittedLaw, FittedSide, Observed, again, blocks

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

TIME, LENGTH = "time", "length"  # the newest quarter of the configurations; prompts eight times as long as those fitted
QUANTITY = "throughput"
_CHOICE = 4  # groups of configurations of a cell among which there is a choice
_SHORT = 2048.0  # prompts up to here are fitted when longer ones are held out [token]
_UNSEEN_VENDOR = "AMD"  # the vendor that is held out: of the two that have runs, the one the fit can do without


@dataclass(frozen=True)
class HeldOut:
    """The throughput's fit, from which rows can be left out."""

    law: FittedLaw
    side: FittedSide
    seen: Observed

    @property
    def rows(self) -> Features:
        """Of the process."""
        return self.known.rows

    @property
    def known(self) -> Observed:
        """The rows of the process with what was measured."""
        return self.seen.take(self.side.rows)

    def without(self, gone: Rows) -> Throughputs:
        """The fit to all other rows."""
        law = self.law.without(self.side.rows[gone]) if len(gone) else self.law.law
        left = np.log(self.known.measured[QUANTITY] / law.values(self.rows)[QUANTITY])
        return Throughputs(law, self.side.side, weights_without(again(self.side.solved, left), gone))

    def errors(self, labels: npt.NDArray[np.generic], chosen: npt.NDArray[np.bool_] | None = None) -> Array:
        """log(measured / predicted) of rows, those of one label left out together; NaN where not `chosen`."""
        known, found = self.known, np.full(len(labels), np.nan)
        for block in blocks(labels):
            if chosen is None or chosen[block[0]]:
                found[block] = self._of_block(known, block)
        return found

    def _of_block(self, known: Observed, block: Rows) -> Array:
        law = self.law.without(self.side.rows[block])
        left = np.log(known.measured[QUANTITY] / law.values(known.rows)[QUANTITY])
        return left[block] - left_out(again(self.side.solved, left), left, [block])[block]


def errors_by_way(held: HeldOut) -> dict[str, Array]:
    """log(measured / predicted) of every row of the process by the way it is held out; NaN where it is not."""
    known, rows = held.known, held.rows
    pairs = np.char.add(np.char.add(rows.model, " on "), rows.chip)
    long = rows.tokens_in > _SHORT
    return {
        CONFIGURATION: held.errors(known.group),
        PAIR: held.errors(pairs),
        MODEL: held.errors(rows.model),
        CHIP: held.errors(rows.chip),
        BOTH: _both(held, pairs),
        VENDOR: _vendor(held),
        TIME: held.errors(known.latest, known.latest),
        LENGTH: held.errors(long, long),
    }


def _both(held: HeldOut, pairs: npt.NDArray[np.str_]) -> Array:
    """Of a pair's rows, all rows of its model and all of its chip left out."""
    rows, measured = held.rows, held.known.measured[QUANTITY]
    found = np.full(len(pairs), np.nan)
    for block in blocks(pairs):
        gone = np.flatnonzero((rows.model == rows.model[block[0]]) | (rows.chip == rows.chip[block[0]]))
        found[block] = np.log(measured[block] / held.without(gone).of(rows.take(block)))
    return found


def _vendor(held: HeldOut) -> Array:
    """Of a vendor's rows, as if nobody knew it: under no vendor's and no engine's name."""
    rows = held.rows
    own = np.flatnonzero(rows.vendor == _UNSEEN_VENDOR)
    unnamed = replace(rows.take(own), vendor=np.full(len(own), ""), engine=np.full(len(own), UNSTATED))
    found = np.full(len(rows), np.nan)
    found[own] = np.log(held.known.measured[QUANTITY][own] / held.without(own).of(unnamed))
    return found


@dataclass(frozen=True)
class Cell:
    """One model, chip and workload, and log(measured / predicted) of the layout that was predicted to serve most of it."""

    model: str
    chip: str
    lengths: tuple[float, float]
    error: float


def chosen(held: HeldOut, errors: Array, speed: float) -> list[Cell]:
    """The errors of the rows that are chosen by prediction at a speed [token/s/user], a cell each."""
    known, rows = held.known, held.rows
    rate = output_rate(rows, known.measured[QUANTITY] * np.exp(-errors))
    fast = rate * rows.total_gpus / rows.clients >= speed  # false where nothing is predicted
    cells: dict[tuple[str, str, float, float], list[int]] = defaultdict(list)
    keys = (rows.model.tolist(), rows.chip.tolist(), rows.tokens_in.tolist(), rows.tokens_out.tolist())
    for place, key in enumerate(zip(*keys, strict=True)):
        if not np.isnan(errors[place]):
            cells[key].append(place)
    found = []
    for (model, chip, tokens_in, tokens_out), members in cells.items():
        able = [place for place in members if fast[place]]
        if able and len(set(known.group[members].tolist())) >= _CHOICE:
            best = max(able, key=lambda place: rate[place])
            found.append(Cell(model, chip, (tokens_in, tokens_out), float(errors[best])))
    return found


@dataclass(frozen=True)
class Shares:
    """Of an error's mean square, what everybody, a system, a model and a pair share; the rest is a cell's own."""

    everybody: float
    system: float
    model: float
    pair: float


def shares(cells: Sequence[Cell]) -> Shares:
    """From mean products of errors of two cells; a part that comes out negative is none."""
    products: Mapping[tuple[bool, bool], list[float]] = defaultdict(list)
    for first, second in combinations(cells, 2):
        products[first.chip == second.chip, first.model == second.model].append(first.error * second.error)
    mean = {key: float(np.mean(values)) for key, values in products.items()}
    square = float(np.mean([cell.error**2 for cell in cells]))
    neither = max(mean.get((False, False), 0.0), 0.0)
    system = max(mean.get((True, False), 0.0) - neither, 0.0)
    model = max(mean.get((False, True), 0.0) - neither, 0.0)
    pair = max(mean.get((True, True), 0.0) - neither - system - model, 0.0)
    whole = max(square, neither + system + model + pair)
    return Shares(neither / whole, system / whole, model / whole, pair / whole)
