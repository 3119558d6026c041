"""The model against measured runs: how near it comes, what the runs can tell, and what the best of them serve."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import altair as alt

from fleetline.figures.style import (
    BLUE,
    FLAT_TITLE,
    GREY,
    INK,
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
    rule,
)
from fleetline.study import Results, Rows

PARAMETERS = MappingProxyType(
    {
        "compute_efficiency": "compute efficiency",
        "bandwidth_efficiency": "bandwidth efficiency",
        "step_latency_s": "step latency, s",
    }
)


def predictions(results: Results, space: Space = WIDE) -> Figure:
    """Predicted against measured TPOT and TTFT of the rows the fit saw."""
    rows = results.tables["predictions"]
    ends = [min(row["measured_s"] for row in rows), max(row["measured_s"] for row in rows)]
    x, y = log_x("measured_s:Q", "measured, seconds", steps="1"), log_y("predicted_s:Q", "predicted, seconds", steps="1")
    colours = alt.Scale(domain=["TPOT", "TTFT"], range=[BLUE, ORANGE])
    legend = alt.Legend(orient="bottom-right", title=None, symbolType="circle")
    dots = (
        alt.Chart(data(rows))
        .mark_point(size=28, filled=True, opacity=0.6)
        .encode(x=x, y=y, color=alt.Color("quantity:N", scale=colours, legend=legend))
    )
    equal = alt.Chart(data([{"measured_s": end, "predicted_s": end} for end in ends])).mark_line(color=GREY)
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
        chart=alt.layer(equal.encode(x=x, y=y), dots).properties(width=space.width, height=space.height),
    )


def loss_profiles(results: Results, space: Space = WIDE) -> Figure:
    """The least loss at each value of each efficiency, from TPOT alone and with TTFT."""
    rows = [row for row in results.tables["loss_profiles"] if row["loss_above_least"] <= _SHOWN_LOSS]
    names = ["TPOT alone", "TPOT and TTFT"]
    colours = alt.Scale(domain=names, range=[GREY, BLUE])
    panels = [
        alt.Chart(data([row for row in rows if row["parameter"] == parameter]))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=log_x("value:Q", words, steps="125" if parameter == "bandwidth_efficiency" else "1"),
            y=alt.Y(
                "loss_above_least:Q",
                title="loss above the least" if parameter == "compute_efficiency" or space.narrow else None,
                scale=alt.Scale(domain=[0, _SHOWN_LOSS]),
                axis=alt.Axis(tickCount=5, **FLAT_TITLE),
            ),
            color=alt.Color("data:N", scale=colours, legend=alt.Legend(orient="top", title="fitted to")),
        )
        .properties(width=space.panel(3), height=190)
        for parameter, words in PARAMETERS.items()
    ]
    flat = [row["value"] for row in _of(rows, "TPOT alone", "compute_efficiency") if row["loss_above_least"] <= _AS_GOOD]
    return Figure(
        name="loss_profiles",
        table="loss_profiles",
        title="Time per output token says nothing about compute; time to the first token does",
        caption=(
            "The least loss at each value of one number, the other two free. A flat bottom means that the runs cannot tell: "
            f"from TPOT alone, any compute efficiency from {min(flat):.2g} to {max(flat):.2g} fits within {_AS_GOOD:g} of the "
            "best. The bottom is rough: the loss is made of medians."
        ),
        description="Three panels of loss against compute efficiency, bandwidth efficiency and step latency. For compute, the "
        "line of TPOT alone lies flat, the line with TTFT has a valley near 0.6.",
        chart=space.beside(*panels),
    )


_SHOWN_LOSS = 0.4  # of the loss axis: beyond it nothing is left to tell
_AS_GOOD = 0.01  # the rise of the loss within which a value fits as well (calibration.fit)


def _of(rows: Rows, what: str, parameter: str) -> Rows:
    return [row for row in rows if (row["data"], row["parameter"]) == (what, parameter)]


def efficiencies(results: Results, space: Space = WIDE) -> Figure:
    """Our three numbers with intervals beside the article's."""
    rows = [row | {"name": PARAMETERS[row["parameter"]]} for row in results.tables["efficiencies"]]
    order = ["ours, 90%", "the article"]
    colours = alt.Scale(domain=order, range=[BLUE, RED])
    panels: list[alt.LayerChart] = []
    for row in rows:
        marks = [row | {"who": order[0], "value": row["ours"]}, row | {"who": order[1], "value": row["article"]}]
        y = alt.Y(
            "who:N", sort=order, title=None, axis=alt.Axis(labels=space.narrow or not panels, ticks=False, labelFontSize=12)
        )
        x = alt.X("value:Q", title=row["name"], scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=3, format="~g"))
        base = alt.Chart(data(marks)).encode(x=x, y=y, color=alt.Color("who:N", scale=colours, legend=None))
        span = alt.Chart(data(marks[:1])).mark_rule(strokeWidth=5, color=BLUE, opacity=0.35)
        layers = (
            span.encode(x=alt.X("low:Q", title=row["name"]), x2="high:Q", y=y),
            base.mark_point(size=110, filled=True, opacity=1),
            base.mark_text(dy=-14, fontSize=12).encode(text=alt.Text("value:Q", format=".2~g"), color=alt.value(INK)),
        )
        panels.append(
            alt.LayerChart(layer=list(layers)).properties(
                width=space.panel(3, labels=70 if space.narrow else 0), height=110
            )
        )
    theirs = [row["article"] for row in rows]
    inside = sum(row["low"] <= row["article"] <= row["high"] for row in rows)
    return Figure(
        name="efficiencies",
        table="efficiencies",
        title=f"{_COUNT[inside]} of the article's three numbers {'lies' if inside == 1 else 'lie'} within our 90% intervals",
        caption=(
            "Fitted in the article's form to Kimi K2.5 on Nvidia, TPOT and TTFT; intervals by bootstrap over configurations. "
            f"Beside them the article's {theirs[0]:.0%}, {theirs[1]:.0%} and {theirs[2] * 1e3:g} ms."
        ),
        description="; ".join(
            f"{row['name']}: ours {row['ours']:.3g} ({row['low']:.3g} to {row['high']:.3g}), the article {row['article']:g}"
            for row in rows
        ),
        chart=space.beside(*panels),
    )


