"""What can be told of a grid before any work: names, numbers out of range, options that never go together, and size."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Worlds
from fleetline.catalog import imported, load
from fleetline.catalog.rows import COUNTINGS
from fleetline.catalog.system_file import system_from_file
from fleetline.catalog.timings import FRAMEWORKS
from fleetline.deployment import ARRIVALS, DEGREES, deploy, schedule_named, throughput
from fleetline.errors import InputError, unknown_name
from fleetline.physics.money import PRICES
from fleetline.sweeps.axes import NUMBERS
from fleetline.sweeps.grid import Grid
from fleetline.sweeps.pieces import answers_of, chunks_of, written
from fleetline.sweeps.rows import BLOCK, draws_of, points, way_of

MANY_ROWS, MANY_POINTS = 10**7, 10**8  # beyond either, a person has to say yes
_TRIES = 400  # deployments to try until one can be built: a second or two


@dataclass(frozen=True)
class Size:
    """How much a grid asks for: `seconds` of one processor and `bytes` of results are told from a first few rows."""

    rows: int
    points: int
    chunks: int
    seconds: float
    bytes: float


def check(grid: Grid) -> int:
    """The number of the first deployment that can be built.

    Raises:
        InputError: an unknown name, a number out of range, options that never go together.
    """
    _names(grid)
    asked = {column for axis in grid.ways for column in axis.columns}
    schedules = {value for axis in grid.ways if "schedule" in axis.columns for value in axis.values}
    if asked & {*DEGREES} and ("disaggregated", None) in schedules:
        said = "prefill_replicas: missing; a disaggregated sweep with degrees says how many replicas only prefill"
        raise InputError(said, field="prefill_replicas")
    for key in ("speculative", "precision", "turns"):
        _somewhere(grid, key)
    number = _first_built(grid)
    _numbers(grid, number)
    return number


def _names(grid: Grid) -> None:
    catalog = load()
    for axis in grid.ways:
        for value in (each[0] for each in axis.values if each[0] is not None):
            match axis.columns[0]:
                case "model":
                    if imported.find(catalog, value) is None:
                        catalog.model(value)
                case "system":
                    if value.casefold().endswith(".toml"):
                        system_from_file(Path(value))
                    else:
                        catalog.system(value)
                case "preset":
                    catalog.preset(value)
                case "schedule":
                    schedule_named(value)
                case name if name in _LISTS and value not in _LISTS[name]:
                    raise unknown_name(name, value, _LISTS[name])


_LISTS: Mapping[str, tuple[str, ...]] = {
    "counting": tuple(COUNTINGS),
    "framework": tuple(FRAMEWORKS[1:]),
    "price": tuple(PRICES),
    "arrivals": ARRIVALS,
}


def _values(grid: Grid, column: str) -> tuple[Any, ...]:
    return tuple(each[0] for axis in grid.ways if axis.columns[0] == column for each in axis.values)


def _somewhere(grid: Grid, option: str) -> None:
    """That each value is understood for one model and system at least."""
    pairs = list(islice(product(_values(grid, "model"), _values(grid, "system")), _TRIES))
    for value in _values(grid, option):
        refusals = (_refusal(model, system, {option: value}) for model, system in pairs)
        first = next(refusals)
        if first is not None and first.field == option and all(each is not None for each in refusals):
            raise first


def _refusal(model: str, system: str, options: Mapping[str, Any]) -> InputError | None:
    try:
        deploy(model, system, **options)
    except InputError as error:
        return error
    return None


def _first_built(grid: Grid) -> int:
    """The first deployment that can be built; spread over the grid, as those beside each other tend to fail alike."""
    first = None
    for number in _spread(grid.ways_count):
        way = way_of(grid, number)
        if not way.refusal:
            return number
        first = first or way.refusal
    raise InputError(f"grid: no deployment in it can be built; the first: {(first or '').partition(': ')[2]}", field="grid")


def _spread(count: int) -> Iterator[int]:
    """Numbers below `count`: all, if they are few, else some, evenly."""
    if count <= _TRIES:
        return iter(range(count))
    return chain([0], (number * count // _TRIES for number in range(1, _TRIES)))


def _numbers(grid: Grid, number: int) -> None:
    """That every number is within its range: ends of axes, which are in order, and all that is drawn."""
    way = way_of(grid, number)
    usual: dict[str, Any] = {name: float(values[0]) for name, values in points(grid, np.arange(1)).items()}
    usual |= {name: belief.value for name, belief in grid.uncertain.items()}
    wide: dict[str, Any] = {
        column: axis.values[[0, -1], place] for axis in grid.numbers for place, column in enumerate(axis.columns)
    }
    worlds = Worlds(grid.draws, grid.seed)
    for name, belief in grid.uncertain.items():
        wide[name] = worlds.draw(NUMBERS[name].drawn or f"sweep.{name}", belief)
    throughput(**way.asked, **usual, offline=grid.offline)
    for name, values in wide.items():
        throughput(**way.asked, **(usual | {name: values}), offline=grid.offline)


def size(grid: Grid, number: int) -> Size:
    """How much there is to do, told from one row and from some rows of the deployment of this number."""
    fewer = replace(grid, draws=min(grid.draws, BLOCK))
    each = draws_of(fewer, way_of(fewer, number)) + 1
    some = max(min(BLOCK // each, grid.points_of_a_way), 1)
    _probe(fewer, number, 1)  # what is found or loaded once a process is no part of it
    one, more = _probe(fewer, number, 1), _probe(fewer, number, some)
    answers, written, content = (
        _line(some, first, last) for first, last in zip(vars(one).values(), vars(more).values(), strict=True)
    )
    longer = grid.worlds / fewer.worlds
    kept = longer if grid.keep_draws else 1.0
    seconds = answers.of(grid.ways_count, grid.rows) * longer + _TWICE * written.of(chunks_of(grid), grid.rows) * kept
    return Size(grid.rows, grid.points, chunks_of(grid), seconds, content.of(1, grid.rows) * kept)


_TWICE = 2.0  # a row is written as part of a chunk, and again when those are joined


@dataclass(frozen=True)
class _Probe:
    """What some rows take: processor seconds to answer and to write, and bytes."""

    answers_s: float
    written_s: float
    content: float


def _probe(grid: Grid, number: int, rows: int) -> _Probe:
    start = number * grid.points_of_a_way
    begun = time.process_time()
    found = answers_of(grid, start, start + rows)
    answered = time.process_time()
    content = sum(map(len, written(grid, found)))
    return _Probe(answered - begun, time.process_time() - answered, float(content))


@dataclass(frozen=True)
class _Line:
    """A cost of each whole and of each of its rows."""

    whole: float
    row: float

    def of(self, wholes: int, rows: int) -> float:
        """What so many of both cost."""
        return self.whole * wholes + self.row * rows


def _line(rows: int, one: float, more: float) -> _Line:
    """From what one row costs and what some cost; all of one row's is the whole's where there is only one."""
    row = max(more - one, 0.0) / (rows - 1) if rows > 1 else 0.0
    return _Line(max(one - row, 0.0), row)
