"""What a deployment runs on: chips and how the model lies on them, what they reach of their peaks, what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fleetline import inputs, named
from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model
from fleetline.catalog import Catalog, Preset, System, load
from fleetline.catalog.system_file import system_from_file
from fleetline.catalog.timings import FRAMEWORKS
from fleetline.deployment.options import DEFAULT_PRESET, DEGREES, PARALLEL_PRESET, NumbersLike, Options, given
from fleetline.errors import InputError, unknown_name
from fleetline.physics.money import PRICES, RENTED, Terms
from fleetline.physics.network import Fabric
from fleetline.physics.placement import WHOLE, Placement, Pooled, Sharded
from fleetline.physics.roofline import Efficiency
from fleetline.physics.serving import Deployment
from fleetline.physics.sharding import Degrees, check


def machine_of(catalog: Catalog, name: str, gpus: NumbersLike | None) -> System:
    """A system of the catalog by name, or one's own by the path of a TOML file; all of it, or so many of its chips."""
    whole = system_from_file(Path(name)) if named.is_file("system", name, ".toml") else catalog.system(name)
    return whole if gpus is None else whole.part(inputs.whole("gpus", gpus))


def degrees_of(options: Options) -> Degrees | None:
    """The degrees asked for, 1 where only others are; None where none is."""
    asked = {"tp": options.get("tp"), "ep": options.get("ep"), "dp": options.get("dp"), "pp": options.get("pp")}
    given = {name: inputs.numbers(name, value) for name, value in asked.items() if value is not None}
    return Degrees(**given) if given else None


def preset_of(catalog: Catalog, name: str | None, degrees: Degrees | None) -> Preset:
    """The preset asked for; unless one is, our fit for one large chip, measured kernels for GPUs."""
    preset = catalog.preset(
        inputs.text("preset", (DEFAULT_PRESET if degrees is None else PARALLEL_PRESET) if name is None else name)
    )
    if preset.costs == "kernels" and degrees is None:
        said = f"preset {preset.name}: kernels run on single GPUs; give degrees, such as tp (tp 1 for one GPU a replica)"
        raise InputError(said, field="preset", got=preset.name)
    return preset


def placed(
    model: Model,
    gpus: Numbers,
    degrees: Degrees | None,
    schedule: str,
    prefill: NumbersLike | None,
    links: Callable[[], Fabric],
) -> Placement:
    """As one large chip without degrees; else sharded, in two pools where the schedule is disaggregated."""
    if degrees is None:
        if prefill is not None:
            raise InputError("prefill_replicas: needs degrees, such as tp", field="prefill_replicas")
        return WHOLE
    inputs.together(gpus, *(getattr(degrees, name) for name in DEGREES))
    check(model, degrees, gpus)
    fabric = links()
    if schedule != "disaggregated":
        if prefill is not None:
            raise InputError("prefill_replicas: only of schedule disaggregated", field="prefill_replicas")
        return Sharded(degrees, gpus, fabric)
    replicas = gpus / degrees.gpus
    if np.any(np.less(replicas, 2)):
        said = "schedule: disaggregated needs two replicas at least, one to prefill and one to decode"
        raise InputError(said, field="schedule", got="disaggregated")
    most = float(np.min(replicas)) - 1.0
    default = np.maximum(np.round(replicas / 2.0), 1.0) if prefill is None else prefill
    pool = inputs.within("prefill_replicas", default, 1.0, most, low_open=False, high_open=False)
    return Pooled(degrees, gpus, fabric, inputs.whole("prefill_replicas", pool))


def configuration(deployment: Deployment) -> Mapping[str, Any] | None:
    """Degrees and replicas of a sharded deployment; None where the chips are taken as one."""
    place = deployment.placement
    if not isinstance(place, Sharded):
        return None
    degrees = {name: getattr(place.degrees, name) for name in DEGREES}
    replicas = place.gpus / place.degrees.gpus
    pools = {"prefill_replicas": place.prefill_replicas} if isinstance(place, Pooled) else {}
    known = load().timings_of(deployment.system.chip.name).measured
    return {**degrees, "replicas": replicas, **pools, "timings": "measured" if known else "default"}


def framework_named(name: str | None) -> str:
    """A framework whose kernels are told apart; "" for all together."""
    if name is None:
        return ""
    if inputs.text("framework", name) not in FRAMEWORKS[1:]:
        raise unknown_name("framework", name, FRAMEWORKS[1:])
    return name


def efficiency_of(preset: Preset, options: Options) -> Efficiency:
    """The preset's three numbers, each replaced where one is given."""
    compute, bandwidth, latency = (
        options.get(name) for name in ("compute_efficiency", "bandwidth_efficiency", "step_latency_s")
    )
    return Efficiency(
        compute=inputs.share("compute_efficiency", preset.compute_efficiency if compute is None else compute),
        bandwidth=inputs.share("bandwidth_efficiency", preset.bandwidth_efficiency if bandwidth is None else bandwidth),
        step_latency=_latency(preset.step_latency if latency is None else latency),
    )


def _latency(seconds: Any) -> Numbers:
    return inputs.within("step_latency_s", seconds, 0.0, 3600.0, low_open=False, high_open=False)


def reserve_of(share: Any) -> Numbers:
    """The share of usable memory kept free [1]."""
    return inputs.within("hbm_reserve", share, 0.0, 1.0, low_open=False, high_open=True)


def terms_of(options: Options) -> Terms:
    """What is paid for the chips, and how much of what they could serve is sold."""
    price, sold = inputs.text("price", given(options.get("price"), RENTED.price)), options.get("utilisation")
    if price not in PRICES:
        raise unknown_name("price", price, PRICES)
    return Terms(price, RENTED.utilisation if sold is None else inputs.share("utilisation", sold))
