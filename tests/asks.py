"""What is asked of a catalog to see a number of it move something: of every table, the questions that read it.

Quickest first. An answer is what is computed; what a source says and an answer repeats (`ECHOED`) does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np
from asks_kernels import of_kernel
from cells import Cell
from moves import numbers

import fleetline as fl
from fleetline import article, runs
from fleetline.beliefs import Median, Worlds
from fleetline.catalog import load, rows
from fleetline.dates import span
from fleetline.errors import FleetlineError
from fleetline.questions import agent_capacity
from fleetline.scenario import Assumption, Scenario, scenario
from fleetline.world import agents_predicted, best_rates, demand_growth, energy, fitted_rates, glut, growth
from fleetline.world.fleet import fleet
from fleetline.world.trend import trend

Answer = Mapping[str, float | str]
Ask = tuple[str, Callable[[], Any]]  # under its name an answer of the shipped catalog is kept

DRAWS = 8
ECHOED = ("printed", "published", "recomputed", "tolerance", "value", "source", "note", "spend_usd_agent_hour", "retrieved")


def answer(ask: Ask) -> Answer:
    """What is computed, or the line that says why nothing is."""
    try:
        found = dict(numbers(ask[1]()))
    except FleetlineError as error:
        return {"refused": str(error)}
    return {at: value for at, value in found.items() if at.rpartition(".")[2] not in ECHOED and ".setting" not in at}


# --- deployments --------------------------------------------------------------------------------------------------------

BATCHES = np.tile([1.0, 16.0, 256.0, 4096.0], 4)
PROMPTS = np.repeat([16.0, 500.0, 8000.0, 100000.0], 4)
RATES = ("throughput_tok_s", "ttft_s", "tpot_s", "memory_used_bytes", "memory_capacity_bytes", "reason")
COSTS = ("cost_usd_per_mtok_output", "energy_j_per_output_token")


def served(model: str, system: str, **options: Any) -> Ask:
    """Requests of many lengths in batches of many sizes, and the best batch."""

    def found() -> Any:
        points = fl.throughput(model, system, input_tokens=PROMPTS, output_tokens=500.0, batch=BATCHES, **options)
        best = fl.throughput(model, system, "8000:1000", **options)
        return [getattr(points, name) for name in RATES], [getattr(best, name) for name in (*RATES, *COSTS)]

    return f"{model} on {system} {options}", found


def of_chip(cell: Cell) -> Iterator[Ask]:
    """A chip in its systems: each precision, both ways of computing, bought and rented; then in the world."""
    chip = getattr(cell.row, "chip")  # noqa: B009
    ways: list[dict[str, Any]] = [
        {"preset": "ideal"},
        {"preset": "kernels", "tp": 8, "ep": 8},
        {"preset": "ideal", "price": "own"},
    ]
    precise = (("gpt-oss-120b", None), ("deepseek-v3", "fp8"), ("llama-3.1-8b", "bf16"), ("kimi-k2.6", "int4"))
    for system in [name for name, one in load().systems.items() if one.chip.name == chip]:
        for (model, precision), way in product(precise, ways):
            yield served(model, system, **way, **({"precision": precision} if way["preset"] == "kernels" else {}))
        for model, tp in (("gpt-oss-120b", 8), ("kimi-k2.6", 8)):
            options = {"tp": tp, "dp": 2, "ep": 2 * tp, "pp": 2, "gpus": 32}
            yield served(model, system, **options, preset="kernels")
    yield from of_world("stock", "power", "owning", "chips")


def of_model(cell: Cell) -> Iterator[Ask]:
    """A model by both ways of counting, in every checkpoint; what it is listed with; its longest context."""
    row = cell.row
    assert isinstance(row, rows.ModelRow)
    name, catalog = row.model, load()
    yield served(name, "gb300-nvl72", preset="ideal")
    for checkpoint in catalog.checkpoints_of(name):
        yield served(name, "gb300-nvl72", preset="kernels", tp=8, ep=8, precision=checkpoint.name)
        yield served(name, "gb300-nvl72", preset="kernels", tp=1, dp=8, ep=8, precision=checkpoint.name)
    for speculative in ("mtp:1", "mtp:3"):
        yield served(name, "gb300-nvl72", preset="kernels", tp=8, speculative=speculative)
    if name in catalog.models:
        most = int(catalog.models[name].max_context)
        yield f"{name} to its end", partial(_longest, name, most)
    yield f"listed {name}", lambda: next(each for each in fl.models() if each["model"] == name)


def _longest(name: str, most: int) -> Any:
    """A request as long as the model takes; the least change of the most is told from it."""
    return [
        fl.throughput(
            name, "gb300-nvl72", preset="ideal", input_tokens=float(tokens - 1), output_tokens=1.0, batch=1.0
        ).reason
        for tokens in (most, most + 1)
    ]


def of_format(cell: Cell) -> Iterator[Ask]:
    """Every checkpoint, on chips with fp4 and without."""
    catalog = load()
    for name, one in catalog.models.items():
        for checkpoint in catalog.checkpoints_of(name):
            formats = {each.name for each in (*checkpoint.formats.values(), checkpoint.kv_cache)}
            plain = {each.without_fp4.name for each in checkpoint.formats.values() if each.without_fp4 is not None}
            for system, known in (("b300", formats), ("h200", formats | plain)):
                if getattr(cell.row, "format") in known:  # noqa: B009
                    yield served(one.name, system, preset="kernels", tp=8, precision=checkpoint.name)
    yield served("kimi-k2.6", "b300", preset="ideal", precision=getattr(cell.row, "format"))  # noqa: B009


def of_preset(cell: Cell) -> Iterator[Ask]:
    """A preset's deployments and the intervals of what it predicts."""
    preset = getattr(cell.row, "preset")  # noqa: B009
    yield served(
        "kimi-k2.6", "b300", preset="article" if preset == "any" else preset, **({"tp": 8} if preset == "kernels" else {})
    )
    yield served("kimi-k2.6", "b300", preset="kernels", tp=8, ep=8)
    for schedule in ("chunked", "serial"):
        lines = having("article", {"serving.preset": "fitted", "serving.schedule": schedule})
        yield f"{schedule} supply as fitted", partial(fl.supply, lines, draws=DRAWS, measured=False)
    yield "predicted as fitted", partial(predicted, "fitted", form="article")


