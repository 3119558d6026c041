"""What each degree of parallelism splits: a model -> the part of it that one GPU holds and computes.

A replica is `tp * dp * pp` GPUs. Heads and dense weights are split `tp` ways and repeated on the `dp` ranks, each of which
attends to its own requests; routed experts are split over all `tp * dp` ranks, `ep` ways by whole experts and the rest of
the way inside each; layers are split into `pp` stages, which work on different requests at the same time.

Source: Shoeybi et al. 2019 (arXiv:1909.08053, tensor); DeepSeek-V3 (arXiv:2412.19437, section 3.4: expert parallel with
data-parallel attention); Huang et al. 2019 (arXiv:1811.06965, pipeline); physics notes, sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.architecture.attention import Attention, Compressed, GroupedQuery, Indexer, Kept, Latent, Numbers, Recurrent
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.errors import InputError


@dataclass(frozen=True)
class Degrees:
    """GPUs that share: a head's layer (`tp`), the experts (`ep`), the requests (`dp`), the layers (`pp`)."""

    tp: Numbers = 1.0
    ep: Numbers = 1.0
    dp: Numbers = 1.0
    pp: Numbers = 1.0

    @property
    def ranks(self) -> Numbers:
        """GPUs of one pipeline stage: all that share one layer's experts."""
        return self.tp * self.dp

    @property
    def gpus(self) -> Numbers:
        """GPUs of one replica."""
        return self.ranks * self.pp

    @property
    def expert_tp(self) -> Numbers:
        """GPUs that share one expert."""
        return self.ranks / self.ep


@dataclass(frozen=True)
class Split:
    """How tensor parallelism divides one attention kind.

    Attributes:
        weights: projection weights that each of `tp` GPUs holds [parameter].
        cache_ways: into how many parts the cache can be split, at most.
        by_heads: whether the arithmetic is split by heads, or every GPU does all of it.
    """

    weights: Callable[[Any, Numbers], Numbers]
    cache_ways: Callable[[Any], float]
    by_heads: bool = True


def _all_split(kind: Attention, tp: Numbers) -> Numbers:
    return kind.weights / tp


def _grouped_weights(kind: GroupedQuery, tp: Numbers) -> Numbers:
    """K and V (or the one vector that is both) stay at one head at least: beyond `kv_heads` GPUs they are repeated."""
    query = kind.heads * (2.0 + kind.gates) / tp
    return kind.hidden * kind.head_dim * (query + kind.kv_vectors * np.maximum(kind.kv_heads / tp, 1.0))


def _latent_weights(kind: Latent, tp: Numbers) -> Numbers:
    """The projections down to the query's rank, if any, and the latent come before the heads: every GPU has them whole."""
    whole = kind.hidden * ((kind.query_rank or 0.0) + kind.latent + kind.rope_dim)
    return whole + (kind.weights - whole) / tp


SPLITS: Mapping[type[Any], Split] = MappingProxyType(
    {
        GroupedQuery: Split(_grouped_weights, lambda kind: float(kind.kv_heads)),
        # the latent, the indexer's key and V4's shared vector have one head: each GPU keeps them whole
        Latent: Split(_latent_weights, lambda _: 1.0),
        Compressed: Split(_all_split, lambda _: 1.0),
        Kept: Split(lambda kind, _: kind.weights, lambda _: 1.0, by_heads=False),
        Indexer: Split(lambda kind, _: kind.weights, lambda _: 1.0, by_heads=False),
        Recurrent: Split(_all_split, lambda kind: float(kind.value_heads)),
    }
)


def split_of(kind: Attention) -> Split:
    """How tensor parallelism divides an attention kind.

    Raises:
        InputError: nobody has said so far.
    """
    if type(kind) not in SPLITS:
        raise InputError(f"tp: how it splits {kind.name} attention is not known here", field="tp", got=kind.name)
    return SPLITS[type(kind)]


def imbalance(ep: Numbers, law: tuple[float, float]) -> Numbers:
    """Load of the busiest of `ep` expert ranks over the mean [1]: exp(scale * log2(ep) ** power), 1 without.

    Source: fitted (table `kernels`) to the routing traces behind aiconfigurator's measurements, popularity by a power law,
    EP 2 to 64 and more than 32 tokens. Redundant copies of popular experts would lower it; none are assumed.
    """
    scale, power = law
    return np.exp(scale * np.log2(ep) ** power)


def stretch(model: Model, pp: Numbers) -> Numbers:
    """How much longer a pass is because the fullest of `pp` stages has ceil(layers / pp) layers [1]."""
    return pp * np.ceil(model.layers / pp) / model.layers


def shard(model: Model, degrees: Degrees, law: tuple[float, float]) -> Model:
    """What one GPU computes for its own rank's requests, as a model: parts and attention scaled to its share.

    Pipeline stages work on `pp` groups of requests at once, so a GPU's time per pass of one group is that of all layers
    (stretched to the fullest stage); only what it *holds* is divided by `pp`, see `held_share`.
    """
    longer = stretch(model, degrees.pp)
    parts = tuple(_part(model, part, degrees, law, longer) for part in model.parts)
    layers = tuple(_attention(group, degrees.tp, longer) for group in model.attention)
    experts = model.experts
    if experts is not None:
        experts = replace(experts, pairs_here=degrees.dp / degrees.ep * imbalance(degrees.ep, law) * longer)
    return replace(model, parts=parts, attention=layers, experts=experts)


