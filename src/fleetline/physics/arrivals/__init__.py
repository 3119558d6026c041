"""How requests arrive, which decides how a request's time divides into waiting, prefill and decode: one kind a file.

By Little's law N requests in service that are served x a second each take N / x: the cycle. So with a fixed number in
service the schedule alone gives throughput and speed, and arrivals only say how much of the cycle passes before the first
token. `Engine` is what a placement tells of the queue its prompts stand in; an arrival makes of it the `Waiting`.

Source: Little 1961 (doi:10.1287/opre.9.3.383).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc

from fleetline.architecture.attention import Numbers
from fleetline.physics.roofline import IDLE, StageTime, scaled
from fleetline.physics.schedules import Cycle, Schedule, cycle
from fleetline.physics.search import between, narrowed


class Engine(Protocol):
    """A queue of prompts and what serves it. Its clock ticks as answers end: in decode passes, or in seconds of a pool.

    In a loop a prompt comes when an answer ends, and answers end with a decode pass. So where prompts ride along with
    decode passes, or stop them, waiting is counted in passes first and in seconds after.
    """

    @property
    def clients(self) -> Numbers:
        """Requests in service whose prompts share the queue [request]."""

    @property
    def service(self) -> Numbers:
        """What a prompt takes of the clock; 0 where it stops the clock [tick]."""

    @property
    def away(self) -> Numbers:
        """From a request's first token to its last [tick]."""

    @property
    def tick_s(self) -> Numbers:
        """A tick while prompts are served [s]."""

    @property
    def service_s(self) -> Numbers:
        """How long one of many prompts keeps the server [s]."""

    @property
    def own_s(self) -> Numbers:
        """From where a prompt is begun to its first token, prompts of the same pass included [s]."""

    @property
    def burst_s(self) -> Numbers:
        """How long one of many prompts keeps the server where budgets are always full [s]."""

    @property
    def mate_s(self) -> Numbers:
        """What a prompt waits for one that came in the same tick, as far as `service` does not show it [s]."""

    @property
    def grain(self) -> Numbers:
        """A tick in parts of a prompt's service: 1 where waits come in whole services, 0 where of any length [1]."""

    @property
    def mates(self) -> Numbers:
        """Prompts that came in the same tick whose time is already in `own_s` [request]."""

    @property
    def step_s(self) -> Numbers:
        """A pass that must end before a prompt can be begun [s]."""

    @property
    def alone_s(self) -> Numbers:
        """All prompts of a batch in one go, with nothing beside them [s]."""

    @property
    def per_s(self) -> Numbers:
        """The part of all requests that comes to this queue [1]."""


@dataclass(frozen=True)
class Crowd:
    """Some of the requests: their share of all [1], how they wait, and whether they came at once or in a steady flow.

    Attributes:
        mean_s: mean wait, of all [s].
        first_s: how much longer those wait who wait at all [s].
        spread_s: standard deviation of their waits [s].
    """

    share: float
    mean_s: Numbers
    first_s: Numbers = 0.0
    spread_s: Numbers = 0.0
    at_once: npt.NDArray[np.bool_] | bool = False


@dataclass(frozen=True)
class Waiting:
    """Time to the first token: a wait, by crowds, and from its end to the token.

    `stable` is False where the queue grows for ever.
    """

    own_s: Numbers
    crowds: tuple[Crowd, ...] = ()
    stable: npt.NDArray[np.bool_] | bool = True

    @property
    def mean_s(self) -> Numbers:
        """Mean over requests [s]."""
        return sum((crowd.share * crowd.mean_s for crowd in self.crowds), start=self.own_s)

    def percentile_s(self, share: float) -> Numbers:
        """What so large a share of the requests does not exceed [s].

        Of a crowd that came at once waits are uniform up to twice the mean. In a steady flow a share W / (W + F) waits at
        all, F being what is left of the prompt in service (half of it in the M/D/1 queue), and those who do for W + F on
        average; their waits have a gamma distribution: about exponential in a busy queue, a bell where it is never empty.
        The quantile of the mixture is found by bisection. Source: ours; the exponential tail of a busy queue: Kingman 1962.
        """
        if not self.crowds:
            return self.own_s
        low, high = np.broadcast_arrays(0.0, sum(crowd.mean_s + crowd.first_s for crowd in self.crowds))
        high = high * 2.0 / (1.0 - share)
        left = 1.0 / _FINEST
        while left > 1.0:
            places = between(low, left, _AT_ONCE)
            tried = low + (high - low) * places
            later = sum(crowd.share * _exceeding(crowd, tried) for crowd in self.crowds) > 1.0 - share
            low, high = narrowed(low, high, tried, np.asarray(later))
            left /= len(places) + 1
        return (self.own_s + high)[()]


