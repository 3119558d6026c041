"""How prefill and decode share the machine: stage times -> Cycle, one schedule a file.

A cycle serves one batch from prompt to last token. A schedule says which legs overlap; what overlaps takes the longer of
its arithmetic and its traffic, and the rest adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.roofline import Leg, StageTime
from fleetline.physics.schedules import chunked, chunked_total, disaggregated, serial, serial_total

Schedule = Callable[[StageTime, StageTime], tuple[Leg, ...]]

SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "serial": serial.legs,
        "serial-total": serial_total.legs,
        "chunked": chunked.legs,
        "chunked-total": chunked_total.legs,
        "disaggregated": disaggregated.legs,
    }
)

# Schedules under which a prompt stops decoding, prompts first. Source: SGLang's scheduler (physics notes, section 4).
_PROMPTS_FIRST = frozenset({serial.legs, serial_total.legs})


def decodes_beside(schedule: Schedule) -> bool:
    """Whether decode passes go on while a prompt is prefilled."""
    return schedule not in _PROMPTS_FIRST


@dataclass(frozen=True)
class Cycle:
    """One batch from prompt to last token: its legs one after the other, its latencies and messages [s]."""

    legs: tuple[Leg, ...]
    latency_s: Numbers
    network_s: Numbers = 0.0

    def __add__(self, other: Cycle) -> Cycle:
        """One after the other."""
        return Cycle((*self.legs, *other.legs), self.latency_s + other.latency_s, self.network_s + other.network_s)

    @cached_property
    def compute_s(self) -> Numbers:
        """Waits for arithmetic [s]."""
        return sum((leg.compute_s * np.greater_equal(leg.compute_s, leg.bandwidth_s) for leg in self.legs), start=0.0)

    @cached_property
    def bandwidth_s(self) -> Numbers:
        """Waits for memory [s]."""
        return sum((leg.bandwidth_s * np.less(leg.compute_s, leg.bandwidth_s) for leg in self.legs), start=0.0)

    @property
    def parts(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Waits for arithmetic, memory, latencies and the network [s]."""
        return (self.compute_s, self.bandwidth_s, self.latency_s, self.network_s)

    @cached_property
    def total_s(self) -> Numbers:
        """The whole cycle [s]."""
        return sum((leg.roof_s for leg in self.legs), start=0.0) + self.latency_s + self.network_s


def cycle(schedule: Schedule, prefill: StageTime, decode: StageTime) -> Cycle:
    """The cycle of two stages under a schedule: the sum of its legs, of the latencies and of the messages."""
    return Cycle(schedule(prefill, decode), prefill.latency_s + decode.latency_s, prefill.network_s + decode.network_s)
