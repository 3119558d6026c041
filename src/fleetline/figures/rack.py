"""How a rack serves: stages, cycle, batch, context, speculation and speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from fleetline.figures.style import (
    COLOUR_OF,
    FAINT,
    FLAT_TITLE,
    GREEN,
    GREY,
    HUMAN,
    INK,
    NAME_OF,
    ORANGE,
    RED,
    TEXT_OF,
    WIDE,
    Figure,
    Space,
    colours_of,
    curves,
    data,
    lettered,
    log_x,
    log_y,
    named,
    rounded,
    rule,
    scale,
    tokens,
)
from fleetline.study import Results, Rows


def stage_times(results: Results, space: Space = WIDE) -> Figure:
    """Prefill and decode against batch."""
    rows = named(results.tables["stage_times"], "limit")
    at_one = {(row["stage"], row["limit"]): row["seconds"] for row in rows if row["batch"] == 1.0}
    panels = [
        curves(
            [row for row in rows if row["stage"] == stage],
            x=log_x("batch:Q", "requests in a batch", steps="1"),
            y=log_y("seconds:Q", f"{stage}: seconds for the whole stage", steps="1"),
            colour="limit_name",
            colours=scale("compute", "bandwidth"),
            at=0.55,
            below=True,
        ).properties(width=space.panel(2), height=space.height)
        for stage in ("prefill", "decode")
    ]
    memory, arithmetic = at_one["decode", "bandwidth"], at_one["decode", "compute"]
    return Figure(
        name="stage_times",
        table="stage_times",
        title="Prefill waits for arithmetic, decode for memory",
        caption=(
            f"Time of each stage on one rack, ideal efficiencies, {tokens(results, 0)}. A single request's decode moves "
            f"memory for {memory:.2g} s and computes for {arithmetic * 1e3:.2g} ms. Below about a hundred requests the "
            "memory line of decode bends down: not every expert is needed."
        ),
        description="Two log-log panels over batch size. Prefill: the arithmetic line lies above the memory line. "
        "Decode: the memory line lies far above the arithmetic line.",
        chart=space.beside(*panels).resolve_scale(y="shared"),
    )


def chunked_cycle(results: Results, space: Space = WIDE) -> Figure:
    """Arithmetic against traffic of a chunked cycle."""
    rows = results.tables["chunked_cycle"]
    critical = rows[0]["critical_batch"]
    sides = named([row for row in rows if row["side"] != "cycle"], "side")
    cycle = [row for row in rows if row["side"] == "cycle"]
    x, y = log_x("batch:Q", "requests in a batch"), log_y("seconds:Q", "seconds for one cycle")
    thick = alt.Chart(data(cycle)).mark_line(strokeWidth=9, color=FAINT).encode(x=x, y=y)
    both = curves(sides, x=x, y=y, colour="side_name", colours=scale("compute", "bandwidth"), at=0.15, below=True)
    return Figure(
        name="chunked_cycle",
        table="chunked_cycle",
        title=f"Run together, a rack waits for memory up to {critical:,.0f} requests, for arithmetic beyond",
        caption=(
            f"A cycle serves one batch from prompt to last token, {tokens(results, 0)}, ideal efficiencies, all "
            "arithmetic against all memory traffic (chunked-total). Grey: the cycle, the longer of the two."
        ),
        description="Log-log lines over batch size: memory traffic starts flat near 0.9 seconds, arithmetic rises in "
        f"proportion to the batch and crosses it at {critical:,.0f} requests.",
        chart=alt.layer(thick, both, rule(critical, f"critical batch {critical:,.0f}", space)).properties(
            width=space.width, height=space.height
        ),
    )


def throughput_by_context(results: Results, space: Space = WIDE) -> Figure:
    """Throughput against batch for each context length."""
    rows = named(results.tables["throughput_by_context"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    roofs = [next(row for row in rows if row["workload"] == workload) for workload in order]
    steps = "1" if space.narrow else "125"
    x = log_x("batch:Q", "requests in a batch", steps=steps)
    y = log_y("throughput_tok_s:Q", "output tokens per second of the rack")
    drawn = curves(rows, x=x, y=y, colour="workload_name", colours=scale(*order))
    ends = (
        alt.Chart(data(roofs))
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            x="critical_batch:Q",
            y="throughput_at_critical_tok_s:Q",
            color=alt.Color("workload_name:N", scale=scale(*order), legend=None),
        )
    )
    at_end = ends.encode(text=alt.Text("critical_batch:Q", format=",.0f"), color=alt.value(INK))
    words = [] if space.narrow else lettered(at_end, align="right", dx=-9, dy=-7)
    fall = roofs[0]["throughput_at_critical_tok_s"] / roofs[-1]["throughput_at_critical_tok_s"]
    return Figure(
        name="throughput_by_context",
        table="throughput_by_context",
        title=f"From 8k to 128k of context the ceiling falls {fall:.0f}-fold, and comes sooner",
        caption=(
            "Output tokens per second of one rack by batch, ideal efficiencies, chunked prefill. Dots: the critical batch, "
            "from which more requests add nothing. A line ends where memory is full."
        ),
        description="Three rising curves over batch size that become flat at "
        + ", ".join(f"{roof['critical_batch']:,.0f} requests ({roof['workload_name']})" for roof in roofs)
        + ".",
        chart=alt.layer(drawn, ends, *words).properties(width=space.width, height=space.height),
    )


def speculation(results: Results, space: Space = WIDE) -> Figure:
    """Throughput with and without speculation, ideal and calibrated."""
    rows = [row | {"kind": "without" if row["speculation"] == "none" else "with"} for row in results.tables["speculation"]]
    best = {(row["preset"], row["speculation"] != "none"): row for row in rows}
    panels = [_speculated([row for row in rows if row["preset"] == preset], space) for preset in ("ideal", "article")]
    ideal = best["ideal", True]["best_tok_s"] / best["ideal", False]["best_tok_s"]
    real = best["article", True]["best_tok_s"] / best["article", False]["best_tok_s"]
    wanted = results.setting["speed_tok_s_user"]
    return Figure(
        name="speculation",
        table="speculation",
        title=f"Speculation is worth {real:.2f}x where memory is slow, and costs {1 - ideal:.0%} where nothing is",
        caption=(
            f"Output tokens per second of one rack by batch, {tokens(results, 0)}; with speculation 8 tokens are verified and 3 kept. "
            f"Dotted: slower than {wanted:g} tokens per second for each user. Dots: the best batch at that speed."
        ),
        description="Two panels over batch size. Ideal: the curve with speculation rises sooner but ends lower. At "
        "the article's efficiencies the curve with speculation lies above the other.",
        chart=space.beside(*panels).resolve_scale(y="shared"),
    )


def _speculated(rows: Rows, space: Space) -> alt.LayerChart:
    colours = colours_of(_COLOURS)
    x = log_x("batch:Q", "requests in a batch", steps="1")
    axis = alt.Axis(labelExpr=HUMAN, tickCount=5, **FLAT_TITLE)
    y = alt.Y("throughput_tok_s:Q", title="output tok/s of the rack", axis=axis)
    base = alt.Chart(data(rows)).encode(x=x, y=y, color=alt.Color("kind:N", scale=colours, legend=None))
    dots = [next(row for row in rows if row["kind"] == kind) for kind in ("without", "with")]
    at_best = [dot | {"words": f"{dot['kind']}: {rounded(dot['best_tok_s'])}"} for dot in dots]
    marks = alt.Chart(data(at_best)).encode(x="best_batch:Q", y="best_tok_s:Q")
    colour = alt.Color("kind:N", scale=colours, legend=None)
    layers = [
        base.mark_line(strokeWidth=2, strokeDash=[2, 4]),
        base.transform_filter("datum.fast_enough").mark_line(strokeWidth=2.5),
        marks.mark_point(size=90, filled=True, opacity=1).encode(color=colour),
    ]
    for dot in at_best:
        at_dot = alt.Chart(data([dot])).encode(x="best_batch:Q", y="best_tok_s:Q", text="words:N")
        layers += lettered(at_dot, fontWeight="bold", color=TEXT_OF[_COLOURS[dot["kind"]]], **_beside(dot))
    title = alt.TitleParams(NAME_OF[rows[0]["preset"]].capitalize(), fontSize=13, anchor="start", offset=22)
    return alt.LayerChart(layer=layers).properties(width=space.panel(2), height=space.height, title=title)


def _beside(dot: Mapping[str, Any]) -> dict[str, Any]:
    """Where the words of a dot cross no line: to its left, but for the lower of two lines that still rise."""
    if (dot["preset"], dot["kind"]) == ("article", "without"):
        return {"align": "right", "dx": 44, "dy": 18}
    return {"align": "right", "dx": -10, "dy": -6}


_COLOURS = {"without": COLOUR_OF["without"], "with": COLOUR_OF["with"]}


def speed_frontier(results: Results, space: Space = WIDE) -> Figure:
    """Throughput against each user's speed."""
    rows = named(results.tables["speed_frontier"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    x = log_x("speed_tok_s_user:Q", "output tokens per second of each user (wall time)")
    y = log_y("throughput_tok_s:Q", "output tokens per second of the rack", steps="1")
    wanted = results.setting["speed_tok_s_user"]
    rack = {
        row["workload"]: row
        for row in results.tables["racks"]
        if (row["system"], row["preset"], row["speculation"]) == ("gb200-nvl72", "article", results.setting["speculative"])
    }
    dots = named([rack[workload] for workload in order], "workload")
    served = "; ".join(f"{rounded(rack[workload]['throughput_tok_s'])} at {NAME_OF[workload]}" for workload in order)
    chosen = (
        alt.Chart(data(dots))
        .mark_point(size=90, filled=True, opacity=1)
        .encode(x=x, y=y, color=alt.Color("workload_name:N", scale=scale(*order), legend=None))
    )
    drawn = curves(rows, x=x, y=y, colour="workload_name", colours=scale(*order), at=0.0, falling=True)
    short = rounded(rack[order[0]]["throughput_tok_s"])
    return Figure(
        name="speed_frontier",
        table="speed_frontier",
        title=f"At {wanted:g} tokens per second each, a rack serves {short} tok/s of short requests",
        caption=f"Article's efficiencies, speculation 8:3. At the wanted speed (dots): {served} output tokens per second.",
        description="Three falling curves of rack throughput against the speed each user gets, with a dot on each.",
        chart=alt.layer(drawn, rule(wanted, f"wanted: {wanted:g} tok/s", space), chosen).properties(
            width=space.width, height=space.height
        ),
    )


def article_numbers(results: Results, space: Space = WIDE) -> Figure:
    """How near each printed number comes to ours."""
    rows = [row | {"label": row["text"]} for row in results.tables["article_numbers"] if row["printed"] is not None]
    ratios = [row["ours_over_printed"] for row in rows]
    names = space.rows("label:N", [row["label"] for row in rows], limit=380, step=22)
    colours = alt.Scale(domain=["matches", "matches in part", "not reproduced"], range=[GREEN, ORANGE, RED])
    legend = alt.Legend(orient="top", symbolType="circle", symbolOpacity=1)
    x = alt.X(
        "ours_over_printed:Q",
        scale=alt.Scale(type="log", domain=[0.95 * min(ratios), 1.05 * max(ratios)], nice=False),
        title="ours ÷ the article's printed figure",
        axis=alt.Axis(values=[0.5, 0.7, 1, 1.5, 2, 3, 5], format="~g"),
    )
    dots = (
        alt.Chart(data(rows))
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            x=x,
            y=names.y,
            color=alt.Color("status:N", scale=colours, title=None, legend=legend),
        )
    )
    one = alt.Chart(data([{"ours_over_printed": 1.0}])).mark_rule(color=GREY).encode(x=x)
    as_printed, in_part = (sum(row["status"] == status for row in rows) for status in ("matches", "matches in part"))
    count = sum(row["reproduced"] for row in results.tables["article_numbers"])
    return Figure(
        name="article_numbers",
        table="article_numbers",
        title=f"{as_printed} of {len(rows)} printed figures come out as printed, {in_part} in part",
        caption=(
            "Each number the article prints that the serving model computes. Ours equals an independent recomputation of "
            f"the text for {count} of {len(results.tables['article_numbers'])} lines; the notes in the table say where "
            "the text disagrees with itself."
        ),
        description="A dot for each printed number, near 1 for all but the critical batches.",
        chart=(one + dots).properties(width=names.width, height=names.height),
    )
