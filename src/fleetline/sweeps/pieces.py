"""A chunk of a grid's rows as the bytes of a Parquet file: the task that a worker does.

A chunk is a range of rows: so many that a task takes seconds, so few that its columns stay in tens of megabytes. Its size
follows from the grid alone, so the chunks, and their bytes, are the same whoever makes them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.catalog import imported, load
from fleetline.catalog.tables import data_folder
from fleetline.sweeps.axes import WAYS, Count, Name
from fleetline.sweeps.grid import Grid, grid_of
from fleetline.sweeps.parquet import Column, encoded, texts
from fleetline.sweeps.quantiles import NAMES as LEVEL_NAMES
from fleetline.sweeps.rows import NUMBER_COLUMNS, Block, Way, blocks

# Of one chunk, at most: evaluations (seconds of work), rows (their columns in memory), deployments (a call each).
EVALUATIONS, ROWS, DEPLOYMENTS = 2**22, 2**17, 256
SMALLEST = 2**16  # evaluations: below, handing a chunk out costs more than computing it
SPREAD = 64  # a grid too small for whole chunks is cut into so many, to keep all workers busy
SEARCH = 8  # so many times the work of a given batch is a best one, about
RAW = 2**18  # evaluations of a chunk whose draws are kept


@dataclass(frozen=True)
class Piece:
    """One chunk done: Parquet bytes of its rows, of its raw draws (empty unless kept), and what they were made with."""

    number: int
    rows: bytes
    draws: bytes
    made_with: str


def rows_of_chunk(grid: Grid) -> int:
    """Rows of every chunk but the last."""
    most = RAW if grid.keep_draws else EVALUATIONS if grid.batch_given else EVALUATIONS // SEARCH
    evaluations = min(max(grid.points // SPREAD, SMALLEST), most)
    return max(min(evaluations // grid.worlds, ROWS, DEPLOYMENTS * grid.points_of_a_way), 1)


def chunks_of(grid: Grid) -> int:
    """How many chunks."""
    return math.ceil(grid.rows / rows_of_chunk(grid))


def extent(grid: Grid, number: int) -> tuple[int, int]:
    """First row of a chunk and the one after its last."""
    size = rows_of_chunk(grid)
    return number * size, min((number + 1) * size, grid.rows)


def piece(spec: str, number: int) -> Piece:
    """The chunk of this number of the grid that `spec` stands for."""
    grid = grid_of(spec)
    return Piece(number, *written(grid, answers_of(grid, *extent(grid, number))), made_with(spec))


def answers_of(grid: Grid, start: int, stop: int) -> list[Block]:
    """The answers to some rows, whole."""
    return list(blocks(grid, start, stop))


def written(grid: Grid, found: Sequence[Block]) -> tuple[bytes, bytes]:
    """Answers as Parquet: their rows, and their draws if they are kept."""
    return encoded(_columns(grid, found)), encoded(_raw_columns(grid, found)) if grid.keep_draws else b""


@lru_cache(maxsize=8)
def made_with(spec: str) -> str:
    """What a chunk's bytes depend on besides the grid: versions, code, tables, and files that the grid names."""
    import duckdb  # noqa: PLC0415  (only workers load it)

    package = Path(str(files("fleetline")))
    parts = {
        "fleetline": version("fleetline"),
        "numpy": np.__version__,
        "duckdb": duckdb.__version__,
        "code": _digest(path.read_bytes() for path in sorted(package.rglob("*.py"))),
        "tables": _digest(path.read_bytes() for path in sorted(data_folder().glob("*.csv"))),
        "files": _digest(_files(grid_of(spec))),
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def _digest(contents: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()[:12]


def _files(grid: Grid) -> Iterator[bytes]:
    """The models and systems that are not the catalog's but a person's own files."""
    catalog = load()
    for axis in grid.ways:
        for name, *_ in axis.values:
            if axis.columns == ("model",) and (own := imported.find(catalog, name)) is not None:
                yield own.content
            if axis.columns == ("system",) and name not in catalog.systems:
                yield Path(name).read_bytes()


def _columns(grid: Grid, found: Sequence[Block]) -> list[Column]:
    """The columns of `results.parquet`; the same ones, in the same order, for every grid of the same rates."""
    facts = ["feasible", "memory_capacity_bytes", *(f"{rate}_{level}" for rate in grid.rates for level in LEVEL_NAMES)]
    return [
        *_of_ways(found, [block.rows for block in found]),
        _workload(grid, found),
        *(_joined(found, name) for name in NUMBER_COLUMNS),
        *(_joined(found, name) for name in facts),
        texts("reason", [text for block in found for text in block.reason]),
        texts("binding", [text for block in found for text in block.binding]),
    ]


def _of_ways(found: Sequence[Block], rows: Sequence[int]) -> list[Column]:
    """What a deployment is, in words and counts: one value for all of its rows."""
    codes = np.repeat(np.arange(len(found), dtype=np.int16), rows)
    return [
        Column(kind.option, codes, _TYPES[type(kind)], tuple(_meant(block.way, kind.option) for block in found))
        for kind in WAYS.values()
    ]


def _workload(grid: Grid, found: Sequence[Block]) -> Column:
    """The workload's name, where lengths come as workloads."""
    labels = next((axis.labels for axis in grid.numbers if axis.labels), (None,))
    codes = [np.zeros(block.rows, dtype=np.int64) if block.workload is None else block.workload for block in found]
    return Column("workload", np.concatenate(codes), "VARCHAR", labels)


_TYPES: Mapping[type, str] = {Name: "VARCHAR", Count: "INTEGER"}


def _meant(way: Way, option: str) -> Any:
    """As asked for, or what it meant that nothing was."""
    value = way.asked.get(option, way.setting.get(option))
    return str(value) if isinstance(value, str) else None if value is None else int(value)


def _joined(found: Sequence[Block], name: str) -> Column:
    none = np.nan
    parts = [block.numbers.get(name, np.full(block.rows, none)) for block in found]
    return Column(name, np.concatenate(parts), "DOUBLE")


def _raw_columns(grid: Grid, found: Sequence[Block]) -> list[Column]:
    """The columns of `draws.parquet`: a row for each draw of each point that can be built."""
    built = [block for block in found if block.draws]
    counts = [len(block.draws["reason"]) for block in built]
    names = ["draw", *NUMBER_COLUMNS, *(rate for rate in grid.rates if rate != "batch"), "served_batch", "feasible"]

    def joined(name: str) -> Column:
        parts = [block.draws.get(name, np.full(count, np.nan)) for block, count in zip(built, counts, strict=True)]
        whole = np.concatenate(parts) if parts else np.empty(0)
        return Column(name, whole, _RAW_TYPES.get(name, "DOUBLE"))

    reasons = [text for block in built for text in block.draws["reason"]]
    return [*_of_ways(built, counts), *(joined(name) for name in names), texts("reason", reasons)]


_RAW_TYPES = {"draw": "INTEGER", "feasible": "BOOLEAN"}
