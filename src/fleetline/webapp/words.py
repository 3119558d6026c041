"""Numbers in words, and the parts of a view's answer."""

from __future__ import annotations

import datetime
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
    if value == 0.0:
        return "0 s"
    if value < 1e-3:
        return f"{value * 1e6:.4g} µs"
    return f"{value * 1e3:.4g} ms" if value < 1.0 else f"{value:.4g} s"


def day(words: str) -> str:
    """A crossover's date as a month: "June 2027", "before November 2025", "after 2035"."""
    side, _, found = words.rpartition(" ")
    date = datetime.date.fromisoformat(found)
    return {"": f"{date:%B %Y}", "before": f"before {date:%B %Y}", "after": f"after {date.year}"}[side]


def about(value: float) -> str:
    """Three significant digits at most, for sentences: 245,000; 12.8 billion; 0.911."""
    return text(float(f"{value:.3g}"))


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
    span: tuple[str, str] | None = None,
    link: str | None = None,
    group: str = "",
    primary: bool = False,
) -> dict[str, Any]:
    """A number of a view; one that is not known says so.

    Args:
        low, high: its interval; `span` the same in words, where digits alone would not do.
        group: heading under which it stands. primary: one of the few that answer the question.
    """
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
        "low_text": span and span[0],
        "high_text": span and span[1],
        "group": group,
        "primary": primary,
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
