"""Results -> Altair charts: the report, the page and notebooks share them. Nothing is computed here but what to say.

Each figure is a chart with a title that states the finding, the table its data comes from, and words for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import altair as alt

from fleetline.study import SPECULATION, Results, Rows

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
_PANEL = alt.Header(labelFontSize=13, labelFontWeight="bold")


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows in one sentence, what it looks like in words, and the table behind it."""

    name: str
    table: str
    title: str
    caption: str
    description: str
    chart: alt.TopLevelMixin


def figures(results: Results) -> list[Figure]:
    """Every figure of the report, in its order."""
    return [make(results) for make in _FIGURES]


def stage_times(results: Results) -> Figure:
    """Prefill and decode against batch."""
    rows = _named(results.tables["stage_times"], "limit")
    at_one = {(row["stage"], row["limit"]): row["seconds"] for row in rows if row["batch"] == 1.0}
    chart = (
        _lines(rows, x="batch:Q", y="seconds:Q", colour="limit_name:N", colours=_scale("compute", "bandwidth"))
        .encode(
            x=_log("batch:Q", "requests in a batch"),
            y=_log("seconds:Q", "seconds for the whole stage", format_="~g"),
            column=alt.Column(
                "stage:N",
                sort=["prefill", "decode"],
                title=None,
                header=_PANEL,
            ),
        )
        .properties(width=WIDTH // 2 - 20, height=HEIGHT)
    )
    memory, arithmetic = at_one["decode", "bandwidth"], at_one["decode", "compute"]
    return Figure(
        name="stage_times",
        table="stage_times",
        title="Prefill waits for arithmetic, decode for memory",
        caption=(
            f"Time of each stage on one rack, ideal efficiencies, {_tokens(results, 0)}. A single request's decode moves "
            f"memory for {memory:.2g} s and computes for {arithmetic * 1e3:.2g} ms. Below about a hundred requests the "
            "memory line of decode bends down: not every expert is needed."
        ),
        description="Two log-log panels over batch size. Prefill: the arithmetic line lies above the memory line. "
        "Decode: the memory line lies far above the arithmetic line.",
        chart=chart,
    )


def chunked_cycle(results: Results) -> Figure:
    """Arithmetic against traffic of a chunked cycle."""
    rows = results.tables["chunked_cycle"]
    critical = rows[0]["critical_batch"]
    sides = _named([row for row in rows if row["side"] != "cycle"], "side")
    cycle = [row for row in rows if row["side"] == "cycle"]
    x, y = _log("batch:Q", "requests in a batch"), _log("seconds:Q", "seconds for one cycle", format_="~g")
    thick = alt.Chart(_data(cycle)).mark_line(strokeWidth=8, color=FAINT).encode(x=x, y=y)
    lines = _lines(sides, x=x, y=y, colour="side_name:N", colours=_scale("compute", "bandwidth"))
    mark = _rule(critical, f"critical batch {critical:,.0f}")
    return Figure(
        name="chunked_cycle",
        table="chunked_cycle",
        title=f"Run together, a rack waits for memory up to {critical:,.0f} requests, for arithmetic beyond",
        caption=(
            f"A cycle serves one batch from prompt to last token, {_tokens(results, 0)}, ideal efficiencies, all "
            "arithmetic against all memory traffic (chunked-total). Grey: the cycle, the longer of the two."
        ),
        description="Log-log lines over batch size: memory traffic starts flat near 0.9 seconds, arithmetic rises in "
        f"proportion to the batch and crosses it at {critical:,.0f} requests.",
        chart=(thick + lines + mark).properties(width=WIDTH, height=HEIGHT),
    )


def throughput_by_context(results: Results) -> Figure:
    """Throughput against batch for each context length."""
    rows = _named(results.tables["throughput_by_context"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    roofs = [next(row for row in rows if row["workload"] == workload) for workload in order]
    x, y = _log("batch:Q", "requests in a batch"), _log("throughput_tok_s:Q", "output tokens per second of the rack")
    lines = _lines(rows, x=x, y=y, colour="workload_name:N", colours=_scale(*order))
    ends = (
        alt.Chart(_data(roofs))
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            x="critical_batch:Q",
            y="throughput_at_critical_tok_s:Q",
            color=alt.Color("workload_name:N", scale=_scale(*order), legend=None),
        )
    )
    words = ends.mark_text(align="right", dx=-9, dy=-9, fontSize=12, color=INK).encode(
        text=alt.Text("critical_batch:Q", format=",.0f"), color=alt.value(INK)
    )
    fall = roofs[0]["throughput_at_critical_tok_s"] / roofs[-1]["throughput_at_critical_tok_s"]
    return Figure(
        name="throughput_by_context",
        table="throughput_by_context",
        title=f"From 8k to 128k of context the ceiling falls {fall:.0f}-fold, and comes sooner",
        caption=(
            "Output tokens per second of one rack by batch, ideal efficiencies, chunked prefill. Dots: the critical batch, "
            "from which more requests add nothing."
        ),
        description="Three rising curves over batch size that become flat at "
        + ", ".join(f"{roof['critical_batch']:,.0f} requests ({roof['workload_name']})" for roof in roofs)
        + ".",
        chart=(lines + ends + words).properties(width=WIDTH, height=HEIGHT),
    )


def speculation(results: Results) -> Figure:
    """Throughput with and without speculation, ideal and calibrated."""
    rows = [
        row
        | {
            "preset_name": NAME_OF[row["preset"]],
            "kind": "without speculation" if row["speculation"] == "none" else "with speculation (8 verified, 3 accepted)",
        }
        for row in results.tables["speculation"]
    ]
    best = {(row["preset"], row["speculation"] != "none"): row for row in rows}
    colours = alt.Scale(
        domain=["without speculation", "with speculation (8 verified, 3 accepted)"],
        range=[COLOUR_OF["without"], COLOUR_OF["with"]],
    )
    base = alt.Chart(_data(rows)).encode(
        color=alt.Color("kind:N", scale=colours, title=None, legend=alt.Legend(orient="top", labelLimit=400))
    )
    x = _log("batch:Q", "requests in a batch")
    y = alt.Y("throughput_tok_s:Q", title="output tokens per second of the rack", axis=alt.Axis(format="~s", tickCount=6))
    slow = base.mark_line(strokeWidth=2, strokeDash=[2, 4]).encode(x=x, y=y)
    fast = base.transform_filter("datum.fast_enough").mark_line(strokeWidth=2.5).encode(x=x, y=y)
    dots = (
        base.transform_aggregate(x="max(best_batch)", y="max(best_tok_s)", groupby=["kind", "preset_name"])
        .mark_point(size=90, filled=True, opacity=1)
        .encode(x="x:Q", y="y:Q")
    )
    chart = (
        alt.layer(slow, fast, dots)
        .properties(width=WIDTH // 2 - 20, height=HEIGHT)
        .facet(
            column=alt.Column(
                "preset_name:N",
                sort=[NAME_OF["ideal"], NAME_OF["article"]],
                title=None,
                header=_PANEL,
            )
        )
    )
    ideal = best["ideal", True]["best_tok_s"] / best["ideal", False]["best_tok_s"]
    real = best["article", True]["best_tok_s"] / best["article", False]["best_tok_s"]
    wanted = results.setting["speed_tok_s_user"]
    return Figure(
        name="speculation",
        table="speculation",
        title=f"Speculation is worth {real:.2f}x where memory is slow, and costs {1 - ideal:.0%} where nothing is",
        caption=(
            f"Output tokens per second of one rack by batch, {_tokens(results, 0)}. Dotted: slower than {wanted:g} "
            "tokens per second for each user. Dots: the best batch at that speed."
        ),
        description="Two panels over batch size. Ideal: the curve with speculation rises sooner but ends lower. At "
        "the article's efficiencies the curve with speculation lies above the other.",
        chart=chart,
    )


def speed_frontier(results: Results) -> Figure:
    """Throughput against each user's speed."""
    rows = _named(results.tables["speed_frontier"], "workload")
    order = list(dict.fromkeys(row["workload"] for row in rows))
    x = _log("speed_tok_s_user:Q", "output tokens per second of each user (wall time)")
    y = _log("throughput_tok_s:Q", "output tokens per second of the rack")
    lines = _lines(rows, x=x, y=y, colour="workload_name:N", colours=_scale(*order))
    wanted = results.setting["speed_tok_s_user"]
    mark = _rule(wanted, f"wanted: {wanted:g} tok/s")
    rack = {
        row["workload"]: row
        for row in results.tables["racks"]
        if (row["system"], row["preset"], row["speculation"]) == ("gb200-nvl72", "article", SPECULATION)
    }
    short = rounded(rack[order[0]]["throughput_tok_s"])
    served = "; ".join(f"{rounded(rack[workload]['throughput_tok_s'])} at {NAME_OF[workload]}" for workload in order)
    return Figure(
        name="speed_frontier",
        table="speed_frontier",
        title=f"At {wanted:g} tokens per second each, a rack serves {short} tok/s of short requests",
        caption=f"Article's efficiencies, speculation 8:3. At the wanted speed: {served} output tokens per second.",
        description="Three falling curves of rack throughput against the speed each user gets.",
        chart=(lines + mark).properties(width=WIDTH, height=HEIGHT),
    )


def article_numbers(results: Results) -> Figure:
    """How near each printed number comes to ours."""
    rows = [row | {"label": row["text"]} for row in results.tables["article_numbers"] if row["printed"] is not None]
    order = [row["label"] for row in rows]
    colours = alt.Scale(domain=["matches", "matches in part", "not reproduced"], range=[GREEN, ORANGE, RED])
    legend = alt.Legend(orient="top", symbolType="circle")
    x = alt.X(
        "ours_over_printed:Q",
        scale=alt.Scale(type="log", domain=[0.7, 3.2]),
        title="ours ÷ the article's printed figure",
        axis=alt.Axis(values=[0.7, 1, 1.5, 2, 3], format="~g"),
    )
    dots = (
        alt.Chart(_data(rows))
        .mark_point(size=90, filled=True, opacity=1)
        .encode(
            x=x,
            y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=420, labelFontSize=11, grid=True)),
            color=alt.Color("status:N", scale=colours, title=None, legend=legend),
        )
    )
    one = alt.Chart(_data([{"ours_over_printed": 1.0}])).mark_rule(color=GREY).encode(x=x)
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
        chart=(one + dots).properties(width=380, height=20 * len(rows)),
    )


