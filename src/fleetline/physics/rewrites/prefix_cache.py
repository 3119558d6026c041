"""Prefix caching: the share of a prompt that an earlier request left in the cache is read instead of computed.

The new tokens attend to the whole prompt, so their arithmetic per token stays; the hit part's is gone, and its cache is
read once. At least the last token of a prompt is computed, since it yields the first of the answer. Every request is
charged its whole context, as if it shared no page with another.

Source: Zheng et al. 2023, SGLang's RadixAttention (arXiv:2312.07104); Kwon et al. 2023, vLLM (arXiv:2309.06180).
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
    """`hit` of every prompt is found in the cache [1]."""

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]] = MappingProxyType({"hit": (0.0, 1.0)})

    hit: Numbers

    def apply(self, plan: Plan) -> Plan:
        """Prefill begins behind what was hit."""
        prefill = plan.prefill
        tokens = np.maximum(prefill.tokens * (1.0 - self.hit), np.minimum(prefill.tokens, 1.0))
        return replace(plan, prefill=replace(prefill, tokens=tokens, start=prefill.end - tokens))
