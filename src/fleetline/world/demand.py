"""What is asked for: a function each proxy, from the rows and assumptions it needs to tokens a second.

Sources count input, output or both. Every proxy keeps its own direction and is turned into output tokens with the
input:output ratio of the supply it is held against; what people may spend buys fewer tokens the longer their input, so
allowances are priced anew at that ratio. Assumptions are drawn by their scenario key: two proxies with engineers in them
share the engineers.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Z95, Array, Belief, Draws
from fleetline.catalog import Catalog, load
from fleetline.catalog.rows import ApiPriceRow, Direction, ParameterRow, TokenDemandRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError, unknown_name
from fleetline.inputs import at_least_one, pair
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world import series
from fleetline.world import trend as trends

TOTALS = MappingProxyType(
    {
        "google": "Google | all surfaces",
        "exponential-view": "Exponential View (via Epoch) | all providers worldwide",
    }
)
META = "Meta | employees (85,000), internal leaderboard"
# the article's own rounded tokens an engineer and day, in `demand_parameters`
ARTICLE = MappingProxyType(
    {
        "article-low": "Meta output tokens per employee-day (derived in article)",
        "article-high": "Apple: output tokens/day at Kimi K2.6 prices",
    }
)


@dataclass(frozen=True)
class Input:
    """One thing a proxy is made from."""

    what: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Proxy:
    """One measure of demand: `tokens` in its own direction and `output` at the asked ratio [token/s], shape (draws,).

    `stated` is the direction in the source's words, `dated` the date as the source prints it, `date` the middle of it.
    `tokens` is at the ratio the source speaks of, where it depends on one; `formula` makes `output` from `inputs`.
    """

    name: str
    about: str
    direction: Direction
    stated: str
    date: datetime.date
    dated: str
    inputs: Sequence[Input]
    formula: str
    tokens: Array
    output: Array

    @property
    def sources(self) -> tuple[str, ...]:
        """Where its inputs come from, each once."""
        return tuple(dict.fromkeys(each.source for each in self.inputs))


@dataclass(frozen=True)
class Question:
    """Demand in some worlds, held against a supply of `ratio` input tokens an output token.

    `native_ratio` is the one at which the engineers' demand is stated.
    """

    scenario: Scenario
    draws: Draws
    ratio: float
    native_ratio: float
    catalog: Catalog

    def drawn(self, key: str) -> Array:
        """An assumption in every world."""
        return self.draws.draw(key, self.scenario.belief(key))

    def input(self, key: str) -> Input:
        """An assumption's median, for the list of inputs."""
        line = self.scenario.assumptions[key]
        return Input(key, self.scenario.number(key), line.unit, line.source)


def question(scenario: Scenario, draws: Draws, workload: str | None = None) -> Question:
    """The demand to hold against a supply at `workload`, INPUT:OUTPUT; at the engineers' own without."""
    native = ratio_of(scenario.text(_NATIVE), _NATIVE)
    return Question(scenario, draws, native if workload is None else ratio_of(workload), native, load())


_NATIVE = "demand.native_workload"


def ratio_of(workload: str, what: str = "workload") -> float:
    """Input tokens per output token of INPUT:OUTPUT [1].

    Raises:
        InputError: not two numbers from 1 on.
    """
    given, wanted = pair(what, workload, "INPUT:OUTPUT, such as 8000:1000")
    return float(at_least_one(what, given)) / float(at_least_one(what, wanted))


def output_tokens(tokens: Array, direction: Direction, ratio: float) -> Array:
    """The output among `tokens` of a direction, at `ratio` input tokens an output token. Same unit."""
    match direction:
        case "output":
            return tokens
        case "input":
            return tokens / ratio
        case "both":
            return tokens / (1.0 + ratio)


# --- totals that somebody stated ------------------------------------------------------------------------------------------


