"""What one system serves in every world, at a scenario's model, speed and way of serving.

Drawn once a world and used for every system, workload and quarter alike: the three efficiencies ("compute efficiency",
"bandwidth efficiency", "step latency") and the wanted speed. A number that is certain stays a single number: nothing is
computed twice for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.beliefs import Array, Belief, Draws
from fleetline.catalog import Preset, load
from fleetline.deployment import Options, deploy, throughput
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.serving import Limits
from fleetline.scenario import Scenario


@dataclass(frozen=True)
class Way:
    """How requests are served: the model, the wanted speed [token/s/user], and the options of a deployment."""

    model: str
    speed: Any
    options: Options


@dataclass(frozen=True)
class Rate:
    """Output tokens per second of one system [token/s], 0 where it cannot serve; `reason` says why, if in any world."""

    tok_s: Array
    reason: str = ""


# the preset's parameter: the scenario's key that stands in its place, the name it is drawn by, its scale
_EFFICIENCIES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "compute_efficiency": ("serving.compute_efficiency", "compute efficiency", "log-odds"),
        "bandwidth_efficiency": ("serving.bandwidth_efficiency", "bandwidth efficiency", "log-odds"),
        "step_latency_s": ("serving.step_latency", "step latency", "log"),
    }
)


def way(scenario: Scenario, draws: Draws) -> Way:
    """The scenario's way of serving in every world.

    Raises:
        InputError: an unknown model or preset.
    """
    catalog = load()
    model = catalog.model(scenario.text("serving.model")).name
    preset = catalog.preset(scenario.text("serving.preset"))
    drawn = {
        parameter: _drawn(draws, name, scenario.belief(key) if key in scenario else _believed(preset, parameter, scale))
        for parameter, (key, name, scale) in _EFFICIENCIES.items()
    }
    options = Options(
        preset=preset.name,
        schedule=scenario.text("serving.schedule"),
        speculative=scenario.text("serving.speculative"),
        compute_efficiency=drawn["compute_efficiency"],
        bandwidth_efficiency=drawn["bandwidth_efficiency"],
        step_latency_s=drawn["step_latency_s"],
    )
    return Way(model, _drawn(draws, "serving.speed", scenario.belief("serving.speed")), options)


def _believed(preset: Preset, parameter: str, scale: str) -> Belief:
    value = {
        "compute_efficiency": preset.compute_efficiency,
        "bandwidth_efficiency": preset.bandwidth_efficiency,
        "step_latency_s": preset.step_latency,
    }[parameter]
    low, high = preset.intervals.get(parameter, (value, value))
    return Belief(value, low, high, scale)


def _drawn(draws: Draws, name: str, belief: Belief) -> Any:
    return belief.value if belief.certain else draws.draw(name, belief)


def rate(served: Way, system: str, gpus: int, workload: str) -> Rate:
    """The best rate of `gpus` chips of `system`; shape () where nothing is uncertain, else (draws,).

    A system that does not hold the model, is too slow, or lacks a specification serves nothing, and says why.

    Raises:
        InputError: a setting that is wrong for every system, as an unknown schedule.
    """
    options: Options = {**served.options, "gpus": gpus}
    try:
        deployment, _ = deploy(served.model, system, workload, **options)
        limits = Limits(speed=served.speed)
        batch = serving.best_batch(deployment, limits)
    except InputError as error:
        if error.field != "system":
            raise
        return Rate(np.asarray(0.0), error.message)
    best = serving.rates(deployment, np.maximum(batch, 1.0)).throughput
    tok_s = np.where(batch > 0.0, best, 0.0)
    return Rate(tok_s, "" if np.all(batch > 0.0) else _reason(served, system, options, workload))


def _reason(served: Way, system: str, options: Options, workload: str) -> str:
    """Why the system serves nothing, in the worlds where it does not."""
    found = throughput(served.model, system, workload, speed=served.speed, **options)
    reasons = np.ravel(found.reason)
    said = sorted({str(each) for each in reasons} - {""})
    share = float(np.mean(reasons != ""))
    return "; ".join(said) + ("" if share == 1.0 else f" (in {share:.0%} of worlds)")
