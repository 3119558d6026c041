"""Grids that the tests of sweeps share, and ways to run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

# Fifteen chunks of a tenth of a second; two systems of three hold each model in part, or not at all.
GRID: dict[str, Any] = {
    "models": ["kimi-k2.6", "gpt-oss-120b"],
    "systems": ["gb200-nvl72", "b200", "h200"],
    "workloads": ["25000:1000", "8000:1000"],
    "batch": {"from": 1, "to": 4096, "points": 200, "scale": "log"},
    "schedules": ["chunked", "disaggregated"],
    "speculative": ["none", "8:3"],
    "draws": 100,
}
SMALL: dict[str, Any] = {
    "models": ["kimi-k2.6", "gpt-oss-120b"],
    "systems": ["b200", "h200"],
    "batch": [1, 64, 4096],
    "draws": 20,
    "seed": 7,
}
FILES = ("results.parquet", "manifest.json")


def rows(folder: Path, chosen: str = "*", where: str = "true", table: str = "results") -> list[dict[str, Any]]:
    """Rows of a sweep, in the file's order."""
    with duckdb.connect(":memory:", config={"threads": 1}) as database:
        found = database.execute(f"SELECT {chosen} FROM '{folder / table}.parquet' WHERE {where}")
        names = [each[0] for each in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def content(folder: Path) -> list[bytes]:
    """What must be the same, byte by byte, whoever swept."""
    return [(folder / name).read_bytes() for name in FILES]


def toml(path: Path, grid: dict[str, Any]) -> Path:
    """A grid as a file."""

    def word(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + "}"
        return json.dumps(value)

    path.write_text("".join(f"{key} = {word(value)}\n" for key, value in grid.items()), encoding="utf-8")
    return path


_HEARING = """
import signal, runpy
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("fleetline", run_name="__main__", alter_sys=True)
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    """The command, running; it hears Ctrl-C also where whoever runs the tests does not (a shell's background)."""
    command = [sys.executable, "-c", _HEARING, "sweep", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
