"""The article's argument: the questions that make it, in the order in which it is made.

Each question is a function whose docstring says what its table holds and how it is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from fleetline.study import agents, calibration, energy, foresight, rack, world
from fleetline.study.results import Section

ARGUMENT: Sequence[Section] = (
    # What happens during inference. Prefill waits for arithmetic and decode for memory. Run together they fill each other's
    # idle time, up to a batch that shrinks as context grows. Speculation trades arithmetic for memory reads.
    Section((rack.stage_times, rack.chunked_cycle, rack.throughput_by_context, rack.speculation)),
    # What a rack then serves, what its users' speed costs, and where each operator stands.
    Section((rack.speed_frontier, rack.racks, rack.operators)),
    # Calibrating against inference benchmarks. How near three efficiencies come to measured runs, how near a fit of all
    # runs comes to runs it has not seen, and where it fails.
    Section(
        (
            calibration.predictions,
            calibration.error_by_group,
            calibration.held_out,
            calibration.held_out_by_group,
            calibration.interval_coverage,
            calibration.worst_configurations,
        )
    ),
    # What the runs can tell of each efficiency; the best runs anyone has published, and why they serve less than the rack.
    Section(
        (
            calibration.loss_profiles,
            calibration.efficiencies,
            calibration.best_measured,
            calibration.measured_runs,
            calibration.gap_to_measured,
        )
    ),
    # The present and future of inference. Racks times the rate of one: what the world's chips could serve, how it grows.
    Section(
        (world.world_supply, world.supply_by_system, world.stock_by_quarter, world.supply_by_quarter, world.growth),
        of_worlds=True,
    ),
    # What is asked of them, by every proxy in its own direction, and how that grows.
    Section((world.demand_proxies, world.demand_used, world.demand_growth), of_worlds=True),
    # When one passes the other.
    Section((world.supply_against_demand, world.crossover, world.crossover_by_year), of_worlds=True),
    # How sure that is: which assumptions decide it, and how forecasts of a past day did.
    Section((foresight.sensitivity, foresight.backtest, foresight.backtest_summary), of_the_answer=True),
    # The same chips counted in agents, and in energy, where other people's totals can be held against them.
    Section((agents.agents_per_gpu, agents.agents_error, agents.agents_of_fleet, agents.agents_of_memory)),
    Section((energy.energy_checks, energy.energy_of_tokens, energy.energy_of_demand), of_worlds=True),
    # How near all of this comes to the article's numbers.
    Section((rack.article_numbers,)),
)
