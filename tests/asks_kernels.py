"""Of a law in the table `kernels`: the deployment that runs by it, of a checkpoint stored so that its kernels are those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cells import Cell

import fleetline as fl
from fleetline.catalog import load, rows
from fleetline.catalog.types import Checkpoint, NumberFormat
from fleetline.deployment import deploy
from fleetline.physics import serving

# from one token, which waits for latency and memory, to many long requests, which wait for arithmetic
BATCHES = np.tile([1.0, 4.0, 16.0, 256.0, 4096.0, 65536.0], 4)
PROMPTS = np.repeat([1.0, 100.0, 8000.0, 100000.0], 6)

# who runs a kind of attention, as `physics.kernels` calls it; of latent ones who has most heads, and so most arithmetic
_MODELS: Mapping[str, str] = {
    "grouped": "llama-3.1-8b",
    "windowed": "gpt-oss-120b",
    "latent": "deepseek-v3",
    "sparse latent": "deepseek-v3.2",
    "sparse grouped": "minimax-m3",
    "compressed": "deepseek-v4-pro",
    "compressed top": "deepseek-v4-pro",
    "recurrent": "qwen3.5-397b-a17b",
}
_OTHERWISE = "kimi-k2.6"
# with all-reduces; with exchanges between expert ranks, and attention in one piece; with gathers
_LAYOUTS: tuple[Mapping[str, float], ...] = ({"tp": 8}, {"dp": 8, "ep": 8}, {"tp": 2, "dp": 4})
_NO_BLOCK = "int4"  # no whole block is measured with such weights, so that attention runs by the laws of its parts
_OWN_RACK = Path(__file__).with_name("own_rack.toml")


def of_kernel(cell: Cell) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The chip's systems in every layout; a law of any chip on one that nobody measured.

    No system of the catalog is larger than the domain of its links, but engines of benchmark runs are.
    """
    row = cell.row
    assert isinstance(row, rows.KernelTimeRow)
    if row.operation == "scale_out":
        yield "runs of H100 by their kernels", _runs
        return
    model, (weights, cache) = _model(row.operation), _stored(row)
    systems = [name for name, one in load().systems.items() if one.chip.name == row.chip]
    for system in [_OWN_RACK] if row.chip == "any" else systems:
        for layout in _LAYOUTS:
            name = f"{model} in {weights}/{cache} on {system} {dict(layout)} by {row.framework}"
            yield name, partial(_served, model, system, weights, cache, framework=row.framework, **layout)


def _runs() -> Any:
    found = fl.predict(preset="kernels", where="hardware=h100")
    return found.tpot_s.tolist(), found.ttft_s.tolist()


def _model(operation: str) -> str:
    kind = operation.removesuffix(" prefill").removesuffix(" decode").removesuffix(" block")
    return _MODELS.get(kind, _OTHERWISE)


def _stored(row: rows.KernelTimeRow) -> tuple[str, str]:
    """Whose kernels the operation is: weights and cache of a block, weights of a product, the cache of attention alone."""
    weights, _, cache = (row.precision or "").partition("/")
    if cache:
        return weights, cache
    return (weights, "bf16") if row.operation in {"gemm", "experts"} else (_NO_BLOCK, weights or "bf16")


def _served(model: str, system: str | Path, weights: str, cache: str, **options: Any) -> Any:
    """Rates at every batch, a number each."""
    options |= {"preset": "kernels", "counting": "checkpoint", "input_tokens": PROMPTS, "output_tokens": 500.0}
    found, _ = deploy(model, system, **options)
    stored = Checkpoint("", model, "", {part: _format(weights) for part in found.checkpoint.formats}, _format(cache))
    rates = serving.rates(replace(found, checkpoint=stored.on(found.system.chip)), BATCHES)
    return [np.asarray(each).tolist() for each in (rates.throughput, rates.ttft_s, rates.tpot_s)]


def _format(law: str) -> NumberFormat:
    return next(each for each in load().formats.values() if each.law == law)
