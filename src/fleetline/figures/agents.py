"""Concurrent agents of a GPU by chip and model: measured and modelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from fleetline.figures.style import BLUE, GREY, WIDE, Figure, Space, data, log_axis
from fleetline.study import Results, Rows

_SPEED = 50.0  # token/s/user: the slower speed of the table
_KINDS = ("measured", "measured, more may be possible", "the model")
_COLUMNS = 2


def agents_per_gpu(results: Results, space: Space = WIDE) -> Figure:
    """Dots of what runs carried, open ones of what the model says, a panel a model."""
    rows = [row for row in results.tables["agents_per_gpu"] if row["speed_tok_s_user"] == _SPEED]
    titles = sorted({str(row["title"]) for row in rows}, key=lambda title: -_most(rows, title))
    columns = 1 if space.narrow else _COLUMNS
    panels = [
        _panel([row for row in rows if row["title"] == title], title, space, foot=place >= len(titles) - columns)
        for place, title in enumerate(titles)
    ]
    lines = [alt.hconcat(*panels[start : start + columns]) for start in range(0, len(panels), columns)]
    (error,) = [row for row in results.tables["agents_error"] if row["speed_tok_s_user"] == _SPEED]
    most, kimi = (_of(rows, model) for model in ("dsv4", "kimik3"))
    return Figure(
        name="agents_per_gpu",
        table="agents_per_gpu",
        title=f"Measured, a GB300 carries {most['measured']:.0f} agents of {most['title']} or {kimi['measured']:.0f} of {kimi['title']} at {_SPEED:g} token/s",
        caption=(
            "Concurrent coding agents per GPU while the slow tenth of requests gets 50 token/s; triangles: the densest run is faster than "
            "that. Grey: the model of serving with the cache of idle sessions in GPU memory (circle) or elsewhere (end of the line), without "
            f"queues and with an ideal cache; where runs bracket the speed it says {error['median_ratio']:.1f} times the measured (median of {error['cells']:.0f})."
        ),
        description="Panels by model with a dot for each chip: GB300 and B300 on the right, H100 and H200 on the left, the model "
        "mostly to the right of the measured dots.",
        chart=alt.vconcat(*lines),
    )


def _of(rows: Rows, model: str) -> Mapping[str, Any]:
    return next(row for row in rows if (row["model"], row["hardware"]) == (model, "gb300"))


def _most(rows: Rows, title: str) -> float:
    return max((float(row["measured"]) for row in rows if row["title"] == title and row["measured"]), default=0.0)


_CHIPS = ("vr200", "gb300", "gb200", "b300", "b200", "h200", "h100", "mi355x", "mi325x", "mi300x")
_ENDS = [0.2, 300.0]  # agents per GPU


def _panel(rows: Rows, title: str, space: Space, *, foot: bool) -> alt.LayerChart:
    shown = [row | {"chip": row["hardware"].upper()} for row in rows if row["measured"] or row["held"]]
    order = [chip.upper() for chip in _CHIPS if chip.upper() in {row["chip"] for row in shown}]
    ends = alt.Scale(type="log", domain=_ENDS, nice=False, clamp=True)
    x = alt.X("value:Q", title="agents per GPU" if foot else None, scale=ends, axis=alt.Axis(**log_axis("1")))
    y = alt.Y("chip:N", sort=order, title=None, axis=alt.Axis(grid=True, ticks=False, labelFontSize=11, minExtent=52))
    colours = alt.Scale(domain=list(_KINDS), range=[BLUE, BLUE, GREY])
    shapes = alt.Scale(domain=list(_KINDS), range=["circle", "triangle-right", "circle"])
    # the model's first, so that a measured dot is never under one
    marks = [{"chip": row["chip"], "value": row["held"], "kind": _KINDS[2]} for row in shown if row["held"]]
    marks += [
        {"chip": row["chip"], "value": row["measured"], "kind": _KINDS[row["reached"] == "start"]}
        for row in shown
        if row["measured"]
    ]
    spans = [{"chip": row["chip"], "low": row["held"], "high": row["elsewhere"]} for row in shown if row["held"]]
    legend = alt.Legend(orient="top", title=None, symbolOpacity=1, columns=1 if space.narrow else 3)
    layers = [
        alt.Chart(data(spans))
        .mark_rule(strokeWidth=3, opacity=0.35, color=GREY)
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y),
        alt.Chart(data(marks))
        .mark_point(size=70, filled=True, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("kind:N", scale=colours, legend=legend),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        ),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=space.panel(_COLUMNS, labels=20),
        height=alt.Step(17),
        title=alt.TitleParams(title, fontSize=13, anchor="start"),
    )
