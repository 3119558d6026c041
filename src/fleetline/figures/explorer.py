"""Figures of the page: each drawn once, over named data sets whose rows come with every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import altair as alt

from fleetline.figures.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PURPLE, RED, log_x, log_y

HEIGHT = 320
_STAGE = alt.Scale(domain=["prefill", "decode", "both"], range=[ORANGE, BLUE, GREY])
_TIER = alt.Scale(domain=["frontier", "mid", "small"], range=[RED, BLUE, GREEN])
_SIDE = alt.Scale(domain=["demand", "supply"], range=[RED, BLUE])


def _chart(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=data))


def _sized(*layers: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """One plot that fills what holds it."""
    return alt.LayerChart(layer=list(layers), width="container", height=HEIGHT)


def roofline() -> alt.LayerChart:
    """Operators under the roofs of their precisions."""
    x = log_x("intensity_flop_byte:Q", "FLOP a byte moved", steps="1")
    y = log_y("flop_s_gpu:Q", "FLOP a second of each chip", steps="1")
    roofs = _chart("roofs").mark_line(strokeWidth=2, color=GREY).encode(x=x, y=y, detail="precision:N")
    dots = (
        _chart("operators")
        .mark_point(filled=True, opacity=0.85, stroke="white", strokeWidth=0.5)
        .encode(
            x=x,
            y=y,
            color=alt.Color("stage:N", scale=_STAGE, legend=alt.Legend(orient="bottom", title=None)),
            size=alt.Size("seconds:Q", scale=alt.Scale(range=[30, 500]), legend=None),
            tooltip=["stage:N", "operator:N", "bound:N", alt.Tooltip("seconds:Q", format=".3~s")],
        )
    )
    return _sized(roofs, dots)


def cycle() -> alt.LayerChart:
    """Seconds of a cycle by what they are spent on."""
    bars = (
        _chart("parts")
        .mark_bar()
        .encode(
            x=alt.X("seconds:Q", title="seconds of a cycle", stack=None),
            y=alt.Y("what:N", title=None, sort=["arithmetic", "memory traffic", "messages", "latencies"]),
            yOffset=alt.YOffset("stage:N", sort=["prefill", "decode", "both"]),
            color=alt.Color("stage:N", scale=_STAGE, legend=alt.Legend(orient="bottom", title=None)),
            tooltip=["stage:N", "what:N", alt.Tooltip("seconds:Q", format=".3~s")],
        )
    )
    return _sized(bars)


def frontier() -> alt.LayerChart:
    """Throughput against speed: modelled, measured, and where one stands."""
    x = log_x("speed_tok_s_user:Q", "output tokens per second of each user (wall time)")
    y = log_y("output_tok_s_gpu:Q", "output tokens per second and chip", steps="1")
    line = _chart("points").mark_line(strokeWidth=2.5, color=BLUE, point={"color": BLUE, "size": 18}).encode(x=x, y=y)
    dots = (
        _chart("measured")
        .mark_point(filled=True, size=36, opacity=0.8, color=RED)
        .encode(x=x, y=y, tooltip=["framework:N", "precision:N", "gpus:Q", "concurrency:Q", "row_id:N"])
    )
    now = _chart("now").mark_point(shape="diamond", filled=True, size=160, color=INK).encode(x=x, y=y)
    return _sized(line, dots, now)


def load_over_time() -> alt.LayerChart:
    """Both sides over time with their bands."""
    x = alt.X("date:T", title=None)
    colour = alt.Color("what:N", scale=_SIDE, legend=alt.Legend(orient="bottom", title=None))
    sides = _chart("times").transform_filter("datum.what != 'load'")
    y = log_y("p50:Q", "output tokens per second of the reference", steps="1")
    band = sides.mark_area(opacity=0.2).encode(x=x, y=log_y("p5:Q", "", steps="1"), y2="p95:Q", color=colour)
    return _sized(band, sides.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour))


def supply_by_class() -> alt.LayerChart:
    """What the fleet would serve of each class alone, with its interval."""
    base = _chart("classes").encode(
        y=alt.Y("shape:N", title=None, sort=["general", "agentic", "long", "session"]),
        yOffset=alt.YOffset("tier:N", sort=["frontier", "mid", "small"]),
        color=alt.Color("tier:N", scale=_TIER, legend=alt.Legend(orient="bottom", title=None)),
    )
    span = base.mark_rule(strokeWidth=3, opacity=0.5).encode(
        x=log_x("serves_alone_p5:Q", "output tokens per second of the class alone", steps="1"), x2="serves_alone_p95:Q"
    )
    dots = base.mark_point(filled=True, size=70).encode(
        x=log_x("serves_alone_p50:Q", "", steps="1"), tooltip=["tier:N", "shape:N", "model:N", "workload:N"]
    )
    return _sized(span, dots)


def error_by_group() -> alt.LayerChart:
    """One bar a group."""
    bars = (
        _chart("groups")
        .mark_bar(color=PURPLE)
        .encode(
            x=alt.X(
                "median_abs_log:Q",
                title="median of |log(predicted / measured)|",
                axis=alt.Axis(format="%", gridColor=FAINT),
            ),
            y=alt.Y("group:N", title=None, sort="-x"),
            tooltip=["group:N", "rows:Q", alt.Tooltip("interval_coverage:Q", format=".0%")],
        )
    )
    return _sized(bars)


DRAWN: Mapping[str, Callable[[], alt.LayerChart]] = MappingProxyType(
    {each.__name__: each for each in (roofline, cycle, frontier, load_over_time, supply_by_class, error_by_group)}
)
