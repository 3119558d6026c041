"""Models most of whose layers keep a state of fixed size: gated DeltaNet, Kimi delta attention, Mamba-2."""

from __future__ import annotations

from fleetline.catalog.config_file import Config
from fleetline.catalog.huggingface.facts import NONE, Facts, Found, Layers
from fleetline.catalog.huggingface.grouped import head_shapes
from fleetline.catalog.huggingface.latent import latent
from fleetline.catalog.models import GATED_DELTA, KIMI_DELTA, MAMBA


def delta(config: Config, facts: Facts) -> Found:
    """Qwen3-Next and 3.5: gated DeltaNet, and every `full_attention_interval`-th layer grouped-query with a gate."""
    layers = int(facts["layers"])
    types = config.by_layer("layer_types", layers, ("linear_attention", "full_attention"))
    if not types:
        every = config.whole("full_attention_interval")
        types = ["linear_attention" if (layer + 1) % every else "full_attention" for layer in range(layers)]
    if not config.flag("attn_output_gate", otherwise=True):
        raise config.fault("attn_output_gate", "true: no physics here of this attention without its gate")
    recurrent = frozenset(layer for layer, kind in enumerate(types) if kind == "linear_attention")
    kind = GATED_DELTA
    return head_shapes(config, facts) | _hybrid(kind, layers, recurrent) | {
        "linear_heads_k": config.whole("linear_num_key_heads"),
        "linear_heads_v": config.whole("linear_num_value_heads"),
        "linear_head_dim_k": config.whole("linear_key_head_dim"),
        "linear_head_dim_v": config.whole("linear_value_head_dim"),
    }, recurrent


def kimi_delta(config: Config, facts: Facts) -> Found:
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
    kind = KIMI_DELTA
    return latent(config, facts)[0] | _hybrid(kind, layers, recurrent) | {
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


def mamba(config: Config, facts: Facts) -> Found:
    """Nemotron-H: `hybrid_override_pattern` has a letter a layer: Mamba-2, attention, experts, plain feed-forward."""
    if config.has("quantization_config"):
        raise config.fault("quantization_config", "none: no rule here for the modules of this family")
    layers, pattern = int(facts["layers"]), config.text("hybrid_override_pattern")
    if len(pattern) != layers or set(pattern) - set("M*E-") or "*" not in pattern or "M" not in pattern:
        raise config.fault("hybrid_override_pattern", f"{layers} letters of M, *, E and -, with M and * among them")
    found = (
        head_shapes(config, facts)
        | _hybrid(MAMBA, layers, NONE)
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


def _hybrid(kind: str, layers: int, recurrent: Layers) -> Facts:
    full = layers - len(recurrent)
    return {"attention_kind": kind, "n_full_attn_layers": full, "n_linear_layers": len(recurrent)}
