"""Work x rates x efficiencies -> time: each group of operations takes the longer of its arithmetic and its traffic.

Source: article, sections Prefill (the two assumptions) and Calibrating (the three efficiencies);
Williams, Waterman, Patterson 2009 (doi:10.1145/1498765.1498785).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.catalog.types import FALLBACK_PRECISION, KernelLaw, System
from fleetline.physics.remembered import remembered
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


def law_of(kernels: KernelLaws, kind: str, precision: str) -> KernelLaw | None:
    """The law of an operation: in its precision, else in the nearest that stands in for it, else of any; None of none."""
    weights = precision.partition("/")[0]
    for known in (precision, *_NEAREST.get(weights, ()), FALLBACK_PRECISION, ""):
        if (kind, known) in kernels:
            return kernels[kind, known]
    return None


# What stands in for kernels that were not measured: other kernels that expand 4-bit weights to 16 bits; and for whole
# blocks (weights/cache) the same arithmetic with the other cache, then the other arithmetic.
_NEAREST: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "w4a16": ("int4",),
        "int4": ("w4a16",),
        "w4a8": ("fp8", "fp4"),
        "fp8": ("fp8/fp8", "fp8/bf16", "bf16/fp8", "bf16/bf16"),
        "fp4": ("fp4/fp8", "fp4/bf16", "fp8/fp8", "bf16/fp8", "bf16/bf16"),
        "bf16": ("bf16/fp8", "bf16/bf16"),
    }
)


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


NO_LEG = Leg(0.0, 0.0)
IDLE = StageTime(NO_LEG, NO_LEG, 0.0)


def scaled(stage: StageTime, by: Numbers) -> StageTime:
    """A part of a stage, or several of it."""
    linear, attention = (Leg(by * leg.compute_s, by * leg.bandwidth_s) for leg in (stage.linear, stage.attention))
    return StageTime(linear, attention, by * stage.latency_s, by * stage.network_s)


def stage_time(work: Work, system: System, efficiency: Efficiency, kernels: KernelLaws = AT_PEAK) -> StageTime:
    """The time `system` needs for a stage's work at the given efficiencies, times each kernel's own where laws are given.

    Without laws the operations of a group wait for arithmetic or for memory together. Kernels with laws run one after the
    other, each waiting for its own longer leg: what the legs together hide of that is part of the latency.
    """
    steps = work.steps * efficiency.step_latency
    if not kernels:
        linear, attention = (_leg(each, system, efficiency) for each in (work.linear, work.attention))
        return StageTime(linear, attention, steps)
    groups = [[_kernel(each, system, efficiency, kernels) for each in group] for group in (work.linear, work.attention)]
    legs = [_total(leg for _, leg, _, _ in group) for group in groups]
    return StageTime(legs[0], legs[1], steps + floors(work, kernels) + _apart(groups))


# An operation, its time, its law if it has one, and whether that is its block's.
_Kernel = tuple[Operation, Leg, KernelLaw | None, bool]


def _kernel(operation: Operation, system: System, efficiency: Efficiency, kernels: KernelLaws) -> _Kernel:
    law, in_block = _law(operation, kernels)
    return operation, _by_law(operation, law or _PEAK, system, efficiency), law, in_block


def _total(legs: Iterable[Leg]) -> Leg:
    """All legs as one."""
    compute: Numbers = 0.0
    bandwidth: Numbers = 0.0
    for leg in legs:
        compute, bandwidth = compute + leg.compute_s, bandwidth + leg.bandwidth_s
    return Leg(compute, bandwidth)


def floors(work: Work, kernels: KernelLaws) -> Numbers:
    """What the kernels of a stage take besides their work, each waiting for the one before [s].

    Source: physics notes, section 0: at few requests a step is the sum of these, not of its bytes.
    """
    total: Numbers = 0.0
    for operation in (*work.linear, *work.attention, *work.between):
        law, in_block = _law(operation, kernels)
        if law is not None:
            total = total + (operation.block_calls if in_block else operation.calls) * law.latency
    return total


def _law(operation: Operation, kernels: KernelLaws) -> tuple[KernelLaw | None, bool]:
    """The law an operation runs by, and whether that is its block's."""
    if not kernels:
        return None, False
    known, key = _laws(kernels), (operation.kind, operation.law, operation.block, operation.block_law)
    if key not in known:
        block = law_of(kernels, operation.block, operation.block_law) if operation.block else None
        known[key] = (law_of(kernels, operation.kind, operation.law), False) if block is None else (block, True)
    return known[key]


@remembered
def _laws(_kernels: KernelLaws) -> dict[tuple[str, str, str, str], tuple[KernelLaw | None, bool]]:
    """The laws that operations were found to run by, by what `_law` goes by."""
    return {}


def _apart(groups: Iterable[Sequence[_Kernel]]) -> Numbers:
    """By how much kernels with laws take longer one after the other than their legs together would [s]."""
    blocks: dict[str, list[Leg]] = {}
    own: Numbers = 0.0
    together: Numbers = 0.0
    for group in groups:
        known = [(operation, leg, law, in_block) for operation, leg, law, in_block in group if law is not None]
        for operation, leg, law, in_block in known:
            if in_block:
                blocks.setdefault(operation.block, []).append(leg)
            else:
                own = own + (np.maximum(leg.roof_s, law.walk * operation.depth) if law.walk else leg.roof_s)
        together = together + _total(leg for _, leg, _, _ in known).roof_s
    return own + sum((_total(legs).roof_s for legs in blocks.values()), start=0.0) - together


def _leg(operations: Sequence[Operation], system: System, efficiency: Efficiency) -> Leg:
    """All operations at the peaks; those of one precision are added up before they are divided by it."""
    arithmetic: dict[str, Numbers] = {}
    for operation in operations:
        arithmetic[operation.precision] = arithmetic.get(operation.precision, 0.0) + operation.flop
    times = [flop / (system.peak(precision) * efficiency.compute) for precision, flop in arithmetic.items()]
    return Leg(sum(times, start=0.0), traffic_time(operations, system, efficiency))


def traffic_time(
    operations: Iterable[Operation], system: System, efficiency: Efficiency, kernels: KernelLaws = AT_PEAK
) -> Numbers:
    """The traffic of all operations, by itself and without what experts hand on [s]."""
    traffic: dict[float, Numbers] = {}
    for operation in operations:
        share = (_law(operation, kernels)[0] or _PEAK).bandwidth_share
        traffic[share] = traffic.get(share, 0.0) + operation.bytes_moved
    return sum(
        (moved / (system.hbm_bandwidth * (efficiency.bandwidth * share)) for share, moved in traffic.items()), start=0.0
    )


def operation_time(operation: Operation, system: System, efficiency: Efficiency, kernels: KernelLaws = AT_PEAK) -> Leg:
    """One operation's arithmetic and traffic, without its latency and its walk [s]."""
    return _by_law(operation, _law(operation, kernels)[0] or _PEAK, system, efficiency)


def _by_law(operation: Operation, law: KernelLaw, system: System, efficiency: Efficiency) -> Leg:
    bandwidth = system.hbm_bandwidth * efficiency.bandwidth
    traffic = operation.bytes_moved / (bandwidth * law.bandwidth_share)
    if math.isfinite(law.activation_share):
        traffic = traffic + operation.activation_bytes / (bandwidth * law.activation_share)
    return Leg(
        compute_s=operation.flop / (system.peak(operation.precision) * (efficiency.compute * law.compute_share)),
        bandwidth_s=traffic,
    )
