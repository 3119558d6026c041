"""Figures of the page: each drawn once, over named data sets whose rows come with every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import altair as alt

from fleetline.figures.style import (
    BLUE,
    FLAT_TITLE,
    GREEN,
    GREY,
    INK,
    LOAD,
    ORANGE,
    RED,
    TEXT_OF,
    YEARS,
    colours_of,
    lettered,
    log_x,
    log_y,
)

HEIGHT = 320
_BOUND = colours_of({"compute": ORANGE, "bandwidth": BLUE})
_KIND = colours_of({"arithmetic": ORANGE, "memory traffic": BLUE, "waits": GREY})
_TIER = colours_of({"frontier": RED, "mid": BLUE, "small": GREEN})
_SIDE = colours_of({"demand": RED, "supply": BLUE})
_SHAPES = ["general", "agentic", "long", "session"]
_TIERS = ["frontier", "mid", "small"]


def _log(axis: alt.X | alt.Y) -> Any:
    """A logarithmic axis whose labels give way to each other where a page is narrow."""
    axis["axis"]["labelOverlap"] = "greedy"
    axis["axis"]["labelSeparation"] = 6
    return axis


def _chart(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=data))


def _sized(*layers: alt.Chart | alt.LayerChart, height: int = HEIGHT) -> alt.LayerChart:
    """One plot that fills what holds it."""
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return alt.LayerChart(layer=list(layers), width="container", height=height, autosize=fit)


def _words_in(scale: alt.Scale, field: str) -> alt.Color:
    """The shades in which words of these colours are written; no scale of their own, as the marks' is one of colours."""
    spec = scale.to_dict()
    shades = [(name, TEXT_OF[colour]) for name, colour in zip(spec["domain"], spec["range"], strict=True)]
    return alt.Color(
        value=INK, condition=[{"test": f"datum.{field} == '{name}'", "value": shade} for name, shade in shades]
    )


def _up_to(room: int) -> alt.Scale:
    """From zero, with so much room to the right for words at the ends of bars [px]."""
    return alt.Scale(domainMin=0, range=[0, alt.ExprRef(f"width - {room}")])


def _named(chart: alt.Chart, colour: alt.Color, **mark: Any) -> list[alt.Chart]:
    """Words with a rim of paper, in a colour that the data choose."""
    rim, words = lettered(chart, **mark)
    return [rim, words.encode(color=colour)]


def roofline() -> alt.LayerChart:
    """Operators under the roofs of their precisions, each with its name."""
    x = _log(log_x("intensity_flop_byte:Q", "FLOP for each byte moved", steps="1"))
    y = log_y("flop_s_gpu:Q", "FLOP per second of each chip", steps="1")
    roofs = _chart("roofs").mark_line(strokeWidth=2, color=GREY).encode(x=x, y=y, detail="precision:N")
    ends = _chart("names").encode(x=x, y=y, text="name:N")
    tips = ["name:N", "bound:N", alt.Tooltip("seconds:Q", format=".3~s", title="seconds")]
    dots = (
        _chart("operators")
        .mark_point(filled=True, opacity=0.85)
        .encode(
            x=x,
            y=y,
            color=alt.Color("bound:N", scale=_BOUND, legend=None),
            size=alt.Size("seconds:Q", scale=alt.Scale(range=[40, 500]), legend=None),
            tooltip=tips,
        )
    )
    room = alt.Opacity(value=0, condition=[{"test": f"width >= {_ROOMY} || datum.longest", "value": 1}])
    base = _chart("operators").encode(x=x, y=y, text="name:N", opacity=room)
    colour = _words_in(_BOUND, "bound")
    up = _named(base.transform_filter("datum.above"), colour, dy=-19)
    down = _named(base.transform_filter("!datum.above"), colour, dy=20)
    peaks = lettered(ends, align="left", dx=4, dy=-9, color=TEXT_OF[GREY])
    return _sized(roofs, dots, *peaks, *up, *down)


_ROOMY = 420  # px of a plot in which every name has room


