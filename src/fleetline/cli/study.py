"""The main job: report."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from fleetline.cli.options import AboutScenario, Draws, ScenarioGiven, Seed, Set, app, whole
from fleetline.cli.show import progress


@app.command(
    cls=AboutScenario, epilog="Example: fleetline report today --set fleet.inference_share=0.7 --draws 5000 --out out"
)
def report(
    scenario: ScenarioGiven = "today",
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Folder for report.html and what belongs to it.")] = "out",
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
) -> None:
    """The whole study of a scenario as one offline page, with figures, tables and results.json beside it."""
    from fleetline.reporting.report import report as write

    with progress() as step:
        files = write(scenario, setting or (), out=out, draws=whole(draws), seed=whole(seed), progress=step)
    typer.echo(f"{files[-1]}" if sys.stdout.isatty() else json.dumps({"files": [str(path) for path in files]}))
