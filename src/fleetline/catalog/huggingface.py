"""A Hugging Face config.json -> the facts of a model, by the field names of each family of the transformers library.

The facts are rows of the same quantities as `models.csv` and become a model through the same builder (`models.py`). A field
is taken for given only where the library's own configuration class gives it a value; everything else that is missing,
unknown or makes no sense is refused by name. Field names and those defaults: huggingface/transformers,
src/transformers/models/<family>/configuration_<family>.py; DeepSeek V4, Kimi, MiniMax M3: the configurations on their hubs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from fleetline.catalog.config_file import MOST_LAYERS, Config
from fleetline.catalog.models import ENCODER_DECODER

Facts = dict[str, int | str]
Layers = frozenset[int]
# facts, and the layers that are the exception: recurrent ones of an attention, dense ones of a mixture of experts
Found = tuple[Facts, Layers]
NONE: Layers = frozenset()


@dataclass(frozen=True)
class Family:
    """How the configurations of one `model_type` are read.

    Attributes:
        attention, feed_forward: (fields, facts so far) -> further facts.
        tied: whether embedding and head are one table where `tie_word_embeddings` is absent.
        context, vocabulary: what the library takes for an absent `max_position_embeddings`, `vocab_size`.
    """

    attention: Callable[[Config, Facts], Found]
    feed_forward: Callable[[Config, Facts], Found]
    tied: bool = False
    context: int | None = None
    vocabulary: int | None = None


@dataclass(frozen=True)
class Described:
    """What a configuration says of a model: its facts by the names of `models.csv`, and which layers are which."""

    model_type: str
    text: Config
    facts: Facts
    recurrent_layers: Layers
    dense_layers: Layers


def describe(config: Config) -> Described:
    """The facts of the (text) model of a configuration.

    Raises:
        InputError: a family that is not known, a field that is missing or makes no sense; file and field are named.
    """
    inner = config.child("text_config")
    text = inner or config
    model_type = _model_type(config, text)
    family = FAMILIES[model_type]
    facts: Facts = {
        "layers": text.whole("num_hidden_layers", "n_layer", most=MOST_LAYERS),
        "hidden_size": text.whole("hidden_size", "n_embed"),
        "heads": text.whole("num_attention_heads", "n_head"),
        "vocab_size": text.whole("vocab_size", otherwise=family.vocabulary),
        "max_context": text.whole("max_position_embeddings", otherwise=family.context),
    }
    tied = config.flag("tie_word_embeddings", otherwise=family.tied)
    facts["embedding_tables"] = 1 if text.flag("tie_word_embeddings", otherwise=tied) else 2
    attention, recurrent = family.attention(text, facts)
    facts |= attention
    feed_forward, dense = family.feed_forward(text, facts)
    return Described(model_type, text, facts | feed_forward, recurrent, dense)


def _model_type(config: Config, text: Config) -> str:
    """The family: of the text model, else of the whole, else as the architecture's class name says."""
    for place in (text, config):
        if place.has("model_type"):
            given = place.text("model_type")
            if given in FAMILIES:
                return given
            raise place.unknown("model_type", given, FAMILIES)
    named = next(iter(config.texts("architectures")), "")
    plain = {name.replace("_", ""): name for name in FAMILIES}
    stem = named.casefold().removesuffix("forcausallm").removesuffix("forconditionalgeneration")
    if stem.replace("_", "") in plain:
        return plain[stem.replace("_", "")]
    raise config.unknown("architectures", named, FAMILIES) if named else config.missing("model_type")


# --- attention: which layers have a window --------------------------------------------------------------------------------

Windows = Callable[[Config, int], list[bool]]


def _no_windows(_config: Config, layers: int) -> list[bool]:
    return [False] * layers


def _all_windows(config: Config, layers: int) -> list[bool]:
    """Mistral, Phi-3: every layer, where a window is given at all."""
    return [config.has("sliding_window")] * layers


def _upper_windows(config: Config, layers: int) -> list[bool]:
    """Qwen2 and 3: the layers from `max_window_layers` on, where `use_sliding_window` is on."""
    if not config.flag("use_sliding_window", otherwise=False):
        return [False] * layers
    first = config.whole("max_window_layers", least=0)
    return [layer >= first for layer in range(layers)]