def cycle() -> alt.LayerChart:
    """Seconds of a cycle by what they are spent on."""
    order = [
        "prefill: arithmetic",
        "prefill: memory traffic",
        "decode: arithmetic",
        "decode: memory traffic",
        "messages between chips",
        "latencies of every pass",
    ]
    base = _chart("parts").encode(
        x=alt.X("seconds:Q", title="seconds", scale=_up_to(62), axis=alt.Axis(tickCount=6)),
        y=alt.Y("what:N", title=None, sort=order, axis=alt.Axis(ticks=False, domain=False, labelLimit=170)),
    )
    bars = base.mark_bar(height=16).encode(color=alt.Color("kind:N", scale=_KIND, legend=None))
    words = base.mark_text(align="left", dx=5, fontSize=12).encode(text="text:N", color=_words_in(_KIND, "kind"))
    return _sized(bars, words, height=184)


def frontier() -> alt.LayerChart:
    """Throughput against speed: modelled, measured, and where one stands."""
    x = _log(log_x("speed_tok_s_user:Q", "output tokens per second of each user (wall time)"))
    y = log_y("output_tok_s_gpu:Q", "output tokens per second of each chip", steps="1")
    lines = colours_of({"as asked": BLUE, "best layout, measured kernels": GREEN})
    numbers = [alt.Tooltip(field, format=",.3~r", title=title) for field, title in _FRONTIER_TIPS.items()]
    line = (
        _chart("points")
        .mark_line(strokeWidth=2.5, point={"size": 22})
        .encode(x=x, y=y, color=alt.Color("line:N", scale=lines, legend=None), tooltip=["line:N", *numbers])
    )
    names = _named(
        _chart("names").encode(x=x, y=y, text="line:N"), _words_in(lines, "line"), align="left", dy=-12, fontWeight="bold"
    )
    dots = (
        _chart("measured")
        .mark_point(filled=True, size=46, opacity=0.75, color=RED)
        .encode(x=x, y=y, tooltip=["framework:N", "precision:N", "gpus:Q", "concurrency:Q", *numbers[:2], "row_id:N"])
    )
    now = _chart("now").mark_point(size=190, strokeWidth=3, color=INK).encode(x=x, y=y, tooltip=numbers)
    return _sized(line, dots, *names, now)  # fmt: skip


_FRONTIER_TIPS: Mapping[str, str] = MappingProxyType(
    {
        "speed_tok_s_user:Q": "speed of each user",
        "output_tok_s_gpu:Q": "output of each chip",
        "batch:Q": "requests",
        "ttft_s:Q": "TTFT, s",
    }
)


def load_over_time() -> alt.LayerChart:
    """Both sides over time with their bands, and the day on which one passes the other."""
    x = alt.X("date:T", title=None, axis=YEARS)
    y = log_y("p50:Q", "output tokens per second of the reference", steps="1")
    colour = alt.Color("what:N", scale=_SIDE, legend=None)
    sides = _chart("times")
    tips = [alt.Tooltip("date:T"), "what:N", *(alt.Tooltip(f"{point}:Q", format=".3~s") for point in ("p5", "p50", "p95"))]
    band = sides.mark_area(opacity=0.2).encode(x=x, y=log_y("p5:Q", "", steps="1"), y2="p95:Q", color=colour)
    line = sides.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour, tooltip=tips)
    names = _named(
        _chart("names").encode(x=x, y=y, text="side:N"), _words_in(_SIDE, "side"), align="right", dy=-10, fontWeight="bold"
    )
    at = alt.value(HEIGHT - 14)
    passing = _chart("passing")
    bar = passing.mark_rule(color=INK, strokeWidth=2).encode(x=alt.X("p10:T"), x2="p90:T", y=at)
    dot = passing.mark_point(color=INK, filled=True, size=90, opacity=1).encode(x="p50:T", y=at)
    words = lettered(passing.encode(x="p10:T", y=at, text="text:N"), align="left", dx=2, dy=-12, color=INK)
    return _sized(band, line, *names, bar, dot, *words)


