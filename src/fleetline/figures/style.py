"""The house style: colours with one meaning each, light and dark, wide and narrow, log axes in human units, labels on the lines.

A chart is drawn in the light colours alone; `styled` puts the dark ones in their place, and `DARK` lets a page do the same by
CSS, so that one picture serves both. Words in a colour take its stronger shade (`TEXT_OF`), which is legible on paper.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import altair as alt

from fleetline.study import Results, Rows

# Okabe and Ito's colours, told apart by people with colour-blindness; one meaning each throughout. Their orange is a shade
# darker here, 3:1 on white (WCAG 2.2, 1.4.11)
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#CB8300", "#009E73", "#D55E00", "#CC79A7", "#767676"
INK, FAINT = "#222222", "#DDDDDD"
_LABEL, _GRID, _AXIS, PAPER = "#444444", "#EEEEEE", "#999999", "#FFFFFF"

# words in the colour of their line: the same hue at 4.5:1 and more on white (WCAG 2.2, 1.4.3)
TEXT_OF: Mapping[str, str] = MappingProxyType(
    {BLUE: "#00639B", ORANGE: "#8A5A00", GREEN: "#00735A", RED: "#B04A00", PURPLE: "#A0487B", GREY: "#666666", INK: INK}
)

# every colour a chart may hold -> what stands for it on a dark page, marks at 3:1 and words at 4.5:1 again
_DARK_MARKS: Mapping[str, str] = MappingProxyType(
    {
        BLUE: "#5AB0E8",
        ORANGE: "#F0B429",
        GREEN: "#34C79B",
        RED: "#FF8C50",
        PURPLE: "#E59CC6",
        GREY: "#A3A8AD",
        INK: "#ECEDEE",
        FAINT: "#4A5056",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        **_DARK_MARKS,
        **{text: _DARK_MARKS[mark] for mark, text in TEXT_OF.items()},
        _LABEL: "#C5C9CD",
        _GRID: "#2C3136",
        _AXIS: "#7C838A",
        PAPER: "#16191C",
    }
)
Theme = Literal["light", "dark"]

COLOUR_OF = MappingProxyType(
    {
        "compute": ORANGE,
        "bandwidth": BLUE,
        "8000:1000": GREEN,
        "25000:1000": ORANGE,
        "128000:1000": RED,
        "without": GREY,
        "with": BLUE,
    }
)
NAME_OF = MappingProxyType(
    {
        "compute": "arithmetic",
        "bandwidth": "memory traffic",
        "8000:1000": "8k in, 1k out",
        "25000:1000": "25k in, 1k out",
        "128000:1000": "128k in, 1k out",
        "gb200-nvl72": "GB200 NVL72",
        "gb300-nvl72": "GB300 NVL72",
        "ideal": "ideal hardware",
        "article": "at the article's efficiencies",
    }
)


@dataclass(frozen=True)
class Space:
    """What a figure may fill: a column of text, or a phone. Sizes are of the plot, its axis to the left not counted [px]."""

    width: int
    height: int
    narrow: bool

    def panel(self, of: int, *, labels: int = 0) -> int:
        """Width of one of so many panels beside each other, with so much of it taken by labels; a phone shows one a row."""
        if self.narrow:
            return self.width - max(labels - _SLACK, 0)
        return (self.width - 90) // of + _GAP - labels

    def beside(self, *panels: alt.Chart | alt.LayerChart) -> alt.HConcatChart | alt.VConcatChart:
        """Panels side by side, on a phone below each other."""
        found: alt.HConcatChart | alt.VConcatChart = alt.vconcat(*panels) if self.narrow else alt.hconcat(*panels)
        return found

    def rows(self, field: str, order: Sequence[str] | str, *, limit: int = 330, step: int = 24, **more: Any) -> Listed:
        """A y axis of names, one a row: to the left of the plot, on a phone above each row."""
        axis: dict[str, Any] = {"labelFontSize": 12, "labelLimit": limit, "ticks": False, "grid": True} | more
        if self.narrow:
            above = {"labelAlign": "left", "labelPadding": 0, "labelOffset": -17, "labelLimit": self.width + _MARGIN}
            axis |= above | {"domain": False, "minExtent": 0}
            step = max(step, _ROW_ON_A_PHONE)
        y = alt.Y(field, sort=order, title=None, axis=alt.Axis(**axis))
        return Listed(y, alt.Step(step), self.width if self.narrow else self.width - limit + _SLACK)


@dataclass(frozen=True)
class Listed:
    """An axis of names, and the plot that goes with it."""

    y: alt.Y
    height: alt.Step
    width: int


_MARGIN = 40  # px to the right of a phone's plot that words may use
_ROW_ON_A_PHONE = 40  # px: the name, and the mark below it
_GAP = 15  # px between panels
_SLACK = 60  # px that an axis of numbers would take at the left, and one of names does not

WIDE = Space(640, 340, narrow=False)
NARROW = Space(276, 260, narrow=True)


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows in one sentence, what it looks like in words, and the table behind it."""

    name: str
    table: str
    title: str
    caption: str
    description: str
    chart: alt.TopLevelMixin


