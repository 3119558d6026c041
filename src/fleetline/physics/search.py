"""The largest number for which something that is true of small ones still holds: bisection over arrays at once.

A question about a few points costs as much as one about a thousand, so several numbers between the ends are tried together:
a single point is found in two or three questions instead of twenty.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers

Array = npt.NDArray[np.float64]
_MOST = 2.0**40  # far above any batch, far below where floats skip whole numbers
AT_ONCE = 512  # numbers tried together, over all points: below it NumPy's calls cost more than their arithmetic
_FINEST = 1e-12  # of a logarithm

# Numbers to try, in one more leading axis than the points may have -> whether it holds for each of them.
Predicate = Callable[[Array], "npt.NDArray[np.bool_]"]


def largest_whole(holds: Predicate, upper: Numbers) -> Array:
    """Largest whole number in 1..`upper` for which `holds`, elementwise; 0 where it does not even hold for 1.

    `holds` must be true up to some number and false beyond it (a batch that fits in memory, or is fast enough, does), and
    broadcast over one more leading axis than `upper` has. Exact: whole numbers are tried, no tolerance enters; above 2**40
    it is not looked for.
    """
    bound = np.floor(np.minimum(np.asarray(upper, dtype=float), _MOST))
    low: Array = np.zeros_like(bound)
    high: Array = np.maximum(bound, 0.0) + 1.0
    while np.any(high - low > 1.0):
        tried = low + np.maximum(np.floor((high - low) * between(low, float(np.max(high - low)))), 1.0)
        low, high = narrowed(low, high, tried, holds(tried) & (tried < high))
    return low


def smallest_real(holds: Predicate, like: Numbers, lower: float, upper: float) -> Array:
    """Smallest real number from which on `holds`, to 1 part in 1e12: 0 below `lower`, infinity above `upper`.

    Shaped like `like`, with one more leading axis in what `holds` is asked. The logarithm is narrowed down: the answer may
    lie anywhere over many orders of magnitude.
    """
    low = np.full(np.shape(like), np.log(lower))
    high = np.full(np.shape(like), np.log(upper))
    always, never = holds(np.exp(low)), ~holds(np.exp(high))
    while np.any(high - low > _FINEST):
        tried = low + (high - low) * between(low, float(np.max(high - low)) / _FINEST)
        if np.all((tried <= low) | (tried >= high)):
            break
        found = np.broadcast_to(holds(np.exp(tried)), tried.shape)
        on = np.logical_and.accumulate(found[::-1], axis=0)[::-1]  # holds there and beyond
        low, high = narrowed(low, high, tried, ~on)
    return np.where(never, np.inf, np.where(always, 0.0, np.exp(high)))


def between(low: Array, most: float, at_once: int = AT_ONCE) -> Array:
    """Places of the numbers to try of about `most`, as shares of the way from one end to the other, along a leading axis.

    As few as it takes to get there in as few questions as with all that are allowed.
    """
    allowed = max(at_once // max(low.size, 1), 1)
    questions = math.ceil(math.log(max(most, 2.0)) / math.log(allowed + 1.0))
    count = min(math.ceil(most ** (1.0 / questions)), allowed)
    places: Array = np.arange(1.0, count + 1.0) / (count + 1.0)
    return places.reshape(count, *(1,) * low.ndim)


def narrowed(low: Array, high: Array, tried: Array, good: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """The ends on both sides of the first number tried that is not good."""
    good = np.broadcast_to(good, tried.shape)
    upto = np.logical_and.accumulate(good, axis=0)
    return (
        np.max(np.where(upto, tried, low), axis=0),
        np.min(np.where(upto, high, np.minimum(tried, high)), axis=0),
    )
