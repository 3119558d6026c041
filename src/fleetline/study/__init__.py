"""The study, one function per question, in the article's order. What is shown is made from the Results returned here.

How a rack serves: prefill is bound by arithmetic and decode by memory; running both at once fills each other's idle time,
up to a batch that shrinks as context grows; speculation trades arithmetic for memory reads; what a user's speed costs. Then
the model meets measured runs: how well three efficiencies predict them, what the runs can tell about each, the best runs
anyone has published and why they serve less than the modelled rack. Then the world: racks times the rate of one; how that
grows; what is asked for; and when one passes the other. Then the same chips counted in agents, and in energy, where other
people's totals can be held against them. Last, how near all of this comes to the article's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fleetline.beliefs import Worlds
from fleetline.catalog import load
from fleetline.chunked import chunks, together
from fleetline.scenario import KEYS, Assumption, Scenario
from fleetline.scenario import scenario as read_scenario
from fleetline.study import agents, calibration, energy, foresight, rack, today, world
from fleetline.study.names import names
from fleetline.study.results import SYSTEM, Asked, Results, Rows
from fleetline.study.sources import used_sources
from fleetline.world.mix import has_mix

__all__ = ["DRAWS", "QUESTIONS", "Asked", "Results", "Rows", "study"]

DRAWS = 2000

QUESTIONS: Mapping[str, Callable[[Asked], Rows]] = MappingProxyType(
    {
        "stage_times": rack.stage_times,
        "chunked_cycle": rack.chunked_cycle,
        "throughput_by_context": rack.throughput_by_context,
        "speculation": rack.speculation,
        "speed_frontier": rack.speed_frontier,
        "racks": rack.racks,
        "operators": rack.operators,
        "predictions": calibration.predictions,
        "error_by_group": calibration.error_by_group,
        "held_out": calibration.held_out,
        "held_out_by_group": calibration.held_out_by_group,
        "interval_coverage": calibration.interval_coverage,
        "worst_configurations": calibration.worst_configurations,
        "loss_profiles": calibration.loss_profiles,
        "efficiencies": calibration.efficiencies,
        "best_measured": calibration.best_measured,
        "measured_runs": calibration.measured_runs,
        "gap_to_measured": calibration.gap_to_measured,
        "world_supply": world.world_supply,
        "supply_by_system": world.supply_by_system,
        "stock_by_quarter": world.stock_by_quarter,
        "supply_by_quarter": world.supply_by_quarter,
        "growth": world.growth,
        "demand_proxies": world.demand_proxies,
        "demand_used": world.demand_used,
        "demand_growth": world.demand_growth,
        "supply_against_demand": world.supply_against_demand,
        "crossover": world.crossover,
        "crossover_by_year": world.crossover_by_year,
        "sensitivity": foresight.sensitivity,
        "backtest": foresight.backtest,
        "backtest_summary": foresight.backtest_summary,
        "agents_per_gpu": agents.agents_per_gpu,
        "agents_error": agents.agents_error,
        "agents_of_fleet": agents.agents_of_fleet,
        "agents_of_memory": agents.agents_of_memory,
        "energy_checks": energy.energy_checks,
        "energy_of_tokens": energy.energy_of_tokens,
        "energy_of_demand": energy.energy_of_demand,
        "article_numbers": rack.article_numbers,
    }
)

Asking = Mapping[str, tuple[Scenario, Callable[[Asked], Rows]]]

OF_THE_SCENARIO = frozenset({"sensitivity"})  # asked of the scenario itself, also where it has a mix


def study(
    version: str,
    scenario: Scenario,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Results:
    """The whole study of a scenario; `progress` is told the name of each question before it is worked on.

    A scenario that says what is served (`mix`) is answered first, in questions of its own; the argument step by step is
    then the article's, in the article's world.
    """
    argument = read_scenario() if has_mix(scenario) else scenario
    asking = {name: (scenario, question) for name, question in today.QUESTIONS.items() if has_mix(scenario)}
    asking |= {name: (scenario if name in OF_THE_SCENARIO else argument, each) for name, each in QUESTIONS.items()}
    first, *later = chunks(Worlds(draws, seed))
    answers = [_answered(asking, first, seed, progress)]
    drawn = {name: each for name, each in asking.items() if _drawn(each[1])}
    for place, part in enumerate(later, 2):
        progress(f"worlds, chunk {place} of {len(later) + 1}")
        answers.append(_answered(drawn, part, seed))
    counts = [part.count for part in (first, *later)]
    tables = answers[0] | {name: together([each[name] for each in answers], counts) for name in drawn if later}
    asked = Asked(argument, first, seed)
    return Results(
        version=version,
        setting=_setting(asked) | _own(scenario) | {"draws": draws},
        tables=tables,
        methods={name: " ".join((question.__doc__ or "").split()) for name, (_, question) in asking.items()},
        assumptions=[_assumption(asked.scenario.assumptions[key]) for key in KEYS if key in asked.scenario],
        sources=used_sources(asked),
    )


def _drawn(question: Callable[[Asked], Rows]) -> bool:
    """Whether a question is of possible worlds, and so is asked of all of them."""
    of_worlds = question.__module__ in {module.__name__ for module in (today, world, energy)}
    return of_worlds and question not in today.OF_NO_WORLD


def _answered(asking: Asking, part: Worlds, seed: int, progress: Callable[[str], None] = lambda _: None) -> dict[str, Rows]:
    """The answers for some worlds; what several questions have in common is forgotten with the last."""
    asked = {id(scenario): Asked(scenario, part, seed) for scenario, _ in asking.values()}
    answers = {}
    for name, (scenario, question) in asking.items():
        progress(name.replace("_", " "))
        answers[name] = question(asked[id(scenario)])
    return answers


def _own(scenario: Scenario) -> dict[str, Any]:
    """What the answer itself is of, where the argument is of another scenario."""
    return {
        "scenario": scenario.name,
        "about": scenario.about,
        "day": scenario.text("fleet.as_of"),
        "reference_title": load().model(scenario.text("serving.model")).title,
        "reference_workload": scenario.text("mix.general") if has_mix(scenario) else scenario.names("serving.workloads")[0],
    }


def _setting(asked: Asked) -> dict[str, Any]:
    """What the study is of, for titles and sentences."""
    scenario = asked.scenario
    return {
        "scenario": scenario.name,
        "about": scenario.about,
        "model": asked.model,
        "model_title": load().model(asked.model).title,
        "system": SYSTEM,
        "workloads": list(asked.workloads),
        "native_workload": scenario.text("demand.native_workload"),
        "speculative": asked.speculative,
        "speed_tok_s_user": asked.speed,
        "fleet": scenario.text("fleet.name"),
        "as_of": scenario.text("fleet.as_of"),
        "population": scenario.number("world.population"),
        "demand": scenario.text("demand.proxy"),
        "supply_growth": scenario.number("growth.supply"),
        "draws": asked.draws.count,
        "seed": asked.seed,
        "names": names(),
    }


def _assumption(line: Assumption) -> dict[str, Any]:
    """A scenario's line as the report lists it."""
    value = ", ".join(line.value) if isinstance(line.value, tuple) else line.value
    return {
        "key": line.key,
        "value": value,
        "low": line.low,
        "high": line.high,
        "unit": line.unit,
        "source": line.source,
        "note": line.note,
        "about": KEYS[line.key].about,
    }
