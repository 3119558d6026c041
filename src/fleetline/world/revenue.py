"""An independent check of demand: the world's tokens at list prices against the revenue reported.

Every tier at the list price of one model: computed input, cached input and output apart, as the mix divides them. Many
tokens are paid for by advertising, subscriptions or nobody, and large buyers pay less than the list: the reported revenue
is expected to be a fraction of the list's; a fraction over one would mean that the tokens are too few.

Source: ours; prices as the rows of `api_prices` cite them.
"""

from __future__ import annotations

import numpy as np

from fleetline.beliefs import Array
from fleetline.catalog import load
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world.engineers import price_of
from fleetline.world.mix import Mix

_M = 1e6  # prices are of a million tokens


def at_list_prices(scenario: Scenario, served: Mix, tokens: Array) -> Array:
    """What the tokens asked for would cost a year at list prices [USD/year]; `tokens` [token/s], shape (draws,)."""
    day, split = scenario.date("fleet.as_of"), served.split
    total = np.zeros_like(tokens)
    for tier in served.tiers:
        row = price_of(load(), scenario.text(f"mix.{tier.name}_price_model"), day)
        cached = row.input_usd_per_mtok if row.cached_input_usd_per_mtok is None else row.cached_input_usd_per_mtok
        one = split["input"] * row.input_usd_per_mtok + split["cached"] * cached + split["output"] * row.output_usd_per_mtok
        total = total + served.tier_shares[tier.name] * one
    return np.asarray(tokens * total / _M * PERIODS["year"])
