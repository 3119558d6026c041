"""How sure the answer is: each assumption moved alone."""

from __future__ import annotations

import math

import altair as alt

from fleetline.figures.style import BLUE, GREY, INK, ORANGE, WIDE, Figure, Space, data, day, human, log_x, when
from fleetline.study import Results

_SHOWN = 15  # assumptions on one page
_ENDS = {"load_at_p5": "at its 5% point", "load_at_p95": "at its 95% point"}


def tornado(results: Results, space: Space = WIDE) -> Figure:
    """Demand over supply with each assumption at its 5% and its 95%, all else at the median, the widest first."""
    every = results.tables["sensitivity"]
    rows = sorted(every, key=lambda row: -abs(math.log(row["load_at_p95"] / row["load_at_p5"])))[:_SHOWN]
    middle = float(rows[0]["load_median"])
    ends = [
        {"about": row["about"], "end": words, "load": row[end], "middle": middle}
        for row in rows
        for end, words in _ENDS.items()
    ]
    names = space.rows("about:N", [row["about"] for row in rows], limit=370, step=22)
    colours = alt.Scale(domain=list(_ENDS.values()), range=[BLUE, ORANGE])
    colour = alt.Color(
        "end:N", scale=colours, legend=alt.Legend(orient="top", title=None, symbolType="square", symbolStrokeWidth=0)
    )
    x = log_x("load:Q", f"demand over supply on {day(rows[0]['on'])}; 1 is full", steps="123456789")
    bars = alt.Chart(data(ends)).mark_bar(height=12).encode(x=x, x2="middle:Q", y=names.y, color=colour)
    line: alt.Chart = alt.Chart(data([{"load": middle}])).mark_rule(color=INK).encode(x=alt.X("load:Q"))
    even: alt.Chart = alt.Chart(data([{"load": 1.0}])).mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.X("load:Q"))
    first = rows[0]
    width = math.exp(abs(math.log(first["load_at_p95"] / first["load_at_p5"])))
    cut = f"With {first['about']} at its 5% point demand passes supply {when(first['passes_at_p5'])}, at its 95% point {when(first['passes_at_p95'])}"
    return Figure(
        name="tornado",
        table="sensitivity",
        title=f"The widest bar: {first['about']}, a factor of {human(width)} between its ends",
        caption=(
            f"{cut}. Each bar moves one assumption from its 5% to its 95% point with every other at its median (solid line); one is where demand "
            f"passes supply (dashed). {len(every) - len(rows)} narrower ones are in the table. An assumption of several independent draws, as the sales of each chip, "
            "is shown by 5% and 95% of the answer while they alone are drawn."
        ),
        description="Bars around the median, the widest on top: "
        + "; ".join(f"{row['about']} {row['load_at_p5']:.2g} to {row['load_at_p95']:.2g}" for row in rows[:5])
        + ".",
        chart=alt.LayerChart(layer=[bars, line, even]).properties(width=names.width, height=names.height),
    )