def predictions(results: Results) -> Figure:
    """Predicted against measured TPOT and TTFT of the rows the fit saw."""
    rows = results.tables["predictions"]
    ends = [min(row["measured_s"] for row in rows), max(row["measured_s"] for row in rows)]
    x, y = (
        _log("measured_s:Q", "measured, seconds", format_="~g"),
        _log("predicted_s:Q", "predicted, seconds", format_="~g"),
    )
    colours = alt.Scale(domain=["TPOT", "TTFT"], range=[BLUE, ORANGE])
    legend = alt.Legend(orient="top", title=None, symbolType="circle")
    dots = (
        alt.Chart(_data(rows))
        .mark_point(size=28, filled=True, opacity=0.6)
        .encode(x=x, y=y, color=alt.Color("quantity:N", scale=colours, legend=legend))
    )
    equal = alt.Chart(_data([{"measured_s": end, "predicted_s": end} for end in ends])).mark_line(color=GREY)
    (score,) = [
        row
        for row in results.tables["error_by_group"]
        if (row["preset"], row["by"], row["group"]) == ("fitted", "model", "kimik2.5")
    ]
    tpot, ttft = score["tpot_median_abs_log"], score["ttft_median_abs_log"]
    return Figure(
        name="predictions",
        table="predictions",
        title=f"Three numbers miss Kimi K2.5's TPOT by {tpot:.0%} and its TTFT by {ttft:.0%} (median)",
        caption=(
            "Every measured run of Kimi K2.5 on Nvidia against our fit in the article's form; on the line they are equal. "
            "The percentages are medians of |log(predicted / measured)| over all Kimi rows, AMD included."
        ),
        description="Dots of TPOT close to the line of equality; dots of TTFT spread widely around it.",
        chart=(equal.encode(x=x, y=y) + dots).properties(width=WIDTH, height=HEIGHT),
    )


