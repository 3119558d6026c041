"""The world as the scenario has it, tiers and shapes together: how full its fleet is, since when, why, at what price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.dates import date_of
from fleetline.questions.assumed import lines_of
from fleetline.questions.crunches import mixed
from fleetline.questions.markets import Market, market_of
from fleetline.questions.walks import compare
from fleetline.questions.worlds import interval
from fleetline.scenario import TIERS
from fleetline.study.results import Asked, Rows, Section, once
from fleetline.world.crossover import passing, summary
from fleetline.world.crunch import sides
from fleetline.world.load import Load, load_of
from fleetline.world.questions import questions
from fleetline.world.rates import central
from fleetline.world.supply import supply
from fleetline.world.trend import trend

_UNITS = MappingProxyType(
    {
        "tokens_asked_tok_s": "token/s, input and output",
        "supply_tok_s": "output token/s of the reference",
        "demand_tok_s": "output token/s of the reference",
        "load": "1",
    }
)


@once
def _load(asked: Asked) -> Load:
    """Both sides in the study's worlds, computed once for all questions."""
    return load_of(asked.scenario, asked.draws)


@once
def _mixed(asked: Asked) -> Mapping[str, Any]:
    return mixed(_load(asked), asked.scenario)


@once
def _market(asked: Asked) -> Market:
    return market_of(asked.scenario, asked.draws, _load(asked))


def today_now(asked: Asked) -> Rows:
    """Tokens asked for, the same in tokens of the reference by what each class costs, supply, and how full the fleet is."""
    found = _mixed(asked)
    rows: Rows = [{"what": key, "unit": unit} | found[key] for key, unit in _UNITS.items()]
    return [
        *rows,
        *({"what": f"share {name}", "unit": "1"} | share for name, share in found["tokens_split"].items()),
        {
            "what": "over-full already",
            "unit": "share of worlds",
            "p5": None,
            "p50": found["probability_over_full"],
            "p95": None,
        },
    ]


def today_crossover(asked: Asked) -> Rows:
    """When demand passes supply: all together, without worlds over-full already, all of one tier, all of one request."""
    found = _mixed(asked)
    rows: Rows = [{"what": "all together"} | found["crossover"]]
    if found["crossover_if_served"]:
        rows.append({"what": "served today"} | found["crossover_if_served"])
    rows += [{"what": f"all tokens {each['tier']}"} | each["crossover"] for each in found["tiers"]]
    reference = asked.scenario.text("serving.model")
    for each in sides(asked.scenario, asked.draws):
        rows.append({"what": f"all tokens {reference} at {each.workload}"} | summary(each.crossover()).crossover)
    return rows


def today_by_time(asked: Asked) -> Rows:
    """Load (demand over supply), tokens asked for and supply in the reference's tokens, by quarter."""
    found = _load(asked)
    named = {"load": found.total, "tokens": found.tokens, "supply": found.supply, "demand": found.demand}
    return [
        {"what": what, "date": date_of(float(year)).isoformat()} | interval(drawn)
        for what, values in named.items()
        for year, drawn in zip(found.years, values, strict=True)
    ]


def today_probability(asked: Asked) -> Rows:
    """Share of worlds in which demand has passed supply by the end of each year, or in which the fleet is a glut then."""
    found = _load(asked)
    passed = summary(passing(found.years, found.total, found.now)).probability_by_year
    states = _market(asked)
    gluts = {int(found.years[found.now]): states.now["probability_glut"]}
    gluts |= {state["year"]: state["probability_glut"] for state in states.years}
    return [
        {"year": year, "passed": probability, "glut": gluts[year]} for year, probability in passed.items() if year in gluts
    ]


def today_market(asked: Asked) -> Rows:
    """The price of a chip second over its trend that clears, who is priced out, who takes a smaller model, by year."""
    return [
        {
            "year": state["year"],
            **{f"price_{point}": each for point, each in state["price_over_trend"].items()},
            "priced_out": state["priced_out"]["p50"],
            "moved_to_smaller": state["moved_to_smaller"]["p50"],
            **{f"kept_{tier}": each["p50"] for tier, each in state["kept"].items()},
            "no_price": state["probability_no_price"],
        }
        for state in _market(asked).years
    ]


def today_pays(asked: Asked) -> Rows:
    """What owning the serving chips costs a year, the revenue reported, the load that pays, the tokens at list prices."""
    found = _market(asked)
    shown = {key: each for key, each in {**found.owning, **found.list_prices}.items() if isinstance(each, Mapping)}
    return [{"what": key} | dict(each) for key, each in shown.items()]


def today_no_crunch(asked: Asked) -> Rows:
    """Medians of the worlds whose fleet is not full before 2030 beside all worlds: what would have to be true."""
    found = _market(asked).no_crunch
    return [{"what": "share of worlds", "all_p50": 1.0, "no_crunch_p50": found["probability"]}, *found["conditions"]]


