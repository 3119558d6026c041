"""Charts as pictures: SVG and PNG files, and the same SVG inside the page, where its colours follow the theme."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import vl_convert

from fleetline.figures import DARK, Figure, styled

_SCALE = 2.0  # pixels a point, so that a picture stays sharp on a dense screen


@dataclass(frozen=True)
class Picture:
    """A figure, drawn: its files by name, and what stands in the page, for a column of text and for a phone."""

    files: Mapping[str, bytes]
    wide: str
    narrow: str


def draw(figure: Figure, narrow: Figure) -> Picture:
    """A figure drawn wide and narrow; the files are of the wide one."""
    name = figure.name
    svg = _told(vl_convert.vegalite_to_svg(styled(figure.chart)), figure.description)
    files = {
        f"figures/{name}.svg": svg.encode(),
        f"figures/{name}.png": vl_convert.svg_to_png(svg, scale=_SCALE),
    }
    small = vl_convert.vegalite_to_svg(styled(narrow.chart))
    return Picture(files, inline(svg, f"{name}-w", "large"), inline(small, f"{name}-n", "small"))


def _told(svg: str, description: str) -> str:
    """The picture with its alternative text, for who opens the file alone."""
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)


_NOT_NEEDED = re.compile(
    r' (?:font-family|aria-[a-z]+|role|version|xmlns:xlink|class|pointer-events)="[^"]*"'
    r'| (?:stroke-width|opacity)="1"| transform="translate\(0,0\)"'
)
_EMPTY = re.compile(r'<path class="(?:background|foreground)"[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_OWN_NAME = re.compile(r'( id="|url\(#|href="#)')


def inline(svg: str, prefix: str, kind: str) -> str:
    """An SVG made smaller, its names its own, as the page has it: text in the page's fonts, coordinates to 0.1 px."""
    named = _OWN_NAME.sub(rf"\g<1>{prefix}-", _EMPTY.sub("", svg))
    return re.sub(r"<[^>]+>", _smaller, named).replace("<svg ", f'<svg class="{kind}" ', 1)


def _smaller(tag: re.Match[str]) -> str:
    return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", _NOT_NEEDED.sub("", tag[0]))


def theme_css() -> tuple[str, str, str]:
    """CSS: the light colours as properties, the dark ones, and the rules that put them in the place of a picture's own."""
    light = "".join(f"--{_property(colour)}:{colour};" for colour in DARK)
    dark = "".join(f"--{_property(colour)}:{twin};" for colour, twin in DARK.items())
    rules = "".join(
        f'.chart [{what}="{colour}" i]{{{what}:var(--{_property(colour)})}}'
        for colour in DARK
        for what in ("fill", "stroke")
    )
    return light, dark, rules


def _property(colour: str) -> str:
    return f"c{colour.removeprefix('#').lower()}"
