"""The first screen of a scenario with a mix, in sentences made from results, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from fleetline.figures.style import (
    BLUE,
    FLAT_TITLE,
    GREY,
    INK,
    LOAD,
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
    human,
    lettered,
    when,
)
from fleetline.study import Results


@dataclass(frozen=True)
class Sentence:
    """One answer: the question it answers, the words, and the table its numbers are from."""

    question: str
    words: str
    table: str


def shown(results: Results) -> bool:
    """Whether the study is of a scenario with a mix."""
    return "today_now" in results.tables


def first_screen(results: Results) -> list[Sentence]:
    """What a reader wants to know first, each sentence from the results."""
    makers = (_supply, _demand, _crossing, _decides, _changed, _price, _glut)
    return [make(results) for make in makers]


def _row(results: Results, table: str, what: str, column: str = "what") -> Mapping[str, Any]:
    return next(row for row in results.tables[table] if row[column] == what)


def _range(row: Mapping[str, Any]) -> str:
    return f"{human(row['p50'])} ({human(row['p5'])} to {human(row['p95'])} in nine worlds of ten)"


def _supply(results: Results) -> Sentence:
    served = _row(results, "today_now", "supply_tok_s")
    chips = sum(row["chips"] for row in results.tables["today_chips"] if row["output_tok_s"] > 0.0)
    tokens_in, tokens_out = results.setting["reference_workload"].split(":")
    words = (
        f"The chips that serve on {results.setting['day']}, {human(chips)} at a time after waiting, training, headroom and the day's swing, "
        f"could give {_range(served)} output tokens a second of {results.setting['reference_title']} at {int(tokens_in):,} tokens in and {int(tokens_out):,} out, "
        "or as much of other models and requests as costs the same."
    )
    return Sentence("How much can the world serve now?", words, "today_now")


def _demand(results: Results) -> Sentence:
    tokens, asked, load = (_row(results, "today_now", what) for what in ("tokens_asked_tok_s", "demand_tok_s", "load"))
    growth = _row(results, "today_demand", "growth on the day")
    fresh, cached, output = (_row(results, "today_now", f"share {name}") for name in ("input", "cached", "output"))
    words = (
        f"{_range(tokens)} tokens a second, input and output, growing {growth['p50']:.1f} times a year; taken to be "
        f"{fresh['p50']:.0%} input that is computed, {cached['p50']:.0%} input read from caches and {output['p50']:.0%} output. Weighed by what their models and "
        f"lengths cost, that is {human(asked['p50'])} output tokens of the same kind: {load['p50']:.0%} of what could be served "
        f"({load['p5']:.0%} to {load['p95']:.0%})."
    )
    return Sentence("How much does it ask for?", words, "today_now")


def _crossing(results: Results) -> Sentence:
    every = _row(results, "today_crossover", "all together")
    over = _row(results, "today_now", "over-full already")
    words = (
        f"Demand passes supply {when(every['p50'])} in the middle world, {_ends(every)}. In {over['p50']:.0%} of worlds the fleet is "
        "over-full already. But tokens that were counted were served, if slower than wanted"
    )
    served = [row for row in results.tables["today_crossover"] if row["what"] == "served today"]
    if served:
        words += f": without these worlds it is {when(served[0]['p50'])}, {_ends(served[0])}"
    quiet = _row(results, "today_no_crunch", "share of worlds")
    return Sentence(
        "When do they cross?", f"{words}. Until 2030 it stays away in {quiet['no_crunch_p50']:.0%}.", "today_crossover"
    )


def _ends(row: Mapping[str, Any]) -> str:
    return f"{when(row['p10'])} in one of ten and {when(row['p90'])} in nine of ten"


def _decides(results: Results) -> Sentence:
    five = results.tables["sensitivity"][:5]
    said = "; ".join(f"{row['about']} ({row['total']:.0%})" for row in five)
    words = f"Of the variance of demand over supply on {five[0]['on']}, interactions counted: {said}."
    return Sentence("What decides it?", words, "sensitivity")


def _changed(results: Results) -> Sentence:
    steps = [row for row in results.tables["today_walk"] if row["load"] is not None]
    first, last = steps[0], steps[-1]
    moved = sorted(steps[1:], key=lambda row: -abs(_log(row["factor"])))[:4]
    said = "; ".join(f"{row['step']} ({_times(row['factor'])})" for row in moved)
    words = (
        f"Carried on to {results.setting['day']}, the article's world would be {first['load']:.0%} full; this one, every "
        f"assumption at its median, is {last['load']:.0%} full. Most of the way: {said}."
    )
    return Sentence("What changed since the article?", words, "today_walk")


def _log(factor: float) -> float:
    return max(factor, 1.0 / factor)


def _times(factor: float) -> str:
    return f"{factor:.1f} times the load" if factor >= 1.0 else f"the load divided by {1.0 / factor:.1f}"


def _price(results: Results) -> Sentence:
    year = int(results.setting["day"][:4]) + 2
    row = _row(results, "today_market", year, "year")  # type: ignore[arg-type]
    price = "no price clears" if row["price_p50"] is None else f"a chip second costs {row['price_p50']:.2g} times its trend"
    words = (
        f"By the end of {year}, in the middle world, {price}; {row['priced_out']:.0%} of the tokens asked for are priced out and "
        f"{row['moved_to_smaller']:.0%} are bought from a smaller model than wanted; frontier models keep {row['kept_frontier']:.0%} of theirs."
    )
    return Sentence("And if there is too little?", words, "today_market")


def _glut(results: Results) -> Sentence:
    now = results.tables["today_probability"][0]
    cost, earned, even = (
        _row(results, "today_pays", what) for what in ("cost_usd_year", "revenue_usd_year", "break_even_utilisation")
    )
    words = (
        f"Less than half of the fleet is asked for in {now['glut']:.0%} of worlds. Owning the chips that serve costs {human(cost['p50'])} dollars a "
        f"year; model developers earn {human(earned['p50'])} a year, as reported and grown, so a load of {even['p50']:.0%} pays for them at today's prices."
    )
    return Sentence("And if there is too much?", words, "today_pays")


# --- figures --------------------------------------------------------------------------------------------------------------


def load_over_time(results: Results, space: Space = WIDE) -> Figure:
    """Demand over supply, in all worlds."""
    rows = [row for row in results.tables["today_by_time"] if row["what"] == "load"]
    crossing = _row(results, "today_crossover", "all together")
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
    names = space.rows("step:N", [row["step"] for row in rows], limit=300, step=26)
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
