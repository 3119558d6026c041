"""Latent attention, plain, sparse and compressed: DeepSeek from V2 on, Kimi K2, GLM-5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetline.catalog.config_file import Config
from fleetline.catalog.huggingface.facts import NONE, Facts, Found
from fleetline.catalog.models import DEEPSEEK_V4, ENCODER_DECODER, LATENT, LATENT_SPARSE


def latent(config: Config, facts: Facts) -> Found:
    """Multi-head latent attention; no `q_lora_rank`: queries come straight from the hidden state."""
    found: Facts = {
        "attention_kind": LATENT,
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


def latent_sparse(config: Config, facts: Facts) -> Found:
    """DeepSeek V3.2 and GLM-5; in GLM-5.2 some layers share the indices that others found."""
    layers, found = int(facts["layers"]), latent(config, facts)[0]
    if not found["q_lora_rank"]:
        raise config.missing("q_lora_rank")  # the indexer's queries come from it
    indexed = _indexed_layers(config, layers)
    index = _index(config)
    shared = "every layer" if indexed == layers else f"{indexed} of {layers} layers (others share indices)"
    kind = f"DSA: top-{index['index_topk']} tokens, indexer on {shared}"
    return found | index | {"attention_kind": LATENT_SPARSE, "sparse_kind": kind}, NONE


def _indexed_layers(config: Config, layers: int) -> int:
    """Layers with an indexer of their own: as listed, or by the library's rule for `index_topk_freq`, else all."""
    types = config.by_layer("indexer_types", layers, ("full", "shared"))
    if types:
        return max(types.count("full"), 1)
    every = config.whole("index_topk_freq", otherwise=1)
    offset = config.whole("index_skip_topk_offset", least=0, otherwise=2)
    return sum(max(layer - offset + 1, 0) % every == 0 for layer in range(layers))


def compressed(config: Config, facts: Facts) -> Found:
    """DeepSeek V4: `compress_ratios` names 0, 4 or 128 for each layer, and for each layer of the draft after them."""
    layers = int(facts["layers"])
    ratios = _compress_ratios(config, layers, (4, 128, 0))
    counts = {ratio: ratios.count(ratio) for ratio in (4, 128, 0)}
    return _compressed(config, layers, counts) | {"attention_kind": DEEPSEEK_V4}, NONE


def _compressed(config: Config, layers: int, counts: Mapping[int, int]) -> Facts:
    """What layers have whose entries are compressed, or a window; `counts` of them by ratio."""
    names = ("head_dim", "q_lora_rank", "o_lora_rank", "o_groups", "sliding_window")
    found: Facts = {name: config.whole(name) for name in names}
    found |= {
        "kv_heads": config.whole("num_key_value_heads", most=1),
        "qk_rope_head_dim": config.whole("qk_rope_head_dim", least=0),
        "n_compressed_or_window_layers": layers,
        "compress_ratios": ";".join(f"{ratio}:{count}" for ratio, count in counts.items()),
    }
    return found | _index(config)


def encoder_decoder(config: Config, facts: Facts) -> Found:
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
    *encoding, last = map(str, keeping)
    kept = f"CSA2: compressed KV published by layers {', '.join(encoding)} (ratio 2) and {last} (ratio 1)"
    return _compressed(config, layers, counts) | {
        "attention_kind": ENCODER_DECODER,
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