def _attention(group: AttentionLayers, tp: Numbers, longer: Numbers) -> AttentionLayers:
    split, whole = split_of(group.attention), group.attention.weights
    heads = 1.0 / tp if split.by_heads else 1.0
    return replace(
        group,
        heads_here=heads * longer,
        cache_here=longer / np.minimum(tp, split.cache_ways(group.attention)),
        weights_here=longer * (split.weights(group.attention, tp) / whole if whole else 1.0),
    )


def _part(model: Model, part: WeightPart, degrees: Degrees, law: tuple[float, float], longer: Numbers) -> WeightPart:
    if part.name == "routed_experts":
        return _routed(model, part, degrees, law, longer)
    share = PART_SHARES.get(part.name, _by_tp)(model, degrees.tp) * longer
    return replace(part, elements=part.elements * share, active=part.active * share)


def _routed(model: Model, part: WeightPart, degrees: Degrees, law: tuple[float, float], longer: Numbers) -> WeightPart:
    """The experts of the fullest rank, and the work of the busiest: what all `dp` ranks send there, over its own tokens.

    Experts are whole: of 384 on 72 ranks some hold ceil(5.33) = 6. A token of the replica reaches each expert of the rank
    with chance share * imbalance, and `dp` ranks send a token each for every one of this rank's.
    """
    count = 1.0 if model.experts is None else model.experts.count
    held = np.ceil(count / degrees.ep) / count / degrees.expert_tp
    busiest = imbalance(degrees.ep, law)
    chance = np.minimum(part.touched_by_one * busiest, 1.0)
    return replace(
        part,
        elements=part.elements * held * longer,
        active=part.active * busiest / degrees.tp * longer,
        touched_by_one=1.0 - (1.0 - chance) ** degrees.dp,
    )


def _by_tp(_model: Model, tp: Numbers) -> Numbers:
    return 1.0 / tp


def _attention_share(model: Model, tp: Numbers) -> Numbers:
    whole = sum(group.count * group.attention.weights for group in model.attention)
    held = sum(group.count * split_of(group.attention).weights(group.attention, tp) for group in model.attention)
    return held / whole


# share of a part's weights that one of `tp` GPUs holds; a part not named here is split evenly
PART_SHARES: Mapping[str, Callable[[Model, Numbers], Numbers]] = MappingProxyType(
    {
        "attention": _attention_share,
        "router": lambda _model, _tp: 1.0,  # every rank routes its tokens itself (physics notes, section 2)
    }
)


def check(model: Model, degrees: Degrees, gpus: Numbers) -> None:
    """That the degrees can be built on so many GPUs.

    Raises:
        InputError: a degree is not a whole number from 1, more GPUs than there are, or something does not divide.
    """
    for name in ("tp", "ep", "dp", "pp"):
        value = np.asarray(getattr(degrees, name))
        _demand((value >= 1) & (value == np.floor(value)), name, value, "a whole number from 1")
    each = np.asarray(degrees.gpus, dtype=float)
    what, most = "tp x dp x pp", f"{np.min(gpus):g}"
    for name in ("tp", "dp", "pp"):
        value = np.asarray(getattr(degrees, name))
        _demand(value <= gpus, name, value, f"a whole number from 1 to {most}, the GPUs there are")
    _demand(each <= gpus, "gpus", each, f"at most {most} for {what}, the GPUs there are", what)
    _demand(np.asarray(gpus % each == 0), "gpus", each, f"a divisor of {np.max(gpus):g} GPUs for {what}", what)
    ranks, ep = np.asarray(degrees.ranks), np.asarray(degrees.ep)
    experts = 1.0 if model.experts is None else model.experts.count
    _demand(ep <= experts, "ep", ep, f"at most {experts:g}, the experts of {model.name}")
    _demand(ranks % ep == 0, "ep", ep, f"a divisor of tp x dp = {np.max(ranks):g}")
    _demand(
        np.asarray(degrees.pp) <= model.layers, "pp", degrees.pp, f"at most {model.layers:g}, the layers of {model.name}"
    )
    for group in model.attention:
        heads = getattr(group.attention, "heads", getattr(group.attention, "value_heads", 1.0))
        if split_of(group.attention).by_heads:
            words = f"a divisor of {heads:g}, the {group.attention.name} heads of {model.name}"
            _demand(heads % np.asarray(degrees.tp) == 0, "tp", degrees.tp, words)


def _demand(good: Any, name: str, value: Numbers, allowed: str, shown: str = "") -> None:
    if not np.all(good):
        wrong = float(np.broadcast_to(value, np.shape(good))[~np.asarray(good)].flat[0])
        said = f"{name}: got {shown + ' = ' if shown else ''}{wrong:g}, allowed {allowed}"
        raise InputError(said, field=name, got=wrong, allowed=allowed)
