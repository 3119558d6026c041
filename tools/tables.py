"""Write docs/deployments.md, what every model reaches on every system: `make tables`.

    python tools/tables.py docs/deployments.md [MODEL ...]

A cell is the configuration that serves most output tokens while each user gets the wanted speed: found over degrees of
parallelism, chunked or two pools, with or without the model's own draft. What cannot be served says why.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from fleetline.answers import Throughput
from fleetline.catalog import load
from fleetline.deployment import limits_of
from fleetline.errors import FleetlineError
from fleetline.frontiers import explore

WORKLOADS = ("8000:1000", "128000:1000")
LARGEST_SLICE = 64  # chips of a pod that are asked for; boards and racks are taken whole
COLUMNS = ("system", "chips", "configuration", "tok/s", "tok/s/chip", "tok/s/user", "TTFT, s", "USD/M output", "J/token")


def main(page: Path, names: list[str]) -> None:
    """Write the page for these models, or all."""
    models = names or sorted(load().models)
    with ProcessPoolExecutor(2) as pool:
        found = dict(zip(models, pool.map(lines_of, models), strict=True))
    page.write_text("\n".join(page_of(found)) + "\n", encoding="utf-8")


Line = tuple[str, ...]  # cells under COLUMNS; a refusal has its words as configuration and nothing behind


def lines_of(model: str) -> dict[str, list[Line]]:
    """By workload, a line for every system."""
    found = {workload: [line_of(model, system, workload) for system in load().systems] for workload in WORKLOADS}
    sys.stderr.write(f"{model}\n")
    return found


def page_of(found: Mapping[str, Mapping[str, list[Line]]]) -> list[str]:
    """Who serves what at a glance, then each model in full."""
    speed = load().defaults["speed"]
    lines = [
        "# What every model reaches on every system",
        "",
        "Made by `make tables`; do not edit. Every row is the configuration that serves most output tokens a second while",
        f"each user gets {speed:g} tokens a second over wall time; cost is three-year rent, energy all-in power, both over",
        "output tokens. Kernel and collective times are measured on Nvidia chips from A100 on; elsewhere they are a guess,",
        "the median of those, and the row is marked `*`. Racks and boards are taken whole, pods as a slice of 64 chips.",
        "TTFT is the mean of a closed loop, waiting included (docs/waiting.md).",
        "The page has the models that were asked for: `make tables` asks for all,",
        "`tools/tables.py PAGE MODEL ...` for some.",
    ]
    for workload in WORKLOADS:
        lines += ["", f"## Output tokens a second of each chip, {workload}", ""]
        lines += [row(("model", *load().systems)), row("---" for _ in range(len(load().systems) + 1))]
        for model, by_workload in found.items():
            lines.append(row((f"[{model}](#{model.replace('.', '')})", *map(short, by_workload[workload]))))
    for model, by_workload in found.items():
        lines += ["", f"## {model}"]
        for workload, cells in by_workload.items():
            lines += ["", f"{workload}:", "", row(COLUMNS), row("---" for _ in COLUMNS), *map(row, cells)]
    return lines


def short(line: Line) -> str:
    """A cell of the matrix: the rate of each chip, or the kind of the refusal."""
    return line[COLUMNS.index("tok/s/chip")] or line[2].partition(":")[0].partition(" ")[0]


def row(cells: object) -> str:
    """A line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"  # type: ignore[attr-defined]


def line_of(model: str, system: str, workload: str) -> Line:
    """One system's best, or why it has none."""
    catalog = load()
    whole = float(np.max(catalog.systems[system].gpus))
    chips = whole if whole <= 2 * LARGEST_SLICE else float(LARGEST_SLICE)
    limits = limits_of(None, None, given_batch=False, catalog=catalog)
    try:
        found = explore(model, system, workload, limits, gpus=chips).best()
    except FleetlineError as refused:
        return (system, f"{chips:g}", refused.message, *[""] * 6)
    if not found.feasible:
        return (system, f"{chips:g}", str(found.reason), *[""] * 6)
    return (system, f"{chips:g}", words(found), *numbers(found))


def words(found: Throughput) -> str:
    """The configuration in short."""
    setting = found.setting
    degrees = setting["configuration"]
    parts = [f"{name.upper()}{degrees[name]:g}" for name in ("tp", "ep", "dp", "pp") if degrees[name] > 1] or ["TP1"]
    parts.append(f"x{degrees['replicas']:g}")
    if "prefill_replicas" in degrees:
        parts.append(f"({degrees['prefill_replicas']:g} prefill)")
    if setting["speculative"]:
        parts.append(f"draft {setting['speculative']}")
    return " ".join(parts) + ("" if degrees["timings"] == "measured" else " *")


def numbers(found: Throughput) -> list[str]:
    """The figures, three digits each."""
    values = (
        *(found.throughput_tok_s, found.throughput_tok_s_gpu, found.speed_tok_s_user, found.ttft_s),
        *(found.cost_usd_per_mtok_output, found.energy_j_per_output_token),
    )
    return ["" if math.isnan(value) else f"{float(f'{value:.3g}'):,g}" for value in values]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
