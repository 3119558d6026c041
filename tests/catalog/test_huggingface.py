"""A config.json becomes the model its catalog rows become, or one line that names file and field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_configs import CONFIGS, OTHERS, Fields

from fleetline.architecture.model import Model
from fleetline.catalog import load
from fleetline.catalog.huggingface import FAMILIES
from fleetline.catalog.imported import Imported, from_config
from fleetline.errors import InputError

Read = Callable[[Any], Imported]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Import a configuration given as fields, as text, or as bytes."""
    path = tmp_path_factory.mktemp("models") / "my-model.json"

    def imported(config: Any) -> Imported:
        text = config if isinstance(config, str | bytes) else json.dumps(config)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return from_config(path)

    return imported


def refusal(read: Read, config: Any) -> InputError:
    with pytest.raises(InputError) as refused:
        read(config)
    message = refused.value.message
    assert "\n" not in message
    assert message.isprintable()
    assert "my-model.json: " in message
    return refused.value


def place_of(config: Fields) -> tuple[Fields, str]:
    """The fields of the text model, and what stands before their names in a message."""
    return (config["text_config"], "text_config.") if "text_config" in config else (config, "")


def changed(config: Fields, field: str, value: object) -> Fields:
    """The configuration with another value in one field of its text model."""
    copy = deepcopy(config)
    place_of(copy)[0][field] = value
    return copy


# --- the same model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_becomes_the_model_of_the_catalog(name: str, read: Read) -> None:
    ours, theirs = read(CONFIGS[name]).model, load().model(name)
    assert ours.parts == theirs.parts
    assert ours.attention == theirs.attention
    assert (ours.hidden, ours.max_context) == (theirs.hidden, theirs.max_context)


@pytest.mark.parametrize("name", OTHERS)
def test_models_outside_the_catalog_have_their_published_sizes(name: str, read: Read) -> None:
    config, total, active, _ = OTHERS[name]
    model = read(config).model
    assert model.total_parameters / 1e9 == pytest.approx(total, rel=0.03)
    assert model.active_parameters / 1e9 == pytest.approx(active, rel=0.1)


@pytest.mark.parametrize(
    ("name", "elements", "kind"),
    [  # layers x (key and value) x KV heads x width, by hand
        ("falcon-7b", 32 * 2 * 1 * 64, "MQA"),
        ("gpt-neox-20b", 44 * 2 * 64 * 96, "MHA"),
        ("Mixtral-8x7B", 32 * 2 * 8 * 128, "GQA"),
        ("gemma-2-27b", 23 * 2 * 16 * 128, "GQA with sliding-window layers"),  # every second layer forgets
        ("DeepSeek-V2-Lite", 27 * (512 + 64), "MLA"),
        ("Kimi-Linear-48B-A3B", 7 * (512 + 64), "hybrid: KDA linear attention + gated MLA (NoPE)"),
    ],
)
def test_cache_elements_per_token_by_hand(name: str, elements: int, kind: str, read: Read) -> None:
    found = read(OTHERS[name][0])
    assert found.model.kv_elements_per_token == elements
    assert found.described.facts["attention_kind"] == kind


def test_gemma_3_takes_from_the_library_what_its_file_leaves_out(read: Read) -> None:
    # google/gemma-3-27b-it: no vocab_size, no max_position_embeddings; the class says 262,208 and 131,072
    text = {
        "model_type": "gemma3_text",
        "head_dim": 128,
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_attention_heads": 32,
        "num_hidden_layers": 62,
        "num_key_value_heads": 16,
        "sliding_window": 1024,
    }
    model = read({"model_type": "gemma3", "text_config": text, "torch_dtype": "bfloat16"}).model
    assert model.attention == load().model("gemma-3-27b").attention
    assert model.total_parameters - load().model("gemma-3-27b").total_parameters == 64 * 5376  # rows for image tokens


