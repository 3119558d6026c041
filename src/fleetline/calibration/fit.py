"""Three efficiencies from measured runs: the least of a loss of medians, found by search over its whole domain.

Loss: median |log(predicted / measured)| of TPOT plus the same of TTFT (article, footnote 11). Medians make it piecewise and
full of kinks, so no gradient is used: a dense grid over the logarithms of all three parameters, and DIRECT, which divides
the whole domain (Jones et al. 1993, scipy.optimize.direct); the best cells of both are polished by Nelder-Mead. The two
searches are independent: how far they end apart is part of the result.

Intervals: bootstrap over configurations. The concurrencies of one configuration are near copies of each other, so whole
configurations are drawn, and each draw is fitted anew. One configuration alone gives no interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import optimize

Array = npt.NDArray[np.float64]

NAMES = ("compute_efficiency", "bandwidth_efficiency", "step_latency_s")
# What each parameter may be: shares from 2% to all, a step latency from 0.1 to 50 ms.
BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"compute_efficiency": (0.02, 1.0), "bandwidth_efficiency": (0.02, 1.0), "step_latency_s": (1e-4, 5e-2)}
)
# Two runs of one configuration differ by 1 to 3%: a parameter that the loss cannot tell apart by 1% is not identified.
TELLS_APART = 0.01

_GRID = (24, 30, 36)  # cells a parameter: 11%, 14% and 18% apart
_POLISHED = 6  # best cells that are polished
_EVALUATIONS = 5000  # of DIRECT
_LEVEL = (5.0, 95.0)


@dataclass(frozen=True)
class Observed:
    """One measured quantity of some rows: seconds at efficiencies of 1, latencies in a value, measured, configuration."""

    compute_s: Array
    bandwidth_s: Array
    latencies: Array
    measured_s: Array
    config: npt.NDArray[np.str_]

    def errors(self, parameters: Array) -> Array:
        """|log(predicted / measured)|; parameters [..., 3] broadcast against the rows: shape [..., rows]."""
        compute, bandwidth, latency = (parameters[..., index, None] for index in range(3))
        predicted = np.maximum(self.compute_s / compute, self.bandwidth_s / bandwidth) + self.latencies * latency
        return np.abs(np.log(predicted / self.measured_s))

    def take(self, rows: npt.NDArray[np.intp]) -> Observed:
        """Only these rows, as often as they are named."""
        return Observed(
            self.compute_s[rows], self.bandwidth_s[rows], self.latencies[rows], self.measured_s[rows], self.config[rows]
        )


@dataclass(frozen=True)
class Estimate:
    """A parameter's value and 90% interval; where it is not identified, the interval is all that fits as well.

    Of one configuration there is nothing to draw from: what is identified then has no interval, NaN at both ends.
    """

    value: float
    low: float
    high: float
    identified: bool


@dataclass(frozen=True)
class Profile:
    """The least loss at each value of one parameter, the others free."""

    parameter: str
    values: Array
    losses: Array


@dataclass(frozen=True)
class Fit:
    """The fitted parameters, how well they fit, and what the data can tell.

    Attributes:
        loss: of the fit; `parts` of each quantity.
        disagreement: how far apart the two searches ended, in loss.
        draws: every bootstrap fit [draw, parameter].
    """

    estimates: Mapping[str, Estimate]
    loss: float
    parts: Mapping[str, float]
    rows: Mapping[str, int]
    configurations: int
    disagreement: float
    profiles: tuple[Profile, ...]
    draws: Array

    @property
    def parameters(self) -> Array:
        """The fitted values, in the order of NAMES."""
        return np.array([self.estimates[name].value for name in NAMES])


def fit(
    observed: Mapping[str, Observed],
    *,
    draws: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Fit:
    """Fit compute efficiency, bandwidth efficiency and step latency to one or two measured quantities.

    Args:
        observed: by name ("tpot", "ttft"); at least one with rows.
        draws: bootstrap fits for the intervals.
        seed: of the bootstrap; the search itself is deterministic.
        progress: told after every draw.

    Raises:
        ValueError: no rows at all, or a time that is not positive.
    """
    quantities = {name: each for name, each in observed.items() if len(each.measured_s)}
    if not quantities:
        raise ValueError("no measured rows to fit")
    grid, losses, errors = _grid_losses(quantities)
    best, disagreement = _search(quantities, grid, losses)
    profiles = tuple(_profile(index, grid, losses, quantities, best) for index in range(len(NAMES)))
    drawn = _bootstrap(quantities, grid, errors, draws, np.random.default_rng(seed), progress)
    least = loss(quantities, best)
    return Fit(
        estimates=MappingProxyType({name: _estimate(i, best, least, profiles[i], drawn) for i, name in enumerate(NAMES)}),
        loss=least,
        parts=MappingProxyType({name: float(np.median(each.errors(best))) for name, each in quantities.items()}),
        rows=MappingProxyType({name: len(each.measured_s) for name, each in quantities.items()}),
        configurations=len(_configurations(quantities)),
        disagreement=disagreement,
        profiles=profiles,
        draws=drawn,
    )


def loss(observed: Mapping[str, Observed], parameters: Array) -> float:
    """Sum over quantities of the median |log(predicted / measured)|."""
    return float(sum(np.median(each.errors(parameters)) for each in observed.values()))


def _axes() -> list[Array]:
    return [np.geomspace(*BOUNDS[name], count) for name, count in zip(NAMES, _GRID, strict=True)]


def _grid_losses(observed: Mapping[str, Observed]) -> tuple[Array, Array, dict[str, Array]]:
    """Every cell [cell, parameter], its loss, and each quantity's errors [cell, row] for the bootstrap."""
    grid = np.stack(np.meshgrid(*_axes(), indexing="ij"), axis=-1).reshape(-1, len(NAMES))
    errors = {name: each.errors(grid) for name, each in observed.items()}
    return grid, np.asarray(sum(np.median(each, axis=1) for each in errors.values()), dtype=float), errors


