"""Attention kinds: one class each, telling weights, cache and the cost of letting one token attend to another.

Everything an attention kind does with context follows from one function, `pairs(context)`: the number of (token, attended
token) pairs as a sequence grows from nothing to `context` tokens. Causal prefill of S tokens is `pairs(S)` (S**2/2 for full
attention: "average context = input/2"); decoding O more tokens is `pairs(S + O) - pairs(S)` (O tokens at context S + O/2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

Numbers = float | npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairCosts:
    """What one layer's attention costs per pair and per token, in FLOP and cache elements.

    Attributes:
        prefill_flop: arithmetic per (new token, attended token) pair in prefill [FLOP].
        decode_flop: the same in decode [FLOP].
        decode_read: cache elements read per attended token in one decode pass [element].
        prefill_write: cache elements written per prompt token [element].
        decode_write: cache elements written per decoded token [element].
        kept: cache elements that stay in memory per token of kept context [element].
    """

    prefill_flop: float
    decode_flop: float
    decode_read: float
    prefill_write: float
    decode_write: float
    kept: float


class Attention(Protocol):
    """What the rest of fleetline asks of an attention kind; a new kind is one more class that answers it."""

    @property
    def name(self) -> str:
        """What people call the kind."""

    @property
    def weights(self) -> float:
        """Projection weights of one layer [parameter]."""

    @property
    def costs(self) -> PairCosts:
        """The full count of this kind's costs."""

    @property
    def article_costs(self) -> PairCosts:
        """The costs as the article counts them (its Decode section): no RoPE parts, no cache writes in decode."""

    def pairs(self, context: Numbers) -> Numbers:
        """(token, attended token) pairs while a sequence grows from 0 to `context` tokens [pair]."""

    def kept(self, context: Numbers) -> Numbers:
        """Tokens whose cache entries are held for a sequence of `context` tokens [token]."""


def _pairs_within(window: float, context: Numbers) -> Numbers:
    """Integral of min(position, window) from 0 to `context`; a window of infinity is full attention."""
    inside = np.minimum(context, window)
    return inside * inside / 2.0 + inside * (context - inside)


@dataclass(frozen=True)
class GroupedQuery:
    """Multi-head (kv_heads = heads), grouped-query and multi-query attention, full or within a sliding window.

    Source: Ainslie et al. 2023 (arXiv:2305.13245); sliding window: Beltagy et al. 2020 (arXiv:2004.05150).
    """

    hidden: float
    heads: float
    kv_heads: float
    head_dim: float
    window: float = math.inf

    @property
    def name(self) -> str:
        """Grouped-query, or sliding-window."""
        return "grouped-query" if math.isinf(self.window) else "sliding-window"

    @property
    def weights(self) -> float:
        """Q and O for every head, K and V for every KV head [parameter]."""
        return self.hidden * self.head_dim * 2.0 * (self.heads + self.kv_heads)

    @property
    def costs(self) -> PairCosts:
        """Score and value sum are a multiply and an add per head dimension each; K and V are cached per KV head."""
        flop = 2.0 * self.heads * (self.head_dim + self.head_dim)
        cached = 2.0 * self.kv_heads * self.head_dim
        return PairCosts(flop, flop, cached, cached, cached, cached)

    @property
    def article_costs(self) -> PairCosts:
        """Article, Decode: "We'll ignore decode KV cache writes"."""
        return replace(self.costs, decode_write=0.0)

    def pairs(self, context: Numbers) -> Numbers:
        """Full: context**2 / 2; with a window each token sees at most `window` others."""
        return _pairs_within(self.window, context)

    def kept(self, context: Numbers) -> Numbers:
        """All of the context, or the window."""
        return np.minimum(context, self.window)


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention: one compressed key-value vector per token, shared by all heads.

    Prefill expands it to full keys and values (not absorbed); decode folds the up-projections into query and output
    (absorbed), so a pair costs the latent dimension instead of the head's. Both forms do the same GEMM arithmetic:
    `kv_b` is applied either to each key or to the query and the output.

    Source: DeepSeek-V2 (arXiv:2405.04434), section 2.1; article, section Decode.
    """

    hidden: float
    heads: float
    query_rank: float
    latent: float
    nope_dim: float
    rope_dim: float
    value_dim: float

    @property
    def name(self) -> str:
        """Latent."""
        return "latent"

    @property
    def weights(self) -> float:
        """q_a, q_b, kv_a, kv_b and o [parameter]."""
        query = self.hidden * self.query_rank + self.query_rank * self.heads * (self.nope_dim + self.rope_dim)
        key_value = self.hidden * (self.latent + self.rope_dim) + self.latent * self.heads * (
            self.nope_dim + self.value_dim
        )
        return query + key_value + self.heads * self.value_dim * self.hidden

    @property
    def costs(self) -> PairCosts:
        """With the RoPE parts, which cannot be absorbed: keys are nope + rope wide, or latent + rope when absorbed."""
        return self._costs(self.rope_dim)

    @property
    def article_costs(self) -> PairCosts:
        """Article, Decode: RoPE omitted from arithmetic and reads, yet in what prefill writes (280 MB against 265)."""
        return replace(self._costs(0.0), decode_write=0.0)

    def _costs(self, rope: float) -> PairCosts:
        cached = self.latent + self.rope_dim
        return PairCosts(
            prefill_flop=2.0 * self.heads * (self.nope_dim + rope + self.value_dim),
            decode_flop=2.0 * self.heads * (self.latent + rope + self.latent),
            decode_read=self.latent + rope,
            prefill_write=cached,
            decode_write=cached,
            kept=cached,
        )

    def pairs(self, context: Numbers) -> Numbers:
        """Every token sees all before it: context**2 / 2."""
        return _pairs_within(math.inf, context)

    def kept(self, context: Numbers) -> Numbers:
        """All of the context."""
        return context
