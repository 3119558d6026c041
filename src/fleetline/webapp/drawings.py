"""Specifications of the page's figures, drawn once: Altair is never run for a request."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from fleetline.figures.explorer import DRAWN
from fleetline.figures.style import Theme, styled
from fleetline.webapp.work import encode

FigureName = Literal[
    "roofline",
    "cycle",
    "frontier",
    "load_over_time",
    "passed_by_year",
    "supply_by_class",
    "load_by_class",
    "error_by_group",
    "predicted_measured",
]


@lru_cache(maxsize=64)
def drawing(name: str, theme: Theme) -> bytes:
    """A figure's specification as JSON."""
    return encode(styled(DRAWN[name](), theme))
