"""Which chips serve which class, at best: old chips the small models, new ones what only they hold.

The load of `load` divides every kind of chip over the classes in proportion. A linear programme finds the division that
serves the most: the greatest m such that, with a[s, k] the share of chips of kind s that serve class k,

    sum over k of a[s, k] <= 1,    sum over s of chips[s] rate[s, k] a[s, k] >= m demand[k].

Its load is 1 / m. Solved in the median world alone, as a check on what the proportional rule gives away.

Source: ours, derived above.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import optimize

from fleetline.beliefs import Array, Median
from fleetline.dates import year_of
from fleetline.scenario import Scenario
from fleetline.world.fleet import fleet
from fleetline.world.load import load_of
from fleetline.world.rates import rate, way
from fleetline.world.supply import available, systems_at


def proportional_load(chips: Array, rates: Array, demand: Array) -> float:
    """Load where every kind of chip is divided alike; `chips` (kinds,), `rates` (kinds, classes), `demand` (classes,)."""
    return float(np.sum(demand / (chips @ rates)))


def best_load(chips: Array, rates: Array, demand: Array) -> float:
    """Load at the best division; arguments as above, every class served by some kind.

    Raises:
        ValueError: a class that no kind serves.
    """
    if np.any(chips @ rates <= 0.0):
        raise ValueError("rates: got a class that no kind of chip serves")
    kinds, classes = rates.shape
    value = np.zeros(kinds * classes + 1)
    value[-1] = -1.0
    whole = np.kron(np.eye(kinds), np.ones(classes))
    served = np.hstack([np.diag(chips[kind] * rates[kind] / demand) for kind in range(kinds)])
    rows = np.block([[whole, np.zeros((kinds, 1))], [-served, np.ones((classes, 1))]])
    limits = np.concatenate([np.ones(kinds), np.zeros(classes)])
    return float(-1.0 / optimize.linprog(value, A_ub=rows, b_ub=limits).fun)


def assignment(scenario: Scenario) -> Mapping[str, float]:
    """Both loads of a scenario with a mix on its day, in the median world."""
    draws = Median()
    found = load_of(scenario, draws)
    chips = fleet(scenario, draws)
    systems = systems_at(chips, np.array([year_of(scenario.date("fleet.as_of"))]))
    counts = np.array([count[0, 0] for count in systems.values()]) * available(scenario, draws)[0]
    classes = [pair for pair in found.mix.classes() if found.mix.output_share(*pair)[0] > 0.0]
    ways = {tier.model: way(scenario, draws, tier.model) for tier, _ in classes}
    rates = np.array(
        [
            [
                float(np.ravel(rate(ways[tier.model], system, gpus, shape.workload, shape.prefix_hit).tok_s)[0])
                / (gpus * float(tier.cost[0]))
                for tier, shape in classes
            ]
            for system, gpus in systems
        ]
    )
    asked = found.tokens[found.now, 0] / found.cheaper[found.now, 0]
    demand = np.array([float(found.mix.output_share(*pair)[0]) for pair in classes]) * asked
    return {"proportional": proportional_load(counts, rates, demand), "best": best_load(counts, rates, demand)}
