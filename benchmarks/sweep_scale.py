"""How a sweep grows: time, memory and bytes by points; what a scheduler costs a chunk; what follows for many machines.

    python benchmarks/sweep_scale.py docs/sweep.md [--points 1e6,1e7,1e8] [--workers 2]

Prints what it measures and, where a page is named, writes it between the page's two marks. Times are processor seconds,
which other work on the machine lengthens little; "by the clock" it does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from fleetline.sweeps.grid import read
from fleetline.sweeps.pieces import EVALUATIONS, chunks_of
from fleetline.sweeps.sweep import sweep_size

BEGIN, END = "<!-- measured: make sweep-page -->", "<!-- end of what is measured -->"
MODELS = ["deepseek-r1", "gpt-oss-120b", "kimi-k2.6", "llama-3.1-405b"]
SYSTEMS = ["b200", "gb200-nvl72", "h200", "mi355x", "tpu-v7"]
TASKS = 2000  # empty ones, to time the way there and back
LOADED = 64  # tasks that bring a megabyte home each
WORKERS = (1, 2, 4)
SCRIPT = """
import json, sys
from pathlib import Path
from fleetline.sweeps.sweep import sweep
if __name__ == "__main__":
    sweep(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], workers=int(sys.argv[3]), yes=True)
"""


def grid(rows: int, draws: int) -> dict[str, Any]:
    """So many rows of article-counted deployments at given batches, in so many draws of the fitted efficiencies."""
    ways = len(MODELS) * len(SYSTEMS) * 2 * 2
    return {
        "models": MODELS,
        "systems": SYSTEMS,
        "schedules": ["chunked", "disaggregated"],
        "workloads": ["8000:1000", "32000:1000"],
        "batch": {"from": 1, "to": 4096, "points": rows // ways, "scale": "log"},
        "draws": draws,
    }


@dataclass(frozen=True)
class Ran:
    """One sweep: what was asked, what it took, what it left."""

    rows: int
    draws: int
    processor_s: float
    clock_s: float
    largest_process: int
    file: int

    @property
    def points(self) -> int:
        """Deployments evaluated."""
        return self.rows * self.draws


def swept(rows: int, draws: int, workers: int) -> Ran:
    """A sweep by the command line, with its children's use of processor and memory."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "grid.json"), Path(folder, "out")
        path.write_text(json.dumps(grid(rows, draws)))
        script = Path(folder, "run.py")
        script.write_text(SCRIPT)
        begun = time.monotonic()
        running = subprocess.Popen([sys.executable, str(script), str(path), str(out), str(workers)])
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise RuntimeError(f"the sweep ended with {running.returncode}")
        manifest = json.loads((out / "manifest.json").read_text())
        return Ran(
            rows=manifest["rows"],
            draws=draws,
            processor_s=used.ru_utime + used.ru_stime,
            clock_s=time.monotonic() - begun,
            largest_process=used.ru_maxrss * 1024,
            file=manifest["files"]["results.parquet"]["bytes"],
        )


@contextlib.contextmanager
def dask(workers: int, python: str | Path = sys.executable) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A scheduler and so many workers of a Python on this machine: its address, and the processes, the scheduler first."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scheduler.json")
        started: list[subprocess.Popen[bytes]] = []

        def start(*arguments: str) -> None:
            command = [str(python), "-m", "dask", *arguments, "--no-dashboard", "--host", "127.0.0.1"]
            none = subprocess.DEVNULL
            started.append(subprocess.Popen(command, cwd=folder, stdout=none, stderr=none))

        try:
            start("scheduler", "--port", "0", "--scheduler-file", str(file))
            for _ in range(workers):
                start("worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1", "--local-directory", folder)
            while not (file.exists() and file.read_text().strip().endswith("}")):
                time.sleep(0.05)
            yield json.loads(file.read_text())["address"], [psutil.Process(each.pid) for each in started]
        finally:
            for each in started:
                each.kill()
                each.wait()


def nothing(_: int) -> None:
    """An empty task."""


def megabyte(_: int) -> bytes:
    """A task that computes nothing and brings a megabyte home."""
    return os.urandom(1 << 20)


@dataclass(frozen=True)
class Overhead:
    """What a task costs besides its work: processor seconds of scheduler, of whoever asked, and of a worker."""

    workers: int
    scheduler_s: float
    client_s: float
    worker_s: float
    a_second: float
    megabyte_s: float


def overhead(workers: int) -> Overhead:
    """Empty tasks, and tasks with a result to carry, handed out as a sweep hands out chunks."""
    with dask(workers) as (address, processes):
        empty = _tasks(address, workers, nothing, TASKS, processes)
        loaded = _tasks(address, workers, megabyte, LOADED, processes)
    return Overhead(
        workers=workers,
        scheduler_s=empty["scheduler"],
        client_s=empty["client"],
        worker_s=empty["worker"],
        a_second=1.0 / empty["clock"],
        megabyte_s=max(loaded["scheduler"] - empty["scheduler"], 0.0),
    )


def _tasks(address: str, workers: int, task: Any, count: int, processes: list[psutil.Process]) -> dict[str, float]:
    """Seconds of each party for one task."""
    import distributed

    connect: Any = distributed.Client
    with connect(address, set_as_default=False) as client:
        client.wait_for_workers(workers)
        client.gather(client.map(task, range(8), pure=False))
        left = iter(range(count))
        as_completed: Any = distributed.as_completed
        in_work = as_completed(loop=client.loop)
        before, begun, own = [_used(each) for each in processes], time.monotonic(), time.process_time()
        for number in [next(left) for _ in range(3 * workers)]:
            in_work.add(client.submit(task, number, pure=False))
        for future in in_work:
            future.result()
            future.release()
            following = next(left, None)
            if following is not None:
                in_work.add(client.submit(task, following, pure=False))
        spent = [_used(each) - was for each, was in zip(processes, before, strict=True)]
        clock, client_s = time.monotonic() - begun, time.process_time() - own
    return {
        "scheduler": spent[0] / count,
        "worker": sum(spent[1:]) / count,
        "client": client_s / count,
        "clock": clock / count,
    }