@pytest.mark.parametrize(
    ("added", "windowed"),
    [
        ({}, 0),
        ({"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 60}, 4),
        ({"use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 60}, 0),
        ({"layer_types": ["sliding_attention"] * 16 + ["full_attention"] * 48, "sliding_window": 4096}, 16),
    ],
)
def test_a_window_is_on_the_layers_the_library_puts_it_on(added: Fields, windowed: int, read: Read) -> None:
    groups = read(CONFIGS["qwen3-32b"] | added).model.attention
    assert sum(group.count for group in groups if group.attention.name == "sliding-window") == windowed
    assert sum(group.count for group in groups) == 64


def test_a_hybrid_without_experts_has_feed_forward_blocks_on_their_own_layers(read: Read) -> None:
    # four layers by hand: two of Mamba-2, one of attention, one plain block of two matrices
    small = {key: value for key, value in CONFIGS["nemotron-3-super"].items() if "expert" not in key}
    config = small | {"num_hidden_layers": 4, "hybrid_override_pattern": "M-M*", "intermediate_size": 8192}
    parts = {part.name: part.elements for part in read(config).model.parts}
    inner, groups = 128 * 64, 8 * 128
    mamba = 4096 * (2 * inner + 2 * groups + 128) + inner * 4096
    assert parts["attention"] == 2 * mamba + 4096 * 128 * (2 * 32 + 2 * 2)
    assert parts["dense_ffn"] == 2 * 4096 * 8192
    assert "routed_experts" not in parts


def test_a_model_type_that_is_missing_is_read_from_the_architecture(read: Read) -> None:
    named = {key: value for key, value in CONFIGS["llama-3.1-405b"].items() if key != "model_type"}
    assert read(named).described.model_type == "llama"
    assert refusal(read, named | {"architectures": ["BertForMaskedLM"]}).field == "architectures"
    assert refusal(read, named | {"architectures": []}).field == "model_type"


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("GptOssForCausalLM", "gpt_oss"),
        ("DeepseekV3ForCausalLM", "deepseek_v3"),
        ("GPTNeoXForCausalLM", "gpt_neox"),
        ("Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe"),
        ("MiniMaxM2ForCausalLM", "minimax_m2"),
    ],
)
def test_architectures_name_their_family(architecture: str, family: str, read: Read) -> None:
    # whatever else is missing is told in the family's own field names, or the family's model comes out
    try:
        assert read({"architectures": [architecture]}).described.model_type == family
    except InputError as error:
        assert error.field == "num_hidden_layers"


# --- what is wrong ----------------------------------------------------------------------------------------------------

# read in no family as it stands: other fields decide (dense width of a model without dense layers, activations, tokens)
_UNREAD = {"architectures", "mla_use_nope", "vision_config", "scale_fmt"}
# fields that may be absent, because the library gives them a value or another field does
_OPTIONAL = {
    *("attn_output_gate", "decoder_sparse_step", "dtype", "torch_dtype", "experts_per_token", "expert_dtype"),
    *("full_attention_interval", "index_skip_topk_offset", "index_topk_freq", "layer_types", "mla_use_output_gate"),
    *("mlp_only_layers", "moe_layer_freq", "num_nextn_predict_layers", "q_lora_rank", "quantization_config"),
    *("attention_k_eq_v", "global_head_dim", "hidden_size_per_layer_input", "interleave_moe_layer_step", "moe_latent_size"),
    *("num_global_key_value_heads", "num_kv_shared_layers"),
    *("routed_expert_hidden_size", "tie_word_embeddings", "use_sliding_window", "sliding_window", "model_type"),
}
_UNUSED = {  # a width no layer of this model has
    ("qwen3-235b-a22b", "intermediate_size"),
    ("qwen3-next-80b-a3b", "intermediate_size"),
    ("nemotron-3-super", "intermediate_size"),
    ("qwen3.5-397b-a17b", "full_attention_interval"),  # layer_types says it
    *(
        (name, "num_key_value_heads")
        for name in ("kimi-k2.5", "kimi-k3", "deepseek-r1", "deepseek-v3.2", "glm-5", "glm-5.2")
    ),
    *((name, "head_dim") for name in ("glm-5", "glm-5.2")),
}
_COMPUTED = {  # where absent, the library's own rule gives a value: tested below
    ("llama-3.1-405b", "num_key_value_heads"),
    ("gpt-oss-120b", "num_experts_per_tok"),  # its old name stands there too
}


def required() -> Iterator[tuple[str, str]]:
    for name, config in CONFIGS.items():
        for field in place_of(config)[0]:
            if field not in _UNREAD | _OPTIONAL and (name, field) not in _UNUSED | _COMPUTED:
                yield name, field


def counts() -> Iterator[tuple[str, str]]:
    for name, config in CONFIGS.items():
        for field, value in place_of(config)[0].items():
            wholly = isinstance(value, int) and not isinstance(value, bool)
            if wholly and (name, field) not in _UNUSED and field != "experts_per_token":
                yield name, field


@pytest.mark.parametrize(("name", "field"), list(required()))
def test_a_missing_field_is_named(name: str, field: str, read: Read) -> None:
    copy = deepcopy(CONFIGS[name])
    fields, place = place_of(copy)
    del fields[field]
    found = refusal(read, copy)
    assert found.field == place + field
    assert f"{place}{field}: missing" in found.message


@pytest.mark.parametrize(
    ("name", "field", "means"),
    [  # rules of the library's own configuration classes
        ("llama-3.1-405b", "num_key_value_heads", {"num_key_value_heads": 128}),
        ("deepseek-r1", "moe_layer_freq", {"moe_layer_freq": 1}),
        ("deepseek-r1", "tie_word_embeddings", {"tie_word_embeddings": False}),
        ("llama-3.1-405b", "head_dim", {"head_dim": 128}),
        ("qwen3-next-80b-a3b", "mlp_only_layers", {"mlp_only_layers": []}),
        ("gpt-oss-120b", "layer_types", {"layer_types": ["sliding_attention", "full_attention"] * 18}),
        ("qwen3.5-397b-a17b", "layer_types", {"layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 15}),
    ],
)
def test_an_absent_field_means_what_the_library_takes_it_for(name: str, field: str, means: Fields, read: Read) -> None:
    without = changed(CONFIGS[name], field, None)
    (key, value), *_ = means.items()
    assert read(without).model == read(changed(CONFIGS[name], key, value)).model


_NO_COUNTS: list[Any] = [-1, 1.5, "8", True, [8], {"a": 8}, 10**10, 10**400, float("inf")]


@pytest.mark.parametrize(("name", "field"), list(counts()))
def test_a_count_that_is_none_is_named(name: str, field: str, read: Read) -> None:
    place = place_of(CONFIGS[name])[1]
    for value in _NO_COUNTS:
        text = json.dumps(changed(CONFIGS[name], field, value)).replace("Infinity", "1e999")
        if field == "moe_layer_freq" and isinstance(value, list):
            continue  # there a list is one entry for each layer
        found = refusal(read, text)
        assert found.field == place + field, (value, found.message)
        assert f"{place}{field}: got" in found.message


@pytest.mark.parametrize(
    "field", ["num_hidden_layers", "hidden_size", "vocab_size", "num_attention_heads", "num_key_value_heads"]
)
def test_nothing_of_what_there_must_be_one_of_is_named(field: str, read: Read) -> None:
    for config in CONFIGS.values():
        fields, place = place_of(config)
        if field in fields and not (field == "num_key_value_heads" and "kv_lora_rank" in fields):
            assert refusal(read, changed(config, field, 0)).field == place + field


@pytest.mark.parametrize(
    ("name", "field", "value", "said"),
    [
        ("llama-3.1-405b", "num_key_value_heads", 7, "got 7, allowed a divisor of 128, the attention heads"),
        ("llama-3.1-405b", "num_attention_heads", 120, "got 120, allowed a divisor of hidden_size 16384, or a head_dim"),
        ("llama-3.1-405b", "torch_dtype", "bfloat61", "unknown bfloat61; did you mean 'bfloat16'?"),
        ("llama-3.1-405b", "torch_dtype", 16, "got 16, allowed a text"),
        ("llama-3.1-405b", "tie_word_embeddings", "no", "got no, allowed true or false"),
        ("llama-3.1-405b", "model_type", "lama", "unknown lama; did you mean 'llama'?"),
        ("llama-3.1-405b", "model_type", "zzz", "unknown zzz; known: cohere, "),
        ("llama-3.1-405b", "model_type", ["llama"], "got ['llama'], allowed a text"),
        (
            "qwen3-32b",
            "layer_types",
            ["full_attention"] * 63,
            "got 63 entries, allowed one entry for each of the 64 layers",
        ),
        ("qwen3-32b", "layer_types", ["mamba"] * 64, "got mamba, allowed entries of full_attention, sliding_attention"),
        ("qwen3-235b-a22b", "num_experts_per_tok", 129, "got 129, allowed at most 128, its experts"),
        ("gpt-oss-120b", "sliding_window", None, "missing"),
        ("qwen3.5-397b-a17b", "attn_output_gate", False, "got False, allowed true"),
        ("deepseek-r1", "first_k_dense_replace", 62, "got 62, allowed a whole number from 0 to 61"),
        ("deepseek-v4-pro", "compress_ratios", [128] * 60, "got 60 entries, allowed one entry for each of the 61 layers"),
        (
            "deepseek-v4-pro",
            "compress_ratios",
            [64] * 61,
            "got 64, allowed entries of 4, 128, 0",
        ),
        ("deepseek-v4-pro", "num_key_value_heads", 2, "got 2, allowed a whole number from 1 to 1"),
        (
            "deepseek-v4.1-flash",
            "compress_ratios",
            [0, 1] * 20,
            "got [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, , allowed 0, then 2, then 1 for the 40 layers",
        ),
        ("deepseek-v4.1-flash", "kv_source_layer_ids", [20], "got [20], allowed layers from 2 on, the last of them 20"),
        (
            "deepseek-v4.1-flash",
            "kv_source_layer_ids",
            [2, 21],
            "got [2, 21], allowed layers from 2 on, the last of them 20",
        ),
        (
            "deepseek-v4.1-flash",
            "kv_source_layer_ids",
            [2, 2.5],
            "got [2, 2.5], allowed a rising list of layers from 0 to 39",
        ),
        (
            "deepseek-v4.1-flash",
            "index_source_layer_ids",
            [2, 8, 14],
            "got [2, 8, 14], allowed with those of kv_source_layer_ids",
        ),
        ("deepseek-v4-pro", "expert_dtype", "fp3", "unknown fp3; did you mean"),
        ("deepseek-v3.2", "q_lora_rank", None, "missing"),
        ("gemma-4-31b", "hidden_size_per_layer_input", 256, "got 256, allowed 0: no physics here of it"),
        ("gemma-4-31b", "hidden_size_per_layer_input", None, "got 256, allowed 0: no physics here of it"),  # its default
        ("gemma-4-31b", "num_global_key_value_heads", 5, "got 5, allowed a divisor of 32, the attention heads"),
        ("gemma-4-31b", "enable_moe_block", True, "got True, allowed false: no physics here of it"),
        ("nemotron-3-super", "hybrid_override_pattern", "ME*", "got ME*, allowed 88 letters of M, *, E and -"),
        ("nemotron-3-super", "mlp_hidden_act", "silu", "got silu, allowed relu2"),
        ("glm-5", "indexer_types", ["full"] * 77 + ["none"], "got none, allowed entries of full, shared"),
        ("minimax-m3", "moe_layer_freq", [2] * 60, "got 2, allowed entries of 0, 1"),
        ("minimax-m3", "sparse_attention_config", [], "got [], allowed an object"),
        ("kimi-k3", "linear_attn_config", None, "missing"),
    ],
)
def test_what_does_not_go_together_is_named(name: str, field: str, value: object, said: str, read: Read) -> None:
    found = refusal(read, changed(CONFIGS[name], field, value))
    assert found.field == place_of(CONFIGS[name])[1] + field
    assert f"{found.field}: {said}" in found.message


def test_a_layer_that_is_both_or_neither_is_refused(read: Read) -> None:
    linear = CONFIGS["kimi-k3"]["text_config"]["linear_attn_config"]
    for kda in ([*linear["kda_layers"], 4], linear["kda_layers"][1:], [0, *linear["kda_layers"]], ["1"]):
        found = refusal(read, changed(CONFIGS["kimi-k3"], "linear_attn_config", linear | {"kda_layers": kda}))
        assert found.field == "text_config.linear_attn_config.kda_layers"


def test_a_misspelt_field_is_asked_about(read: Read) -> None:
    copy = dict(CONFIGS["llama-3.1-405b"])
    copy["num_hidden_layer"] = copy.pop("num_hidden_layers")
    assert refusal(read, copy).message.endswith("num_hidden_layers: missing; is it 'num_hidden_layer'?")


# --- files that are none ----------------------------------------------------------------------------------------------

_LLAMA = json.dumps(CONFIGS["llama-3.1-405b"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ("{", "not JSON"),
        ("[]", "got [], allowed a JSON object"),
        ("null", "got None, allowed a JSON object"),
        ("3", "got 3, allowed a JSON object"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1, "a": 1}', "the key 'a' stands twice in one object"),
        ('{"b": {"a\\n": 1, "a\\n": 2}}', "stands twice"),
        ("[" * 100_000, "JSON nested too deep"),
        (b'{"a": "\xff"}', "not UTF-8 text"),
        (b" " * 8_000_001, "larger than the 8,000,000 bytes allowed"),
        ('{"model_type": "\\ud800"}', "model_type: unknown"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line(content: Any, said: str, read: Read) -> None:
    assert said in refusal(read, content).message


def test_a_byte_order_mark_is_no_part_of_the_text(read: Read) -> None:
    assert read(b"\xef\xbb\xbf" + _LLAMA.encode()).model.total_parameters == read(_LLAMA).model.total_parameters


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b.json"])
def test_a_file_that_cannot_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        from_config(tmp_path / name)
    assert refused.value.message.startswith("model file ")
    assert refused.value.message.isprintable()


# --- anything at all --------------------------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(sorted(FAMILIES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def a_model_or_a_refusal(read: Read, config: object) -> None:
    try:
        assert isinstance(read(config).model, Model)
    except InputError as error:
        assert "\n" not in error.message


@given(_VALUES)
def test_any_json_is_a_model_or_a_refusal(read: Read, config: object) -> None:
    a_model_or_a_refusal(read, config)


@given(st.data())
def test_a_configuration_with_other_values_is_a_model_or_a_refusal(read: Read, data: st.DataObject) -> None:
    config = deepcopy(CONFIGS[data.draw(st.sampled_from(sorted(CONFIGS)))])
    for _ in range(data.draw(st.integers(1, 3))):
        fields = config
        key = data.draw(st.sampled_from(sorted(fields)))
        while isinstance(fields[key], dict) and fields[key] and data.draw(st.integers(0, 3)):
            fields = fields[key]
            key = data.draw(st.sampled_from(sorted(fields)))
        fields[key] = data.draw(_VALUES | st.integers(0, 200) | st.lists(st.integers(-1, 4), max_size=99))
    a_model_or_a_refusal(read, config)
