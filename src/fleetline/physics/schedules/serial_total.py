"""Serial, totals: prefill, then decode; in each, all arithmetic against all traffic.

Source: article, section What happens during inference ("total time is just whichever is longer").
"""

from fleetline.physics.roofline import Leg, StageTime


def legs(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Each stage is one leg."""
    return (prefill.total, decode.total)