def styled(chart: alt.TopLevelMixin, theme: Theme = "light") -> dict[str, Any]:
    """The chart's Vega-Lite specification in the house style, in light or dark colours."""
    spec: dict[str, Any] = chart.to_dict() | {"config": _STYLE, "background": PAPER, "padding": 8}
    return spec if theme == "light" else _darkened(spec)


def config(theme: Theme = "light") -> dict[str, Any]:
    """The Vega-Lite `config` of the house style."""
    style = {**_STYLE, "background": PAPER}
    return style if theme == "light" else _darkened(style)


def _darkened(part: Any) -> Any:
    """The same specification with every colour's dark twin."""
    match part:
        case str():
            return DARK.get(part.upper(), part) if part.startswith("#") else part
        case Mapping():
            return {key: _darkened(each) for key, each in part.items()}
        case list():
            return [_darkened(each) for each in part]
        case _:
            return part


FONT = "Helvetica Neue, Arial, Liberation Sans, sans-serif"
_STYLE: Mapping[str, Any] = {
    "view": {"continuousWidth": WIDE.width, "continuousHeight": WIDE.height, "stroke": None},
    "font": FONT,
    "title": {"color": INK},
    "text": {"color": INK},
    "header": {"labelColor": INK, "titleColor": INK},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titleColor": INK,
        "labelColor": _LABEL,
        "gridColor": _GRID,
        "domainColor": _AXIS,
        "tickColor": _AXIS,
        "titlePadding": 8,
    },
    "legend": {
        "labelFontSize": 12,
        "labelColor": INK,
        "titleColor": INK,
        "symbolStrokeWidth": 3,
        "symbolType": "stroke",
        "labelLimit": 400,
    },
}


def data(rows: Rows) -> alt.InlineData:
    """Rows inside the chart, so that the page needs nothing else; a NaN is null there."""
    return alt.InlineData(values=[{key: None if _is_nan(cell) else cell for key, cell in row.items()} for row in rows])


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def named(rows: Rows, column: str) -> Rows:
    """Rows with the words for what stands in `column`, as `<column>_name`."""
    return [row | {f"{column}_name": NAME_OF[row[column]]} for row in rows]


def scale(*names: str) -> alt.Scale:
    """The colours of these meanings."""
    return colours_of({NAME_OF[name]: COLOUR_OF[name] for name in names})


def colours_of(meanings: Mapping[str, str]) -> alt.Scale:
    """A scale of name -> colour."""
    return alt.Scale(domain=list(meanings), range=list(meanings.values()))


LOAD = "datum.value < 1 ? format(datum.value, '~%') : datum.value == 1 ? 'full' : format(datum.value, ',') + ' times'"  # demand over supply

# 50,000; 2 million; 20 billion; small numbers as they are
HUMAN = (
    "datum.value < 1e6 ? format(datum.value, datum.value < 1e3 ? '~g' : ',') : "
    "replace(replace(replace(replace(format(datum.value, '~s'), 'P', ' quadrillion'), 'T', ' trillion'), 'G', ' billion'), 'M', ' million')"
)
_FIRST_DIGIT = "substring(format(datum.value, '.0e'), 0, 1)"


def log_axis(steps: str) -> dict[str, Any]:
    """Labels at the ticks whose first digit is in `steps`, stronger lines at powers of ten."""
    return {
        "labelExpr": f"indexof('{steps}', {_FIRST_DIGIT}) < 0 ? '' : ({HUMAN})",
        "tickCount": 8,
        "labelOverlap": False,
        "gridOpacity": alt.ExprRef(f"{_FIRST_DIGIT} == '1' ? 1 : 0.35"),
    }


def log_x(field: str, title: str, *, steps: str = "125", narrow: bool = False) -> alt.X:
    """A logarithmic x axis in human units; `narrow` panels abbreviate them."""
    log = alt.Scale(type="log", nice=False, padding=8)
    words = {"labelExpr": f"indexof('{steps}', {_FIRST_DIGIT}) < 0 ? '' : replace(format(datum.value, '~s'), 'G', 'B')"}
    return alt.X(field, scale=log, title=title, axis=alt.Axis(**(log_axis(steps) | (words if narrow else {}))))


def log_y(field: str, title: str, *, steps: str = "125") -> alt.Y:
    """A logarithmic y axis in human units; its title lies flat above the axis."""
    log = alt.Scale(type="log", nice=False, padding=14)
    return alt.Y(field, scale=log, title=title, axis=alt.Axis(**log_axis(steps), **FLAT_TITLE))


YEARS = alt.Axis(format="%Y", tickCount="year", labelOverlap=True, labelSeparation=8)

