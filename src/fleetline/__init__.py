"""fleetline: how many tokens the world's AI chips can serve, how many are asked for, and when one passes the other.

Every command has its function here:

>>> import fleetline as fl
>>> rack = fl.throughput("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="article", speculative="8:3")
>>> round(float(rack.throughput_tok_s), -2)
375700.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fleetline.article import compare_article
    from fleetline.catalog.imported import import_model
    from fleetline.catalog.listing import facts, models, sources, systems
    from fleetline.cli.web import web
    from fleetline.deployment import breakdown, throughput
    from fleetline.errors import FleetlineError, Infeasible, InputError
    from fleetline.frontiers import frontier
    from fleetline.questions.agent_capacity import agents
    from fleetline.questions.assumed import assumptions
    from fleetline.questions.backtests import backtest
    from fleetline.questions.crunches import crunch
    from fleetline.questions.demands import demand
    from fleetline.questions.ledgers import ledger, score
    from fleetline.questions.markets import market
    from fleetline.questions.planning import plan
    from fleetline.questions.power_check import energy
    from fleetline.questions.sensitivities import sensitivity
    from fleetline.questions.updates import update
    from fleetline.questions.walks import compare
    from fleetline.questions.worlds import supply
    from fleetline.reporting.report import report
    from fleetline.runs import accuracy, best_accuracy, calibrate, measured, predict, validate
    from fleetline.sweeps.query import query
    from fleetline.sweeps.sweep import sweep

# name -> module; loaded when first asked for, so that importing fleetline costs nothing
_HOMES = {
    "agents": "fleetline.questions.agent_capacity",
    "assumptions": "fleetline.questions.assumed",
    "breakdown": "fleetline.deployment",
    "energy": "fleetline.questions.power_check",
    "frontier": "fleetline.frontiers",
    "plan": "fleetline.questions.planning",
    "throughput": "fleetline.deployment",
    "demand": "fleetline.questions.demands",
    "compare": "fleetline.questions.walks",
    "backtest": "fleetline.questions.backtests",
    "ledger": "fleetline.questions.ledgers",
    "score": "fleetline.questions.ledgers",
    "update": "fleetline.questions.updates",
    "query": "fleetline.sweeps.query",
    "sensitivity": "fleetline.questions.sensitivities",
    "sweep": "fleetline.sweeps.sweep",
    "crunch": "fleetline.questions.crunches",
    "accuracy": "fleetline.runs",
    "best_accuracy": "fleetline.runs",
    "calibrate": "fleetline.runs",
    "measured": "fleetline.runs",
    "predict": "fleetline.runs",
    "validate": "fleetline.runs",
    "compare_article": "fleetline.article",
    "facts": "fleetline.catalog.listing",
    "market": "fleetline.questions.markets",
    "import_model": "fleetline.catalog.imported",
    "models": "fleetline.catalog.listing",
    "sources": "fleetline.catalog.listing",
    "systems": "fleetline.catalog.listing",
    "report": "fleetline.reporting.report",
    "supply": "fleetline.questions.worlds",
    "web": "fleetline.cli.web",
    "FleetlineError": "fleetline.errors",
    "Infeasible": "fleetline.errors",
    "InputError": "fleetline.errors",
}

__all__ = [
    "FleetlineError",
    "Infeasible",
    "InputError",
    "accuracy",
    "agents",
    "assumptions",
    "backtest",
    "best_accuracy",
    "breakdown",
    "calibrate",
    "compare",
    "compare_article",
    "crunch",
    "demand",
    "energy",
    "facts",
    "frontier",
    "import_model",
    "ledger",
    "market",
    "measured",
    "models",
    "plan",
    "predict",
    "query",
    "report",
    "score",
    "sensitivity",
    "sources",
    "supply",
    "sweep",
    "systems",
    "throughput",
    "update",
    "validate",
    "web",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fleetline' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
