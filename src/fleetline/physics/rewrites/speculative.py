"""Speculative decoding and multi-token prediction: fewer decode passes, more tokens in each.

A draft proposes tokens, one pass of the model verifies `verified` of them and keeps `accepted` on average. So there are
accepted times fewer passes (weight and cache reads, step latencies), each over `verified` tokens a sequence: arithmetic
grows by verified / accepted. The draft itself is taken as free.

Source: article, section Speculative decoding; Leviathan et al. 2022 (arXiv:2211.17192).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from fleetline.architecture.attention import Numbers
from fleetline.physics.stages import Plan


@dataclass(frozen=True)
class Speculative:
    """`verified` tokens checked in a pass, `accepted` of them kept on average (the one the pass itself yields included)."""

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]] = MappingProxyType(
        {"verified": (1.0, 16.0), "accepted": (1.0, "verified")}
    )

    verified: Numbers
    accepted: Numbers

    def apply(self, plan: Plan) -> Plan:
        """Decode in passes / accepted, each over `verified` tokens."""
        decode = plan.decode
        return replace(
            plan,
            decode=replace(decode, passes=decode.passes / self.accepted, tokens=decode.tokens * self.verified),
        )
