"""`sweep`: a grid x draws, in chunks, by any number of workers, into one sorted Parquet file and a manifest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetline.errors import InputError
from fleetline.sweeps.check import MANY_POINTS, MANY_ROWS, Size, check, size
from fleetline.sweeps.cluster import cluster, dask
from fleetline.sweeps.folder import Folder, opened
from fleetline.sweeps.grid import Grid, read
from fleetline.sweeps.local import alone, pool
from fleetline.sweeps.pieces import Piece, extent, made_with

MOST_WORKERS = 1024


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: chunks and evaluated points, of all and of those found done; seconds since the start."""

    chunks: int
    chunks_done: int
    points: int
    points_done: int
    points_found: int
    elapsed_s: float

    @property
    def points_s(self) -> float:
        """Points of this run a second."""
        return (self.points_done - self.points_found) / max(self.elapsed_s, 1e-9)

    @property
    def left_s(self) -> float:
        """Time left at that rate [s]; NaN where none is done yet."""
        return (self.points - self.points_done) / self.points_s if self.points_s else float("nan")


@dataclass(frozen=True)
class Swept:
    """What a sweep wrote: where, and its manifest; `size` alone of one that was only asked for its size."""

    out: str
    manifest: Mapping[str, Any]


def _quiet(_: Any) -> None:
    """Tell nobody."""


def sweep(
    grid: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    yes: bool = False,
    keep_draws: bool = False,
    say: Callable[[str], None] = _quiet,
    progress: Callable[[Progress], None] = _quiet,
) -> Swept:
    """Evaluate every point of a grid in every draw, and write `results.parquet` and `manifest.json` into `out`.

    A row is a point: what was asked; p5, p50 and p95 of each rate over the draws in which it can be served; `feasible`, the
    share of draws in which it can, and the `reason` where it cannot. The bytes follow from the grid and from what
    `made_with` names in the manifest, not from the workers.

    Args:
        grid: the path of a TOML file (`fleetline sweep --example` prints one), or a mapping with the same keys.
        out: the folder to write into.
        workers: processes; 1 for this one alone. A script that asks for more needs `if __name__ == "__main__":`.
        scheduler: the address of a Dask scheduler, such as "tcp://10.0.0.1:8786", whose workers compute instead.
        resume: go on with the sweep that `out` holds; chunks that are whole are not computed again.
        yes: also where there are more than 10 million rows or 100 million points.
        keep_draws: also write `draws.parquet`, a row for each draw of each point.
        say: is told in words what happens. progress: is told how far it is.

    Raises:
        InputError: a grid that cannot be asked, in one line and before any work; a folder that cannot be written.
    """
    asked = read(grid, keep_draws=keep_draws)
    _check_workers(workers, scheduler, asked)
    first = check(asked)
    _ask_for_yes(asked, first, workers, yes=yes)
    folder = opened(out, asked, made_with(asked.spec), resume=resume)
    if folder.complete:
        say("nothing is left to do")
        folder.tidy()
        return Swept(str(out), folder.manifest())
    return Swept(str(out), _run(folder, workers, scheduler, say, progress))


def sweep_size(grid: str | Path | Mapping[str, Any], *, keep_draws: bool = False) -> Size:
    """How much a grid asks for, from its first rows; raises what `sweep` raises before work."""
    asked = read(grid, keep_draws=keep_draws)
    return size(asked, check(asked))


def _run(
    folder: Folder,
    workers: int,
    scheduler: str | None,
    say: Callable[[str], None],
    progress: Callable[[Progress], None],
) -> dict[str, Any]:
    begun, processor = time.monotonic(), time.process_time()
    grid, chunks = folder.grid, int(folder.plan["chunks"])
    done = folder.done()
    if done:
        say(f"{len(done)} of {chunks} chunks are done already")
    left = [number for number in range(chunks) if number not in done]
    found = points = sum(_points(grid, number) for number in done)
    for number, each in enumerate(_pieces(grid, left, workers, scheduler, say), start=len(done) + 1):
        folder.keep(each)
        points += _points(grid, each.number)
        progress(Progress(chunks, number, grid.points, points, found, time.monotonic() - begun))
    computed = time.monotonic()
    say("joining the chunks")
    manifest = folder.finish()
    folder.note(
        {
            "points": points - found,
            "computing_s": computed - begun,
            "joining_s": time.monotonic() - computed,
            "own_processor_s": time.process_time() - processor,
            "workers": workers,
            "scheduler": scheduler,
        }
    )
    return manifest


def _pieces(
    grid: Grid, left: Sequence[int], workers: int, scheduler: str | None, say: Callable[[str], None]
) -> Iterator[Piece]:
    if not left:
        return iter(())
    if scheduler is not None:
        return cluster(grid.spec, left, scheduler, say)
    return alone(grid.spec, left) if workers == 1 else pool(grid.spec, left, min(workers, len(left)), say)


def _points(grid: Grid, number: int) -> int:
    start, stop = extent(grid, number)
    return (stop - start) * grid.worlds


def _check_workers(workers: object, scheduler: object, grid: Grid) -> None:
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST_WORKERS:
        allowed = f"a whole number from 1 to {MOST_WORKERS}"
        raise InputError(f"workers: got {str(workers)[:40]}, allowed {allowed}", field="workers", got=str(workers)[:40])
    if scheduler is None:
        return
    if not isinstance(scheduler, str) or not scheduler.strip():
        said = "an address such as tcp://10.0.0.1:8786"
        raise InputError(f"scheduler: got {str(scheduler)[:40]!r}, allowed {said}", field="scheduler")
    for axis in grid.ways:
        for name, *_ in axis.values:
            if axis.columns[0] in {"model", "system"} and name.casefold().endswith((".json", ".toml")):
                said = f"the file {name} is not on the cluster's machines; use a name of the catalog, or --workers"
                raise InputError(f"{axis.columns[0]}s: {said}", field=f"{axis.columns[0]}s", got=name)
    dask()  # before the folder is begun


def _ask_for_yes(grid: Grid, first: int, workers: int, *, yes: bool) -> None:
    if yes or (grid.rows <= MANY_ROWS and grid.points <= MANY_POINTS):
        return
    found = size(grid, first)
    said = f"{found.rows:,} rows and {found.points:,} points take about {lasting(found.seconds / workers)}"
    said += f" on {workers} worker{'s' if workers > 1 else ''} and {found.bytes / 1e9:.3g} GB"
    allowed = f"{MANY_ROWS:,} rows and {MANY_POINTS:,} points without --yes"
    raise InputError(f"grid: {said}; allowed are {allowed}", field="yes", got=found.points, allowed=allowed)


def lasting(seconds: float) -> str:
    """A time in words: the unit that makes it one to three digits."""
    for length, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} seconds"


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
