"""The world: what its chips could serve, how that grows, what is asked for, when one passes the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fleetline.beliefs import Array, Median
from fleetline.catalog import load
from fleetline.catalog.load import EVERY_CHIP
from fleetline.dates import date_of
from fleetline.questions.worlds import interval
from fleetline.scenario import changed
from fleetline.study.results import Asked, Rows, once
from fleetline.world import demand as demanded
from fleetline.world import growth as growing
from fleetline.world.crossover import Summary, summary
from fleetline.world.crunch import Sides, known, sides
from fleetline.world.demand_growth import fitted_growth, growth_draws
from fleetline.world.engineers import parameter
from fleetline.world.proxy import question
from fleetline.world.supply import measured_supply, supply

# what the report holds beside each other: name -> the scenario's lines that differ
CASES = {
    "ideal": ("serving.preset=ideal", "serving.speculative=none"),
    "article": ("serving.preset=article",),
    "fitted": ("serving.preset=fitted",),
}


def world_supply(asked: Asked) -> Rows:
    """Racks x the rate of one, summed over the fleet: perfect hardware, the article's efficiencies, our fit, and best runs.

    90% of worlds lie between p5 and p95: sales and, for our fit, efficiencies are uncertain. Each workload is another use
    of the same chips. Measured: the best published output rate per GPU at the wanted speed by 1/TPOT, times the same chips.
    """
    rows: Rows = []
    for case, settings in CASES.items():
        found = supply(changed(asked.scenario, settings), asked.draws)
        for each in found.workloads:
            person = float(np.median(each.per_person_month))
            rows.append(_supply_row(case, each.workload, each.output_tok_s, person))
    for run in measured_supply(asked.scenario, asked.draws):
        if run.definition == "tpot":
            rows.append(_supply_row("measured", run.workload, run.output_tok_s, None))
    return rows


def _supply_row(case: str, workload: str, drawn: Array, person: float | None) -> dict[str, Any]:
    return {"case": case, "workload": workload} | interval(drawn) | {"per_person_month": person}


def supply_by_system(asked: Asked) -> Rows:
    """Chips, racks and output rate of each kind of system in the scenario's fleet, medians over the worlds."""
    return [
        {
            "workload": each.workload,
            "system": one.system,
            "chips": float(np.median(one.chips)),
            "racks": float(np.median(one.racks)),
            "tok_s_of_one": float(np.median(one.throughput_tok_s)),
            "output_tok_s": float(np.median(one.output_tok_s)),
            "reason": one.reason,
        }
        for each in supply(asked.scenario, asked.draws).workloads
        for one in each.by_system
    ]


def supply_by_quarter(asked: Asked) -> Rows:
    """What all chips sold by the end of each quarter could serve: the model run on each quarter's whole fleet."""
    past = growing.history(asked.scenario, asked.draws, EVERY_CHIP)
    rows: Rows = []
    for workload in asked.workloads:
        years, served = known(past, workload, asked.scenario.date("fleet.as_of"))
        rows += [
            {"workload": workload, "date": date_of(year).isoformat()} | interval(drawn)
            for year, drawn in zip(years.tolist(), served, strict=True)
        ]
    return rows


def stock_by_quarter(asked: Asked) -> Rows:
    """Arithmetic (dense 8-bit) and memory bandwidth of every chip sold by each quarter's end: sales x specifications."""
    rows: Rows = []
    for name in growing.STOCKS:
        found = growing.stock(asked.scenario, Median(), name)
        totals = found.total[:, 0].tolist()
        rows += [
            {"quantity": name, "date": day.isoformat(), "total": total, "unit": found.unit, "relative": total / totals[0]}
            for day, total in zip(found.dates, totals, strict=True)
            if day <= asked.scenario.date("fleet.as_of")
        ]
    return rows


_WORDS = {"compute": "arithmetic", "bandwidth": "memory bandwidth"}


def growth(asked: Asked) -> Rows:
    """Factor a year of both stocks and of serving capacity, between the ends of a window and by least squares inside it."""
    return [
        {
            "what": _WORDS.get(each.quantity, each.quantity.replace("serving ", "serving capacity at ")),
            "window": f"{each.start} to {each.end}",
            "years": round((each.end - each.start).days / growing.YEAR_DAYS),
            "factor": float(np.median(each.end_to_end)),
            "least_squares": float(np.median(each.least_squares)),
            "article": each.article,
        }
        for each in growing.growth(asked.scenario, asked.draws)
    ]


