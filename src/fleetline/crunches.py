"""The question `crunch`, by scenario: when demand passes supply, as a distribution, at each workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetline.scenario import DEFAULT, Scenario
from fleetline.world.crossover import summary
from fleetline.world.crunch import sides
from fleetline.world.supply import ALTERNATIVES
from fleetline.worlds import DRAWS, interval, scenario_of, worlds


@dataclass(frozen=True)
class Crunch:
    """When demand passes supply. `workloads` hold `crossover` (dates, or before or after one) and `probability_by_year`.

    `demand` is the proxy held against supply; growth is a factor a year. The workloads are alternative uses of the chips.
    """

    scenario: str
    demand: str
    draws: int
    seed: int
    note: str
    supply_growth_per_year: Mapping[str, float]
    demand_growth_per_year: Mapping[str, float]
    workloads: Sequence[Mapping[str, Any]]


def crunch(
    scenario: str | Path | Scenario = DEFAULT, settings: Iterable[str] = (), *, draws: int = DRAWS, seed: int = 0
) -> Crunch:
    """When the scenario's demand passes what its chips could serve.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change, as "demand.proxy=exponential-view" or "growth.demand=6.7..15".
        draws: worlds. seed: of the draws.

    Raises:
        InputError: a scenario that does not hold.
    """
    chosen = scenario_of(scenario, settings)
    found = sides(chosen, worlds(draws, seed))
    return Crunch(
        scenario=chosen.name,
        demand=chosen.text("demand.proxy"),
        draws=draws,
        seed=seed,
        note=ALTERNATIVES,
        supply_growth_per_year=interval(found[0].supply_growth),
        demand_growth_per_year=interval(found[0].demand_growth),
        workloads=[{"workload": each.workload} | vars(summary(each.crossover())) for each in found],
    )
