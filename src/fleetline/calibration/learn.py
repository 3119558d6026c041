"""The kernel's deviations and length scales by maximum marginal likelihood of what the law leaves over.

Every deviation, length scale and noise is a positive number with a log-normal prior (median: where the search starts,
spread: a factor e^0.5); the search climbs the sum of log prior and log marginal likelihood with its exact gradient. Rows
are a sample of whole configurations: the matrices of one search hold a value for every pair of rows.

Source: Rasmussen and Williams 2006, equations 5.8 and 5.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from fleetline.calibration.kernel import Inputs, Kernel, Rows, Space

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Alike = npt.NDArray[np.bool_] | None  # which pairs share labels; None: all do

_SPREAD = 0.5  # of a number's logarithm, prior: at 1.0 sizes learned from half of the configurations score the rest worse
_REACH = (4.0, 2.0)  # how far below and above its start a logarithm may end
_NOISE_REACH = 1.0  # the same of a row's noise: single precision inverts no matrix that has next to none
_ITERATIONS = 30  # of the search at most
_DIGITS = 3  # of what is kept, so that the last bits of a machine do not reach the fit


@dataclass(frozen=True)
class _Pairs:
    """What does not change during a search, for every pair of rows.

    Attributes:
        alike: labels -> pairs that share them. grouped: pairs of one configuration.
        apart: space -> coordinate -> half the squared distance.
        values: what is left over [log]. inflated: noise variance over the kernel's.
    """

    alike: Mapping[tuple[str, ...], Alike]
    grouped: npt.NDArray[np.bool_]
    apart: Mapping[str, Mapping[str, Single]]
    values: Single
    inflated: Array


def learn(start: Kernel, rows: Inputs, values: Array, groups: Rows, inflated: Array) -> Kernel:
    """The kernel with the deviations, length scales and noise that make the rows' deviations most likely.

    Args:
        start: terms, spaces and where the search begins.
        values: deviations from the law [log]. groups: configuration of each row.
        inflated: noise variance of a row over the kernel's.
    """
    pairs = _pairs(start, rows, values, groups, inflated)
    begin = _logs(start)

    def objective(logs: Array) -> tuple[float, Array]:
        loss, slope = _loss(_with(start, logs), pairs)
        away = (logs - begin) / _SPREAD
        return loss + 0.5 * float(np.sum(away**2)), slope + away / _SPREAD

    bounds = [(each - _REACH[0], each + _REACH[1]) for each in begin]
    bounds[-2] = (begin[-2] - _NOISE_REACH, begin[-2] + _REACH[1])
    options = {"maxiter": _ITERATIONS, "maxfun": _ITERATIONS + 5}
    found = optimize.minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return _with(start, np.log([float(f"{each:.{_DIGITS}g}") for each in np.exp(found.x)]))


def _pairs(kernel: Kernel, rows: Inputs, values: Array, groups: Rows, inflated: Array) -> _Pairs:
    alike: dict[tuple[str, ...], Alike] = {}
    for term in kernel.terms:
        if term.labels not in alike:
            alike[term.labels] = _sharing(rows, term.labels)
    apart = {
        name: {each: _half_squares(rows.coordinates[each]) for each in space.scales}
        for name, space in kernel.spaces.items()
    }
    return _Pairs(alike, groups[:, None] == groups[None, :], apart, values.astype(np.float32), inflated)


def _sharing(rows: Inputs, labels: Sequence[str]) -> Alike:
    if not labels:
        return None
    table = np.stack([rows.of(label) for label in labels], axis=1)
    code = np.asarray(np.unique(table, axis=0, return_inverse=True)[1]).ravel()[rows.place]
    return np.asarray(code[:, None] == code[None, :])


def _half_squares(points: Array) -> Single:
    return np.asarray(0.5 * (points[:, None] - points[None, :]) ** 2, dtype=np.float32)


def _logs(kernel: Kernel) -> Array:
    deviations = [term.deviation for term in kernel.terms]
    scales = [scale for space in kernel.spaces.values() for scale in space.scales.values()]
    return np.log([*deviations, *scales, kernel.noise, kernel.configuration])


def _with(kernel: Kernel, logs: Array) -> Kernel:
    numbers = iter(np.exp(logs).tolist())
    terms = tuple(replace(term, deviation=next(numbers)) for term in kernel.terms)
    spaces = {
        name: Space(MappingProxyType({each: next(numbers) for each in space.scales}), space.heavy)
        for name, space in kernel.spaces.items()
    }
    return Kernel(terms, MappingProxyType(spaces), next(numbers), next(numbers))


def _loss(kernel: Kernel, pairs: _Pairs) -> tuple[float, Array]:
    """Minus the log marginal likelihood, and its gradient by the logarithms of `_logs`."""
    near = {name: _near(space, pairs.apart[name]) for name, space in kernel.spaces.items()}
    weights = _weights(kernel, pairs)
    covariance = weights[""].copy()
    for name, similarity in near.items():
        covariance += weights[name] * similarity
    covariance += np.float32(kernel.configuration**2) * pairs.grouped
    covariance[np.diag_indices(len(covariance))] += (kernel.noise**2 * pairs.inflated).astype(np.float32)
    factor = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    volume = 2.0 * float(np.log(np.diag(factor).astype(float)).sum())
    lower, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(lower) + np.tril(lower, -1).T
    weight = inverse @ pairs.values
    pull = inverse - np.outer(weight, weight)
    return 0.5 * (float(pairs.values @ weight) + volume), _slopes(kernel, pairs, near, weights, pull)


def _near(space: Space, apart: Mapping[str, Single]) -> Single:
    far = np.zeros_like(next(iter(apart.values())))
    for name, squares in apart.items():
        far += squares * np.float32(space.scales[name] ** -2)
    return np.asarray(1.0 / (1.0 + far) if space.heavy else np.exp(-far))


def _weights(kernel: Kernel, pairs: _Pairs) -> dict[str, Single]:
    weights = {name: np.zeros(pairs.grouped.shape, dtype=np.float32) for name in ("", *kernel.spaces)}
    for term in kernel.terms:
        alike = pairs.alike[term.labels]
        weights[term.space] += np.float32(term.deviation**2) * (np.float32(1.0) if alike is None else alike)
    return weights


def _slopes(
    kernel: Kernel, pairs: _Pairs, near: Mapping[str, Single], weights: Mapping[str, Single], pull: Single
) -> Array:
    pulled = {"": pull} | {name: pull * similarity for name, similarity in near.items()}
    slopes = []
    for term in kernel.terms:
        alike, of_space = pairs.alike[term.labels], pulled[term.space]
        total = of_space.sum() if alike is None else of_space[alike].sum()
        slopes.append(term.deviation**2 * float(total))
    for name, space in kernel.spaces.items():
        spread = pulled[name] * weights[name]
        if space.heavy:
            spread = spread * near[name]
        slopes += [float((spread * pairs.apart[name][each]).sum()) / scale**2 for each, scale in space.scales.items()]
    slopes.append(kernel.noise**2 * float((np.diag(pull) * pairs.inflated).sum()))
    slopes.append(kernel.configuration**2 * float(pull[pairs.grouped].sum()))
    return np.array(slopes)
