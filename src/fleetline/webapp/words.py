"""Numbers in words, and the parts of a view's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_SIZES = ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def text(value: float) -> str:
    """Four significant digits at most, thousands separated, large numbers by name: 1.234 billion; 375,685; 0.01389."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "none"
    for size, word in _SIZES:
        if abs(value) >= size:
            return f"{value / size:.4g} {word}"
    if abs(value) >= 1e3:
        return f"{value:,.0f}"
    if abs(value) >= 1e-3:
        return f"{value:.4g}"
    return f"{value:.3e}"


def seconds(value: float) -> str:
    """A time in the unit that people would say it in."""
    if value < 1e-3:
        return f"{value * 1e6:.4g} µs"
    return f"{value * 1e3:.4g} ms" if value < 1.0 else f"{value:.4g} s"


def number(
    key: str,
    label: str,
    value: Any,
    unit: str,
    source: str,
    *,
    words: str | None = None,
    low: float | None = None,
    high: float | None = None,
    link: str | None = None,
) -> dict[str, Any]:
    """A number of a view; one that is not known says so."""
    plain = value if isinstance(value, str) else _finite(value)
    if words is None:
        words = "not known" if plain is None else plain if isinstance(plain, str) else f"{text(plain)} {unit}".strip()
    return {
        "key": key,
        "label": label,
        "value": plain,
        "unit": unit,
        "text": words,
        "low": low,
        "high": high,
        "source": source,
        "link": link,
    }


def _finite(value: Any) -> float | None:
    found = None if value is None else float(value)
    return None if found is None or not math.isfinite(found) else found


def view(
    question: Mapping[str, Any],
    headline: str,
    *,
    reason: str | None = None,
    numbers: Sequence[Mapping[str, Any]] = (),
    figures: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """A view's answer."""
    return {
        "question": question,
        "feasible": reason is None,
        "reason": reason,
        "headline": headline,
        "numbers": numbers,
        "figures": figures,
        "notes": notes,
    }
