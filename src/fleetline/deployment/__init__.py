"""Questions about one deployment, by name: `throughput`, `breakdown`.

Names are looked up in the catalog, numbers are checked, and the physics is asked. Every numeric argument takes a float or
an array; arrays broadcast, and the answer has one array per field with `feasible` and `reason`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from fleetline import inputs
from fleetline.answers import Throughput, answer
from fleetline.architecture.attention import Numbers
from fleetline.catalog import load
from fleetline.deployment.build import deploy
from fleetline.deployment.chips import configuration
from fleetline.deployment.counting import exact
from fleetline.deployment.options import DEFAULT_PRESET, DEGREES, PARALLEL_PRESET, NumbersLike, Options
from fleetline.deployment.requests import ARRIVALS, limits_of, schedule_named
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.placement import Pooled
from fleetline.physics.roofline import operation_time
from fleetline.physics.serving import Deployment, Limits

__all__ = [
    "ARRIVALS",
    "DEFAULT_PRESET",
    "DEGREES",
    "PARALLEL_PRESET",
    "OperatorCost",
    "Options",
    "breakdown",
    "configuration",
    "deploy",
    "exact",
    "limits_of",
    "schedule_named",
    "throughput",
]


def throughput(
    model: str,
    system: str,
    workload: str | None = None,
    *,
    batch: NumbersLike | None = None,
    speed: NumbersLike | None = None,
    max_ttft: NumbersLike | None = None,
    offline: bool = False,
    **options: Unpack[Options],
) -> Throughput:
    """Rates of `model` on `system`: at `batch`, or at the best batch that the wanted speed, TTFT and memory allow.

    Args:
        model: a name of the catalog, such as "kimi-k2.6", or the path of a Hugging Face config.json.
        system: a name of the catalog, such as "gb200-nvl72", or the path of a TOML file that describes one.
        workload: "INPUT:OUTPUT" [token]; or give `input_tokens` and `output_tokens`.
        batch: requests in service [request]; switches the default wanted speed off.
        speed: at least this many output tokens over wall time [token/s/user]; 35 unless a batch is given.
        max_ttft: at most this long to the first token, in the mean over requests [s].
        offline: work that nobody waits for (batch jobs): no wanted speed and no TTFT, so the batch that serves most.
        **options: see `Options`.

    Raises:
        InputError: an unknown name, a number out of its range, arrays whose shapes do not go together.
    """
    catalog = load()
    limits = limits_of(speed, max_ttft, given_batch=batch is not None, catalog=catalog, offline=offline)
    deployment, setting = deploy(model, system, workload, **options)
    place = deployment.placement
    if isinstance(place, Pooled) and options.get("prefill_replicas") is None:
        options = {**options, "prefill_replicas": _best_pools(deployment, place, limits)}
        deployment, setting = deploy(model, system, workload, **options)
    given = None if batch is None else inputs.at_least_one("batch", batch)
    if given is not None and options.get("rate") is not None:
        raise InputError("batch: follows from the rate; give one of the two", field="batch", got=str(batch))
    _check_shapes(deployment, limits, given)
    asked = {
        **setting,
        "speed": limits.speed if speed is not None or (given is None and not offline) else None,
        "max_ttft": None if max_ttft is None else limits.max_ttft,
    }
    return answer(deployment, limits, given, asked, optimised=given is None)


def _best_pools(deployment: Deployment, place: Pooled, limits: Limits) -> float:
    """The number of prefill replicas that serves most, of two pools."""
    if serving.shape_of(deployment, limits):
        said = "prefill_replicas: missing; the best number is looked for where every other argument is a float"
        raise InputError(said, field="prefill_replicas")
    numbers = np.arange(1.0, float(place.gpus / place.degrees.gpus))
    each = replace(deployment, placement=replace(place, prefill_replicas=numbers))
    batch = serving.best_batch(each, limits)
    served = np.where(batch > 0, serving.rates(each, np.maximum(batch, 1.0)).throughput, 0.0)
    return float(numbers[np.argmax(served)])


def _check_shapes(deployment: Deployment, limits: Limits, batch: Numbers | None) -> None:
    try:
        np.broadcast_shapes(serving.shape_of(deployment, limits), np.shape(batch) if batch is not None else ())
    except ValueError as error:
        raise InputError(f"arrays: their shapes do not go together ({error})", field="arrays") from error


@dataclass(frozen=True)
class OperatorCost:
    """One operator of one stage: arithmetic [FLOP], traffic [byte], intensity [FLOP/byte], time of each and its bound."""

    stage: str
    operator: str
    precision: str
    flop: float
    bytes: float
    intensity_flop_byte: float
    compute_s: float
    bandwidth_s: float
    bound: str


def breakdown(
    model: str, system: str, workload: str | None = None, *, batch: float, **options: Unpack[Options]
) -> list[OperatorCost]:
    """What each operator of both stages costs for `batch` requests; arguments as in `throughput`, floats only."""
    deployment, _ = deploy(model, system, workload, **options)
    requests = inputs.at_least_one("batch", batch)
    if np.ndim(requests) or serving.shape_of(deployment, Limits()):
        raise InputError("batch: breakdown takes one deployment at one batch, give floats", field="batch")
    stages = zip(("prefill", "decode"), serving.work(deployment, requests), strict=True)
    costs = []
    for stage, work in stages:
        for operation in (*work.linear, *work.attention):
            leg = operation_time(operation, deployment.machine, deployment.efficiency, deployment.kernels)
            costs.append(
                OperatorCost(
                    stage=stage,
                    operator=operation.name.replace("_", " "),
                    precision=operation.precision,
                    flop=float(operation.flop),
                    bytes=float(operation.bytes_moved),
                    intensity_flop_byte=float(operation.flop / operation.bytes_moved),
                    compute_s=float(leg.compute_s),
                    bandwidth_s=float(leg.bandwidth_s),
                    bound="compute" if leg.compute_s >= leg.bandwidth_s else "bandwidth",
                )
            )
    return costs
