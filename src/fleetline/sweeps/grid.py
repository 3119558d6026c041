"""A grid file -> what is asked, checked before any work: a spec of plain values, and the axes it stands for.

The spec is canonical (names and numbers sorted, ranges as ranges): two files that ask for the same rows have the same one.
It is what workers are sent.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fleetline import inputs
from fleetline.beliefs import MOST_SEED, Belief, between
from fleetline.catalog import load
from fleetline.deployment import DEFAULT_PRESET, DEGREES, PARALLEL_PRESET
from fleetline.errors import InputError, read_text, unknown_name
from fleetline.sweeps.axes import MORE_RATES, NUMBERS, RATES, WAYS, WORKLOADS, Axis, Count, Numeric

EXAMPLE = """\
# A grid for fleetline: `fleetline sweep grid.toml --out sweep`. Every list and range is an axis, every combination a row.
models = ["kimi-k2.6", "gpt-oss-120b"]          # or "all"
systems = ["gb200-nvl72", "b200", "h200"]       # or "all"
workloads = ["8000:1000", "25000:1000"]         # or input_tokens and output_tokens, each with an axis of its own
batch = { from = 1, to = 4096, points = 200, scale = "log" }   # left out: the best batch at the wanted speed
schedules = ["chunked", "disaggregated"]
speculative = ["none", "8:3"]

preset = "fitted"                               # its efficiencies are uncertain, and drawn
draws = 100                                     # worlds; 1 for every quantity at its median
seed = 0

