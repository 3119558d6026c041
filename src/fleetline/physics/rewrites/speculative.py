"""Speculative decoding and multi-token prediction: fewer decode passes, more tokens in each.

A draft proposes tokens, one pass of the model verifies `verified` of them (its own next one included) and keeps `accepted`
on average. So there are accepted times fewer passes (weight and cache reads, step latencies), each over `verified` tokens
a sequence: arithmetic grows by verified / accepted, and more distinct experts are read in a pass. A recurrent state is
stored once for each token verified.

Without a `draft` the proposals are free, as in the article. With one, it runs verified - 1 passes of one token a sequence
before every pass of the model, one after the other, and reads the prompt too; it attends to the whole context, and holds
weights and a cache of its own.

Source: article, section Speculative decoding; Leviathan et al. 2022 (arXiv:2211.17192); DeepSeek-V3 (arXiv:2412.19437),
section 2.2; what a pass costs: physics notes, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.stages import Draft, Drafted, Plan


@dataclass(frozen=True)
class Speculative:
    """`verified` tokens checked in a pass, `accepted` of them kept on average (the one the pass itself yields included)."""

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]] = MappingProxyType(
        {"verified": (1.0, 16.0), "accepted": (1.0, "verified")}
    )

    verified: Numbers
    accepted: Numbers
    draft: Draft | None = None

    def apply(self, plan: Plan) -> Plan:
        """Decode in passes / accepted, each over `verified` tokens."""
        decode = replace(plan.decode, passes=plan.decode.passes / self.accepted, tokens=plan.decode.tokens * self.verified)
        drafted = () if self.draft is None else (self._drafted(self.draft, plan),)
        return replace(plan, decode=decode, drafted=(*plan.drafted, *drafted))

    def _drafted(self, draft: Draft, plan: Plan) -> Drafted:
        """The prompt once, and a pass for every token proposed; nothing where none is."""
        drafts = self.verified - 1.0
        used = np.where(np.greater(drafts, 0.0), 1.0, 0.0)[()]
        prefill = replace(plan.prefill, passes=plan.prefill.passes * used, start=plan.prefill.start * used)
        decode = replace(plan.decode, passes=plan.decode.passes / self.accepted * drafts)
        return Drafted(draft, prefill, decode, used)


def accepted_of(acceptances: Sequence[Numbers]) -> Numbers:
    """Mean tokens of a pass, 1 + a_1 + a_1 a_2 + ..., whose k-th draft is accepted with chance a_k once the one before was.

    Of n equal ones it is (1 - a ** (n + 1)) / (1 - a). Source: Leviathan et al. 2022 (arXiv:2211.17192), equation 1.
    """
    each: Numbers = 1.0
    total: Numbers = 1.0
    for chance in acceptances:
        each = each * chance
        total = total + each
    return total