_COUNT = ("None", "One", "Two", "All")


def error_by_group(results: Results, space: Space = WIDE) -> Figure:
    """The error of our fit by model, chip and framework: TPOT, with the article's numbers beside."""
    shown, names = ("model", "chip", "framework"), results.setting["names"]
    rows = [
        row
        | {
            "who": "our fit" if row["preset"] == "fitted" else "the article's numbers",
            "label": names.get(row["group"], row["group"]),
        }
        for row in results.tables["error_by_group"]
        if row["by"] in shown and row["tpot_median_abs_log"] >= 0  # NaN where a group has TTFT alone
    ]
    colours = alt.Scale(domain=["our fit", "the article's numbers"], range=[BLUE, GREY])
    panels = []
    for group in shown:
        of_group = [row for row in rows if row["by"] == group]
        order = sorted({row["label"] for row in of_group}, key=lambda label: _error(of_group, label))
        panels.append(
            alt.Chart(data(of_group))
            .mark_point(size=60, filled=True, opacity=0.9)
            .encode(
                x=alt.X(
                    "tpot_median_abs_log:Q",
                    title="median |log error|",
                    scale=alt.Scale(zero=True),
                    axis=alt.Axis(tickCount=4, format="~g"),
                ),
                y=alt.Y("label:N", sort=order, title=group, axis=alt.Axis(grid=True, labelFontSize=11)),
                color=alt.Color("who:N", scale=colours, legend=_legend(space)),
            )
            .properties(width=space.panel(3, labels=150 if space.narrow else 70), height=alt.Step(18))
        )
    (every,) = [row for row in results.tables["error_by_group"] if (row["preset"], row["by"]) == ("fitted", "all")]
    worst = max((row for row in rows if row["by"] == "model" and row["preset"] == "fitted"), key=_tpot)
    return Figure(
        name="error_by_group",
        table="error_by_group",
        title=f"Three numbers do not carry over: {every['tpot_median_abs_log']:.0%} off over all models and chips",
        caption=(
            f"Median |log(predicted / measured)| of TPOT over {every['rows']:,} published runs, fitted to Kimi K2.5 on Nvidia "
            f"alone. Worst is {names.get(worst['group'], worst['group'])} ({_tpot(worst):.2f}): one latency a pass cannot hold for every model and framework."
        ),
        description="Three panels of dots by model, chip and framework; most lie between 0.1 and 0.8.",
        chart=space.beside(*panels),
    )


