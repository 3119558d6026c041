"""Which kernels a layer starts one after the other: each has a floor of microseconds, however little it does.

Where a whole attention block was measured as one (projections, core and what stands between them), the kernels of a kind
are members of that block, and the block's law times them together.

Source: physics notes, section 0 (dependent kernels per layer), inferred there from kernel traces and model code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fleetline.architecture.attention import (
    Attention,
    Compressed,
    GroupedQuery,
    Indexer,
    Kept,
    Latent,
    Numbers,
    Recurrent,
)
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.errors import InputError


@dataclass(frozen=True)
class Calls:
    """Kernels of one layer's attention.

    Attributes:
        core: which measured attention kernel it is timed as.
        depths: inner dimension of each projection, one after the other, from the kind, the width of the residual stream
            and the share of the heads that the machine has [1].
        small: norms, rotary embedding, cache write, quantisation and the like.
        block: which measured block it is part of, "" if of none. leads: whether it stands for the block's start.
    """

    core: Callable[[Any], str]
    depths: Callable[[Any, float, Numbers], tuple[Numbers, ...]]
    small: float
    block: Callable[[Any], str] = lambda _: ""
    leads: Callable[[Any], bool] = lambda _: True


def _latent_depths(kind: Latent, hidden: float, share: Numbers) -> tuple[Numbers, ...]:
    """q_a with kv_a, q_b, absorb, value, o."""
    query = () if kind.query_rank is None else (kind.query_rank,)
    return (hidden, *query, kind.nope_dim, kind.latent, kind.heads * kind.value_dim * share)


def _compressed_depths(kind: Compressed, hidden: float, _share: Numbers) -> tuple[Numbers, ...]:
    """With the window: q_a with kv, q_b, the grouped output pair; else the compressor. Inner ranks are not told apart."""
    return (hidden,) * (4 if math.isfinite(kind.window) else 1)


_CALLS: Mapping[type[Any], Calls] = MappingProxyType(
    {
        GroupedQuery: Calls(  # qkv, o; norm with rotary and cache write, norm
            lambda kind: "windowed" if math.isfinite(min(kind.window, kind.chunk)) else "grouped",
            lambda kind, hidden, share: (hidden, kind.heads * kind.head_dim * share),
            small=2.0,
            block=lambda kind: "sparse grouped" if math.isfinite(kind.top) else "",
        ),
        Latent: Calls(  # norms, rotary, cache write
            lambda _: "latent",
            _latent_depths,
            small=3.0,
            block=lambda kind: "latent" if math.isinf(kind.top) else "sparse latent",
        ),
        Indexer: Calls(  # index query and key; cache write, top-k
            lambda _: "latent", lambda _kind, hidden, _share: (hidden, hidden), small=2.0, leads=lambda _: False
        ),
        Compressed: Calls(
            lambda _: "latent",
            _compressed_depths,
            small=2.0,
            block=lambda kind: "compressed" if math.isinf(kind.top) else "compressed top",
            leads=lambda kind: math.isfinite(kind.window) or math.isfinite(kind.top),
        ),
        Kept: Calls(  # compressor with index key; cache write
            lambda _: "latent", lambda _kind, hidden, _share: (hidden,), small=1.0
        ),
        Recurrent: Calls(  # inputs, output; convolution update, gated norm
            lambda _: "recurrent",
            lambda kind, hidden, share: (hidden, kind.value_heads * kind.value_dim * share),
            small=2.0,
        ),
    }
)


def calls_of(kind: Attention) -> Calls:
    """The kernels of one layer of an attention kind.

    Raises:
        InputError: nobody has counted them so far.
    """
    if type(kind) not in _CALLS:
        raise InputError(f"attention: the kernels of {kind.name} attention are not counted here", field="attention")
    return _CALLS[type(kind)]


def core_of(group: AttentionLayers) -> str:
    """The measured kernel that a group's attention itself is timed as."""
    return calls_of(group.attention).core(group.attention)


def block_of(model: Model, group: AttentionLayers) -> str:
    """The measured block that a group is part of; an index is part of the block that attends to what it finds."""
    if isinstance(group.attention, Indexer):
        found = [calls_of(each.attention).block(each.attention) for each in model.attention]
        return next((name for name in found if name in {"sparse latent", "sparse grouped", "compressed top"}), "")
    return calls_of(group.attention).block(group.attention)


def projections(model: Model, group: AttentionLayers) -> tuple[float, Numbers]:
    """Weight multiplications that one pass starts for a group of layers, and the sum of their inner dimensions."""
    depths = calls_of(group.attention).depths(group.attention, model.hidden, group.heads_here)
    return group.count * float(len(depths)), group.count * sum(depths)


def multiplications(model: Model, part: WeightPart) -> tuple[float, Numbers]:
    """Weight multiplications that one pass starts for a part other than attention, and the sum of their inner dimensions.

    A feed-forward block is two (gate with up, down): 3 x hidden x inner weights, so that inner = weights / (3 hidden).
    All routed experts of a layer are one fused call, whose measured floor holds its top-k, quantisation and combination.
    `rest` is everything but the experts, as the article counts; its shapes are not known.
    """
    sparse = 0.0 if model.experts is None else model.experts.layers
    dense = model.layers - sparse
    inner = part.elements / (3.0 * model.hidden)
    attention = sum(projections(model, group)[0] for group in model.attention)
    return {
        "dense_ffn": (2.0 * dense, dense * model.hidden + inner),
        "shared_experts": (2.0 * sparse, sparse * model.hidden + inner),
        "router": (sparse, sparse * model.hidden),
        "head": (1.0, model.hidden),
        "routed_experts": (sparse, 0.0),
        "rest": (attention + 2.0 * dense + 3.0 * sparse + 1.0, 0.0),
    }.get(part.name, (0.0, 0.0))


def activations(model: Model, tokens: Numbers, flop: Numbers) -> Numbers:
    """Bytes that fused experts hand on for `tokens` tokens, `flop` being their arithmetic [byte].

    A (token, expert) pair moves 4 hidden + 6 inner bytes; its arithmetic, 6 hidden inner FLOP, tells the inner dimension.
    Source: the collection's own count (kernel data README, moe).
    """
    if model.experts is None:
        return 0.0
    pairs = tokens * model.experts.per_token * model.experts.pairs_here * model.experts.layers
    return 4.0 * model.hidden * pairs + flop / model.hidden
