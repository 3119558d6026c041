"""Questions about the world, by scenario: `supply`, and what it shares with `demand` and `crunch`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

import numpy as np

from fleetline.beliefs import MOST_SEED, Array, Worlds
from fleetline.errors import InputError, unknown_name
from fleetline.noted import note_given
from fleetline.questions.chunked import in_chunks
from fleetline.scenario import DEFAULT, Assumption, Scenario, changed
from fleetline.scenario import scenario as read_scenario
from fleetline.world import supply as world_supply
from fleetline.world.supply import ALTERNATIVES

DRAWS = 2000
MOST_DRAWS = 1_000_000


class Shorthand(TypedDict, total=False):
    """The lines of a scenario that are asked for most, by a short name; each is the same as a setting of its key.

    fleet: article or all. as_of: a day, chips sold to it serve. preset: fitted, article or ideal. speculative:
    "VERIFIED:ACCEPTED" or none. speed: output tokens over wall time of every user [token/s]. workload: "INPUT:OUTPUT"
    tokens, several with commas between.
    """

    fleet: str | None
    as_of: str | None
    preset: str | None
    speculative: str | None
    speed: float | None
    workload: str | None


_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "fleet": "fleet.name",
        "as_of": "fleet.as_of",
        "preset": "serving.preset",
        "speculative": "serving.speculative",
        "speed": "serving.speed",
        "workload": "serving.workloads",
    }
)


@dataclass(frozen=True)
class SupplyAnswer:
    """What the fleet could serve: an answer of plain values, units in the names.

    Attributes:
        changed_lines: keys of the scenario's lines that were set by whoever asked.
        note: how the workloads relate.
        workloads: `workload`, `output_tok_s` and its `central_tok_s` (every quantity at its median), `per_person_month`
            (median, in output tokens) with its `per_person_month_interval`, `by_system`.
        measured: the same chips at the best measured rates of the model, by both meanings of speed.
        not_counted: chips of the fleet that serve nothing, and why. outside: names of the sales data not in the fleet.
        incomplete: quarters whose sales are known in part.
        assumptions: every line of the scenario that the answer rests on.
    """

    scenario: str
    changed_lines: Sequence[str]
    fleet: str
    vintage: str
    as_of: str
    draws: int
    seed: int
    note: str
    workloads: Sequence[Mapping[str, Any]]
    measured: Sequence[Mapping[str, Any]]
    not_counted: Sequence[Mapping[str, Any]]
    outside: Sequence[str]
    incomplete: Sequence[str]
    assumptions: Sequence[Assumption]


def supply(
    scenario: str | Path | Scenario = DEFAULT,
    settings: Iterable[str] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
    measured: bool = True,
    **shorthand: Unpack[Shorthand],
) -> SupplyAnswer:
    """Output tokens per second that the scenario's chips could serve, at each workload as if it were their only one.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change, as "fleet.vintage=2026-09-24" or "serving.speed=20..50".
        draws: worlds. seed: of the draws.
        measured: also read the shipped benchmark rows for the measured rates, which takes two seconds the first time.
        **shorthand: see `Shorthand`; they come after `settings`.

    Raises:
        InputError: an unknown scenario, key or name; a value out of its range; a day that the sales data does not cover.
    """
    asked = scenario_of(scenario, [*settings, *long(shorthand)])
    found = in_chunks(lambda drawn: _supply(asked, drawn, measured=measured), worlds(draws, seed))
    return replace(found, draws=draws, assumptions=assumptions(asked, ("serving", "fleet", "world")))


def _supply(asked: Scenario, drawn: Worlds, *, measured: bool) -> SupplyAnswer:
    found = world_supply.supply(asked, drawn)
    return SupplyAnswer(
        scenario=asked.name,
        changed_lines=asked.changed,
        fleet=found.fleet,
        vintage=found.vintage,
        as_of=found.as_of.isoformat(),
        draws=drawn.count,
        seed=drawn.seed,
        note=ALTERNATIVES,
        workloads=[_workload(each) for each in found.workloads],
        measured=[_measured(each) for each in world_supply.measured_supply(asked, drawn)] if measured else [],
        not_counted=[
            {"chip_type": each.chip_type, "chips": interval(each.chips), "reason": each.reason}
            for each in found.not_counted
        ],
        outside=found.outside,
        incomplete=found.incomplete,
        assumptions=(),
    )


def interval(values: Array) -> dict[str, float]:
    """The 5%, 50% and 95% points of draws."""
    if values.ndim > 1 or values.size > _FEW:
        found = np.percentile(values, [100.0 * share for share in _POINTS.values()]).tolist()
        return dict(zip(_POINTS, found, strict=True))
    ordered = np.sort(values)
    return {name: _between(ordered, share) for name, share in _POINTS.items()}


_POINTS: Mapping[str, float] = MappingProxyType({"p5": 0.05, "p50": 0.5, "p95": 0.95})
_FEW = 5000  # draws; up to here sorting them all takes a tenth of what NumPy's percentile takes to begin


def _between(ordered: Array, share: float) -> float:
    """A point of sorted draws as `np.percentile` finds it, to the bit: between the two nearest, NaN where one is."""
    last = ordered.size - 1
    place = last * share
    low = int(place)
    part, below, above = place - low, ordered[low], ordered[min(low + 1, last)]
    step = above - below
    found = above - step * (1.0 - part) if part >= 0.5 else below + step * part
    return float(ordered[-1] if np.isnan(ordered[-1]) else found)


def assumptions(asked: Scenario, groups: Iterable[str]) -> list[Assumption]:
    """The scenario's lines in these groups, in order."""
    wanted = tuple(f"{group}." for group in groups)
    return [line for key, line in asked.assumptions.items() if key.startswith(wanted)]