def predicted(preset: str, **options: Any) -> Any:
    """What is predicted of a few hundred rows, as numbers."""
    found = fl.predict(preset=preset, where="hardware=b200", **options).table()
    return [
        {key: float(str(value)) for key, value in row.items() if value and key not in {"row_id", "reason"}} for row in found
    ]


def of_speculation(cell: Cell) -> Iterator[Ask]:
    """Drafts of the model's own."""
    row = cell.row
    assert isinstance(row, rows.SpeculationRow)
    models = [each.model for each in load().rows("benchmark_models", rows.BenchmarkModelRow) if each.key == row.key]
    for model in models:
        for drafts in (row.verified - 1.0, 1.0, 3.0):
            yield served(model, "gb300-nvl72", preset="kernels", tp=8, speculative=f"mtp:{drafts:g}")


# --- the world ------------------------------------------------------------------------------------------------------------


def having(name: str, lines: Mapping[str, Any]) -> Scenario:
    """A scenario with some values in the place of its own."""
    known = scenario(name)
    new = {
        key: replace(known.assumptions[key], value=value, low=None, high=None)
        if key in known
        else Assumption(key, value, None, None, "", "a test")
        for key, value in lines.items()
    }
    return replace(known, assumptions=MappingProxyType({**known.assumptions, **new}))


_OF_WORLD: dict[str, Callable[[Scenario], Any]] = {
    "demand": lambda world: fl.demand(world, draws=DRAWS),
    "agents": lambda world: fl.agents(world, draws=DRAWS),
    "supply": lambda world: fl.supply(world, draws=DRAWS, measured=False),
    "crunch": lambda world: fl.crunch(world, draws=DRAWS),
    "market": lambda world: fl.market(world, draws=DRAWS) if "mix.frontier_share" in world else None,
    "energy": lambda world: fl.energy(world, draws=DRAWS),
    "growth": lambda world: [vars(each) for each in growth.growth(world, Median())],
    "stock": lambda world: [growth.stock(world, Median(), name).total for name in growth.STOCKS],
}
WORLDS = ("article", "today")


def _watts(world: Scenario) -> Any:
    found = energy.fleet_power(fleet(world, Worlds(DRAWS, 0)), world.date("fleet.as_of"))
    return found.rated, energy.site_average(found, Worlds(DRAWS, 0))


def of_world(*questions: str) -> Iterator[Ask]:
    """Questions of both shipped scenarios."""
    for question, name in product(questions, WORLDS):
        yield f"{name} {question}", partial(_OF_WORLD[question], scenario(name))


def of_sale(cell: Cell) -> Iterator[Ask]:
    """The fleet of every chip, quarter by quarter: with what is carried on from the last whole quarters, and without."""
    row = cell.row
    assert isinstance(row, rows.ChipSalesRow)
    for name in WORLDS:
        lines = having(name, {"fleet.vintage": row.vintage[:7], "fleet.name": "all"})
        yield f"chips of {row.vintage}, {name}", partial(_chips, lines)


def _chips(lines: Scenario) -> Any:
    found = fleet(lines, Worlds(DRAWS, 0))
    return [(member.chip_type, member.system, member.sold) for member in found.members]


_OF_WORLD |= {
    "power": _watts,
    "owning": lambda world: vars(glut.owning(world, Worlds(DRAWS, 0))) if "fleet.lag" in world else None,
    "chips": _chips,
}


def of_fleet(cell: Cell) -> Iterator[Ask]:
    """What the fleet serves."""
    lines = having("today", {"fleet.name": getattr(cell.row, "fleet")})  # noqa: B009
    yield f"chips of fleet {getattr(cell.row, 'fleet')}", partial(_chips, lines)  # noqa: B009
    yield f"supply of fleet {getattr(cell.row, 'fleet')}", lambda: fl.supply(lines, draws=DRAWS, measured=False)  # noqa: B009


