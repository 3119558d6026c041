"""Specifications of the page's figures, drawn once: Altair is never run for a request."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from fleetline.figures.explorer import DRAWN
from fleetline.figures.style import styled
from fleetline.webapp.work import encode

FigureName = Literal["roofline", "cycle", "frontier", "load_over_time", "supply_by_class", "error_by_group"]


@lru_cache(maxsize=64)
def drawing(name: str, theme: str) -> bytes:
    """A figure's specification as JSON; `theme` is light or dark."""
    spec = styled(DRAWN[name]())
    spec["usermeta"] = {"theme": theme}
    return encode(spec)
