"""(model, checkpoint, stage) -> Work: arithmetic by precision and bytes moved, a named operation each.

Two groups: `linear` operations multiply weights, and tokens of any sequence share them; `attention` operations read and
write each sequence's own cache, and run as kernels of their own (article, footnote 7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.catalog.types import Checkpoint, NumberFormat
from fleetline.physics.kernels import activations, block_of, calls_of, core_of, multiplications, projections
from fleetline.physics.remembered import remembered
from fleetline.physics.stages import Stage


@dataclass(frozen=True)
class Operation:
    """One named piece of a stage's work, summed over its passes, layers and sequences.

    Attributes:
        flop: arithmetic [FLOP] at `precision`.
        bytes_moved: memory traffic [byte].
        kind: which kernel does it, and `law` in which precision, as the table `kernels` calls them.
        calls: how often that kernel is started, one after the other.
        depth: sum over the calls of their inner dimension, which products of few rows walk along in steps.
        activation_bytes: what fused experts hand on besides `bytes_moved` [byte].
        block, block_law: the measured block it is part of, "" if none, and in which precisions.
        block_calls: how often it starts the block; 0 for what another member starts.
    """

    name: str
    flop: Numbers
    precision: str
    bytes_moved: Numbers
    kind: str = "gemm"
    law: str = ""
    calls: Numbers = 0.0
    depth: Numbers = 0.0
    activation_bytes: Numbers = 0.0
    block: str = ""
    block_law: str = ""
    block_calls: Numbers = 0.0


@dataclass(frozen=True)
class Work:
    """All operations of a stage, how many passes carry a step latency, and the kernels that multiply and attend nothing."""

    linear: tuple[Operation, ...]
    attention: tuple[Operation, ...]
    steps: Numbers
    between: tuple[Operation, ...] = ()


def prefill_work(model: Model, checkpoint: Checkpoint, stage: Stage, chunk_tokens: Numbers = np.inf) -> Work:
    """Weights are read once and the cache is written; attention is causal and not absorbed.

    Source: article, section Prefill. Attention's operands stay on the chip: only what is written counts as traffic.
    Kernels are started once for every chunk; a chunk's weight reads are those of the decode pass it rides along with.
    """
    passes = prefill_passes(stage, chunk_tokens)
    attention = tuple(
        _prefill_attention(group, block, checkpoint, stage, passes)
        for group, block in zip(model.attention, _blocks(model, checkpoint, True), strict=True)
    )
    linear = _linear(model, checkpoint, stage, passes, in_prefill=True)
    started = Operation("eager layer", 0.0, "", 0.0, "eager layer", calls=passes * model.layers)
    return Work(linear, attention, steps=0.0, between=(*_between(model, checkpoint, passes, in_prefill=True), started))


def prefill_passes(stage: Stage, chunk_tokens: Numbers) -> Numbers:
    """Chunks that the prompts are cut into [1], at least one where anything is run."""
    return np.maximum(stage.tokens_per_pass * stage.passes / chunk_tokens, np.minimum(stage.passes, 1.0))


def decode_work(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    """Weights and the whole cache are read in every pass; latent attention is absorbed.

    Source: article, section Decode.
    """
    attention = tuple(
        _decode_attention(group, block, checkpoint, stage)
        for group, block in zip(model.attention, _blocks(model, checkpoint, False), strict=True)
    )
    linear = _linear(model, checkpoint, stage, stage.passes, in_prefill=False)
    return Work(linear, attention, steps=stage.passes, between=_between(model, checkpoint, stage.passes, in_prefill=False))


def _between(model: Model, checkpoint: Checkpoint, passes: Numbers, *, in_prefill: bool) -> tuple[Operation, ...]:
    """Norms, rotary embedding, cache writes of each attention kind; one activation a layer; the host, once a pass."""
    members = [
        Operation(
            "small",
            0.0,
            "",
            0.0,
            "small",
            calls=passes * group.count * calls_of(group.attention).small,
            block=block.name,
            block_law=block.law,
        )
        for group, block in zip(model.attention, _blocks(model, checkpoint, in_prefill), strict=True)
    ]
    layers = Operation("small", 0.0, "", 0.0, "small", calls=passes * model.layers)
    return (*members, layers, Operation("host", 0.0, "", 0.0, "host", calls=passes))


@dataclass(frozen=True)
class _Block:
    """The measured block that an attention group's kernels are members of, "" if none, and in which precisions."""

    name: str = ""
    law: str = ""


