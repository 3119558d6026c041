"""Commands about the world: supply, demand, crunch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from fleetline.cli.options import (
    AboutScenario,
    AsJson,
    Draws,
    OfFleet,
    ScenarioAnywhere,
    ScenarioGiven,
    Seed,
    Set,
    app,
    spread,
    whole,
)
from fleetline.cli.show import INTERVAL, TENTHS, flat, scenario_words, show, table

if TYPE_CHECKING:
    from rich.table import Table


@app.command(cls=AboutScenario, epilog="Example: fleetline supply --fleet all --preset fitted --set serving.speed=20..50")
@spread
def supply(
    scenario: ScenarioAnywhere = "article",
    *,
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
    **lines: Unpack[OfFleet],
) -> None:
    """Output tokens per second that the chips sold could serve, with 90% intervals.

    The named options are short for --set of a scenario's line. The workloads are alternative uses of the same chips.
    """
    from fleetline.questions import worlds

    found = worlds.supply(scenario, setting or (), draws=whole(draws), seed=whole(seed), **lines)
    answer = flat(found)
    show(answer, lambda: _supply_tables(answer), as_json)


@app.command(
    cls=AboutScenario,
    epilog="Example: fleetline demand --workload 25000:1000 --as-of 2026-12-31 --set demand.daily_share=0.6..0.9",
)
def demand(
    scenario: ScenarioAnywhere = "article",
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Move every proxy to this day along the growth; its own date without."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="INPUT:OUTPUT", help="Ratio to count output at; the scenario's own without.")
    ] = None,
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """The tokens a second that are asked for, by each proxy, and how fast that grows."""
    from fleetline.questions import demands

    found = flat(
        demands.demand(scenario, setting or (), as_of=as_of, workload=workload, draws=whole(draws), seed=whole(seed))
    )
    proxies = [
        {"name": each["name"], "tok_s": each["tok_s"]["central"], "direction": each["direction"], **each["output_tok_s"]}
        | {"date": each["date"], "stated": each["direction_stated"]}
        for each in found["proxies"]
    ]
    growth = [{"what": "demand", **found["growth_per_year"], "from": found["growth_source"]}]
    columns = {
        "name": "proxy",
        "tok_s": "token/s",
        "direction": "of",
        "low": "output/s, 5%",
        "central": "median",
        "high": "95%",
        "date": "date",
        "stated": "the source's words",
    }
    grown = {"what": "growth", **INTERVAL, "from": "from"}
    beside = {"what": "article", "printed": "printed", "ours": "ours", "ours_over_printed": "ratio", "unit": "unit"}
    show(
        found,
        lambda: [
            table(
                f"Scenario {scenario_words(found)}: tokens asked for, output counted at {found['workload']}",
                proxies,
                columns,
                clip=60,
            ),
            table("Times a year", growth, grown, clip=100),
            table("Beside the article", found["comparisons"], beside, clip=100),
        ],
        as_json,
    )


@app.command(
    cls=AboutScenario,
    epilog="Example: fleetline crunch article --set growth.demand=6.7..15 --set demand.proxy=exponential-view",
)
def crunch(
    scenario: ScenarioGiven = "article",
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """When demand passes supply at each workload: dates in 10%, 50% and 90% of worlds, and the probability by year."""
    from fleetline.questions import crunches

    found = flat(crunches.crunch(scenario, setting or (), draws=whole(draws), seed=whole(seed)))
    dates = [{"workload": each["workload"]} | each["crossover"] for each in found["workloads"]]
    years = [
        {"year": year} | {each["workload"]: each["probability_by_year"].get(year) for each in found["workloads"]}
        for year in sorted({year for each in found["workloads"] for year in each["probability_by_year"]})
    ]
    growth = [{"what": side, **found[f"{side}_growth_per_year"]} for side in ("supply", "demand")]
    workloads = {each["workload"]: each["workload"] for each in found["workloads"]}
    show(
        found,
        lambda: [
            *_mix_tables(found["mix"], scenario_words(found)),
            table(
                f"Scenario {scenario_words(found)}: demand ({found['demand']}) passes supply"
                + (f", {_ALONE}" if found["mix"] else ""),
                dates,
                {"workload": "workload", **TENTHS},
            ),
            table("Probability of having passed by the end of", years, {"year": "year", **workloads}),
            table(f"Times a year; demand: {found['demand_growth_source']}", growth, {"what": "growth of", **INTERVAL}),
        ],
        as_json,
    )


_ALONE = "if all tokens were of the reference's model and one request"


def _mix_tables(mix: dict[str, Any] | None, scenario: str) -> list[Table]:
    """How full the fleet is with all tiers and shapes together, and when it is full."""
    if mix is None:
        return []
    names = {
        "tokens_asked_tok_s": "asked for, input and output, tok/s",
        "demand_tok_s": "the same, in the reference's output, tok/s",
        "supply_tok_s": "could be served, in the reference's output, tok/s",
        "load": "demand over supply",
    }
    now = [{"what": words} | mix[key] for key, words in names.items()]
    dates = [
        {"what": "all together"} | mix["crossover"],
        {"what": "... without worlds that are full already"} | (mix["crossover_if_served"] or {}),
        *({"what": f"all tokens {each['tier']} ({each['model']})"} | each["crossover"] for each in mix["tiers"]),
    ]
    classes = [
        {
            "what": f"{each['tier']}, {each['shape']}",
            "workload": each["workload"],
            "weight": each["weight"]["p50"],
            **each["load"],
        }
        for each in mix["classes"]
    ]
    over = f"full already in {mix['probability_over_full']:.0%} of worlds"
    median = mix["load_of_median_world"]
    divided = f"best division of chips: load {median['best']:.2g} for {median['proportional']:.2g}, median world"
    columns = {"what": "tier and shape", "workload": "workload", "weight": "cost, in the reference's tokens"}
    return [
        table(
            f"Scenario {scenario}: the mix on {mix['as_of']}, reference {mix['reference']}; {over}",
            now,
            {"what": "what", **INTERVAL},
            clip=60,
        ),
        table("Demand passes supply", dates, {"what": "what", **TENTHS}, clip=60),
        table(f"Share of the fleet that each class keeps busy; {divided}", classes, {**columns, **INTERVAL}),
    ]


@app.command(
    cls=AboutScenario, epilog="Example: fleetline market today --set market.elasticity=0.06 --set market.switching=1"
)
def market(
    scenario: ScenarioGiven = "today",
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """The price that clears the crunch, who is priced out or takes a smaller model; and what would pay for the fleet."""
    from fleetline.questions import markets

    found = flat(markets.market(scenario, setting or (), draws=whole(draws), seed=whole(seed)))
    show(found, lambda: _market_tables(found), as_json)


_WHOLE = 1000  # characters: a reason is folded, never cut


def _price(over_trend: float | None) -> float | str:
    return "none" if over_trend is None else over_trend


def _market_tables(found: dict[str, Any]) -> list[Table]:
    rows = [
        {
            "year": str(state.get("year", found["as_of"])),
            "load": state["load"]["p50"],
            **{f"price {point}": _price(state["price_over_trend"][point]) for point in ("p5", "p50", "p95")},
            "out": state["priced_out"]["p50"],
            "down": state["moved_to_smaller"]["p50"],
            "crunch": state["probability_crunch"],
            "glut": state["probability_glut"],
        }
        for state in (found["now"], *found["years"])
    ]
    columns = {"year": "end of", "load": "load", "price p5": "price over trend, 5%", "price p50": "median"}
    columns |= {"price p95": "95%", "out": "priced out", "down": "to smaller", "crunch": "P(crunch)", "glut": "P(glut)"}
    names = {
        "cost_usd_year": "owning the chips that serve, USD a year",
        "revenue_usd_year": "developers' revenue, USD a year",
    }
    names |= {"revenue_over_cost": "revenue over cost", "break_even_utilisation": "load that pays for the fleet"}
    lists = {"at_list_usd_year": "the tokens at list prices, USD a year", "reported_over_list": "revenue over that"}
    paid = [{"what": words} | found["owning"][key] for key, words in names.items()]
    paid += [{"what": words} | found["list_prices"][key] for key, words in lists.items()]
    quiet = found["no_crunch"]
    return [
        table(
            f"Scenario {scenario_words(found)}: the market by year, medians; "
            "price of a chip second, none where none clears in that world",
            rows,
            columns,
        ),
        table("What pays for the fleet", paid, {"what": "what", **INTERVAL}, clip=60),
        table(
            f"No crunch until {quiet['until']}, in {quiet['probability']:.0%} of worlds; these beside all",
            quiet["conditions"],
            {"what": "what", "all_p50": "median of all", "no_crunch_p50": "of those"},
            clip=60,
        ),
    ]


@app.command(epilog="Example: fleetline compare article today --set fleet.inference_share=0.7")
def compare(
    first: Annotated[str, typer.Argument(metavar="SCENARIO", help="Where the walk begins.")] = "article",
    second: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="Where it ends; --set changes lines of this one.")
    ] = "today",
    draws: Draws = 500,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """What moved the answer from one scenario to another, assumption by assumption: load, dates, and each effect alone."""
    from fleetline.questions import walks

    found = flat(walks.compare(first, second, setting or (), draws=whole(draws), seed=whole(seed)))
    columns = {
        "step": "step",
        "factor": "times load",
        "factor_alone": "alone",
        "load": "load",
        "supply_tok_s": "supply, tok/s",
        "demand_tok_s": "demand, tok/s",
        "crossover_p50": "passes (median)",
    }
    rest = f"interactions {found['rest_factor']:.3g}"
    second = scenario_words(found | {"scenario": found["second"]}) + ("," if found["changed_lines"] else "")
    title = f"From {found['first']} to {second} on {found['day']}; {found['order']}; {rest}"
    show(found, lambda: [table(title, found["steps"], columns, clip=70)], as_json)


def _supply_tables(answer: dict[str, Any]) -> list[Table]:
    what = f"fleet {answer['fleet']} on {answer['as_of']}, output tokens per second"
    title = f"Scenario {scenario_words(answer)}: {what}; {answer['note']}"
    totals = [each | each["output_tok_s"] for each in answer["workloads"]]
    columns = {
        "workload": "workload",
        **INTERVAL,
        "per_person_month": "per person and month",
    }
    systems = [
        {
            "workload": each["workload"],
            "reason": one["reason"],
            **{key: one[key] for key in ("system", "gpus")},
            **{key: one[key]["p50"] for key in ("chips", "racks", "throughput_tok_s", "output_tok_s")},
        }
        for each in answer["workloads"]
        for one in each["by_system"]
    ]
    by_system = {
        "workload": "workload",
        "system": "system",
        "chips": "chips",
        "racks": "systems",
        "throughput_tok_s": "tok/s each",
        "output_tok_s": "tok/s",
        "reason": "why not",
    }
    tables = [table(title, totals, columns), table("By system, medians", systems, by_system, clip=_WHOLE)]
    return [*tables, *_measured_table(answer), *_not_counted_table(answer)]


def _measured_table(answer: dict[str, Any]) -> list[Table]:
    rows = [each | each["output_tok_s"] for each in answer["measured"]]
    columns = {"workload": "workload", "definition": "speed by", **INTERVAL}
    columns["without_a_run"] = "chips without a run"
    return [table("The same chips at the best measured rates of the model", rows, columns, clip=_WHOLE)] if rows else []


def _not_counted_table(answer: dict[str, Any]) -> list[Table]:
    rows = [each | {"chips": each["chips"]["p50"]} for each in answer["not_counted"]]
    columns = {"chip_type": "chip", "chips": "chips", "reason": "why it serves nothing here"}
    return [table("In the fleet and not served", rows, columns, clip=_WHOLE)] if rows else []