def long(shorthand: Shorthand) -> list[str]:
    """The settings that short names stand for."""
    for name in shorthand:
        if name not in _KEYS:
            raise unknown_name("option", name, [*_KEYS, "scenario", "settings", "draws", "seed"])
    return [f"{_KEYS[name]}={value}" for name, value in shorthand.items() if value is not None]


def scenario_of(scenario: str | Path | Scenario, settings: Iterable[str] = ()) -> Scenario:
    """A scenario by name, by file or as it is, with some lines changed.

    Raises:
        InputError: no such scenario, or a line that does not hold.
    """
    found = changed(scenario, settings) if isinstance(scenario, Scenario) else read_scenario(scenario, settings)
    note_given(found.changed)
    return found


def worlds(draws: int, seed: int) -> Worlds:
    """So many worlds of a seed.

    Raises:
        InputError: not whole numbers, none or too many.
    """
    for name, value, low, high in (("draws", draws, 1, MOST_DRAWS), ("seed", seed, 0, MOST_SEED)):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            allowed = f"a whole number from {low} to {high}"
            raise InputError(
                f"{name}: got {str(value)[:40]}, allowed {allowed}", field=name, got=str(value), allowed=allowed
            )
    return Worlds(draws, seed)


def _workload(one: world_supply.Capacity) -> dict[str, Any]:
    people = interval(one.per_person_month)
    return {
        "workload": one.workload,
        "output_tok_s": interval(one.output_tok_s),
        "central_tok_s": one.central,
        "per_person_month": people["p50"],
        "per_person_month_interval": people,
        "by_system": [
            {
                "system": each.system,
                "gpus": each.gpus,
                "chips": interval(each.chips),
                "racks": interval(each.racks),
                "throughput_tok_s": interval(each.throughput_tok_s),
                "output_tok_s": interval(each.output_tok_s),
                "reason": each.reason,
            }
            for each in one.by_system
        ],
    }


def _measured(one: world_supply.Measured) -> dict[str, Any]:
    return {
        "workload": one.workload,
        "definition": one.definition,
        "output_tok_s": interval(one.output_tok_s),
        "by_system": [
            {
                "system": each.system,
                "chips": interval(each.chips),
                "output_tok_s_gpu": each.output_tok_s_gpu,
                "output_tok_s": interval(each.chips * each.output_tok_s_gpu),
                "row_id": each.row_id,
            }
            for each in one.systems
        ],
        "without_a_run": one.without,
    }
