"""An option of a deployment, or a schedule, is offered wherever deployments are asked for; a new one is not forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import get_args

from fleetline.cli import serving
from fleetline.cli.options import Schedule
from fleetline.deployment import Options
from fleetline.deployment.requests import REUSE
from fleetline.physics.schedules import SCHEDULES
from fleetline.sweeps.axes import NUMBERS, WAYS

# what goes by another name on the command line
SPOKEN = {"input_tokens": "workload", "output_tokens": "workload", "rate": "requests_per_s"}


def not_offered(options: Iterable[str]) -> list[str]:
    """Each option and where it is missing; `plan` looks for the others itself."""
    commands = {name: inspect.signature(getattr(serving, name)).parameters for name in ("throughput", "frontier", "plan")}
    axes = {axis.option for axis in (*WAYS.values(), *NUMBERS.values())}
    missing = [
        f"{option}: no option of `fleetline {name}` (OfRequests or OfChips of cli/options.py)"
        for option in options
        for name, parameters in commands.items()
        if SPOKEN.get(option, option) not in parameters and (name != "plan" or option in REUSE)
    ]
    return missing + [f"{option}: no axis of a sweep (sweeps/axes.py)" for option in options if option not in axes]


def test_every_option_is_offered_everywhere() -> None:
    assert not not_offered(Options.__annotations__)


def test_one_that_is_not_is_named() -> None:
    said = not_offered(["no_such_option"])
    assert len(said) == 3
    assert said[-1] == "no_such_option: no axis of a sweep (sweeps/axes.py)"


def test_the_help_names_every_schedule() -> None:
    (option,) = get_args(Schedule)[1:]
    said = option.help.replace(",", "").replace(".", "").split()
    assert [name for name in SCHEDULES if name not in said] == []
