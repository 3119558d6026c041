"""The question `market`, by scenario: the price that clears the crunch, and its mirror, the glut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Array, Worlds
from fleetline.errors import InputError
from fleetline.questions.chunked import in_chunks
from fleetline.questions.worlds import DRAWS, interval, scenario_of, worlds
from fleetline.scenario import Scenario
from fleetline.units import YEAR
from fleetline.world import glut
from fleetline.world.demand_growth import growth_draws
from fleetline.world.load import Load, load_of
from fleetline.world.market import Cleared, clear
from fleetline.world.mix import has_mix
from fleetline.world.revenue import at_list_prices

UNTIL = 2030.0  # "no crunch until 2030"


@dataclass(frozen=True)
class Market:
    """Both ways out of balance, by the end of each year from the scenario's day on.

    Attributes:
        changed_lines: keys of the scenario's lines that were set by whoever asked.
        years: `year`, `load`, `price_over_trend`, `priced_out`, `moved_to_smaller`, `kept` by tier, each {p5, p50, p95};
            `probability_crunch`, `probability_glut` and `probability_no_price`, where no price clears.
        now: the same on the scenario's day, with `utilisation` the load at the price that clears.
        owning: cost of the serving chips, the revenue reported, and the utilisation from which on it pays for them.
        list_prices: the world's tokens at list prices against that revenue.
        no_crunch: what is true of the worlds whose fleet is not full before 2030, beside all worlds.
    """

    scenario: str
    changed_lines: Sequence[str]
    as_of: str
    draws: int
    seed: int
    now: Mapping[str, Any]
    years: Sequence[Mapping[str, Any]]
    owning: Mapping[str, Any]
    list_prices: Mapping[str, Any]
    no_crunch: Mapping[str, Any]


def market(
    scenario: str | Path | Scenario = "today", settings: Iterable[str] = (), *, draws: int = DRAWS, seed: int = 0
) -> Market:
    """The price path that clears the crunch, who is priced out or moves to a smaller model, and the glut.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before; one with a mix.
        settings: lines to change, as "market.elasticity=0.5".
        draws: worlds. seed: of the draws.

    Raises:
        InputError: a scenario that does not hold, or has no mix.
    """
    chosen = scenario_of(scenario, settings)
    if not has_mix(chosen):
        said = f"market: scenario {chosen.name} has no mix of tiers (mix.*), so nobody could take a smaller model"
        raise InputError(said, field="mix.frontier_share", got=chosen.name)

    def asked(drawn: Worlds) -> Market:
        return market_of(chosen, drawn, load_of(chosen, drawn))

    return replace(in_chunks(asked, worlds(draws, seed)), draws=draws)


def market_of(chosen: Scenario, drawn: Worlds, found: Load) -> Market:
    """The market of a scenario with a mix, in some worlds, whose load is known."""
    places = [found.now, *(int(np.searchsorted(found.years, year)) for year in _year_ends(found.years, found.now))]
    states = [_state(chosen, drawn, found, place) for place in places]
    return Market(
        scenario=chosen.name,
        changed_lines=chosen.changed,
        as_of=chosen.text("fleet.as_of"),
        draws=drawn.count,
        seed=drawn.seed,
        now=states[0],
        years=[{"year": int(found.years[place])} | state for place, state in zip(places[1:], states[1:], strict=True)],
        owning=_owning(chosen, drawn, found),
        list_prices=_list_prices(chosen, drawn, found),
        no_crunch=_no_crunch(chosen, drawn, found),
    )


def _year_ends(years: Array, now: int) -> list[float]:
    """The last looked-at time of every year after the day."""
    later = years[now + 1 :]
    return [
        float(later[later < year + 1][-1])
        for year in range(int(years[now]), int(years[-1]) + 1)
        if np.any(later < year + 1)
    ]


def _cleared(chosen: Scenario, drawn: Worlds, found: Load, place: int) -> Cleared:
    loads = found.loads
    tiers = [tier.name for tier in found.mix.tiers]
    by_tier = [np.sum([load[place] for name, load in loads.items() if name[0] == tier], axis=0) for tier in tiers]
    shares = [found.mix.tier_shares[tier] for tier in tiers]
    keys = ("market.elasticity", "market.switching")
    elasticity, switching = (drawn.draw(key, chosen.belief(key)) for key in keys)
    return clear(by_tier, shares, elasticity, switching)


def _state(chosen: Scenario, drawn: Worlds, found: Load, place: int) -> dict[str, Any]:
    here, load = _cleared(chosen, drawn, found, place), found.total[place]
    kept = {tier.name: interval(each) for tier, each in zip(found.mix.tiers, here.kept, strict=True)}
    return {
        "load": interval(load),
        "utilisation": interval(here.load),
        "price_over_trend": _prices(here.price),
        "priced_out": interval(here.priced_out),
        "moved_to_smaller": interval(here.moved_down),
        "kept": kept,
        "probability_crunch": float(np.mean(load >= 1.0)),
        "probability_glut": float(glut.under(load[None], chosen.number("market.glut_load"))[0]),
        "probability_no_price": float(np.mean(~np.isfinite(here.price))),
    }


def _prices(price: Array) -> dict[str, float | None]:
    """Points of a price that may not exist: None where none clears in the world that stands there."""
    points = np.percentile(price, [5.0, 50.0, 95.0], method="inverted_cdf").tolist()
    return {name: each if np.isfinite(each) else None for name, each in zip(("p5", "p50", "p95"), points, strict=True)}


def _earned(chosen: Scenario, drawn: Worlds) -> Array:
    """The revenue of model developers on the scenario's day [USD/year]."""
    key = "market.revenue_growth"
    return glut.revenue(chosen.date("fleet.as_of"), drawn.draw(key, chosen.belief(key)))


