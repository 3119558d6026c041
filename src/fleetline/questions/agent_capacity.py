"""The question `agents`: concurrent agent sessions that a GPU, a fleet and the memory shipped could carry, as measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fleetline import inputs, runs
from fleetline.beliefs import Array, Worlds
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import ApiPriceRow, ParameterRow
from fleetline.errors import InputError, unknown_name
from fleetline.measurements import Measurement
from fleetline.questions.worlds import DRAWS, interval, long, scenario_of, worlds
from fleetline.scenario import DEFAULT, Scenario
from fleetline.units import HOUR
from fleetline.world import agents as world
from fleetline.world import agents_predicted as modelled
from fleetline.world.agents import Group, Price
from fleetline.world.fleet import fleet as fleet_of
from fleetline.world.supply import systems_of

SHIPPED = "agentx.parquet"
SNAPSHOT = "2026-09-15"  # day of the shipped measurements; list prices are those in force then
SPEED = 50.0  # token/s/user: the slower of the two speeds the source reports
THROUGH = (2026, 2027)
ATTRIBUTION = "Measurements: SemiAnalysis InferenceX (inferencex.semianalysis.com), AgentX. Method: Epoch AI, CC BY 4.0."
_SPEND = "API-equivalent spend per agent-hour: "

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Agents:
    """How many agents run at once; units in the names.

    Attributes:
        speed_tok_s_user: wanted P90 speed of each request; its wait for the first token is not in it, `max_ttft_s` is.
        changed_lines: keys of the scenario's lines that were set by whoever asked.
        cells: every (model, GPU) group: `agents_per_gpu` (None where the speed is never reached), `reached` (`between` two
            measured points, at the `start` of the frontier, `never`, or `no rows`), the `densest` measured configuration.
        revenue: by price list, on the GPU that costs least an agent-hour: API revenue over rental.
        equivalents: GB300s that the memory shipped from 2025 `through` a year would make.
        capacity: agents if all of that carried one model. closed: the same for models nobody measured, by what they charge.
        fleet: the scenario's chips by system at each system's own cell; systems without one carry none and are named.
        predicted: where asked for, every cell by the model of serving: agents with the cache of idle sessions `held` in the
            GPUs' memory or kept `elsewhere`, each over the measured figure. prediction: the error over cells between two
            measured points, of `held`.
    """

    scenario: str
    changed_lines: Sequence[str]
    speed_tok_s_user: float
    max_ttft_s: float | None
    hbm4_over_hbm3e: float
    fleet_name: str
    as_of: str
    draws: int
    seed: int
    attribution: str
    cells: Rows
    revenue: Rows
    equivalents: Rows
    capacity: Rows
    closed: Rows
    fleet: Rows
    predicted: Rows
    prediction: Mapping[str, float | None]


def agents(
    scenario: str | Path | Scenario = DEFAULT,
    settings: Iterable[str] = (),
    *,
    rows: Sequence[str | Path] = (),
    model: str | None = None,
    speed: float = SPEED,
    max_ttft: float | None = None,
    through: int | None = None,
    hbm4_over_hbm3e: float | None = None,
    fleet: str | None = None,
    as_of: str | None = None,
    predict: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> Agents:
    """Concurrent agents: of a GPU by measured runs, of the scenario's fleet, and of all memory shipped through a year.

    Args:
        scenario, settings: whose fleet, and lines of it to change; as in `supply`.
        rows: files of agentic benchmark rows; the shipped ones without.
        model: only this one, by its name in the catalog or its key in the rows.
        speed: P90 speed that each agent's requests get [token/s/user].
        max_ttft: only runs whose P90 TTFT is at most this [s]; any without.
        through: a year, 2025 to 2027; 2026 and 2027 without.
        hbm4_over_hbm3e: agents a byte of HBM4 carries over those a byte of HBM3E does; 2 without.
        fleet: which chips, a column of the table `fleets`. as_of: a day, chips sold to it carry agents.
        predict: also by the model of serving, which takes some seconds.
        draws: worlds. seed: of the draws.

    Raises:
        InputError: an unknown name, a number out of its range, a file that cannot be read.
    """
    asked = scenario_of(scenario, [*settings, *long({"fleet": fleet, "as_of": as_of})])
    wanted = float(inputs.positive("speed", speed))
    longest = np.inf if max_ttft is None else float(inputs.positive("max_ttft", max_ttft))
    row = world.parameter_row("HBM4 over HBM3E")
    uplift = float(inputs.positive("hbm4_over_hbm3e", row.central if hbm4_over_hbm3e is None else hbm4_over_hbm3e))
    found = _chosen(world.groups(_measurements(rows), longest), model)
    supplied = [world.shipped(year) for year in (THROUGH if through is None else (through,))]
    drawn = worlds(draws, seed)
    predicted = predictions(found, (wanted,)) if predict else []
    return Agents(
        scenario=asked.name,
        changed_lines=asked.changed,
        speed_tok_s_user=wanted,
        max_ttft_s=max_ttft,
        hbm4_over_hbm3e=uplift,
        fleet_name=asked.text("fleet.name"),
        as_of=asked.text("fleet.as_of"),
        draws=draws,
        seed=seed,
        attribution=ATTRIBUTION,
        cells=[_cell(group, wanted) for group in found.values()],
        revenue=_revenue(found, wanted),
        **_of_memory(found, supplied, wanted, uplift),
        fleet=_fleet(found, asked, drawn, wanted),
        predicted=predicted,
        prediction=prediction_error(predicted),
    )


def _measurements(paths: Sequence[str | Path]) -> list[Measurement]:
    if not paths:
        return list(_shipped(table_path(SHIPPED)))
    rows, _ = runs.rows_of(paths)
    agentic = [row for row in rows if row.workload == "agentic" and row.slow_tpot_s]
    if not agentic:
        named = ", ".join(str(path) for path in paths)
        raise InputError(f"rows: no agentic run with a P90 speed in {named}", field="rows", got=named)
    return agentic


@lru_cache(maxsize=2)
def _shipped(path: Path) -> tuple[Measurement, ...]:
    """The shipped rows do not change while fleetline runs."""
    return tuple(runs.rows_of([path])[0])


def shipped_groups(max_ttft: float = np.inf) -> dict[tuple[str, str], Group]:
    """The shipped measurements by (model key, hardware key)."""
    return world.groups(_measurements(()), max_ttft)


def _chosen(found: dict[tuple[str, str], Group], model: str | None) -> dict[tuple[str, str], Group]:
    if model is None:
        return found
    names = load().benchmark_models
    keys = {key for key, _ in found if model in {key, names.get(key)}}
    if not keys:
        measured = {key for key, _ in found}
        raise unknown_name("model", model, [*measured, *(name for key, name in names.items() if key in measured)])
    return {key: group for key, group in found.items() if key[0] in keys}


def _cell(group: Group, speed: float) -> dict[str, Any]:
    best = world.densest(group, speed)
    return {
        "model": group.model,
        "name": load().benchmark_models.get(group.model),
        "hardware": group.hardware,
        "rows": group.total,
        "rows_within_ttft": len(group.rows),
        "agents_per_gpu": _known(world.agents_per_gpu(group, speed)),
        "reached": world.how(group, speed),
        "densest": None if best is None else _configuration(best),
    }


def _configuration(row: Measurement) -> dict[str, Any]:
    gpus = row.gpus or 0
    return {
        "row_id": row.row_id,
        "agents_per_gpu": row.concurrency / gpus,
        "clients": row.concurrency,
        "gpus": gpus,
        "p90_speed_tok_s_user": 1.0 / (row.slow_tpot_s or np.nan),
        "p90_ttft_s": row.slow_ttft_s,
        "framework": row.framework,
        "precision": row.precision,
    }


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _revenue(found: Mapping[tuple[str, str], Group], speed: float) -> Rows:
    """For every price list: on the GPU that costs least an agent-hour, what API revenue is of the rent."""
    rows: Rows = []
    for key in dict.fromkeys(model for model, _ in found):
        for price in _prices(load().benchmark_models.get(key, key)):
            costs = {
                group.hardware: rent / float(world.agents_per_gpu(group, speed))
                for (model, _), group in found.items()
                if model == key and world.how(group, speed) in {"between", "start"} and (rent := _rent(group.hardware))
            }
            if costs:
                cheapest = min(costs, key=lambda hardware: costs[hardware])
                rows.append(_on(found[key, cheapest], price, speed, costs[cheapest]))
    return rows


def _on(group: Group, price: Price, speed: float, rent_per_agent: float) -> dict[str, Any]:
    earned = float(world.at_speed(group, world.revenue_per_hour(group, price), speed))
    return {
        "model": group.model,
        "prices": price.name,
        "hardware": group.hardware,
        "rent_usd_agent_hour": rent_per_agent,
        "revenue_usd_gpu_hour": earned,
        "revenue_over_rent": earned / (rent_per_agent * float(world.agents_per_gpu(group, speed))),
    }


# priced in the rental survey, and left out of the source's comparison: its rent equals what owning it costs
_NOT_COMPARED = frozenset({"vr200"})


def _rent(hardware: str) -> float | None:
    """Three-year rent of one GPU [USD/h]; None where it is not compared or not known."""
    system = load().benchmark_systems.get(hardware)
    rent = load().systems[system].chip.rent if system else None
    return None if rent is None or hardware in _NOT_COMPARED else rent * HOUR


def _prices(model: str) -> list[Price]:
    """The model's price lists in force on the day of the measurements: its newest rows of then, each tier one."""
    named = [
        row
        for row in load().rows("api_prices", ApiPriceRow)
        if row.model.partition(" (")[0] == model and row.as_of <= SNAPSHOT and row.cached_input_usd_per_mtok is not None
    ]
    newest = max((row.as_of for row in named), default="")
    return [
        Price(row.model, row.input_usd_per_mtok, row.cached_input_usd_per_mtok or 0.0, row.output_usd_per_mtok)
        for row in named
        if row.as_of == newest
    ]