def measured_runs(results: Results) -> Figure:
    """The modelled frontier with measured runs as dots."""
    rows = [row for row in results.tables["measured_runs"] if row["chip"] == "gb200"]
    lines = [
        row | {"line": "ours" if row["source"] == "fitted" else "the article's"}
        for row in rows
        if row["source"] != "measured"
    ]
    dots = [row for row in rows if row["source"] == "measured"]
    x = _log("speed_tok_s_user:Q", "output tokens per second of each user (wall time)")
    y = _log("output_tok_s_gpu:Q", "output tokens per second and GPU")
    colours = alt.Scale(domain=["ours", "the article's"], range=[BLUE, GREY])
    legend = alt.Legend(orient="top", title="a rack at efficiencies of")
    frontier = (
        alt.Chart(_data(lines))
        .mark_line(strokeWidth=2.5)
        .encode(x=x, y=y, color=alt.Color("line:N", scale=colours, legend=legend))
    )
    runs = alt.Chart(_data(dots)).mark_point(size=36, filled=True, opacity=0.8, color=RED).encode(x=x, y=y)
    best = max(row["output_tok_s_gpu"] for row in dots if row["speed_tok_s_user"] >= results.setting["speed_tok_s_user"])
    wanted = results.setting["speed_tok_s_user"]
    return Figure(
        name="measured_runs",
        table="measured_runs",
        title=f"The best measured GB200 run at {wanted:g} tokens per second serves {best:,.0f} tok/s per GPU",
        caption=(
            "Kimi K2.5, 8,192 tokens in and 1,024 out, without speculation. Dots: published InferenceX runs on GB200, wall "
            "speed from output rate over clients where TTFT is not published. Lines: a whole rack in the article's form."
        ),
        description="Two falling lines of the modelled rack lie above a cloud of measured dots.",
        chart=(frontier + runs + _rule(wanted, f"wanted: {wanted:g} tok/s")).properties(width=WIDTH, height=HEIGHT),
    )


