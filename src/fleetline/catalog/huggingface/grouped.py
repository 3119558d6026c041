"""Multi-head, grouped-query and multi-query attention: which layers have a window, chunks, or choose blocks of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from fleetline.catalog.config_file import Config
from fleetline.catalog.huggingface.facts import NONE, Facts, Found
from fleetline.catalog.models import BLOCKS, CHUNKED, TWO_WIDTHS, WINDOWED

Windows = Callable[[Config, int], list[bool]]


def no_windows(_config: Config, layers: int) -> list[bool]:
    """Of no layer."""
    return [False] * layers


def all_windows(config: Config, layers: int) -> list[bool]:
    """Mistral, Phi-3: every layer, where a window is given at all."""
    return [config.has("sliding_window")] * layers


def upper_windows(config: Config, layers: int) -> list[bool]:
    """Qwen2 and 3: the layers from `max_window_layers` on, where `use_sliding_window` is on."""
    if not config.flag("use_sliding_window", otherwise=False):
        return [False] * layers
    first = config.whole("max_window_layers", least=0)
    return [layer >= first for layer in range(layers)]


def all_but_every(default: int) -> Windows:
    """Gemma, Cohere 2, Olmo 3, gpt-oss: all but every n-th layer."""

    def windows(config: Config, layers: int) -> list[bool]:
        every = config.whole("sliding_window_pattern", "_sliding_window_pattern", otherwise=default)
        return [(layer + 1) % every != 0 for layer in range(layers)]

    return windows


_WINDOW_TYPES = MappingProxyType({"full_attention": False, "sliding_attention": True})
# what a configuration class computes where it is absent: as many KV heads as heads, heads that share the width
KV, WIDTH = "num_key_value_heads", "head_dim"


def head_shapes(config: Config, facts: Facts, computed: Sequence[str] = ()) -> Facts:
    """Width of a head, and KV heads that share the heads evenly."""
    hidden, heads = int(facts["hidden_size"]), int(facts["heads"])
    kv_heads = config.whole(KV, otherwise=heads if KV in computed else None)
    if heads % kv_heads:
        raise config.fault(KV, f"a divisor of {heads}, the attention heads")
    if not config.has(WIDTH) and WIDTH in computed and hidden % heads:
        heads_field = config.first_of(("num_attention_heads", "n_head"))
        raise config.fault(heads_field, f"a divisor of hidden_size {hidden}, or a head_dim")
    width = config.whole(WIDTH, otherwise=hidden // heads if WIDTH in computed else None)
    return {"kv_heads": kv_heads, "head_dim": width}


def grouped(windows: Windows = no_windows, *computed: str) -> Callable[[Config, Facts], Found]:
    """Multi-head, grouped-query or multi-query attention, some layers of it with a window."""

    def attention(config: Config, facts: Facts) -> Found:
        layers = int(facts["layers"])
        types = config.by_layer("layer_types", layers, _WINDOW_TYPES)
        windowed = sum([_WINDOW_TYPES[kind] for kind in types] or windows(config, layers))
        found = head_shapes(config, facts, computed) | {"n_full_attn_layers": layers - windowed}
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
    kind = WINDOWED
    return {"attention_kind": kind, "n_compressed_or_window_layers": windowed, "sliding_window": window}


def falcon(config: Config, facts: Facts) -> Found:
    """Falcon: KV heads are given for the new architecture, one for multi-query, else as many as heads."""
    kv_heads = int(facts["heads"])
    if config.flag("new_decoder_architecture", otherwise=False):
        kv_heads = config.whole("num_kv_heads")
        if int(facts["heads"]) % kv_heads:
            raise config.fault("num_kv_heads", f"a divisor of {facts['heads']}, the attention heads")
    elif config.flag("multi_query", otherwise=True):
        kv_heads = 1
    given = Config(config.file, {**config.fields, KV: kv_heads}, config.place)
    return grouped(no_windows, WIDTH)(given, facts)


def opt(config: Config, facts: Facts) -> Found:
    """OPT: multi-head; no physics here of embeddings narrower than the model (opt-350m)."""
    hidden = int(facts["hidden_size"])
    if config.whole("word_embed_proj_dim", otherwise=hidden) != hidden:
        raise config.fault("word_embed_proj_dim", f"hidden_size {hidden}")
    return grouped(no_windows, KV, WIDTH)(config, facts)


def chunked(config: Config, facts: Facts) -> Found:
    """Llama 4: chunks on the layers with RoPE, full attention on every `no_rope_layer_interval`-th."""
    layers, found = int(facts["layers"]), head_shapes(config, facts)
    types = config.by_layer("layer_types", layers, ("chunked_attention", "full_attention"))
    roped = config.by_layer("no_rope_layers", layers, (0, 1))
    every = config.whole("no_rope_layer_interval", otherwise=4)
    roped = [kind == "chunked_attention" for kind in types] or roped or [(layer + 1) % every for layer in range(layers)]
    chunked = sum(map(bool, roped))
    if not chunked:
        return found | {"attention_kind": "GQA", "n_full_attn_layers": layers}, NONE
    return found | {
        "attention_kind": CHUNKED,
        "n_full_attn_layers": layers - chunked,
        "n_compressed_or_window_layers": chunked,
        "sliding_window": config.whole("attention_chunk_size"),
    }, NONE


# what some Gemma 4 models have and nothing here counts, and what it must be for one that is counted
_GEMMA_4_WITHOUT = MappingProxyType({"hidden_size_per_layer_input": 256, "num_kv_shared_layers": 0})


def two_widths(config: Config, facts: Facts) -> Found:
    """Gemma 4: full layers have heads of their own, whose key may be the value."""
    for name, otherwise in _GEMMA_4_WITHOUT.items():
        if config.whole(name, least=0, otherwise=otherwise):
            raise config.fault(name, "0: no physics here of it", got=config.whole(name, otherwise=otherwise))
    for name in ("enable_moe_block", "use_double_wide_mlp"):
        if config.flag(name, otherwise=False):
            raise config.fault(name, "false: no physics here of it")
    found, _ = grouped(all_but_every(6))(config, facts)
    same = config.flag("attention_k_eq_v", otherwise=False)
    heads, kv_heads = int(facts["heads"]), int(found["kv_heads"])
    if same and config.has("num_global_key_value_heads"):
        kv_heads = config.whole("num_global_key_value_heads")
        if heads % kv_heads:
            raise config.fault("num_global_key_value_heads", f"a divisor of {heads}, the attention heads")
    if "sliding_window" not in found:
        raise config.fault("layer_types", "some layers of sliding_attention")
    full = f"full layers {kv_heads} KV heads x {config.whole('global_head_dim', otherwise=512)}" + ", K = V" * same
    return found | {"attention_kind": TWO_WIDTHS, "full_layers": full}, NONE


def chosen_blocks(config: Config, facts: Facts) -> Found:
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
    return head_shapes(config, facts) | {
        "attention_kind": BLOCKS,
        "n_full_attn_layers": layers - chosen,
        "n_compressed_or_window_layers": chosen,
        "sparse_kind": f"MSA on {chosen} of {layers} layers: {budget}",
    }, NONE