def held_out_by_group(results: Results, space: Space = WIDE) -> Figure:
    """The error of the fit of all rows on configurations it had not seen, by model, chip and framework."""
    shown, names = ("model", "chip", "framework"), {"pooled": "fit of all rows, held out", "article": "the article's form"}
    called = results.setting["names"]
    rows = [
        row | {"who": names[row["form"]], "group": called.get(row["group"], row["group"])}
        for row in results.tables["held_out_by_group"]
        if row["by"] in shown and row["tpot_by_configuration"] >= 0
    ]
    colours = colours_of(dict(zip(names.values(), (BLUE, GREY), strict=True)))
    panels = [_held_out_panel([row for row in rows if row["by"] == group], group, colours, space) for group in shown]
    every = {row["form"]: row for row in results.tables["held_out_by_group"] if row["by"] == "all"}
    ours, theirs = (every[form]["tpot_by_configuration"] for form in ("pooled", "article"))
    return Figure(
        name="held_out_by_group",
        table="held_out_by_group",
        title=f"Physics and near runs together miss a configuration not seen by {ours:.0%}; three numbers by {theirs:.0%}",
        caption=(
            "TPOT, mean over configurations of each one's median |log(predicted / measured)|, each configuration predicted as "
            "if it had not been measured. Grey: the article's form with three numbers fitted to Kimi K2.5 on Nvidia."
        ),
        description="Three panels of dots by model, chip and framework; the fit of all rows lies far left of the grey dots.",
        chart=space.beside(*panels),
    )


def _legend(space: Space) -> alt.Legend:
    return alt.Legend(orient="top", title=None, symbolType="circle", columns=1 if space.narrow else 2)


def _held_out_panel(rows: Rows, group: str, colours: alt.Scale, space: Space) -> alt.Chart:
    panel: alt.Chart = (
        alt.Chart(data(rows))
        .mark_point(size=60, filled=True, opacity=0.9)
        .encode(
            x=log_x("tpot_by_configuration:Q", "|log error|", steps="1"),
            y=alt.Y("group:N", sort="x", title=group, axis=alt.Axis(grid=True, labelFontSize=11)),
            color=alt.Color("who:N", scale=colours, legend=_legend(space)),
        )
        .properties(width=space.panel(3, labels=150 if space.narrow else 70), height=alt.Step(18))
    )
    return panel