def _of_memory(
    found: Mapping[tuple[str, str], Group], supplied: Sequence[world.Shipped], speed: float, uplift: float
) -> dict[str, Rows]:
    """What all memory shipped could carry, by the year through which it counts."""
    return {
        "equivalents": [_equivalents(each, uplift) for each in supplied],
        "capacity": [line for each in supplied for line in _capacity(found, each, speed, uplift)],
        "closed": [line for each in supplied for line in _closed(each, uplift)],
    }


def _equivalents(supplied: world.Shipped, uplift: float) -> dict[str, Any]:
    return {
        "through": supplied.year,
        "hbm3e_gb": supplied.hbm3e_gb,
        "hbm4_gb": supplied.hbm4_gb,
        "gb300_equivalents": float(supplied.gb300_equivalents(uplift)),
    }


def _capacity(found: Mapping[tuple[str, str], Group], supplied: world.Shipped, speed: float, uplift: float) -> Rows:
    """All memory as GB300s, at each model's cell there; a model that has none is left out."""
    ends = world.parameter_row("HBM4 over HBM3E")
    made = supplied.gb300_equivalents([uplift, ends.low or uplift, ends.high or uplift])
    rows: Rows = []
    for (model, hardware), group in found.items():
        each = _known(world.agents_per_gpu(group, speed))
        if hardware == "gb300" and each is not None:
            agents_, low, high = (each * made).tolist()
            rows.append(
                {"model": model, "through": supplied.year, "agents_per_gb300": each, "agents": agents_}
                | {"agents_low": low, "agents_high": high}
            )
    return rows


