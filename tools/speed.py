"""Write docs/speed.md and its picture from runs of the benchmarks: `make bench`, and before it `make bench-report`.

python tools/speed.py docs/speed.md benchmarks.json [more.json ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

HEAD = """# How fast it answers

Made by `make bench`; do not edit. By the clock, the least of several rounds, on {cpu} with {cores} cores, Python {python},
NumPy {numpy}. A point is a deployment with input and output length, batch, arithmetic and bandwidth efficiency of its own.
`rates` are batch, memory, throughput, speed, TTFT, TPOT, cycle, and whether it can be served; checking and copying what is
asked counts.

## Deployments, and what they could cost at least

{deployments}

{floor}

Points are answered in chunks of 16,384 to 65,536. The physics is gone through once with stand-ins for the arrays, which
note down every operation; the chunks replay the notes over buffers that stay in the cache (`physics/tape.py`), in as many
threads as there are processors (`FLEETLINE_THREADS`; 1 within a worker). Threads change no bit of the result. Of an
answer's fields those named above are computed at once, the others when they are first read.

## Questions

{questions}

## How it grows

{growth}

![Seconds by size](figures/speed_growth.svg)

A slope is that of the logarithms over the larger half of the sizes, where what a call costs anyhow no longer shows: 1 is
linear. Memory grows with the answer alone: {memory}.

## Sweeps

{sweeps}

How sweeps grow to 10^8 points and what a scheduler costs is in [sweep.md](sweep.md).

## The page

{page}

## Peers

{peers}
"""
Run = dict[str, Any]


def main(page: Path, sources: Sequence[Path]) -> None:
    """The page and the picture; the machine is that of the first run."""
    first, *others = [json.loads(source.read_text(encoding="utf-8")) for source in sources if source.exists()]
    run = first | {"benchmarks": [each for some in (first, *others) for each in some["benchmarks"]]}
    page.write_text(text(run), encoding="utf-8")
    picture(growth(run)).save(str(page.parent / "figures" / "speed_growth.svg"))


def text(run: Run) -> str:
    """The page of one run."""
    machine = run["machine_info"]
    return HEAD.format(
        cpu=machine["cpu"].get("brand_raw", machine["machine"]),
        cores=machine["cpu"].get("count", "?"),
        python=machine["python_version"],
        numpy=np.__version__,
        deployments=_threads(of(run, "deployments")),
        floor=_threads(of(run, "floor")) + "\n" + _beside(run),
        questions=_table(("what", "seconds"), [(what(each), _seconds(each)) for each in of(run, "questions")]),
        growth=_growth(growth(run)),
        memory=_memory(run),
        sweeps=_sweeps(run),
        page=_page(of(run, "page")),
        peers=_peers(run),
    )


def of(run: Run, table: str) -> list[Run]:
    """The benchmarks of one table."""
    return [each for each in run["benchmarks"] if each["extra_info"].get("table") == table]


def what(each: Run) -> str:
    """What it is called."""
    return str(each["extra_info"]["what"])


def _least(each: Run) -> float:
    return float(each["stats"]["min"])


def _seconds(each: Run) -> str:
    return f"{_least(each):.3g}"


def _rate(each: Run) -> float:
    return float(each["extra_info"]["points"]) / _least(each)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, aligned, *rows))


def _threads(found: Sequence[Run]) -> str:
    """A row for each question, by threads."""
    by = {(what(each), each["extra_info"]["threads"]): each for each in found}
    names, counts = dict.fromkeys(name for name, _ in by), sorted({count for _, count in by})
    head = ["points a second", *(f"{count} thread{'s' if count > 1 else ''}" for count in counts)]
    rows = [[name, *(f"{_rate(by[name, count]):,.0f}" for count in counts)] for name in names]
    return _table(head, rows) if rows else "Not measured: no C compiler here."


def _beside(run: Run) -> str:
    """The rates over the fused loop's."""
    name = "rates at given batches, article counting"
    rates = {each["extra_info"]["threads"]: _rate(each) for each in of(run, "deployments") if what(each) == name}
    loops = [each for each in of(run, "floor") if "loop" in what(each)]
    parts = []
    for each in loops:
        count, how = each["extra_info"]["threads"], what(each).rpartition(", ")[2]
        parts.append(f"{rates[count] / _rate(each):.2f} of that {how} ({count} thread{'s' if count > 1 else ''})")
    return f"\nOf the loop's speed {name} come at {', '.join(parts)}.\n" if parts else ""