def passed_by_year() -> alt.LayerChart:
    """Share of worlds in which demand has passed supply, by year."""
    share = alt.Y(
        "share:Q", scale=alt.Scale(domain=[0, 1]), title="of worlds", axis=alt.Axis(format="%", tickCount=5, **FLAT_TITLE)
    )
    base = _chart("years").encode(
        x=alt.X("year:O", title="by the end of", axis=alt.Axis(labelAngle=0, grid=False, labelOverlap=True)), y=share
    )
    bars = base.mark_bar(color=RED, width={"band": 0.72})
    words = base.mark_text(dy=-8, fontSize=11, color=INK).encode(text=alt.Text("share:Q", format=".0%"))
    return _sized(bars, words, height=240)


def _by_class(field: str, title: str, **axis: Any) -> alt.LayerChart:
    """Medians with intervals, by shape of request and tier of model."""
    scale = alt.Scale(type="log", nice=False, padding=8)
    base = _chart("classes").encode(
        y=alt.Y("shape:N", title=None, sort=_SHAPES),
        yOffset=alt.YOffset("tier:N", sort=_TIERS),
        color=alt.Color(
            "tier:N", scale=_TIER, sort=_TIERS, legend=alt.Legend(orient="top", title=None, symbolType="circle", symbolStrokeWidth=0, symbolOpacity=1)
        ),
    )  # fmt: skip
    tips = [
        "tier:N",
        "shape:N",
        "model:N",
        *(alt.Tooltip(f"{field}_{point}:Q", format=".3~s") for point in ("p5", "p50", "p95")),
    ]
    x = (
        alt.X(f"{field}_p5:Q", scale=scale, title=title, axis=alt.Axis(**axis))
        if axis
        else _log(log_x(f"{field}_p5:Q", title, steps="1"))
    )
    span = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=x, x2=f"{field}_p95:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x=alt.X(f"{field}_p50:Q"), tooltip=tips)
    return _sized(span, dots, height=300)


def supply_by_class() -> alt.LayerChart:
    """What the fleet would serve of each class alone, with its interval."""
    return _by_class("serves_alone", "output tokens per second, if the fleet served nothing else")


def load_by_class() -> alt.LayerChart:
    """The share of the fleet that each class keeps busy, with its interval."""
    return _by_class("load", "share of the fleet", labelExpr=LOAD, values=[0.0001, 0.001, 0.01, 0.1, 1, 10])


def error_by_group() -> alt.LayerChart:
    """One bar a group, with the runs it stands on."""
    base = _chart("groups").encode(
        x=alt.X(
            "median_abs_log:Q",
            title="median of |log(predicted / measured)|",
            scale=_up_to(110),
            axis=alt.Axis(format="%", tickCount=6),
        ),
        y=alt.Y("group:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=150)),
        tooltip=["group:N", "rows:Q", alt.Tooltip("interval_coverage:Q", format=".0%", title="in their 90% interval")],
    )
    bars = base.mark_bar(color=BLUE, height=15)
    words = base.mark_text(align="left", dx=5, fontSize=11, color=INK).encode(text="text:N")
    # the page makes it as high as the rows that come: `height` is what it has without
    return _sized(bars, words).properties(usermeta={"step": {"of": "groups", "px": 24}})


def predicted_measured() -> alt.LayerChart:
    """Runs as dots: predicted against measured, and the line on which both are one."""
    x = _log(log_x("measured:Q", "measured", steps="1"))
    y = log_y("predicted:Q", "predicted", steps="1")
    line = (
        _chart("line")
        .mark_line(color=GREY, strokeDash=[4, 3])
        .encode(x=_log(log_x("at:Q", "measured", steps="1")), y=log_y("at:Q", "predicted", steps="1"))
    )
    dots = (
        _chart("runs")
        .mark_point(filled=True, size=16, opacity=0.45, color=BLUE)
        .encode(
            x=x,
            y=y,
            tooltip=["group:N", alt.Tooltip("measured:Q", format=".3~s"), alt.Tooltip("predicted:Q", format=".3~s")],
        )
    )
    return _sized(line, dots, height=380)  # fmt: skip


DRAWN: Mapping[str, Callable[[], alt.LayerChart]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            roofline,
            cycle,
            frontier,
            load_over_time,
            passed_by_year,
            supply_by_class,
            load_by_class,
            error_by_group,
            predicted_measured,
        )
    }
)
