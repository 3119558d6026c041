"""A closed loop in equilibrium: N clients, each sending the next request when the last is answered, long under way.

Of the clock (decode passes) a prompt takes kappa, its decode m. A prompt that comes finds what the other N - 1 have in the
queue: in equilibrium, as if it were not one of them (mean-value analysis), and of what is being served half is left (fixed
service). With W ticks of wait, each other client is queued for a share W / (W + kappa + m) of the time and served for
kappa / (W + kappa + m), so

    W = (N - 1) kappa (W + kappa / 2) / (W + kappa + m),

a quadratic in W. Few clients: W = 0 at N = 1. A queue that is seldom full: the M/D/1 queue, kappa u / 2 (1 - u) with u =
(N - 1) kappa / (m + kappa). More prompts than the passes can carry: W -> (N - 1) kappa - m, the queue is never empty.

Where prompts stop the clock (kappa = 0), only those that came with the same tick stand before it: (N - 1) / m of them.

Source: Reiser & Lavenberg 1980 (doi:10.1145/322186.322195); the queue found as (N - 1) / N of the mean one: Schweitzer
1979; a fixed service, of which half is left, in place of an exponential one, and the clock in passes: ours, derived above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals import Crowd, Engine, Flow, Waiting, flowing


@dataclass(frozen=True)
class Closed(Flow):
    """N clients in equilibrium."""

    def waiting(self, engine: Engine) -> Waiting:
        """Everyone waits alike."""
        return Waiting(engine.own_s, (steady(engine),))


def steady(engine: Engine, share: float = 1.0) -> Crowd:
    """Waits in equilibrium, of a share of the requests.

    They spread no more than the number being answered does, which is all that changes the number in the queue: by its root.
    """
    others, each, away = np.maximum(engine.clients - 1.0, 0.0), engine.service, engine.away
    ticks = positive_root(1.0, each + away - others * each, -others * each * each / 2.0)
    unseen = np.maximum(others / np.maximum(away, 1.0) - engine.mates, 0.0)
    mean = ticks * engine.tick_s + unseen * engine.mate_s
    answered = engine.clients * away / (away + each + ticks)
    return flowing(engine, share, mean, engine.service_s * np.sqrt(answered))


def positive_root(square: float, linear: Numbers, constant: Numbers) -> Numbers:
    """The one root that is not negative of square x^2 + linear x + constant, constant <= 0, without cancellation."""
    root = np.sqrt(linear * linear - 4.0 * square * constant)
    down = np.where(np.greater(linear, 0.0), linear + root, 1.0)
    return np.where(np.greater(linear, 0.0), -2.0 * constant / down, (root - linear) / (2.0 * square))
