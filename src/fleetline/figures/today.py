"""Figures of a scenario with a mix: how full its fleet is, in how many worlds, and what moved it since the article."""

from __future__ import annotations

from itertools import pairwise

import altair as alt

from fleetline.figures.findings import row_of
from fleetline.figures.style import (
    BLUE,
    FLAT_TITLE,
    GREEN,
    GREY,
    INK,
    LOAD,
    NAME_OF,
    ORANGE,
    RED,
    TEXT_OF,
    WIDE,
    YEARS,
    Figure,
    Space,
    colours_of,
    curves,
    data,
    lettered,
    log_y,
    when,
)
from fleetline.study import Results, Rows


def load_over_time(results: Results, space: Space = WIDE) -> Figure:
    """Demand over supply, in all worlds."""
    rows = [row for row in results.tables["today_by_time"] if row["what"] == "load"]
    crossing = row_of(results, "today_crossover", "all together")
    axis = alt.Axis(values=[0.01, 0.1, 1, 10, 100], labelExpr=LOAD, **FLAT_TITLE)
    scale = alt.Scale(type="log", domain=_SHOWN_LOADS, clamp=True)
    base = alt.Chart(data(rows)).encode(x=alt.X("date:T", title=None, axis=YEARS))
    full = alt.Chart(data([{"full": 1.0}])).mark_rule(color=RED, strokeDash=[4, 3]).encode(y=alt.Y("full:Q", scale=scale))
    late, later = rows[round(0.55 * len(rows))], rows[round(0.9 * len(rows))]
    band = alt.Chart(data([late | {"words": "90% of worlds"}])).encode(x="date:T", text="words:N")
    middle = alt.Chart(data([later | {"words": "median"}])).encode(x="date:T", text="words:N")
    chart = alt.LayerChart(
        layer=[
            base.mark_area(opacity=0.22, color=BLUE).encode(y=alt.Y("p5:Q", scale=scale), y2="p95:Q"),
            base.mark_line(strokeWidth=2.5, color=BLUE).encode(
                y=alt.Y("p50:Q", scale=scale, axis=axis, title="demand over supply")
            ),
            full,
            band.mark_text(align="left", dy=-14, dx=14, fontSize=12, color=TEXT_OF[BLUE]).encode(
                y=alt.Y("p5:Q", scale=scale)
            ),
            *lettered(
                middle.encode(y=alt.Y("p50:Q", scale=scale)), align="right", dy=-10, fontWeight="bold", color=TEXT_OF[BLUE]
            ),
        ]
    )
    return Figure(
        name="load_over_time",
        table="today_by_time",
        title=f"In the middle world the fleet is full {when(crossing['p50'])}",
        caption=(
            "Demand of all tiers and requests over what the chips that serve could give of them; dashed: full. Band: 90% of worlds. Chips to the "
            f"end of 2027 are sales and sales carried on; after it both sides grow as the scenario says, and slow down. The band goes on above {_SHOWN_LOADS[1]:g} times."
        ),
        description="A band around a line that rises through one, wider and wider.",
        chart=chart.properties(width=space.width, height=space.height),
    )


def supply_and_demand(results: Results, space: Space = WIDE) -> Figure:
    """Both sides in tokens of the reference, in all worlds."""
    rows = [row for row in results.tables["today_by_time"] if row["what"] in _SIDES]
    first, later = (
        {row["what"]: row["p50"] for row in rows if row["date"] == day} for day in _year_from(rows, results.setting["day"])
    )
    up = {side: later[side] / first[side] for side in _SIDES}
    colours = colours_of(_SIDES)
    x = alt.X("date:T", title=None, axis=YEARS)
    log = alt.Scale(type="log", nice=False)
    y = log_y("p50:Q", f"output tokens per second of {results.setting['reference_title']}", steps="1")
    band = alt.Chart(data(rows)).encode(x=x, color=alt.Color("what:N", scale=colours, legend=None))
    lines = curves(rows, x=x, y=y, colour="what", colours=colours, at=0.9, below={"supply"})
    return Figure(
        name="supply_and_demand",
        table="today_by_time",
        title=f"In the year to come supply grows {up['supply']:.1f}-fold and demand {up['demand']:.1f}-fold, in the middle world",
        caption=(
            f"What the chips that serve could give, and what is asked for, both as output tokens of {results.setting['reference_title']} at "
            f"{NAME_OF[results.setting['reference_workload']]}, every tier and request weighed by what it costs on the same fleet. Bands: 90% of worlds."
        ),
        description="Two rising bands on a logarithmic axis; demand starts below supply, rises faster and is the wider one.",
        chart=alt.LayerChart(
            layer=[band.mark_area(opacity=0.22).encode(y=alt.Y("p5:Q", scale=log), y2="p95:Q"), lines]
        ).properties(width=space.width, height=space.height),
    )


