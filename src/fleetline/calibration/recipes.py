"""Rows that do not say how many engines they ran: the nearest recorded recipe of the same model, chip and engine.

Of the runs with TTFT and separate pools three quarters name an engine's degrees and no engines, or only all GPUs of the
deployment. InferenceX runs few recipes, each at concurrencies of its own, so the recorded recipe that is nearest in
concurrency, degrees and lengths is mostly the one that ran. What a row does state is never replaced.

Source: ours; recorded recipes by InferenceX (table `benchmarks`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool

# What a difference weighs beside one of a factor e in concurrency. Set by how often the nearest recipe has the row's TPOT.
_LENGTHS, _DEGREES, _TOTAL, _SPECULATION = 0.7, 2.0, 0.7, 3.0
_EXACT = 0.02  # farther, the recipe is a neighbour of the one that ran, not the same
_CONFIRMED = 0.10  # log TPOT within which a recorded recipe is taken to be the run's own

Cell = tuple[str, str, str, str]


@dataclass(frozen=True)
class Recipe:
    """A recorded deployment with separate pools, and one of its concurrencies."""

    cell: Cell
    speculation: str
    prefill: Pool
    decode: Pool
    lengths: tuple[int, int]
    concurrency: int
    tpot_s: float
    config: str


@dataclass(frozen=True)
class Completed:
    """Rows with their layout filled in; `guessed`: 1 where a neighbour's was taken. `config` whose recipe it was, or ""."""

    rows: Sequence[Measurement]
    guessed: npt.NDArray[np.float64]
    config: Sequence[str]


def cell_of(row: Measurement) -> Cell:
    """What a recipe must share with a row: model, chip, engine, precision. One architecture is one model."""
    return (architecture_of(row.model), row.hardware, engine_of(row.framework), row.precision or "bf16")


def architecture_of(model: str) -> str:
    """The key under which benchmarks name an architecture first: what its successors were measured as is the same work."""
    first = {"dsv3": "dsr1", "dsv3.1": "dsr1", "kimik2.6": "kimik2.5", "kimik2.7-code": "kimik2.5"}
    return (first | {"glm5.1": "glm5", "minimaxm2.7": "minimaxm2.5"}).get(model, model)


def engine_of(framework: str) -> str:
    """The engine behind a framework's name: routers and disaggregation are separate features.

    Source: InferenceX SCHEMA (dynamo, mori, mooncake and llm-d route requests to engines of these names).
    """
    for engine in ("sglang", "vllm", "atom", "trt"):
        if engine in framework:
            return engine
    return framework or "unstated"


def incomplete(row: Measurement) -> bool:
    """Whether the row has separate pools and does not say of both how many engines of how many GPUs."""
    told = all(pool.workers and pool.gpus for pool in (row.prefill, row.decode))
    return row.disaggregated and row.input_tokens is not None and row.output_tokens is not None and not told


def recipes(rows: Sequence[Measurement]) -> list[Recipe]:
    """The recorded recipes of medians over runs, one for every concurrency and pair of lengths."""
    found = []
    for row in rows:
        if row.kind != "median_over_runs" or not row.disaggregated or incomplete(row) or row.tpot_s is None:
            continue
        lengths = (row.input_tokens or 0, row.output_tokens or 0)
        spoken = row.speculation or "none"
        found.append(
            Recipe(cell_of(row), spoken, row.prefill, row.decode, lengths, row.concurrency, row.tpot_s, row.config)
        )
    return found


def complete(
    rows: Sequence[Measurement],
    known: Sequence[Recipe],
    *,
    confirm: bool = False,
    without: Mapping[str, Set[str]] | None = None,
) -> Completed:
    """Fill in what rows with separate pools do not say from the nearest recorded recipe.

    Args:
        known: the recorded recipes.
        confirm: use the row's own TPOT to choose among near recipes. For rows to fit, never for rows to predict.
        without: row_id -> configurations whose recipes must not be used (to hold them out).
    """
    cells: dict[Cell, list[Recipe]] = defaultdict(list)
    for recipe in known:
        cells[recipe.cell].append(recipe)
    done, guessed, config = [], np.zeros(len(rows)), [""] * len(rows)
    for index, row in enumerate(rows):
        if not incomplete(row):
            done.append(row)
            continue
        hidden = (without or {}).get(row.row_id, frozenset())
        near = [each for each in cells.get(cell_of(row), []) if each.config not in hidden]
        chosen, sure = _chosen(row, near, confirm=confirm)
        done.append(row if chosen is None else _filled(row, chosen))
        guessed[index] = float(not sure)
        config[index] = chosen.config if chosen is not None and sure else ""
    return Completed(done, guessed, config)


def _chosen(row: Measurement, near: Sequence[Recipe], *, confirm: bool) -> tuple[Recipe | None, bool]:
    """The nearest recipe, and whether it is taken to be the row's own."""
    if not near:
        return None, False
    ranked = sorted(((_distance(row, each), order) for order, each in enumerate(near)))
    least = ranked[0][0]
    alike = [near[order] for distance, order in ranked if distance <= max(least, _EXACT)]
    if confirm and row.tpot_s is not None:
        measured = row.tpot_s
        best = min(alike, key=lambda each: abs(math.log(measured / each.tpot_s)))
        return best, least <= _EXACT and abs(math.log(measured / best.tpot_s)) <= _CONFIRMED
    drafting = [each for each in alike if each.speculation == "mtp"]
    return (drafting or alike)[0], least <= _EXACT


def _distance(row: Measurement, recipe: Recipe) -> float:
    apart = abs(math.log(row.concurrency / recipe.concurrency))
    apart += _LENGTHS * ((row.input_tokens, row.output_tokens) != recipe.lengths)
    for stated, recorded in ((row.prefill.gpus, recipe.prefill.gpus), (row.decode.gpus, recipe.decode.gpus)):
        if stated and recorded and not (stated == 1 and row.gpus is None):
            apart += _DEGREES * abs(math.log(stated / recorded))
    total = (recipe.prefill.total or 1) + (recipe.decode.total or 1)
    if row.gpus and row.gpus > 1:
        apart += _TOTAL * abs(math.log(row.gpus / total))
    spoken = _speculation(row)
    return apart + (_SPECULATION * (spoken != recipe.speculation) if spoken else 0.0)


def _speculation(row: Measurement) -> str | None:
    """What the row says; rows so old that they give all GPUs and no degrees drafted nothing (none of the medians does)."""
    undivided = row.gpus is not None and row.prefill.gpus is None and row.decode.gpus is None
    return row.speculation or ("none" if undivided else None)


def _filled(row: Measurement, recipe: Recipe) -> Measurement:
    prefill, decode = (
        _pool(stated, recorded) for stated, recorded in ((row.prefill, recipe.prefill), (row.decode, recipe.decode))
    )
    together = (prefill.total or 1) + (decode.total or 1)
    return replace(
        row,
        prefill=prefill,
        decode=decode,
        gpus=row.gpus if row.gpus and row.gpus > 1 else together,
        speculation=_speculation(row) or recipe.speculation,
    )


def _pool(stated: Pool, recorded: Pool) -> Pool:
    """The stated pool with the recorded one's engines; an engine stored as one GPU is one whose degrees were not stored."""
    gpus = stated.gpus if stated.gpus and stated.gpus > 1 else recorded.gpus
    workers = stated.workers or recorded.workers
    many = recorded.dp_attention if stated.dp_attention is None else stated.dp_attention
    ep = recorded.ep if gpus == recorded.gpus else stated.ep
    return Pool(workers, gpus, stated.tp, ep, many, stated.total or (workers or 1) * (gpus or 1))
