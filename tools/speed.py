"""Write docs/speed.md from a run of the benchmarks: `make bench`.

python tools/speed.py benchmarks.json docs/speed.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# How fast it answers

Made by `make bench`; do not edit. Medians: questions in processor seconds of one core, imports and the command line in
seconds by the clock, on a machine that others used too ({cpu}, Python {python}). A point is a deployment with lengths,
batch and efficiencies of its own, answered in full (rates, memory, what binds, critical batch, prices).
Arrays are answered 16,384 points at a time, so memory does not grow with them but for the answer itself.

| what | median, s | points a second |
| --- | --- | --- |
"""


def page(run: dict[str, Any]) -> str:
    """The page of one run."""
    machine = run["machine_info"]
    head = HEAD.format(cpu=machine["cpu"].get("brand_raw", machine["machine"]), python=machine["python_version"])
    return head + "".join(_row(each) for each in run["benchmarks"])


def _row(one: dict[str, Any]) -> str:
    seconds, points = one["stats"]["median"], one["extra_info"].get("points")
    name = one["name"].removeprefix("test_").replace("_", " ").replace("[", ": ").replace("]", "")
    return f"| {name} | {seconds:.3g} | {f'{points / seconds:,.0f}' if points else ''} |\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8")
