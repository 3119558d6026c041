"""The controls that the views of one deployment share, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetline.catalog import config_token, load
from fleetline.catalog.timings import FRAMEWORKS
from fleetline.deployment import DEGREES
from fleetline.errors import InputError
from fleetline.physics.money import PRICES
from fleetline.physics.schedules import SCHEDULES
from fleetline.webapp.controls import Choice, Control


def _models() -> list[Choice]:
    catalog = load()
    titles = {name: [row.value for row in catalog.model_rows(name) if row.quantity == "title"] for name in catalog.models}
    return [Choice(name, (titles[name] or [name])[0], name.partition("-")[0]) for name in sorted(catalog.models)]


def _systems() -> list[Choice]:
    return [Choice(name, f"{system.chip.name}, {system.gpus:g} chips", "") for name, system in load().systems.items()]


def _named(*names: tuple[str, str]) -> list[Choice]:
    return [Choice(value, label) for value, label in names]


_DEGREES = ("", "1", "2", "4", "8", "16", "32", "64", "72")


def _degree(key: str, label: str, words: str) -> Control:
    return Control(
        key,
        label,
        "choice",
        words,
        "Layout",
        "",
        lambda: _named(*((each, each or "not set") for each in _DEGREES)),
        also=True,
    )


CONTROLS: tuple[Control, ...] = (
    Control(
        "model", "Model", "choice", "What is served: a model of the catalog, or an uploaded config.json.", "Deployment",
        "kimi-k2.6", _models, also=True,
    ),
    Control("system", "System", "choice", "The rack, board or pod that serves it.", "Deployment", "gb200-nvl72", _systems),
    Control(
        "gpus", "Chips", "number", "Only so many of its chips; all of them unless set.", "Deployment", min=1, max=10_000,
        scale="log", step=1, placeholder="all",
    ),
    Control(
        "input_tokens", "Tokens in", "number", "Input tokens of each request.", "Workload", 8000.0, min=1, max=1_000_000,
        scale="log", step=1, unit="tokens",
    ),
    Control(
        "output_tokens", "Tokens out", "number", "Output tokens of each request.", "Workload", 1000.0, min=1, max=100_000,
        scale="log", step=1, unit="tokens",
    ),
    Control(
        "prefix_hit", "Found in cache", "number", "Share of each prompt found in the prefix cache.", "Workload", min=0, max=1,
        step=0.01, unit="share", placeholder="none",
    ),
    Control(
        "speed", "Wanted speed", "number", "Output tokens a second that each user gets at least, over wall time; 35 unless set.",
        "Wanted", min=0.1, max=2000, scale="log", unit="tok/s", placeholder="35",
    ),
    Control(
        "max_ttft", "Longest wait", "number", "Longest mean time to the first token; any unless set.", "Wanted", min=0.001,
        max=3600, scale="log", unit="s", placeholder="any",
    ),
    Control("offline", "Nobody waits", "toggle", "Batch work: no wanted speed, the most throughput.", "Wanted", False),
    Control(
        "schedule", "Schedule", "choice", "How prefill and decode share the chips.", "Serving", "chunked",
        lambda: _named(*((name, name.replace("-", ", ")) for name in SCHEDULES)),
    ),
    Control(
        "speculative", "Speculation", "choice", "Drafts that a decode pass verifies; of the model's own layer at their cost.",
        "Serving", "none",
        lambda: _named(
            ("none", "none"), ("8:3", "8 verified, 3 accepted, free (the article's)"), ("mtp:1", "1 own draft, as measured"),
            ("mtp:2", "2 own drafts, as measured"), ("mtp:3", "3 own drafts, as measured"),
            ("mtp:0.8,0.7,0.6", "3 own drafts, accepted 80%, 70%, 60%"),
        ),
        also=True,
    ),
    Control(
        "precision", "Weights", "choice", "Number format of the weights.", "Serving", "",
        lambda: _named(("", "as published"), ("fp4", "fp4"), ("fp8", "fp8"), ("bf16", "bf16")), also=True,
    ),
    Control(
        "preset", "Efficiencies", "choice", "Fitted to runs, the article's, ideal, or measured kernels (with a layout).",
        "Serving", "",
        lambda: _named(("", "fitted; kernels with a layout"), *((name, name) for name in load().presets)),
    ),
    Control(
        "framework", "Framework", "choice", "Whose kernels run, with a layout.", "Serving", "",
        lambda: _named(("", "all together"), *((name, name) for name in FRAMEWORKS[1:])),
    ),
    _degree("tp", "Tensor parallel", "GPUs that share each layer's heads and dense weights."),
    _degree("ep", "Expert parallel", "GPUs that share the experts."),
    _degree("dp", "Data parallel", "Ranks of a replica that attend to requests of their own."),
    _degree("pp", "Pipeline stages", "Stages that share the layers."),
    Control(
        "search", "Best layout", "toggle",
        "The frontier's figure looks through layouts, schedules and drafts at measured kernel times; takes seconds.",
        "Layout", False,
    ),
    Control(
        "price", "Price", "choice", "What a chip hour costs: rented for three years, or owned.", "Money", "rent",
        lambda: _named(*((name, name) for name in PRICES)),
    ),
    Control(
        "utilisation", "Sold", "number", "Share sold of what could be served; costs are divided by it.", "Money", 1.0, min=0.01,
        max=1, step=0.01, unit="share",
    ),
)  # fmt: skip

DEFAULTS: Mapping[str, Any] = {control.key: control.default for control in CONTROLS}


def _degree_of(name: str, given: str) -> float:
    try:
        return float(given)
    except ValueError as error:
        said = f"{name}: got '{given[:_SHOWN]}', allowed a whole number"
        raise InputError(said, field=name, got=given[:_SHOWN], allowed="a whole number") from error


_SHOWN = 80  # letters of a wrong value that a message repeats


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `throughput`: what is not set is left out."""
    found = {key: value for key, value in given.items() if value not in {None, ""}}
    for degree in DEGREES:
        if degree in found:
            found[degree] = _degree_of(degree, found[degree])
    if not found.get("offline"):
        found.pop("offline", None)
    found.pop("search", None)  # a matter of the frontier alone
    return found


def unlimited(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same deployment, whatever its users want."""
    return {key: value for key, value in asked.items() if key not in {"speed", "max_ttft", "offline"}}


def title(model: str) -> str:
    """What people call a model; an uploaded one by the name it was given."""
    return config_token.read(model)[0] if config_token.is_token(model) else load().model(model).title


def on(setting: Mapping[str, Any]) -> str:
    """What it runs on: "GB200 NVL72" for a whole rack, else so many chips."""
    system, some = load().systems[setting["system"]], int(setting["gpus"])
    if some == system.gpus and some >= _RACK:
        return str(system.chip.name)
    return f"{some} {system.chip.name} chip{'s' if some > 1 else ''}"


_RACK = 16  # chips from which a system goes by its own name
