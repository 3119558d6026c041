"""The largest number for which something that is true of small ones still holds: bisection over arrays at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers

Array = npt.NDArray[np.float64]
_MOST = 2.0**40  # far above any batch, far below where floats skip whole numbers

Predicate = Callable[[Array], "npt.NDArray[np.bool_]"]


def largest_whole(holds: Predicate, upper: Numbers) -> Array:
    """Largest whole number in 1..`upper` for which `holds`, elementwise; 0 where it does not even hold for 1.

    `holds` must be true up to some number and false beyond it (a batch that fits in memory, or is fast enough, does).
    Exact: whole numbers are bisected, no tolerance enters; above 2**40 it is not looked for.
    """
    bound = np.floor(np.minimum(np.asarray(upper, dtype=float), _MOST))
    low: Array = np.zeros_like(bound)
    high: Array = np.maximum(bound, 0.0) + 1.0
    while np.any(high - low > 1.0):
        middle = np.floor((low + high) / 2.0)
        good = holds(np.maximum(middle, 1.0)) & (middle >= 1.0)
        open_ = high - low > 1.0
        low, high = np.where(open_ & good, middle, low), np.where(open_ & ~good, middle, high)
    return low


def smallest_real(holds: Predicate, like: Numbers, lower: float, upper: float) -> Array:
    """Smallest real number from which on `holds`, to 1 part in 1e12: 0 below `lower`, infinity above `upper`.

    Shaped like `like`. Bisects the logarithm: the answer may lie anywhere over many orders of magnitude.
    """
    low = np.full(np.shape(like), np.log(lower))
    high = np.full(np.shape(like), np.log(upper))
    always, never = holds(np.exp(low)), ~holds(np.exp(high))
    while np.any(high - low > 1e-12):
        middle = (low + high) / 2.0
        if np.all((middle <= low) | (middle >= high)):
            break
        good = holds(np.exp(middle))
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.where(never, np.inf, np.where(always, 0.0, np.exp(high)))
