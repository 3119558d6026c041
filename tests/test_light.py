"""What starts quickly loads little: no heavy library comes with the package itself, nor with the command line's help."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each takes a tenth of a second or more to load, or loads one that does.
HEAVY = (
    "numpy",
    "scipy",
    "duckdb",
    "pydantic",
    "altair",
    "vl_convert",
    "jinja2",
    "rich",
    "narwhals",
    "pandas",
    "fleetline.catalog",
)
HELP = """
import contextlib, io
from fleetline.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(["--help"])
"""


def loaded(code: str) -> set[str]:
    """The heavy modules that are there after some code, in a process of its own."""
    told = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    return set(HEAVY) & set(done.stdout.split())


@pytest.mark.parametrize("code", ["import fleetline", "import fleetline.cli", HELP], ids=["package", "commands", "help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded(code) == set()


def test_a_question_loads_what_it_needs() -> None:
    # the control: what is not loaded above is there to be seen once it is
    found = loaded("import fleetline as fl\nfl.throughput('kimi-k2.6', 'gb200-nvl72', preset='article', batch=1)")
    assert {"numpy", "pydantic", "fleetline.catalog"} <= found
    assert not found & {"altair", "vl_convert", "duckdb", "jinja2"}
