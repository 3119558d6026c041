"""Attention kinds: one class each, telling weights, cache and the cost of letting one token attend to another.

A layer that attends in two ways (top-k tokens and the index that picks them; a window and compressed entries) is two kinds.

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
        kept: cache elements that stay in memory per kept entry of context [element].
        element_bytes: bytes of a cache element where the kind fixes it; None: the checkpoint's cache format [byte].
        verified: elements written, and held meanwhile, for each further token verified in a pass [element].
    """

    prefill_flop: float
    decode_flop: float
    decode_read: float
    prefill_write: float
    decode_write: float
    kept: float
    element_bytes: float | None = None
    verified: float = 0.0

    @property
    def as_in_the_article(self) -> PairCosts:
        """Article, Decode: "We'll ignore decode KV cache writes"."""
        return replace(self, decode_write=0.0)


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
        """Cache entries held for a sequence of `context` tokens [entry]."""


def _pairs_within(most: float, context: Numbers) -> Numbers:
    """Integral of min(position, most) from 0 to `context`; infinity is full attention."""
    if math.isinf(most):
        return context * context / 2.0
    inside = np.minimum(context, most)
    return inside * inside / 2.0 + inside * (context - inside)


@dataclass(frozen=True)
class GroupedQuery:
    """Multi-head (kv_heads = heads), grouped-query and multi-query: full, windowed, chunked or to the `top` tokens.

    A window bounds what is attended to and kept; `top` bounds only what is attended to; a chunk begins anew every so many
    tokens. `gates` counts further projections as wide as the query's (an output gate is one); `kv_vectors` is 1 where the
    key is the value too.

    Source: multi-head Vaswani et al. 2017 (arXiv:1706.03762); multi-query Shazeer 2019 (arXiv:1911.02150); grouped
    Ainslie et al. 2023 (arXiv:2305.13245); sliding window Beltagy et al. 2020 (arXiv:2004.05150); chunks and
    K = V: the Llama 4 and Gemma 4 configurations (transformers, `attention_chunk_size`, `attention_k_eq_v`).
    """

    hidden: float
    heads: float
    kv_heads: float
    head_dim: float
    window: float = math.inf
    top: float = math.inf
    gates: float = 0.0
    chunk: float = math.inf
    kv_vectors: float = 2.0

    @property
    def name(self) -> str:
        """Grouped-query, sliding-window, chunked or sparse."""
        if math.isfinite(self.top):
            return "sparse grouped-query"
        if math.isfinite(self.chunk):
            return "chunked"
        return "grouped-query" if math.isinf(self.window) else "sliding-window"

    @property
    def weights(self) -> float:
        """Q, O and gates for every head, K and V for every KV head [parameter]."""
        return self.hidden * self.head_dim * (self.heads * (2.0 + self.gates) + self.kv_vectors * self.kv_heads)

    @property
    def costs(self) -> PairCosts:
        """Score and value sum are a multiply and an add per head dimension each; K and V are cached per KV head."""
        flop = 2.0 * self.heads * (self.head_dim + self.head_dim)
        cached = self.kv_vectors * self.kv_heads * self.head_dim
        return PairCosts(flop, flop, cached, cached, cached, cached)

    @property
    def article_costs(self) -> PairCosts:
        """The same without writes in decode."""
        return self.costs.as_in_the_article

    def pairs(self, context: Numbers) -> Numbers:
        """Full: context**2 / 2; each token sees at most `window` or `top` others, or those of its chunk before it."""
        if math.isinf(self.chunk):
            return _pairs_within(min(self.window, self.top), context)
        inside: Numbers = np.mod(context, self.chunk)
        whole: Numbers = np.subtract(context, inside)
        return (whole * self.chunk + inside * inside) / 2.0

    def kept(self, context: Numbers) -> Numbers:
        """All of the context, the window, or as much as a chunk (engines free it as they free a window)."""
        most = min(self.window, self.chunk)
        return context if math.isinf(most) else np.minimum(context, most)


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention: one compressed key-value vector per token, shared by all heads.

    Prefill expands it to full keys and values (not absorbed); decode folds the up-projections into query and output
    (absorbed), so a pair costs the latent dimension instead of the head's. Both forms do the same GEMM arithmetic:
    `kv_b` is applied either to each key or to the query and the output. With `top` a token attends to so many others,
    picked by an `Indexer`, while all stay in the cache; `gates` counts further projections as wide as the output's.

    `query_rank` None: the query comes straight from the hidden state (DeepSeek-V2-Lite, Kimi Linear).

    Source: DeepSeek-V2 (arXiv:2405.04434), section 2.1; article, section Decode; top-k: DeepSeek-V3.2 (arXiv:2512.02556).
    """

    hidden: float
    heads: float
    query_rank: float | None
    latent: float
    nope_dim: float
    rope_dim: float
    value_dim: float
    top: float = math.inf
    gates: float = 0.0

    @property
    def name(self) -> str:
        """Latent, or sparse latent."""
        return "latent" if math.isinf(self.top) else "sparse latent"

    @property
    def weights(self) -> float:
        """q_a, q_b, kv_a, kv_b, o and gates [parameter]."""
        queries = self.heads * (self.nope_dim + self.rope_dim)
        query = self.hidden * queries if self.query_rank is None else self.query_rank * (self.hidden + queries)
        key_value = self.hidden * (self.latent + self.rope_dim) + self.latent * self.heads * (
            self.nope_dim + self.value_dim
        )
        return query + key_value + self.output_weights + self.gates * self.heads * self.value_dim * self.hidden

    @property
    def output_weights(self) -> float:
        """o, which some checkpoints store in another format than the rest [parameter]."""
        return self.heads * self.value_dim * self.hidden

    @property
    def costs(self) -> PairCosts:
        """With the RoPE parts, which cannot be absorbed: keys are nope + rope wide, or latent + rope when absorbed."""
        return self._costs(self.rope_dim)

    @property
    def article_costs(self) -> PairCosts:
        """Article, Decode: RoPE omitted from arithmetic and reads, yet in what prefill writes (280 MB against 265)."""
        return self._costs(0.0).as_in_the_article

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
        """Every token sees all before it, or its `top`: context**2 / 2 while that is all."""
        return _pairs_within(self.top, context)

    def kept(self, context: Numbers) -> Numbers:
        """All of the context."""
        return context


@dataclass(frozen=True)
class Indexer:
    """The light attention that scores every token (or every `ratio` tokens' entry) so that another attends to the best.

    At most `most` entries are scored: those of the blocks another indexer chose. `own` is 0 where the keys are kept by
    `Kept` for several layers.

    Source: DeepSeek-V3.2 (arXiv:2512.02556), section 2.1 (lightning indexer); MiniMax M3 and DeepSeek V4 configurations.
    """

    heads: float
    head_dim: float
    projections: float
    ratio: float = 1.0
    most: float = math.inf
    own: float = 1.0

    @property
    def name(self) -> str:
        """Indexer."""
        return "indexer"

    @property
    def weights(self) -> float:
        """Its query, key and head-weight projections, counted by whoever knows where they start [parameter]."""
        return self.projections

    @property
    def costs(self) -> PairCosts:
        """A score per head; one key, shared by all heads, is cached per entry."""
        flop, cached = 2.0 * self.heads * self.head_dim, self.own * self.head_dim
        return PairCosts(flop, flop, self.head_dim, cached / self.ratio, cached / self.ratio, cached)

    @property
    def article_costs(self) -> PairCosts:
        """The same without writes in decode."""
        return self.costs.as_in_the_article

    def pairs(self, context: Numbers) -> Numbers:
        """Every token scores the entries before it, `most` of them: context**2 / (2 ratio) while that is all."""
        return _pairs_within(self.most * self.ratio, context) / self.ratio

    def kept(self, context: Numbers) -> Numbers:
        """One entry for every `ratio` tokens."""
        return context / self.ratio


@dataclass(frozen=True)
class Compressed:
    """DeepSeek V4's attention over one shared key-value vector per `ratio` tokens, at most `top` of them, or a window.

    With `window` it is the local part (ratio 1), which every layer has and which carries the projections; the compressed
    part of the same layer shares them and adds its compressor. `own` is 0 where `Kept` has the entries for several layers.

    Source: DeepSeek V4 configuration and InferenceX/aiconfigurator notes on it (physics notes, section 1).
    """

    heads: float
    head_dim: float
    projections: float
    ratio: float = 1.0
    top: float = math.inf
    window: float = math.inf
    own: float = 1.0

    @property
    def name(self) -> str:
        """Window, or compressed so many to one."""
        return "shared-key window" if math.isfinite(self.window) else f"compressed {self.ratio:g}:1"

    @property
    def weights(self) -> float:
        """Projections or compressor, counted by whoever knows where they start [parameter]."""
        return self.projections

    @property
    def costs(self) -> PairCosts:
        """Every head scores and sums the same vector, which is key and value at once."""
        flop, cached = 4.0 * self.heads * self.head_dim, self.own * self.head_dim
        return PairCosts(flop, flop, self.head_dim, cached / self.ratio, cached / self.ratio, cached)

    @property
    def article_costs(self) -> PairCosts:
        """The same without writes in decode."""
        return self.costs.as_in_the_article

    def pairs(self, context: Numbers) -> Numbers:
        """A token at position s attends to min(s, window), or min(s / ratio, top), entries."""
        return self.ratio * _pairs_within(min(self.top, self.window), context / self.ratio)

    def kept(self, context: Numbers) -> Numbers:
        """The window, or one entry for every `ratio` tokens."""
        return np.minimum(context, self.window) / self.ratio


@dataclass(frozen=True)
class Kept:
    """Entries that one layer makes of every `ratio` tokens and that it and later layers attend to and score.

    `width` values an entry: its vector and its index key. The reading is counted where it happens.

    Source: DeepSeek V4.1 Flash configuration (`kv_source_layer_ids`): four compressors for forty layers.
    """

    width: float
    projections: float
    ratio: float = 1.0

    @property
    def name(self) -> str:
        """Kept entries."""
        return "kept entries"

    @property
    def weights(self) -> float:
        """Compressor and key projection, counted by whoever knows where they start [parameter]."""
        return self.projections

    @property
    def costs(self) -> PairCosts:
        """Written once; nothing attends here."""
        written = self.width / self.ratio
        return PairCosts(0.0, 0.0, 0.0, written, written, self.width)

    @property
    def article_costs(self) -> PairCosts:
        """The same without writes in decode."""
        return self.costs.as_in_the_article

    def pairs(self, context: Numbers) -> Numbers:
        """Each token makes its part of one entry."""
        return context

    def kept(self, context: Numbers) -> Numbers:
        """One entry for every `ratio` tokens."""
        return context / self.ratio


@dataclass(frozen=True)
class Recurrent:
    """Linear attention with a fixed state per value head, read and written in every pass: gated DeltaNet, KDA, Mamba-2.

    `updates`: what a token does to each element of the state: the delta rule decays, reads, corrects and writes it (4);
    Mamba-2 does not correct (3).

    Source: Yang et al. 2024 (arXiv:2412.06464); Kimi Linear (arXiv:2510.26692); Mamba-2 (arXiv:2405.21060), section 3.
    State in 32 bits by configuration.
    """

    value_heads: float
    key_dim: float
    value_dim: float
    projections: float
    updates: float = 4.0

    @property
    def name(self) -> str:
        """Recurrent."""
        return "recurrent"

    @property
    def weights(self) -> float:
        """Projections, counted by whoever knows the kind [parameter]."""
        return self.projections

    @property
    def costs(self) -> PairCosts:
        """A pair is (token, state): two FLOP an element for each update; the state is read and written.

        Verifying drafts stores a state per draft, to go back to the last one accepted (physics notes, section 1).
        """
        state = self.value_heads * self.key_dim * self.value_dim
        flop = 2.0 * self.updates * state
        return PairCosts(flop, flop, 2.0 * state, 0.0, 0.0, state, element_bytes=4.0, verified=state)

    @property
    def article_costs(self) -> PairCosts:
        """The same: its decode writes are part of using the state."""
        return self.costs

    def pairs(self, context: Numbers) -> Numbers:
        """Each token meets the one state."""
        return context

    def kept(self, context: Numbers) -> Numbers:
        """One state, however long the context."""
        return np.minimum(context, 1.0)
