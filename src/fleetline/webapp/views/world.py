"""The world: what the chips could serve, what is asked for, when one passes the other; the ten lines that decide it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetline.crunches import mixed
from fleetline.dates import date_of
from fleetline.errors import InputError
from fleetline.scenario import KEYS, scenario
from fleetline.webapp.controls import Control
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import number, text, view
from fleetline.world.load import Load, load_of
from fleetline.worlds import interval, worlds

SCENARIO = "today"
DRAWS = 500
# The ten lines with the largest total index of the gap, by `fleetline sensitivity today`; where what decides is no line
# itself, the one that takes its place: how the level of demand errs has none.
SLIDERS = (
    "serving.reached",
    "growth.efficiency",
    "growth.half_life",
    "fleet.inference_share",
    "growth.demand",
    "fleet.peak_over_mean",
    "fleet.sales_growth",
    "mix.frontier_share",
    "mix.small_share",
    "fleet.busy_share",
)
STANDS_FOR = {
    "serving.reached_by": "serving.reached",
    "demand half-life": "growth.half_life",
    "demand growth": "growth.demand",
}
# lines that the scenario has not, as it fits or measures them: a range to move them in
_RANGES = {"serving.reached": (0.2, 1.2), "growth.demand": (2.0, 12.0)}


def _slider(key: str) -> Control:
    line, kind = scenario(SCENARIO).assumptions.get(key), KEYS[key]
    share = kind.unit == "share"
    low, high = _RANGES[key] if line is None else (line.low or 0.0, line.high or 0.0)
    source = "Fitted or measured by the scenario unless set" if line is None else line.source
    return Control(
        key,
        kind.about[:1].upper() + kind.about[1:],
        "number",
        source[:1].upper() + source[1:],
        _GROUPS[key.partition(".")[0]],
        None,
        min=0.01 if share else max(kind.low, low / 2),
        max=0.99 if share else min(kind.high, high * 2),
        scale="linear" if share else "log",
        low=None if line is None else low,
        high=None if line is None else high,
        unit=kind.unit,
    )


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
        named, _headline(mix), numbers=_numbers(mix), figures=[_over_time(found), _classes(mix)], notes=[f"As {command}"]
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
    load = mix["load"]
    return (
        f"The fleet is {load['p50']:.0%} full ({load['p5']:.0%} to {load['p95']:.0%}); demand passes supply "
        f"{mix['crossover']['p50']} in the middle world, {mix['crossover']['p10']} in one of ten, {mix['crossover']['p90']} in nine."
    )


def _numbers(mix: dict[str, Any]) -> list[dict[str, Any]]:
    reference = f"output tokens of {mix['reference']}"
    spread = {
        "tokens_asked_tok_s": ("Asked for, input and output", "tok/s", "Every dated statement of tokens in one fit (table token_demand)"),
        "demand_tok_s": (f"The same, in {reference}", "tok/s", "Weighed by what each class of tokens costs the fleet"),
        "supply_tok_s": (f"Could be served, in {reference}", "tok/s", "Chips sold and deployed, at measured rates (chip_sales, reached)"),
        "load": ("Demand over supply", "", "One is full"),
    }  # fmt: skip
    rows = [
        number(key, label, mix[key]["p50"], unit, source, low=mix[key]["p5"], high=mix[key]["p95"])
        for key, (label, unit, source) in spread.items()
    ]
    over = mix["probability_over_full"]
    return [
        *rows,
        number(
            "probability_over_full", "Worlds that are full already", over, "share", "Share of draws", words=f"{over:.0%}"
        ),
        *(
            number(
                f"crossover_{point}",
                f"Demand passes supply, {words}",
                mix["crossover"][point],
                "",
                "fleetline crunch today",
            )
            for point, words in (("p10", "one world of ten"), ("p50", "median"), ("p90", "nine of ten"))
        ),
    ]


def _over_time(found: Load) -> dict[str, Any]:
    rows = [
        {"date": date_of(float(year)).isoformat(), "what": what} | interval(drawn)
        for what, values in (("load", found.total), ("supply", found.supply), ("demand", found.demand))
        for year, drawn in zip(found.years, values, strict=True)
    ]
    return {
        "name": "load_over_time",
        "title": "Demand and supply over time",
        "caption": "In output tokens a second of the reference; the band holds 90% of worlds.",
        "description": "Two rising bands on a logarithmic axis.",
        "data": {"times": rows},
    }


def _classes(mix: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {key: each[key] for key in ("tier", "model", "shape", "workload")}
        | {f"serves_alone_{point}": value for point, value in each["serves_alone_tok_s"].items()}
        | {f"load_{point}": value for point, value in each["load"].items()}
        for each in mix["classes"]
    ]
    largest = max(mix["classes"], key=lambda each: float(each["load"]["p50"]))
    return {
        "name": "supply_by_class",
        "title": f"What the fleet could serve of each class alone, and the share each keeps busy; most: {largest['tier']}, {largest['shape']}",
        "caption": f"Output tokens a second; reference {mix['reference']}. Largest share {text(largest['load']['p50'])}.",
        "description": "Bars by tier and shape of request with 90% intervals.",
        "data": {"classes": rows},
    }


def _warm() -> None:
    world(**{control.option().key: None for control in CONTROLS})


VIEW = View("world", "Supply, demand and crossover", CONTROLS, world, warm=_warm)
