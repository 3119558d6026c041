"""Values as the page writes them: numbers for people, shares, dates, links to sources."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from fleetline.figures import human, when

__all__ = ["capital", "fixed", "human", "linked", "number", "share", "when"]


def number(value: float | str | None) -> str:
    """A number for people: thousands separated, four digits, small ones in powers of ten; words as they are."""
    if value is None or isinstance(value, str):
        return value or ""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:,.4g}" if abs(value) < 1e3 else f"{value:,.0f}"
    if abs(value) >= 1e4:
        for scale, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
            if abs(value) >= scale:
                return f"{value / scale:,.4g} {word}"
        return f"{value:,.0f}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def share(value: float | None) -> str:
    """A share in percent, one digit behind the point below ten."""
    if value is None:
        return ""
    return f"{value:.0%}" if abs(value) >= _TENTH or value == 0 else f"{value:.1%}"


_TENTH = 0.0995


def fixed(value: float | None, digits: int = 2) -> str:
    """A number with so many digits behind the point."""
    return "" if value is None else f"{value:,.{digits}f}"


def capital(words: str) -> str:
    """The first letter as at the start of a sentence."""
    return words[:1].upper() + words[1:]


_ADDRESS = re.compile(r"https?://[^\s;,)]+")
_LONG = re.compile(r"(\S{24,})")  # the hash of an edition, the path of a file


def linked(words: str | None) -> Markup:
    """Words whose addresses can be followed, and whose long words can be broken where a column is narrow."""
    text, parts, at = words or "", [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".")
        parts += [_breakable(text[at : found.start()]), _link(address)]
        at = found.start() + len(address)
    return Markup("").join([*parts, _breakable(text[at:])])


def _breakable(text: str) -> Markup:
    words = _LONG.split(text)  # every second one is long
    long = Markup('<span class="long">{}</span>')
    return Markup("").join(long.format(each) if at % 2 else escape(each) for at, each in enumerate(words))


def _link(address: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, address.removeprefix("https://").removeprefix("http://"))
