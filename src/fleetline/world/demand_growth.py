"""How demand grows: as the scenario says outright, as its dated series do, or slowing, from the fit of all series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleetline.beliefs import Array, Belief, Draws
from fleetline.catalog import load
from fleetline.catalog.rows import TokenDemandRow
from fleetline.scenario import Scenario
from fleetline.world import series
from fleetline.world import trend as trends

MODEL = "growth.model"


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
    return MODEL in scenario and "growth.demand" not in scenario


def growth_source(scenario: Scenario) -> str:
    """Where the growth comes from, and whether it slows."""
    if slows(scenario):
        return f"every series of demand_series on {scenario.text('fleet.as_of')}, growth.model {scenario.text(MODEL)}"
    if "growth.demand" in scenario:
        return f"growth.demand, {scenario.assumptions['growth.demand'].source}, the same every year"
    return f"fitted from {scenario.text('growth.series_from')} on to {', '.join(scenario.names('growth.series'))}"


def log_factors(scenario: Scenario, draws: Draws, since: float, years: Sequence[float]) -> Array:
    """Log of demand at some years over that at `since`, shape (years, draws): along constant or slowing growth."""
    if not slows(scenario):
        return np.asarray((np.asarray(years)[:, None] - since) * np.log(growth_draws(scenario, draws)))
    paths = trends.trend(scenario).paths(draws)
    return np.array([paths.log_factor(year) - paths.log_factor(since) for year in years])
