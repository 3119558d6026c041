"""Rows of `models` -> Model: which dimensions each attention kind needs, and how the weights fall into parts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fleetline.architecture.attention import Attention, Compressed, GroupedQuery, Indexer, Kept, Latent, Recurrent
from fleetline.architecture.model import AttentionLayers, Experts, Model, WeightPart
from fleetline.catalog.rows import ModelRow
from fleetline.catalog.tables import fault
from fleetline.errors import InputError


class MissingFactError(InputError):
    """A dimension of a model that its source does not give: the model is listed, not modelled."""


@dataclass(frozen=True)
class Facts:
    """The rows of one model; asking for one that is missing names it."""

    name: str
    rows: Mapping[str, ModelRow]

    def number(self, quantity: str) -> float:
        """The value of `quantity`.

        Raises:
            MissingFactError: the catalog has none.
            InputError: it is not a number.
        """
        row = self._row(quantity)
        if row.unit not in {"1", "1e9 parameters"}:
            raise fault(row, "unit", f"got '{row.unit}', {quantity} is a number")
        return float(row.value)

    def count(self, quantity: str) -> float:
        """A value that cannot be 0: a width, a number of layers; raises InputError where it is."""
        value = self.number(quantity)
        if value == 0:
            raise fault(self._row(quantity), "value", f"got '0', {quantity} must be over 0")
        return value

    def whole(self, quantity: str, most: float = math.inf, otherwise: float | None = None) -> int:
        """A number of layers or experts: whole, and at most `most`; raises InputError where it is not."""
        if quantity not in self.rows and otherwise is not None:
            return int(otherwise)
        value = self.number(quantity)
        if value != math.floor(value) or value > most:
            allowed = "a whole number" + ("" if math.isinf(most) else f" up to {most:g}")
            raise fault(self._row(quantity), "value", f"got '{self.text(quantity)}', {quantity} is {allowed}")
        return int(value)

    def layers(self) -> int:
        """Number of layers, at least one."""
        self.count("layers")
        return self.whole("layers")

    def number_or(self, quantity: str, otherwise: float) -> float:
        """The value of `quantity`, or what its absence means."""
        return self.number(quantity) if quantity in self.rows else otherwise

    def text(self, quantity: str) -> str:
        """The value of `quantity` in words."""
        return self._row(quantity).value

    def published(self, quantity: str) -> float | None:
        """A parameter count its authors published [parameter]."""
        return self.number(quantity) * 1e9 if quantity in self.rows else None

    def share(self, part: str, whole: str) -> float:
        """`part` of `whole`, which cannot be less; raises InputError where it is."""
        share = self.count(part) / self.count(whole)
        if share > 1:
            raise fault(self._row(part), "value", f"got {self.text(part)} {part} of {self.text(whole)} {whole}")
        return share

    def _row(self, quantity: str) -> ModelRow:
        if quantity not in self.rows:
            raise MissingFactError(f"models.csv has no row of its {quantity}", field="models.csv", got=quantity)
        return self.rows[quantity]


def _grouped(facts: Facts) -> tuple[AttentionLayers, ...]:
    full = _grouped_kind(facts)
    windowed = facts.whole("n_compressed_or_window_layers", facts.layers(), otherwise=0)
    layers = [_layers(facts.layers() - windowed, full)]
    if windowed:
        layers.append(_layers(windowed, replace(full, window=facts.count("sliding_window"))))
    return tuple(layers)


def _grouped_kind(facts: Facts) -> GroupedQuery:
    return GroupedQuery(
        hidden=facts.count("hidden_size"),
        heads=facts.count("heads"),
        kv_heads=facts.count("kv_heads"),
        head_dim=facts.count("head_dim"),
    )


def _chunked(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Llama 4: chunks on most layers, full attention on the others."""
    full, chunked = _grouped_kind(facts), facts.whole("n_compressed_or_window_layers", facts.layers())
    chunks = replace(full, chunk=facts.count("sliding_window"))
    return (_layers(facts.layers() - chunked, full), _layers(chunked, chunks))


