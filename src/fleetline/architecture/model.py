"""A language model as what serving it costs: weight parts and attention layers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fleetline.architecture.attention import Attention, Numbers, PairCosts


@dataclass(frozen=True)
class WeightPart:
    """Weights that are stored in one format and used in one way.

    Attributes:
        name: what a checkpoint calls it: attention, routed_experts, shared_experts, dense_ffn, router, embedding, head.
        elements: parameters held in memory [parameter].
        active: parameters that take part in the arithmetic of one token [parameter].
        touched_by_one: share of `elements` that one token needs read: 1, or top-k / experts, or 1 / vocabulary.
        prompt_share: share of the arithmetic that every prompt token needs [1]: 0 for the output head, about half where
            later layers only read what earlier ones cached.
        prompt_tail: tokens at the end of a prompt that need the rest too [token].
    """

    name: str
    elements: Numbers
    active: Numbers
    touched_by_one: Numbers = 1.0
    prompt_share: float = 1.0
    prompt_tail: float = 1.0

    def touched(self, tokens: Numbers) -> Numbers:
        """Parameters read when `tokens` tokens pass at once, each reading its share at random [parameter].

        Source: article, footnotes 5 and 6 ("expert drafting"); expected distinct experts of uniform routing.
        """
        if np.ndim(self.touched_by_one) == 0 and self.touched_by_one == 1.0:
            return self.elements * np.greater(tokens, 0.0)
        missed = tokens * np.log1p(-np.minimum(self.touched_by_one, _JUST_BELOW_ONE))  # its logarithm
        return -self.elements * np.expm1(missed)


_JUST_BELOW_ONE = 1.0 - 2.0**-53


@dataclass(frozen=True)
class AttentionLayers:
    """`count` layers with the same attention, and the costs it is counted with.

    Attributes:
        heads_here: share of the layers' heads that the machine has, and so of their arithmetic [1].
        cache_here: share of the layers' cache that the machine keeps, reads and writes [1].
        prompt_tail: tokens at the end of a prompt that attend here; the others pass these layers by [token].
        weights_here: share of the layers' projection weights that the machine has [1].
    """

    count: int
    attention: Attention
    costs: PairCosts
    heads_here: Numbers = 1.0
    cache_here: Numbers = 1.0
    prompt_tail: float = math.inf
    weights_here: Numbers = 1.0


@dataclass(frozen=True)
class Experts:
    """`count` routed experts in each of `layers` layers, `per_token` of them for every token.

    `pairs_here`: (token, expert) pairs of a layer that the busiest machine works on, over those of its own tokens [1].
    """

    count: float
    per_token: float
    layers: float
    pairs_here: Numbers = 1.0


@dataclass(frozen=True)
class Model:
    """A model's dimensions; `published_*` are its authors' rounded parameter counts [parameter], None where unknown.

    Attributes:
        layers: decoder layers, however many attention kinds each has.
        experts: None for a dense model.
    """

    name: str
    title: str
    hidden: float
    max_context: float
    layers: float
    experts: Experts | None
    parts: tuple[WeightPart, ...]
    attention: tuple[AttentionLayers, ...]
    published_total: float | None
    published_active: float | None

    @property
    def total_parameters(self) -> Numbers:
        """All weights of the text model [parameter]."""
        return sum(part.elements for part in self.parts)

    @property
    def active_parameters(self) -> Numbers:
        """Weights that take part in one token's arithmetic; the embedding lookup does none [parameter]."""
        return sum(part.active for part in self.parts)

    @property
    def routed_share(self) -> Numbers:
        """Share of the routed experts that one token uses (top-k / experts); 0 for a dense model."""
        return next((part.touched_by_one for part in self.parts if part.name == "routed_experts"), 0.0)

    @property
    def kv_elements_per_token(self) -> float:
        """Cache elements that each further token adds once every window is full [element/token]."""
        far = 1e9
        growth = [float(group.attention.kept(far + 1.0) - group.attention.kept(far)) for group in self.attention]
        return sum(group.count * group.costs.kept * kept for group, kept in zip(self.attention, growth, strict=True))


def as_the_article_counts(model: Model) -> Model:
    """The model as the article rounds it: published parameter counts in one precision, attention without its RoPE parts.

    Two weight parts are left, found from the two published counts: `routed` experts, of which a token uses top-k of all,
    and the `rest`, which it uses whole: routed + rest = total and routed * top_k / experts + rest = active.

    Raises:
        ValueError: the model has no published counts, or ones that contradict its experts.
    """
    if model.published_total is None or model.published_active is None:
        raise ValueError(
            f"{model.name} has no published total and active parameter counts, which the article's counting needs"
        )
    total, active, share = model.published_total, model.published_active, model.routed_share
    routed = (total - active) / (1.0 - share) if share else 0.0
    if active < routed * share:
        raise ValueError(f"{model.name} has fewer active parameters published than its routed experts use")
    parts = [WeightPart("rest", total - routed, active - routed * share)]
    if routed:
        parts.append(WeightPart("routed_experts", routed, routed * share, touched_by_one=share))
    layers = tuple(replace(group, costs=group.attention.article_costs) for group in model.attention)
    return replace(model, parts=tuple(parts), attention=layers)
