"""Results -> Altair charts: the report, the page and notebooks share them. Nothing is computed here but what to say.

Each figure is a chart with a title that states the finding, the table its data comes from, and words for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fleetline.figures import agents, calibration, energy, foresight, rack, today, world
from fleetline.figures.findings import Sentence, findings, first_screen, has_mix, load_spread, price_words, sections
from fleetline.figures.style import (
    DARK,
    NAME_OF,
    NARROW,
    WIDE,
    Figure,
    Space,
    Theme,
    config,
    day,
    demand_words,
    fleet_words,
    human,
    rounded,
    styled,
    when,
)
from fleetline.study import Results

__all__ = [
    "DARK",
    "NAME_OF",
    "NARROW",
    "WIDE",
    "Figure",
    "Sentence",
    "Space",
    "Theme",
    "config",
    "day",
    "demand_words",
    "figures",
    "findings",
    "first_screen",
    "fleet_words",
    "has_mix",
    "human",
    "load_spread",
    "price_words",
    "rounded",
    "sections",
    "styled",
    "when",
]


def figures(results: Results, space: Space = WIDE) -> list[Figure]:
    """Every figure of the report, in its order, in the space there is."""
    return [make(results, space) for make in (*(_OF_A_MIX if has_mix(results) else ()), *_FIGURES)]


_OF_A_MIX: Sequence[Callable[[Results, Space], Figure]] = (
    today.load_over_time,
    today.supply_and_demand,
    today.crunch_or_glut,
    today.walk,
    today.market,
)


_FIGURES: Sequence[Callable[[Results, Space], Figure]] = (
    rack.stage_times,
    rack.chunked_cycle,
    rack.throughput_by_context,
    rack.speculation,
    rack.speed_frontier,
    calibration.predictions,
    calibration.loss_profiles,
    calibration.efficiencies,
    calibration.error_by_group,
    calibration.held_out_by_group,
    calibration.interval_coverage,
    calibration.measured_runs,
    calibration.gap_to_measured,
    world.supply_by_context,
    world.stock_by_quarter,
    world.supply_by_quarter,
    world.demand_proxies,
    world.supply_against_demand,
    world.crossover_by_year,
    foresight.tornado,
    agents.agents_per_gpu,
    energy.energy_checks,
    rack.article_numbers,
)