def _two_widths(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Gemma 4: the full layers have other heads than those with a window, and one vector for key and value."""
    said = facts.text("full_layers" if "full_layers" in facts.rows else "attention_kind")
    form = re.search(r"full layers (\d+) KV heads x (\d+)(, K = V)?", said)
    if form is None:
        raise MissingFactError("models.csv has no row of the heads of its full layers", field="models.csv")
    windowed = facts.whole("n_compressed_or_window_layers", facts.layers())
    narrow = replace(_grouped_kind(facts), window=facts.count("sliding_window"))
    vectors = 1.0 if form[3] else 2.0
    full = GroupedQuery(narrow.hidden, narrow.heads, float(form[1]), float(form[2]), kv_vectors=vectors)
    return (_layers(facts.layers() - windowed, full), _layers(windowed, narrow))


def _latent(facts: Facts) -> tuple[AttentionLayers, ...]:
    return (_layers(facts.layers(), _latent_kind(facts)),)


def _latent_kind(facts: Facts) -> Latent:
    return Latent(
        hidden=facts.count("hidden_size"),
        heads=facts.count("heads"),
        query_rank=facts.number("q_lora_rank") or None,  # DeepSeek's own code writes 0 for no compression of the query
        latent=facts.count("kv_lora_rank"),
        nope_dim=facts.count("qk_nope_head_dim"),
        rope_dim=facts.number("qk_rope_head_dim"),
        value_dim=facts.count("v_head_dim"),
    )


def _latent_top(facts: Facts) -> tuple[AttentionLayers, ...]:
    """DeepSeek sparse attention: latent attention to the top tokens, picked by an indexer that some layers share."""
    layers, heads, width = facts.layers(), facts.count("index_n_heads"), facts.count("index_head_dim")
    projections = facts.count("q_lora_rank") * heads * width + facts.count("hidden_size") * (width + heads)
    indexer = Indexer(heads, width, projections)
    # "... on 21 of 78 layers": the others reuse what those found
    shared = re.search(r"on (\d+) of \d+ layers", facts.text("sparse_kind"))
    return (
        _layers(layers, replace(_latent_kind(facts), top=facts.count("index_topk"))),
        _layers(int(shared[1]) if shared else layers, indexer),
    )


def _grouped_blocks(facts: Facts) -> tuple[AttentionLayers, ...]:
    """MiniMax sparse attention: some layers attend to the top blocks (and the local one), picked by an indexer."""
    sparse = facts.whole("n_compressed_or_window_layers", facts.layers())
    form = re.search(
        r"top (\d+) blocks of (\d+) tokens \(\+(\d+) local\), (\d+) index heads x (\d+)", facts.text("sparse_kind")
    )
    if form is None:
        raise MissingFactError("models.csv has no row of its sparse_kind as blocks and index heads", field="models.csv")
    blocks, block, local, heads, width = (float(number) for number in form.groups())
    full = _grouped_kind(facts)
    projections = facts.count("hidden_size") * width * (heads + 1.0)
    return (
        _layers(facts.layers() - sparse, full),
        _layers(sparse, replace(full, top=(blocks + local) * block)),
        _layers(sparse, Indexer(heads, width, projections)),
    )


def _compressed(facts: Facts) -> tuple[AttentionLayers, ...]:
    """DeepSeek V4: every layer has a window; most add entries of 4 or 128 tokens, the former the top ones of an indexer."""
    hidden, window = facts.count("hidden_size"), _shared_window(facts)
    heads, width = window.heads, window.head_dim
    index_heads, index_width = facts.count("index_n_heads"), facts.count("index_head_dim")
    indexing = facts.count("q_lora_rank") * index_heads * index_width + hidden * (index_width * 4.0 + index_heads)
    groups = [_layers(facts.layers(), window)]
    for part in facts.text("compress_ratios").split(";"):
        ratio, count = (int(number) for number in part.split(":"))
        if ratio and count:
            top = facts.count("index_topk") if ratio == _INDEXED_RATIO else math.inf
            compressor = 2.0 * hidden * width * (2.0 if ratio == _INDEXED_RATIO else 1.0)
            groups.append(_layers(count, Compressed(heads, width, compressor, ratio=ratio, top=top)))
            if ratio == _INDEXED_RATIO:
                groups.append(_layers(count, Indexer(index_heads, index_width, indexing, ratio=ratio)))
    return tuple(groups)


def _shared_window(facts: Facts) -> Compressed:
    """The local part of a DeepSeek V4 layer, with all its projections: query, key-value, and the grouped output pair."""
    hidden, heads, width = facts.count("hidden_size"), facts.count("heads"), facts.count("head_dim")
    query, out_rank = facts.count("q_lora_rank"), facts.count("o_lora_rank")
    projections = hidden * (query + width) + query * heads * width + heads * width * out_rank
    projections += facts.count("o_groups") * out_rank * hidden
    return Compressed(heads, width, projections, window=facts.count("sliding_window"))


def _encoder_decoder(facts: Facts) -> tuple[AttentionLayers, ...]:
    """DeepSeek V4.1: prompts pass the first half of the layers; the second half reads what the first and its own one kept.

    A window of every layer; four layers keep entries and their index keys, all after them attend to the top ones; some
    layers have an index, the others reuse what it found. The second half's indexers after the first score only the blocks
    that it chose. To fill its windows, the end of a prompt passes the second half too.
    """
    hidden, window = facts.count("hidden_size"), _shared_window(facts)
    width, top, tail = window.head_dim, facts.count("index_topk"), window.window
    keeping, indexed, (encoder, decoder) = _csa2_layers(facts)
    groups = [_layers(encoder.stop, window), _late(len(decoder), window, tail)]
    for layers, ratio, last in ((encoder, _CSA2_RATIO, math.inf), (decoder, 1.0, tail)):
        sources = [layer for layer in keeping if layer in layers]
        compressor = hidden * width * (2.0 if ratio > 1.0 else 1.0)  # pooling needs a gate; one token an entry does not
        keys = width * facts.count("index_head_dim")
        kept = Kept(width + facts.count("index_head_dim"), compressor + keys, ratio)
        read = Compressed(window.heads, width, 0.0, ratio=ratio, top=top, own=0.0)
        groups += [_layers(len(sources), kept), _late(len(layers), read, last)]
        groups += _csa2_indexers(facts, [layer for layer in indexed if layer in layers], ratio, last)
    return tuple(groups)


_CSA2_RATIO = 2.0  # DeepSeek V4.1 configuration: two tokens an entry in the first half, one in the second


def _csa2_layers(facts: Facts) -> tuple[list[int], list[int], tuple[range, range]]:
    """Layers that keep entries, layers with an index, and those of either half that attend to entries."""
    said = facts.text("sparse_kind")
    form = re.search(r"by layers ([\d, ]+) \(ratio 2\) and (\d+) \(ratio 1\); index layers ([\d,]+)", said)
    ratios = re.fullmatch(r"0:(\d+);2:(\d+);1:(\d+)", facts.text("compress_ratios"))
    if form is None or ratios is None:
        raise MissingFactError("models.csv has no row of its layers with entries and with an index", field="models.csv")
    local, first, second = (int(number) for number in ratios.groups())
    if local + first + second != facts.layers():
        raise InputError(
            f"models.csv: {facts.name}: compress_ratios are not of {facts.layers()} layers", field="models.csv"
        )
    keeping, indexed = ([int(layer) for layer in form[place].split(",")] for place in (1, 3))
    return [*keeping, int(form[2])], indexed, (range(local, local + first), range(local + first, facts.layers()))


def _csa2_indexers(facts: Facts, indexed: list[int], ratio: float, tail: float) -> list[AttentionLayers]:
    """Indexers whose keys are kept by others; those of the second half after its first score chosen blocks alone."""
    heads, width = facts.count("index_n_heads"), facts.count("index_head_dim")
    projections = heads * (facts.count("q_lora_rank") * width + facts.count("hidden_size"))
    all_ = Indexer(heads, width, projections, ratio=ratio, own=0.0)
    if math.isinf(tail):
        return [_layers(len(indexed), all_)]
    chosen = replace(all_, most=facts.count("candidate_blocks") * facts.count("candidate_block_size"))
    return [_late(1, all_, tail), _late(len(indexed) - 1, chosen, tail)]


_INDEXED_RATIO = 4  # DeepSeek V4 configuration: only layers that compress four to one have an indexer


def _delta_hybrid(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Qwen3-Next and 3.5: gated DeltaNet layers, and grouped-query layers with an output gate."""
    full = _grouped_kind(facts)
    hidden, key, value = facts.count("hidden_size"), *_linear_widths(facts)
    # query, key, value and gate; two scalars a head; output
    projections = hidden * (2.0 * key + 2.0 * value + 2.0 * facts.count("linear_heads_v")) + value * hidden
    return (
        _layers(facts.whole("n_full_attn_layers", facts.layers()), replace(full, gates=1.0)),
        _layers(facts.whole("n_linear_layers", facts.layers()), _recurrent(facts, projections)),
    )


def _delta_sparse(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Qwen3.8: as Qwen3.5, and its grouped-query layers attend to the top tokens that an index of compressed keys finds."""
    (full, recurrent), hidden = _delta_hybrid(facts), facts.count("hidden_size")
    form = re.search(r"compress (\d+), budget (\d+), (\d+) index heads x (\d+), one key head", facts.text("sparse_kind"))
    if form is None:
        raise MissingFactError("models.csv has no row of its sparse_kind as budget and index heads", field="models.csv")
    ratio, budget, heads, width = (float(number) for number in form.groups())
    attention = replace(_grouped_kind(facts), gates=1.0, top=budget)
    indexer = Indexer(heads, width, hidden * width * (heads + 1.0), ratio=ratio)
    return (_layers(full.count, attention), _layers(full.count, indexer), recurrent)


def _mamba_hybrid(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Nemotron 3: Mamba-2 layers, a few grouped-query ones; the feed-forward blocks are layers of their own."""
    hidden, group, inner = facts.count("hidden_size"), *_linear_widths(facts)
    # in: gate and value as wide as all heads, key and query of every group, a step a head; out
    projections = hidden * (2.0 * inner + 2.0 * group + facts.count("linear_heads_v")) + inner * hidden
    full, linear = (facts.whole(name, facts.layers()) for name in ("n_full_attn_layers", "n_linear_layers"))
    mamba = replace(_recurrent(facts, projections), updates=3.0)
    return (_layers(full, _grouped_kind(facts)), _layers(linear, mamba))


def _kimi_hybrid(facts: Facts) -> tuple[AttentionLayers, ...]:
    """Kimi K3: Kimi delta attention layers, and latent layers with an output gate; in Kimi Linear of low rank, and none."""
    hidden, key, value = facts.count("hidden_size"), *_linear_widths(facts)
    per_head, gate_rank = facts.count("linear_head_dim_k"), facts.number_or("linear_gate_rank", 0.0)
    # query, key, value, output; one scalar a head; the decay through a rank of one head's width; the gate through its rank
    projections = hidden * (2.0 * key + 2.0 * value + facts.count("linear_heads_v") + per_head) + per_head * key
    projections += gate_rank * (hidden + value) if gate_rank else hidden * value
    gates = facts.number_or("full_attn_gates", 1.0)
    return (
        _layers(facts.whole("n_full_attn_layers", facts.layers()), replace(_latent_kind(facts), gates=gates)),
        _layers(facts.whole("n_linear_layers", facts.layers()), _recurrent(facts, projections)),
    )


def _linear_widths(facts: Facts) -> tuple[float, float]:
    """Width of all keys and of all values of a recurrent layer."""
    key = facts.count("linear_heads_k") * facts.count("linear_head_dim_k")
    return key, facts.count("linear_heads_v") * facts.count("linear_head_dim_v")


def _recurrent(facts: Facts, projections: float) -> Recurrent:
    heads, key_dim, value_dim = (facts.count(f"linear_{name}") for name in ("heads_v", "head_dim_k", "head_dim_v"))
    return Recurrent(heads, key_dim, value_dim, projections)


def _layers(count: int, kind: Attention) -> AttentionLayers:
    return AttentionLayers(count, kind, kind.costs)


def _late(count: int, kind: Attention, prompt_tail: float) -> AttentionLayers:
    return replace(_layers(count, kind), prompt_tail=prompt_tail)


# Words for attention kinds that rows of `models.csv` and readers of a config.json share.
WINDOWED = "GQA with sliding-window layers"
CHUNKED = "GQA with chunked layers"
TWO_WIDTHS = "GQA with sliding-window layers, full layers apart"
BLOCKS = "GQA + MiniMax Sparse Attention"
LATENT = "MLA"
LATENT_SPARSE = "MLA + DSA"
DEEPSEEK_V4 = "DeepSeek-V4 hybrid: CSA (ratio 4, sparse top-k) + HCA (ratio 128) + 128-token window, shared-KV MQA"
GATED_DELTA = "hybrid: gated DeltaNet linear attention + gated GQA"
MAMBA = "hybrid: Mamba-2 + GQA"
KIMI_DELTA = "hybrid: KDA linear attention + gated MLA (NoPE)"
ENCODER_DECODER = "causal encoder-decoder (20 + 20 layers), shared compressed KV (CSA2) + 128-token window, shared-KV MQA"

# The table's own words for an attention kind -> how to build its layers.
ATTENTION_KINDS: Mapping[str, Callable[[Facts], tuple[AttentionLayers, ...]]] = MappingProxyType(
    {
        "MHA": _grouped,
        "MQA": _grouped,
        "GQA": _grouped,
        WINDOWED: _grouped,
        "GQA alternating sliding-window(128)+sink / full": _grouped,
        "GQA, 5 sliding-window (1024) layers per full layer": _grouped,
        "GQA, chunked attention (8192) on 3 of 4 layers": _chunked,
        CHUNKED: _chunked,
        "GQA, 5 sliding-window (1024) layers per full layer; full layers 4 KV heads x 512, K = V": _two_widths,
        TWO_WIDTHS: _two_widths,
        BLOCKS: _grouped_blocks,
        LATENT: _latent,
        LATENT_SPARSE: _latent_top,
        DEEPSEEK_V4: _compressed,
        ENCODER_DECODER: _encoder_decoder,
        GATED_DELTA: _delta_hybrid,
        "hybrid: gated DeltaNet linear attention + gated GQA with Qwen Sparse Attention": _delta_sparse,
        MAMBA: _mamba_hybrid,
        "hybrid: Mamba-2 + GQA, latent MoE": _mamba_hybrid,
        KIMI_DELTA: _kimi_hybrid,
    }
)


def build_model(name: str, rows: Mapping[str, ModelRow]) -> Model:
    """The model called `name` from its rows.

    Raises:
        InputError: a dimension its attention kind or its experts need is missing.
    """
    facts = Facts(name, rows)
    total, active = (facts.published(f"published_{what}_params_B") for what in ("total", "active"))
    if total is not None and active is not None and active > total:
        row = rows["published_active_params_B"]
        raise fault(row, "value", f"got '{row.value}', more active parameters than there are")
    attention = ATTENTION_KINDS[facts.text("attention_kind")](facts)
    return Model(
        name=name,
        title=facts.text("title"),
        hidden=facts.count("hidden_size"),
        max_context=facts.count("max_context"),
        layers=facts.layers(),
        experts=_experts(facts),
        parts=tuple(_in_prompts(facts, part, attention) for part in _parts(facts, attention) if part.elements),
        attention=attention,
        published_total=total,
        published_active=active,
    )


def _experts(facts: Facts) -> Experts | None:
    count = facts.whole("n_routed_experts", otherwise=0)
    if not count:
        return None
    dense = facts.whole("dense_layers", facts.layers())
    return Experts(count, facts.count("experts_per_token"), facts.layers() - dense)


def _parts(facts: Facts, attention: tuple[AttentionLayers, ...]) -> list[WeightPart]:
    """Gated feed-forward blocks have three matrices, plain ones two; a dense model is one whose layers are all dense."""
    hidden, layers = facts.count("hidden_size"), facts.layers()
    experts = facts.whole("n_routed_experts", otherwise=0)
    dense_layers = facts.whole("dense_layers", layers, otherwise=None if experts else layers)
    sparse_layers = facts.whole("moe_layers", layers - dense_layers, otherwise=layers - dense_layers)
    matrices = facts.number_or("ffn_matrices", 3.0)
    attention_weights = sum(group.count * group.attention.weights for group in attention)
    dense = dense_layers * matrices * hidden * facts.count("dense_intermediate_size") if dense_layers else 0.0
    table = facts.count("vocab_size") * hidden
    parts = [_always("attention", attention_weights), _always("dense_ffn", dense)]
    if experts:
        share = facts.share("experts_per_token", "n_routed_experts")
        inside = facts.number_or("routed_expert_hidden_size", hidden)
        routed = sparse_layers * experts * matrices * inside * facts.count("moe_intermediate_size")
        per_shared = facts.number_or("shared_intermediate_size", 0.0)
        shared = sparse_layers * facts.number("n_shared_experts") * matrices * hidden * per_shared
        if inside != hidden:  # experts that work in a narrower space share the way in and out
            shared += sparse_layers * 2.0 * hidden * inside
        parts += [
            _always("router", sparse_layers * hidden * experts),
            _always("shared_experts", shared),
            WeightPart("routed_experts", routed, routed * share, touched_by_one=share),
        ]
    parts.append(WeightPart("head", table, table, prompt_share=0.0))
    if facts.number("embedding_tables") > 1:
        parts.append(WeightPart("embedding", table, 0.0, touched_by_one=1.0 / facts.count("vocab_size")))
    return parts


def _in_prompts(facts: Facts, part: WeightPart, attention: tuple[AttentionLayers, ...]) -> WeightPart:
    """The part, of which a prompt passes only the first half where the model is an encoder and a decoder."""
    tail = min(group.prompt_tail for group in attention)
    if math.isinf(tail) or not part.active or not part.prompt_share:
        return part
    share = _csa2_layers(facts)[2][0].stop / facts.layers()
    if part.name == "attention":
        weights = {math.isinf(group.prompt_tail): 0.0 for group in attention}
        for group in attention:
            weights[math.isinf(group.prompt_tail)] += group.count * group.attention.weights
        share = weights[True] / (weights[True] + weights[False])
    return replace(part, prompt_share=share, prompt_tail=tail)


def _always(name: str, elements: float) -> WeightPart:
    return WeightPart(name, elements, elements)