def interval_coverage(results: Results, space: Space = WIDE) -> Figure:
    """Share of rows within intervals of every width, held out."""
    rows = [row | {"name": _WORDS[row["quantity"]]} for row in results.tables["interval_coverage"]]
    x = alt.X("level:Q", title="width of the interval", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("covered:Q", title="rows within it", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    colours = alt.Scale(domain=list(_WORDS.values()), range=[BLUE, ORANGE, RED])
    legend = alt.Legend(orient="bottom-right", title=None, symbolType="circle")
    dots = (
        alt.Chart(data(rows))
        .mark_point(size=50, filled=True, opacity=0.8)
        .encode(x=x, y=y, color=alt.Color("name:N", scale=colours, legend=legend))
    )
    ends = [{"level": end, "covered": end} for end in (0.0, 1.0)]
    equal = alt.Chart(data(ends)).mark_line(color=GREY).encode(x=x, y=y)
    nine = {row["quantity"]: row["covered"] for row in rows if row["level"] == 0.9}
    return Figure(
        name="interval_coverage",
        table="interval_coverage",
        title=f"90% intervals hold {nine['tpot']:.0%} of TPOT, {nine['ttft']:.0%} of TTFT, {nine['throughput']:.0%} of throughput",
        caption=(
            "Rows predicted without their configuration; each half of the configurations is held against intervals made from "
            "the errors of the other half. On the line an interval is as wide as it says."
        ),
        description="Dots of three quantities lie close to the diagonal.",
        chart=alt.layer(equal, dots).properties(width=min(space.width, 360), height=space.height),
    )


_WORDS: Mapping[str, str] = MappingProxyType({"tpot": "TPOT", "ttft": "TTFT", "throughput": "throughput"})


def _tpot(row: Mapping[str, Any]) -> float:
    return float(row["tpot_median_abs_log"])


def _error(rows: Rows, label: str) -> float:
    return min(_tpot(row) for row in rows if row["label"] == label)


def measured_runs(results: Results, space: Space = WIDE) -> Figure:
    """The modelled frontier with measured runs as dots."""
    rows = [row for row in results.tables["measured_runs"] if row["chip"] == "gb200"]
    names = {"fitted": "our fit", "article": "the article's"}
    modelled = [row | {"line": names[row["source"]]} for row in rows if row["source"] in names]
    dots = [row for row in rows if row["source"] == "measured"]
    x = log_x("speed_tok_s_user:Q", "output tokens per second of each user (wall time)")
    y = log_y("output_tok_s_gpu:Q", "output tokens per second and GPU", steps="1")
    colours = colours_of({names["fitted"]: BLUE, names["article"]: GREY})
    frontier = curves(
        modelled,
        x=x,
        y=y,
        colour="line",
        colours=colours,
        at={names["fitted"]: 0.1, names["article"]: 0.3},
        below={names["fitted"]},
        falling=True,
    )
    runs = alt.Chart(data(dots)).mark_point(size=36, filled=True, opacity=0.8, color=RED).encode(x=x, y=y)
    wanted = results.setting["speed_tok_s_user"]
    best = max((row for row in dots if row["speed_tok_s_user"] >= wanted), key=lambda row: float(row["output_tok_s_gpu"]))
    at_best = alt.Chart(data([best | {"words": "best measured"}])).encode(x=x, y=y, text="words:N")
    named_best = lettered(at_best, align="left", dx=7, dy=-7, color=TEXT_OF[RED])
    return Figure(
        name="measured_runs",
        table="measured_runs",
        title=f"The best measured GB200 run at {wanted:g} tokens per second serves {best['output_tok_s_gpu']:,.0f} tok/s per GPU",
        caption=(
            "Kimi K2.5, 8,192 tokens in and 1,024 out, without speculation. Dots: published InferenceX runs on GB200, wall "
            "speed from output rate over clients where TTFT is not published. Lines: a whole rack in the article's form."
        ),
        description="Two falling lines of the modelled rack lie above a cloud of measured dots.",
        chart=alt.layer(frontier, runs, *named_best, rule(wanted, f"wanted: {wanted:g} tok/s", space)).properties(
            width=space.width, height=space.height
        ),
    )


def gap_to_measured(results: Results, space: Space = WIDE) -> Figure:
    """From the modelled rack down to the best measured run, one difference at a time."""
    rows = results.tables["gap_to_measured"]
    names = space.rows("step:N", [row["step"] for row in rows], limit=250, step=28, grid=False)
    first, last = rows[0]["output_tok_s_gpu"], rows[-1]["output_tok_s_gpu"]
    steps = [
        row | {"words": f"{row['output_tok_s_gpu']:,.0f}" + ("" if row["order"] == 0 else f"  ({row['ratio']:.2f}x)")}
        for row in rows
    ]
    base = alt.Chart(data(steps)).encode(
        y=names.y,
        x=alt.X(
            "output_tok_s_gpu:Q", title="output tokens per second and GPU", scale=alt.Scale(domain=[0, first * 1.25]),
            axis=alt.Axis(labelExpr="format(datum.value, ',')", tickCount=5),
        ),
    )  # fmt: skip
    largest = min(rows[1:], key=lambda row: float(row["ratio"]))
    return Figure(
        name="gap_to_measured",
        table="gap_to_measured",
        title=f"The modelled rack serves {first / last:.1f} times the best measured run; most of it is how the run is set up",
        caption=(
            "Output tokens per second and GPU, Kimi K2.5 on GB200 at 8k in, 1k out. Each bar takes one difference away; in "
            f"brackets its ratio to the bar above. The largest: {largest['step']}. Only the last step is error of the model."
        ),
        description="Falling bars: " + "; ".join(f"{row['step']} {row['output_tok_s_gpu']:,.0f}" for row in rows) + ".",
        chart=alt.layer(
            base.mark_bar(height=18).encode(
                color=alt.condition(f"datum.order == {len(rows) - 1}", alt.value(RED), alt.value(BLUE))
            ),
            base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="words:N"),
        ).properties(width=names.width, height=names.height),
    )
