"""Serial: prefill, then decode; in each, attention's kernels run apart from the weight multiplications.

Source: article, sections Prefill and Decode, with the kernels apart as its footnote 7 says they are.
"""

from fleetline.physics.roofline import Leg, StageTime


def legs(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Nothing overlaps but the arithmetic and traffic of one kind of kernel in one stage."""
    return (prefill.linear, prefill.attention, decode.linear, decode.attention)
