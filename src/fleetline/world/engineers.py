"""What software engineers ask for: one a day, as intensely as Meta's employees or Apple's allowance, and all of them.

What people may spend buys fewer tokens the longer their input, so allowances are priced anew at the ratio of the supply
that demand is held against. Assumptions are drawn by their scenario key: two proxies with engineers in them share the
engineers.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Z95, Array
from fleetline.catalog import Catalog
from fleetline.catalog.rows import ApiPriceRow, Direction, ParameterRow
from fleetline.dates import span
from fleetline.errors import InputError, unknown_name
from fleetline.units import PERIODS
from fleetline.world.proxy import Input, Proxy, Question, newest, of_row, output_tokens, to_output

META = "Meta | employees (85,000), internal leaderboard"
# the article's own rounded tokens an engineer and day, in `demand_parameters`
ARTICLE = MappingProxyType(
    {
        "article-low": "Meta output tokens per employee-day (derived in article)",
        "article-high": "Apple: output tokens/day at Kimi K2.6 prices",
    }
)


# --- one engineer, a day --------------------------------------------------------------------------------------------------


def output_for(spending: Array, price: ApiPriceRow, cached_share: Array, ratio: float) -> Array:
    """Output tokens that `spending` [USD] buys, each with `ratio` input tokens of which `cached_share` at the cached price.

    Source: article, footnote 14 (25 input tokens, 80% cached).

    Raises:
        InputError: the row has no cached price.
    """
    if price.cached_input_usd_per_mtok is None:
        said = f"api_prices.csv line {price.line}: no cached price of {price.model}, so an allowance cannot be priced"
        raise InputError(said, field="demand.price_models", got=price.model)
    fresh, cached = price.input_usd_per_mtok, price.cached_input_usd_per_mtok
    per_token = (price.output_usd_per_mtok + ratio * (cached_share * cached + (1.0 - cached_share) * fresh)) / 1e6
    return np.asarray(spending / per_token)


def price_of(catalog: Catalog, model: str, day: datetime.date) -> ApiPriceRow:
    """The list price of a model that held on a day: the newest until then, or else the first known after.

    Raises:
        InputError: no price of such a model.
    """
    rows = catalog.rows("api_prices", ApiPriceRow)
    found = sorted((row for row in rows if row.model == model), key=lambda row: span(row.as_of).first)
    if not found:
        raise unknown_name("model with a price", model, {row.model for row in rows}, field="demand.price_models")
    until = [row for row in found if span(row.as_of).first <= day]
    return until[-1] if until else found[0]


def at_meta(asked: Question, ratio: float) -> Array:
    """Output tokens of one Meta employee [token/day]; shape (draws,)."""
    return output_tokens(_meta_total(asked), newest(asked.catalog, META).counts, ratio)


def _meta_total(asked: Question) -> Array:
    """Tokens of one employee a day, in the direction of the source."""
    a_day = asked.drawn("demand.meta_tokens") / PERIODS["month"] * PERIODS["day"]
    return a_day / asked.drawn("demand.meta_employees")


def at_apple(asked: Question, model: str, ratio: float) -> Array:
    """Output tokens that Apple's allowance buys of a model [token/day]; shape (draws,)."""
    price = price_of(asked.catalog, model, asked.scenario.date("demand.as_of"))
    return output_for(asked.drawn("demand.allowance"), price, asked.drawn("demand.cached_share"), ratio)


def intensities(asked: Question, ratio: float) -> dict[str, Array]:
    """Output tokens of an engineer by whose habits, "meta" or "apple-MODEL" [token/day]; shape (draws,) each."""
    models = asked.scenario.names("demand.price_models")
    return {"meta": at_meta(asked, ratio)} | {f"apple-{model}": at_apple(asked, model, ratio) for model in models}


def _between_all(asked: Question, ratio: float) -> Array:
    """One intensity a world: the least and the greatest of all are the ends of a 90% interval on a log scale."""
    logs = np.log(np.array(list(intensities(asked, ratio).values())))
    low, high = logs.min(axis=0), logs.max(axis=0)
    return np.asarray(np.exp((low + high) / 2.0 + (high - low) / 2.0 * asked.draws.scores("demand intensity") / Z95))


# --- all software engineers -----------------------------------------------------------------------------------------------


