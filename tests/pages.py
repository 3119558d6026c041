"""Pages of numbers held against one another: the same words, and numbers as near as two processors come.

A logarithm may differ in its last digit from one processor to another, and a number that is then rounded in its last place.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def differences(found: str, page: str) -> list[tuple[str, str]]:
    """The lines that differ by more than one in the last place of a number, of twelve places at most."""
    ours, theirs = found.splitlines(), page.splitlines()
    if len(ours) != len(theirs):
        return [(f"{len(ours)} lines", f"{len(theirs)} lines")]
    return [pair for pair in zip(ours, theirs, strict=True) if not _alike(*pair)]


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    ours, theirs = _NUMBER.findall(one), _NUMBER.findall(other)
    words = _NUMBER.split(one) == _NUMBER.split(other)
    return words and all(_near(a, b) for a, b in zip(ours, theirs, strict=True))


def _near(one: str, other: str) -> bool:
    a, b = (float(each.replace(",", "")) for each in (one, other))
    place = max(10.0 ** -len(each.partition(".")[2]) for each in (one, other))
    return abs(a - b) <= max(1.001 * place, 1e-11 * abs(a))