FLAT_TITLE: Mapping[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "end",
    "titleBaseline": "bottom",
    "titleX": 0,
    "titleY": -10,
}


def curves(
    rows: Rows,
    *,
    x: Any,
    y: Any,
    colour: str,
    colours: alt.Scale,
    at: float | Mapping[str, float] = 1.0,
    below: bool | Collection[str] = False,
    falling: bool = False,
) -> alt.LayerChart:
    """Lines of one colour a series, each with its name beside it instead of a legend.

    Args:
        rows: points in the order they are joined.
        x, y: axes.
        colour: column of the series' name; `colours` its scale.
        at: where along the line the name stands, from 0 (first point) to 1 (last); one for all, or by name.
        below: under the line and to its right, for lines that rise; else above it and to its left; for all, or of names.
        falling: the lines fall, so that a name above stands to the right of its point.
    """
    base = alt.Chart(data(rows)).encode(color=alt.Color(f"{colour}:N", scale=colours, legend=None))
    layers: list[alt.Chart] = [base.mark_line(strokeWidth=2.5).encode(x=x, y=y)]
    for name in dict.fromkeys(str(row[colour]) for row in rows):
        series = [row for row in rows if row[colour] == name]
        place = at.get(name, 1.0) if isinstance(at, Mapping) else at
        under = below if isinstance(below, bool) else name in below
        side: Mapping[str, Any] = {"dx": 8, "dy": 12} if under else {"dx": 0, "dy": -10}
        align: Literal["left", "right"] = "left" if under or falling or place < _LATE else "right"
        at_point = alt.Chart(data([series[round(place * (len(series) - 1))]])).encode(x=x, y=y, text=f"{colour}:N")
        layers += lettered(at_point, align=align, fontWeight="bold", color=_word_colour(colours, name), **side)
    return alt.LayerChart(layer=layers)


def lettered(chart: alt.Chart, **mark: Any) -> list[alt.Chart]:
    """Words on a chart, with a rim of paper around them so that they can be read where they cross a line."""
    rim = mark | {"color": PAPER, "stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round", "opacity": 0.8}
    return [chart.mark_text(fontSize=12, **rim), chart.mark_text(fontSize=12, **mark)]


def _word_colour(colours: alt.Scale, name: str) -> str:
    """The shade in which the name of a line of this scale is written."""
    spec = colours.to_dict()
    return TEXT_OF[spec["range"][spec["domain"].index(name)]]


_LATE = 0.2  # of a line: from here on its name ends at the point instead of beginning there


def rule(at: float, words: str, space: Space) -> alt.LayerChart:
    """A dashed vertical line with its meaning beside it."""
    base = alt.Chart(data([{"at": at, "words": words}])).encode(x=alt.X("at:Q"))
    line: alt.Chart = base.mark_rule(color=GREY, strokeDash=[4, 3])
    text: alt.Chart = base.encode(y=alt.value(space.height - 20), text="words:N")
    return alt.LayerChart(layer=[line, *lettered(text, align="left", dx=6, baseline="top", color=INK)])


def tokens(results: Results, which: int) -> str:
    """A workload in words: 8,000 tokens in and 1,000 out."""
    tokens_in, tokens_out = results.setting["workloads"][which].split(":")
    return f"{int(tokens_in):,} tokens in and {int(tokens_out):,} out"


def rounded(value: float) -> str:
    """Three significant digits, thousands separated: 375,685 reads 376,000."""
    return f"{float(f'{value:.3g}'):,.0f}"


def human(value: float) -> str:
    """Two significant digits in words: 19,700,000,000 reads 20 billion."""
    for size, word in ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if float(f"{value:.2g}") >= size:
            return f"{float(f'{value / size:.2g}'):g} {word}"
    return f"{float(f'{value:.2g}'):,.0f}"


def when(text: str) -> str:
    """A crossover's date in words: "in August 2029", "before October 2024", "after 2035"."""
    side, _, day = text.rpartition(" ")
    date = datetime.date.fromisoformat(day)
    month = f"{date:%B} {date.year}"
    return {"": f"in {month}", "before": f"before {month}", "after": f"after {date.year}"}[side]


def day(text: str) -> str:
    """A date in words: "24 December 2027"."""
    date = datetime.date.fromisoformat(text)
    return f"{date.day} {date:%B} {date.year}"


_FLEETS: Mapping[str, str] = MappingProxyType(
    {"article": "GB200 and GB300 racks", "all": "AI chips of every maker whose sales are known"}
)


def fleet_words(results: Results) -> str:
    """The fleet of the study."""
    return _FLEETS.get(results.setting["fleet"], f"chips of fleet {results.setting['fleet']}")


def demand_words(results: Results) -> str:
    """The demand that the study holds against supply."""
    key = results.setting["demand"]
    return str(next(row["name"] for row in results.tables["demand_proxies"] if row["key"] == key))
