"""5%, 50% and 95% points over draws, of many points at once; a draw without a value (NaN) does not count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleetline.sweeps.axes import Array

LEVELS = (0.05, 0.5, 0.95)
NAMES = ("p5", "p50", "p95")


def quantiles(values: Array) -> tuple[Array, ...]:
    """The three quantiles of each row of `values`, shape (points, draws) -> (points,) each; NaN where no draw has a value.

    Linear between order statistics, as `numpy.percentile` does by default (Hyndman and Fan 1996, definition 7).
    """
    if values.shape[1] == 1 or np.all(values.min(axis=1) == values.max(axis=1)):
        return (values[:, 0],) * len(LEVELS)
    ordered = np.sort(values, axis=1)  # NaN last
    last = np.maximum(np.count_nonzero(ordered == ordered, axis=1) - 1, 0)  # noqa: PLR0124  (false for NaN)
    return tuple(_at(ordered, level * last) for level in LEVELS)


def _at(ordered: Array, place: Array) -> Array:
    rows = np.arange(ordered.shape[0])
    below = np.floor(place).astype(np.intp)
    above = np.ceil(place).astype(np.intp)
    low, high = ordered[rows, below], ordered[rows, above]
    return low + (high - low) * (place - below)


def most_frequent(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """The text met most often in each row of `texts`, shape (points, draws), "" aside; the first by letter of equals.

    "" where there is no other.
    """
    words = sorted({*texts.ravel().tolist()} - {""})
    counts = [np.count_nonzero(texts == word, axis=1) for word in words]
    most = np.full(texts.shape[0], "", dtype=object)
    seen = np.zeros(texts.shape[0], dtype=np.intp)
    for word, count in zip(words, counts, strict=True):
        most[count > seen] = word
        seen = np.maximum(seen, count)
    return most
