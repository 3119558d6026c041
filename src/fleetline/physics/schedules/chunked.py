"""Chunked prefill: prompt chunks ride along with decode passes and share their weight reads.

Only the weight multiplications can be shared: each sequence attends to its own cache, so attention runs as kernels of its
own after them, in prefill and in decode.

Source: article, section Chunked prefill, footnote 7 (the form behind all of its numbers);
Agrawal et al. 2023, SARATHI (arXiv:2308.16369).
"""

from fleetline.physics.roofline import Leg, StageTime


def legs(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Weight multiplications of both stages overlap; each stage's attention stands apart."""
    return (prefill.linear + decode.linear, prefill.attention, decode.attention)
