"""A model's own draft: one more layer of its kind that guesses the token after the next, and shares its output head."""

from __future__ import annotations

from dataclasses import replace

from fleetline.architecture.attention import Indexer, Recurrent
from fleetline.architecture.model import AttentionLayers, Model, WeightPart

# parts that the draft reads and the model holds already
LENT = ("head",)


def own_draft(model: Model) -> Model:
    """One layer as the model's, and a projection of hidden state and token, twice as wide as one, to the hidden width.

    Multi-token prediction is such a layer (with the model's experts). EAGLE and DSpark drafts are one layer with a dense
    feed-forward block of their own, whose widths are not in the catalog; they are counted as this one, which is a guess.

    Source: DeepSeek-V3 (arXiv:2412.19437), section 2.2; Li et al. 2024, EAGLE (arXiv:2401.15077).
    """
    attention = _one_layer(model)
    sparse = 0.0 if model.experts is None else model.experts.layers
    weights = float(sum(group.attention.weights for group in attention))
    projection = 2.0 * model.hidden**2
    parts = [WeightPart("attention", weights, weights), WeightPart("projection", projection, projection)]
    for part in model.parts:
        if part.name in {"router", "shared_experts", "routed_experts"}:
            parts.append(_scaled(part, 1.0 / sparse))
        elif part.name == "dense_ffn" and not sparse:
            parts.append(_scaled(part, 1.0 / model.layers))
        elif part.name in LENT:
            parts.append(part)
    experts = None if model.experts is None else replace(model.experts, layers=1.0)
    return replace(
        model, name=f"draft of {model.name}", layers=1.0, experts=experts, parts=tuple(parts), attention=attention
    )


def _scaled(part: WeightPart, share: float) -> WeightPart:
    return replace(part, elements=part.elements * share, active=part.active * share)


def _one_layer(model: Model) -> tuple[AttentionLayers, ...]:
    """The heaviest kind that attends to tokens (of equals, to most of them), with the indexer that picks them, if any.

    DeepSeek V4's configuration says so of its own: window only. A recurrent state is no draft's kind: none of the known
    hybrids has it there.
    """
    attending = [group for group in model.attention if not isinstance(group.attention, Indexer | Recurrent)]
    chosen = max(attending or model.attention, key=lambda group: (group.attention.weights, _reach(group)))
    sparse = getattr(chosen.attention, "top", float("inf")) < float("inf")
    indexers = [group for group in model.attention if isinstance(group.attention, Indexer)] if sparse else []
    return tuple(replace(group, count=1) for group in (chosen, *indexers[:1]))


def _reach(group: AttentionLayers) -> float:
    return float(group.attention.pairs(1e9))