@remembered
def _blocks(model: Model, checkpoint: Checkpoint, in_prefill: bool) -> tuple[_Block, ...]:
    stage = "prefill" if in_prefill else "decode"
    found = []
    for group in model.attention:
        block = block_of(model, group)
        if not block or "attention" not in checkpoint.formats:
            found.append(_Block())
            continue
        laws = f"{checkpoint.formats['attention'].law}/{checkpoint.kv_cache.law}"
        found.append(_Block(f"{block} block {stage}", laws))
    return tuple(found)


@dataclass(frozen=True)
class _Multiplied:
    """Some of a part's multiplications: kernels that one pass starts, sum of their inner dimensions, share of the part [1].

    `share` None is all of it.
    """

    name: str
    calls: Numbers
    depth: Numbers
    share: Numbers | None = None
    block: _Block = _Block()


@remembered
def _multiplied(model: Model, checkpoint: Checkpoint, in_prefill: bool) -> tuple[tuple[_Multiplied, ...], ...]:
    """Of every part of the model: all at once, attention's projections by groups of layers."""
    return tuple(
        _members(model, checkpoint, in_prefill)
        if part.name == "attention"
        else (_Multiplied(part.name, *multiplications(model, part)),)
        for part in model.parts
    )


def _members(model: Model, checkpoint: Checkpoint, in_prefill: bool) -> tuple[_Multiplied, ...]:
    """Attention's projections, those of each group of layers that has any on their own, in its block."""
    held = {
        place: group.count * group.attention.weights * group.weights_here
        for place, group in enumerate(model.attention)
        if np.any(group.attention.weights)
    }
    every, blocks = sum(held.values()), _blocks(model, checkpoint, in_prefill)
    found = []
    for place, mine in held.items():
        calls, depth = projections(model, model.attention[place])
        if len(held) == 1:
            found.append(_Multiplied("attention", calls, depth, None, blocks[place]))
        else:
            name = f"{model.attention[place].attention.name} projections"
            found.append(_Multiplied(name, calls, depth, mine / every, blocks[place]))
    return tuple(found)


def weights_read(model: Model, checkpoint: Checkpoint, stage: Stage, *, in_prefill: bool) -> tuple[Operation, ...]:
    """The weights that a stage reads, by themselves: no arithmetic, no kernel started."""
    found: list[Operation] = []
    for part, members in zip(model.parts, _multiplied(model, checkpoint, in_prefill), strict=True):
        stored = checkpoint.formats[part.name]
        moved = _read(part, stored, stage, in_prefill=in_prefill)
        found += [
            Operation(
                name=one.name,
                flop=0.0,
                precision=stored.compute_precision,
                bytes_moved=moved if one.share is None else moved * one.share,
                kind=_kernel(part),
                law=stored.law,
                block=one.block.name,
                block_law=one.block.law,
            )
            for one in members
        ]
    return tuple(found)


def _linear(
    model: Model, checkpoint: Checkpoint, stage: Stage, starts: Numbers, *, in_prefill: bool
) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    for part, members in zip(model.parts, _multiplied(model, checkpoint, in_prefill), strict=True):
        stored = checkpoint.formats[part.name]
        worked = _passing(part, stage, in_prefill=in_prefill) * stage.passes
        flop, moved = 2.0 * part.active * worked, _read(part, stored, stage, in_prefill=in_prefill)
        operations += [
            Operation(
                name=one.name,
                flop=flop if one.share is None else flop * one.share,
                precision=stored.compute_precision,
                bytes_moved=moved if one.share is None else moved * one.share,
                kind=_kernel(part),
                law=stored.law,
                calls=starts * one.calls,
                depth=starts * one.depth,
                activation_bytes=activations(model, worked, flop) if part.name == "routed_experts" else 0.0,
                block=one.block.name,
                block_law=one.block.law,
            )
            for one in members
        ]
    return tuple(operations)


def _kernel(part: WeightPart) -> str:
    return "experts" if part.name == "routed_experts" else "gemm"


def _passing(part: WeightPart, stage: Stage, *, in_prefill: bool) -> Numbers:
    """Tokens that a pass multiplies with a part's weights, those that need only a share of it counted so [token]."""
    share = part.prompt_share if in_prefill else 1.0
    if share == 1.0:
        return stage.tokens_per_pass
    return share * stage.tokens_per_pass + (1.0 - share) * _late(part, stage)


def _read(part: WeightPart, stored: NumberFormat, stage: Stage, *, in_prefill: bool) -> Numbers:
    """Traffic of a part's weights in all passes [byte]."""
    share = part.prompt_share if in_prefill else 1.0
    touched: Numbers = 0.0
    if share > 0.0:
        touched = share * part.touched(stage.tokens_per_pass)
    if share < 1.0:
        touched = touched + (1.0 - share) * part.touched(_late(part, stage))
    return stored.bytes_per_weight * stage.passes * touched


