"""`quantization_config` of a config.json -> the number format of every part of the checkpoint, and of its KV cache.

A tool says which modules it stored how, by names and patterns; each matrix of the model is asked for by the names it has in
published checkpoints. A part whose matrices differ (NVFP4 but for three layers) gets their mean bytes a weight, and
computes as most of them do. Embedding and router are stored as the rest of the file is: no tool here converts them.

Sources: the configuration classes of vLLM and transformers (quantization/{fp8,modelopt,compressed_tensors,awq,gptq,mxfp4}),
AMD Quark's Config.to_dict; formats and their scales: `formats.csv`.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from fleetline.architecture.model import Model
from fleetline.catalog.config_file import Config, shown
from fleetline.catalog.huggingface import Described
from fleetline.catalog.types import Checkpoint, NumberFormat

Formats = Mapping[str, NumberFormat]

# float16 is as large as bfloat16 and multiplied at the same rate; nothing here computes in 32 bits, and to cast is a choice
_UNQUANTISED = MappingProxyType({"bfloat16": "bf16", "float16": "bf16", "float32": ""})


@dataclass(frozen=True)
class Stored:
    """The checkpoint a configuration describes, and in which of its fields it does; both None and "" where it does not."""

    checkpoint: Checkpoint | None
    described_by: str


@dataclass(frozen=True)
class _Rule:
    """What a tool did: modules that match are in `format`, unless they match `ignored`."""

    format: NumberFormat
    matches: Callable[[str], bool]
    ignored: Callable[[str], bool]

    def covers(self, names: Sequence[str]) -> bool:
        """Whether a matrix with these names is in the rule's format."""
        return any(self.matches(name) for name in names) and not any(self.ignored(name) for name in names)


def stored(config: Config, described: Described, model: Model, formats: Formats) -> Stored:
    """The formats of a checkpoint: as its `quantization_config` says, else of its `dtype`.

    Raises:
        InputError: a method, a scheme or a width that is not known, a pattern that is none.
    """
    quantised = config.child("quantization_config") or described.text.child("quantization_config")
    rules = () if quantised is None else _rules(quantised, formats)
    base = _base(config, described.text, formats)
    if rules and base is None:
        base = formats["bf16"]  # what a quantised file leaves alone is in 16 bits
    if base is None:
        return Stored(None, "")
    rules = (*_expert_rule(described.text, rules, formats), *rules)
    parts = _parts(described, model, rules, base)
    cache = base if quantised is None else _cache(quantised, base, formats)
    most = max(model.parts, key=lambda part: part.elements)
    label = _label(parts[most.name])
    said = "dtype" if quantised is None else f"quantization_config ({quantised.text('quant_method')})"
    return Stored(Checkpoint(model.name, model.name, label, MappingProxyType(parts), cache), said)


def _base(config: Config, text: Config, formats: Formats) -> NumberFormat | None:
    for place in (text, config):
        name = place.first_of(("dtype", "torch_dtype"))
        if place.has(name):
            given = place.text(name).removeprefix("torch.")
            if given not in _UNQUANTISED:
                raise place.unknown(name, given, _UNQUANTISED)
            return formats.get(_UNQUANTISED[given])
    return None


def _label(stored_as: NumberFormat) -> str:
    """What people call it: int4 by how it is stored, the others by their width."""
    name = stored_as.name
    return next((label for label in ("int4", "int8", "fp8", "fp4", "bf16") if label in name), name)


# --- parts ----------------------------------------------------------------------------------------------------------------

_PREFIXES = ("", "model.", "language_model.model.", "model.language_model.")
# the names of one matrix of a part in published checkpoints, after "layers.N."
_NAMES = MappingProxyType(
    {
        "routed_experts": (
            "mlp.experts.0.gate_proj",
            "block_sparse_moe.experts.0.w1",
            "ffn.experts.0.gate_proj",
            "ffn.experts.0.w1",
            "feed_forward.experts.gate_up_proj",
        ),
        "shared_experts": (
            "mlp.shared_experts.gate_proj",
            "mlp.shared_expert.gate_proj",
            "block_sparse_moe.shared_experts.gate_proj",
            "ffn.shared_experts.gate_proj",
            "ffn.shared_experts.w1",
            "feed_forward.shared_expert.gate_proj",
        ),
        "dense_ffn": ("mlp.gate_proj", "mlp.gate_up_proj", "feed_forward.gate_proj", "mlp.dense_h_to_4h", "fc1"),
        "recurrent": ("linear_attn.in_proj_qkvz", "linear_attn.in_proj_qkv", "self_attn.q_proj"),
    }
)


