"""Energy: power of every chip sold against published totals, and joules of the scenario's tokens."""

from __future__ import annotations

from fleetline.questions import power_check
from fleetline.study.results import Asked, Rows
from fleetline.world import energy
from fleetline.world.fleet import fleet


def energy_checks(asked: Asked) -> Rows:
    """Power and electricity of every AI chip sold by the end of 2025 beside published totals: sales x power of each chip.

    All-in power (chip, host, network) x 1.4 for the site's cooling and conversion; on average a site draws a share of it,
    and only chips that are installed count against electricity.
    """
    return [
        {key: row[key] for key in ("what", "published")}
        | row["ours"]
        | {f"ratio_{key}": value for key, value in row["ours_over_published"].items()}
        | {key: row[key] for key in ("unit", "date", "note", "source")}
        for row in power_check.checks(asked.scenario, asked.draws)
    ]


def energy_of_tokens(asked: Asked) -> Rows:
    """Joules of site energy that an output token of the scenario's fleet takes: the model, and the best measured runs."""
    chips = fleet(asked.scenario, asked.draws)
    found = energy.fleet_power(chips, asked.scenario.date("fleet.as_of"))
    return [
        {"case": row["case"], "workload": row["workload"]}
        | {f"j_{key}": value for key, value in row["j_output_token"].items()}
        | {"output_tok_j": row["output_tok_j"]["p50"], "site_average_gw": row["site_average_gw"]["p50"]}
        for row in power_check.tokens(asked.scenario, asked.draws, found)
    ]


def energy_of_demand(asked: Asked) -> Rows:
    """Power each proxy of demand would need if it were served as the scenario's supply is, and its share of the fleet's."""
    chips = fleet(asked.scenario, asked.draws)
    found = energy.fleet_power(chips, asked.scenario.date("fleet.as_of"))
    return [
        {key: row[key] for key in ("proxy", "workload", "date")}
        | {"power_gw": row["power_gw"]["p50"]}
        | row["share_of_fleet"]
        for row in power_check.needed(asked.scenario, asked.draws, energy.site_average(found, asked.draws))
    ]