def total(asked: Question, name: str) -> Proxy:
    """The newest statement of a series of `token_demand`, in its own direction."""
    row = _newest(asked.catalog, TOTALS[name])
    low, high = row.tokens_low or row.tokens_central, row.tokens_high or row.tokens_central
    stated = asked.draws.draw(f"{row.series} {row.as_of}", Belief(row.tokens_central, low, high))
    tokens = stated / PERIODS[row.per]
    return Proxy(
        name=name,
        about=f"{row.entity}, {row.scope}",
        direction=row.counts,
        stated=row.direction,
        date=span(row.as_of).middle,
        dated=row.as_of,
        inputs=(_of_row(row),),
        formula=f"tokens of the {row.per} / seconds of a {row.per}{_to_output(row.counts)}",
        tokens=tokens,
        output=output_tokens(tokens, row.counts, asked.ratio),
    )


def meta(asked: Question) -> Proxy:
    """The tokens of all of Meta's employees."""
    row = _newest(asked.catalog, META)
    tokens = asked.drawn("demand.meta_tokens") / PERIODS["month"]
    return Proxy(
        name="meta",
        about="Meta's employees",
        direction=row.counts,
        stated=row.direction,
        date=span(row.as_of).middle,
        dated=row.as_of,
        inputs=(asked.input("demand.meta_tokens"), _of_row(row)),
        formula=f"meta_tokens / seconds of a month{_to_output(row.counts)}",
        tokens=tokens,
        output=output_tokens(tokens, row.counts, asked.ratio),
    )


def _newest(catalog: Catalog, name: str) -> TokenDemandRow:
    found = [row for row in catalog.rows("token_demand", TokenDemandRow) if row.series == name and row.basis != "forecast"]
    if not found:
        raise InputError(f"token_demand.csv: no row of '{name}'", field="token_demand.csv", got=name)
    return max(found, key=lambda row: span(row.as_of).middle)


def _of_row(row: TokenDemandRow) -> Input:
    return Input(f"{row.series}, {row.as_of}", row.tokens_central, f"token/{row.per}", row.source)


def _to_output(direction: Direction) -> str:
    return {"output": "", "input": " / ratio", "both": " / (1 + ratio)"}[direction]


