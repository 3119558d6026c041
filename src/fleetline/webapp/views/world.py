"""The world: what the chips could serve, what is asked for, when one passes the other; the ten lines that decide it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fleetline.dates import date_of
from fleetline.errors import InputError
from fleetline.questions.crunches import mixed
from fleetline.questions.worlds import interval, worlds
from fleetline.scenario import KEYS, scenario
from fleetline.webapp.controls import Control
from fleetline.webapp.views import serving
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import about, day, number, view
from fleetline.world.load import Load, load_of

SCENARIO = "today"
DRAWS = 500
# The ten lines with the largest total index of the gap, by `fleetline sensitivity today`; where what decides is no line
# itself, the one that takes its place: how the level of demand and the fit of runs err has none.
SLIDERS: Mapping[str, str] = MappingProxyType(
    {
        "growth.efficiency": "Cost of a token falls",
        "growth.half_life": "Growth of demand halves in",
        "growth.demand": "Growth of demand",
        "serving.practice": "Real traffic over the best benchmark",
        "fleet.inference_share": "Chips that serve",
        "growth.supply": "Growth of supply after the data",
        "fleet.peak_over_mean": "Busiest hour over the mean",
        "fleet.sales_growth": "Growth of chip sales",
        "growth.supply_half_life": "Growth of supply halves in",
        "mix.frontier_share": "Tokens of frontier models",
    }
)
# lines that the scenario has not, as it fits or measures them: a range to move them in
_RANGES = {"growth.demand": (2.0, 12.0)}


def _slider(key: str) -> Control:
    line, kind = scenario(SCENARIO).assumptions.get(key), KEYS[key]
    share = kind.unit == "share"
    low, high = _RANGES[key] if line is None else (line.low or 0.0, line.high or 0.0)
    source = (
        "Fitted to series or measured runs unless set." if line is None else f"{line.source[:1].upper()}{line.source[1:]}."
    )
    return Control(
        key,
        SLIDERS[key],
        "number",
        f"{kind.about[:1].upper()}{kind.about[1:]}. {source}",
        _GROUPS[key.partition(".")[0]],
        None,
        min=0.01 if share else max(kind.low, low / 2),
        max=0.99 if share else min(kind.high, high * 2),
        scale="linear" if share else "log",
        low=None if line is None else low,
        high=None if line is None else high,
        unit=_UNITS.get(kind.unit, kind.unit),
        placeholder="as fitted" if line is None else "believed",
    )


_UNITS = {"factor": "\N{MULTIPLICATION SIGN}", "factor/year": "\N{MULTIPLICATION SIGN}/year", "year": "years"}


_GROUPS = {"serving": "Serving", "fleet": "Chips", "growth": "Growth", "mix": "What is asked for"}


CONTROLS = tuple(_slider(key) for key in SLIDERS)


def world(**given: Any) -> dict[str, Any]:
    """Supply, demand and crossover of scenario `today` with some of its lines set, as `crunch today --set KEY=VALUE`."""
    named = {control.key: given[control.option().key] for control in CONTROLS}
    settings = [f"{key}={value:g}" for key, value in _together(named).items()]
    chosen = scenario(SCENARIO, settings)
    found = load_of(chosen, worlds(DRAWS, 0))
    mix = mixed(found, chosen)
    command = " ".join(["fleetline crunch", SCENARIO, f"--draws {DRAWS}", *(f"--set {each}" for each in settings)])
    return view(
        named,
        _headline(mix),
        numbers=_numbers(mix),
        figures=[_over_time(found, mix), _by_year(mix), _classes(mix), _busy(mix)],
        notes=[f"As {command}"],
    )


_TIERS = ("mix.frontier_share", "mix.mid_share", "mix.small_share")


def _together(named: Mapping[str, float | None]) -> dict[str, float]:
    """The lines that are set; tiers that are not share out what the others leave, as the scenario has them."""
    given = {key: value for key, value in named.items() if value is not None}
    set_ = [key for key in _TIERS if key in given]
    if not set_:
        return given
    rest = 1.0 - sum(given[key] for key in set_)
    if rest <= 0.0:
        said = f"{' + '.join(set_)}: got {1.0 - rest:g}, allowed below 1: the other tiers have the rest"
        raise InputError(said, field=set_[0], got=1.0 - rest, allowed="below 1")
    others = {key: scenario(SCENARIO).number(key) for key in _TIERS if key not in given}
    scale = rest / sum(others.values())
    return given | {key: value * scale for key, value in others.items()}


def _headline(mix: dict[str, Any]) -> str:
    load, passes = mix["load"], mix["crossover"]
    return (
        f"The world's chips are {load['p50']:.0%} full (90%: {load['p5']:.0%} to {load['p95']:.0%}); "
        f"demand passes supply {_when(passes['p50'])} in the middle world"
    )


def _when(words: str) -> str:
    side, _, _ = words.rpartition(" ")
    return day(words) if side else f"in {day(words)}"


def _numbers(mix: dict[str, Any]) -> list[dict[str, Any]]:
    over, command = mix["probability_over_full"], "fleetline crunch today"
    return [
        _crossing("crossover", "Demand passes supply", mix["crossover"], f"80% of worlds; {command}.", primary=True),
        _spread("load", "Demand over supply", mix["load"], "share", "What is asked for, in what it costs the fleet, over what the fleet can serve at its busiest hour.", primary=True),
        number("probability_over_full", "Worlds that are full already", over, "share", "Share of draws in which demand is above supply today.", words=f"{over:.0%}", primary=True),
        _crossing("crossover_if_served", "... without worlds full already", mix["crossover_if_served"], "The same where what is asked for today is served today.", primary=True),
        *(each | {"group": f"On {_plain_day(mix['as_of'])}, tokens per second"} for each in _sides(mix)),
        *(each | {"group": "If all tokens went to one tier, demand passes supply"} for each in _tiers(mix)),
    ]  # fmt: skip


def _plain_day(iso: str) -> str:
    date = datetime.date.fromisoformat(iso)
    return f"{date.day} {date:%B %Y}"


def _crossing(
    key: str, label: str, dates: Mapping[str, str] | None, source: str, *, primary: bool = False
) -> dict[str, Any]:
    """The median day with the 10% and 90% points in words, as either may be out of the years looked at."""
    if dates is None:
        return number(key, label, None, "", source, words="no such world", primary=primary)
    span = (day(dates["p10"]), day(dates["p90"]))
    return number(key, label, dates["p50"], "", source, words=day(dates["p50"]), span=span, primary=primary)


def _spread(
    key: str, label: str, points: Mapping[str, float], unit: str, source: str, *, primary: bool = False
) -> dict[str, Any]:
    words = f"{points['p50']:.0%}" if unit == "share" else None
    return number(
        key, label, points["p50"], unit, source, words=words, low=points["p5"], high=points["p95"], primary=primary
    )


def _sides(mix: dict[str, Any]) -> list[dict[str, Any]]:
    model, _, workload = mix["reference"].partition(" ")
    reference = f"in output tokens of {serving.title(model)} at {workload}"
    return [
        _spread("tokens_asked_tok_s", "Asked for, input and output", mix["tokens_asked_tok_s"], "tok/s", "Every dated statement of tokens in one fit (table token_demand)."),
        _spread("demand_tok_s", "Asked for, by its cost", mix["demand_tok_s"], "tok/s", f"The same {reference}: each class weighed by what it costs the fleet."),
        _spread("supply_tok_s", "Could be served", mix["supply_tok_s"], "tok/s", f"Chips sold and deployed at rates fitted to runs (chip_sales, fitted_rates), {reference}."),
    ]  # fmt: skip


def _tiers(mix: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        _crossing(
            f"crossover_{each['tier']}",
            f"{each['tier'].title()}: {serving.title(each['model'])}",
            each["crossover"],
            f"As if every token asked for were of {serving.title(each['model'])}.",
        )
        for each in mix["tiers"]
    ]


def _over_time(found: Load, mix: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"date": date_of(float(year)).isoformat(), "what": what} | interval(drawn)
        for what, values in (("supply", found.supply), ("demand", found.demand))
        for year, drawn in zip(found.years, values, strict=True)
    ]
    names = [row | {"side": row["what"]} for row in (rows[len(rows) // 2 - 1], rows[-1])]
    return {
        "name": "load_over_time",
        "title": f"Demand passes supply {_when(mix['crossover']['p50'])} in the middle world",
        "caption": (
            f"In output tokens of {mix['reference']}, each class of tokens weighed by its cost. Lines: medians; bands: 90% of "
            "worlds; dot and bar below: the day of passing, median and 80% of worlds."
        ),
        "description": "Two rising lines with bands on a logarithmic axis, and the day on which one passes the other.",
        "data": {"times": rows, "names": names, "passing": [_within(mix["crossover"], rows)]},
    }


def _within(dates: Mapping[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The day of passing inside the years that are drawn."""
    first, last = rows[0]["date"], rows[-1]["date"]
    return {point: min(max(words.rpartition(" ")[2], first), last) for point, words in dates.items()} | {
        "text": f"passing: {day(dates['p50'])} ({day(dates['p10'])} to {day(dates['p90'])})"
    }


