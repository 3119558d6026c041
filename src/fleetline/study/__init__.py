"""The study: what a scenario answers, and the article's argument step by step (`argument.py`), as tables of plain values.

A file for each part of it, a function for each question: `rack`, `calibration`, `world`, `foresight`, `agents`, `energy`,
and `today` for a scenario that says what is served. What is shown is made from the Results returned here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetline.beliefs import Worlds
from fleetline.catalog import load
from fleetline.questions.assumed import lines_of
from fleetline.questions.chunked import chunks, together
from fleetline.scenario import Scenario
from fleetline.scenario import scenario as read_scenario
from fleetline.study import today
from fleetline.study.argument import ARGUMENT
from fleetline.study.names import names
from fleetline.study.results import SYSTEM, Asked, Question, Results, Rows
from fleetline.study.sources import used_sources
from fleetline.world.mix import has_mix

__all__ = ["DRAWS", "Asked", "Results", "Rows", "study"]

DRAWS = 2000
Asking = Mapping[str, tuple[Scenario, Question]]


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
    sections = (*(today.ANSWER if has_mix(scenario) else ()), *ARGUMENT)
    asking = {
        question.__name__: (scenario if section.of_the_answer else argument, question)
        for section in sections
        for question in section.questions
    }
    drawn = {each.__name__: asking[each.__name__] for part in sections if part.of_worlds for each in part.questions}
    first, *later = chunks(Worlds(draws, seed))
    answers = [_answered(asking, first, seed, progress)]
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
        assumptions=lines_of(argument),
        sources=used_sources(asked),
    )


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
        "scenario_title": scenario.title,
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
