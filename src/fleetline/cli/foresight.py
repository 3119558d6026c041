"""Commands about how sure the answer is: sensitivity, backtest, ledger, score, update."""

from __future__ import annotations

from typing import Annotated

from fleetline.cli.options import AsJson, ScenarioGiven, Seed, Set, app, number, whole
from fleetline.cli.show import flat, show, table


@app.command(epilog="Example: fleetline sensitivity today --points 256 --set fleet.inference_share=0.4..0.6")
def sensitivity(
    scenario: ScenarioGiven = "article",
    points: Annotated[float, number("points", "Rows of the design, a power of 2.")] = 512,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Which assumptions decide the crunch: Sobol' indices of the gap, and the answer with each at its 5% and 95%."""
    from fleetline import sensitivities

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
    title = f"Shares of variance, {found['scenario']}, {found['worlds']} worlds; the gap is log demand over supply"
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
