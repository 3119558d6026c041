"""What is asked for: a function each proxy, from the rows and assumptions it needs to tokens a second.

Here are totals that somebody stated and the world's own; what engineers would ask for stands in `engineers`, how all of it
grows in `demand_growth`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np

from fleetline.beliefs import Array, Belief, Draws
from fleetline.dates import span, year_of
from fleetline.errors import unknown_name
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world import trend as trends
from fleetline.world.demand_growth import MODEL, growth_draws, log_factors, slows
from fleetline.world.engineers import ARTICLE, META, engineers, engineers_at_apple, engineers_at_meta, engineers_in_article
from fleetline.world.proxy import Input, Proxy, Question, newest, of_row, output_tokens, question, to_output

TOTALS = MappingProxyType(
    {
        "google": "Google | all surfaces",
        "exponential-view": "Exponential View (via Epoch) | all providers worldwide",
    }
)


def total(asked: Question, name: str) -> Proxy:
    """The newest statement of a series of `token_demand`, in its own direction."""
    row = newest(asked.catalog, TOTALS[name])
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
        inputs=(of_row(row),),
        formula=f"tokens of the {row.per} / seconds of a {row.per}{to_output(row.counts)}",
        tokens=tokens,
        output=output_tokens(tokens, row.counts, asked.ratio),
    )


def meta(asked: Question) -> Proxy:
    """The tokens of all of Meta's employees."""
    row = newest(asked.catalog, META)
    tokens = asked.drawn("demand.meta_tokens") / PERIODS["month"]
    return Proxy(
        name="meta",
        about="Meta's employees",
        direction=row.counts,
        stated=row.direction,
        date=span(row.as_of).middle,
        dated=row.as_of,
        inputs=(asked.input("demand.meta_tokens"), of_row(row)),
        formula=f"meta_tokens / seconds of a month{to_output(row.counts)}",
        tokens=tokens,
        output=output_tokens(tokens, row.counts, asked.ratio),
    )


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
        + to_output("both"),
        tokens=tokens,
        output=output_tokens(tokens, "both", asked.ratio),
    )


def makers(scenario: Scenario) -> dict[str, Callable[[Question], Proxy]]:
    """Every proxy by its name; which of Apple's there are depends on the scenario's price models.

    The world's is there where the scenario says by which model demand grows.
    """
    apple = {f"engineers-apple-{model}": model for model in scenario.names("demand.price_models")}
    return {
        **({"world": world} if MODEL in scenario else {}),
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


def at(scenario: Scenario, draws: Draws, proxy: Proxy, day: datetime.date) -> Proxy:
    """The proxy at another date, along the scenario's growth, constant or slowing."""
    if not slows(scenario):
        return moved(proxy, day, growth_draws(scenario, draws))
    factor = np.exp(log_factors(scenario, draws, year_of(proxy.date), [year_of(day)])[0])
    return replace(proxy, date=day, tokens=proxy.tokens * factor, output=proxy.output * factor)


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
