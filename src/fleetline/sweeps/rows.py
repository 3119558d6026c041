"""A range of a grid's rows -> their answers: columns of numbers, a deployment at a time.

Every quantity that is uncertain is drawn once a world, by its name and the grid's seed, and used at every point: world 17
is the same truth at each of them, so that two points differ by what they are and not by what was drawn, and the answer does
not depend on who computes which rows, or when. They are the worlds that `supply` and `crunch` draw with the same seed.

Beside the draws stands the central world, every quantity at its median: it says what binds, and is the answer where there
is one draw, or nothing is uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline.answers import Throughput
from fleetline.beliefs import Belief, Worlds
from fleetline.catalog import Preset, imported, load
from fleetline.deployment import Options, deploy, throughput
from fleetline.errors import InputError
from fleetline.sweeps.axes import NUMBERS, Array, digits
from fleetline.sweeps.grid import Grid
from fleetline.sweeps.quantiles import NAMES, most_frequent, quantiles

BLOCK = 262_144  # evaluations asked for at once: tens of megabytes, and a call's own time is lost among them
Chosen = npt.NDArray[np.intp]  # numbers of points within a way
REFUSED = "input"  # the kind of reason of a deployment that cannot be built

NUMBER_COLUMNS = tuple(number.option for number in NUMBERS.values())


@dataclass(frozen=True)
class Way:
    """One deployment of the grid: its number, what was asked, and, unless it cannot be built, with what it was answered.

    Attributes:
        asked: options by name, those not given left out. refusal: why it cannot be built, "" if it can.
        setting: what the options not given meant. uncertain: beliefs that are drawn, the preset's own among them.
        central: a preset's numbers that nothing in the grid replaces.
    """

    number: int
    asked: Mapping[str, Any]
    refusal: str
    setting: Mapping[str, Any]
    uncertain: Mapping[str, Belief]


@dataclass(frozen=True)
class Block:
    """Answers to some consecutive rows of one way, by column; `workload` as places on its axis, where there is one.

    `draws` holds the raw draws' columns, if they are to be kept.
    """

    way: Way
    numbers: Mapping[str, Array]
    workload: Chosen | None
    reason: list[str]
    binding: list[str]
    draws: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.reason)


def blocks(grid: Grid, start: int, stop: int) -> Iterator[Block]:
    """The answers to rows `start` to `stop`, in order.

    Raises:
        InputError: a model or system that is not known here.
    """
    each = grid.points_of_a_way
    for number in range(start // each, (stop - 1) // each + 1):
        way = way_of(grid, number)
        first, last = max(start - number * each, 0), min(stop - number * each, each)
        step = max(BLOCK // (draws_of(grid, way) + 1), 1)
        for low, high in pairwise([*range(first, last, step), last]):
            yield _block(grid, way, np.arange(low, high))


def way_of(grid: Grid, number: int) -> Way:
    """The deployment of this number, built once to see that it can be.

    Raises:
        InputError: a model or system that is not known here; anything else that is wrong with it becomes its reason.
    """
    places = digits(number, [len(axis) for axis in grid.ways])
    asked = {
        column: value
        for axis, place in zip(grid.ways, places, strict=True)
        for column, value in zip(axis.columns, axis.values[place], strict=True)
        if value is not None
    }
    catalog = load()
    try:
        numbers = {name: float(values[0]) for name, values in points(grid, np.arange(1)).items()} | _middle(grid)
        probe: dict[str, Any] = {name: value for name, value in numbers.items() if name in Options.__annotations__}
        _, setting = deploy(**asked, **probe)
    except InputError as error:
        if error.field in {"model", "system"} and not _known(asked):
            raise
        return Way(number, asked, f"{REFUSED}: {error.message}", MappingProxyType({}), MappingProxyType({}))
    return Way(number, asked, "", setting, MappingProxyType(_uncertain(grid, catalog.preset(setting["preset"]))))


def _known(asked: Mapping[str, Any]) -> bool:
    catalog = load()
    system = asked["system"] in catalog.systems or asked["system"].endswith(".toml")
    return system and (asked["model"] in catalog.models or imported.find(catalog, asked["model"]) is not None)


def _middle(grid: Grid) -> dict[str, float]:
    return {name: belief.value for name, belief in grid.uncertain.items()}


def _uncertain(grid: Grid, preset: Preset) -> dict[str, Belief]:
    """What is drawn: the grid's intervals, and those of a fitted preset where the grid says nothing else."""
    given = {column for axis in grid.numbers for column in axis.columns}
    values = {
        "compute_efficiency": preset.compute_efficiency,
        "bandwidth_efficiency": preset.bandwidth_efficiency,
        "step_latency_s": preset.step_latency,
    }
    fitted = {
        name: Belief(values[name], low, high, NUMBERS[name].scale)
        for name, (low, high) in preset.intervals.items()
        if name not in given and low < high
    }
    return fitted | dict(grid.uncertain)


def draws_of(grid: Grid, way: Way) -> int:
    """Draws evaluated beside the central world: none where there is one draw, or nothing is uncertain."""
    return grid.draws if grid.draws > 1 and way.uncertain else 0


def points(grid: Grid, chosen: Chosen) -> dict[str, Array]:
    """The numbers at these points of a way, by option; the last axis varies fastest."""
    return {
        column: axis.values[place, number]
        for axis, place in zip(grid.numbers, _places(grid, chosen), strict=True)
        for number, column in enumerate(axis.columns)
    }


def _places(grid: Grid, chosen: Chosen) -> tuple[Chosen, ...]:
    return np.unravel_index(chosen, tuple(len(axis) for axis in grid.numbers))