def _parts(described: Described, model: Model, rules: Sequence[_Rule], base: NumberFormat) -> dict[str, NumberFormat]:
    """The format of every part of the model."""
    found = {}
    for part in model.parts:
        weights: dict[NumberFormat, float] = defaultdict(float)
        for names, elements in _matrices(part.name, described, model):
            rule = next((rule for rule in rules if rule.covers(names)), None)
            weights[base if rule is None else rule.format] += elements
        found[part.name] = _mixed(weights) if weights else base
    return found


def _mixed(weights: Mapping[NumberFormat, float]) -> NumberFormat:
    """One format; of several, their mean bytes and the arithmetic of the one with most weights."""
    if len(weights) == 1:
        return next(iter(weights))
    by_weights = sorted(weights, key=lambda each: -weights[each])
    mean = sum(each.bytes_per_weight * count for each, count in weights.items()) / sum(weights.values())
    return NumberFormat("+".join(each.name for each in by_weights), mean, by_weights[0].compute_precision)


def _matrices(part: str, described: Described, model: Model) -> Iterator[tuple[list[str], float]]:
    """The matrices of a part: the names each may have, and its weights (as a share where all are alike)."""
    if part == "head":
        yield _named(["lm_head"]), 1.0
        return
    for layer in range(int(described.facts["layers"])):
        if part == "attention":
            for suffixes, elements in _attention(described, model, recurrent=layer in described.recurrent_layers):
                yield _named([f"layers.{layer}.{suffix}" for suffix in suffixes]), elements
        elif part in _NAMES and (layer in described.dense_layers) == (part == "dense_ffn"):
            yield _named([f"layers.{layer}.{suffix}" for suffix in _NAMES[part]]), 1.0


def _named(names: Sequence[str]) -> list[str]:
    return [prefix + name for prefix in _PREFIXES for name in names]


def _attention(described: Described, model: Model, *, recurrent: bool) -> list[tuple[tuple[str, ...], float]]:
    """The projections of one layer and their weights."""
    facts = described.facts
    if recurrent:
        each = next(group.attention.weights for group in model.attention if group.attention.name == "recurrent")
        return [(_NAMES["recurrent"], each)]
    hidden, heads = float(facts["hidden_size"]), float(facts["heads"])
    if "kv_lora_rank" in facts:
        return _latent(facts, hidden, heads)
    wide = heads * float(facts["head_dim"])
    if "o_lora_rank" in facts:
        rank, out = float(facts["q_lora_rank"]), float(facts["o_lora_rank"])
        return [
            (("attn.wq_a", "attn.fused_wqa_wkv"), hidden * rank),
            (("attn.wq_b",), rank * wide),
            (("attn.wo_a",), wide * out),
            (("attn.wo_b",), float(facts["o_groups"]) * out * hidden),
        ]
    narrow = float(facts["kv_heads"]) * float(facts["head_dim"])
    return [
        (("self_attn.q_proj", "self_attention.query_key_value", "attention.query_key_value"), hidden * wide),
        (("self_attn.k_proj", "self_attention.query_key_value", "attention.query_key_value"), hidden * narrow),
        (("self_attn.v_proj", "self_attention.query_key_value", "attention.query_key_value"), hidden * narrow),
        (("self_attn.o_proj", "self_attn.out_proj", "self_attention.dense", "attention.dense"), wide * hidden),
    ]


def _latent(facts: Mapping[str, int | str], hidden: float, heads: float) -> list[tuple[tuple[str, ...], float]]:
    nope, rope = float(facts["qk_nope_head_dim"]), float(facts["qk_rope_head_dim"])
    rank, latent, value = (float(facts[name]) for name in ("q_lora_rank", "kv_lora_rank", "v_head_dim"))
    query = [(("self_attn.q_proj",), hidden * heads * (nope + rope))]
    if rank:
        query = [(("self_attn.q_a_proj",), hidden * rank), (("self_attn.q_b_proj",), rank * heads * (nope + rope))]
    return [
        *query,
        (("self_attn.kv_a_proj_with_mqa",), hidden * (latent + rope)),
        (("self_attn.kv_b_proj",), latent * heads * (nope + value)),
        (("self_attn.o_proj",), heads * value * hidden),
    ]


# --- patterns -------------------------------------------------------------------------------------------------------------