def _owning(chosen: Scenario, drawn: Worlds, found: Load) -> dict[str, Any]:
    cost = glut.owning(chosen, drawn)
    earned = _earned(chosen, drawn)
    load = found.total[found.now]
    return {
        "cost_usd_year": interval(cost.usd_year),
        "cost_guessed_share": interval(cost.guessed),
        "revenue_usd_year": interval(earned),
        "revenue_over_cost": interval(earned / cost.usd_year),
        "break_even_utilisation": interval(glut.break_even(cost.usd_year, earned, np.minimum(load, 1.0))),
        "probability_unpaid": float(np.mean(earned < cost.usd_year)),
    }


def _list_prices(chosen: Scenario, drawn: Worlds, found: Load) -> dict[str, Any]:
    at_list = at_list_prices(chosen, found.mix, found.tokens[found.now])
    earned = _earned(chosen, drawn)
    return {
        "at_list_usd_year": interval(at_list),
        "reported_over_list": interval(earned / at_list),
        "reported_usd_per_mtok": interval(earned / (found.tokens[found.now] * YEAR) * 1e6),
    }


def _no_crunch(chosen: Scenario, drawn: Worlds, found: Load) -> dict[str, Any]:
    quiet = glut.never_full(found.years, found.total, found.now, UNTIL)
    compared = {
        "tokens asked for now, tok/s": found.tokens[found.now],
        "supply now, reference tok/s": found.supply[found.now],
        "growth of demand now, times a year": growth_draws(chosen, drawn),
        "supply by then over now": found.supply[int(np.searchsorted(found.years, UNTIL)) - 1] / found.supply[found.now],
        "demand by then over now": found.tokens[int(np.searchsorted(found.years, UNTIL)) - 1] / found.tokens[found.now],
        **{
            key: drawn.draw(key, chosen.belief(key))
            for key in _DECIDING
            if key in chosen and not chosen.belief(key).certain
        },
    }
    return {
        "until": int(UNTIL),
        "probability": float(np.mean(quiet)),
        "supply_factor_needed": interval(glut.needed(found.years, found.total, found.now, UNTIL)),
        "conditions": [
            {"what": name, "all_p50": float(np.median(each)), "no_crunch_p50": float(np.median(each[quiet]))}
            for name, each in compared.items()
            if np.any(quiet)
        ],
    }


_DECIDING = (
    "fleet.inference_share",
    "fleet.peak_over_mean",
    "fleet.sales_growth",
    "growth.efficiency",
    "growth.supply",
    "mix.frontier_share",
    "mix.small_share",
    "mix.general_share",
)