# --- growth ---------------------------------------------------------------------------------------------------------------


def growth(run: Run) -> dict[str, list[tuple[float, float]]]:
    """Sizes and seconds of each question that grows."""
    found: dict[str, list[tuple[float, float]]] = {}
    for each in of(run, "growth"):
        found.setdefault(what(each), []).append((float(each["extra_info"]["points"]), _least(each)))
    return {name: sorted(points) for name, points in found.items()}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the logarithms, over the larger half of the sizes."""
    upper = np.log(np.array(points[len(points) // 2 :]))
    return float(np.polyfit(upper[:, 0], upper[:, 1], 1)[0])


def _growth(found: dict[str, list[tuple[float, float]]]) -> str:
    def sizes(points: Sequence[tuple[float, float]]) -> str:
        return "; ".join(f"{size:,.0f}: {seconds:.3g} s" for size, seconds in points)

    return _table(("what", "by size", "slope"), [(name, sizes(each), f"{slope(each):.2f}") for name, each in found.items()])


def _memory(run: Run) -> str:
    """The most that reports took, by worlds."""
    found = [each["extra_info"] for each in of(run, "growth") if "peak_gb" in each["extra_info"]]
    told = "; ".join(f"{each['points']:,.0f}: {each['peak_gb']:.2f} GB" for each in found)
    return f"a report takes at most, by draws, {told}" if told else "reports were not measured (`make bench-report`)"


def picture(found: dict[str, list[tuple[float, float]]]) -> alt.Chart:
    """Seconds against size, both by ratio."""
    rows = [{"what": name, "size": size, "seconds": seconds} for name, points in found.items() for size, seconds in points]
    chart: alt.Chart = (
        alt.Chart({"values": rows}, width=480, height=260)
        .mark_line(point=True)
        .encode(
            alt.X("size:Q", scale=alt.Scale(type="log"), title="points, draws or rows"),
            alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds"),
            alt.Color("what:N", title=None, legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=400)),
        )
    )
    return chart


# --- sweeps, page, peers --------------------------------------------------------------------------------------------------


def _sweeps(run: Run) -> str:
    names: dict[str, Callable[[int], str]] = {
        "test_a_sweep_by_processes": lambda count: f"{count} process{'es' if count > 1 else ''} of its own",
        "test_a_sweep_by_dask_workers": lambda count: f"Dask, {count} worker{'s' if count > 1 else ''}",
    }
    rows = [
        (names[each["name"].partition("[")[0]](each["params"]["workers"]), _seconds(each), f"{_rate(each):,.0f}")
        for each in run["benchmarks"]
        if each["name"].partition("[")[0] in names
    ]
    return _table(("by", "seconds", "points a second"), rows) if rows else "Not measured."


def _page(found: Sequence[Run]) -> str:
    if not found:
        return "Not measured: there is no server here."
    rows = [
        (name, f"{told['p50_s']:.3g}", f"{told['p95_s']:.3g}", f"{told.get('processor_s', float('nan')) * 1e3:.1f}")
        for name, told in found[0]["extra_info"]["requests"].items()
    ]
    head = ("16 clients at once ask for", "p50, s", "p95, s", "processor, ms")
    return _table(head, rows).replace("| nan |", "|  |")


def _peers(run: Run) -> str:
    found = of(run, "peers")
    if not found:
        return "Not measured in this run: they are installed by `make peers`."
    ours = next(each for each in of(run, "questions") if "425" in what(each))
    rows = [(what(each), _seconds(each), f"{_least(each) / each['extra_info']['points']:.3g}") for each in found]
    rows.append((f"fleetline: {what(ours)}", _seconds(ours), f"{_least(ours) / 425:.3g}"))
    return _table(("who", "seconds", "seconds a configuration"), rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
