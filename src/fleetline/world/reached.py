"""How much of the best modelled rate is reached: best measured over best modelled, where both are known.

Kernel times and messages make an upper end: scheduling, routing imbalance and software that is not yet tuned take their
share, and few have searched as far as the model does. The catalog's table `reached` (made by `make rates`) holds the ratio
at about 8,000 tokens in and 1,000 out for each system that has been measured: the median over models, and each model's own.
A run shows what can be done and not what cannot (many were small, and few were searched for), so a model reaches the median
of its system or its own ratio, whichever is more; one that differs from it in name alone counts as the same. On systems
without a run it is the median over all. The spread is that of models around their system's median.

In a world the score of a model on a system is half everybody's (how far practice is from the model), a quarter the
system's and a quarter the model's, by variance: errors are shared where their causes are. The division is a guess.

Source: ours; runs of InferenceX (table `benchmarks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fleetline.beliefs import Array, Belief, Draws
from fleetline.catalog import load
from fleetline.catalog.rows import ReachedRow
from fleetline.errors import unknown_name
from fleetline.scenario import Scenario

BY, SHARE = "serving.reached_by", "serving.reached"
ANY = "any"
SHARED, OF_SYSTEM, OF_MODEL = 0.5, 0.25, 0.25  # guess; they add to 1

Reached = Callable[[str, str], Array]


def reached(scenario: Scenario, draws: Draws) -> Reached:
    """The factor of a model on a system in every world, shape (draws,): as measured, as the scenario says, or 1.

    Raises:
        InputError: `serving.reached_by` is neither `measured` nor `nothing`.
    """
    by = reached_by(scenario)
    if by == "nothing" and SHARE not in scenario:
        return lambda _model, _system: np.ones(draws.count)
    rows = {(row.system, row.model): row for row in load().rows("reached", ReachedRow)}

    def of(model: str, system: str) -> Array:
        if SHARE in scenario:
            belief = scenario.belief(SHARE)
        else:
            known = [rows[key] for key in ((system, None), *((system, each) for each in alike(model))) if key in rows]
            row = max(known or [rows[ANY, None]], key=lambda each: each.central)
            belief = Belief(row.central, row.low, row.high)
        return belief.at(score(draws, model, system))

    return of


def reached_by(scenario: Scenario) -> str:
    """Whether what is reached is as measured, or all of the modelled rate.

    Raises:
        InputError: `serving.reached_by` is neither `measured` nor `nothing`.
    """
    by = scenario.text(BY) if BY in scenario else "nothing"
    if by not in {"measured", "nothing"}:
        raise unknown_name("way", by, ["measured", "nothing"], where=f"{BY}: ", field=BY)
    return by


def alike(model: str) -> list[str]:
    """A model, and those of the catalog that differ from it in name alone, as Kimi K2.5 and K2.6."""
    catalog = load()
    wanted = catalog.model(model)
    others = (name for name, each in catalog.models.items() if name != wanted.name)
    same = [name for name in others if replace(catalog.models[name], name=wanted.name, title=wanted.title) == wanted]
    return [wanted.name, *same]


def score(draws: Draws, model: str, system: str) -> Array:
    """Standard normal score of a model on a system, from what is shared and what is each one's own."""
    parts = ((SHARED, "reached"), (OF_SYSTEM, f"reached on {system}"), (OF_MODEL, f"reached with {model}"))
    return np.asarray(np.sum([np.sqrt(weight) * draws.scores(name) for weight, name in parts], axis=0))
