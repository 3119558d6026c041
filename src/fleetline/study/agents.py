"""Concurrent agents: of a GPU as measured and as modelled, of every chip sold, of all memory shipped."""

from __future__ import annotations

from fleetline.catalog import load
from fleetline.catalog.load import EVERY_CHIP
from fleetline.questions.agent_capacity import Agents, agents, prediction_error, predictions, shipped_groups
from fleetline.scenario import changed
from fleetline.study.results import Asked, Rows

SPEEDS = (50.0, 100.0)  # token/s/user at P90: those the source reports


def agents_per_gpu(_: Asked) -> Rows:
    """Agents of one GPU at P90 speeds of 50 and 100 token/s: measured AgentX runs by the source's rule, and the model.

    Reached says how the measured figure comes about: between two runs, at the start (the slowest run of the frontier is
    still faster, so more may be possible), or never. Held and elsewhere: where idle sessions keep their cache.
    """
    return [
        row | {"title": title(str(row["model"]))}
        for row in predictions(shipped_groups(), SPEEDS)
        if row["model"] not in _NOT_SHOWN
    ]


_NOT_SHOWN = frozenset({"glm5.1"})  # one run at one client, which the source leaves out


def agents_error(asked: Asked) -> Rows:
    """Agents by the model over measured ones, of cells whose speed lies between two runs: median, and median of |log|."""
    rows = agents_per_gpu(asked)
    return [
        {"speed_tok_s_user": speed, **prediction_error([row for row in rows if row["speed_tok_s_user"] == speed])}
        for speed in SPEEDS
    ]


def agents_of_fleet(asked: Asked) -> Rows:
    """Agents of every AI chip sold by the scenario's day, each type at its own runs; chips without a run carry none."""
    return [
        {"model": row["model"], "title": title(row["model"]), "speed_tok_s_user": speed}
        | row["agents"]
        | {"chips_with_runs": row["chips_with_a_cell"], "chips": row["chips"]}
        for speed in SPEEDS
        for row in _answer(asked, speed).fleet
        if row["model"] not in _NOT_SHOWN
    ]


def agents_of_memory(asked: Asked) -> Rows:
    """Agents if all memory shipped from 2025 were GB300s that carry one model, a byte of HBM4 counting 1, 2 and 4 times."""
    return [
        row | {"title": title(row["model"]), "speed_tok_s_user": speed}
        for speed in SPEEDS
        for row in _answer(asked, speed).capacity
    ]


def _answer(asked: Asked, speed: float) -> Agents:
    every = changed(asked.scenario, [f"fleet.name={EVERY_CHIP}"])
    return agents(every, speed=speed, draws=asked.draws.count, seed=asked.seed)


def title(key: str) -> str:
    """What people call the model of a benchmark's key."""
    name = load().benchmark_models.get(key, key)
    found = [row.value for row in load().model_rows(name) if row.quantity == "title"]
    return found[0] if found else name