def today_classes(asked: Asked) -> Rows:
    """Every tier at every shape: what a token costs in tokens of the reference, the share of the fleet it keeps busy."""
    found = _mixed(asked)
    return [
        {key: each[key] for key in ("tier", "model", "shape", "workload", "prefix_hit")}
        | {"weight_p50": each["weight"]["p50"]}
        | {f"load_{point}": value for point, value in each["load"].items()}
        for each in found["classes"]
    ]


def today_chips(asked: Asked) -> Rows:
    """Chips that serve (after waiting, retirement, training, headroom), what one reaches of the reference, or why none."""
    found = supply(asked.scenario, asked.draws)
    rows: Rows = [
        {
            "system": each.system,
            "chips": float(np.median(each.chips)),
            "tok_s_of_one": float(np.median(each.throughput_tok_s)) / each.gpus,
            "output_tok_s": float(np.median(each.output_tok_s)),
            "reason": each.reason,
        }
        for each in found.workloads[0].by_system
    ]
    return rows + [
        {
            "system": each.chip_type,
            "chips": float(np.median(each.chips)),
            "tok_s_of_one": 0.0,
            "output_tok_s": 0.0,
            "reason": each.reason,
        }
        for each in found.not_counted
    ]


def today_holds(asked: Asked) -> Rows:
    """What a chip of each system serves at best of every tier's model, general requests: the configuration, or why none."""
    general = asked.scenario.text("mix.general")
    tiers = {asked.scenario.text(f"mix.{tier}_model"): tier for tier in TIERS}
    found = [
        (each, central(asked.scenario, each))
        for each in questions(asked.scenario)
        if each.workload == general and not each.prefix_hit
    ]
    return [
        {
            "system": each.system,
            "tier": tiers[each.model],
            "model": each.model,
            "tok_s_of_one": best.tok_s / each.gpus,
            "configuration": best.configuration,
            "reason": best.reason,
        }
        for each, best in found
        if each.model in tiers
    ]


def today_demand(asked: Asked) -> Rows:
    """The fit of every dated series: the world's tokens and growth on the day, half-life of growth, parts, and spreads."""
    found = trend(asked.scenario)
    paths = found.paths(asked.draws)
    rows: Rows = [
        {"what": "tokens on the day", "unit": "token/s"} | interval(np.exp(paths.level)),
        {"what": "growth on the day", "unit": "factor/year"} | interval(np.exp(paths.growth)),
        {"what": "half-life of growth", "unit": "year"} | interval(paths.half_life),
    ]
    known: dict[str, tuple[float, str]] = {
        f"part {name}": (float(np.exp(each)), "token/s") for name, each in found.best.parts.items()
    }
    known |= {f"spread of {name}": (each, "1, logarithm") for name, each in found.best.spreads.items()}
    known["statements"] = (float(len(found.statements)), "1")
    return rows + [
        {"what": name, "unit": unit, "p5": None, "p50": each, "p95": None} for name, (each, unit) in known.items()
    ]


def today_walk(asked: Asked) -> Rows:
    """From the article's scenario to this one: load on the day in the median world, each step upon the last, each alone."""
    walk = compare("article", asked.scenario, draws=min(asked.draws.count, 500), seed=asked.seed)
    rows: Rows = [
        {
            "step": each.step,
            "factor": each.factor,
            "factor_alone": each.factor_alone,
            "load": each.load,
            "supply_tok_s": each.supply_tok_s,
            "demand_tok_s": each.demand_tok_s,
            "crossover_p50": each.crossover_p50,
        }
        for each in walk.steps
    ]
    return [*rows, {**dict.fromkeys(rows[0]), "step": "interactions, of the effects alone", "factor": walk.rest_factor}]


def today_assumptions(asked: Asked) -> Rows:
    """Every line of the scenario: value or interval, unit, source; a guess says so."""
    return lines_of(asked.scenario)


ANSWER: Sequence[Section] = (
    # How full the fleet is, since or until when.
    Section((today_now, today_crossover, today_by_time, today_probability), of_worlds=True, of_the_answer=True),
    # What the price does, what pays for the chips, and what would have to be true for no crunch.
    Section((today_market, today_pays, today_no_crunch), of_worlds=True, of_the_answer=True),
    # Which tier and request keeps how much busy, on which chips; which configuration serves each model best.
    Section((today_classes, today_chips), of_worlds=True, of_the_answer=True),
    Section((today_holds,), of_the_answer=True),
    # How fast what is asked for grows.
    Section((today_demand,), of_worlds=True, of_the_answer=True),
    # What moved the answer since the article, and what it rests on.
    Section((today_walk, today_assumptions), of_the_answer=True),
)