_AT_ONCE = 64  # gamma functions take longer than other arithmetic
_FINEST = 2.0**-53  # of the highest that is looked for, which is some hundred times what is found


def _exceeding(crowd: Crowd, wait_s: Numbers) -> Numbers:
    """Share of a crowd that waits longer than `wait_s`."""
    nobody = np.less_equal(crowd.mean_s, 0.0)
    mean, spread = np.where(nobody, 1.0, crowd.mean_s), np.where(nobody | crowd.at_once, 1.0, crowd.spread_s)
    together = np.clip(1.0 - wait_s / (2.0 * mean), 0.0, 1.0)
    each = mean + crowd.first_s  # of those who wait
    steady = mean / each * gammaincc((each / spread) ** 2, wait_s * each / spread**2)
    return np.where(nobody, 0.0, np.where(crowd.at_once, together, steady))


def flowing(engine: Engine, share: float, mean_s: Numbers, most_s: Numbers = np.inf) -> Crowd:
    """A crowd in a steady flow with a mean wait; waits spread as in a queue of fixed service, by `most_s` at most [s].

    Of a service in whole ticks, those who wait still wait for 1 to 1 / grain of them, all equally likely.
    """
    service, grain = engine.service_s, engine.grain
    spread = np.sqrt(mean_s * (mean_s + service) + service * service * (1.0 - grain * grain) / 12.0)
    return Crowd(share, mean_s, service * (1.0 + grain) / 2.0, np.minimum(spread, most_s))


class Arrival(Protocol):
    """A kind of arrival."""

    @property
    def lengths(self) -> float:
        """Mean of the requests' lengths over the lengths that are named [1]."""

    def together(self, load: Numbers, passes: Numbers, most: Numbers) -> Numbers:
        """Prompts prefilled in one go by an engine with `load` requests, each of so many decode passes [request].

        `most` of them fit into one chunk, or one that needs several.
        """

    def cycle(self, schedule: Schedule, prefill: StageTime, decode: StageTime, chunked: Numbers) -> Cycle:
        """The cycle of two stages with chunks enough for a share `chunked` of the decode passes [1]."""

    def waiting(self, engine: Engine) -> Waiting:
        """Time to the first token."""

    def request_s(self, waiting: Waiting, cycle_s: Numbers, answer_s: Numbers) -> Numbers:
        """Wall time of a request of an engine with such a cycle, whose answer alone takes `answer_s` [s]."""

    def served(self, able: Numbers, each: Numbers) -> Numbers:
        """Tokens a second of what is able to serve `able`, `each` a request [token/s]."""


class Flow:
    """What all arrivals but the lockstep have in common."""

    lengths = 1.0

    def together(self, load: Numbers, passes: Numbers, most: Numbers) -> Numbers:
        """A prompt and those that came in the same pass: of the others' answers 1 in `passes` ends with a pass."""
        return np.minimum(1.0 + np.maximum(load - 1.0, 0.0) / passes, most)

    def cycle(self, schedule: Schedule, prefill: StageTime, decode: StageTime, chunked: Numbers) -> Cycle:
        """Chunks have the budget's size: only the passes with one overlap with prefill."""
        share = np.minimum(chunked, 1.0)
        both = cycle(schedule, prefill, scaled(decode, share))
        return both + cycle(schedule, IDLE, scaled(decode, 1.0 - share))

    def request_s(self, waiting: Waiting, cycle_s: Numbers, answer_s: Numbers) -> Numbers:
        """A cycle, by Little's law; of a short answer, whose cycle leaves out the passes beside its prompt, both parts."""
        return np.maximum(cycle_s, waiting.mean_s + answer_s)

    def served(self, able: Numbers, _each: Numbers) -> Numbers:
        """As many as it is able to: the next one is sent when one is answered."""
        return able
