"""Feed-forward blocks: dense ones, and mixtures of experts with the layers that are dense all the same."""

from __future__ import annotations

from collections.abc import Callable

from fleetline.catalog.config_file import Config
from fleetline.catalog.huggingface.facts import Facts, Found

Dense = Callable[[Config, int], list[bool]]


def _no_dense(_config: Config, layers: int) -> list[bool]:
    return [False] * layers


def first_dense(config: Config, layers: int) -> list[bool]:
    """DeepSeek, Kimi, GLM: the first `first_k_dense_replace` layers; MiniMax M3 lists `moe_layer_freq` by layer."""
    types = config.by_layer("mlp_layer_types", layers, ("dense", "sparse"))
    if types:
        return [kind == "dense" for kind in types]
    if isinstance(config.fields.get("moe_layer_freq"), list):
        return [not sparse for sparse in config.by_layer("moe_layer_freq", layers, (0, 1))]
    first = config.whole("first_k_dense_replace", least=0, most=layers)
    every = config.whole("moe_layer_freq", otherwise=1)
    return [layer < first or layer % every != 0 for layer in range(layers)]


def stepped_dense(config: Config, layers: int) -> list[bool]:
    """Qwen: the layers of `mlp_only_layers`, and all but every `decoder_sparse_step`-th."""
    listed, step = config.items("mlp_only_layers"), config.whole("decoder_sparse_step", otherwise=1)
    return [layer in listed or (layer + 1) % step != 0 for layer in range(layers)]


def interleaved_dense(config: Config, layers: int) -> list[bool]:
    """Llama 4: all but every `interleave_moe_layer_step`-th, or but those that `moe_layers` counts from 0."""
    listed, step = config.items("moe_layers"), config.whole("interleave_moe_layer_step", otherwise=1)
    return [layer not in listed if listed else (layer + 1) % step != 0 for layer in range(layers)]


def every_dense(*names: str, matrices: int = 3) -> Callable[[Config, Facts], Found]:
    """The same feed-forward block in every layer: gated ones have three matrices, plain ones two."""

    def feed_forward(config: Config, facts: Facts) -> Found:
        width = config.whole(*(names or ("intermediate_size",)))
        found: Facts = {"dense_layers": facts["layers"], "dense_intermediate_size": width, "ffn_matrices": matrices}
        return found, frozenset(range(int(facts["layers"])))

    return feed_forward


def falcon_dense(config: Config, facts: Facts) -> Found:
    """Falcon: two matrices, four times as wide as the model unless it says otherwise."""
    width = config.whole("ffn_hidden_size", otherwise=4 * int(facts["hidden_size"]))
    found: Facts = {"dense_layers": facts["layers"], "dense_intermediate_size": width, "ffn_matrices": 2}
    return found, frozenset(range(int(facts["layers"])))


def mixture(
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


def counted_shared(*names: str, width: str = "moe_intermediate_size") -> Callable[[Config], tuple[int, int]]:
    """So many shared experts, each as wide as `width` says."""

    def shared(config: Config) -> tuple[int, int]:
        number = config.whole(*(names or ("n_shared_experts",)), least=0)
        return (number, config.whole(width)) if number else (0, 0)

    return shared


def wide_shared(config: Config) -> tuple[int, int]:
    """Qwen: one shared expert as wide as `shared_expert_intermediate_size`, which must be there."""
    width = config.whole("shared_expert_intermediate_size", least=0)
    return (1, width) if width else (0, 0)


def one_shared(config: Config) -> tuple[int, int]:
    """Llama 4: one shared expert, as wide as the routed ones."""
    return 1, config.whole("intermediate_size")


def mamba_feed_forward(config: Config, facts: Facts) -> Found:
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
    shared = counted_shared(width="moe_shared_expert_intermediate_size")
    experts, _ = mixture("n_routed_experts", shared=shared)(config, facts)
    if config.has("moe_latent_size"):
        experts["routed_expert_hidden_size"] = config.whole("moe_latent_size")
    return experts | found, plain