def market(results: Results, space: Space = WIDE) -> Figure:
    """What becomes of the tokens asked for, year by year."""
    rows = [
        {"year": row["year"], "name": words, "share": row[key]}
        for row in results.tables["today_market"]
        for key, words in _FATES.items()
    ]
    last = row_of(results, "today_market", 2030, "year")
    colours = colours_of(dict(zip(_FATES.values(), (RED, ORANGE, BLUE, GREEN), strict=True)))
    x = alt.X("year:O", title="end of", axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=6))
    y = alt.Y("share:Q", title="of tokens", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", **FLAT_TITLE))
    places = dict(zip(_FATES.values(), (0.75, 0.2, 0.45, 0.3), strict=True))
    return Figure(
        name="market",
        table="today_market",
        title=f"At the price that clears, {last['priced_out']:.0%} of the tokens asked for are priced out by the end of {last['year']}; frontier models keep {last['kept_frontier']:.0%}",
        caption=(
            "Medians over the worlds. Priced out and moved to a smaller model: of all tokens asked for. Kept: what a tier serves over what was "
            "wanted of it. The table has the price and its interval."
        ),
        description=f"Lines by year to {rows[-1]['year']}: "
        + "; ".join(f"{row['name']} {row['share']:.0%}" for row in rows[-len(_FATES) :])
        + ".",
        chart=curves(
            rows, x=x, y=y, colour="name", colours=colours, at=places, below={_FATES["priced_out"]}, falling=True
        ).properties(width=space.width, height=space.height - 40),
    )


_FATES = {
    "priced_out": "priced out",
    "moved_to_smaller": "to a smaller model",
    "kept_frontier": "kept, frontier models",
    "kept_small": "kept, small models",
}

_SIDES = {"supply": BLUE, "demand": ORANGE}


def _year_from(rows: Rows, day: str) -> tuple[str, str]:
    """The day of the scenario, and the one four quarters later."""
    days = sorted({str(row["date"]) for row in rows if str(row["date"]) >= day})
    return days[0], days[4]


_SHOWN_LOADS = [0.01, 100]  # demand over supply


def crunch_or_glut(results: Results, space: Space = WIDE) -> Figure:
    """Probability of a crunch so far, and of a glut, by year."""
    names = {"passed": "demand has passed supply", "glut": "under half is asked for"}
    rows = [
        {"year": row["year"], "name": words, "probability": row[key]}
        for row in results.tables["today_probability"]
        for key, words in names.items()
    ]
    last = next(row for row in results.tables["today_probability"] if row["year"] == 2030)
    colours = colours_of(dict(zip(names.values(), (ORANGE, GREY), strict=True)))
    x = alt.X("year:O", title="by, or at, the end of", axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=6))
    y = alt.Y("probability:Q", title="of worlds", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", **FLAT_TITLE))
    dots = alt.Chart(data(rows)).mark_point(filled=True, size=50, opacity=1)
    chart = alt.LayerChart(
        layer=[
            curves(rows, x=x, y=y, colour="name", colours=colours, at=0.95),
            dots.encode(x=x, y=y, color=alt.Color("name:N", scale=colours, legend=None)),
        ]
    )
    return Figure(
        name="crunch_or_glut",
        table="today_probability",
        title=f"By the end of 2030 demand has passed supply in {last['passed']:.0%} of worlds; in {last['glut']:.0%} the fleet is a glut then",
        caption="Share of worlds. A glut is a load under the scenario's market.glut_load. A world may pass and later have a glut.",
        description="One line rises, one stays low and flat.",
        chart=chart.properties(width=space.width, height=space.height - 60),
    )


def walk(results: Results, space: Space = WIDE) -> Figure:
    """From the article to the scenario, step by step."""
    steps = [row for row in results.tables["today_walk"] if row["load"] is not None]
    rows = [
        {
            "step": row["step"],
            "from": before["load"],
            "to": row["load"],
            "end": max(before["load"], row["load"]),
            "words": f"{row['factor']:.2f}x",
        }
        for before, row in pairwise(steps)
    ]
    rows = [row | {"way": "fuller" if row["to"] >= row["from"] else "emptier"} for row in rows]
    names = space.rows("step:N", [row["step"] for row in rows], limit=330, step=26)
    scale = alt.Scale(type="log", nice=True)
    base = alt.Chart(data(rows)).encode(
        y=names.y,
        color=alt.Color(
            "way:N",
            scale=alt.Scale(domain=["fuller", "emptier"], range=[ORANGE, BLUE]),
            legend=alt.Legend(orient="top", title=None, symbolType="square", symbolOpacity=1),
        ),
    )
    axis = alt.Axis(values=[0.01, 0.1, 1, 10], labelExpr=LOAD)
    x = alt.X("from:Q", scale=scale, title="demand over supply on the day", axis=axis)
    chart = alt.LayerChart(
        layer=[
            base.mark_bar(height=14).encode(x=x, x2="to:Q"),
            base.mark_text(align="left", dx=6, fontSize=12).encode(
                x=alt.X("end:Q", scale=scale), text="words:N", color=alt.value(INK)
            ),
        ]
    )
    return Figure(
        name="walk_from_the_article",
        table="today_walk",
        title=f"From the article's world, {steps[0]['load']:.0%} full by now, to one that is {steps[-1]['load']:.0%} full",
        caption=(
            "Each step changes one assumption of the article into the scenario's, on top of those above it, at the medians; the order matters, and the "
            "table says what each does alone."
        ),
        description="; ".join(f"{row['step']} {row['words']}" for row in rows),
        chart=chart.properties(width=names.width, height=names.height),
    )
