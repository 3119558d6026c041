"""Commands about how sure the answer is: sensitivity, backtest, ledger, score, update."""

from __future__ import annotations

from typing import Annotated

import typer

from fleetline.cli.options import (
    AboutScenario,
    AsJson,
    Draws,
    ScenarioAnywhere,
    ScenarioGiven,
    Seed,
    Set,
    app,
    number,
    whole,
)
from fleetline.cli.show import INTERVAL, flat, scenario_words, show, table


@app.command(
    cls=AboutScenario, epilog="Example: fleetline sensitivity today --points 256 --set fleet.inference_share=0.4..0.6"
)
def sensitivity(
    scenario: ScenarioGiven = "article",
    points: Annotated[float, number("points", "Rows of the design, a power of 2.")] = 512,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Which assumptions decide the crunch: Sobol' indices of the gap, and the answer with each at its 5% and 95%."""
    from fleetline.questions import sensitivities

    found = flat(sensitivities.sensitivity(scenario, setting or (), points=whole(points), seed=whole(seed)))
    shares = [
        {"about": each["about"], "today": each["total"]["gap_today"], "first": each["first_order"]["gap"]}
        | {"total": each["total"]["gap"], "date": each["total"]["date"]}
        for each in found["assumptions"]
    ]
    moved = [
        {"about": each["about"], "low": each["load"]["at_p5"], "high": each["load"]["at_p95"]}
        | {"from": each["passes"]["at_p5"], "to": each["passes"]["at_p95"]}
        for each in sorted(found["assumptions"], key=lambda each: -abs(_spread(each["load"])))
    ]
    title = f"Shares of variance, {scenario_words(found)}, {found['worlds']} worlds; the gap is log demand over supply"
    cut = f"dates cut off: before the window {found['share_before']:.0%}, after it {found['share_after']:.0%} of worlds"
    day = found["looked_at"]
    columns = {"about": "assumption", "total": f"gap {day}, total", "first": "alone", "today": f"gap {found['day']}, total"}
    ends = {"about": "assumption", "low": "load at its 5%", "high": "at its 95%", "from": "passes at 5%", "to": "at 95%"}
    one = f"One assumption moved, all else at the median: load on {day} ({found['load_median']:.3g}) and date"
    show(
        found,
        lambda: [
            table(f"{found['words']}\n{title}; {cut}", shares, {**columns, "date": "date, total"}, clip=70),
            table(f"{one} ({found['passes']})", moved, ends, clip=70),
        ],
        as_json,
    )


def _spread(load: dict[str, float]) -> float:
    from math import log

    return log(load["at_p95"] / load["at_p5"])


@app.command(epilog="Example: fleetline backtest --day 2026-05-25")
def backtest(
    day: Annotated[
        str, typer.Option(metavar="DATE", help="Where one stands: what came later is not known.")
    ] = "2026-05-25",
    draws: Draws = 4000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Forecasts of a past day with what was known then, against what came: inside the interval or not, and how far off."""
    from fleetline.questions import backtests

    found = flat(backtests.backtest(day, draws=whole(draws), seed=whole(seed)))
    columns = {"quantity": "quantity", "date": "date", **INTERVAL, "came": "came", "unit": "unit", "status": "status"}
    kinds = {"kind": "kind", "targets": "scored", "inside": "inside 90%", "bias": "mean log error"}
    title = (
        f"Standing on {found['day']}: sales of {found['vintage']}, {found['known']} statements; against {found['against']}"
    )
    show(
        found,
        lambda: [
            table(title, found["targets"], {**columns, "inside": "inside", "log_error": "log error"}, clip=60),
            table("Over all", found["summary"], {**kinds, "spread": "root mean square", "pinball": "pinball loss"}),
        ],
        as_json,
    )


@app.command(
    cls=AboutScenario, epilog="Example: fleetline ledger today --set fleet.sales_growth=1.5..2.5 --out forecasts.csv"
)
def ledger(
    scenario: ScenarioGiven = "today",
    out: Annotated[str | None, typer.Option(metavar="FILE.csv", help="Also write the entries as a ledger's rows.")] = None,
    draws: Draws = 4000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Dated forecasts of what others will print: chips sold by quarter, tokens stated by month, best measured runs."""
    from fleetline.questions import ledgers

    made = ledgers.ledger(scenario, setting or (), draws=whole(draws), seed=whole(seed), out=out)
    found = flat(made)
    columns = {"quantity": "quantity", "date": "date", **INTERVAL, "unit": "unit"}
    title = f"Forecasts of {found['made_on']}, scenario {scenario_words(found)}, inputs {found['inputs']}"
    show(found, lambda: [table(title, found["entries"], columns, clip=80)], as_json)


@app.command(epilog="Example: fleetline score --json")
def score(as_json: AsJson = False) -> None:
    """The ledger's forecasts, those of earlier releases included, against what has come since; the rest is open."""
    from fleetline.questions import ledgers

    found = flat(ledgers.score())
    columns = {"release": "release", "quantity": "quantity", "date": "date", **INTERVAL, "unit": "unit", "status": "status"}
    came = {"came": "came", "inside": "inside", "log_error": "log error", "pinball": "pinball"}
    title = f"{found['summary']['scored']} of {found['summary']['entries']} entries scored"
    show(found, lambda: [table(title, found["entries"], {**columns, **came}, clip=60)], as_json)


@app.command(cls=AboutScenario, epilog="Example: fleetline update --check new-rows")
def update(
    check: Annotated[str | None, typer.Option(metavar="FOLDER", help="New rows, in files named as the tables.")] = None,
    scenario: ScenarioAnywhere = "today",
    draws: Draws = 1000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """How to add a quarter of data, step by step; with --check, whether new rows hold and what they would move."""
    from fleetline.questions import updates

    found = flat(updates.update(check, scenario, setting or (), draws=whole(draws), seed=whole(seed)))
    steps = [{"step": place, "what": what} for place, what in enumerate(found["steps"], start=1)]
    shown = [("To add a quarter", steps, {"step": "", "what": "do"})]
    if found["tables"] is not None:
        columns = {"quantity": "quantity", "date": "date", **INTERVAL, "came": "came", "inside": "inside"}
        rows = ", ".join(f"{each['rows']} of {each['table']}" for each in found["tables"])
        said = "; ".join([f"New rows that hold: {rows}", *found["settings"], *found["notices"]])
        moved = {"what": "what", "before": "before", "after": "after", "unit": "unit"}
        shown = [(said, found["moved"], moved), ("Entries of the ledger with news", found["scored"], columns)]
    show(found, lambda: [table(title, rows, heads, clip=1000) for title, rows, heads in shown if rows], as_json)
