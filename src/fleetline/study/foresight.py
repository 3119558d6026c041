"""How sure the answer is: which assumptions decide it, and how forecasts of a past day did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetline.questions.backtests import DAY
from fleetline.questions.backtests import backtest as held_against
from fleetline.questions.sensitivities import Sensitivity
from fleetline.questions.sensitivities import sensitivity as asked_for
from fleetline.study.results import Asked, Rows


def sensitivity(asked: Asked) -> Rows:
    """Sobol' indices of the gap, log of demand over supply, and load and date with each assumption at its 5% and its 95%.

    On the day on which the median world passes (in two years where it is over already, or never in sight); at the mix where
    the scenario has one, else at its first workload. Total: share of variance with interactions; first: without.
    """
    found = asked_for(asked.scenario, seed=asked.seed)
    return [_row(found, each) for each in found.assumptions]


def _row(found: Sensitivity, line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "assumption": line["name"],
        "about": line["about"],
        "low": line["low"],
        "high": line["high"],
        "unit": line["unit"],
        "on": found.looked_at,
        "first": line["first_order"]["gap"],
        "total": line["total"]["gap"],
        "total_today": line["total"]["gap_today"],
        "total_date": line["total"]["date"],
        "load_median": found.load_median,
        "load_at_p5": line["load"]["at_p5"],
        "load_at_p95": line["load"]["at_p95"],
        "passes_at_p5": line["passes"]["at_p5"],
        "passes_at_p95": line["passes"]["at_p95"],
    }


def backtest(asked: Asked) -> Rows:
    """Forecasts standing on the article's day with what was known then, beside what came: chips, tokens, best runs."""
    return [{"standing_on": DAY} | dict(line) for line in held_against(DAY, seed=asked.seed).targets]


def backtest_summary(asked: Asked) -> Rows:
    """Of these forecasts, by kind: the share inside 90% intervals, mean and root mean square of the log errors."""
    return [dict(line) for line in held_against(DAY, seed=asked.seed).summary]
