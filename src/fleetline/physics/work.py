"""(model, checkpoint, stage) -> Work: arithmetic by precision and bytes moved, a named operation each.

Two groups: `linear` operations multiply weights, and tokens of any sequence share them; `attention` operations read and
write each sequence's own cache, and run as kernels of their own (article, footnote 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.catalog.types import Checkpoint, NumberFormat
from fleetline.physics.kernels import activations, block_of, calls_of, core_of, multiplications, projections
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
    attention = tuple(_prefill_attention(model, group, checkpoint, stage, passes) for group in model.attention)
    linear = _linear(model, checkpoint, stage, passes, in_prefill=True)
    started = Operation("eager layer", 0.0, "", 0.0, "eager layer", calls=passes * model.layers)
    return Work(linear, attention, steps=0.0, between=(*_between(model, checkpoint, passes, "prefill"), started))


def prefill_passes(stage: Stage, chunk_tokens: Numbers) -> Numbers:
    """Chunks that the prompts are cut into, at least one where anything is run."""
    return np.maximum(stage.tokens_per_pass * stage.passes / chunk_tokens, np.minimum(stage.passes, 1.0))


def decode_work(model: Model, checkpoint: Checkpoint, stage: Stage) -> Work:
    """Weights and the whole cache are read in every pass; latent attention is absorbed.

    Source: article, section Decode.
    """
    attention = tuple(_decode_attention(model, group, checkpoint, stage) for group in model.attention)
    linear = _linear(model, checkpoint, stage, stage.passes, in_prefill=False)
    return Work(linear, attention, steps=stage.passes, between=_between(model, checkpoint, stage.passes, "decode"))


def _between(model: Model, checkpoint: Checkpoint, passes: Numbers, stage: str) -> tuple[Operation, ...]:
    """Norms, rotary embedding, cache writes of each attention kind; one activation a layer; the host, once a pass."""
    small = [
        Operation("small", 0.0, "", 0.0, "small", calls=passes * group.count * calls_of(group.attention).small)
        for group in model.attention
    ]
    members = [_in_block(each, model, group, checkpoint, stage) for each, group in zip(small, model.attention, strict=True)]
    layers = Operation("small", 0.0, "", 0.0, "small", calls=passes * model.layers)
    return (*members, layers, Operation("host", 0.0, "", 0.0, "host", calls=passes))


def _in_block(operation: Operation, model: Model, group: AttentionLayers, checkpoint: Checkpoint, stage: str) -> Operation:
    """The operation as a member of its attention group's block."""
    block = block_of(model, group)
    if not block or "attention" not in checkpoint.formats:
        return operation
    laws = f"{checkpoint.formats['attention'].law}/{checkpoint.kv_cache.law}"
    return replace(operation, block=f"{block} block {stage}", block_law=laws)


def weights_read(model: Model, checkpoint: Checkpoint, stage: Stage, *, in_prefill: bool) -> tuple[Operation, ...]:
    """The weights that a stage reads, by themselves: no arithmetic, no kernel started."""
    found: list[Operation] = []
    for part in model.parts:
        stored = checkpoint.formats[part.name]
        moved = _read(part, stored, stage, in_prefill=in_prefill)
        read = Operation(part.name, 0.0, stored.compute_precision, moved, _kernel(part), stored.law)
        found += _members(read, model, checkpoint, 0.0, in_prefill=in_prefill) if part.name == "attention" else [read]
    return tuple(found)


def _linear(
    model: Model, checkpoint: Checkpoint, stage: Stage, starts: Numbers, *, in_prefill: bool
) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    for part in model.parts:
        stored = checkpoint.formats[part.name]
        worked = _passing(part, stage, in_prefill=in_prefill) * stage.passes
        whole = Operation(
            name=part.name,
            flop=2.0 * part.active * worked,
            precision=stored.compute_precision,
            bytes_moved=_read(part, stored, stage, in_prefill=in_prefill),
            kind=_kernel(part),
            law=stored.law,
        )
        if part.name == "attention":
            operations += _members(whole, model, checkpoint, starts, in_prefill=in_prefill)
            continue
        calls, depth = multiplications(model, part)
        handed = activations(model, worked, whole.flop) if part.name == "routed_experts" else 0.0
        operations.append(replace(whole, calls=starts * calls, depth=starts * depth, activation_bytes=handed))
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


def _members(
    whole: Operation, model: Model, checkpoint: Checkpoint, starts: Numbers, *, in_prefill: bool
) -> list[Operation]:
    """Attention's projections, those of each group of layers that has any on their own, in its block."""
    held = {
        place: group.count * group.attention.weights * group.weights_here
        for place, group in enumerate(model.attention)
        if np.any(group.attention.weights)
    }
    every, stage = sum(held.values()), "prefill" if in_prefill else "decode"
    found = []
    for place, mine in held.items():
        group = model.attention[place]
        calls, depth = projections(model, group)
        part = replace(whole, calls=starts * calls, depth=starts * depth)
        if len(held) > 1:
            share, name = mine / every, f"{group.attention.name} projections"
            part = replace(part, name=name, flop=whole.flop * share, bytes_moved=whole.bytes_moved * share)
        found.append(_in_block(part, model, group, checkpoint, stage))
    return found


def _pairs(group: AttentionLayers, stage: Stage) -> Numbers:
    """(token, attended token) pairs of one sequence over the stage, each position once."""
    return group.attention.pairs(stage.end) - group.attention.pairs(stage.start)


def _prefill_attention(
    model: Model, group: AttentionLayers, checkpoint: Checkpoint, stage: Stage, starts: Numbers
) -> Operation:
    first = np.maximum(stage.start, stage.end - group.prompt_tail)
    pairs = (group.attention.pairs(stage.end) - group.attention.pairs(first)) * stage.tokens_per_position
    written = group.costs.prefill_write * np.minimum(stage.tokens, group.prompt_tail) * stage.passes
    cached = group.costs.kept * group.attention.kept(stage.start)  # what was computed before is read, once
    core = Operation(
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
    )
    return _in_block(core, model, group, checkpoint, "prefill")


def _decode_attention(model: Model, group: AttentionLayers, checkpoint: Checkpoint, stage: Stage) -> Operation:
    pairs = _pairs(group, stage)
    attended = pairs / (stage.end - stage.start)  # by one token, averaged over the stage [token]
    read = group.costs.decode_read * attended * stage.passes
    verified = group.costs.verified * (stage.tokens - 1.0) * stage.passes
    run = np.where(np.greater(stage.passes, 0.0), 1.0, 0.0)[()]  # a draft that is not used writes nothing
    written = group.costs.decode_write * (stage.end - stage.start) * run + verified
    core = Operation(
        name=f"{group.attention.name} attention",
        flop=group.count * stage.sequences * group.costs.decode_flop * pairs * stage.tokens_per_position * group.heads_here,
        precision=checkpoint.attention_precision,
        bytes_moved=group.count * stage.sequences * (read + written) * _element_bytes(group, checkpoint) * group.cache_here,
        kind=f"{core_of(group)} decode",
        law=checkpoint.kv_cache.law,
        calls=stage.passes * group.count,
        block_calls=stage.passes * group.count * calls_of(group.attention).leads(group.attention),
    )
    return _in_block(core, model, group, checkpoint, "decode")


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
