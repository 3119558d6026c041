"""Rows of `models` -> Model: which dimensions each attention kind needs, and how the weights fall into parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fleetline.architecture.attention import Attention, GroupedQuery, Latent
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.catalog.rows import ModelRow
from fleetline.catalog.tables import fault
from fleetline.errors import InputError


class MissingFactError(InputError):
    """A dimension of a model that its source does not give: the model is listed, not modelled."""


@dataclass(frozen=True)
class Facts:
    """The rows of one model; asking for one that is missing names it."""

    name: str
    rows: Mapping[str, ModelRow]

    def number(self, quantity: str) -> float:
        """The value of `quantity`.

        Raises:
            MissingFactError: the catalog has none.
            InputError: it is not a number.
        """
        row = self._row(quantity)
        if row.unit not in {"1", "1e9 parameters"}:
            raise fault("models", row, "unit", f"got '{row.unit}', {quantity} is a number")
        return float(row.value)

    def count(self, quantity: str) -> float:
        """A value that cannot be 0: a width, a number of layers; raises InputError where it is."""
        value = self.number(quantity)
        if value == 0:
            raise fault("models", self._row(quantity), "value", f"got '0', {quantity} must be over 0")
        return value

    def number_or(self, quantity: str, otherwise: float) -> float:
        """The value of `quantity`, or what its absence means."""
        return self.number(quantity) if quantity in self.rows else otherwise

    def text(self, quantity: str) -> str:
        """The value of `quantity` in words."""
        return self._row(quantity).value

    def published(self, quantity: str) -> float | None:
        """A parameter count its authors published [parameter]."""
        return self.number(quantity) * 1e9 if quantity in self.rows else None

    def share(self, part: str, whole: str) -> float:
        """`part` of `whole`, which cannot be less; raises InputError where it is."""
        share = self.count(part) / self.count(whole)
        if share > 1:
            raise fault("models", self._row(part), "value", f"got {self.text(part)} {part} of {self.text(whole)} {whole}")
        return share

    def _row(self, quantity: str) -> ModelRow:
        if quantity not in self.rows:
            raise MissingFactError(f"models.csv has no row of its {quantity}", field="models.csv", got=quantity)
        return self.rows[quantity]


def _grouped(facts: Facts) -> tuple[AttentionLayers, ...]:
    full = GroupedQuery(
        hidden=facts.count("hidden_size"),
        heads=facts.count("heads"),
        kv_heads=facts.count("kv_heads"),
        head_dim=facts.count("head_dim"),
    )
    windowed = int(facts.number_or("n_compressed_or_window_layers", 0))
    layers = [_layers(int(facts.count("layers")) - windowed, full)]
    if windowed:
        layers.append(_layers(windowed, replace(full, window=facts.count("sliding_window"))))
    return tuple(layers)


def _latent(facts: Facts) -> tuple[AttentionLayers, ...]:
    names = ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    kind = Latent(facts.count("hidden_size"), facts.count("heads"), *(facts.count(name) for name in names))
    return (_layers(int(facts.count("layers")), kind),)


def _layers(count: int, kind: Attention) -> AttentionLayers:
    return AttentionLayers(count, kind, kind.costs)


# The table's own words for an attention kind -> how to build its layers.
ATTENTION_KINDS: Mapping[str, Callable[[Facts], tuple[AttentionLayers, ...]]] = MappingProxyType(
    {
        "GQA": _grouped,
        "GQA alternating sliding-window(128)+sink / full": _grouped,
        "GQA, 5 sliding-window (1024) layers per full layer": _grouped,
        "MLA": _latent,
    }
)


def build_model(name: str, rows: Mapping[str, ModelRow]) -> Model:
    """The model called `name` from its rows.

    Raises:
        InputError: a dimension its attention kind or its experts need is missing.
    """
    facts = Facts(name, rows)
    attention = ATTENTION_KINDS[facts.text("attention_kind")](facts)
    return Model(
        name=name,
        title=facts.text("title"),
        hidden=facts.count("hidden_size"),
        max_context=facts.count("max_context"),
        parts=tuple(part for part in _parts(facts, attention) if part.elements),
        attention=attention,
        published_total=facts.published("published_total_params_B"),
        published_active=facts.published("published_active_params_B"),
    )


def _parts(facts: Facts, attention: tuple[AttentionLayers, ...]) -> list[WeightPart]:
    """Gated feed-forward blocks have three matrices; a dense model is one whose layers are all dense."""
    hidden, layers = facts.count("hidden_size"), facts.count("layers")
    experts = facts.number_or("n_routed_experts", 0)
    dense_layers = facts.number("dense_layers") if experts else layers
    sparse_layers = layers - dense_layers
    attention_weights = sum(group.count * group.attention.weights for group in attention)
    dense = dense_layers * 3.0 * hidden * facts.count("dense_intermediate_size") if dense_layers else 0.0
    table = facts.count("vocab_size") * hidden
    parts = [_always("attention", attention_weights), _always("dense_ffn", dense)]
    if experts:
        share = facts.share("experts_per_token", "n_routed_experts")
        routed = sparse_layers * experts * 3.0 * hidden * facts.count("moe_intermediate_size")
        per_shared = facts.number_or("shared_intermediate_size", 0.0)
        shared = sparse_layers * facts.number("n_shared_experts") * 3.0 * hidden * per_shared
        parts += [
            _always("router", sparse_layers * hidden * experts),
            _always("shared_experts", shared),
            WeightPart("routed_experts", routed, routed * share, touched_by_one=share),
        ]
    parts.append(WeightPart("head", table, table, on_every_prompt_token=False))
    if facts.number("embedding_tables") > 1:
        parts.append(WeightPart("embedding", table, 0.0, touched_by_one=1.0 / facts.count("vocab_size")))
    return parts


def _always(name: str, elements: float) -> WeightPart:
    return WeightPart(name, elements, elements)