def _all_but_every(default: int) -> Windows:
    """Gemma, Cohere 2, Olmo 3, gpt-oss: all but every n-th layer."""

    def windows(config: Config, layers: int) -> list[bool]:
        every = config.whole("sliding_window_pattern", "_sliding_window_pattern", otherwise=default)
        return [(layer + 1) % every != 0 for layer in range(layers)]

    return windows


_WINDOW_TYPES = MappingProxyType({"full_attention": False, "sliding_attention": True})


# --- attention ------------------------------------------------------------------------------------------------------------


# what a configuration class computes where it is absent: as many KV heads as heads, heads that share the width
_KV, _WIDTH = "num_key_value_heads", "head_dim"


def _heads(config: Config, facts: Facts, computed: Sequence[str] = ()) -> Facts:
    """Width of a head, and KV heads that share the heads evenly."""
    hidden, heads = int(facts["hidden_size"]), int(facts["heads"])
    kv_heads = config.whole(_KV, otherwise=heads if _KV in computed else None)
    if heads % kv_heads:
        raise config.fault(_KV, f"a divisor of {heads}, the attention heads")
    if not config.has(_WIDTH) and _WIDTH in computed and hidden % heads:
        heads_field = config.first_of(("num_attention_heads", "n_head"))
        raise config.fault(heads_field, f"a divisor of hidden_size {hidden}, or a head_dim")
    width = config.whole(_WIDTH, otherwise=hidden // heads if _WIDTH in computed else None)
    return {"kv_heads": kv_heads, "head_dim": width}


def _grouped(windows: Windows = _no_windows, *computed: str) -> Callable[[Config, Facts], Found]:
    """Multi-head, grouped-query or multi-query attention, some layers of it with a window."""

    def attention(config: Config, facts: Facts) -> Found:
        layers = int(facts["layers"])
        types = config.by_layer("layer_types", layers, _WINDOW_TYPES)
        windowed = sum([_WINDOW_TYPES[kind] for kind in types] or windows(config, layers))
        found = _heads(config, facts, computed) | {"n_full_attn_layers": layers - windowed}
        return found | _kind_of(found, facts) | _window(config, windowed), NONE

    return attention


def _kind_of(found: Facts, facts: Facts) -> Facts:
    if found["kv_heads"] == facts["heads"]:
        return {"attention_kind": "MHA"}
    return {"attention_kind": "MQA" if found["kv_heads"] == 1 else "GQA"}


def _window(config: Config, windowed: int) -> Facts:
    if not windowed:
        return {}
    window = config.whole("sliding_window")
    kind = "GQA with sliding-window layers"
    return {"attention_kind": kind, "n_compressed_or_window_layers": windowed, "sliding_window": window}


def _falcon(config: Config, facts: Facts) -> Found:
    """Falcon: KV heads are given for the new architecture, one for multi-query, else as many as heads."""
    kv_heads = int(facts["heads"])
    if config.flag("new_decoder_architecture", otherwise=False):
        kv_heads = config.whole("num_kv_heads")
        if int(facts["heads"]) % kv_heads:
            raise config.fault("num_kv_heads", f"a divisor of {facts['heads']}, the attention heads")
    elif config.flag("multi_query", otherwise=True):
        kv_heads = 1
    given = Config(config.file, {**config.fields, _KV: kv_heads}, config.place)
    return _grouped(_no_windows, _WIDTH)(given, facts)


def _opt(config: Config, facts: Facts) -> Found:
    """OPT: multi-head; no physics here of embeddings narrower than the model (opt-350m)."""
    hidden = int(facts["hidden_size"])
    if config.whole("word_embed_proj_dim", otherwise=hidden) != hidden:
        raise config.fault("word_embed_proj_dim", f"hidden_size {hidden}")
    return _grouped(_no_windows, _KV, _WIDTH)(config, facts)


def _chunked(config: Config, facts: Facts) -> Found:
    """Llama 4: chunks on the layers with RoPE, full attention on every `no_rope_layer_interval`-th."""
    layers, found = int(facts["layers"]), _heads(config, facts)
    types = config.by_layer("layer_types", layers, ("chunked_attention", "full_attention"))
    roped = config.by_layer("no_rope_layers", layers, (0, 1))
    every = config.whole("no_rope_layer_interval", otherwise=4)
    roped = [kind == "chunked_attention" for kind in types] or roped or [(layer + 1) % every for layer in range(layers)]
    chunked = sum(map(bool, roped))
    if not chunked:
        return found | {"attention_kind": "GQA", "n_full_attn_layers": layers}, NONE
    return found | {
        "attention_kind": "GQA with chunked layers",
        "n_full_attn_layers": layers - chunked,
        "n_compressed_or_window_layers": chunked,
        "sliding_window": config.whole("attention_chunk_size"),
    }, NONE


# what some Gemma 4 models have and nothing here counts, and what it must be for one that is counted
_GEMMA_4_WITHOUT = MappingProxyType({"hidden_size_per_layer_input": 256, "num_kv_shared_layers": 0})


def _two_widths(config: Config, facts: Facts) -> Found:
    """Gemma 4: full layers have heads of their own, whose key may be the value."""
    for name, otherwise in _GEMMA_4_WITHOUT.items():
        if config.whole(name, least=0, otherwise=otherwise):
            raise config.fault(name, "0: no physics here of it", got=config.whole(name, otherwise=otherwise))
    for name in ("enable_moe_block", "use_double_wide_mlp"):
        if config.flag(name, otherwise=False):
            raise config.fault(name, "false: no physics here of it")
    found, _ = _grouped(_all_but_every(6))(config, facts)
    same = config.flag("attention_k_eq_v", otherwise=False)
    heads, kv_heads = int(facts["heads"]), int(found["kv_heads"])
    if same and config.has("num_global_key_value_heads"):
        kv_heads = config.whole("num_global_key_value_heads")
        if heads % kv_heads:
            raise config.fault("num_global_key_value_heads", f"a divisor of {heads}, the attention heads")
    if "sliding_window" not in found:
        raise config.fault("layer_types", "some layers of sliding_attention")
    full = f"full layers {kv_heads} KV heads x {config.whole('global_head_dim', otherwise=512)}" + ", K = V" * same
    return found | {"attention_kind": "GQA with sliding-window layers, full layers apart", "full_layers": full}, NONE


def _mamba(config: Config, facts: Facts) -> Found:
    """Nemotron-H: `hybrid_override_pattern` has a letter a layer: Mamba-2, attention, experts, plain feed-forward."""
    if config.has("quantization_config"):
        raise config.fault("quantization_config", "none: no rule here for the modules of this family")
    layers, pattern = int(facts["layers"]), config.text("hybrid_override_pattern")
    if len(pattern) != layers or set(pattern) - set("M*E-") or "*" not in pattern or "M" not in pattern:
        raise config.fault("hybrid_override_pattern", f"{layers} letters of M, *, E and -, with M and * among them")
    found = (
        _heads(config, facts)
        | _hybrid("hybrid: Mamba-2 + GQA", layers, NONE)
        | {
            "n_full_attn_layers": pattern.count("*"),
            "n_linear_layers": pattern.count("M"),
            "linear_heads_k": config.whole("n_groups"),
            "linear_heads_v": config.whole("mamba_num_heads"),
            "linear_head_dim_k": config.whole("ssm_state_size"),
            "linear_head_dim_v": config.whole("mamba_head_dim"),
        }
    )
    return found, frozenset(layer for layer, kind in enumerate(pattern) if kind == "M")


def _latent(config: Config, facts: Facts) -> Found:
    """Multi-head latent attention; no `q_lora_rank`: queries come straight from the hidden state."""
    found: Facts = {
        "attention_kind": "MLA",
        "kv_heads": facts["heads"],
        "q_lora_rank": config.whole("q_lora_rank", otherwise=0),
        "kv_lora_rank": config.whole("kv_lora_rank"),
        "qk_nope_head_dim": config.whole("qk_nope_head_dim"),
        "qk_rope_head_dim": config.whole("qk_rope_head_dim", least=0),
        "v_head_dim": config.whole("v_head_dim"),
        "n_full_attn_layers": facts["layers"],
    }
    return found, NONE


def _index(config: Config) -> Facts:
    return {name: config.whole(name) for name in ("index_topk", "index_n_heads", "index_head_dim")}


def _latent_sparse(config: Config, facts: Facts) -> Found:
    """DeepSeek V3.2 and GLM-5; in GLM-5.2 some layers share the indices that others found."""
    layers, found = int(facts["layers"]), _latent(config, facts)[0]
    if not found["q_lora_rank"]:
        raise config.missing("q_lora_rank")  # the indexer's queries come from it
    indexed = _indexed_layers(config, layers)
    index = _index(config)
    shared = "every layer" if indexed == layers else f"{indexed} of {layers} layers (others share indices)"
    kind = f"DSA: top-{index['index_topk']} tokens, indexer on {shared}"
    return found | index | {"attention_kind": "MLA + DSA", "sparse_kind": kind}, NONE


def _indexed_layers(config: Config, layers: int) -> int:
    """Layers with an indexer of their own: as listed, or by the library's rule for `index_topk_freq`, else all."""
    types = config.by_layer("indexer_types", layers, ("full", "shared"))
    if types:
        return max(types.count("full"), 1)
    every = config.whole("index_topk_freq", otherwise=1)
    offset = config.whole("index_skip_topk_offset", least=0, otherwise=2)
    return sum(max(layer - offset + 1, 0) % every == 0 for layer in range(layers))


def _compressed(config: Config, facts: Facts) -> Found:
    """DeepSeek V4: `compress_ratios` names 0, 4 or 128 for each layer, and for each layer of the draft after them."""
    layers = int(facts["layers"])
    ratios = _compress_ratios(config, layers, (4, 128, 0))
    counts = {ratio: ratios.count(ratio) for ratio in (4, 128, 0)}
    names = ("head_dim", "q_lora_rank", "o_lora_rank", "o_groups", "sliding_window")
    found: Facts = {name: config.whole(name) for name in names}
    return found | _index(config) | {
        "attention_kind": _DEEPSEEK_V4,
        "kv_heads": config.whole("num_key_value_heads", most=1),
        "qk_rope_head_dim": config.whole("qk_rope_head_dim", least=0),
        "n_compressed_or_window_layers": layers,
        "compress_ratios": ";".join(f"{ratio}:{count}" for ratio, count in counts.items()),
    }, NONE


def _encoder_decoder(config: Config, facts: Facts) -> Found:
    """DeepSeek V4.1: windows alone, then layers of ratio 2, then of ratio 1; who keeps entries and who has an index."""
    layers = int(facts["layers"])
    ratios = _compress_ratios(config, layers, (0, 2, 1))
    counts = {ratio: ratios.count(ratio) for ratio in (0, 2, 1)}
    if ratios != [ratio for ratio, count in counts.items() for _ in range(count)]:
        raise config.fault("compress_ratios", f"0, then 2, then 1 for the {layers} layers", got=str(ratios)[:40])
    first, decoder = counts[0], counts[0] + counts[2]
    keeping = _rising(config, "kv_source_layer_ids", layers)
    if not keeping[:-1] or keeping[0] < first or keeping[-2] >= decoder or keeping[-1] != decoder:
        raise config.fault(
            "kv_source_layer_ids", f"layers from {first} on, the last of them {decoder}", got=str(keeping)[:40]
        )
    if config.whole("candidate_source_layer_id", least=0) != decoder:
        raise config.fault("candidate_source_layer_id", f"{decoder}, the first layer of ratio 1")
    indexed = _rising(config, "index_source_layer_ids", layers)
    if not set(keeping) <= set(indexed):
        raise config.fault("index_source_layer_ids", f"with those of kv_source_layer_ids, {keeping}", got=str(indexed)[:40])
    names = ("head_dim", "q_lora_rank", "o_lora_rank", "o_groups", "sliding_window")
    found: Facts = {name: config.whole(name) for name in names}
    *encoding, last = map(str, keeping)
    kept = f"CSA2: compressed KV published by layers {', '.join(encoding)} (ratio 2) and {last} (ratio 1)"
    return found | _index(config) | {
        "attention_kind": ENCODER_DECODER,
        "kv_heads": config.whole("num_key_value_heads", most=1),
        "qk_rope_head_dim": config.whole("qk_rope_head_dim", least=0),
        "n_compressed_or_window_layers": layers,
        "compress_ratios": ";".join(f"{ratio}:{count}" for ratio, count in counts.items()),
        "sparse_kind": f"{kept}; index layers {','.join(map(str, indexed))}",
        "candidate_blocks": config.whole("candidate_topk_blocks"),
        "candidate_block_size": config.whole("candidate_block_size"),
    }, NONE


def _rising(config: Config, name: str, layers: int) -> list[int]:
    """A list of layers, each once and in their order."""
    found = config.items(name)
    if not found:
        raise config.missing(name)
    whole = all(isinstance(layer, int) and not isinstance(layer, bool) and 0 <= layer < layers for layer in found)
    if not whole or found != sorted(set(found)):
        raise config.fault(name, f"a rising list of layers from 0 to {layers - 1}", got=str(found)[:40])
    return found


def _compress_ratios(config: Config, layers: int, known: Sequence[int]) -> list[int]:
    """The ratio of each layer; the list may go on with those of the draft."""
    ratios = config.items("compress_ratios")
    if not ratios:
        raise config.missing("compress_ratios")
    for ratio in ratios:
        if not isinstance(ratio, int) or isinstance(ratio, bool) or ratio not in known:
            raise config.fault("compress_ratios", f"entries of {', '.join(map(str, known))}", got=ratio)
    drafts = config.whole("num_nextn_predict_layers", least=0, otherwise=0)
    if len(ratios) not in {layers, layers + drafts}:
        raise config.fault("compress_ratios", f"one entry for each of the {layers} layers", got=f"{len(ratios)} entries")
    return ratios[:layers]


_DEEPSEEK_V4 = "DeepSeek-V4 hybrid: CSA (ratio 4, sparse top-k) + HCA (ratio 128) + 128-token window, shared-KV MQA"


def _delta(config: Config, facts: Facts) -> Found:
    """Qwen3-Next and 3.5: gated DeltaNet, and every `full_attention_interval`-th layer grouped-query with a gate."""
    layers = int(facts["layers"])
    types = config.by_layer("layer_types", layers, ("linear_attention", "full_attention"))
    if not types:
        every = config.whole("full_attention_interval")
        types = ["linear_attention" if (layer + 1) % every else "full_attention" for layer in range(layers)]
    if not config.flag("attn_output_gate", otherwise=True):
        raise config.fault("attn_output_gate", "true: no physics here of this attention without its gate")
    recurrent = frozenset(layer for layer, kind in enumerate(types) if kind == "linear_attention")
    kind = "hybrid: gated DeltaNet linear attention + gated GQA"
    return _heads(config, facts) | _hybrid(kind, layers, recurrent) | {
        "linear_heads_k": config.whole("linear_num_key_heads"),
        "linear_heads_v": config.whole("linear_num_value_heads"),
        "linear_head_dim_k": config.whole("linear_key_head_dim"),
        "linear_head_dim_v": config.whole("linear_value_head_dim"),
    }, recurrent


def _kimi_delta(config: Config, facts: Facts) -> Found:
    """Kimi Linear and K3: Kimi delta attention, and latent attention; `linear_attn_config` lists layers from 1."""
    layers, linear = int(facts["layers"]), config.child("linear_attn_config")
    if linear is None:
        raise config.missing("linear_attn_config")
    full = _numbered(linear, "full_attn_layers", layers)
    recurrent = _numbered(linear, "kda_layers", layers)
    if full & recurrent or len(full | recurrent) != layers:
        raise linear.fault("kda_layers", f"with full_attn_layers each of the layers 1..{layers} once")
    heads, width = linear.whole("num_heads"), linear.whole("head_dim")
    full_rank = linear.flag("use_full_rank_gate", otherwise=False)
    kind = "hybrid: KDA linear attention + gated MLA (NoPE)"
    return _latent(config, facts)[0] | _hybrid(kind, layers, recurrent) | {
        "linear_heads_k": heads,
        "linear_heads_v": heads,
        "linear_head_dim_k": width,
        "linear_head_dim_v": width,
        "linear_gate_rank": 0 if full_rank else width,
        "full_attn_gates": int(config.flag("mla_use_output_gate", otherwise=False)),
    }, recurrent


def _numbered(config: Config, name: str, layers: int) -> Layers:
    """Layers a list names, counted from 1, as indices from 0."""
    listed = config.items(name)
    if any(not isinstance(layer, int) or isinstance(layer, bool) or not 1 <= layer <= layers for layer in listed):
        raise config.fault(name, f"a list of layers from 1 to {layers}")
    return frozenset(layer - 1 for layer in listed)


def _hybrid(kind: str, layers: int, recurrent: Layers) -> Facts:
    full = layers - len(recurrent)
    return {"attention_kind": kind, "n_full_attn_layers": full, "n_linear_layers": len(recurrent)}


def _blocks(config: Config, facts: Facts) -> Found:
    """MiniMax M3: on the layers of `sparse_attention_freq` only the top blocks of tokens, and the local one."""
    layers, sparse = int(facts["layers"]), config.child("sparse_attention_config")
    if sparse is None:
        raise config.missing("sparse_attention_config")
    chosen = sum(map(int, sparse.by_layer("sparse_attention_freq", layers, (0, 1))))
    if not chosen:
        raise sparse.missing("sparse_attention_freq")
    blocks, size = sparse.whole("sparse_topk_blocks"), sparse.whole("sparse_block_size")
    local = sparse.whole("sparse_local_block", least=0)
    heads, width = sparse.whole("sparse_num_index_heads"), sparse.whole("sparse_index_dim")
    budget = f"top {blocks} blocks of {size} tokens (+{local} local), {heads} index heads x {width}"
    return _heads(config, facts) | {
        "attention_kind": "GQA + MiniMax Sparse Attention",
        "n_full_attn_layers": layers - chosen,
        "n_compressed_or_window_layers": chosen,
        "sparse_kind": f"MSA on {chosen} of {layers} layers: {budget}",
    }, NONE


# --- feed-forward: which layers are dense -------------------------------------------------------------------------------

Dense = Callable[[Config, int], list[bool]]


def _no_dense(_config: Config, layers: int) -> list[bool]:
    return [False] * layers


def _first_dense(config: Config, layers: int) -> list[bool]:
    """DeepSeek, Kimi, GLM: the first `first_k_dense_replace` layers; MiniMax M3 lists `moe_layer_freq` by layer."""
    types = config.by_layer("mlp_layer_types", layers, ("dense", "sparse"))
    if types:
        return [kind == "dense" for kind in types]
    if isinstance(config.fields.get("moe_layer_freq"), list):
        return [not sparse for sparse in config.by_layer("moe_layer_freq", layers, (0, 1))]
    first = config.whole("first_k_dense_replace", least=0, most=layers)
    every = config.whole("moe_layer_freq", otherwise=1)
    return [layer < first or layer % every != 0 for layer in range(layers)]


def _stepped_dense(config: Config, layers: int) -> list[bool]:
    """Qwen: the layers of `mlp_only_layers`, and all but every `decoder_sparse_step`-th."""
    listed, step = config.items("mlp_only_layers"), config.whole("decoder_sparse_step", otherwise=1)
    return [layer in listed or (layer + 1) % step != 0 for layer in range(layers)]


def _interleaved_dense(config: Config, layers: int) -> list[bool]:
    """Llama 4: all but every `interleave_moe_layer_step`-th, or but those that `moe_layers` counts from 0."""
    listed, step = config.items("moe_layers"), config.whole("interleave_moe_layer_step", otherwise=1)
    return [layer not in listed if listed else (layer + 1) % step != 0 for layer in range(layers)]


# --- feed-forward ---------------------------------------------------------------------------------------------------------


def _dense(*names: str, matrices: int = 3) -> Callable[[Config, Facts], Found]:
    """The same feed-forward block in every layer: gated ones have three matrices, plain ones two."""

    def feed_forward(config: Config, facts: Facts) -> Found:
        width = config.whole(*(names or ("intermediate_size",)))
        found: Facts = {"dense_layers": facts["layers"], "dense_intermediate_size": width, "ffn_matrices": matrices}
        return found, frozenset(range(int(facts["layers"])))

    return feed_forward


def _falcon_dense(config: Config, facts: Facts) -> Found:
    """Falcon: two matrices, four times as wide as the model unless it says otherwise."""
    width = config.whole("ffn_hidden_size", otherwise=4 * int(facts["hidden_size"]))
    found: Facts = {"dense_layers": facts["layers"], "dense_intermediate_size": width, "ffn_matrices": 2}
    return found, frozenset(range(int(facts["layers"])))


def _experts(
    count: str,
    dense: Dense = _no_dense,
    chosen: str = "num_experts_per_tok",
    width: str = "moe_intermediate_size",
    dense_width: str = "intermediate_size",
    shared: Callable[[Config], tuple[int, int]] = lambda _config: (0, 0),
) -> Callable[[Config, Facts], Found]:
    """A mixture of experts; `shared`: the number of shared experts and the width of each."""

    def feed_forward(config: Config, facts: Facts) -> Found:
        layers, experts = int(facts["layers"]), config.whole(count)
        if config.whole(chosen) > experts:
            raise config.fault(chosen, f"at most {experts}, its experts")
        always = frozenset(layer for layer, is_dense in enumerate(dense(config, layers)) if is_dense)
        number, shared_width = shared(config)
        found: Facts = {
            "n_routed_experts": experts,
            "experts_per_token": config.whole(chosen),
            "moe_intermediate_size": config.whole(width),
            "n_shared_experts": number,
            "shared_intermediate_size": shared_width,
            "dense_layers": len(always),
        }
        if always:
            found["dense_intermediate_size"] = config.whole(dense_width)
        if config.has("routed_expert_hidden_size"):
            found["routed_expert_hidden_size"] = config.whole("routed_expert_hidden_size")
        return found, always

    return feed_forward


def _counted_shared(*names: str, width: str = "moe_intermediate_size") -> Callable[[Config], tuple[int, int]]:
    """So many shared experts, each as wide as `width` says."""

    def shared(config: Config) -> tuple[int, int]:
        number = config.whole(*(names or ("n_shared_experts",)), least=0)
        return (number, config.whole(width)) if number else (0, 0)

    return shared


def _wide_shared(config: Config) -> tuple[int, int]:
    """Qwen: one shared expert as wide as `shared_expert_intermediate_size`, which must be there."""
    width = config.whole("shared_expert_intermediate_size", least=0)
    return (1, width) if width else (0, 0)


def _one_shared(config: Config) -> tuple[int, int]:
    """Llama 4: one shared expert, as wide as the routed ones."""
    return 1, config.whole("intermediate_size")


def _mamba_feed_forward(config: Config, facts: Facts) -> Found:
    """Nemotron-H: blocks without a gate on layers of their own; experts perhaps in a narrower space."""
    if config.text("mlp_hidden_act") != "relu2":
        raise config.fault("mlp_hidden_act", "relu2")
    pattern = config.text("hybrid_override_pattern")
    plain = frozenset(layer for layer, kind in enumerate(pattern) if kind == "-")
    found: Facts = {"ffn_matrices": 2, "moe_layers": pattern.count("E"), "dense_layers": len(plain)}
    if plain:
        found["dense_intermediate_size"] = config.whole("intermediate_size")
    if "E" not in pattern:
        return found, plain
    shared = _counted_shared(width="moe_shared_expert_intermediate_size")
    experts, _ = _experts("n_routed_experts", shared=shared)(config, facts)
    if config.has("moe_latent_size"):
        experts["routed_expert_hidden_size"] = config.whole("moe_latent_size")
    return experts | found, plain


# --- families -------------------------------------------------------------------------------------------------------------

_deepseek_experts = _experts("n_routed_experts", _first_dense, shared=_counted_shared())
_local_experts = _experts("num_local_experts", width="intermediate_size")
_qwen_experts = _experts("num_experts", _stepped_dense, shared=_wide_shared)
_kimi_experts = _experts("num_experts", _first_dense, "num_experts_per_token", shared=_counted_shared("num_shared_experts"))
_minimax_experts = _experts(
    "num_local_experts",
    _first_dense,
    width="intermediate_size",
    dense_width="dense_intermediate_size",
    shared=_counted_shared(width="shared_intermediate_size"),
)
_llama4_experts = _experts(
    "num_local_experts",
    _interleaved_dense,
    width="intermediate_size",
    dense_width="intermediate_size_mlp",
    shared=_one_shared,
)
_llama4 = Family(_chunked, _llama4_experts)
_gemma4 = Family(_two_widths, _dense(), tied=True)
_llama = Family(_grouped(_no_windows, _KV, _WIDTH), _dense())
_qwen3 = Family(_grouped(_upper_windows), _dense())
_qwen3_moe = Family(_grouped(_upper_windows), _experts("num_experts", _stepped_dense))
_qwen_delta = Family(_delta, _qwen_experts)
_gemma3 = Family(_grouped(_all_but_every(6)), _dense(), tied=True, context=131_072, vocabulary=262_208)
_deepseek_v3 = Family(_latent, _deepseek_experts)
_deepseek_v32 = Family(_latent_sparse, _deepseek_experts)
_kimi_linear = Family(_kimi_delta, _kimi_experts)
_minimax_m3 = Family(_blocks, _minimax_experts)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "llama": _llama,
        "llama4": _llama4,
        "llama4_text": _llama4,
        "mistral": Family(_grouped(_all_windows, _WIDTH), _dense()),
        "ministral3": Family(_grouped(_all_windows, _WIDTH), _dense()),
        "mixtral": Family(_grouped(_all_windows, _WIDTH), _local_experts),
        "phi3": Family(_grouped(_all_windows, _KV, _WIDTH), _dense()),
        "granite": _llama,
        "olmo": _llama,
        "olmo2": _llama,
        "olmo3": Family(_grouped(_all_but_every(4), _KV, _WIDTH), _dense()),
        "cohere": Family(_grouped(_no_windows, _KV, _WIDTH), _dense(), tied=True),
        "cohere2": Family(_grouped(_all_but_every(4), _KV, _WIDTH), _dense(), tied=True),
        "gemma": Family(_grouped(), _dense(), tied=True),
        "gemma2": Family(_grouped(_all_but_every(2)), _dense(), tied=True),
        "gemma3": _gemma3,
        "gemma3_text": _gemma3,
        "gemma4": _gemma4,
        "gemma4_text": _gemma4,
        "gpt_oss": Family(_grouped(_all_but_every(2)), _local_experts),
        "falcon": Family(_falcon, _falcon_dense, tied=True, context=2048),
        "gpt_neox": Family(_grouped(_no_windows, _KV, _WIDTH), _dense(matrices=2)),
        "opt": Family(_opt, _dense("ffn_dim", matrices=2), tied=True),
        "qwen2": Family(_grouped(_upper_windows, _WIDTH), _dense()),
        "qwen2_moe": Family(_grouped(_upper_windows, _WIDTH), _qwen_experts),
        "qwen3": _qwen3,
        "qwen3_vl_text": _qwen3,
        "qwen3_moe": _qwen3_moe,
        "qwen3_vl_moe_text": _qwen3_moe,
        "qwen3_next": _qwen_delta,
        "qwen3_5": Family(_delta, _dense()),
        "qwen3_5_text": Family(_delta, _dense()),
        "qwen3_5_moe": _qwen_delta,
        "qwen3_5_moe_text": _qwen_delta,
        "glm4_moe": Family(_grouped(), _deepseek_experts),
        "glm4_moe_lite": _deepseek_v3,
        "glm_moe_dsa": _deepseek_v32,
        "deepseek_v2": _deepseek_v3,
        "deepseek_v3": _deepseek_v3,
        "deepseek_v32": _deepseek_v32,
        "deepseek_v4": Family(_compressed, _experts("n_routed_experts", shared=_counted_shared())),
        "deepseek_v41": Family(_encoder_decoder, _experts("n_routed_experts", shared=_counted_shared())),
        "kimi_k2": _deepseek_v3,
        "kimi_k25": _deepseek_v3,
        "kimi_linear": _kimi_linear,
        "kimi_k3": _kimi_linear,
        "nemotron_h": Family(_mamba, _mamba_feed_forward),
        "minimax_m2": Family(_grouped(), _local_experts),
        "minimax_m3": _minimax_m3,
        "minimax_m3_text": _minimax_m3,
        "minimax_m3_vl": _minimax_m3,
        "minimax_m3_vl_text": _minimax_m3,
    }
)