def _matcher(config: Config, field: str, patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a module's name matches: `re:` an expression, `*` a glob, else its dotted parts stand in the name.

    A glob or a name also covers what is inside the module it names.
    """
    plain = {pattern for pattern in patterns if not pattern.startswith("re:") and "*" not in pattern}
    written = [pattern.removeprefix("re:") for pattern in patterns if pattern.startswith("re:")]
    globs = [pattern for pattern in patterns if not pattern.startswith("re:") and "*" in pattern]
    written += [fnmatch.translate(each) for glob in globs for each in (glob, f"{glob}.*")]
    try:
        compiled = [re.compile(pattern) for pattern in written]
    except (re.error, OverflowError, RecursionError) as error:
        raise config.fault(field, "names, globs and regular expressions", got=str(error)) from error

    def matches(name: str) -> bool:
        return any(part in plain for part in _dotted(name)) or any(pattern.match(name) for pattern in compiled)

    return matches if patterns else _nothing


def _dotted(name: str) -> Iterator[str]:
    pieces = name.split(".")
    for start in range(len(pieces)):
        for end in range(start + 1, len(pieces) + 1):
            yield ".".join(pieces[start:end])


def _everything(_name: str) -> bool:
    return True


def _nothing(_name: str) -> bool:
    return False


def _not_head(name: str) -> bool:
    """Methods that convert the layers of the model and leave its head, unless they say so."""
    return not name.endswith("lm_head")


_IGNORES = ("ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules", "exclude")


def _ignored(config: Config) -> Callable[[str], bool]:
    field = config.first_of(_IGNORES)
    return _matcher(config, field, config.texts(field))


# --- methods --------------------------------------------------------------------------------------------------------------


def _rules(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """What the method of a `quantization_config` did to which modules; the first rule that covers a module holds."""
    return config.choice("quant_method", METHODS)(config, formats)


def _expert_rule(text: Config, rules: Sequence[_Rule], formats: Formats) -> tuple[_Rule, ...]:
    """DeepSeek V4 says the format of its experts apart; activations in 8 bits (VeOmni pull request 1089)."""
    if not text.has("expert_dtype") or any(rule.format.name.startswith("nvfp4") for rule in rules):
        return ()
    name = text.choice("expert_dtype", {"fp4": "mxfp4_w4a8", "fp8": "", "bf16": ""})
    return (_Rule(formats[name], lambda module: ".experts." in module, _nothing),) if name else ()


def _fp8(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """DeepSeek's fp8: one scale a block of weights, or one for all."""
    block = config.items("weight_block_size")
    known = {(): "fp8", (128, 128): "fp8_block", (1, 32): "mxfp8"}
    if any(isinstance(size, bool) or not isinstance(size, int) for size in block) or tuple(block) not in known:
        raise config.fault("weight_block_size", "[128, 128], [1, 32] or none")
    return (_Rule(formats[known[tuple(block)]], _not_head, _ignored(config)),)


def _all_linear(name: str) -> Callable[[Config, Formats], tuple[_Rule, ...]]:
    def rules(config: Config, formats: Formats) -> tuple[_Rule, ...]:
        return (_Rule(formats[name], _not_head, _ignored(config)),)

    return rules


def _mxfp4(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """gpt-oss: the experts, and nothing else; with 8-bit activations where the chip can (as `checkpoints.csv` has it)."""
    return (_Rule(formats["mxfp4_w4a8"], lambda module: ".experts." in module, _ignored(config)),)


_ALGORITHMS = MappingProxyType(
    {
        "NVFP4": "nvfp4",
        "FP8": "fp8",
        "FP8_PER_CHANNEL_PER_TOKEN": "fp8",
        "FP8_PB_WO": "fp8_block",
        "MXFP8": "mxfp8",
        "W4A8_MXFP4_FP8": "mxfp4_w4a8",
    }
)


def _modelopt(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """NVIDIA Model Optimizer: one algorithm, or one for each listed module."""
    ignored = _ignored(config)
    if not config.has("quant_algo") and config.has("config_groups"):
        return _groups(config, formats)
    if config.text("quant_algo") != "MIXED_PRECISION":
        return (_Rule(formats[config.choice("quant_algo", _ALGORITHMS)], _everything, ignored),)
    layers = config.child("quantized_layers")
    if layers is None:
        raise config.missing("quantized_layers")
    by_format: dict[str, list[str]] = defaultdict(list)
    for name in layers.fields:
        layer = layers.child(name)
        if layer is not None:
            by_format[layer.choice("quant_algo", _ALGORITHMS)].append(name)
    return tuple(
        _Rule(formats[name], _matcher(config, "quantized_layers", modules), ignored) for name, modules in by_format.items()
    )


def _groups(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """compressed-tensors: groups of modules; those named one by one go before those of a whole class."""
    groups = config.child("config_groups")
    if groups is None:
        raise config.missing("config_groups")
    ignored, named, general = _ignored(config), [], []
    for name in groups.fields:
        group = groups.child(name)
        if group is None:
            continue
        targets, stored_as = group.texts("targets"), _scheme(group, formats)
        if set(targets) & {"Linear", "FusedMoE"}:
            general.append(_Rule(stored_as, _everything, ignored))
        else:
            named.append(_Rule(stored_as, _matcher(group, "targets", targets), ignored))
    return (*named, *general)


def _scheme(group: Config, formats: Formats) -> NumberFormat:
    """The format of a group's `weights`, and the arithmetic its `input_activations` allow."""
    weights, activations = group.child("weights"), group.child("input_activations")
    if weights is None:
        raise group.missing("weights")
    bits, kind = weights.whole("num_bits"), weights.text("type", "int")
    size = weights.whole("group_size", least=-1, otherwise=0)
    width = None if activations is None else activations.whole("num_bits")
    if kind == "int" and width is None:
        return _weight_only(weights, "num_bits", bits, size, formats)
    names = {
        ("float", 8, 32): "mxfp8",
        ("float", 4, 16): "nvfp4",
        ("float", 4, 32): {4: "mxfp4", 8: "mxfp4_w4a8"}.get(width or 0, "mxfp4_w4a16"),
    }
    blocks = weights.has("block_structure") and weights.text("strategy", "") == "block"
    plain = "fp8_block" if blocks else "fp8"
    name = names.get((kind, bits, size), plain if (kind, bits) == ("float", 8) else "")
    if not name:
        raise weights.fault("num_bits", "float weights of 4 or 8 bits, or integer ones with unquantised activations")
    found = formats[name]
    return (
        found
        if width is not None or name == "mxfp4_w4a16"
        else replace(found, name=f"{name}_a16", compute_precision="bf16")
    )


def _weight_only(config: Config, field: str, bits: int, size: int, formats: Formats) -> NumberFormat:
    """Integers with a 16-bit scale a group, multiplied in bf16; a group of 32 is the catalog's int4."""
    if bits not in {4, 8}:
        raise config.fault(field, "4 or 8")
    known = formats["int4"]
    if (bits, size) == (4, _INT4_GROUP):
        return known
    scale = formats["bf16"].bytes_per_weight / size if size > 0 else 0.0  # one a channel or tensor: nothing
    named = f"int{bits}" + (f"_group{size}" if size > 0 else "")
    return NumberFormat(named, bits / _BITS + scale, known.compute_precision)


_INT4_GROUP = 32  # formats.csv, int4
_BITS = 8.0  # of a byte


def _integers(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """AWQ and GPTQ: integer weights of all layers; the head only where `lm_head` says so."""
    if config.has("dynamic") and config.fields["dynamic"] != {}:
        raise config.fault(
            "dynamic", "none: no rule here for formats module by module", got=shown(config.fields["dynamic"])
        )
    names = ("bits", "w_bit")
    bits, size = config.whole(*names), config.whole("group_size", "q_group_size", least=-1)
    stored_as = _weight_only(config, config.first_of(names), bits, size, formats)
    covered = _everything if config.flag("lm_head", otherwise=False) else _not_head
    return (_Rule(stored_as, covered, _ignored(config)),)


def _quark(config: Config, formats: Formats) -> tuple[_Rule, ...]:
    """AMD Quark: one scheme for all but the excluded."""
    scheme = config.child("global_quant_config")
    weight = None if scheme is None else scheme.child("weight")
    if scheme is None or weight is None:
        raise config.missing("global_quant_config")
    if config.has("layer_quant_config") and config.fields["layer_quant_config"] != {}:
        raise config.fault("layer_quant_config", "none: no rule here for formats layer by layer")
    name = weight.choice("dtype", {"fp4": "mxfp4", "fp8_e4m3": "fp8"})
    if name == "mxfp4" and weight.whole("group_size") != _INT4_GROUP:
        raise weight.fault("group_size", str(_INT4_GROUP))
    if not scheme.has("input_tensors"):
        name = {"mxfp4": "mxfp4_w4a16"}.get(name, name)
    return (_Rule(formats[name], _everything, _ignored(config)),)


METHODS: Mapping[str, Callable[[Config, Formats], tuple[_Rule, ...]]] = MappingProxyType(
    {
        "fp8": _fp8,
        "fbgemm_fp8": _all_linear("fp8"),
        "mxfp8": _all_linear("mxfp8"),
        "mxfp4": _mxfp4,
        "modelopt": _modelopt,
        "modelopt_fp4": _modelopt,
        "modelopt_mixed": _modelopt,
        "compressed-tensors": _groups,
        "awq": _integers,
        "gptq": _integers,
        "quark": _quark,
    }
)


def _cache(config: Config, base: NumberFormat, formats: Formats) -> NumberFormat:
    """The cache: as the tool says, else as the model computes (engines keep it in the model's own type)."""
    if config.has("kv_cache_quant_algo"):
        return formats[config.choice("kv_cache_quant_algo", {"FP8": "fp8", "NVFP4": "nvfp4", "NONE": base.name})]
    scheme = config.child("kv_cache_scheme")
    if scheme is None:
        return base
    bits, kind = scheme.whole("num_bits"), scheme.text("type", "float")
    names = {(8, "float"): "fp8", (4, "float"): "nvfp4"}
    if (bits, kind) not in names:
        raise scheme.fault("num_bits", "8 or 4, of floats")
    return formats[names[bits, kind]]