def _search(observed: Mapping[str, Observed], grid: Array, losses: Array) -> tuple[Array, float]:
    """The least loss of the two searches, and by how much they differ."""
    cells = grid[np.argsort(losses, kind="stable")[:_POLISHED]]
    by_grid = min((_polish(observed, cell) for cell in cells), key=lambda found: loss(observed, found))
    spans = [tuple(np.log(BOUNDS[name])) for name in NAMES]
    divided = optimize.direct(
        lambda logs: loss(observed, np.exp(logs)),
        spans,
        maxfun=_EVALUATIONS,
        maxiter=_EVALUATIONS,
        vol_tol=0.0,
        len_tol=1e-9,
    )
    by_division = _polish(observed, np.exp(divided.x))
    ends = sorted(((loss(observed, end), tuple(end)) for end in (by_grid, by_division)), key=lambda end: end[0])
    return np.array(ends[0][1]), ends[1][0] - ends[0][0]


def _polish(observed: Mapping[str, Observed], start: Array) -> Array:
    """Nelder-Mead from a cell, in logarithms, within the bounds."""
    bounds = [tuple(np.log(BOUNDS[name])) for name in NAMES]
    found = optimize.minimize(
        lambda logs: loss(observed, np.exp(logs)),
        np.clip(np.log(start), [low for low, _ in bounds], [high for _, high in bounds]),
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-5, "fatol": 1e-7, "maxfev": 400},
    )
    return np.asarray(np.exp(found.x))


def _profile(index: int, grid: Array, losses: Array, observed: Mapping[str, Observed], best: Array) -> Profile:
    """The least loss along one axis of the grid, the best point put in among them, each polished over the others."""
    axis = _axes()[index]
    cube = losses.reshape(_GRID)
    starts = [np.take(cube, cell, axis=index).argmin() for cell in range(len(axis))]
    points = np.moveaxis(grid.reshape(*_GRID, len(NAMES)), index, 0).reshape(len(axis), -1, len(NAMES))
    found = [_polish_others(observed, points[cell, start], index) for cell, start in enumerate(starts)]
    values = np.append(axis, best[index])
    every = np.append(found, loss(observed, best))
    order = np.argsort(values, kind="stable")
    return Profile(NAMES[index], values[order], every[order])


def _polish_others(observed: Mapping[str, Observed], start: Array, fixed: int) -> float:
    """The least loss near `start` while one parameter stays."""
    free = [index for index in range(len(NAMES)) if index != fixed]
    bounds = [tuple(np.log(BOUNDS[NAMES[index]])) for index in free]

    def held(logs: Array) -> float:
        point = start.copy()
        point[free] = np.exp(logs)
        return loss(observed, point)

    options = {"xatol": 1e-3, "fatol": 1e-5, "maxfev": 120}
    found = optimize.minimize(held, np.log(start[free]), method="Nelder-Mead", bounds=bounds, options=options)
    return float(found.fun)


def _configurations(observed: Mapping[str, Observed]) -> npt.NDArray[np.str_]:
    return np.unique(np.concatenate([each.config for each in observed.values()]))


def _bootstrap(
    observed: Mapping[str, Observed],
    grid: Array,
    errors: Mapping[str, Array],
    draws: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> Array:
    """Fits to configurations drawn with replacement [draw, parameter]; one that leaves a quantity empty is drawn again.

    None of a single configuration: every draw would be the data themselves.
    """
    every = _configurations(observed)
    if len(every) == 1:
        return np.empty((0, len(NAMES)))
    rows_of = {name: [np.flatnonzero(each.config == config) for config in every] for name, each in observed.items()}
    found: list[Array] = []
    while len(found) < draws:
        chosen = rng.integers(len(every), size=len(every))
        rows = {name: np.concatenate([members[index] for index in chosen]) for name, members in rows_of.items()}
        if any(len(each) == 0 for each in rows.values()):
            continue
        medians = sum(np.median(errors[name][:, rows[name]], axis=1) for name in observed)
        sample = {name: each.take(rows[name]) for name, each in observed.items()}
        found.append(_polish(sample, grid[int(np.argmin(medians))]))
        progress(len(found), draws)
    return np.array(found)


def _estimate(index: int, best: Array, least: float, profile: Profile, drawn: Array) -> Estimate:
    """A parameter is identified where its profile rises on both sides of the best by what two runs can tell apart."""
    flat = profile.values[profile.losses <= least + TELLS_APART]
    low_end, high_end = BOUNDS[NAMES[index]]
    identified = bool(flat.min() > low_end * (1 + 1e-9) and flat.max() < high_end * (1 - 1e-9))
    if not identified:
        return Estimate(float(best[index]), float(flat.min()), float(flat.max()), identified)
    value = float(best[index])
    low, high = np.percentile(drawn[:, index], _LEVEL) if len(drawn) else (np.nan, np.nan)
    # fits to draws of two or three configurations may all lie to one side of the fit to all of them
    return Estimate(value, float(np.minimum(low, value)), float(np.maximum(high, value)), identified)