def engineers_at_meta(asked: Question) -> Proxy:
    """All engineers who use AI daily, as intensely as Meta's employees."""
    row = newest(asked.catalog, META)
    users = _users(asked)
    keys = ("demand.engineers", "demand.daily_share", "demand.meta_tokens", "demand.meta_employees")
    return _engineers(
        asked,
        name="engineers-meta",
        about="all software engineers, as Meta's employees",
        direction=row.counts,
        stated=row.direction,
        inputs=(*map(asked.input, keys), of_row(row)),
        formula=f"engineers x daily_share x meta_tokens / meta_employees / seconds of a month{to_output(row.counts)}",
        tokens=users * _meta_total(asked),
        output=users * at_meta(asked, asked.ratio),
    )


def engineers_at_apple(asked: Question, model: str) -> Proxy:
    """All engineers who use AI daily, spending Apple's allowance on one model."""
    users = _users(asked)
    return _engineers(
        asked,
        name=f"engineers-apple-{model}",
        about=f"all software engineers, Apple's allowance at the price of {model}",
        stated=_PRICED,
        inputs=(*map(asked.input, (*_USERS, "demand.allowance", "demand.cached_share")), *_prices(asked, model)),
        formula=f"engineers x daily_share x {_BUYS} / seconds of a day",
        tokens=users * at_apple(asked, model, asked.native_ratio),
        output=users * at_apple(asked, model, asked.ratio),
    )


def engineers(asked: Question) -> Proxy:
    """All engineers who use AI daily, somewhere between the least and the greatest of these intensities."""
    users = _users(asked)
    models = asked.scenario.names("demand.price_models")
    keys = (*_USERS, "demand.meta_tokens", "demand.meta_employees", "demand.allowance", "demand.cached_share")
    prices = [each for model in models for each in _prices(asked, model)]
    return _engineers(
        asked,
        name="engineers",
        about="all software engineers, between Meta's and Apple's intensity",
        stated=_PRICED,
        inputs=(*map(asked.input, keys), of_row(newest(asked.catalog, META)), *prices),
        formula="engineers x daily_share x intensity / seconds of a day; the 90% interval of intensity, on a log scale, "
        "runs from the least to the greatest of Meta's, meta_tokens / meta_employees / days of a month / (1 + ratio), and, "
        f"at each price, {_BUYS}",
        tokens=users * _between_all(asked, asked.native_ratio),
        output=users * _between_all(asked, asked.ratio),
    )


def engineers_in_article(asked: Question, name: str) -> Proxy:
    """The article's own line: its rounded tokens a day, at whatever ratio it had, beside what is computed here."""
    row = parameter(asked.catalog, ARTICLE[name])
    tokens = _users(asked) * _central(row)
    return _engineers(
        asked,
        name=f"engineers-{name}",
        about=f"all software engineers at the article's rounded figure ({row.parameter}); for comparison",
        stated="output",
        inputs=(*map(asked.input, _USERS), Input(row.parameter, _central(row), row.unit, row.source)),
        formula="engineers x daily_share x the article's tokens a day / seconds of a day",
        tokens=tokens,
        output=tokens,
    )


_USERS = ("demand.engineers", "demand.daily_share")
_PRICED = "output, bought with input at the workload's ratio"
_BUYS = "allowance / (price_output + ratio x (cached_share x price_cached + (1 - cached_share) x price_input))"


def _engineers(
    asked: Question,
    *,
    tokens: Array,
    output: Array,
    name: str,
    about: str,
    stated: str,
    inputs: Sequence[Input],
    formula: str,
    direction: Direction = "output",
) -> Proxy:
    """A proxy of engineers, from their tokens a day."""
    date = asked.scenario.date("demand.as_of")
    a_second = PERIODS["day"]
    said = date.isoformat()
    return Proxy(name, about, direction, stated, date, said, inputs, formula, tokens / a_second, output / a_second)


def _users(asked: Question) -> Array:
    return asked.drawn("demand.engineers") * asked.drawn("demand.daily_share")


def _prices(asked: Question, model: str) -> Sequence[Input]:
    row = price_of(asked.catalog, model, asked.scenario.date("demand.as_of"))
    prices = {"input": row.input_usd_per_mtok, "cached": row.cached_input_usd_per_mtok, "output": row.output_usd_per_mtok}
    return [
        Input(f"price_{kind} of {model}", price, "USD/Mtoken", row.source)
        for kind, price in prices.items()
        if price is not None
    ]


def parameter(catalog: Catalog, name: str) -> ParameterRow:
    """The row of `demand_parameters` of that name; raises InputError for an unknown one."""
    found = {row.parameter: row for row in catalog.rows("demand_parameters", ParameterRow)}
    if name not in found:
        raise unknown_name("parameter", name, found)
    return found[name]


def _central(row: ParameterRow) -> float:
    if row.central is None:
        raise InputError(f"demand_parameters.csv line {row.line}: no central value", field="demand_parameters.csv")
    return row.central
