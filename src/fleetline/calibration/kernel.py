"""What the law leaves over, borrowed from near rows: a Gaussian process over labels and coordinates of a row.

Its covariance is a sum of terms. Each says: rows that share these labels (none: all rows) deviate from the law alike, by
so much (standard deviation in log), either altogether or the more the nearer they are in load, layout or in the mix of
what their step is made of. A constant term is a partially pooled effect (per chip, engine, model ...); a row with an unseen
label shares it with none, so that effect stays at its population value, 0, and its variance stays whole.

Rows of one configuration deviate together besides (near copies); that part is not carried over to a prediction, which so
reads the same on fitted and unseen configurations. Outliers count less: their noise is inflated by how far they lie from
what all other configurations say of them.

Source: Rasmussen and Williams 2006, chapters 2 and 5; leaving a block out in closed form: the same, section 5.4.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import linalg

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

_FAR = 2.5  # median absolute deviations from which on a row counts as an outlier
_AT_ONCE = 1024  # rows of a covariance computed together, to stay within cache and memory


@dataclass(frozen=True)
class Term:
    """Rows alike in `labels` deviate by `deviation` (log), constantly or over a `space` of coordinates."""

    labels: tuple[str, ...]
    space: str
    deviation: float


@dataclass(frozen=True)
class Space:
    """Coordinates with their length scales; similarity falls as a Gaussian, or slower (`heavy`: rational quadratic)."""

    scales: Mapping[str, float]
    heavy: bool = False


@dataclass(frozen=True)
class Side:
    """Points of a space by coordinate, shape (coordinates, points), and half of each one's squared length."""

    points: Single
    half_squares: Single


def side_of(points: Single) -> Side:
    """Points, shape (points, coordinates), as one side of a covariance."""
    return Side(np.ascontiguousarray(points.T), np.asarray(0.5 * np.sum(points**2, axis=1)))


@dataclass(frozen=True)
class Kernel:
    """Terms and spaces; `noise` is of one row, `configuration` what rows of one configuration share [log]."""

    terms: tuple[Term, ...]
    spaces: Mapping[str, Space]
    noise: float
    configuration: float

    def covariance(self, first: Inputs, second: Inputs) -> Single:
        """Between every row of `first` and every row of `second`."""
        found = np.empty((len(first), len(second)), dtype=np.float32)
        weights = self.label_weights(first, second)
        points = {name: (self.points(name, first), side_of(self.points(name, second))) for name in self.spaces}
        for start in range(0, len(first), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            found[rows] = self._block(rows, first, second, weights, points)
        return found

    def variance(self) -> float:
        """Of any row, without noise: all terms together, as none of a row's labels differ from its own."""
        return float(sum(term.deviation**2 for term in self.terms))

    def label_weights(self, first: Inputs, second: Inputs) -> dict[str, Single]:
        """By space: summed variances of the terms that two combinations of labels share."""
        shape = (len(first.combinations), len(second.combinations))
        weights = {name: np.zeros(shape, dtype=np.float32) for name in ("", *self.spaces)}
        for term in self.terms:
            alike = np.ones(shape, dtype=bool)
            for label in term.labels:
                alike &= first.of(label)[:, None] == second.of(label)[None, :]
            weights[term.space] += np.float32(term.deviation**2) * alike
        return weights

    def points(self, name: str, rows: Inputs) -> Single:
        """Coordinates in a space, in units of its length scales; shape (rows, coordinates)."""
        scales = self.spaces[name].scales
        scaled = [rows.coordinates[coordinate] / scale for coordinate, scale in scales.items()]
        return np.stack(scaled, axis=1).astype(np.float32)

    def _block(
        self,
        rows: slice,
        first: Inputs,
        second: Inputs,
        weights: Mapping[str, Single],
        points: Mapping[str, tuple[Single, Side]],
    ) -> Single:
        place = first.place[rows]
        block = weights[""][place][:, second.place]
        for name, (left, right) in points.items():
            near = self.near(name, left[rows], right)
            near *= weights[name][place][:, second.place]
            block += near
        return block

    def near(self, name: str, left: Single, right: Side) -> Single:
        """Similarity in a space, from 0 to 1; shape (left, right)."""
        # few coordinates: a plain sum over them is quicker than a threaded matrix product
        apart = np.einsum("ik,kj->ij", left, right.points)
        apart -= 0.5 * np.sum(left**2, axis=1)[:, None]
        apart -= right.half_squares
        np.minimum(apart, 0.0, out=apart)
        return np.asarray(1.0 / (1.0 - apart) if self.spaces[name].heavy else np.exp(apart, out=apart))


@dataclass(frozen=True)
class Inputs:
    """Rows as the kernel sees them.

    Attributes:
        combinations: distinct combinations of labels; names: which label each column is.
        place: of each row among the combinations. coordinates: name -> one number a row.
    """

    names: tuple[str, ...]
    combinations: npt.NDArray[np.str_]
    place: Rows
    coordinates: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.place)

    def of(self, label: str) -> npt.NDArray[np.str_]:
        """One label of every combination."""
        return np.asarray(self.combinations[:, self.names.index(label)])

    def take(self, rows: Rows) -> Inputs:
        """Only these rows."""
        coordinates = {name: values[rows] for name, values in self.coordinates.items()}
        return Inputs(self.names, self.combinations, self.place[rows], MappingProxyType(coordinates))


