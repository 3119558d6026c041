"""What starts quickly loads little: no heavy library comes before the question that needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Each takes a tenth of a second or more to load, or loads one that does.
HEAVY = {
    "numpy",
    "pydantic",
    "scipy.special",
    "scipy.optimize",
    "scipy.stats",
    "duckdb",
    "altair",
    "vl_convert",
    "jinja2",
    "rich",
    "narwhals",
    "pandas",
    "dask",
    "distributed",
    "fastapi",
    "starlette",
    "uvicorn",
    "asyncio",
    "fleetline.catalog",
}
TABLES = {"numpy", "pydantic", "fleetline.catalog"}
SERVING = TABLES | {"scipy.special"}
WORLD = SERVING | {"scipy.optimize"}
NEEDED: dict[str, set[str]] = {  # what a command loads of them
    "--help": set(),
    "models": TABLES,
    "throughput kimi-k2.6 gb200-nvl72 --workload 8000:1000": SERVING,
    "crunch --draws 2": WORLD,
}
NEEDED_TOO = {
    "systems gb200-nvl72": TABLES,
    "sources": TABLES | {"duckdb"},
    "frontier kimi-k2.6 gb200-nvl72 --workload 8000:1000 --points 2": SERVING,
    "plan kimi-k2.6 --workload 8000:1000 --users 100 --systems b200": SERVING,
    "demand --draws 2": WORLD,
    "market today --draws 2": WORLD,
    "supply --draws 2": WORLD | {"duckdb"},  # and beside it the best measured runs
    "measured": WORLD | {"duckdb"},
    "sensitivity --points 2": WORLD | {"scipy.stats"},
}
RUN = """
import contextlib, io, sys
from fleetline.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[1:])
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """The heavy modules that are there after some code, in a process of its own."""
    told = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told, *arguments], check=True, capture_output=True, text=True)
    return HEAVY & set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", ["import fleetline", "import fleetline.cli"], ids=["package", "commands"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded(code) == set()


@pytest.mark.parametrize("command, needed", NEEDED.items(), ids=NEEDED)
def test_a_command_loads_what_it_needs(command: str, needed: set[str]) -> None:
    # equal, not less: what is not loaded elsewhere is there to be seen where it is needed
    assert loaded(RUN, *command.split()) == needed


@pytest.mark.long
@pytest.mark.parametrize("command, needed", NEEDED_TOO.items(), ids=NEEDED_TOO)
def test_so_does_every_other(command: str, needed: set[str]) -> None:
    assert loaded(RUN, *command.split()) == needed


@pytest.mark.long
def test_every_heavy_library_is_known_by_its_name() -> None:
    """The control: what the report and the page load would be seen."""
    code = "import altair, duckdb, vl_convert, jinja2, narwhals, rich.table, scipy.stats, distributed, fastapi, uvicorn"
    assert loaded(code) >= HEAVY - {"pandas", "fleetline.catalog"}