def _by_year(mix: dict[str, Any]) -> dict[str, Any]:
    rows = [{"year": str(year), "share": share} for year, share in mix["probability_by_year"].items()]
    half = next((row["year"] for row in rows if row["share"] >= 0.5), None)
    return {
        "name": "passed_by_year",
        "title": f"By the end of {half} demand has passed supply in half of the worlds"
        if half
        else "In most worlds demand never passes supply",
        "caption": "Share of worlds in which demand has been above supply by the end of the year.",
        "description": "A rising line of shares from year to year.",
        "data": {"years": rows},
    }


def _classes(mix: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {key: each[key] for key in ("tier", "model", "shape", "workload")}
        | {f"serves_alone_{point}": value for point, value in each["serves_alone_tok_s"].items()}
        | {f"load_{point}": value for point, value in each["load"].items()}
        for each in mix["classes"]
    ]
    most, least = (end(rows, key=lambda row: float(row["serves_alone_p50"])) for end in (max, min))
    return {
        "name": "supply_by_class",
        "title": (
            f"Alone, the fleet could give {about(most['serves_alone_p50'])} output tokens a second of {most['tier']} models' "
            f"{most['shape']} requests, {about(least['serves_alone_p50'])} of {least['tier']} models' {least['shape']} ones"
        ),
        "caption": "Supply by tier of model and shape of request, if the fleet served nothing else: medians and 90% of worlds.",
        "description": "Dots with intervals by shape of request, one for each tier, on a logarithmic axis.",
        "data": {"classes": rows},
    }


def _busy(mix: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"tier": each["tier"], "shape": each["shape"], "model": each["model"]}
        | {f"load_{point}": value for point, value in each["load"].items()}
        for each in mix["classes"]
    ]
    most = max(rows, key=lambda row: float(row["load_p50"]))
    return {
        "name": "load_by_class",
        "title": f"No tokens keep more of the fleet busy than {most['tier']} models' {most['shape']} requests: {most['load_p50']:.0%}",
        "caption": "Share of the fleet that each class of tokens asked for would keep busy: medians and 90% of worlds.",
        "description": "Dots with intervals by shape of request, one for each tier.",
        "data": {"classes": rows},
    }


def _warm() -> None:
    world(**{control.option().key: None for control in CONTROLS})


VIEW = View("world", "The world", "Supply, demand and crossover", CONTROLS, world, warm=_warm)