_FIGURES: Sequence[Callable[[Results], Figure]] = (
    stage_times,
    chunked_cycle,
    throughput_by_context,
    speculation,
    speed_frontier,
    article_numbers,
    predictions,
    measured_runs,
)


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
    "legend": {"labelFontSize": 12, "symbolStrokeWidth": 3, "symbolType": "stroke"},
}


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _named(rows: Rows, column: str) -> Rows:
    return [row | {f"{column}_name": NAME_OF[row[column]]} for row in rows]


def _scale(*names: str) -> alt.Scale:
    return alt.Scale(domain=[NAME_OF[name] for name in names], range=[COLOUR_OF[name] for name in names])


def _log(field: str, title: str, format_: str = "~s") -> Any:
    axis = alt.Axis(format=format_, tickCount=6)
    kind = alt.Y if field.startswith(("seconds", "throughput", "predicted", "output")) else alt.X
    return kind(field, scale=alt.Scale(type="log", nice=False, padding=8), title=title, axis=axis)


def _lines(rows: Rows, *, x: Any, y: Any, colour: str, colours: alt.Scale) -> alt.Chart:
    legend = alt.Legend(orient="top", title=None, labelLimit=300)
    lines: alt.Chart = alt.Chart(_data(rows)).mark_line(strokeWidth=2.5)
    return lines.encode(x=x, y=y, color=alt.Color(colour, scale=colours, legend=legend))


def _rule(at: float, words: str) -> alt.LayerChart | alt.FacetChart:
    base = alt.Chart(_data([{"at": at, "words": words}])).encode(x=alt.X("at:Q"))
    line: alt.Chart = base.mark_rule(color=GREY, strokeDash=[4, 3])
    text: alt.Chart = base.mark_text(align="left", dx=6, baseline="top", color=INK, fontSize=12).encode(
        y=alt.value(HEIGHT - 20), text="words:N"
    )
    return line + text


def _tokens(results: Results, which: int) -> str:
    tokens_in, tokens_out = results.setting["workloads"][which].split(":")
    return f"{int(tokens_in):,} tokens in and {int(tokens_out):,} out"


def rounded(value: float) -> str:
    """Three significant digits, thousands separated: 375,685 reads 376,000."""
    return f"{float(f'{value:.3g}'):,.0f}"
