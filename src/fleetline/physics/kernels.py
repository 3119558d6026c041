"""Which kernels a layer starts one after the other: each has a floor of microseconds, however little it does.

Source: physics notes, section 0 (dependent kernels per layer), inferred there from kernel traces and model code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fleetline.architecture.attention import Attention, Compressed, GroupedQuery, Indexer, Kept, Latent, Recurrent
from fleetline.architecture.model import Model


@dataclass(frozen=True)
class Calls:
    """Kernels of one layer's attention.

    Attributes:
        kind: which measured attention kernel it is timed as.
        gemms: projections, one after the other.
        small: norms, rotary embedding, cache write, quantisation and the like.
    """

    kind: str
    gemms: float
    small: float


_CALLS: Mapping[type[Any], Calls] = MappingProxyType(
    {
        GroupedQuery: Calls("grouped", gemms=2.0, small=2.0),  # qkv, o; norm with rotary and cache write, norm
        Latent: Calls("latent", gemms=5.0, small=3.0),  # q_a with kv_a, q_b, absorb, value, o; norms, rotary, cache write
        Indexer: Calls("latent", gemms=2.0, small=2.0),  # index query and key; cache write, top-k
        Compressed: Calls("latent", gemms=4.0, small=2.0),  # q_a with kv, q_b, grouped output pair
        Kept: Calls("latent", gemms=1.0, small=1.0),  # compressor with index key; cache write
        Recurrent: Calls("recurrent", gemms=2.0, small=2.0),  # inputs, output; convolution update, gated norm
    }
)
# an attention kind nobody has counted yet is charged as grouped-query attention
_UNCOUNTED = Calls("grouped", gemms=2.0, small=2.0)


def calls_of(kind: Attention) -> Calls:
    """The kernels of one layer of an attention kind."""
    return _CALLS.get(type(kind), _UNCOUNTED)


def linear_calls(model: Model) -> Mapping[str, float]:
    """Weight multiplications that one pass starts, by part of the model.

    A feed-forward block is two (gate with up, down); all routed experts of a layer are one fused call, whose measured floor
    holds its top-k, quantisation and combination. `rest` is everything but the experts, as the article counts.
    """
    sparse = 0.0 if model.experts is None else model.experts.layers
    attention = sum(group.count * calls_of(group.attention).gemms for group in model.attention)
    dense = 2.0 * (model.layers - sparse)
    each = {"attention": attention, "dense_ffn": dense, "router": sparse, "shared_experts": 2.0 * sparse, "head": 1.0}
    return {**each, "rest": attention + dense + 3.0 * sparse + 1.0, "routed_experts": sparse}


def small_calls(model: Model) -> float:
    """Kernels of one pass that multiply no weights and attend to nothing: those of attention, one activation a layer."""
    return sum(group.count * calls_of(group.attention).small for group in model.attention) + model.layers
