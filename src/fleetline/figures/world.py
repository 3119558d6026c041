"""The world: what its chips could serve, how that grows, what is asked for, and when one passes the other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import altair as alt

from fleetline.figures.style import (
    BLUE,
    COLOUR_OF,
    FLAT_TITLE,
    GREY,
    INK,
    NAME_OF,
    ORANGE,
    PURPLE,
    RED,
    TEXT_OF,
    WIDE,
    YEARS,
    Figure,
    Space,
    colours_of,
    curves,
    data,
    demand_words,
    human,
    log_axis,
    log_x,
    log_y,
    named,
    scale,
    when,
)
from fleetline.study import Results, Rows

CASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ideal": ("perfect hardware, no speculation", GREY),
        "article": ("the article's efficiencies, 8:3", PURPLE),
        "fitted": ("our fit, 8:3", BLUE),
        "measured": ("best measured runs (1/TPOT)", RED),
    }
)


def supply_by_context(results: Results, space: Space = WIDE) -> Figure:
    """What the fleet could serve at each context length: ideal, calibrated and measured."""
    rows = [
        row | {"case_name": CASES[row["case"]][0], "words": human(row["p50"])}
        for row in named(results.tables["world_supply"], "workload")
    ]
    order = list(dict.fromkeys(row["workload_name"] for row in rows))
    panels = [
        _supplied([row for row in rows if row["workload_name"] == name], space, foot=name == order[-1]) for name in order
    ]
    short, long = (_one(rows, "article", workload) for workload in (order[0], order[-1]))
    return Figure(
        name="supply_by_context",
        table="world_supply",
        title=f"The fleet could serve {human(long['p50'])} to {human(short['p50'])} output tokens per second, by the length of requests",
        caption=(
            "Bars: 90% of worlds. Each row is another use of the same chips; the rows do not add. Perfect hardware, the article's three "
            "numbers, our fit of them with its interval, and the best published runs scaled to the same fleet (short requests only)."
        ),
        description="Dots with intervals for three context lengths; each longer context lies several times lower. "
        + "; ".join(f"{row['workload_name']}, {row['case_name']}: {row['words']}" for row in rows),
        chart=alt.vconcat(*panels, spacing=8).resolve_scale(x="shared", color="independent"),
    )


def _supplied(rows: Rows, space: Space, *, foot: bool) -> alt.LayerChart:
    listed = space.rows("case_name:N", [row["case_name"] for row in rows], limit=230, step=24)
    colours = colours_of(dict(CASES.values()))
    axis = alt.Axis(**log_axis("1")) if foot else alt.Axis(labels=False, ticks=False, domain=False)
    scale_x = alt.Scale(type="log", nice=False, padding=space.width // 8)
    x = alt.X("p50:Q", scale=scale_x, title="output tokens per second of the fleet" if foot else None, axis=axis)
    base = alt.Chart(data(rows)).encode(y=listed.y, color=alt.Color("case_name:N", scale=colours, legend=None))
    return alt.LayerChart(
        layer=[
            base.mark_rule(strokeWidth=4, opacity=0.35).encode(x=alt.X("p5:Q"), x2="p95:Q"),
            base.mark_point(size=80, filled=True, opacity=1).encode(x=x),
            base.mark_text(align="left", dx=9, fontSize=12, fontWeight="bold").encode(
                x=alt.X("p95:Q"), text="words:N", color=alt.value(INK)
            ),
        ]
    ).properties(
        width=listed.width,
        height=listed.height,
        title=alt.TitleParams(rows[0]["workload_name"], fontSize=13, anchor="start"),
    )


def _one(rows: Rows, case: str, workload: str) -> Mapping[str, Any]:
    (found,) = [row for row in rows if (row["case"], row["workload_name"]) == (case, workload)]
    return found


def supply_by_quarter(results: Results, space: Space = WIDE) -> Figure:
    """Serving capacity by quarter, for short and long requests."""
    rows = named(results.tables["supply_by_quarter"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    whole = [row for row in results.tables["growth"] if row["years"] == 1]
    short, long = (
        next(row for row in whole if row["what"] == f"serving capacity at {each}") for each in (order[0], order[-1])
    )
    chart = _bands(
        rows, order, x=_time("date"), y=log_y("p50:Q", "output tokens per second of all chips sold so far", steps="1")
    )
    return Figure(
        name="supply_by_quarter",
        table="supply_by_quarter",
        title=f"In a year, serving capacity grew {short['factor']:.1f}-fold for short requests and {long['factor']:.1f}-fold for long ones",
        caption=(
            f"Every chip sold to the end of each quarter that can hold the model, {results.setting['model_title']}, at the scenario's "
            f"efficiencies; bands hold 90% of worlds. Growth is of {short['window']}; the article says {short['article']}x. Counting every "
            "weight in FP4 helps Blackwell, which computes in it, over the chips before, which do not: that is why capacity outgrows both stocks."
        ),
        description="Three rising bands in parallel on a logarithmic axis.",
        chart=chart.properties(width=space.width, height=space.height),
    )


def stock_by_quarter(results: Results, space: Space = WIDE) -> Figure:
    """Compute and bandwidth of all chips sold, as multiples of their first quarter."""
    rows = [
        row | {"name": {"compute": "arithmetic", "bandwidth": "memory bandwidth"}[row["quantity"]]}
        for row in results.tables["stock_by_quarter"]
    ]
    found = [row for row in results.tables["growth"] if row["what"] in {"arithmetic", "memory bandwidth"}]
    compute, bandwidth = (row for row in found if row["years"] > 1)
    recent = [row for row in found if row["years"] == 1]
    colours = alt.Scale(domain=["arithmetic", "memory bandwidth"], range=[ORANGE, BLUE])
    y = log_y("relative:Q", "times the stock of the first quarter", steps="125")
    chart = curves(rows, x=_time("date"), y=y, colour="name", colours=colours, at=0.8, below={"memory bandwidth"})
    return Figure(
        name="stock_by_quarter",
        table="stock_by_quarter",
        title=f"Arithmetic grew {compute['factor']:.1f}-fold a year and memory bandwidth {bandwidth['factor']:.1f}-fold; of late {recent[0]['factor']:.1f} and {recent[1]['factor']:.1f}",
        caption=(
            f"All AI chips sold, by dense 8-bit arithmetic and by memory bandwidth. Growth is of {compute['window']} and of "
            f"{recent[0]['window']}. The article gives {compute['article']}x and {bandwidth['article']}x, averages that no window of these data reproduces."
        ),
        description="Two rising lines on a logarithmic axis, close together at the end.",
        chart=chart.properties(width=space.width, height=space.height - 40),
    )


def demand_proxies(results: Results, space: Space = WIDE) -> Figure:
    """Every proxy of demand as output tokens at the ratio of short and of medium requests."""
    workloads = [results.setting["workloads"][0], results.setting["workloads"][1]]
    rows = [row for row in named(results.tables["demand_proxies"], "workload") if row["workload"] in workloads]
    rows = [row | {"name": _PROXIES.get(row["key"], row["name"])} for row in rows]
    names = list(dict.fromkeys(row["name"] for row in rows))
    supply = {row["workload"]: row for row in results.tables["world_supply"] if row["case"] == "article"}
    panels = [
        _proxies([row for row in rows if row["workload"] == each], names, supply[each], space, first=each == workloads[0])
        for each in workloads
    ]
    largest = max((row for row in rows if row["workload"] == workloads[1]), key=lambda row: float(row["output_central"]))
    return Figure(
        name="demand_proxies",
        table="demand_proxies",
        title=f"The largest proxy asks for {human(largest['output_central'])} output tokens per second, {largest['output_central'] / supply[workloads[1]]['p50']:.0%} of what medium requests allow",
        caption=(
            "Output tokens per second that each proxy stands for, at the same ratio of input to output as the supply beside it (dashed: "
            "the article's efficiencies). Statements of input and output together are divided; allowances are priced again."
        ),
        description="; ".join(
            f"{row['name']} {human(row['output_central'])}" for row in rows if row["workload"] == workloads[0]
        )
        + " at the short ratio.",
        chart=space.beside(*panels),
    )


_PROXIES: Mapping[str, str] = MappingProxyType(
    {
        "google": "Google, all surfaces",
        "exponential-view": "everyone (Exponential View)",
        "meta": "Meta's employees",
        "engineers-meta": "engineers, as at Meta",
        "engineers-apple-claude-opus-4.7": "engineers, $300 a day at Opus 4.7",
        "engineers-apple-kimi-k2.6": "engineers, $300 a day at Kimi K2.6",
        "engineers": "engineers, between these",
        "engineers-article-low": "the article: 1M a day each",
        "engineers-article-high": "the article: 25M a day each",
    }
)


def _proxies(rows: Rows, names: list[str], supply: Mapping[str, Any], space: Space, *, first: bool) -> alt.LayerChart:
    x = log_x("output_central:Q", "output tokens per second", steps="1", narrow=True)
    listed = space.rows("name:N", names, limit=230)
    if not first and not space.narrow:
        listed.y["axis"].labels = False
    base = alt.Chart(data(rows)).encode(y=listed.y)
    limit = alt.Chart(data([{"output_central": supply["p50"], "words": "could be served"}])).encode(
        x=alt.X("output_central:Q")
    )
    layers = [
        base.mark_rule(strokeWidth=4, opacity=0.35, color=ORANGE).encode(x=alt.X("output_low:Q"), x2="output_high:Q"),
        base.mark_point(size=70, filled=True, opacity=1, color=ORANGE).encode(x=x),
        limit.mark_rule(color=BLUE, strokeDash=[4, 3], strokeWidth=2),
        limit.mark_text(align="right", dx=-5, baseline="bottom", color=TEXT_OF[BLUE], fontSize=12).encode(
            text="words:N", y=alt.value(-3)
        ),
    ]
    title = alt.TitleParams(rows[0]["workload_name"], fontSize=13, anchor="start", offset=8)
    return alt.LayerChart(layer=layers).properties(
        width=space.panel(2, labels=0 if space.narrow else 95), height=listed.height, title=title
    )


def supply_against_demand(results: Results, space: Space = WIDE) -> Figure:
    """Supply and demand over time at each workload, with the crossover."""
    rows = named(results.tables["supply_against_demand"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    crossing = {row["workload"]: when(row["p50"]) for row in results.tables["crossover"] if row["growth"] == "fitted"}
    panels = [
        _both_sides([row for row in rows if row["workload"] == each], crossing[each], space, first=each == order[0])
        for each in order
    ]
    return Figure(
        name="supply_against_demand",
        table="supply_against_demand",
        title=f"Half of all worlds see demand pass supply {crossing[order[-1]]} for long requests, {crossing[order[0]]} for short ones",
        caption=(
            f"Output tokens per second. Demand: {demand_words(results)}, growing as its series does, against the scenario's fleet, growing as sales did and then by the "
            "scenario's factor. Lines: medians; bands: 90% of worlds. Each panel uses all chips for its workload."
        ),
        description="Three panels with a supply band and a steeper demand band that crosses it, earliest for the longest requests.",
        chart=space.beside(*panels),
    )


def _both_sides(rows: Rows, crossing: str, space: Space, *, first: bool) -> alt.LayerChart:
    colours = colours_of({"supply": BLUE, "demand": ORANGE})
    log = alt.Scale(type="log", domain=_SHOWN_RATES, clamp=True)
    y = alt.Y("p50:Q", scale=log, title=None, axis=alt.Axis(**log_axis("1"), labels=first or space.narrow))
    base = alt.Chart(data(rows)).encode(x=_time("date"), color=alt.Color("side:N", scale=colours, legend=None))
    lines = curves(rows, x=_time("date"), y=y, colour="side", colours=colours, at={"demand": 0.93, "supply": 0.27})
    return alt.LayerChart(
        layer=[base.mark_area(opacity=0.22).encode(y=alt.Y("p5:Q", scale=log), y2="p95:Q"), lines]
    ).properties(
        width=space.panel(3),
        height=space.height - 40,
        title=alt.TitleParams(
            [NAME_OF[rows[0]["workload"]], f"crossing {crossing}"], fontSize=12, fontWeight="normal", anchor="start"
        ),
    )


_SHOWN_RATES = [1e6, 1e16]  # token/s


def crossover_by_year(results: Results, space: Space = WIDE) -> Figure:
    """Probability that demand has passed supply by the end of each year."""
    growths = {"fitted": "growing as fitted", "article": "growing as the article says"}
    rows = [row | {"growth_name": growths[row["growth"]]} for row in named(results.tables["crossover_by_year"], "workload")]
    order = list(dict.fromkeys(row["workload"] for row in rows))
    panels = [
        _by_year([row for row in rows if row["growth_name"] == name], order, name, space) for name in growths.values()
    ]
    year = int(results.setting["as_of"][:4]) + 3
    soon = next(row for row in rows if (row["workload"], row["year"], row["growth"]) == (order[-1], year, "fitted"))
    return Figure(
        name="crossover_by_year",
        table="crossover_by_year",
        title=f"By the end of {soon['year']}, demand for long requests has passed supply in {soon['probability']:.0%} of worlds",
        caption="Share of worlds in which demand at that workload has passed what the whole fleet could serve of it.",
        description="Three rising lines of probability by year, the longest requests first.",
        chart=space.beside(*panels),
    )


def _by_year(rows: Rows, order: list[str], name: str, space: Space) -> alt.LayerChart:
    y = alt.Y("probability:Q", title="of worlds", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", **FLAT_TITLE))
    x = alt.X("year:O", title="by the end of", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    legend = alt.Legend(orient="top", title=None, columns=1 if space.narrow else 3, symbolOpacity=1)
    base = alt.Chart(data(rows)).encode(x=x, y=y, color=alt.Color("workload_name:N", scale=scale(*order), legend=legend))
    title = alt.TitleParams(f"Demand {name}", fontSize=13, anchor="start", offset=22)
    return alt.LayerChart(
        layer=[base.mark_line(strokeWidth=2.5), base.mark_point(filled=True, size=50, opacity=1)]
    ).properties(width=space.panel(2), height=space.height - 80, title=title)


def _time(field: str) -> alt.X:
    return alt.X(f"{field}:T", title=None, axis=YEARS)


def _bands(rows: Rows, order: list[str], *, x: alt.X, y: alt.Y) -> alt.LayerChart:
    names = [NAME_OF[each] for each in order]
    colours = alt.Scale(domain=names, range=[COLOUR_OF[each] for each in order])
    base = alt.Chart(data(rows)).encode(x=x, color=alt.Color("workload_name:N", scale=colours, legend=None))
    band = base.mark_area(opacity=0.22).encode(y=alt.Y("p5:Q", scale=alt.Scale(type="log")), y2="p95:Q")
    return alt.LayerChart(layer=[band, curves(rows, x=x, y=y, colour="workload_name", colours=colours, at=0.97)])
