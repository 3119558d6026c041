"""A benchmark row as arguments of genz-llm's `decode_moddeling` and `prefill_moddeling`.

The tool is a roofline of one engine without scheduling, data-parallel attention, drafts of the model's own, or latent,
sparse and recurrent attention; its efficiencies are 1 unless set. So TPOT is its decode step at the middle of the answer,
TTFT one prompt on an idle engine. Where a choice was open, the one that helps it was taken; see the folder's README.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fleetline.catalog import Catalog, Chip
from fleetline.measurements import Measurement
from peers.question import LENGTHS, MODEL, Question, Unanswerable, engines, lengths, share

# Models it has by name (it writes DeepSeek's latent attention as two small key-value heads); the others that it can
# describe, by dimensions. Kimi K2.5 is DeepSeek V3 with other numbers, so it is described as the tool describes that.
NAMED: Mapping[str, str] = MappingProxyType(
    {
        "dsr1": "deepseek-ai/DeepSeek-V3-Base",
        "dsv3": "deepseek-ai/DeepSeek-V3-Base",
        "dsv3.1": "deepseek-ai/DeepSeek-V3-Base",
        "llama70b": "meta-llama/Llama-3.1-70B",
        "llama8b": "meta-llama/Llama-3.1-8B",
    }
)
DESCRIBED = frozenset({"gptoss120b", "kimik2.5", "minimaxm2.5", "qwen3-32b"})
_AS_DEEPSEEK = frozenset({"kimik2.5"})
_LATENT_AS_HEADS = 2
SPECULATION = "the tool has drafts only as a second model"
_GIGA, _TERA = 1e9, 1e12
# What was measured did fit. The tool's own test takes DeepSeek V3 in FP8 for 1,443 GB in prefill, twice its checkpoint.
_ENOUGH = 1e6


def question(row: Measurement, catalog: Catalog) -> Question:
    """What to ask.

    Raises:
        Unanswerable: with the reason.
    """
    if row.speculation not in {None, "none"}:
        raise Unanswerable(SPECULATION)
    inputs, outputs = lengths(row)
    if outputs < 1:
        raise Unanswerable(LENGTHS)
    arguments: dict[str, object] = {
        "model": _model(row, catalog),
        "bits": row.precision or "bf16",
        "input_tokens": inputs,
        "output_tokens": outputs // 2,
    }
    for role, pool in (("prefill", row.prefill), ("decode", row.decode)):
        workers, gpus = engines(pool)
        experts = (pool.ep or 1) if row.model not in {"llama70b", "llama8b", "qwen3-32b"} else 1
        if gpus % experts:
            raise Unanswerable("the tool splits an engine into tensor times expert parallelism only")
        arguments[role] = {
            "batch_size": share(row.concurrency, workers) if role == "decode" else 1,
            "tensor_parallel": gpus // experts,
            "expert_parallel": experts,
            "system_name": _system(_chip(row, catalog)),
        }
    return Question(arguments)


def _chip(row: Measurement, catalog: Catalog) -> Chip:
    systems = catalog.benchmark_systems
    return catalog.system(systems[row.hardware]).chip


def _system(chip: Chip) -> dict[str, object]:
    """The chip in the tool's units: TFLOP/s of bf16, GB, GB/s."""
    if not chip.peak or chip.hbm_bandwidth is None or chip.scaleup_bandwidth is None:
        raise Unanswerable("the catalog lacks a figure of the chip")
    return {
        "Flops": chip.peak["bf16"] / _TERA,
        "Memory_size": _ENOUGH,
        "Memory_BW": chip.hbm_bandwidth / _GIGA,
        "ICN": chip.scaleup_bandwidth / _GIGA,
        "real_values": True,
    }


def _model(row: Measurement, catalog: Catalog) -> object:
    if row.model in NAMED:
        return NAMED[row.model]
    if row.model not in DESCRIBED:
        raise Unanswerable(MODEL)
    names = catalog.benchmark_models
    facts = {each.quantity: each.value for each in catalog.model_rows(names[row.model])}
    described: dict[str, object] = {ours: int(float(facts[name])) for name, ours in _COLUMNS.items() if name in facts}
    described |= {"model": names[row.model], "num_ffi": 2}
    experts = facts.get("moe_intermediate_size")
    if row.model in _AS_DEEPSEEK:
        described |= {"num_key_value_heads": _LATENT_AS_HEADS, "ffn_implementation": "deepseek"}
        described["shared_expert_intermediate_size"] = int(float(facts["dense_intermediate_size"]))
        described["first_k_dense_replace"] = int(float(facts["dense_layers"]))
    elif experts:
        described["intermediate_size"] = int(float(experts))  # its plain expert layers read this one
    return described


_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "layers": "num_decoder_layers",
        "hidden_size": "hidden_size",
        "heads": "num_attention_heads",
        "kv_heads": "num_key_value_heads",
        "head_dim": "head_dim",
        "dense_intermediate_size": "intermediate_size",
        "vocab_size": "vocab_size",
        "n_routed_experts": "num_experts",
        "experts_per_token": "expert_top_k",
        "moe_intermediate_size": "moe_intermediate_size",
        "n_shared_experts": "n_shared_experts",
    }
)
