"""What serves a queue of prompts: an engine that also decodes, or a pool that only prefills.

Prompts are cut into chunks of the budget, and a pass runs one of them, first come first served. Under a chunked schedule it
runs beside the decode passes (vLLM, TensorRT-LLM); under a serial one it stops them, prompts first (SGLang).

Source: physics notes, section 4 (schedulers); waits and ticks: ours, derived in `arrivals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals import Arrival
from fleetline.physics.roofline import IDLE, StageTime, scaled
from fleetline.physics.schedules import Cycle, Schedule, cycle, decodes_beside


@dataclass(frozen=True)
class Timed:
    """The stages of a machine with `load` requests, and how they are run.

    Attributes:
        load: requests of the machine.
        joint: prompts prefilled in one go.
        passes: decode passes of a request.
        chunks: passes that one prompt takes of the chunk budget, a part of one for a short prompt.
        line: prompts in a full chunk, or one that needs several.
        full: prefill of `line` prompts.
        some: prefill of `joint` prompts.
        first: prefill of the prompts before the first token of a request that finds nobody else.
        decode: decode of all `load` requests.
    """

    schedule: Schedule
    arrivals: Arrival
    load: Numbers
    joint: Numbers
    passes: Numbers
    chunks: Numbers
    line: Numbers
    full: StageTime
    some: StageTime
    first: StageTime
    decode: StageTime

    @cached_property
    def prefill(self) -> StageTime:
        """Prefill of all `load` prompts, `joint` of them in one go."""
        return self.some if self.joint is self.load else scaled(self.some, self.load / self.joint)

    @cached_property
    def steps(self) -> Numbers:
        """Passes with a chunk for each prompt: of a full budget, or one that several short prompts share."""
        return np.maximum(self.chunks, 1.0 / self.joint)

    @cached_property
    def cycle(self) -> Cycle:
        """All requests once from prompt to last token."""
        return self.arrivals.cycle(self.schedule, self.prefill, self.decode, self.load * self.steps / self.passes)


@dataclass(frozen=True)
class Shared:
    """An engine that prefills and decodes; its clock are its decode passes. See `Engine` for what each number is."""

    timed: Timed
    per_s: Numbers

    @property
    def clients(self) -> Numbers:
        """All requests of the machine."""
        return self.timed.load

    @property
    def away(self) -> Numbers:
        """A tick for every decode pass."""
        return self.timed.passes

    @cached_property
    def _beside(self) -> float:
        """1 where decode passes run beside chunks, 0 where they stop for them."""
        return 1.0 if decodes_beside(self.timed.schedule) else 0.0

    @cached_property
    def _pass(self) -> StageTime:
        """A decode pass beside a chunk, of the requests that are decoded while prompts fill all passes."""
        timed = self.timed
        crowded = np.maximum(timed.load * timed.steps / timed.passes, 1.0)
        somebody = np.minimum(timed.load - 1.0, 1.0)  # else is decoded, if anybody is
        return scaled(timed.decode, self._beside * somebody / (timed.passes * crowded))

    @cached_property
    def _idle_s(self) -> Numbers:
        return self._with(IDLE)

    def _with(self, chunk: StageTime) -> Numbers:
        return cycle(self.timed.schedule, chunk, self._pass).total_s

    @property
    def service(self) -> Numbers:
        """Its share of the budget."""
        return self._beside * self.timed.chunks

    @cached_property
    def _joint_s(self) -> Numbers:
        """A pass with one chunk of the prompts that come together."""
        timed = self.timed
        return self._with(scaled(timed.some, 1.0 / (timed.joint * timed.steps)))

    @cached_property
    def tick_s(self) -> Numbers:
        """A pass with a full chunk."""
        timed = self.timed
        return self._with(scaled(timed.full, 1.0 / np.maximum(timed.line * timed.chunks, 1.0)))

    @property
    def service_s(self) -> Numbers:
        """The passes of one prompt."""
        return self.timed.steps * self._joint_s

    @property
    def own_s(self) -> Numbers:
        """The passes of one prompt; its last one is a whole pass, however little of the chunk is its."""
        chunks = np.maximum(self.timed.chunks, 1.0)
        return chunks * self._joint_s + (np.ceil(chunks) - chunks) * self._idle_s

    @property
    def burst_s(self) -> Numbers:
        """Its part of full chunks."""
        return self.timed.chunks * self.tick_s

    @property
    def mate_s(self) -> Numbers:
        """A pass grows by it where both fit into one chunk; where decode stops, half of all of it on average."""
        once = np.maximum(1.0 - self.timed.chunks, (1.0 - self._beside) / 2.0)
        return once * self.timed.chunks * (self.tick_s - self._idle_s)

    @property
    def mates(self) -> Numbers:
        """What a joint prefill of short prompts holds; long ones go one by one."""
        return np.where(np.less(self.timed.chunks, 1.0), 1.0 / self.timed.steps - 1.0, 0.0)

    @property
    def grain(self) -> Numbers:
        """A pass in parts of a prompt; where decode stops, only whole prompts are waited for."""
        return np.maximum(1.0 - self._beside, 1.0 / np.maximum(self.timed.chunks, 1.0))

    @property
    def step_s(self) -> Numbers:
        """A decode pass."""
        return cycle(self.timed.schedule, IDLE, self.timed.decode).total_s / self.timed.passes

    @property
    def alone_s(self) -> Numbers:
        """Prefill, as if nothing were decoded."""
        return cycle(self.timed.schedule, self.timed.first, IDLE).total_s


@dataclass(frozen=True)
class Pool:
    """A prefill replica and the `ratio` decode replicas it serves; its clock are seconds. See `Engine`."""

    clients: Numbers
    service_s: Numbers
    away: Numbers
    per_s: Numbers
    tick_s: float = 1.0
    mate_s: float = 0.0
    mates: float = 0.0
    grain: float = 0.0
    step_s: float = 0.0

    @property
    def service(self) -> Numbers:
        """A prompt after the other."""
        return self.service_s

    @property
    def own_s(self) -> Numbers:
        """Nothing runs beside it."""
        return self.service_s

    @property
    def burst_s(self) -> Numbers:
        """A prompt after the other."""
        return self.service_s

    @property
    def alone_s(self) -> Numbers:
        """One prompt: prompts come as decoded requests leave."""
        return self.service_s
