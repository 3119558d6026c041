"""What a price does when demand passes supply: some leave, some take a smaller model, until the fleet is just full.

The price is that of a chip second over its trend: what tokens cost falls over the years, and the demand observed has
already answered that. So elasticities apply to the deviation p from the trend alone. A deviation p leaves

    p^-elasticity of all tokens asked for; of those wanted from a tier, p^-switching stay in it, the rest takes the next
    smaller tier, and of these some go on to the one below; nothing is below the smallest.

The price that clears is the least p >= 1 at which the load is one. Below full load there is nothing to clear: p is 1. Where
neither leaving nor switching brings the load to one at any price, there is none: p is infinite, and what the fleet cannot
serve even so is rationed, from every tier alike.

Source: ours; constant elasticities (Marshall). The article's last section describes both ways in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fleetline.beliefs import Array

_MOST = 1e6  # prices over this one are none
_HALVINGS = 50


@dataclass(frozen=True)
class Cleared:
    """The market where it clears; arrays of shape (draws,).

    Attributes:
        price: of a chip second over its trend; infinite where none clears.
        load: of the fleet at that price; one where none clears.
        priced_out: share of all tokens asked for that is not served.
        moved_down: share of them that is bought from a smaller tier than wanted.
        kept: by tier, largest first: share of its tokens that is bought from it.
        served: by tier: tokens bought from it over all tokens asked for.
    """

    price: Array
    load: Array
    priced_out: Array
    moved_down: Array
    kept: Sequence[Array]
    served: Sequence[Array]


def clear(loads: Sequence[Array], tokens: Sequence[Array], elasticity: Array, switching: Array) -> Cleared:
    """The price that clears.

    Args:
        loads: share of the fleet that each tier's tokens keep busy at the trend's price, largest tier first; (draws,) each.
        tokens: each tier's share of all tokens asked for, in the same order; they sum to one.
        elasticity: fall of all tokens by a rise of the price, both as logarithms [1].
        switching: the same of the tokens that stay in their tier [1].

    Raises:
        ValueError: no tier, or an elasticity below zero.
    """
    if not loads or len(loads) != len(tokens):
        raise ValueError(
            f"loads: got {len(loads)} and {len(tokens)} shares of tokens, allowed one each of one tier or more"
        )
    if np.any(np.asarray(elasticity) < 0.0) or np.any(np.asarray(switching) < 0.0):
        raise ValueError("elasticity, switching: got one below 0")
    cost = [load / np.maximum(share, np.finfo(float).tiny) for load, share in zip(loads, tokens, strict=True)]

    def load_at(log_price: Array) -> Array:
        served, _ = _served(tokens, log_price, elasticity, switching)
        return np.asarray(np.sum([each * one for each, one in zip(served, cost, strict=True)], axis=0))

    low, high = np.zeros_like(loads[0]), np.full_like(loads[0], np.log(_MOST))
    slack, hopeless = load_at(low) <= 1.0, load_at(high) > 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        full = load_at(middle) > 1.0
        low, high = np.where(full, middle, low), np.where(full, high, middle)
    log_price = np.where(slack, 0.0, high)
    wanted, stay = _served(tokens, log_price, elasticity, switching)
    rationed = np.where(hopeless, 1.0 / load_at(log_price), 1.0)
    served = [each * rationed for each in wanted]
    all_served = np.sum(served, axis=0)
    bought = np.exp(-elasticity * log_price) * rationed
    kept = [bought * (stay if place < len(tokens) - 1 else 1.0) for place in range(len(tokens))]
    at_home = np.sum([share * each for share, each in zip(tokens, kept, strict=True)], axis=0)
    return Cleared(
        price=np.where(hopeless, np.inf, np.exp(log_price)),
        load=load_at(log_price) * rationed,
        priced_out=np.where(slack, 0.0, 1.0 - all_served),
        moved_down=np.where(slack, 0.0, all_served - at_home),
        kept=kept,
        served=served,
    )


def _served(tokens: Sequence[Array], log_price: Array, elasticity: Array, switching: Array) -> tuple[list[Array], Array]:
    """Tokens bought from each tier, and the share of a tier's that stays in it."""
    bought, stay = np.exp(-elasticity * log_price), np.exp(-switching * log_price)
    served, falling = [], np.zeros_like(log_price)
    for share in tokens[:-1]:
        wanted = share * bought + falling
        served.append(wanted * stay)
        falling = wanted * (1.0 - stay)
    served.append(tokens[-1] * bought + falling)
    return served, stay
