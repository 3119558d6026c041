"""Chunked prefill, totals: all arithmetic of both stages against all traffic of both.

Source: article, section Chunked prefill, main text ("the larger of total compute time and total bandwidth time").
"""

from fleetline.physics.roofline import Leg, StageTime


def legs(prefill: StageTime, decode: StageTime) -> tuple[Leg, ...]:
    """Everything overlaps: one leg."""
    return (prefill.total + decode.total,)
