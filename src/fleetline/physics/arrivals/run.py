"""A benchmark run: N clients start at once and send 10 N requests in all, each the next when its last is answered.

Requests come in ten waves. The first comes at once: the j-th prompt waits for j - 1 others. Of the later ones lengths of
0.8 to 1 of the length named spread the answers, a little more with each wave, over a window of w ticks. N prompts that come
evenly within a window wait, in the mean,

    W = (N - 1) kappa (W + kappa / 2) / (w + 2 W + kappa),

the loop's equation with the time in which the prompts are worked off in the place of the loop's: it gives (N - 1) kappa / 2
for w = 0, half of what N kappa exceeds w by where the window is too short, and the M/D/1 queue where it is long. First
tokens then come within w + 2 W; with the spread of the answers, as standard deviations add, the next window is

    w'^2 = (w + 2 W)^2 + (0.2 / 0.9 m)^2.

Where the window is longer than the loop the waves run into each other, and the loop's own wait is the longer one.

Source: ours, derived above; the client: InferenceX, utils/bench_serving (physics notes, section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals import Crowd, Engine, Flow, Waiting, flowing
from fleetline.physics.arrivals.closed import positive_root, steady

# Of the client: requests to a client, and the shortest length over the longest. Source: physics notes, section 6.
WAVES, SHORTEST = 10, 0.8


@dataclass(frozen=True)
class Run(Flow):
    """Ten requests to a client, all clients at once."""

    lengths: float = (1.0 + SHORTEST) / 2.0

    def waiting(self, engine: Engine) -> Waiting:
        """The first wave waits in line; the later ones less and less."""
        others, each = np.maximum(engine.clients - 1.0, 0.0), engine.service
        spread = (1.0 - SHORTEST) / self.lengths * engine.away
        loop = steady(engine, 1.0 / WAVES)
        crowds = [Crowd(1.0 / WAVES, others * engine.burst_s / 2.0, at_once=True)]
        window: Numbers = np.hypot((others + 1.0) * each, spread)
        for _ in range(1, WAVES):
            ticks = positive_root(2.0, window + each - others * each, -others * each * each / 2.0)
            unseen = np.maximum(others / np.maximum(window, 1.0) - engine.mates, 0.0)
            wait = ticks * engine.tick_s + unseen * engine.mate_s
            crowds.append(_longer(loop, flowing(engine, 1.0 / WAVES, wait)))
            window = np.hypot(window + 2.0 * ticks, spread)
        return Waiting(engine.own_s, tuple(crowds))


def _longer(loop: Crowd, wave: Crowd) -> Crowd:
    """A wave apart from the others, or the loop's wait where that is longer."""
    apart = np.greater(wave.mean_s, loop.mean_s)
    mean, first, spread = (
        np.where(apart, getattr(wave, name), getattr(loop, name)) for name in ("mean_s", "first_s", "spread_s")
    )
    return Crowd(wave.share, mean, first, spread)
