"""How fast a sweep goes by one process, by two, and by a Dask cluster of one, two and four workers here: by the clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sweep_scale import dask, grid

from fleetline.sweeps.sweep import sweep

ROWS, DRAWS = 10_000, 200


def timed(benchmark: Any, tmp_path: Path, **options: Any) -> None:
    """A sweep into a new folder, twice."""
    benchmark.extra_info["points"] = ROWS * DRAWS
    numbers = iter(range(100))

    def run() -> None:
        sweep(grid(ROWS, DRAWS), tmp_path / str(next(numbers)), **options)

    benchmark.pedantic(run, rounds=2, warmup_rounds=1 if "scheduler" in options else 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_by_processes(benchmark: Any, tmp_path: Path, workers: int) -> None:
    timed(benchmark, tmp_path, workers=workers)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_sweep_by_dask_workers(benchmark: Any, tmp_path: Path, workers: int) -> None:
    with dask(workers) as (address, _):
        timed(benchmark, tmp_path, scheduler=address)
