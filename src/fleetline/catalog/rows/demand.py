"""Rows about what is asked for: statements of tokens, parameters of the proxies, prices, what users see."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from fleetline.catalog.rows.cells import Claim, Finite, Moment, NotNegative, Positive, Row, Text, in_column, ordered
from fleetline.units import PERIODS


class TokenDemandRow(Claim):
    """`token_demand`: a dated statement of tokens processed."""

    KEY = ("entity", "scope", "as_of", "announced")

    entity: Text
    scope: Text
    tokens_central: Positive
    tokens_low: Positive | None = None
    tokens_high: Positive | None = None
    per: Literal["minute", "day", "week", "month", "quarter", "year"]
    tokens_per_second_computed: Positive
    direction: Text
    basis: Text
    as_of: Moment
    announced: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.tokens_low, self.tokens_central, self.tokens_high, "tokens")
        in_column("direction", direction_of, self.direction)
        return self

    @property
    def series(self) -> str:
        """What is counted; rows of one series differ in date alone."""
        return f"{self.entity} | {self.scope}"

    @property
    def counts(self) -> Direction:
        """The tokens counted, as far as the source says; the column `direction` tells where it is silent."""
        return direction_of(self.direction)

    @property
    def shows_growth(self) -> bool:
        """Whether the row may stand in a series in time: counted, and not marked as at odds with its neighbours."""
        return self.basis != "forecast" and "do not use for growth" not in (self.note or "")

    def per_second(self, tokens: float) -> float:
        """`tokens` of this row's period as [token/s]."""
        return tokens / PERIODS[self.per]


Direction = Literal["input", "output", "both"]
_DIRECTION = re.compile(r"(?:not stated \(taken as )?(input\+output|both|input|output)\b")


def direction_of(text: str) -> Direction:
    """Which tokens a source counts, from its words.

    >>> direction_of("not stated (taken as input+output)")
    'both'
    """
    found = _DIRECTION.match(text)
    if found is None:
        raise ValueError("not input, output or both, nor 'not stated (taken as ...)'")
    match found[1]:
        case "input" | "output" as one:
            return one
        case _:
            return "both"


class DemandSeriesRow(Row):
    """`demand_series`: how a series of `token_demand` stands to the world's tokens, so that none is counted twice.

    `total` is an estimate of the whole; `part` a part that no part of another group contains; `inside` is contained in a
    part of its group or of others, and tells of growth alone.
    """

    KEY = ("series",)

    series: Text
    group: Text
    role: Literal["total", "part", "inside"]
    note: Text | None = None


class ParameterRow(Claim):
    """`demand_parameters`: a value or an interval."""

    KEY = ("parameter",)

    parameter: Text
    central: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    unit: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.low, self.central, self.high, "low/central/high")
        if self.central is None and (self.low is None or self.high is None):
            raise ValueError("central: a row needs a central value, or low and high")
        return self


class FactRow(ParameterRow):
    """`growth_and_supply_facts`: a value or an interval."""

    parameter: Text = Field(alias="fact")


class ApiPriceRow(Claim):
    """`api_prices`: list prices of one model at one date."""

    KEY = ("model", "as_of")

    model: Text
    input_usd_per_mtok: NotNegative
    cached_input_usd_per_mtok: NotNegative | None = None
    cache_write_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative
    as_of: Text


class ServingSpeedRow(Claim):
    """`serving_speeds`: what a provider's users see."""

    model: Text
    provider: Text
    output_tokens_per_s_per_user: Positive | None = None
    ttft_s: Positive | None = None