def inputs(labels: Mapping[str, npt.NDArray[np.str_]], coordinates: Mapping[str, Array]) -> Inputs:
    """Rows of labels and coordinates."""
    table = np.stack([np.asarray(values, dtype=str) for values in labels.values()], axis=1)
    combinations, place = np.unique(table, axis=0, return_inverse=True)
    return Inputs(tuple(labels), combinations, np.asarray(place).ravel(), MappingProxyType(dict(coordinates)))


@dataclass(frozen=True)
class Solved:
    """The inverse covariance of the fitted rows, and the weight of each row in a prediction."""

    inverse: Single
    weights: Array


def solve(kernel: Kernel, rows: Inputs, values: Array, groups: Rows, inflated: Array) -> Solved:
    """Invert the covariance of the rows: shared terms, configurations and noise.

    Args:
        values: deviations from the law [log].
        groups: configuration of each row.
        inflated: noise variance of a row over the kernel's.
    """
    covariance = _noisy(kernel, rows, groups, inflated)
    factor = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(rows), _AT_ONCE):  # potri fills the lower triangle alone
        end = min(start + _AT_ONCE, len(rows))
        inverse[start:end, end:] = inverse[end:, start:end].T
        square = np.tril(inverse[start:end, start:end])
        inverse[start:end, start:end] = square + np.tril(square, -1).T
    return Solved(inverse, np.asarray(inverse @ values.astype(np.float32), dtype=float))


def _noisy(kernel: Kernel, rows: Inputs, groups: Rows, inflated: Array) -> Single:
    covariance = kernel.covariance(rows, rows)
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        covariance[np.ix_(members, members)] += np.float32(kernel.configuration**2)
    covariance[np.diag_indices(len(rows))] += (kernel.noise**2 * inflated).astype(np.float32)
    return covariance


def left_out(solved: Solved, values: Array, blocks: Sequence[Rows]) -> Array:
    """What all other rows say of each block's values: block by block, without a further inversion."""
    found = np.full(len(values), np.nan)
    for block in blocks:
        own = solved.inverse[np.ix_(block, block)].astype(float)
        found[block] = values[block] - linalg.solve(own, solved.weights[block], assume_a="pos", check_finite=False)
    return found


def weights_without(solved: Solved, block: Rows) -> Array:
    """The weight of each fitted row in a prediction that leaves out the rows of a block."""
    if not len(block):
        return solved.weights
    own = solved.inverse[np.ix_(block, block)].astype(float)
    share = linalg.solve(own, solved.weights[block], assume_a="pos", check_finite=False)
    rest = np.asarray(solved.weights - solved.inverse[:, block] @ share, dtype=float)
    rest[block] = 0.0
    return rest


def inflation(deviations: Array) -> Array:
    """Noise variance of each row over the rest's, by how far it lies outside: 1 inside, growing with the square.

    Three times the squared distance in units of 2.5 median absolute deviations (a Student-like weight).
    """
    middle = float(np.median(np.abs(deviations)))
    return np.asarray(1.0 + 3.0 * (deviations / (_FAR * middle)) ** 2)


def mean(kernel: Kernel, new: Inputs, fitted: Inputs, weights: Array) -> Array:
    """Covariance of new rows with the fitted ones times their weights, without ever holding the covariance.

    Rows of one combination of labels share what each fitted row's labels weigh, so a block of similarities is multiplied by
    one vector instead of a matrix entry by entry. What is found of a row is the same, to the last bit, whatever rows stand
    beside it. Shape (new rows,).
    """
    found = np.zeros(len(new))
    shared = kernel.label_weights(new, fitted)
    points = {name: (kernel.points(name, new), side_of(kernel.points(name, fitted))) for name in kernel.spaces}
    order = np.argsort(new.place, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(new.place[order])) + 1):
        combination = new.place[members[0]]
        found[members] = float(shared[""][combination][fitted.place] @ weights)
        for name, (left, right) in points.items():
            near = kernel.near(name, left[members], right)
            near *= (shared[name][combination][fitted.place] * weights).astype(np.float32)
            # row by row, and in double precision: a matrix product sums in an order that depends on how many rows there are
            found[members] += near.sum(axis=1, dtype=float)
    return found