def _used(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def page(ran: list[Ran], costs: list[Overhead], workers: int) -> str:
    """What was measured, and what follows, as a page's section."""
    return "\n\n".join([_growth(ran, workers), _kinds(), _cluster(costs), _plan(ran, costs)])


def _table(title: str, heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---:"] * len(heads), *rows]
    return f"{title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _growth(ran: list[Ran], workers: int) -> str:
    heads = ["rows", "draws", "points", "processor, s", "points a processor second"]
    heads += ["by the clock, s", "largest process", "results"]
    rows = [
        [
            *(f"{each.rows:,}", f"{each.draws:,}", f"{each.points:,}", f"{each.processor_s:,.1f}"),
            *(f"{each.points / each.processor_s:,.0f}", f"{each.clock_s:,.0f}"),
            *(f"{each.largest_process / 1e6:,.0f} MB", f"{each.file / 1e6:,.1f} MB"),
        ]
        for each in ran
    ]
    return _table(
        f"By {workers} workers, all processes together, from the start of the first to the end of the last:", heads, rows
    )


def _kinds() -> str:
    """What a point costs by what is asked of it, as `--dry-run` tells: from the first thousands of each."""
    given = grid(100_000, 100)
    best = {key: value for key, value in given.items() if key != "batch"} | {"draws": 20_000}
    degrees = {"tp": 8, "schedules": "chunked", "draws": 1, "batch": given["batch"] | {"points": 20_000}}
    kinds = {
        "at given batches": given,
        "at the best batch": best,
        "at given batches, with degrees, measured kernels and a closed loop": given | degrees,
    }
    rows = [
        [name, f"{1e6 * found.seconds / found.points:.2f}"]
        for name, found in ((k, sweep_size(g)) for k, g in kinds.items())
    ]
    return _table("A point, by what is asked, as `--dry-run` tells:", ["a point", "processor, us"], rows)


def _cluster(costs: list[Overhead]) -> str:
    heads = ["workers", "scheduler, ms", "who asks, ms", "worker, ms", "tasks a second by the clock"]
    heads += ["scheduler, ms for a MB of result"]
    rows = [
        [
            *(
                f"{each.workers}",
                f"{1e3 * each.scheduler_s:.2f}",
                f"{1e3 * each.client_s:.2f}",
                f"{1e3 * each.worker_s:.2f}",
            ),
            *(f"{each.a_second:,.0f}", f"{1e3 * each.megabyte_s:.2f}"),
        ]
        for each in costs
    ]
    return _table(f"A task that does nothing, by Dask on this machine ({TASKS:,} of them):", heads, rows)


def _plan(ran: list[Ran], costs: list[Overhead]) -> str:
    """A billion points on 100 workers, from the largest sweep and the dearest overhead that were measured."""
    largest = max(ran, key=lambda each: each.points)
    speed = largest.points / largest.processor_s
    rows, draws, workers = 10**6, 1000, 100
    chunks = chunks_of(read(grid(rows, draws)))
    file = largest.file / largest.rows * rows
    task = max(each.scheduler_s for each in costs) + max(each.megabyte_s for each in costs) * file / 1e6 / chunks
    asker = max(each.client_s for each in costs)
    busier = max(task, asker)
    chunk_s = rows * draws / chunks / speed
    rounds = math.ceil(chunks / workers)
    hours, megabytes = rows * draws / speed / 3600, file / 1e6
    work = [
        f"A billion points ({rows:,} rows in {draws:,} draws), at the {speed / 1e6:.2f} million a processor second of the",
        f"largest sweep above: {hours:.2f} processor hours and {megabytes:,.0f} MB of results. They are {chunks:,} chunks",
        f"of at most {EVALUATIONS:,} evaluations, {chunk_s:.1f} seconds each: on {workers} workers {rounds} rounds,",
        f"{rounds * chunk_s:.0f} seconds, and then the joining by one.",
    ]
    limit = [
        f"A chunk costs the scheduler {1e3 * task:.1f} ms, its bytes included, and who asks {1e3 * asker:.1f} ms:",
        f"{workers} workers keep the busier of the two {100 * workers / chunk_s * busier:.1f}% busy, and it saturates at",
        f"{chunk_s / busier:,.0f} workers. To keep it under a tenth busy, a chunk on {workers} workers has to last",
        f"{workers * busier / 0.1:.1f} seconds, {workers * busier / 0.1 * speed / 1e6:.1f} million evaluations.",
    ]
    return "\n\n".join(textwrap.fill(" ".join(each), 124) for each in (work, limit))


def main() -> None:
    """Measure, print, and write into the page."""
    options = argparse.ArgumentParser()
    options.add_argument("page", nargs="?", type=Path)
    options.add_argument("--points", default="1e6,1e7,1e8")
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--workers", type=int, default=2)
    given = options.parse_args()
    draws = [round(float(text) / given.rows) for text in given.points.split(",")]
    ran = [swept(given.rows, each, given.workers) for each in draws]
    ran.append(swept(10 * given.rows, 1, given.workers))
    text = page(ran, [overhead(each) for each in WORKERS], given.workers)
    print(text)  # noqa: T201
    if given.page is not None:
        whole = given.page.read_text(encoding="utf-8")
        before, after = whole.partition(BEGIN)[0], whole.partition(END)[2]
        given.page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
