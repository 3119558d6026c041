"""The question `energy`: what a scenario's chips draw, what a token costs, and how that agrees with published totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.questions.worlds import DRAWS, Shorthand, interval, long, scenario_of, worlds
from fleetline.scenario import DEFAULT, Scenario
from fleetline.world import demand as demanded
from fleetline.world import energy as world
from fleetline.world.fleet import fleet
from fleetline.world.proxy import question
from fleetline.world.supply import ALTERNATIVES, Capacity, available, measured_supply, supply

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Energy:
    """What the scenario's chips draw; units in the names, intervals are 5%, 50% and 95% of worlds.

    Attributes:
        changed_lines: keys of the scenario's lines that were set by whoever asked.
        power_gw: `rated` (chips alone), `all_in` (with host and network), `site_peak`, `site_average` (all in use).
        by_chip: chips, W of each, and their all-in power; `derived` where only the rated power is known.
        tokens: by workload and case: output tokens of a joule of site energy, joules of an output token. Case `model`: the
            scenario's supply; `measured`: the chips that have a run of the model, at its best.
        demand: power that each proxy of demand would need at the scenario's joules per token, and its share of the fleet's.
        checks: every chip sold against published totals: `published`, `ours`, `ours_over_published`.
    """

    scenario: str
    changed_lines: Sequence[str]
    fleet: str
    as_of: str
    draws: int
    seed: int
    note: str
    power_gw: Mapping[str, Mapping[str, float]]
    unknown: Sequence[str]
    by_chip: Rows
    tokens: Rows
    demand: Rows
    checks: Rows


def energy(
    scenario: str | Path | Scenario = DEFAULT,
    settings: Iterable[str] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
    **shorthand: Unpack[Shorthand],
) -> Energy:
    """Power of the scenario's chips, energy of its tokens, and both against published figures.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change.
        draws: worlds. seed: of the draws.
        **shorthand: as in `supply`.

    Raises:
        InputError: as `supply`.
    """
    asked = scenario_of(scenario, [*settings, *long(shorthand)])
    drawn = worlds(draws, seed)
    chips = fleet(asked, drawn)
    found = world.fleet_power(chips, asked.date("fleet.as_of"))
    average = world.site_average(found, drawn)
    watts = {
        "rated": found.rated,
        "all_in": found.all_in,
        "site_peak": world.site_peak(found, drawn),
        "site_average": average,
    }
    return Energy(
        scenario=asked.name,
        changed_lines=asked.changed,
        fleet=chips.name,
        as_of=found.day.isoformat(),
        draws=draws,
        seed=seed,
        note=ALTERNATIVES,
        power_gw={name: interval(each / 1e9) for name, each in watts.items()},
        unknown=found.unknown,
        by_chip=by_chip(found),
        tokens=tokens(asked, drawn, found),
        demand=needed(asked, drawn, average),
        checks=checks(asked, drawn),
    )


def by_chip(found: world.FleetPower) -> Rows:
    """Chips and their power, largest first."""
    rows = [
        {
            "chip": each.chip,
            "system": each.system,
            "chips": interval(each.count),
            "rated_w": each.power and each.power.rated,
            "all_in_w": each.power and each.power.all_in,
            "derived": bool(each.power and each.power.derived),
            "all_in_gw": None if each.power is None else interval(each.count * each.power.all_in / 1e9),
        }
        for each in found.members
    ]
    return sorted(rows, key=lambda row: -row["all_in_gw"]["p50"] if row["all_in_gw"] else 0.0)


def tokens(asked: Scenario, drawn: Draws, found: world.FleetPower) -> Rows:
    """Output tokens a joule, by the model and by the best measured runs, of the chips that serve.

    A chip that serves nothing draws nothing here, nor does one while it trains or waits: the power is that of the systems
    behind the tokens, for the share of hours that the supply takes.
    """
    share = available(asked, drawn)
    rows = [
        _tokens("model", one.workload, one.output_tok_s, share * world.site_average(_of(found, _serving(one)), drawn))
        for one in supply(asked, drawn).workloads
    ]
    for run in measured_supply(asked, drawn):
        if run.definition == "tpot":
            systems = [one.system for one in run.systems]
            watts = share * world.site_average(_of(found, systems), drawn)
            rows.append(_tokens("measured", run.workload, run.output_tok_s, watts))
    return rows


def _serving(one: Capacity) -> list[str]:
    return [each.system for each in one.by_system if np.any(each.output_tok_s > 0.0)]


def _of(found: world.FleetPower, systems: Sequence[str]) -> world.FleetPower:
    return world.FleetPower(found.day, tuple(each for each in found.members if each.system in systems))


def _tokens(case: str, workload: str, served: Array, watts: Array) -> dict[str, Any]:
    return {
        "case": case,
        "workload": workload,
        "output_tok_j": interval(served / watts),
        "j_output_token": interval(watts / np.where(served > 0.0, served, np.nan)),
        "site_average_gw": interval(watts / 1e9),
        "output_tok_s": interval(served),
    }


def needed(asked: Scenario, drawn: Draws, average: Array) -> Rows:
    """Every proxy of demand as power, if all of it were served as the scenario's supply is, and as share of the fleet's."""
    rows: Rows = []
    hours = available(asked, drawn)
    served = {each.workload: each.output_tok_s for each in supply(asked, drawn).workloads}
    for workload, rate in served.items():
        for proxy in demanded.proxies(question(asked, drawn, workload)):
            share = proxy.output / np.where(rate > 0.0, rate, np.nan)
            rows.append(
                {
                    "proxy": proxy.name,
                    "workload": workload,
                    "date": proxy.date.isoformat(),
                    "power_gw": interval(share * hours * average / 1e9),
                    "share_of_fleet": interval(share * hours),
                }
            )
    return rows


def checks(asked: Scenario, drawn: Draws) -> Rows:
    """Published totals beside ours."""
    return [
        {
            "what": each.what,
            "published": each.published,
            "ours": interval(each.ours),
            "ours_over_published": interval(each.ours / each.published),
            "unit": each.unit,
            "date": each.date,
            "note": each.note,
            "source": each.source,
        }
        for each in world.checks(asked, drawn)
    ]
