"""What people call what tables name by key: systems, chips and models of the catalog, and names used in benchmarks."""

from __future__ import annotations

from fleetline.catalog import load
from fleetline.runs import rows_of

# the engines' own spelling; a prefix names what orchestrates them
_ENGINES = {
    "vllm": "vLLM",
    "sglang": "SGLang",
    "trt": "TensorRT-LLM",
    "atom": "ATOM",
    "dynamo": "Dynamo",
    "mori": "MoRI",
    "mooncake": "Mooncake",
    "llmd": "llm-d",
    "disagg": "disaggregated",
}


def names() -> dict[str, str]:
    """Key -> name: catalog systems and models; models, chips and engines as benchmarks call them."""
    catalog = load()
    titles = {key: model.title.partition(" (")[0] for key, model in catalog.models.items()}
    found: dict[str, str] = {}
    for key, model in catalog.benchmark_models.items():
        name = titles.get(model, model)
        found[key] = f"{name} ({key})" if name in found.values() else name  # two releases of one architecture
    found |= {key: key.upper() for key in catalog.benchmark_systems}
    found |= {key: engine(key) for key in _engines()}
    return found | titles | {key: system.chip.name for key, system in catalog.systems.items()}


def _engines() -> set[str]:
    return {row.framework for row in rows_of(())[0]}


def engine(key: str) -> str:
    """A serving engine by its own spelling: "dynamo-trt" reads "Dynamo TensorRT-LLM"."""
    return " ".join(_ENGINES.get(part, part) for part in key.split("-"))
