"""Work x rates x efficiencies -> time: each group of operations takes the longer of its arithmetic and its traffic.

Source: article, sections Prefill (the two assumptions) and Calibrating (the three efficiencies);
Williams, Waterman, Patterson 2009 (doi:10.1145/1498765.1498785).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.catalog.types import FALLBACK_PRECISION, KernelLaw, System
from fleetline.physics.work import Operation, Work


@dataclass(frozen=True)
class Efficiency:
    """Reached share of peak arithmetic [1] and of memory bandwidth [1], and time of a decode pass besides both [s]."""

    compute: Numbers
    bandwidth: Numbers
    step_latency: Numbers


# Laws of kernels by operation and precision; one that is not named starts at once and runs at the peak.
KernelLaws = Mapping[tuple[str, str], KernelLaw]
AT_PEAK: KernelLaws = MappingProxyType({})
_PEAK = KernelLaw()


def law_of(kernels: KernelLaws, kind: str, precision: str) -> KernelLaw:
    """The law of an operation: in its precision, else in the one a chip without it computes in, else of any precision."""
    for known in (precision, FALLBACK_PRECISION, ""):
        if (kind, known) in kernels:
            return kernels[kind, known]
    return _PEAK


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
    """A stage's linear and attention legs, its latency and its messages [s]."""

    linear: Leg
    attention: Leg
    latency_s: Numbers
    network_s: Numbers = 0.0

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


def stage_time(work: Work, system: System, efficiency: Efficiency, kernels: KernelLaws = AT_PEAK) -> StageTime:
    """The time `system` needs for a stage's work at the given efficiencies, times each kernel's own where laws are given.

    The operations of a group run one after the other; they are taken to wait for arithmetic or for memory together.
    """
    return StageTime(
        linear=_leg(work.linear, system, efficiency, kernels),
        attention=_leg(work.attention, system, efficiency, kernels),
        latency_s=work.steps * efficiency.step_latency + floors(work, kernels),
    )


def floors(work: Work, kernels: KernelLaws) -> Numbers:
    """What the kernels of a stage take besides their work, each waiting for the one before [s].

    Source: physics notes, section 0: at few requests a step is the sum of these, not of its bytes.
    """
    named = [(operation.kind, operation.precision, operation.calls) for operation in (*work.linear, *work.attention)]
    calls = [*named, ("small", "", work.small_calls)]
    return sum((count * law_of(kernels, kind, precision).latency for kind, precision, count in calls), start=0.0)


def _leg(operations: Sequence[Operation], system: System, efficiency: Efficiency, kernels: KernelLaws) -> Leg:
    """All operations; those that run at the same rate are added up before they are divided by it."""
    arithmetic: dict[tuple[str, float], Numbers] = {}
    for operation in operations:
        rate = (operation.precision, law_of(kernels, operation.kind, operation.precision).compute_share)
        arithmetic[rate] = arithmetic.get(rate, 0.0) + operation.flop
    times = [
        flop / (system.peak(precision) * (efficiency.compute * share)) for (precision, share), flop in arithmetic.items()
    ]
    return Leg(sum(times, start=0.0), traffic_time(operations, system, efficiency, kernels))


def traffic_time(operations: Iterable[Operation], system: System, efficiency: Efficiency, kernels: KernelLaws) -> Numbers:
    """The traffic of all operations, by itself [s]."""
    traffic: dict[float, Numbers] = {}
    for operation in operations:
        share = law_of(kernels, operation.kind, operation.precision).bandwidth_share
        traffic[share] = traffic.get(share, 0.0) + operation.bytes_moved
    return sum(
        (moved / (system.hbm_bandwidth * (efficiency.bandwidth * share)) for share, moved in traffic.items()), start=0.0
    )


def operation_time(operation: Operation, system: System, efficiency: Efficiency, kernels: KernelLaws = AT_PEAK) -> Leg:
    """One operation's arithmetic and traffic, without its latency [s]."""
    law = law_of(kernels, operation.kind, operation.precision)
    return Leg(
        compute_s=operation.flop / (system.peak(operation.precision) * (efficiency.compute * law.compute_share)),
        bandwidth_s=operation.bytes_moved / (system.hbm_bandwidth * (efficiency.bandwidth * law.bandwidth_share)),
    )
