"""Prefix caching: the share of a prompt that an earlier request left in the cache is read instead of computed.

The new tokens attend to the whole prompt, so their arithmetic per token stays; the hit part's is gone, and its cache is
read once. At least the last token of a prompt is computed, since it yields the first of the answer.

Memory. A hit must be in memory. `shared` of it is a prefix that requests have in common (a system prompt, a document):
it is held once on every machine, not once a request, and each request holds the rest of its context for itself. Where
requests come with one of `prefixes` such prefixes, equally often, all of them are held, in use or not. So a share h of
shared hits needs the room of `prefixes` prefixes, and the requests get what is left: more prefixes, or a longer hit, leave
fewer requests, and a hit that has no room beside one request is infeasible. What is hit and not shared (the requester's
own earlier text) is charged to its request as its own context, as all of it is where `shared` is 0. Decode still reads each
request's whole context: no kernel that reads a common prefix once for many requests is assumed.

Source: Zheng et al. 2023, SGLang's RadixAttention (arXiv:2312.07104); Kwon et al. 2023, vLLM (arXiv:2309.06180), section
4.4 (shared prefix); Qin et al. 2024, Mooncake (arXiv:2407.00079); what is held: ours, derived above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.stages import Plan


@dataclass(frozen=True)
class PrefixCache:
    """`hit` of every prompt is found in the cache, `shared` of that in one of `prefixes` prefixes held once [1]."""

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]] = MappingProxyType(
        {"hit": (0.0, 1.0), "shared": (0.0, 1.0), "prefixes": (1.0, 100.0)}
    )

    hit: Numbers
    shared: Numbers = 0.0
    prefixes: Numbers = 1.0

    def apply(self, plan: Plan) -> Plan:
        """Prefill begins behind what was hit; what is common is held apart."""
        prefill = plan.prefill
        tokens = np.maximum(prefill.tokens * (1.0 - self.hit), np.minimum(prefill.tokens, 1.0))
        common = self.shared * self.hit * prefill.tokens
        computed = replace(prefill, tokens=tokens, start=prefill.end - tokens)
        return replace(plan, prefill=computed, common=common, commons=self.prefixes)
