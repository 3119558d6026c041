"""The article's numbers of the world, as computed here: its scenario in the one world where everything has its median."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fleetline.beliefs import Median
from fleetline.catalog import load
from fleetline.catalog.rows import ArticleNumberRow, ChipSalesRow
from fleetline.scenario import Scenario, changed, scenario
from fleetline.world import demand, demand_growth, growth
from fleetline.world.engineers import intensities
from fleetline.world.fleet import fleet
from fleetline.world.proxy import question
from fleetline.world.supply import Capacity, supply

WORLD = Median()


def _scenario(row: ArticleNumberRow) -> Scenario:
    settings = {
        "serving.workloads": f"{row.input_tokens:g}:{row.output_tokens:g}",
        "serving.preset": row.preset,
        "serving.speculative": row.speculative or "none",
    }
    return changed(scenario("article"), [f"{key}={value}" for key, value in settings.items()])


def _capacity(row: ArticleNumberRow) -> Capacity:
    (found,) = supply(_scenario(row), WORLD).workloads
    return found


def _chips(row: ArticleNumberRow) -> float:
    asked = scenario("article")
    found = fleet(asked, WORLD)
    units = zip(found.members, found.units(asked.date("fleet.as_of")), strict=True)
    return float(sum(count[0] for member, count in units if member.system == row.system))


def _share_of_sales(_: ArticleNumberRow) -> float:
    """Of all chips sold until the scenario's day, in 8-bit H100 equivalents (medians)."""
    asked = scenario("article")
    members = {member.chip_type for member in fleet(asked, WORLD).members}
    rows = [
        row
        for row in load().rows("chip_sales", ChipSalesRow)
        if row.vintage.startswith(asked.text("fleet.vintage")) and row.end_date <= asked.text("fleet.as_of")
    ]
    return sum(row.h100e_median for row in rows if row.chip_type in members) / sum(row.h100e_median for row in rows)


def _proxy(name: str, *, output: bool = False) -> Callable[[ArticleNumberRow], float]:
    """A proxy in the direction of its source, or as output tokens at the row's ratio [token/s]."""

    def ask(row: ArticleNumberRow) -> float:
        asked = question(scenario("article"), WORLD, f"{row.input_tokens:g}:{row.output_tokens:g}")
        found = demand.makers(asked.scenario)[name](asked)
        return float((found.output if output else found.tokens)[0])

    return ask


def _intensity(name: str) -> Callable[[ArticleNumberRow], float]:
    """Output tokens a day of one engineer at the row's ratio."""

    def ask(row: ArticleNumberRow) -> float:
        asked = question(scenario("article"), WORLD)
        return float(intensities(asked, row.input_tokens / row.output_tokens)[name][0])

    return ask


def _growth(quantity: str) -> Callable[[ArticleNumberRow], float]:
    """A stock's factor over the year to the scenario's day."""

    def ask(_: ArticleNumberRow) -> float:
        asked = scenario("article")
        end = asked.date("fleet.as_of")
        start = datetime.date(end.year - 1, end.month, end.day)
        found = growth.stock(asked, WORLD, quantity)
        return float(growth.end_to_end(found.dates, found.total, start, end)[0])

    return ask


def _googles_growth(_: ArticleNumberRow) -> float:
    """Google's last figure over its first within the scenario's window."""
    (fit,) = demand_growth.fitted_growth(scenario("article")).fits
    return fit.factor


QUANTITIES: Mapping[str, Callable[[ArticleNumberRow], float]] = MappingProxyType(
    {
        "chips": _chips,
        "share_of_sales": _share_of_sales,
        "world_output": lambda row: _capacity(row).central,
        "per_person_month": lambda row: float(_capacity(row).per_person_month[0]),
        "proxy_google": _proxy("google"),
        "proxy_google_output": _proxy("google", output=True),
        "proxy_exponential_view": _proxy("exponential-view"),
        "allowance_opus": _intensity("apple-claude-opus-4.7"),
        "allowance_kimi": _intensity("apple-kimi-k2.6"),
        "meta_intensity": _intensity("meta"),
        "engineers_low": _proxy("engineers-article-low", output=True),
        "engineers_high": _proxy("engineers-article-high", output=True),
        "growth_compute": _growth("compute"),
        "growth_bandwidth": _growth("bandwidth"),
        "growth_google": _googles_growth,
    }
)
