"""Names and numbers -> the deployment they describe, and its setting in words so that it can be asked for again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Unpack

from fleetline import inputs, speculations
from fleetline.architecture.attention import Numbers
from fleetline.catalog import load
from fleetline.deployment.chips import (
    configuration,
    degrees_of,
    efficiency_of,
    framework_named,
    machine_of,
    placed,
    preset_of,
    reserve_of,
    terms_of,
)
from fleetline.deployment.counting import counted_as
from fleetline.deployment.options import DEFAULT_SCHEDULE, Options, given
from fleetline.deployment.requests import REUSE, arriving, drafted, lengths_of, reused, schedule_named
from fleetline.errors import unknown_name
from fleetline.physics.money import PRICES
from fleetline.physics.network import fabric_of
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.roofline import AT_PEAK
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Deployment


def deploy(
    model: str, system: str | Path, workload: str | None = None, **options: Unpack[Options]
) -> tuple[Deployment, Mapping[str, Any]]:
    """The deployment that these names and numbers describe, and its setting in words; arguments as in `Options`.

    Raises:
        InputError: an unknown name, a number out of its range, arrays whose shapes do not go together.
    """
    for name in options:
        if name not in Options.__annotations__:
            raise unknown_name("option", name, [*Options.__annotations__, "workload", "batch", "speed", "max_ttft"])
    catalog = load()
    degrees = degrees_of(options)
    preset = preset_of(catalog, options.get("preset"), degrees)
    counting = options.get("counting")
    counted = preset.counting if counting is None else inputs.text("counting", counting)
    counted_model, checkpoint = counted_as(catalog, inputs.text("model", model), counted, options.get("precision"))
    schedule = schedule_named(given(options.get("schedule"), DEFAULT_SCHEDULE))
    tokens_in, tokens_out = lengths_of(workload, options.get("input_tokens"), options.get("output_tokens"))
    spoken = drafted(catalog, model, counted, checkpoint, options)
    reserve = options.get("hbm_reserve")
    machine = machine_of(catalog, inputs.text("system", system), options.get("gpus"))
    framework = framework_named(options.get("framework"))
    reuse = reused(options)
    named, arrivals = arriving(options, degrees)
    deployment = Deployment(
        model=counted_model,
        checkpoint=checkpoint.on(machine.chip),
        system=machine,
        input_tokens=tokens_in * arrivals.lengths,
        output_tokens=tokens_out * arrivals.lengths,
        schedule=SCHEDULES[schedule],
        efficiency=efficiency_of(preset, options),
        hbm_reserve=reserve_of(catalog.defaults["hbm_reserve"] if reserve is None else reserve),
        chunk_tokens=catalog.defaults["prefill_chunk_tokens"],
        activation_value_bytes=catalog.defaults["activation_bytes"],
        rewrites=(*reuse, *spoken),
        terms=terms_of(options),
        placement=placed(
            counted_model,
            machine.gpus,
            degrees,
            schedule,
            options.get("prefill_replicas"),
            lambda: fabric_of(machine, catalog.timings_of(machine.chip.name, framework)),
        ),
        kernels=catalog.timings_of(machine.chip.name, framework).kernels if preset.costs == "kernels" else AT_PEAK,
        arrivals=arrivals,
    )
    words = {"schedule": schedule, "preset": preset.name, "counting": counted, "precision": options.get("precision")}
    words |= {"arrivals": named, "workload": f"{inputs.words(tokens_in)}:{inputs.words(tokens_out)}"}
    return deployment, _setting(deployment, words, options)


def _setting(deployment: Deployment, words: Mapping[str, str | None], options: Options) -> Mapping[str, Any]:
    """What was asked, so that it can be asked again."""
    efficiency = deployment.efficiency
    pairs = [rewrite for rewrite in deployment.rewrites if isinstance(rewrite, Speculative)]
    return MappingProxyType(
        {
            "model": deployment.model.name,
            "system": deployment.system.name,
            "gpus": deployment.system.gpus,
            "workload": words["workload"],
            "schedule": words["schedule"],
            "speculative": speculations.word(pairs[0], options.get("speculative")) if pairs else None,
            "preset": words["preset"],
            "counting": words["counting"],
            "precision": words["precision"],
            "checkpoint": deployment.checkpoint.name,
            "compute_efficiency": efficiency.compute,
            "bandwidth_efficiency": efficiency.bandwidth,
            "step_latency_s": efficiency.step_latency,
            "hbm_reserve": deployment.hbm_reserve,
            "framework": options.get("framework"),
            "price": deployment.terms.price,
            "utilisation": deployment.terms.utilisation,
            "usd_chip_hour": {name: _hourly(price(deployment.system.part(1))) for name, price in PRICES.items()},
            **{name: options.get(name) for name in REUSE},
            "arrivals": words["arrivals"],
            "rate": options.get("rate"),
            "configuration": configuration(deployment),
        }
    )


def _hourly(usd_per_s: Numbers | None) -> float | None:
    return None if usd_per_s is None else float(usd_per_s) * 3600.0