# --- what one engineer asks for a day -------------------------------------------------------------------------------------


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
    return output_tokens(_meta_total(asked), _newest(asked.catalog, META).counts, ratio)


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
    row = _newest(asked.catalog, META)
    users = _users(asked)
    keys = ("demand.engineers", "demand.daily_share", "demand.meta_tokens", "demand.meta_employees")
    return _engineers(
        asked,
        name="engineers-meta",
        about="all software engineers, as Meta's employees",
        direction=row.counts,
        stated=row.direction,
        inputs=(*map(asked.input, keys), _of_row(row)),
        formula=f"engineers x daily_share x meta_tokens / meta_employees / seconds of a month{_to_output(row.counts)}",
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
        inputs=(*map(asked.input, keys), _of_row(_newest(asked.catalog, META)), *prices),
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


# --- all of them, and their growth ----------------------------------------------------------------------------------------


def world(asked: Question) -> Proxy:
    """The world's tokens on the scenario's day, from every dated series at once (module `trend`)."""
    found = trends.trend(asked.scenario)
    tokens = np.exp(found.paths(asked.draws).level)
    statements = {each.series for each in found.statements}
    source = "token_demand: " + "; ".join(sorted(statements))
    return Proxy(
        name="world",
        about="the world, from every dated series",
        direction="both",
        stated="both, as far as the sources say",
        date=asked.scenario.date("fleet.as_of"),
        dated=asked.scenario.text("fleet.as_of"),
        inputs=(Input(f"{len(found.statements)} statements", float(np.exp(found.best.mean[0])), "token/s", source),),
        formula="world's level on the day in the fit of all series, no less than the parts that do not overlap"
        + _to_output("both"),
        tokens=tokens,
        output=output_tokens(tokens, "both", asked.ratio),
    )


def makers(scenario: Scenario) -> dict[str, Callable[[Question], Proxy]]:
    """Every proxy by its name; which of Apple's there are depends on the scenario's price models.

    The world's is there where the scenario says by which model demand grows.
    """
    apple = {f"engineers-apple-{model}": model for model in scenario.names("demand.price_models")}
    return {
        **({"world": world} if _MODEL in scenario else {}),
        **{name: partial(total, name=name) for name in TOTALS},
        "meta": meta,
        "engineers-meta": engineers_at_meta,
        **{name: partial(engineers_at_apple, model=model) for name, model in apple.items()},
        "engineers": engineers,
        **{f"engineers-{name}": partial(engineers_in_article, name=name) for name in ARTICLE},
    }


def proxies(asked: Question) -> list[Proxy]:
    """Every measure of demand."""
    return [make(asked) for make in makers(asked.scenario).values()]


def moved(proxy: Proxy, to: datetime.date, growth_per_year: Array) -> Proxy:
    """The proxy at another date, along a growth [factor/year] in every world."""
    factor = growth_per_year ** (year_of(to) - year_of(proxy.date))
    return replace(proxy, date=to, tokens=proxy.tokens * factor, output=proxy.output * factor)


_MODEL = "growth.model"


def at(scenario: Scenario, draws: Draws, proxy: Proxy, day: datetime.date) -> Proxy:
    """The proxy at another date, along the scenario's growth, constant or slowing."""
    if not slows(scenario):
        return moved(proxy, day, growth_draws(scenario, draws))
    factor = np.exp(log_factors(scenario, draws, year_of(proxy.date), [year_of(day)])[0])
    return replace(proxy, date=day, tokens=proxy.tokens * factor, output=proxy.output * factor)


def fitted_growth(scenario: Scenario) -> series.Growth:
    """The growth of the scenario's dated series."""
    rows = load().rows("token_demand", TokenDemandRow)
    return series.growth(rows, scenario.names("growth.series"), scenario.date("growth.series_from"))


def growth_of(scenario: Scenario) -> series.Growth | Belief:
    """How demand grows [factor/year]: as the scenario says outright, or else as its series do."""
    return scenario.belief("growth.demand") if "growth.demand" in scenario else fitted_growth(scenario)


def growth_draws(scenario: Scenario, draws: Draws) -> Array:
    """Growth of demand in every world [factor/year], shape (draws,): drawn once a world, whatever the proxy."""
    if slows(scenario):
        return np.asarray(np.exp(trends.trend(scenario).paths(draws).growth))
    return growth_of(scenario).at(draws.scores("demand growth"))


def slows(scenario: Scenario) -> bool:
    """Whether growth comes from the fit of all series: where the scenario names a model, and no growth outright."""
    return _MODEL in scenario and "growth.demand" not in scenario


def growth_source(scenario: Scenario) -> str:
    """Where the growth comes from, and whether it slows."""
    if slows(scenario):
        return f"every series of demand_series on {scenario.text('fleet.as_of')}, growth.model {scenario.text(_MODEL)}"
    if "growth.demand" in scenario:
        return f"growth.demand, {scenario.assumptions['growth.demand'].source}, the same every year"
    return f"fitted from {scenario.text('growth.series_from')} on to {', '.join(scenario.names('growth.series'))}"


def log_factors(scenario: Scenario, draws: Draws, since: float, years: Sequence[float]) -> Array:
    """Log of demand at some years over that at `since`, shape (years, draws): along constant or slowing growth."""
    if not slows(scenario):
        return np.asarray((np.asarray(years)[:, None] - since) * np.log(growth_draws(scenario, draws)))
    paths = trends.trend(scenario).paths(draws)
    return np.array([paths.log_factor(year) - paths.log_factor(since) for year in years])


def demand_draws(scenario: Scenario, draws: Draws, workload: str) -> tuple[datetime.date, Array]:
    """The scenario's chosen demand: its date, and output tokens [token/s] at the workload's ratio, shape (draws,).

    Raises:
        InputError: `demand.proxy` names none.
    """
    found = makers(scenario)[chosen(scenario)](question(scenario, draws, workload))
    return found.date, found.output


def chosen(scenario: Scenario) -> str:
    """The name of the proxy that is held against supply; raises InputError where `demand.proxy` names none."""
    name, known = scenario.text("demand.proxy"), makers(scenario)
    if name not in known:
        raise unknown_name("proxy", name, known, where="demand.proxy: ", field="demand.proxy")
    return name