def _labels(grid: Grid, chosen: Chosen) -> Chosen | None:
    """Places on the axis whose values have names, if there is one: the workloads'."""
    places = _places(grid, chosen)
    return next((place for axis, place in zip(grid.numbers, places, strict=True) if axis.labels), None)


def _block(grid: Grid, way: Way, chosen: Chosen) -> Block:
    numbers = points(grid, chosen)
    shown = {name: np.full(chosen.size, belief.value) for name, belief in way.uncertain.items()}
    if way.refusal:
        none = np.full(chosen.size, np.nan)
        rates = {f"{name}_{level}": none for name in grid.rates for level in NAMES}
        facts = {"feasible": np.zeros(chosen.size), "memory_capacity_bytes": none}
        none_said = [""] * chosen.size
        told = numbers | shown | facts | rates
        return Block(way, told, _labels(grid, chosen), [way.refusal] * chosen.size, none_said, {})
    draws = draws_of(grid, way)
    drawn = _worlds(grid, way, draws)
    flat = {name: np.repeat(values, draws + 1) if draws else values for name, values in numbers.items()}
    flat |= {name: np.tile(values, chosen.size) for name, values in drawn.items()}
    found = _asked(grid, way, flat)
    shape = (chosen.size, draws + 1)
    return Block(
        way=way,
        numbers=_settled(way, chosen.size) | numbers | shown | _told(grid, found, shape),
        workload=_labels(grid, chosen),
        reason=_reasons(found, shape),
        binding=_shaped(found.binding, shape, object)[:, 0].tolist(),
        draws=_raw(grid, found, shape, flat) if grid.keep_draws else {},
    )


def _worlds(grid: Grid, way: Way, draws: int) -> dict[str, Array]:
    """What is uncertain in the central world and then in every draw: shape (draws + 1,) each."""
    worlds = Worlds(draws, grid.seed)
    return {
        name: np.concatenate([[belief.value], worlds.draw(NUMBERS[name].drawn or f"sweep.{name}", belief)])
        for name, belief in way.uncertain.items()
    }


def _asked(grid: Grid, way: Way, flat: Mapping[str, Array]) -> Throughput:
    """One call for all of the points; numbers that do not vary stay single ones."""
    single: dict[str, Any] = {name: values[0] if np.all(values == values[0]) else values for name, values in flat.items()}
    return throughput(**way.asked, **single, offline=grid.offline)


def _settled(way: Way, rows: int) -> dict[str, Array]:
    """Numbers of a deployment that were not asked for and have one value in all of its rows."""
    names = ("compute_efficiency", "bandwidth_efficiency", "step_latency_s", "hbm_reserve", "utilisation")
    return {name: np.full(rows, float(way.setting[name])) for name in names if np.ndim(way.setting[name]) == 0}


def _shaped(values: Any, shape: tuple[int, int], kind: Any = float) -> Any:
    """One value, or one of each point and draw, as an array of points and draws."""
    found = np.asarray(values, dtype=kind)
    return found.reshape(shape) if found.size == shape[0] * shape[1] else np.broadcast_to(found, shape)


def _told(grid: Grid, found: Throughput, shape: tuple[int, int]) -> dict[str, Array]:
    told = {
        "feasible": np.mean(_over_draws(_shaped(found.feasible, shape)), axis=1),
        "memory_capacity_bytes": _shaped(found.memory_capacity_bytes, shape)[:, 0],
    }
    if found.setting["speed"] is not None:
        told["speed"] = _shaped(found.setting["speed"], shape)[:, 0]
    for name in grid.rates:
        three = quantiles(_over_draws(_shaped(getattr(found, name), shape)))
        told |= {f"{name}_{level}": values for level, values in zip(NAMES, three, strict=True)}
    return told


def _over_draws(values: Array) -> Array:
    """Without the central world, unless it is the only one."""
    return values[:, 1:] if values.shape[1] > 1 else values


def _reasons(found: Throughput, shape: tuple[int, int]) -> list[str]:
    """Why a point cannot be served in most of the draws in which it cannot be; "" where it can in all of them."""
    failing = ~np.all(_over_draws(_shaped(found.feasible, shape, bool)), axis=1)
    reasons = np.full(shape[0], "", dtype=object)
    if np.any(failing):
        reasons[failing] = most_frequent(_over_draws(_shaped(found.reason, shape, object))[failing])
    return _without_figures(reasons.tolist())


def _without_figures(texts: list[Any]) -> list[str]:
    """A single case is told with its numbers, many are not: the same words for all rows."""
    known = {text: str(text).partition(" (")[0] for text in dict.fromkeys(texts)}
    return [known[text] for text in texts]


def _raw(grid: Grid, found: Throughput, shape: tuple[int, int], flat: Mapping[str, Array]) -> Mapping[str, Any]:
    """Every draw as a row: the numbers it was asked with, and what is told."""
    asked = {name: _over_draws(_shaped(values, shape)).ravel() for name, values in flat.items()}
    rates = {name: _over_draws(_shaped(getattr(found, name), shape)).ravel() for name in grid.rates if name != "batch"}
    size = _over_draws(np.empty(shape)).size
    count = size // shape[0]
    return {
        "draw": np.tile(np.arange(count, dtype=np.int32), shape[0]),
        **asked,
        **rates,
        "served_batch": _over_draws(_shaped(found.batch, shape)).ravel(),
        "feasible": _over_draws(_shaped(found.feasible, shape, bool)).ravel(),
        "reason": _without_figures(_over_draws(_shaped(found.reason, shape, object)).ravel().tolist()),
    }
