"""Concurrent agents from the model of serving: the same sessions on the same GPU, to hold beside the measured ones.

A request has the group's own input:output ratio and reusable share (an ideal cache is assumed) and the traces' mean output.
Closed loop: each session sends a request, waits for it, and is idle for a think or tool time Z before the next; so a
deployment with B requests in service, each taking R, carries N = B (1 + Z / R) sessions (the response time law).

Passes of a shared pool carry decoded tokens and other sessions' prompts together; how a request's time divides into the
wait for its first token and its answer is the closed loop's (physics/arrivals/closed.py).

The measured speed is that of the slow tenth of requests, the model's a mean: wanted is the mean speed that goes with it, at
the median over all rows of P90 speed over median speed.

The weights are in the precision of most of the group's frontier, where the catalog has such a checkpoint of the model.

Not known of the runs is where the cache of idle sessions stays: `held` in the GPUs' memory, which bounds N, or `elsewhere`.

Source: ours, derived above; response time law: Denning and Buzen 1978, The Operational Analysis of Queueing Network Models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fleetline.beliefs import Array
from fleetline.catalog import load
from fleetline.errors import InputError
from fleetline.frontiers import at, explore
from fleetline.physics import serving
from fleetline.physics.serving import Deployment, Limits
from fleetline.units import HOUR
from fleetline.world.agents import Group, parameter, parameter_names

BATCHES = 24  # tried of every configuration, spaced by ratio up to the largest that fits
GPUS = 16.0  # of a rack that are taken as one deployment; a board is taken whole


@dataclass(frozen=True)
class Sessions:
    """What agents ask: tokens of a request, the share of its input that is reused [1], idle time between requests [s]."""

    input_tokens: float
    output_tokens: float
    reusable: float
    idle_s: float


@dataclass(frozen=True)
class Predicted:
    """Agents per GPU; NaN where the speed is never reached. `reason` says why there are none.

    `gpus` of one deployment, `precision` of its weights (the catalog's label), `schedule` of the best configuration.
    """

    held: float
    elsewhere: float
    gpus: float
    precision: str
    schedule: str = ""
    reason: str = ""


def sessions(group: Group) -> Sessions:
    """The sessions of a group, as its rows replayed them (medians)."""
    output = parameter("output tokens of the replayed traces") / parameter("requests of the replayed traces")
    ratio, reusable = float(np.nanmedian(group.input / group.output)), float(np.nanmedian(group.reusable))
    return Sessions(ratio * output, output, reusable, idle_s())


def idle_s() -> float:
    """Time of a client without a request, by request: median of the audited runs [s]."""
    audited = [name.partition(": ")[2] for name in parameter_names() if name.startswith("audited requests")]
    each = [
        (parameter(f"audited clients: {run}") * HOUR - parameter(f"audited client-seconds with a request in flight: {run}"))
        / parameter(f"audited requests: {run}")
        for run in audited
    ]
    return float(np.median(each))


def slow_over_median(groups: Iterable[Group]) -> float:
    """P90 speed over median speed of a run: median over all rows [1]."""
    rows = [row for group in groups for row in group.rows]
    return float(np.median([row.tpot_s / row.slow_tpot_s for row in rows if row.tpot_s and row.slow_tpot_s]))


def precision_of(group: Group, model: str) -> str:
    """The label of the checkpoint that most of the frontier's runs use; the catalog's first where it has none such."""
    known = [each.label for each in load().checkpoints_of(model)]
    used = Counter(group.rows[place].precision or "" for place in group.frontier)
    (most, _), *_ = used.most_common(1)
    return most if most in known else known[0] if known else most


def predict(
    model: str, system: str, asked: Sessions, speeds: Sequence[float], slow: float, precision: str
) -> list[Predicted]:
    """Most agents of a GPU at each P90 speed [token/s/user], over every configuration.

    Args:
        model, system: names of the catalog.
        asked: what the agents ask.
        speeds: P90 speeds. slow: P90 speed over the mean speed that is modelled [1].
        precision: label of the weights' checkpoint.
    """
    gpus = min(float(np.max(load().systems[system].gpus)), GPUS)

    def none(reason: str) -> list[Predicted]:
        return [Predicted(np.nan, np.nan, gpus, precision, reason=reason) for _ in speeds]

    try:
        found = explore(
            model,
            system,
            None,
            Limits(),
            input_tokens=asked.input_tokens,
            output_tokens=asked.output_tokens,
            prefix_hit=asked.reusable,
            gpus=gpus,
            precision=precision,
        )
    except InputError as error:
        return none(error.message)
    tried = [_tried(name, each, asked) for name, each in found.deployments.items()]
    points = {key: np.concatenate([each[key] for each in tried]) for key in tried[0]}
    if not points["agents"].size:
        return none(str(found.infeasible().reason))
    return [_best(points, speed / slow, gpus, precision) for speed in speeds]


def _best(points: dict[str, Any], speed: float, gpus: float, precision: str) -> Predicted:
    fast = points["speed"] >= speed
    held = np.where(fast & points["fits"], points["agents"], -np.inf)
    free = np.where(fast, points["agents"], -np.inf)
    place = int(np.argmax(held if np.any(np.isfinite(held)) else free))
    most = [float(np.max(each)) if np.any(np.isfinite(each)) else np.nan for each in (held, free)]
    if not fast.any():
        return Predicted(np.nan, np.nan, gpus, precision, reason=f"fastest is {np.max(points['speed']):.3g} token/s/user")
    return Predicted(most[0], most[1], gpus, precision, str(points["schedule"][place]))


def _tried(name: str, deployment: Deployment, asked: Sessions) -> dict[str, Any]:
    """Every configuration of a schedule at batches up to its largest: agents per GPU, mean speed, whether idle ones fit."""
    most = serving.largest_batch(deployment, Limits()) / deployment.placement.ranks
    able = np.flatnonzero(most > 0.0)
    loads = np.round(np.exp(np.log(most[able])[:, None] * np.linspace(0.0, 1.0, BATCHES)))
    each = at(deployment, np.broadcast_to(able[:, None], loads.shape).ravel())
    batch = np.asarray(loads.ravel() * each.placement.ranks, dtype=np.float64)
    clients, speed = _loop(each, batch, asked)
    held = np.asarray(serving.memory_used(each, clients) <= serving.memory_capacity(each))
    return {
        "agents": clients / each.system.gpus,
        "speed": speed,
        "fits": held,
        "schedule": np.full(batch.shape, name),
    }


def _loop(deployment: Deployment, batch: Array, asked: Sessions) -> tuple[Array, Array]:
    """Sessions in the loop, and the speed of a request once its answer has begun [token/s/user]."""
    found = serving.rates(deployment, batch)
    return np.asarray(batch * (1.0 + asked.idle_s / found.request_s)), np.asarray(1.0 / found.tpot_s)
