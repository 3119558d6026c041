"""The command line: arguments in, JSON or a table out, one line for every refusal. Nothing is computed here."""

from __future__ import annotations

from fleetline.cli import agents, catalog, energy, foresight, rows, serving, study, sweeps, web, world
from fleetline.cli.main import main
from fleetline.cli.options import app

__all__ = ["agents", "app", "catalog", "energy", "foresight", "main", "rows", "serving", "study", "sweeps", "web", "world"]
