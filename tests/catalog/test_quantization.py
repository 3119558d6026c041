"""quantization_config -> the format of every part, against the catalog's own rows and by hand."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_configs import CONFIGS, OTHERS, Fields

from fleetline.catalog import Checkpoint, load
from fleetline.catalog.imported import from_config
from fleetline.errors import InputError


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "my-model.json"


def checkpoint(path: Path, config: Fields) -> Checkpoint:
    path.write_text(json.dumps(config))
    found = from_config(path).checkpoint
    assert found is not None
    return found


def quantised(name: str, quantization: Any) -> Fields:
    """A configuration as a tool that quantises it again writes it: at the top, whatever stands inside."""
    return deepcopy(CONFIGS[name]) | {"quantization_config": quantization}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("kimi-k2.5", "moonshotai/kimi-k2.5"),
        ("deepseek-r1", "deepseek-ai/deepseek-r1-0528"),
        ("deepseek-v3.2", "deepseek-ai/deepseek-v3.2"),
        ("deepseek-v4-pro", "deepseek-ai/deepseek-v4-pro"),
        ("gpt-oss-120b", "openai/gpt-oss-120b"),
        ("llama-3.1-405b", "meta-llama/llama-3.1-405b"),
        ("qwen3-235b-a22b", "qwen/qwen3-235b-a22b"),
        ("qwen3.5-397b-a17b", "qwen/qwen3.5-397b-a17b"),
        ("glm-5", "zai-org/glm-5-fp8"),
        ("minimax-m2.5", "minimaxai/minimax-m2.5"),
    ],
)
def test_the_parts_are_stored_as_the_catalog_has_them(name: str, theirs: str, path: Path) -> None:
    ours, known = checkpoint(path, CONFIGS[name]), load().checkpoints[theirs]
    assert dict(ours.formats) == dict(known.formats)
    assert ours.label == known.label
    assert ours.kv_cache.name == "bf16"  # none of these files says; what engines do with it is a recipe's affair


# nvidia/Kimi-K2.6-NVFP4, as physics notes section 2 tell it: routed experts alone in 4 bits, an 8-bit cache
_NVFP4: Fields = {
    "quant_method": "modelopt",
    "quant_algo": "NVFP4",
    "kv_cache_scheme": {"dynamic": False, "num_bits": 8, "type": "float"},
    "ignore": ["lm_head", "*self_attn*", "*shared_experts*", "language_model.model.layers.0.mlp*", "vision_tower*"],
}


def test_a_repacked_checkpoint_is_what_stands_at_the_top(path: Path) -> None:
    ours = checkpoint(path, quantised("kimi-k2.5", _NVFP4))
    known = load().checkpoints["nvidia/kimi-k2.6-nvfp4"]
    assert dict(ours.formats) == dict(known.formats)
    assert (ours.label, ours.kv_cache) == (known.label, known.kv_cache)


def test_a_part_of_which_some_layers_are_left_alone_has_their_mean_bytes(path: Path) -> None:
    ignored = {**_NVFP4, "ignore": [*_NVFP4["ignore"], "re:.*layers\\.60\\.mlp\\.experts.*"]}
    found = checkpoint(path, quantised("kimi-k2.5", ignored)).formats["routed_experts"]
    assert found.name == "nvfp4+bf16"
    assert found.bytes_per_weight == pytest.approx((59 * 0.5625 + 2.0) / 60, rel=1e-12)  # 60 layers with experts
    assert found.compute_precision == "fp4"


def test_a_projection_left_alone_weighs_as_much_as_it_has_weights(path: Path) -> None:
    # nvidia/DeepSeek-R1-0528-NVFP4-v2 (physics notes, section 2): of attention only o_proj is in 4 bits,
    # 117.4 of 187.1 million weights a layer
    names = ["lm_head", "*q_a_proj*", "*q_b_proj*", "*kv_a_proj_with_mqa*", "*kv_b_proj*"]
    found = checkpoint(path, quantised("deepseek-r1", {**_NVFP4, "ignore": names}))
    share = 117_440_512 / 187_105_280
    assert found.formats["attention"].bytes_per_weight == pytest.approx(share * 0.5625 + (1 - share) * 2, rel=1e-9)
    assert found.formats["shared_experts"].name == found.formats["dense_ffn"].name == "nvfp4"


def test_modules_listed_one_by_one_have_each_its_format(path: Path) -> None:
    layers = {
        f"model.language_model.layers.{layer}.{module}": {"quant_algo": algorithm}
        for layer in range(60)
        for module, algorithm in (("mlp.experts", "NVFP4"), ("mlp.shared_expert.gate_proj", "FP8"))
    }
    mixed = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": layers}
    found = checkpoint(path, quantised("qwen3.5-397b-a17b", mixed)).formats
    assert {part: stored.name for part, stored in found.items()} == {
        **{"attention": "bf16", "router": "bf16", "head": "bf16", "embedding": "bf16"},
        **{"routed_experts": "nvfp4", "shared_experts": "fp8"},
    }


def _scheme(weights: Fields, activations: Fields | None, targets: list[str] | None = None) -> Fields:
    group = {"targets": targets or ["Linear"], "weights": weights, "input_activations": activations}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"]}


@pytest.mark.parametrize(
    ("quantization", "name", "size", "computed"),
    [  # bytes a weight by hand: bits / 8 and the scale of a group
        (_scheme({"num_bits": 4, "type": "int", "group_size": 128}, None), "int4_group128", 0.5 + 2 / 128, "bf16"),
        (_scheme({"num_bits": 4, "type": "int", "group_size": 32}, None), "int4", 0.5 + 2 / 32, "bf16"),
        (_scheme({"num_bits": 8, "type": "int", "strategy": "channel"}, None), "int8", 1.0, "bf16"),
        (_scheme({"num_bits": 8, "type": "float", "strategy": "tensor"}, {"num_bits": 8}), "fp8", 1.0, "fp8"),
        (_scheme({"num_bits": 8, "type": "float", "strategy": "tensor"}, None), "fp8_a16", 1.0, "bf16"),
        (_scheme({"num_bits": 4, "type": "float", "group_size": 16}, {"num_bits": 4}), "nvfp4", 0.5 + 1 / 16, "fp4"),
        (_scheme({"num_bits": 4, "type": "float", "group_size": 16}, None), "nvfp4_a16", 0.5 + 1 / 16, "bf16"),
        (_scheme({"num_bits": 4, "type": "float", "group_size": 32}, {"num_bits": 8}), "mxfp4_w4a8", 0.5 + 1 / 32, "fp8"),
        (_scheme({"num_bits": 4, "type": "float", "group_size": 32}, None), "mxfp4_w4a16", 0.5 + 1 / 32, "bf16"),
        (
            _scheme({"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 128]}, {"num_bits": 8}),
            *("fp8_block", 1 + 4 / 128**2, "fp8"),
        ),
        ({"quant_method": "fp8"}, "fp8", 1.0, "fp8"),
        ({"quant_method": "fp8", "weight_block_size": [1, 32]}, "mxfp8", 1 + 1 / 32, "fp8"),
        ({"quant_method": "fbgemm_fp8"}, "fp8", 1.0, "fp8"),
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, "int4_group128", 0.5 + 2 / 128, "bf16"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128, "lm_head": False}, "int4_group128", 0.5 + 2 / 128, "bf16"),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, "int8", 1.0, "bf16"),
        ({"quant_method": "modelopt", "quant_algo": "FP8", "exclude_modules": ["lm_head"]}, "fp8", 1.0, "fp8"),
        (
            {
                "quant_method": "quark",
                "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 32}, "input_tensors": {"dtype": "fp4"}},
                "exclude": ["lm_head"],
            },
            *("mxfp4", 0.5 + 1 / 32, "fp4"),
        ),
    ],
)
def test_a_scheme_is_a_format(quantization: Fields, name: str, size: float, computed: str, path: Path) -> None:
    formats = checkpoint(path, quantised("llama-3.1-405b", quantization)).formats
    assert formats["head"].name == formats["embedding"].name == "bf16"
    for part in ("attention", "dense_ffn"):
        found = formats[part]
        assert (found.name, found.compute_precision) == (name, computed)
        assert found.bytes_per_weight == pytest.approx(size, rel=1e-12)


def test_groups_that_name_modules_go_before_the_one_of_all_layers(path: Path) -> None:
    # RedHatAI/DeepSeek-V4-Flash-NVFP4-FP8 has two groups by name; here one by name and one for the rest
    both = _scheme({"num_bits": 4, "type": "float", "group_size": 16}, {"num_bits": 4})
    eight = {"num_bits": 8, "type": "float", "strategy": "tensor"}
    both["config_groups"]["group_1"] = {
        "targets": ["re:.*self_attn.*"],
        "weights": eight,
        "input_activations": {"num_bits": 8},
    }
    formats = checkpoint(path, quantised("llama-3.1-405b", both)).formats
    assert (formats["attention"].name, formats["dense_ffn"].name) == ("fp8", "nvfp4")


@pytest.mark.parametrize(
    ("quantization", "field", "said"),
    [
        ("fp8", "quantization_config", "got fp8, allowed an object"),
        ({}, "quantization_config.quant_method", "missing"),
        ({"quant_method": "modelop"}, "quantization_config.quant_method", "unknown modelop; did you mean 'modelopt'?"),
        ({"quant_method": "bitsandbytes"}, "quantization_config.quant_method", "unknown bitsandbytes; known: awq"),
        ({"quant_method": "fp8", "weight_block_size": [64, 64]}, "quantization_config.weight_block_size", "[128, 128]"),
        ({"quant_method": "modelopt"}, "quantization_config.quant_algo", "missing"),
        (
            {"quant_method": "modelopt", "quant_algo": "NVFP5"},
            "quantization_config.quant_algo",
            "unknown NVFP5; did you mean 'NVFP4'?",
        ),
        ({"quant_method": "gptq", "bits": 3, "group_size": 128}, "quantization_config.bits", "got 3, allowed 4 or 8"),
        ({"quant_method": "gptq", "bits": 4}, "quantization_config.group_size", "missing"),
        ({"quant_method": "fp8", "ignored_layers": "lm_head"}, "quantization_config.ignored_layers", "allowed a list"),
        (
            {**_scheme({"num_bits": 4}, None), "ignore": ["re:("]},
            "quantization_config.ignore",
            "allowed names, globs and regular expressions",
        ),
        (
            _scheme({"num_bits": 8, "type": "int"}, {"num_bits": 8}),
            "quantization_config.config_groups.group_0.weights.num_bits",
            "float weights of 4 or 8 bits",
        ),
        (
            {**_NVFP4, "kv_cache_scheme": {"num_bits": 2, "type": "float"}},
            "quantization_config.kv_cache_scheme.num_bits",
            "got 2, allowed 8 or 4",
        ),
    ],
)
def test_what_is_not_known_of_a_quantisation_is_named(quantization: Any, field: str, said: str, path: Path) -> None:
    path.write_text(json.dumps(quantised("llama-3.1-405b", quantization)))
    with pytest.raises(InputError) as refused:
        from_config(path)
    assert refused.value.field == field
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_weights_in_32_bits_are_no_checkpoint_to_serve(path: Path) -> None:
    path.write_text(json.dumps(OTHERS["gemma-2-27b"][0]))
    assert from_config(path).checkpoint is None


_METHODS = ("fp8", "awq", "gptq", "modelopt", "compressed-tensors", "mxfp4", "quark", "mxfp8")
_FIELDS = st.sampled_from(
    (
        "bits",
        "group_size",
        "ignore",
        "quant_algo",
        "config_groups",
        "weight_block_size",
        "kv_cache_scheme",
        "weights",
        "num_bits",
    )
)
_VALUES = st.recursive(
    st.none() | st.integers(-1, 130) | st.sampled_from(("NVFP4", "float", "re:.*", "re:[", "*", "lm_head")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(_METHODS), st.dictionaries(_FIELDS, _VALUES, max_size=4))
def test_any_quantisation_is_a_checkpoint_or_a_refusal(path: Path, method: str, fields: Fields) -> None:
    small = CONFIGS["qwen3-235b-a22b"] | {"num_hidden_layers": 2, "quantization_config": {**fields, "quant_method": method}}
    try:
        assert set(checkpoint(path, small).formats) >= {"attention", "routed_experts", "head"}
    except InputError as error:
        assert "\n" not in error.message
