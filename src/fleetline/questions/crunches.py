"""The question `crunch`, by scenario: when demand passes supply, as a distribution, at each workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Array, Worlds
from fleetline.questions.chunked import in_chunks
from fleetline.questions.worlds import DRAWS, interval, scenario_of, worlds
from fleetline.scenario import DEFAULT, Scenario
from fleetline.world.assignment import assignment
from fleetline.world.crossover import passing, summary
from fleetline.world.crunch import sides
from fleetline.world.demand_growth import growth_source
from fleetline.world.load import Load, load_of
from fleetline.world.mix import has_mix
from fleetline.world.supply import ALTERNATIVES


@dataclass(frozen=True)
class Crunch:
    """When demand passes supply. `workloads` hold `crossover` (dates, or before or after one) and `probability_by_year`.

    `changed_lines` are keys set by whoever asked. `demand` is the proxy held against supply; growth is a factor a year. The
    workloads are alternative uses of the chips. `mix` is the answer of a scenario that says what is served: all tiers and
    shapes together, held in output tokens of the reference, and each tier as if all tokens were of it;
    `load_of_median_world` says what the best division of chips over classes would save over the proportional one.
    """

    scenario: str
    changed_lines: Sequence[str]
    demand: str
    draws: int
    seed: int
    note: str
    supply_growth_per_year: Mapping[str, float]
    demand_growth_per_year: Mapping[str, float]
    workloads: Sequence[Mapping[str, Any]]
    mix: Mapping[str, Any] | None = None
    demand_growth_source: str = ""


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
    return replace(in_chunks(lambda drawn: _crunch(chosen, drawn), worlds(draws, seed)), draws=draws)


def _crunch(chosen: Scenario, drawn: Worlds) -> Crunch:
    found = sides(chosen, drawn)
    return Crunch(
        scenario=chosen.name,
        changed_lines=chosen.changed,
        demand=chosen.text("demand.proxy"),
        draws=drawn.count,
        seed=drawn.seed,
        note=ALTERNATIVES,
        supply_growth_per_year=interval(found[0].supply_growth),
        demand_growth_per_year=interval(found[0].demand_growth),
        workloads=[{"workload": each.workload} | vars(summary(each.crossover())) for each in found],
        mix=_mix(load_of(chosen, drawn), chosen) if has_mix(chosen) else None,
        demand_growth_source=growth_source(chosen),
    )


def _mix(found: Load, chosen: Scenario) -> dict[str, Any]:
    return mixed(found, chosen) | {"load_of_median_world": dict(assignment(chosen))}


def mixed(found: Load, chosen: Scenario) -> dict[str, Any]:
    """The mix: how full the fleet is on the day, and when it is full.

    `crossover_if_served` leaves out the worlds whose fleet is over-full on the day: the tokens counted were served, so in
    these something is assumed too high or too low, or requests are served slower than wanted.
    """
    now, total = found.now, found.total
    served = total[now] <= 1.0
    return {
        "reference": f"{chosen.text('serving.model')} {found.mix.shapes[0].workload}",
        "as_of": chosen.text("fleet.as_of"),
        "tokens_asked_tok_s": interval(found.tokens[now]),
        "tokens_split": {name: interval(share) for name, share in found.mix.split.items()},
        "supply_tok_s": interval(found.supply[now]),
        "demand_tok_s": interval(found.demand[now]),
        "load": interval(total[now]),
        "probability_over_full": float(np.mean(~served)),
        **vars(summary(passing(found.years, total, now))),
        "crossover_if_served": _if_served(found.years, total[:, served], now),
        "classes": [
            {
                "tier": tier.name,
                "model": tier.model,
                "shape": shape.name,
                "workload": shape.workload,
                "prefix_hit": shape.prefix_hit,
                "weight": interval(found.weight((tier.name, shape.name))[now]),
                "load": interval(found.load_of((tier.name, shape.name))[now]),
                "serves_alone_tok_s": interval(found.capacity[tier.name, shape.name][now]),
            }
            for tier, shape in found.mix.classes()
        ],
        "tiers": [
            {"tier": tier.name, "model": tier.model, "load_alone": interval(found.alone(tier.name)[now])}
            | vars(summary(passing(found.years, found.alone(tier.name), now)))
            for tier in found.mix.tiers
        ],
    }


def _if_served(years: Array, load: Array, now: int) -> Mapping[str, str] | None:
    return summary(passing(years, load, now)).crossover if load.shape[1] else None
