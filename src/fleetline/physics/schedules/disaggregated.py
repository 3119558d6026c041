"""Disaggregated: prefill and decode on pools of their own, with the cache sent from one to the other.

While a batch decodes for D seconds on the whole machine, its prompts take P. On a share x of the machine prefill takes
P / x and decode D / (1 - x); the slower pool rules, and max(P / x, D / (1 - x)) is least at x = P / (P + D), where both
take P + D. So with the best pool ratio the legs are those of the two stages apart. What pools of whole replicas reach is
`slower_pool`, and what they gain is not here but in TTFT (a prompt waits for no batch) and in steady decode passes.

Source: Zhong et al. 2024, DistServe (arXiv:2401.09670); Patel et al. 2024, Splitwise (arXiv:2311.18677); the ratio: ours,
derived above.
"""

from __future__ import annotations

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.roofline import Leg, StageTime


def legs(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Nothing overlaps: at the best pool ratio both pools work all the time."""
    return (prefill.linear, prefill.attention, decode.linear, decode.attention)


def slower_pool(prefill_s: Numbers, decode_s: Numbers, ratio: Numbers) -> Numbers:
    """Seconds a cycle of a decode replica takes when `ratio` of them share one prefill replica [s]."""
    return np.maximum(ratio * prefill_s, decode_s)
