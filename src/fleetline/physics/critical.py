"""Where a deployment's roof becomes flat: `critical_batch`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers
from fleetline.physics.search import smallest_real
from fleetline.physics.serving import Deployment, work_times

Array = npt.NDArray[np.float64]

# A roof still rising here never gets flat: 1e9 requests on one deployment. And what sums of floats cannot tell apart.
_NEVER, _ROUNDING = 1e9, 1e-12


def critical_batch(deployment: Deployment) -> Array:
    """Where the roof becomes flat: from this batch on, latency aside, more requests add no throughput [request].

    A real number; infinity where throughput rises for ever. Flat means that twice the batch takes twice the time: below
    the critical batch some weight read is shared by both halves, and it takes less.
    """

    def seconds(load: Numbers) -> Numbers:
        prefill, decode = work_times(deployment, load)  # messages are no roof
        whole = deployment.placement.timing(deployment.schedule, prefill, decode, prefill).cycle
        return whole.compute_s + whole.bandwidth_s

    def flat(load: Array) -> npt.NDArray[np.bool_]:
        both = seconds(2.0 * load)
        return np.asarray(2.0 * seconds(load) - both <= _ROUNDING * both)

    return smallest_real(flat, seconds(1.0), lower=1e-3, upper=_NEVER) * deployment.placement.ranks
