"""From chips sold to chips that serve: they wait for a building, and after some years they go.

Of sales spread evenly over each quarter, those serve at a time t that were sold between t - lag - lifetime and t - lag. The
lag is held against what is known of deployment: 12 to 16 of about 20 million H100-equivalents sold stood at the end of 2025
(Epoch AI, Frontier labs don't use most AI compute).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.beliefs import Array


@dataclass(frozen=True)
class Service:
    """How long a chip waits after its sale, and then serves [quarter]; shape (draws,) each, `lifetime` may be infinite."""

    lag: Array
    lifetime: Array


def installed(sold: Array, times: npt.ArrayLike, service: Service) -> Array:
    """Chips that serve at some times [1], counted in quarters since the first began.

    Args:
        sold: in each quarter, shape (quarters, draws).
        times: shape (times,), or one.
        service: waits and lives.

    Returns:
        Shape (times, draws).
    """
    at = np.atleast_1d(np.asarray(times, dtype=float))[:, None]
    total = np.concatenate([np.zeros((1, sold.shape[1])), np.cumsum(sold, axis=0)])
    return _total_at(total, at - service.lag) - _total_at(total, at - service.lag - service.lifetime)


def _total_at(total: Array, times: Array) -> Array:
    """Sales until a time, straight between the ends of quarters; `total` shape (quarters + 1, draws)."""
    last = total.shape[0] - 1
    inside = np.clip(times, 0.0, last)
    before = np.minimum(inside.astype(int), max(last - 1, 0))
    worlds = np.arange(total.shape[1])
    low, high = total[before, worlds], total[before + 1, worlds]
    return np.asarray(low + (inside - before) * (high - low))
