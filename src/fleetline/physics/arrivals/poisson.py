"""Requests that come at random, so many a second, whoever is being served: an open loop.

A prompt waits for those before it, as in a queue with random arrivals and a fixed service T of which a share u = rate T is
used: u T / 2 (1 - u). A prompt that finds the queue empty still waits for the pass that is running, half of it on average.
Above u = 1 the queue grows for ever.

Source: Pollaczek 1930, Khinchin 1932, as in Kleinrock 1975, Queueing Systems I, section 5.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals import Crowd, Engine, Flow, Waiting

_NEVER_IDLE = 1e-9  # above u = 1: a wait longer than anyone has, and a number that can be reckoned with


@dataclass(frozen=True)
class Poisson(Flow):
    """`rate` requests a second come to the whole deployment [1/s]."""

    rate: Numbers = 1.0

    def waiting(self, engine: Engine) -> Waiting:
        """Everyone waits alike; without end where prompts come faster than they are prefilled."""
        service = engine.service_s
        used = self.rate * engine.per_s * service
        idle = np.maximum(1.0 - used, _NEVER_IDLE)
        queued = used * service / 2.0 / idle
        spread = np.sqrt(queued * (queued + service) + service * service / 12.0)
        return Waiting(
            engine.own_s + idle * engine.step_s / 2.0, (Crowd(1.0, queued, service / 2.0, spread),), np.less(used, 1.0)
        )

    def request_s(self, waiting: Waiting, cycle_s: Numbers, _answer_s: Numbers) -> Numbers:
        """Those in service are being decoded, which takes them a cycle; a prompt that waits comes on top."""
        return waiting.mean_s + cycle_s

    def served(self, able: Numbers, each: Numbers) -> Numbers:
        """No more than come."""
        return np.minimum(able, self.rate * each)
