"""A 90% interval becomes a distribution, and a distribution one value in each world.

A belief is three points: 5%, 50% and 95%. Between and beyond them it is a normal distribution of two halves, each with its
own width, on a scale where the quantity has no edge: the logarithm for what is positive, the log-odds for a share. So the
three points are met exactly.

A world is one possible truth. `Worlds.draw("demand.engineers", belief)` always gives the same numbers for the same name and
seed: a quantity that appears twice in the chain is the same draw, and the order of questions changes nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Z95 = 1.6448536269514722  # standard normal quantile of 95%
MOST_SEED = 2**53 - 1  # beyond it floats, as which a command line and JSON hold numbers, do not tell whole ones apart


@dataclass(frozen=True)
class Scale:
    """Where a quantity has no edge: a monotone map and its inverse, for values between `bottom` and `top`, not on them."""

    to: Callable[[float], float]
    back: Callable[[Array], Array]
    bottom: float
    top: float


SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        "log": Scale(math.log, np.exp, 0.0, math.inf),
        "log-odds": Scale(
            lambda share: math.log(share / (1.0 - share)), lambda odds: 1.0 / (1.0 + np.exp(-odds)), 0.0, 1.0
        ),
        "linear": Scale(float, np.asarray, -math.inf, math.inf),
    }
)


@dataclass(frozen=True)
class Belief:
    """What is believed of a number: median, 5% and 95% point, and the scale between them; all equal where it is certain.

    Raises:
        ValueError: the points are out of order, or off the edge of their scale.
    """

    value: float
    low: float
    high: float
    scale: str = "log"

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"low, value, high are out of order: {self.low:g}, {self.value:g}, {self.high:g}")
        scale = SCALES[self.scale]
        if not self.certain and not scale.bottom < self.low <= self.high < scale.top:
            allowed = f"inside {scale.bottom:g} to {scale.top:g}, off its edges"
            raise ValueError(f"got {self.low:g}..{self.high:g}, allowed ends {allowed}")

    @property
    def certain(self) -> bool:
        """Whether there is only one value."""
        return self.low == self.high

    def at(self, scores: npt.ArrayLike) -> Array:
        """The value at these standard normal scores: the median at 0, `high` at 1.645. Same shape as `scores`."""
        given = np.asarray(scores, dtype=float)
        if self.certain:
            return np.full(given.shape, self.value)
        scale = SCALES[self.scale]
        low, middle, high = (scale.to(point) for point in (self.low, self.value, self.high))
        width = np.where(given < 0.0, middle - low, high - middle) / Z95
        return scale.back(middle + width * given)


def between(low: float, high: float, scale: str = "log") -> Belief:
    """The belief of a bare 90% interval: its median in the middle of the scale.

    >>> between(1.0, 4.0).value
    2.0
    """
    if low == high:
        return Belief(low, low, high, scale)
    Belief(low, low, high, scale)  # refuses ends off the scale
    edges = [SCALES[scale].to(point) for point in (low, high)]
    middle = float(SCALES[scale].back(np.asarray(sum(edges) / 2.0)))
    return Belief(min(max(middle, low), high), low, high, scale)  # rounding may step over the end of a narrow one


class Draws(Protocol):
    """Possible truths: a value for every named quantity in each of them."""

    @property
    def count(self) -> int:
        """How many worlds."""
        ...

    def scores(self, name: str) -> Array:
        """Standard normal scores of the quantity called `name`; shape (count,)."""
        ...

    def draw(self, name: str, belief: Belief) -> Array:
        """The quantity in every world; shape (count,)."""
        ...


@dataclass(frozen=True)
class Worlds:
    """`count` worlds of one seed; chunks 0, 1, ... of a seed hold different worlds."""

    count: int
    seed: int = 0
    chunk: int = 0

    def scores(self, name: str) -> Array:
        """Independent of every other name's, and of the order of asking. Not to be written to."""
        return _scores(self, name) if self.count <= KEPT else _scored(self, name)

    def draw(self, name: str, belief: Belief) -> Array:
        """The quantity in every world."""
        return belief.at(self.scores(name))


KEPT = 1000  # worlds of which what was drawn is kept: a question asked again with one line changed draws the same


def kept(draws: Draws) -> TypeGuard[Worlds | Median]:
    """Whether answers for these draws may be kept for the next question: they are the same by value, and few."""
    return isinstance(draws, (Worlds, Median)) and draws.count <= KEPT


@lru_cache(maxsize=4096)
def _scores(draws: Worlds, name: str) -> Array:
    return _scored(draws, name)


def _scored(draws: Worlds, name: str) -> Array:
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4").tolist()
    found = np.random.default_rng([draws.seed, draws.chunk, *words]).standard_normal(draws.count)
    found.setflags(write=False)
    return found


@dataclass(frozen=True)
class Median:
    """The one world where every quantity has its median."""

    count: int = 1

    def scores(self, name: str) -> Array:  # noqa: ARG002  (every name alike)
        """Zero: the median."""
        return np.zeros(self.count)

    def draw(self, name: str, belief: Belief) -> Array:
        """The quantity's median."""
        return belief.at(self.scores(name))
