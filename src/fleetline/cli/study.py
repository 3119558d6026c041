"""The main job: report."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from fleetline.cli.options import app
from fleetline.cli.show import progress


@app.command(epilog="Example: fleetline report --out out")
def report(
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Folder for report.html and what belongs to it.")] = "out",
) -> None:
    """The study as one offline page, with figures, tables and results.json beside it."""
    from fleetline.reporting import report as write

    with progress() as step:
        files = write(out, step)
    typer.echo(f"{files[-1]}" if sys.stdout.isatty() else json.dumps({"files": [str(path) for path in files]}))
