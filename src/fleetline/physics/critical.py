"""Where a deployment's roof becomes flat: `critical_batch`.

Of each leg of a cycle, the arithmetic C b and every request's own traffic A b grow in proportion to the load b; the weights
W(b) that it reads grow ever slower. So a leg is flat, and stays so, once C b >= A b + W(b); the cycle is once every leg
that reads weights is. Where two pools rule in turn there are no such legs, and the definition itself is searched.

Source: article, section Chunked prefill (its "crossover batch size"); the conditions: ours, derived above.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.chunks import points
from fleetline.physics.engines import Timed
from fleetline.physics.roofline import Leg, StageTime
from fleetline.physics.search import smallest_real
from fleetline.physics.serving import Call, Deployment, Limits, shape_of, weight_times, work_times
from fleetline.physics.tape import directly

Array = npt.NDArray[np.float64]

# A roof still rising at _NEVER requests a rank never gets flat, one flat at _ALWAYS always is.
_ALWAYS, _NEVER = 1e-3, 1e9
_ROUNDING = 1e-12  # what sums of floats cannot tell apart


def critical_batch(deployment: Deployment, call: Call = directly) -> Array:
    """Where the roof becomes flat: from this batch on, latency aside, more requests add no throughput [request].

    A real number; infinity where throughput rises for ever. Flat means that twice the batch takes twice the time: below
    the critical batch some weight read is shared by both halves, and it takes less. `call` asks a function of values,
    directly or otherwise.
    """
    found = by_legs(deployment, call) if deployment.placement.in_turn else by_definition(deployment)
    return np.asarray(found * deployment.placement.ranks)


def by_definition(deployment: Deployment) -> Array:
    """The load from which on twice as much takes twice the time [request], by bisection: of every placement, and slow."""

    def seconds(load: Numbers) -> Numbers:
        prefill, decode = work_times(deployment, load)  # messages are no roof
        apart = Timed(deployment.schedule, LOCKSTEP, load, load, 1.0, 1.0, load, *(prefill, prefill, prefill), decode)
        whole = deployment.placement.timing(apart).cycle
        return whole.compute_s + whole.bandwidth_s

    def flat(load: Array) -> npt.NDArray[np.bool_]:
        both = seconds(2.0 * load)
        return np.asarray(2.0 * seconds(load) - both <= _ROUNDING * both)

    return smallest_real(flat, seconds(1.0), lower=_ALWAYS, upper=_NEVER)


def by_legs(deployment: Deployment, call: Call = directly) -> Array:
    """The load at which the last leg that reads weights begins to wait for its arithmetic [request]."""
    found: Numbers = 0.0
    gains = call(_gains, deployment)
    for place, most in enumerate(call(_weights, deployment, _NEVER)):
        if np.any(np.greater(most, 0.0)):
            found = np.maximum(found, _crossing(deployment, place, gains[place], most, call))
    return np.where(np.less(found, _ALWAYS), 0.0, np.where(np.greater(found, _NEVER), np.inf, found))


def _gains(deployment: Deployment) -> tuple[Numbers, ...]:
    """By how much arithmetic outgrows a request's own traffic in each leg of the cycle [s/request]."""
    read = weight_times(deployment, 1.0)
    one = (_without_weights(stage, each) for stage, each in zip(work_times(deployment, 1.0), read, strict=True))
    return tuple(leg.compute_s - leg.bandwidth_s for leg in deployment.schedule(*one))


def _weights(deployment: Deployment, load: Numbers) -> tuple[Numbers, ...]:
    """Time of the weights that each leg of the cycle reads [s]."""
    stages = (StageTime(Leg(0.0, read), Leg(0.0, 0.0), 0.0) for read in weight_times(deployment, load))
    return tuple(leg.bandwidth_s for leg in deployment.schedule(*stages))


def _without_weights(stage: StageTime, read: Numbers) -> StageTime:
    """What experts hand on is left, which grows with the load as arithmetic does."""
    rest = stage.linear.bandwidth_s - read
    return replace(stage, linear=replace(stage.linear, bandwidth_s=np.where(rest > _ROUNDING * read, rest, 0.0)[()]))


def _crossing(deployment: Deployment, place: int, gain: Numbers, most: Numbers, call: Call) -> Array:
    """The largest load b with gain * b = weights(b) of a leg, infinity where the gain is not over 0; they rise to `most`.

    Where every weight is read anyhow the first guess is right, and the points that are not such are gone on with alone.
    """
    shape = np.broadcast_shapes(np.shape(gain), np.shape(most), shape_of(deployment, Limits()))
    slope = np.broadcast_to(gain, shape).ravel()
    found = np.where(slope > 0.0, np.broadcast_to(most, shape).ravel() / np.where(slope > 0.0, slope, 1.0), np.inf)
    guess = np.where(np.isinf(found), 0.0, found)
    near = np.broadcast_to(call(_weights, deployment, guess.reshape(shape))[place], shape).ravel()
    open_ = np.flatnonzero(guess * slope - near > _ROUNDING * near)
    if open_.size:
        every = open_.size == found.size and len(shape) < 2  # as they are for a single point, too
        (some,) = (deployment,) if every else points((deployment,), shape, open_)
        found[open_] = _secants(some, place, slope[open_], found[open_], near[open_], call)
    return found.reshape(shape)


def _secants(deployment: Deployment, place: int, slope: Array, start: Array, read: Array, call: Call) -> Array:
    """Secants of the convex slope * b - weights(b), from the right, where they never step over the root."""
    before, left_before = start, slope * start - read
    now = read / slope
    for _ in range(_MOST_STEPS):
        left = slope * now - call(_weights, deployment, now)[place]
        if np.all(left <= _ROUNDING * slope * now):
            break
        rise = np.divide(left_before - left, before - now, out=slope.copy(), where=before > now)
        before, left_before, now = now, left, now - np.maximum(left, 0.0) / np.where(rise > 0.0, rise, slope)
    return now


_MOST_STEPS = 100  # each step gains more digits than the one before; about ten are needed
