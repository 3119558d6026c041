"""Work x rates x efficiencies -> time: each group of operations takes the longer of its arithmetic and its traffic.

Source: article, sections Prefill (the two assumptions) and Calibrating (the three efficiencies);
Williams, Waterman, Patterson 2009 (doi:10.1145/1498765.1498785).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.catalog.types import System
from fleetline.physics.work import Operation, Work


@dataclass(frozen=True)
class Efficiency:
    """Reached share of peak arithmetic [1] and of memory bandwidth [1], and time of a decode pass besides both [s]."""

    compute: Numbers
    bandwidth: Numbers
    step_latency: Numbers


@dataclass(frozen=True)
class Leg:
    """Arithmetic and traffic that overlap perfectly: together they take the longer of the two [s]."""

    compute_s: Numbers
    bandwidth_s: Numbers

    def __add__(self, other: Leg) -> Leg:
        """Two legs that overlap with each other too."""
        return Leg(self.compute_s + other.compute_s, self.bandwidth_s + other.bandwidth_s)

    @property
    def roof_s(self) -> Numbers:
        """How long the leg takes [s]."""
        return np.maximum(self.compute_s, self.bandwidth_s)


@dataclass(frozen=True)
class StageTime:
    """A stage's linear and attention legs and its latency [s]."""

    linear: Leg
    attention: Leg
    latency_s: Numbers

    @property
    def total(self) -> Leg:
        """Both legs as one: all arithmetic against all traffic."""
        return self.linear + self.attention

    @property
    def compute_s(self) -> Numbers:
        """All arithmetic of the stage [s]."""
        return self.total.compute_s

    @property
    def bandwidth_s(self) -> Numbers:
        """All traffic of the stage [s]."""
        return self.total.bandwidth_s


IDLE = StageTime(Leg(0.0, 0.0), Leg(0.0, 0.0), 0.0)


def stage_time(work: Work, system: System, efficiency: Efficiency) -> StageTime:
    """The time `system` needs for a stage's work at the given efficiencies."""
    return StageTime(
        linear=_leg(work.linear, system, efficiency),
        attention=_leg(work.attention, system, efficiency),
        latency_s=work.steps * efficiency.step_latency,
    )


def _leg(operations: Iterable[Operation], system: System, efficiency: Efficiency) -> Leg:
    times = [operation_time(operation, system, efficiency) for operation in operations]
    return sum(times, start=Leg(0.0, 0.0))


def operation_time(operation: Operation, system: System, efficiency: Efficiency) -> Leg:
    """One operation's arithmetic and traffic [s]."""
    return Leg(
        compute_s=operation.flop / (system.peak(operation.precision) * efficiency.compute),
        bandwidth_s=operation.bytes_moved / (system.hbm_bandwidth * efficiency.bandwidth),
    )
