"""Write docs/kernels.md, the sum of measured kernels held against every shipped benchmark row: `make kernel-page`.

python tools/kernel_page.py docs/kernels.md
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fleetline.calibration.kernel_sum import predict
from fleetline.calibration.recipes import engine_of
from fleetline.catalog import load
from fleetline.measurements import Measurement
from fleetline.runs import rows_of

Array = npt.NDArray[np.float64]
HEAD = """# Benchmark rows as sums of measured kernels

Made by `make kernel-page`; do not edit. `fleetline validate --preset kernels` prints the same errors in other groups.

Every row becomes a deployment of the physics: its chip, framework, checkpoint (with the cache its recipe sets), degrees,
pools and speculation. A decode step is the sum of its kernels, each by its law in the table `kernels`; prompts of other
requests add (n - 1) x prefill / output tokens where the same GPUs prefill. The laws are fitted to kernel times
(ai-dynamo/aiconfigurator 0.12.0) and nothing is fitted to these rows. Errors are |log(predicted / measured)|; the bias is
the median of log(predicted / measured), below 0 where the prediction is too fast.

Chips without a public table of kernel times (AMD) run the median law of the measured ones, a guess: their predictions are
too fast, by what their kernels fall short of it. With speculation predictions are too fast too, as the chances of
acceptance are of another data set. Pools whose number of engines is not recorded are taken to be one, so that their rows
come out too slow. Prefill that rides along in mixed steps is charged in full. TTFT has no admission rules of the
frameworks in it (receive intervals, balancing of ranks), which delay first tokens by up to seconds, and none of the one-
off stalls that means hold.
"""


def main(page: Path) -> None:
    """Write the page."""
    rows = [row for row in rows_of([])[0] if row.tpot_s is not None or row.ttft_s is not None]
    found = predict(rows, load())
    tpot, ttft = (
        np.log(predicted / np.array([np.nan if value is None else value for value in measured], dtype=float))
        for predicted, measured in (
            (found.tpot_s, [row.tpot_s for row in rows]),
            (found.ttft_s, [row.ttft_s for row in rows]),
        )
    )
    chips = {key: load().system(name).chip.name for key, name in load().benchmark_systems.items()}
    known = {name: load().timings_of(chip).measured for name, chip in chips.items()}
    groups: dict[str, Callable[[Measurement], str]] = {
        "All rows": lambda row: "kernels measured" if known[row.hardware] else "kernels a guess",
        "How it is served": served,
        "Framework": lambda row: engine_of(row.framework),
        "Model": lambda row: row.model,
        "Chip": lambda row: row.hardware,
        "Model and chip": lambda row: f"{row.model} on {row.hardware}",
    }
    lines = [HEAD]
    for title, group_of in groups.items():
        lines += [f"## {title}", "", *table(rows, tpot, ttft, group_of), ""]
    page.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def served(row: Measurement) -> str:
    """Pools and speculation in words."""
    pools = "one pool"
    if row.disaggregated:
        pools = "two pools" if row.decode.workers else "two pools, engines not recorded"
    spoken = {"mtp": "with speculation", "none": "without"}.get(row.speculation or "", "speculation unstated")
    return f"{pools}, {spoken}"


def table(rows: Sequence[Measurement], tpot: Array, ttft: Array, group_of: Callable[[Measurement], str]) -> list[str]:
    """A line for every group: rows, and median error and bias of TPOT and TTFT."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        members[group_of(row)].append(index)
    lines = ["| group | rows | TPOT error | bias | TTFT error | bias |", "|---|---:|---:|---:|---:|---:|"]
    for name in sorted(members):
        cells = [*figures(tpot[members[name]]), *figures(ttft[members[name]])]
        lines.append(f"| {name} | {len(members[name])} | {' | '.join(cells)} |")
    return lines


def figures(errors: Array) -> tuple[str, str]:
    """Median error and bias in words, nothing where nothing is measured."""
    there = errors[~np.isnan(errors)]
    if not there.size:
        return "", ""
    return f"{np.median(np.abs(there)):.3f}", f"{np.median(there):+.3f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
