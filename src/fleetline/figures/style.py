"""The house style: colours with one meaning each, log axes in human units, labels on the lines, and what a figure is."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import altair as alt

from fleetline.study import Results, Rows

# Okabe and Ito's colours, told apart by people with colour-blindness; one meaning each throughout
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#767676"
INK, FAINT = "#222222", "#DDDDDD"
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
WIDTH, HEIGHT = 640, 360
PANEL = alt.Header(labelFontSize=13, labelFontWeight="bold")


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows in one sentence, what it looks like in words, and the table behind it."""

    name: str
    table: str
    title: str
    caption: str
    description: str
    chart: alt.TopLevelMixin


def styled(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The chart's Vega-Lite specification in the house style."""
    spec: dict[str, Any] = chart.to_dict()
    spec["config"] = _STYLE
    spec["background"] = "white"
    spec["padding"] = 8
    return spec


_STYLE: Mapping[str, Any] = {
    "view": {"continuousWidth": WIDTH, "continuousHeight": HEIGHT, "stroke": None},
    "font": "Helvetica Neue, Arial, Liberation Sans, sans-serif",
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titleColor": INK,
        "labelColor": "#444444",
        "gridColor": "#EEEEEE",
        "domainColor": "#999999",
        "tickColor": "#999999",
        "titlePadding": 8,
    },
    "legend": {"labelFontSize": 12, "symbolStrokeWidth": 3, "symbolType": "stroke", "labelLimit": 400},
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
    return alt.Scale(domain=[NAME_OF[name] for name in names], range=[COLOUR_OF[name] for name in names])


# 50,000; 2 million; 20 billion; small numbers as they are
_HUMAN = (
    "datum.value < 1e6 ? format(datum.value, datum.value < 1e3 ? '~g' : ',') : "
    "replace(replace(replace(replace(format(datum.value, '~s'), 'P', ' quadrillion'), 'T', ' trillion'), 'G', ' billion'), 'M', ' million')"
)
_FIRST_DIGIT = "substring(format(datum.value, '.0e'), 0, 1)"


def log_axis(steps: str) -> dict[str, Any]:
    """Labels at the ticks whose first digit is in `steps`, stronger lines at powers of ten."""
    return {
        "labelExpr": f"indexof('{steps}', {_FIRST_DIGIT}) < 0 ? '' : ({_HUMAN})",
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
    log = alt.Scale(type="log", nice=False, padding=8)
    return alt.Y(field, scale=log, title=title, axis=alt.Axis(**log_axis(steps), **FLAT_TITLE))


FLAT_TITLE: Mapping[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "end",
    "titleBaseline": "bottom",
    "titleX": 0,
    "titleY": -8,
}


def curves(
    rows: Rows, *, x: Any, y: Any, colour: str, colours: alt.Scale, at: float = 1.0, below: bool = False
) -> alt.LayerChart:
    """Lines of one colour a series, each with its name beside it instead of a legend.

    Args:
        rows: points in the order they are joined.
        x, y: axes.
        colour: column of the series' name; `colours` its scale.
        at: where along the line the name stands, from 0 (first point) to 1 (last).
        below: under the line and to its right, for lines that rise; else above it.
    """
    base = alt.Chart(data(rows)).encode(color=alt.Color(f"{colour}:N", scale=colours, legend=None))
    drawn: alt.Chart = base.mark_line(strokeWidth=2.5).encode(x=x, y=y)
    named_points = []
    for name in dict.fromkeys(row[colour] for row in rows):
        series = [row for row in rows if row[colour] == name]
        named_points.append(series[round(at * (len(series) - 1))])
    side: Mapping[str, Any] = {"dx": 8, "dy": 12} if below else {"dx": 0, "dy": -10}
    align: Literal["left", "right"] = "left" if below or at < _LATE else "right"
    text: alt.Chart = (
        alt.Chart(data(named_points))
        .mark_text(fontSize=12, fontWeight="bold", align=align, **side)
        .encode(x=x, y=y, text=f"{colour}:N", color=alt.Color(f"{colour}:N", scale=colours, legend=None))
    )
    return alt.LayerChart(layer=[drawn, text])


_LATE = 0.7  # of a line: from here on its name ends at the point instead of beginning there


def rule(at: float, words: str) -> alt.LayerChart:
    """A dashed vertical line with its meaning beside it."""
    base = alt.Chart(data([{"at": at, "words": words}])).encode(x=alt.X("at:Q"))
    line: alt.Chart = base.mark_rule(color=GREY, strokeDash=[4, 3])
    text: alt.Chart = base.mark_text(align="left", dx=6, baseline="top", color=INK, fontSize=12).encode(
        y=alt.value(HEIGHT - 20), text="words:N"
    )
    return alt.LayerChart(layer=[line, text])


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