# Further axes, each a value, a list or a range: gpus, tp, ep, dp, pp, prefill_replicas, precision, counting, framework,
# price, arrivals, turns; speed, max_ttft, prefix_hit, hbm_reserve, compute_efficiency, bandwidth_efficiency ...
# A 90% interval is drawn instead of swept: compute_efficiency = "0.5..0.8"
# rates = ["throughput_tok_s", "ttft_s"]        # only these columns
"""

SETTINGS = ("draws", "seed", "offline", "rates")
MOST_DRAWS = 1_000_000
MOST_VALUES = 1_000_000  # of one axis
MOST_ROWS = 10**12
MOST_BYTES = 20_000_000  # of a file: some lists of a million numbers
_NEEDED = ("models", "systems")


class Range(BaseModel):
    """An axis of evenly spaced numbers, by difference or by ratio; `whole` rounds them and drops those met before."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    start: float = Field(alias="from")
    to: float
    points: int = Field(ge=2, le=MOST_VALUES)
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False

    def values(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The numbers, ascending."""
        spaced = np.geomspace if self.scale == "log" else np.linspace
        found = np.asarray(spaced(self.start, self.to, self.points), dtype=float)
        return np.unique(np.round(found)) if self.whole else found


@dataclass(frozen=True)
class Grid:
    """What is asked: axes in the order of the columns, what is drawn instead, and how often.

    Attributes:
        ways: axes of deployments. numbers: axes within one. uncertain: beliefs by the name of an option.
        draws: worlds, of `seed`. rates: what is told of each point. keep_draws: whether every draw is told, too.
    """

    ways: tuple[Axis, ...]
    numbers: tuple[Numeric, ...]
    uncertain: Mapping[str, Belief]
    draws: int
    seed: int
    offline: bool
    rates: tuple[str, ...]
    keep_draws: bool
    spec: str

    @property
    def points_of_a_way(self) -> int:
        """Rows of each deployment."""
        return math.prod(len(axis) for axis in self.numbers)

    @property
    def batch_given(self) -> bool:
        """Whether batches are asked for, and not looked for."""
        return any("batch" in axis.columns for axis in self.numbers)

    @property
    def ways_count(self) -> int:
        """Deployments."""
        return math.prod(len(axis) for axis in self.ways)

    @property
    def rows(self) -> int:
        """Points of the grid."""
        return self.ways_count * self.points_of_a_way

    @property
    def worlds(self) -> int:
        """Draws that differ: one where nothing is uncertain, neither in the grid nor in a preset of it."""
        given = {column for axis in self.numbers for column in axis.columns}
        asked = {column: {each[0] for each in axis.values} for axis in self.ways for column in axis.columns[:1]}
        default = PARALLEL_PRESET if asked.keys() & {*DEGREES} else DEFAULT_PRESET
        presets = [load().presets.get(name) for name in asked.get("preset", {default})]
        fitted = {name for preset in presets if preset is not None for name in preset.intervals}
        return self.draws if self.uncertain or fitted - given else 1

    @property
    def points(self) -> int:
        """Deployments to evaluate at most: a row in every draw."""
        return self.rows * self.worlds


def read(given: str | Path | Mapping[str, Any], *, keep_draws: bool = False) -> Grid:
    """The grid of a TOML file, or of a mapping with the same keys.

    Raises:
        InputError: an unknown key or name, an empty list, a value twice, a number or a range that makes no sense.
    """
    where, found = ("grid: ", dict(given)) if isinstance(given, Mapping) else _file(given)
    for key in found:
        if key not in {*WAYS, *NUMBERS, WORKLOADS, *SETTINGS}:
            raise unknown_name("key", key, [*WAYS, *NUMBERS, WORKLOADS, *SETTINGS], where=where)
    for key in _NEEDED:
        if key not in found:
            raise InputError(f"{where}{key}: missing; give a list of names, or all", field=key)
    if not isinstance(keep_draws, bool):
        raise InputError(f"keep_draws: got {str(keep_draws)[:40]}, allowed true or false", field="keep_draws")
    axes = {key: _axis(where, key, value) for key, value in found.items() if key not in SETTINGS}
    if WORKLOADS in axes and ("input_tokens" in axes or "output_tokens" in axes):
        raise InputError(f"{where}workloads: give it, or input_tokens and output_tokens, not both", field=WORKLOADS)
    if "prefill_replicas" in axes and "disaggregated" not in axes.get("schedules", []):
        said = "prefill_replicas: only of schedule disaggregated, which schedules does not name"
        raise InputError(f"{where}{said}", field="prefill_replicas")
    spec = {
        "axes": axes if axes.keys() & {"input_tokens", "output_tokens"} else {WORKLOADS: ["8000:1000"]} | axes,
        "draws": _whole(where, "draws", found.get("draws", 1), 1, MOST_DRAWS),
        "seed": _whole(where, "seed", found.get("seed", 0), 0, MOST_SEED),
        "offline": _flag(where, "offline", found.get("offline", False)),
        "rates": _rates(where, found.get("rates", list(RATES))),
        "keep_draws": keep_draws,
    }
    grid = grid_of(json.dumps(spec, sort_keys=True))
    if grid.rows > MOST_ROWS:
        raise InputError(f"{where}{grid.rows:.3g} rows, allowed at most {MOST_ROWS:.0e}", field="grid", got=grid.rows)
    return grid


@lru_cache(maxsize=8)
def grid_of(spec: str) -> Grid:
    """The grid that a spec stands for; built once a process."""
    plain = json.loads(spec)
    axes = plain["axes"]
    uncertain = {key: _belief(key, value) for key, value in axes.items() if isinstance(value, str)}
    return Grid(
        ways=_ways(axes),
        numbers=_numbers({key: value for key, value in axes.items() if key not in uncertain}),
        uncertain=MappingProxyType(uncertain),
        draws=plain["draws"],
        seed=plain["seed"],
        offline=plain["offline"],
        rates=tuple(plain["rates"]),
        keep_draws=plain["keep_draws"],
        spec=spec,
    )


def _ways(axes: Mapping[str, Any]) -> tuple[Axis, ...]:
    found = []
    for key, kind in WAYS.items():
        if key in axes and key not in {"schedules", "prefill_replicas"}:
            found.append(Axis((kind.option,), tuple((value,) for value in axes[key])))
        elif key == "schedules":  # only a disaggregated deployment has replicas that prefill
            pools = axes.get("prefill_replicas", [None])
            each = [
                (name, count) for name in axes.get(key, [None]) for count in (pools if name == "disaggregated" else [None])
            ]
            found.append(Axis(("schedule", "prefill_replicas"), tuple(each)))
    return tuple(found)


def _numbers(axes: Mapping[str, Any]) -> tuple[Numeric, ...]:
    found = []
    if WORKLOADS in axes:
        pairs = np.array([_pair(text) for text in axes[WORKLOADS]])
        found.append(Numeric(("input_tokens", "output_tokens"), pairs, tuple(axes[WORKLOADS])))
    for key, number in NUMBERS.items():
        if key in axes:
            values = Range.model_validate(axes[key]).values() if isinstance(axes[key], dict) else np.array(axes[key])
            found.append(Numeric((number.option,), values.astype(float).reshape(-1, 1)))
    return tuple(found)


def _pair(text: str) -> tuple[float, float]:
    return inputs.pair(WORKLOADS, text, "INPUT:OUTPUT tokens, such as 8000:1000")


def _file(path: str | Path) -> tuple[str, dict[str, Any]]:
    where = f"grid {path}: "
    try:
        return where, tomllib.loads(read_text(Path(inputs.text("grid", path)), "grid", MOST_BYTES))
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{where}{str(error).splitlines()[0] or 'not TOML'}", field="grid", got=str(path)) from error


def _axis(where: str, key: str, given: Any) -> Any:
    """An axis as plain values: a sorted list, a range as a dict, or a 90% interval as a text."""
    if key in NUMBERS:
        return _number_axis(where, key, given)
    values = given if isinstance(given, list | tuple) else [given]
    if key in WAYS and isinstance(WAYS[key], Count):
        return _distinct(where, key, [_number(where, key, value) for value in values])
    if given == "all" and key in _NEEDED:
        catalog = load()
        return sorted(catalog.models if key == "models" else catalog.systems)
    names = [_name(where, key, value) for value in values]
    return _workloads(where, names) if key == WORKLOADS else _distinct(where, key, names)


def _workloads(where: str, given: list[str]) -> list[str]:
    """In one spelling, by input and then by output."""
    pairs = [_pair(text) for text in given]
    spelled = [f"{inputs.words(tokens_in)}:{inputs.words(tokens_out)}" for tokens_in, tokens_out in pairs]
    return sorted(_distinct(where, WORKLOADS, spelled), key=_pair)


def _name(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
        raise InputError(f"{where}{key}: got {str(value)[:40]!r}, allowed a name or a list of names", field=key)
    return value.strip()


def _number_axis(where: str, key: str, given: Any) -> Any:
    if isinstance(given, str):
        _belief(key, given, where)
        return given
    if isinstance(given, Mapping):
        return _range(where, key, given)
    values = given if isinstance(given, list | tuple) else [given]
    return _distinct(where, key, [_number(where, key, value) for value in values])


def _number(where: str, key: str, value: Any) -> float:
    # compared, as a whole number beyond floats cannot be made one
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        allowed = "a number, a list of them, or a range such as {from = 1, to = 64, points = 7, scale = 'log'}"
        raise InputError(f"{where}{key}: got {str(value)[:40]}, allowed {allowed}", field=key, got=str(value)[:40])
    return float(value)


def _distinct(where: str, key: str, values: list[Any]) -> list[Any]:
    if not values:
        raise InputError(f"{where}{key}: the list is empty; leave the key out for its default", field=key, got="[]")
    if len(values) > MOST_VALUES:
        raise InputError(f"{where}{key}: {len(values):,} values, allowed at most {MOST_VALUES:,}", field=key)
    ordered = sorted(values)
    for before, after in pairwise(ordered):
        if before == after:
            word = f"{before:g}" if isinstance(before, float) else f"'{before}'"
            raise InputError(f"{where}{key}: {word} stands twice", field=key, got=before)
    return ordered


def _range(where: str, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    known = ["from", "to", "points", "scale", "whole"]
    for name in given:
        if name not in known:
            raise unknown_name(f"part of {key}", name, known, where=where, field=key)
    try:
        found = Range.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        part = str(first["loc"][0])
        said = "missing" if first["type"] == "missing" else f"got {str(given.get(part))[:40]}; {first['msg']}"
        raise InputError(f"{where}{key}: {part}: {said}", field=key, got=str(given.get(part))[:40]) from error
    if not found.start < found.to:
        raise InputError(f"{where}{key}: from {found.start:g} is not below to {found.to:g}", field=key, got=found.start)
    if found.scale == "log" and found.start <= 0.0:
        raise InputError(f"{where}{key}: from {found.start:g}, allowed over 0 on a log scale", field=key, got=found.start)
    return found.model_dump(by_alias=True)


def _belief(key: str, text: str, where: str = "") -> Belief:
    low, dots, high = text.partition("..")
    try:
        if not dots:
            raise ValueError("no number, and no 90% interval such as 0.5..0.8")
        bottom, top = float(low), float(high)
        if bottom >= top:
            raise ValueError("low is not below high")
        return between(bottom, top, NUMBERS[key].scale)
    except ValueError as error:
        raise InputError(f"{where}{key}: got '{text[:40]}'; {error}", field=key, got=text[:40]) from error


def _whole(where: str, key: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        allowed = f"a whole number from {low} to {high:,}"
        raise InputError(f"{where}{key}: got {str(value)[:40]}, allowed {allowed}", field=key, got=str(value)[:40])
    return value


def _flag(where: str, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where}{key}: got {str(value)[:40]}, allowed true or false", field=key, got=str(value)[:40])
    return value


def _rates(where: str, given: Any) -> list[str]:
    values = given if isinstance(given, list | tuple) else [given]
    known: Sequence[str] = [*RATES, *MORE_RATES]
    for value in values:
        if value not in known:
            raise unknown_name("rate", str(value), known, where=where, field="rates")
    _distinct(where, "rates", list(values))
    return [name for name in known if name in values]
