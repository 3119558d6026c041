"""What one system serves in every world, at a scenario's model, speed and way of serving.

Drawn once a world and used for every system, workload and quarter alike: the three efficiencies ("compute efficiency",
"bandwidth efficiency", "step latency") and the wanted speed. A number that is certain stays a single number: nothing is
computed twice for it.

With a preset of measured kernel times `serving.rates_by` says whose rates are meant: those of the fit of all runs, with its
errors (`fitted_rates`); or those of the best configuration by kernel times (`best_rates`), times what is reached of it in
practice (`reached`). Schedule and speculation may then be `best`, too.

Source: article, section Calibrating against inference benchmarks (three efficiencies); other ways as their modules say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.beliefs import Array, Belief, Draws, kept
from fleetline.catalog import Preset, load
from fleetline.catalog.tables import data_folder
from fleetline.deployment import Options, deploy, throughput
from fleetline.errors import InputError, unknown_name
from fleetline.physics import serving
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Limits
from fleetline.scenario import Scenario
from fleetline.world import fitted_rates
from fleetline.world.best_rates import BEST, Found, Question, best_rate
from fleetline.world.fitted_rates import Asked, Errors, Rates
from fleetline.world.reached import SHARE, Reached, reached, reached_by

BY, FIT, REACHED = "serving.rates_by", "fit", "reached"


@dataclass(frozen=True)
class Way:
    """How requests are served: the model, the wanted speed [token/s/user], and the options of a deployment."""

    model: str
    speed: Any
    options: Options
    reached: Reached | None = None  # set where the best configuration by kernel times is looked for
    errors: Errors | None = None  # set where rates are by the fit of all runs


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


def way(scenario: Scenario, draws: Draws, model: str | None = None) -> Way:
    """The scenario's way of serving in every world, of its model or another.

    Raises:
        InputError: an unknown model or preset; an efficiency beside measured kernel times.
    """
    catalog = load()
    model = catalog.model(model or scenario.text("serving.model")).name
    preset = catalog.preset(scenario.text("serving.preset"))
    if preset.costs == "kernels":
        return _best_way(scenario, draws, model, preset)
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


def _best_way(scenario: Scenario, draws: Draws, model: str, preset: Preset) -> Way:
    for key, _, _ in _EFFICIENCIES.values():
        if key in scenario:
            said = f"{key}: the preset {preset.name} has measured kernels; say serving.reached instead"
            raise InputError(said, field=key, got=str(scenario.assumptions[key].value))
    schedule = scenario.text("serving.schedule")
    by = scenario.text(BY) if BY in scenario else REACHED
    if by not in {FIT, REACHED}:
        raise unknown_name("way", by, [FIT, REACHED], where=f"{BY}: ", field=BY)
    if by == FIT:
        return _fitted_way(scenario, draws, model)
    if schedule not in {BEST, *SCHEDULES}:
        raise unknown_name("schedule", schedule, [BEST, *SCHEDULES], where="serving.schedule: ")
    options = Options(schedule=schedule, speculative=scenario.text("serving.speculative"))
    speed = _drawn(draws, "serving.speed", scenario.belief("serving.speed"))
    return Way(model, speed, options, reached(scenario, draws))


def _fitted_way(scenario: Scenario, draws: Draws, model: str) -> Way:
    reached_by(scenario)  # a line that is not used here, but wrong
    if SHARE in scenario:
        said = f"{SHARE}: of the best rate by kernel times; say serving.practice, or {BY}={REACHED}"
        raise InputError(said, field=SHARE, got=str(scenario.assumptions[SHARE].value))
    schedule, speculative = scenario.text("serving.schedule"), scenario.text("serving.speculative")
    fitted_rates.check(schedule, speculative)
    speed = _drawn(draws, "serving.speed", scenario.belief("serving.speed"))
    errors = fitted_rates.errors(scenario, draws)
    return Way(model, speed, Options(schedule=schedule, speculative=speculative), errors=errors)


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


def rate(served: Way, system: str, gpus: int, workload: str, prefix_hit: float = 0.0) -> Rate:
    """The best rate of `gpus` chips of `system`; shape () where nothing is uncertain, else (draws,).

    `prefix_hit` of each prompt is found in the cache [1].

    A system that does not hold the model, is too slow, or lacks a specification serves nothing, and says why.

    Raises:
        InputError: a setting that is wrong for every system, as an unknown schedule.
    """
    if served.errors is not None:
        return _fitted(served, served.errors, system, gpus, workload, prefix_hit)
    if served.reached is not None:
        return _best(served, served.reached(served.model, system), system, gpus, workload, prefix_hit)
    options: Options = {**served.options, "gpus": gpus, "prefix_hit": prefix_hit or None}
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


def central(scenario: Scenario, asked: Question) -> Found:
    """The best rate of a question before any error, by the fit or by measured kernels, and what serves it.

    Raises:
        InputError: an unknown model or system.
    """
    if BY not in scenario or scenario.text(BY) == REACHED:
        return best_rate(asked)
    named = (asked.model, asked.system, asked.gpus, asked.workload, asked.prefix_hit, asked.schedule, asked.speculative)
    found = fitted_rates.rates(Asked(*named))
    tok_s = float(found.at(np.asarray(asked.speed)))
    if tok_s == 0.0:
        return Found(0.0, found.reason or _too_slow(found))
    return Found(tok_s, "", found.configuration(asked.speed))


def _fitted(served: Way, errors: Errors, system: str, gpus: int, workload: str, prefix_hit: float) -> Rate:
    """The best rate by the fit, times its errors."""
    schedule, speculative = str(served.options["schedule"]), str(served.options["speculative"])
    asked = Asked(served.model, system, gpus, workload, prefix_hit, schedule, speculative)
    if np.ndim(served.speed) == 0 and kept(errors.draws):
        return _kept(asked, float(served.speed), errors, data_folder())
    return _erring(asked, np.asarray(served.speed, dtype=float), errors)


@lru_cache(maxsize=4096)
def _kept(asked: Asked, speed: float, errors: Errors, folder: Path) -> Rate:  # noqa: ARG001  (part of the cache's key)
    found = _erring(asked, np.asarray(speed), errors)
    found.tok_s.setflags(write=False)
    return found


def _erring(asked: Asked, speed: Array, errors: Errors) -> Rate:
    found = fitted_rates.rates(asked)
    central = found.at(speed)
    if not np.any(central > 0.0):
        return Rate(np.asarray(0.0), found.reason or _too_slow(found))
    reason = "" if np.all(central > 0.0) else _too_slow(found)
    middle = float(speed) if speed.ndim == 0 else float(np.median(speed))
    return Rate(central * errors.of(asked.model, asked.system, asked.workload, found.way(middle)), reason)


def _too_slow(found: Rates) -> str:
    return f"speed: a request alone gets {found.speeds[-1]:.3g} tok/s/user at most, of the layouts that have been run"


_NODES = 5  # speeds at which a range of wanted speeds is looked up; between them, straight in both logarithms


def _best(served: Way, reaches: Array, system: str, gpus: int, workload: str, prefix_hit: float) -> Rate:
    """The best configuration's rate, times what is reached of it."""
    speeds = np.atleast_1d(np.asarray(served.speed, dtype=float))
    nodes = np.unique(np.geomspace(speeds.min(), speeds.max(), _NODES))
    schedule, speculative = str(served.options["schedule"]), str(served.options["speculative"])
    found = [
        best_rate(Question(served.model, system, gpus, workload, prefix_hit, speed, schedule, speculative))
        for speed in nodes.tolist()
    ]
    rates = np.array([each.tok_s for each in found])
    reason = "; ".join(sorted({each.reason for each in found} - {""}))
    if len(nodes) == 1:
        return Rate(rates[0] * reaches, reason)
    logs = np.log(np.where(rates > 0.0, rates, np.finfo(float).tiny))
    central = np.exp(np.interp(np.log(speeds), np.log(nodes), logs))
    # between a speed that is reached and one that is not, none is
    return Rate(np.where(speeds <= nodes[rates > 0.0].max(initial=0.0), central, 0.0) * reaches, reason)


def _reason(served: Way, system: str, options: Options, workload: str) -> str:
    """Why the system serves nothing, in the worlds where it does not."""
    found = throughput(served.model, system, workload, speed=served.speed, **options)
    reasons = np.ravel(found.reason)
    said = sorted({str(each) for each in reasons} - {""})
    share = float(np.mean(reasons != ""))
    return "; ".join(said) + ("" if share == 1.0 else f" (in {share:.0%} of worlds)")
