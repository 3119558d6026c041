"""Which best rates a scenario asks for: every system of its fleet at every model and shape it serves."""

from __future__ import annotations

from fleetline.beliefs import Median
from fleetline.scenario import TIERS, Scenario
from fleetline.world.best_rates import Question
from fleetline.world.fleet import fleet
from fleetline.world.mix import Shape, has_mix, shapes_of


def questions(scenario: Scenario) -> list[Question]:
    """Each once; of a scenario whose speed is one number."""
    models = [scenario.text("serving.model")]
    shapes = [Shape("", workload) for workload in scenario.names("serving.workloads")]
    if has_mix(scenario):
        models += [scenario.text(f"mix.{tier}_model") for tier in TIERS]
        shapes += shapes_of(scenario)
    systems = {(member.system, member.gpus) for member in fleet(scenario, Median()).members if member.system}
    return list(
        dict.fromkeys(
            Question(
                model,
                system,
                gpus,
                shape.workload,
                shape.prefix_hit,
                scenario.number("serving.speed"),
                scenario.text("serving.schedule"),
                scenario.text("serving.speculative"),
            )
            for model in models
            for system, gpus in sorted(systems)
            for shape in shapes
        )
    )