def of_price(cell: Cell) -> Iterator[Ask]:
    """What an allowance buys at the model's price on its day; what the tokens of a tier would cost at it."""
    row = cell.row
    assert isinstance(row, rows.ApiPriceRow)
    day = span(row.as_of).first
    bought = having("article", {"demand.price_models": (row.model,), "demand.as_of": day.isoformat()})
    yield f"demand at the price of {row.model} on {day}", partial(fl.demand, bought, draws=DRAWS)
    sold = having("today", {"mix.small_price_model": row.model})
    yield f"market at the price of {row.model}", partial(fl.market, sold, draws=DRAWS)


def of_statement(cell: Cell) -> Iterator[Ask]:
    """The growth of its own series, the fit of all, what is asked for, and what came after a past day."""
    row = cell.row
    assert isinstance(row, rows.TokenDemandRow)
    since = {"growth.series_from": "2024-01-01"}
    own = having("article", {**since, "growth.series": (row.series,)})
    yield f"growth of {row.series}", lambda: demand_growth.fitted_growth(own).at([-1.0, 0.0, 1.0])
    every = having("today", {**since, "growth.model": "constant"})
    yield "growth of all series", lambda: [vars(each) for each in trend(every).given]
    yield from of_world("demand")
    yield "backtest", partial(fl.backtest, draws=DRAWS)


def of_line(cell: Cell) -> Iterator[Ask]:
    """The line of the article beside ours, without the others."""

    def found() -> Any:
        catalog = load()
        row = catalog.tables[cell.table][cell.place]
        alone = replace(catalog, tables={**catalog.tables, cell.table: [row]})
        with mock.patch.object(article, "load", lambda: alone):
            return [vars(each) for each in fl.compare_article()]

    yield f"line {cell.row.line} of the article", found


def of_agents(_: Cell) -> Iterator[Ask]:
    """Agents as measured; the sessions that are predicted."""
    yield from of_world("agents")
    group = next(iter(agent_capacity.shipped_groups().values()))
    yield "agents' sessions", lambda: vars(agents_predicted.sessions(group))


def _world(*questions: str) -> Callable[[Cell], Iterable[Ask]]:
    return lambda _: of_world(*questions)


ASKS: Mapping[str, Callable[[Cell], Iterable[Ask]]] = {
    "agent_parameters": of_agents,
    "announced": _world("supply", "crunch"),
    "api_prices": of_price,
    "article_numbers": of_line,
    "chip_sales": of_sale,
    "chip_sales_cumulative": _world("energy"),
    "chip_specs": of_chip,
    "demand_parameters": _world("demand", "agents"),
    "energy_facts": _world("energy"),
    "fleets": of_fleet,
    "formats": of_format,
    "growth_and_supply_facts": _world("demand", "growth", "market"),
    "kernels": of_kernel,
    "models": of_model,
    "models_added": of_model,
    "presets": of_preset,
    "presets_fitted": of_preset,
    "speculation": of_speculation,
    "token_demand": of_statement,
}


# --- what our own commands write: a column at a time, as all its rows go one way ------------------------------------------


def _reached() -> Any:
    return fl.supply(having("today", {"serving.rates_by": "reached"}), draws=DRAWS, measured=False)


def _fitted() -> Any:
    world = scenario("today")
    return fl.supply(world, draws=DRAWS, measured=False), fl.crunch(world, draws=DRAWS)


def _new_rows() -> Any:
    """What the fit says of runs that nobody made: of those it was fitted to it keeps the answers."""
    known = runs.rows_of(())[0][::40]
    new = [replace(row, concurrency=row.concurrency + row.concurrency // 3 + 1) for row in known if row.concurrency]
    found = runs._predicted(new, "fitted", None)
    return found.tpot_s, found.ttft_s, found.throughput_gpu_tok_s, found.tpot_low_s, found.ttft_high_s


def _every_rate() -> Any:
    names = best_rates.Question.__dataclass_fields__
    rows_ = load().rows("rates", rows.RateRow)
    return [
        best_rates.best_rate(best_rates.Question(**{name: getattr(row, name) for name in names})).tok_s for row in rows_
    ]


def _every_fitted_rate() -> Any:
    rows_ = load().rows("fitted_rates", rows.FittedRateRow)
    asked = dict.fromkeys(
        fitted_rates.Asked(*(getattr(row, name) for name in fitted_rates.Asked.__dataclass_fields__)) for row in rows_
    )
    return [vars(fitted_rates.rates(each)) for each in asked]


_BY_FIT: tuple[Ask, ...] = (("predicted by the fit", partial(predicted, "fitted")), ("new runs by the fit", _new_rows))
WHOLE: Mapping[str, tuple[Ask, ...]] = {
    "best_runs": (("best runs", lambda: fl.best_accuracy().compared),),
    "fitted_errors": (("supply by the fit", _fitted),),
    "fitted_rates": (("every fitted rate", _every_fitted_rate),),
    "pooled_errors": _BY_FIT,
    "pooled_kernel": _BY_FIT,
    "pooled_law": _BY_FIT,
    "rates": (("every rate", _every_rate),),
    "reached": (("supply as reached", _reached),),
}
