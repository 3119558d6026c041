"""Energy: every chip sold against published totals, and what a token costs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import altair as alt

from fleetline.figures.style import BLUE, INK, RED, WIDE, Figure, Space, colours_of, data, log_axis, log_x, named
from fleetline.study import Results, Rows

_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "rated power of all AI chips sold": "rated power, Epoch AI",
        "power for all AI chips sold by the end of 2025": "power of their sites, Epoch AI",
        "site power of an H100 equivalent": "site of an H100e, OpenAI",
        "electricity of AI chips in 2025, against all data centres": "of all data centres in 2025, IEA",
        "growth of AI data centres' electricity in 2025": "growth of AI's in 2025, IEA",
    }
)


def energy_checks(results: Results, space: Space = WIDE) -> Figure:
    """Ours over published with intervals; joules of a token beside it."""
    rows = [
        row
        | {
            "name": f"{_CHECKS[row['what']]}: {_short(row['p50'])} against {_short(row['published'])} {_UNITS.get(row['unit'], row['unit'])}"
        }
        for row in results.tables["energy_checks"]
    ]
    whole, share = (
        next(row for row in rows if row["what"].startswith(start)) for start in ("power for all", "electricity of AI")
    )
    return Figure(
        name="energy_checks",
        table="energy_checks",
        title=f"All AI chips sold by 2025 need {whole['p50']:.0f} GW ({whole['published']:g} published) and took {share['ratio_p50']:.0%} of data centres' electricity",
        caption=(
            "Ours over the published figure, with 90% intervals; 1 is agreement, except for the share of all data centres' electricity, which must "
            "be below it. Sales double the electricity of AI in a year and more, where the IEA reports half again: not explained here. Right: "
            "joules of site energy an output token takes on the scenario's fleet, by the model and by the best measured runs."
        ),
        description="Ours to published. " + "; ".join(str(row["name"]) for row in rows) + ".",
        chart=space.beside(_ratios(rows, space), _joules(results, space)),
    )


_UNITS: Mapping[str, str] = MappingProxyType({"factor/year": "times", "TWh/year": "TWh"})


def _short(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}" if value < _PLAIN else f"{float(f'{value:.3g}'):,.0f}"


_PLAIN = 100.0  # below it two digits tell enough


def _ratios(rows: Rows, space: Space) -> alt.LayerChart:
    names = space.rows("name:N", [str(row["name"]) for row in rows], limit=330, step=_TALL // len(rows), labelFontSize=11)
    ends = alt.Scale(type="log", domain=[0.1, 4.0], nice=False)
    x = alt.X("ratio_p50:Q", title="ours over published", scale=ends, axis=alt.Axis(**log_axis("125")))
    base = alt.Chart(data(rows)).encode(y=names.y)
    one = alt.Chart(data([{"ratio_p50": 1.0}])).mark_rule(color=INK, strokeDash=[4, 3]).encode(x=alt.X("ratio_p50:Q"))
    layers = [
        one,
        base.mark_rule(strokeWidth=4, opacity=0.35, color=BLUE).encode(x=alt.X("ratio_p5:Q"), x2="ratio_p95:Q"),
        base.mark_point(size=80, filled=True, opacity=1, color=BLUE).encode(x=x),
    ]
    return alt.LayerChart(layer=layers).properties(width=space.panel(2, labels=100), height=names.height)


_CASES: Mapping[str, str] = MappingProxyType({"model": "the model", "measured": "best measured runs"})


_TALL = 180  # of both panels


def _joules(results: Results, space: Space) -> alt.LayerChart:
    rows = [row | {"by": _CASES[row["case"]]} for row in named(results.tables["energy_of_tokens"], "workload")]
    order = list(dict.fromkeys(row["workload_name"] for row in rows))
    colours = colours_of(dict(zip(_CASES.values(), (BLUE, RED), strict=True)))
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("workload_name:N", sort=order, title=None, axis=alt.Axis(labelFontSize=11, ticks=False)),
        yOffset=alt.YOffset("by:N", sort=list(_CASES.values())),
        color=alt.Color(
            "by:N", scale=colours, legend=alt.Legend(orient="top", title=None, symbolType="circle", symbolOpacity=1)
        ),
    )
    x = log_x("j_p50:Q", "joules per output token", steps="1", narrow=True)
    layers = [
        base.mark_rule(strokeWidth=4, opacity=0.35).encode(x=alt.X("j_p5:Q"), x2="j_p95:Q"),
        base.mark_point(size=80, filled=True, opacity=1).encode(x=x),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=space.panel(2, labels=165) - (60 if space.narrow else 0), height=_TALL
    )
