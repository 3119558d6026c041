"""Command about energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from fleetline.cli.options import AboutScenario, AsJson, Draws, OfFleet, ScenarioAnywhere, Seed, Set, app, spread, whole
from fleetline.cli.show import INTERVAL, flat, show, table

if TYPE_CHECKING:
    from rich.table import Table


@app.command(cls=AboutScenario, epilog="Example: fleetline energy --fleet all --workload 8000:1000")
@spread
def energy(
    scenario: ScenarioAnywhere = "article",
    *,
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
    **lines: Unpack[OfFleet],
) -> None:
    """Power of the scenario's chips, joules of its tokens, what demand would need, and published totals beside ours."""
    from fleetline.questions import power_check

    found = flat(power_check.energy(scenario, setting or (), draws=whole(draws), seed=whole(seed), **lines))
    show(found, lambda: [_power(found), _tokens(found), _demand(found), _checks(found)], as_json)


_POWERS = {
    "rated": "chips, rated",
    "all_in": "with host and network",
    "site_peak": "sites, peak",
    "site_average": "sites, average in use",
}


def _power(found: dict[str, Any]) -> Table:
    rows = [{"what": words, **found["power_gw"][name]} for name, words in _POWERS.items()]
    return table(f"Power of fleet {found['fleet']} on {found['as_of']}, GW", rows, {"what": "power of", **INTERVAL})


def _tokens(found: dict[str, Any]) -> Table:
    rows = [
        {"case": each["case"], "workload": each["workload"], **each["j_output_token"], "per_j": each["output_tok_j"]["p50"]}
        for each in found["tokens"]
    ]
    columns = {"case": "by", "workload": "workload", **INTERVAL, "per_j": "tokens/J"}
    return table(f"Joules of an output token, all chips in use; {found['note']}", rows, columns)


def _demand(found: dict[str, Any]) -> Table:
    rows: dict[str, dict[str, Any]] = {}
    workloads = dict.fromkeys(each["workload"] for each in found["demand"])
    for each in found["demand"]:
        rows.setdefault(each["proxy"], {"proxy": each["proxy"]})[each["workload"]] = each["power_gw"]["p50"]
    columns = {"proxy": "proxy"} | {each: each for each in workloads}
    return table("Power each proxy of demand would need at these joules, median GW", list(rows.values()), columns, clip=60)


def _checks(found: dict[str, Any]) -> Table:
    rows = [
        each | {"median": each["ours"]["p50"], "ratio": each["ours_over_published"]["p50"], **_ends(each["ours"])}
        for each in found["checks"]
    ]
    columns = {
        "what": "all AI chips sold, at the end of 2025",
        "published": "published",
        "low": "ours, 5%",
        "median": "median",
        "high": "95%",
        "ratio": "ratio",
        "unit": "unit",
    }
    return table("Against published figures", rows, columns, clip=80)


def _ends(interval: dict[str, float]) -> dict[str, float]:
    return {"low": interval["p5"], "high": interval["p95"]}
