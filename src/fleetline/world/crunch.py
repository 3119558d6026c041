"""Supply against demand over time, in the same worlds: when one passes the other.

Supply is history to the end of the last whole quarter before the scenario's day, then growth; demand is the scenario's
proxy at the workload's ratio, growing before and after its date. What both rest on is drawn once.

Source: article, section The present and future of inference (both sides and their growth); in worlds: ours.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fleetline.beliefs import Array, Draws
from fleetline.dates import year_of
from fleetline.errors import InputError
from fleetline.scenario import Scenario
from fleetline.world.carried import UNTIL
from fleetline.world.crossover import Crossover, crossover, passing
from fleetline.world.demand import demand_draws
from fleetline.world.demand_growth import growth_draws, log_factors, slows
from fleetline.world.growth import History, history
from fleetline.world.supply_growth import cheaper, chips_after, in_both


@dataclass(frozen=True)
class Sides:
    """Both sides at one workload in every world.

    With `scenario` growth on either side may slow, and `supply_growth` and `demand_growth` are those of the day.

    Attributes:
        years: ends of the quarters of the supply history; `supply` [token/s], shape (quarters, draws).
        supply_growth: after the history [factor/year], shape (draws,).
        demand_year: when `demand` [token/s] holds; `demand_growth` before and after it; shape (draws,).
        horizon: year after which nobody looks.
    """

    workload: str
    years: Array
    supply: Array
    supply_growth: Array
    demand_year: float
    demand: Array
    demand_growth: Array
    horizon: float
    slowing: Slowing | None = None

    def crossover(self) -> Crossover:
        """When demand passes supply."""
        if self.slowing is not None:
            years = self.slowing.years
            load = self.demand_at(years.tolist()) / self.supply_at(years.tolist())
            return passing(years, load, int(np.argmin(np.abs(years - self.demand_year))))
        return crossover(
            self.years,
            self.supply,
            self.supply_growth,
            self.demand_year,
            self.demand,
            self.demand_growth,
            self.horizon,
        )

    def supply_at(self, years: Sequence[float]) -> Array:
        """Supply from the first quarter on [output token/s], straight in its logarithm; shape (years, draws)."""
        logs = np.log(self.supply)
        rows = []
        for year in years:
            after = min(int(np.searchsorted(self.years, year)), len(self.years) - 1)
            before = max(after - 1, 0)
            width = max(self.years[after] - self.years[before], 1e-9)
            part = min((year - self.years[before]) / width, 1.0) if after > before else 1.0
            beyond = max(year - self.years[-1], 0.0) if self.slowing is None else 0.0
            rows.append((1.0 - part) * logs[before] + part * logs[after] + beyond * np.log(self.supply_growth))
        grown = 1.0 if self.slowing is None else self.slowing.supply(np.asarray(years), float(self.years[-1]))
        return np.asarray(np.exp(rows) * grown)

    def demand_at(self, years: Sequence[float]) -> Array:
        """Demand at some times [output token/s]; shape (years, draws)."""
        if self.slowing is not None:
            return np.asarray(self.demand * self.slowing.demand(years, self.demand_year))
        passed = np.asarray(years)[:, None] - self.demand_year
        return np.asarray(self.demand * self.demand_growth**passed)


@dataclass(frozen=True)
class Slowing:
    """Growth that need not be steady; factors of shape (years, draws)."""

    scenario: Scenario
    draws: Draws

    @property
    def years(self) -> Array:
        """Times to look at: quarters from a year before the scenario's day to the horizon."""
        day, horizon = (year_of(self.scenario.date(key)) for key in ("fleet.as_of", "growth.horizon"))
        return times(day, horizon)

    def supply(self, years: Array, end: float) -> Array:
        """Supply over that of the last chips known at `end` [1]: more chips, and cheaper tokens if both sides have them."""
        grown = chips_after(self.scenario, self.draws, years, end)
        return grown * cheaper(self.scenario, self.draws, years) if in_both(self.scenario) else grown

    def demand(self, years: Sequence[float], since: float) -> Array:
        """Demand over that at `since` [1]."""
        grown = np.exp(log_factors(self.scenario, self.draws, since, years))
        return np.asarray(
            grown if in_both(self.scenario) else grown / cheaper(self.scenario, self.draws, np.asarray(years))
        )


_STEP = 0.25  # years between the times that are looked at


def times(day: float, horizon: float) -> Array:
    """Quarters around a day, from a year before it to the horizon.

    Raises:
        InputError: a horizon before the day.
    """
    if not horizon > day:
        raise InputError("growth.horizon: got a day that is not after the scenario's, fleet.as_of", field="growth.horizon")
    steps = int(np.ceil((horizon - day) / _STEP))
    return np.concatenate([day - np.arange(4, 0, -1) * _STEP, day + np.arange(steps) * _STEP, [horizon]])


def sides(scenario: Scenario, draws: Draws, demand_growth: Array | None = None) -> list[Sides]:
    """Both sides at each of the scenario's workloads; `demand_growth` [factor/year] in the place of the scenario's own.

    Raises:
        InputError: a scenario, fleet, vintage or day that does not hold; a fleet that can serve a workload in no quarter.
    """
    past = history(scenario, draws)
    grows = growth_draws(scenario, draws) if demand_growth is None else demand_growth
    supply_grows = np.broadcast_to(draws.draw("growth.supply", scenario.belief("growth.supply")), (draws.count,))
    return [_at(scenario, draws, workload, past, supply_grows, grows) for workload in scenario.names("serving.workloads")]


def _at(scenario: Scenario, draws: Draws, workload: str, past: History, supply_grows: Array, demand_grows: Array) -> Sides:
    until = scenario.date(UNTIL) if slows(scenario) and UNTIL in scenario else scenario.date("fleet.as_of")
    years, served = known(past, workload, until)
    date, demand = demand_draws(scenario, draws, workload)
    return Sides(
        workload=workload,
        years=years,
        supply=served,
        supply_growth=supply_grows,
        demand_year=year_of(date),
        demand=np.broadcast_to(demand, (draws.count,)),
        demand_growth=np.broadcast_to(demand_grows, (draws.count,)),
        horizon=year_of(scenario.date("growth.horizon")),
        slowing=Slowing(scenario, draws) if slows(scenario) else None,
    )


def known(past: History, workload: str, as_of: datetime.date) -> tuple[Array, Array]:
    """The quarters until a day in which something is served in every world [year], and how much of it [output token/s].

    Shapes (quarters,) and (quarters, draws).

    Raises:
        InputError: there is none.
    """
    served = past.output_tok_s[workload]
    chosen = [index for index, day in enumerate(past.dates) if day <= as_of and np.all(served[index] > 0.0)]
    if not chosen:
        said = f"got {workload}, which no chip of the fleet serves at serving.speed by {as_of} in every world"
        raise InputError(f"serving.workloads: {said}", field="serving.workloads", got=workload)
    # the day after the last of a quarter: what was sold in it is there
    ends = np.array([year_of(past.dates[index] + datetime.timedelta(days=1)) for index in chosen])
    return ends, served[chosen]
