"""(model, checkpoint, stage) -> Work: arithmetic by precision and bytes moved, a named operation each.

Two groups: `linear` operations multiply weights, and tokens of any sequence share them; `attention` operations read and
write each sequence's own cache, and run as kernels of their own (article, footnote 7).
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import AttentionLayers, Model
from fleetline.catalog.types import Checkpoint
from fleetline.physics.stages import Stage


@dataclass(frozen=True)
class Operation:
    """One named piece of a stage's work, summed over its passes, layers and sequences.

    Attributes:
        flop: arithmetic [FLOP] at `precision`.
        bytes_moved: memory traffic [byte].
    """

    name: str
    flop: Numbers
    precision: str
    bytes_moved: Numbers


@dataclass(frozen=True)
class Work:
    """All operations of a stage, and how many passes carry a step latency."""

    linear: tuple[Operation, ...]
    attention: tuple[Operation, ...]
    steps: Numbers


def prefill_work(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    """Weights are read once and the cache is written; attention is causal and not absorbed.

    Source: article, section Prefill. Attention's operands stay on the chip: only what is written counts as traffic.
    """
    attention = tuple(_prefill_attention(group, checkpoint, stage) for group in model.attention)
    return Work(_linear(model, checkpoint, stage, in_prefill=True), attention, steps=0.0)


def decode_work(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    """Weights and the whole cache are read in every pass; latent attention is absorbed.

    Source: article, section Decode.
    """
    attention = tuple(_decode_attention(group, checkpoint, stage) for group in model.attention)
    return Work(_linear(model, checkpoint, stage, in_prefill=False), attention, steps=stage.passes)


def _linear(model: Model, checkpoint: Checkpoint, stage: Stage, *, in_prefill: bool) -> tuple[Operation, ...]:
    operations = []
    for part in model.parts:
        stored = checkpoint.formats[part.name]
        last_token_only = in_prefill and not part.on_every_prompt_token
        tokens = stage.sequences if last_token_only else stage.tokens_per_pass
        operations.append(
            Operation(
                name=part.name,
                flop=2.0 * part.active * tokens * stage.passes,
                precision=stored.compute_precision,
                bytes_moved=stored.bytes_per_weight * part.touched(tokens) * stage.passes,
            )
        )
    return tuple(operations)


def _pairs(group: AttentionLayers, stage: Stage) -> Numbers:
    """(token, attended token) pairs of one sequence over the stage, each position once."""
    return group.attention.pairs(stage.end) - group.attention.pairs(stage.start)


def _prefill_attention(group: AttentionLayers, checkpoint: Checkpoint, stage: Stage) -> Operation:
    pairs = _pairs(group, stage) * stage.tokens_per_position
    written = group.costs.prefill_write * stage.tokens * stage.passes
    return Operation(
        name=f"{group.attention.name} attention",
        flop=group.count * stage.sequences * group.costs.prefill_flop * pairs,
        precision=checkpoint.attention_precision,
        bytes_moved=group.count * stage.sequences * written * _element_bytes(group, checkpoint),
    )


def _decode_attention(group: AttentionLayers, checkpoint: Checkpoint, stage: Stage) -> Operation:
    pairs = _pairs(group, stage)
    attended = pairs / (stage.end - stage.start)  # by one token, averaged over the stage [token]
    read = group.costs.decode_read * attended * stage.passes
    written = group.costs.decode_write * (stage.end - stage.start)
    return Operation(
        name=f"{group.attention.name} attention",
        flop=group.count * stage.sequences * group.costs.decode_flop * pairs * stage.tokens_per_position,
        precision=checkpoint.attention_precision,
        bytes_moved=group.count * stage.sequences * (read + written) * _element_bytes(group, checkpoint),
    )


def weight_bytes(model: Model, checkpoint: Checkpoint) -> float:
    """Memory of the weights [byte]."""
    return sum(part.elements * checkpoint.formats[part.name].bytes_per_weight for part in model.parts)


def cache_bytes(model: Model, checkpoint: Checkpoint, context: Numbers) -> Numbers:
    """Memory of one sequence's cache at `context` tokens [byte]."""
    held: Numbers = 0.0
    for group in model.attention:
        elements = group.count * group.costs.kept * group.attention.kept(context)
        held = held + elements * _element_bytes(group, checkpoint)
    return held


def _element_bytes(group: AttentionLayers, checkpoint: Checkpoint) -> float:
    """Bytes of one cache element: as the kind fixes them, or in the checkpoint's cache format [byte]."""
    fixed = group.costs.element_bytes
    return checkpoint.kv_cache.bytes_per_weight if fixed is None else fixed


def activation_bytes(model: Model, tokens_in_flight: Numbers, bytes_per_value: float) -> Numbers:
    """Memory of what flows between layers: the residual stream and one layer's input and output per token [byte].

    Ours: three vectors of the hidden width a token; wider inner products live and die inside one kernel's tiles.
    """
    return 3.0 * model.hidden * tokens_in_flight * bytes_per_value