def _late(part: WeightPart, stage: Stage) -> Numbers:
    """Tokens at the ends of the prompts, which need all of the part [token]."""
    return stage.sequences * np.minimum(stage.tokens, part.prompt_tail)


def _pairs(group: AttentionLayers, stage: Stage) -> Numbers:
    """(token, attended token) pairs of one sequence over the stage, each position once."""
    return group.attention.pairs(stage.end) - group.attention.pairs(stage.start)


def _prefill_attention(
    group: AttentionLayers, block: _Block, checkpoint: Checkpoint, stage: Stage, starts: Numbers
) -> Operation:
    every = math.isinf(group.prompt_tail)
    first = stage.start if every else np.maximum(stage.start, stage.end - group.prompt_tail)
    attending = stage.tokens if every else np.minimum(stage.tokens, group.prompt_tail)
    pairs = (group.attention.pairs(stage.end) - group.attention.pairs(first)) * stage.tokens_per_position
    written = group.costs.prefill_write * attending * stage.passes
    cached = group.costs.kept * group.attention.kept(stage.start)  # what was computed before is read, once
    return Operation(
        name=f"{group.attention.name} attention",
        flop=group.count * stage.sequences * group.costs.prefill_flop * pairs * group.heads_here,
        precision=checkpoint.attention_precision,
        bytes_moved=group.count
        * stage.sequences
        * (written + cached)
        * _element_bytes(group, checkpoint)
        * group.cache_here,
        kind=f"{core_of(group)} prefill",
        law=checkpoint.kv_cache.law,
        calls=starts * group.count,
        block_calls=starts * group.count * calls_of(group.attention).leads(group.attention),
        block=block.name,
        block_law=block.law,
    )


def _decode_attention(group: AttentionLayers, block: _Block, checkpoint: Checkpoint, stage: Stage) -> Operation:
    pairs = _pairs(group, stage)
    attended = pairs / (stage.end - stage.start)  # by one token, averaged over the stage [token]
    read = group.costs.decode_read * attended * stage.passes
    written: Numbers = 0.0
    if group.costs.decode_write:
        run = np.where(np.greater(stage.passes, 0.0), 1.0, 0.0)[()]  # a draft that is not used writes nothing
        written = group.costs.decode_write * (stage.end - stage.start) * run
    if group.costs.verified:
        written = written + group.costs.verified * (stage.tokens - 1.0) * stage.passes
    return Operation(
        name=f"{group.attention.name} attention",
        flop=group.count * stage.sequences * group.costs.decode_flop * pairs * stage.tokens_per_position * group.heads_here,
        precision=checkpoint.attention_precision,
        bytes_moved=group.count * stage.sequences * (read + written) * _element_bytes(group, checkpoint) * group.cache_here,
        kind=f"{core_of(group)} decode",
        law=checkpoint.kv_cache.law,
        calls=stage.passes * group.count,
        block_calls=stage.passes * group.count * calls_of(group.attention).leads(group.attention),
        block=block.name,
        block_law=block.law,
    )


def verify_bytes(model: Model, checkpoint: Checkpoint, tokens: Numbers) -> Numbers:
    """Memory that one sequence needs to verify `tokens` in a pass, besides its cache [byte]."""
    each = (
        group.count * group.costs.verified * _element_bytes(group, checkpoint) * group.cache_here
        for group in model.attention
        if group.costs.verified
    )
    return sum(each, start=0.0) * (tokens - 1.0)


def beside(work: Work, draft: Work, share: float) -> Work:
    """A stage's work with a draft's: its operations under names of their own, and `share` of the latency for its steps.

    Ours: a step latency is the sum of its kernels' floors (physics notes, section 0), so it goes by layers.
    """
    linear, attention = (
        tuple(replace(one, name=f"draft {one.name}") for one in operations)
        for operations in (draft.linear, draft.attention)
    )
    return Work(
        (*work.linear, *linear),
        (*work.attention, *attention),
        work.steps + draft.steps * share,
        (*work.between, *draft.between),
    )


def weight_bytes(model: Model, checkpoint: Checkpoint) -> Numbers:
    """Memory of the weights [byte]."""
    return sum(part.elements * checkpoint.formats[part.name].bytes_per_weight for part in model.parts)


def cache_bytes(model: Model, checkpoint: Checkpoint, context: Numbers) -> Numbers:
    """Memory of one sequence's cache at `context` tokens [byte]."""
    held: Numbers = 0.0
    for group in model.attention:
        elements = group.count * group.costs.kept * group.attention.kept(context)
        held = held + elements * _element_bytes(group, checkpoint) * group.cache_here
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