def demand_proxies(asked: Asked) -> Rows:
    """Every proxy in the direction its source counts, and as output tokens at the ratio of each workload."""
    rows: Rows = []
    for workload in dict.fromkeys((*asked.workloads, asked.scenario.text("demand.native_workload"))):
        drawn = demanded.proxies(question(asked.scenario, asked.draws, workload))
        middle = demanded.proxies(question(asked.scenario, Median(), workload))
        for each, central in zip(drawn, middle, strict=True):
            low, high = np.quantile(each.output, [0.05, 0.95]).tolist()
            rows.append(
                {
                    "name": each.about,
                    "key": each.name,
                    "workload": workload,
                    "direction": each.direction,
                    "date": each.dated,
                    "tok_s_central": float(central.tokens[0]),
                    "output_low": low,
                    "output_central": float(central.output[0]),
                    "output_high": high,
                    "formula": each.formula,
                    "source": "; ".join(each.sources),
                }
            )
    return rows


def demand_used(asked: Asked) -> Rows:
    """The proxy that the scenario holds against supply, at each workload's ratio, at its own date."""
    rows: Rows = []
    for workload in dict.fromkeys((*asked.workloads, asked.scenario.text("demand.native_workload"))):
        date, drawn = demanded.demand_draws(asked.scenario, asked.draws, workload)
        rows.append({"workload": workload, "date": date.isoformat()} | interval(drawn))
    return rows


def demand_growth(asked: Asked) -> Rows:
    """Growth of demand [factor/year]: fitted to the scenario's dated series, and the article's round figure beside it."""
    fits = fitted_growth(asked.scenario).fits
    rows: Rows = [
        {
            "growth": "fitted to " + ", ".join(fit.series for fit in fits),
            "first": min(fit.points[0].row.as_of for fit in fits),
            "last": max(fit.points[-1].row.as_of for fit in fits),
            "points": sum(len(fit.points) for fit in fits),
        }
        | interval(growth_draws(asked.scenario, asked.draws))
    ]
    printed = articles_growth()
    rows.append(
        {"growth": "the article's", "first": "", "last": "", "points": None, "p5": None, "p50": printed, "p95": None}
    )
    return rows


def articles_growth() -> float:
    """The article's round figure of demand's growth, from the row that carries it [factor/year]."""
    row = parameter(load(), "demand growth used in article")
    return float(row.central or np.nan)


def supply_against_demand(asked: Asked) -> Rows:
    """Both sides by quarter from the first whole quarter of supply to the horizon, at each workload."""
    rows: Rows = []
    for each in [each for growth, each in _both(asked) if growth == "fitted"]:
        years = np.arange(each.years[0], each.horizon + 0.01, 0.25).tolist()
        for side, drawn in (("supply", each.supply_at(years)), ("demand", each.demand_at(years))):
            rows += [
                {"workload": each.workload, "side": side, "date": date_of(year).isoformat()} | interval(values)
                for year, values in zip(years, drawn, strict=True)
            ]
    return rows


def crossover(asked: Asked) -> Rows:
    """When demand passes supply in 10%, 50% and 90% of worlds, with the growth fitted and with the article's."""
    return [{"growth": growth, "workload": workload} | found.crossover for growth, workload, found in _crossings(asked)]


def crossover_by_year(asked: Asked) -> Rows:
    """Share of worlds in which demand has passed supply by the end of each year."""
    return [
        {"growth": growth, "workload": workload, "year": year, "probability": probability}
        for growth, workload, found in _crossings(asked)
        for year, probability in found.probability_by_year.items()
    ]


@once
def _both(asked: Asked) -> Sequence[tuple[str, Sides]]:
    """The sides at each workload, with demand growing as fitted and as the article says."""
    printed = np.full(asked.draws.count, articles_growth())
    return [
        (name, each)
        for name, growth in (("fitted", None), ("article", printed))
        for each in sides(asked.scenario, asked.draws, growth)
    ]


@once
def _crossings(asked: Asked) -> Sequence[tuple[str, str, Summary]]:
    return [(growth, each.workload, summary(each.crossover())) for growth, each in _both(asked)]
