"""Lockstep: all requests of a batch come at once, and the next batch when the last token of this one is out.

All prompts are prefilled, then all answers decoded, so the first token waits for the whole batch's prompts. Chunks are cut
as small as it takes to spread them over all decode passes.

Source: article, sections Prefill, Decode and Chunked prefill.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.architecture.attention import Numbers
from fleetline.physics.arrivals import Engine, Waiting
from fleetline.physics.roofline import StageTime
from fleetline.physics.schedules import Cycle, Schedule, cycle


@dataclass(frozen=True)
class Batch:
    """One batch after another."""

    lengths: float = 1.0

    def together(self, load: Numbers, _passes: Numbers, _most: Numbers) -> Numbers:
        """All of them."""
        return load

    def cycle(self, schedule: Schedule, prefill: StageTime, decode: StageTime, _chunked: Numbers) -> Cycle:
        """Chunks spread over all passes."""
        return cycle(schedule, prefill, decode)

    def waiting(self, engine: Engine) -> Waiting:
        """Everyone's first token comes with the end of prefill."""
        return Waiting(engine.alone_s)

    def request_s(self, _waiting: Waiting, cycle_s: Numbers, _answer_s: Numbers) -> Numbers:
        """A cycle."""
        return cycle_s

    def served(self, able: Numbers, _each: Numbers) -> Numbers:
        """As many as it is able to."""
        return able


LOCKSTEP = Batch()
