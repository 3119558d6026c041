"""Every family of the transformers library that is read: a row each, of readers of attention and of feed-forward blocks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fleetline.catalog.huggingface.facts import Family
from fleetline.catalog.huggingface.feed_forward import (
    counted_shared,
    every_dense,
    falcon_dense,
    first_dense,
    interleaved_dense,
    mamba_feed_forward,
    mixture,
    one_shared,
    stepped_dense,
    wide_shared,
)
from fleetline.catalog.huggingface.grouped import (
    KV,
    WIDTH,
    all_but_every,
    all_windows,
    chosen_blocks,
    chunked,
    falcon,
    grouped,
    no_windows,
    opt,
    two_widths,
    upper_windows,
)
from fleetline.catalog.huggingface.latent import compressed, encoder_decoder, latent, latent_sparse
from fleetline.catalog.huggingface.recurrent import delta, kimi_delta, mamba

_deepseek_experts = mixture("n_routed_experts", first_dense, shared=counted_shared())
_local_experts = mixture("num_local_experts", width="intermediate_size")
_qwen_experts = mixture("num_experts", stepped_dense, shared=wide_shared)
_kimi_experts = mixture("num_experts", first_dense, "num_experts_per_token", shared=counted_shared("num_shared_experts"))
_minimax_experts = mixture(
    "num_local_experts",
    first_dense,
    width="intermediate_size",
    dense_width="dense_intermediate_size",
    shared=counted_shared(width="shared_intermediate_size"),
)
_llama4_experts = mixture(
    "num_local_experts",
    interleaved_dense,
    width="intermediate_size",
    dense_width="intermediate_size_mlp",
    shared=one_shared,
)
_llama4 = Family(chunked, _llama4_experts)
_gemma4 = Family(two_widths, every_dense(), tied=True)
_llama = Family(grouped(no_windows, KV, WIDTH), every_dense())
_qwen3 = Family(grouped(upper_windows), every_dense())
_qwen3_moe = Family(grouped(upper_windows), mixture("num_experts", stepped_dense))
_qwen_delta = Family(delta, _qwen_experts)
_gemma3 = Family(grouped(all_but_every(6)), every_dense(), tied=True, context=131_072, vocabulary=262_208)
_deepseek_v3 = Family(latent, _deepseek_experts)
_deepseek_v32 = Family(latent_sparse, _deepseek_experts)
_kimi_linear = Family(kimi_delta, _kimi_experts)
_minimax_m3 = Family(chosen_blocks, _minimax_experts)
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "llama": _llama,
        "llama4": _llama4,
        "llama4_text": _llama4,
        "mistral": Family(grouped(all_windows, WIDTH), every_dense()),
        "ministral3": Family(grouped(all_windows, WIDTH), every_dense()),
        "mixtral": Family(grouped(all_windows, WIDTH), _local_experts),
        "phi3": Family(grouped(all_windows, KV, WIDTH), every_dense()),
        "granite": _llama,
        "olmo": _llama,
        "olmo2": _llama,
        "olmo3": Family(grouped(all_but_every(4), KV, WIDTH), every_dense()),
        "cohere": Family(grouped(no_windows, KV, WIDTH), every_dense(), tied=True),
        "cohere2": Family(grouped(all_but_every(4), KV, WIDTH), every_dense(), tied=True),
        "gemma": Family(grouped(), every_dense(), tied=True),
        "gemma2": Family(grouped(all_but_every(2)), every_dense(), tied=True),
        "gemma3": _gemma3,
        "gemma3_text": _gemma3,
        "gemma4": _gemma4,
        "gemma4_text": _gemma4,
        "gpt_oss": Family(grouped(all_but_every(2)), _local_experts),
        "falcon": Family(falcon, falcon_dense, tied=True, context=2048),
        "gpt_neox": Family(grouped(no_windows, KV, WIDTH), every_dense(matrices=2)),
        "opt": Family(opt, every_dense("ffn_dim", matrices=2), tied=True),
        "qwen2": Family(grouped(upper_windows, WIDTH), every_dense()),
        "qwen2_moe": Family(grouped(upper_windows, WIDTH), _qwen_experts),
        "qwen3": _qwen3,
        "qwen3_vl_text": _qwen3,
        "qwen3_moe": _qwen3_moe,
        "qwen3_vl_moe_text": _qwen3_moe,
        "qwen3_next": _qwen_delta,
        "qwen3_5": Family(delta, every_dense()),
        "qwen3_5_text": Family(delta, every_dense()),
        "qwen3_5_moe": _qwen_delta,
        "qwen3_5_moe_text": _qwen_delta,
        "glm4_moe": Family(grouped(), _deepseek_experts),
        "glm4_moe_lite": _deepseek_v3,
        "glm_moe_dsa": _deepseek_v32,
        "deepseek_v2": _deepseek_v3,
        "deepseek_v3": _deepseek_v3,
        "deepseek_v32": _deepseek_v32,
        "deepseek_v4": Family(compressed, mixture("n_routed_experts", shared=counted_shared())),
        "deepseek_v41": Family(encoder_decoder, mixture("n_routed_experts", shared=counted_shared())),
        "kimi_k2": _deepseek_v3,
        "kimi_k25": _deepseek_v3,
        "kimi_linear": _kimi_linear,
        "kimi_k3": _kimi_linear,
        "nemotron_h": Family(mamba, mamba_feed_forward),
        "minimax_m2": Family(grouped(), _local_experts),
        "minimax_m3": _minimax_m3,
        "minimax_m3_text": _minimax_m3,
        "minimax_m3_vl": _minimax_m3,
        "minimax_m3_vl_text": _minimax_m3,
    }
)