def _closed(supplied: world.Shipped, uplift: float) -> Rows:
    """Models whose serving nobody measured, by what their agents spend an hour and what revenue is of rent."""
    share, ends = world.parameter_row("API revenue over GPU rental"), world.parameter_row("HBM4 over HBM3E")
    central, least, most = supplied.gb300_equivalents([uplift, ends.low or uplift, ends.high or uplift]).tolist()
    rows: Rows = []
    for row in _spending():
        low, high = world.closed_agents_per_gpu(row.central or np.nan, [share.low or np.nan, share.high or np.nan]).tolist()
        rows.append(
            {
                "model": row.parameter.removeprefix(_SPEND),
                "through": supplied.year,
                "spend_usd_agent_hour": row.central,
                "revenue_over_rent": {"low": share.low, "high": share.high},
                "agents_per_gb300": {"low": low, "high": high},
                "agents": {"low": low * central, "high": high * central},
                "agents_any_uplift": {"low": low * least, "high": high * most},
            }
        )
    return rows


def _spending() -> list[ParameterRow]:
    tables = ("agent_parameters", "demand_parameters")
    return [row for table in tables for row in load().rows(table, ParameterRow) if row.parameter.startswith(_SPEND)]


def _fleet(found: Mapping[tuple[str, str], Group], asked: Scenario, drawn: Worlds, speed: float) -> Rows:
    """Chips of each system times the agents of one, for each model as if it had the whole fleet."""
    chips, day = fleet_of(asked, drawn), asked.date("fleet.as_of")
    systems: dict[str, Array] = {}
    for (name, _), count in systems_of(chips, day).items():
        systems[name] = systems.get(name, 0.0) + count
    unserved = [(member, count) for member, count in zip(chips.members, chips.units(day), strict=True) if not member.system]
    hardware_of = {system: hardware for hardware, system in load().benchmark_systems.items()}
    rows: Rows = []
    for model in dict.fromkeys(key for key, _ in found):
        total = np.zeros(drawn.count)
        by_chip: Rows = []
        for system, count in systems.items():
            group = found.get((model, hardware_of.get(system, "")))
            each = None if group is None else _known(world.agents_per_gpu(group, speed))
            total += 0.0 if each is None else count * each
            by_chip.append(
                {"system": system, "chips": interval(count), "agents_per_gpu": each, "reason": _reason(group, speed)}
                | {"agents": None if each is None else interval(count * each)}
            )
        by_chip += [
            {"system": member.chip, "chips": interval(count), "agents_per_gpu": None, "reason": member.note, "agents": None}
            for member, count in unserved
        ]
        carrying = sum(line["chips"]["p50"] for line in by_chip if line["agents"])
        every = sum(line["chips"]["p50"] for line in by_chip)
        rows.append(
            {"model": model, "agents": interval(total), "chips_with_a_cell": carrying, "chips": every, "by_system": by_chip}
        )
    return rows


def predictions(found: Mapping[tuple[str, str], Group], speeds: Sequence[float]) -> Rows:
    """Every cell as the model of serving has it, beside the measured one; models and chips the catalog knows."""
    slow = modelled.slow_over_median(shipped_groups().values())
    rows: Rows = []
    for (key, hardware), group in found.items():
        model, system = load().benchmark_models.get(key), load().benchmark_systems.get(hardware)
        if model is None or system is None or not group.rows:
            continue
        asked, precision = modelled.sessions(group), modelled.precision_of(group, model)
        for speed, each in zip(speeds, modelled.predict(model, system, asked, speeds, slow, precision), strict=True):
            rows.append(_beside(group, speed, each))
    return rows


def _beside(group: Group, speed: float, each: modelled.Predicted) -> dict[str, Any]:
    measured = float(world.agents_per_gpu(group, speed))
    return {
        "model": group.model,
        "hardware": group.hardware,
        "speed_tok_s_user": speed,
        "reached": world.how(group, speed),
        "measured": _known(measured),
        "held": _known(each.held),
        "elsewhere": _known(each.elsewhere),
        "held_over_measured": _known(each.held / measured),
        "elsewhere_over_measured": _known(each.elsewhere / measured),
        "gpus": each.gpus,
        "precision": each.precision,
        "schedule": each.schedule,
        "reason": each.reason,
    }


def prediction_error(rows: Rows) -> Mapping[str, float | None]:
    """Predicted over measured agents, of cells between two measured points: median, median of |log|; None without any."""
    ratios = [row["held_over_measured"] for row in rows if row["reached"] == "between" and row["held_over_measured"]]
    logs = np.log(ratios)
    return {
        "cells": float(len(ratios)),
        "median_ratio": float(np.exp(np.median(logs))) if ratios else None,
        "median_abs_log": float(np.median(np.abs(logs))) if ratios else None,
    }


def _reason(group: Group | None, speed: float) -> str:
    """Why chips carry none, "" where they do."""
    if group is None:
        return "no agentic run of the model on it"
    reached = world.how(group, speed)
    return {"never": f"no run reaches P90 {speed:g} token/s/user", "no rows": "no run within the wanted TTFT"}.get(
        reached, ""
    )
