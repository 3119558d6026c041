"""The best rate of a model on a system by the fit of all benchmark rows, and how far that may be off.

The rate is the highest the fit predicts of any layout that has been run on the system's chip (calibration/best.py), at a
ladder of speeds up to the highest; between them it is straight in logarithms. The shipped scenarios' rates are found
beforehand (`make fitted-rates`, table `fitted_rates`), all others on the spot, once a process, in a second each.

Its error is that of best rates held out, by how the deployment is new to the fit (table `fitted_errors`): the best measured
run of a model on a chip at a workload, where ten layouts or more were run, over the best rate predicted without it, its
pair, its model, its chip. So what choosing by prediction costs is in it, and what a search of ten layouts misses. What of
it everybody shares, a system, a model and a pair of both comes from how these errors go together; the rest is a workload's
own. One name is one draw. Besides:

* software moves on: what the newest quarter of configurations shares in its error, everybody shares;
* prompts longer than any that was run: the error of runs with prompts eight times as long as those fitted, in proportion to
  the logarithm of the lengths, shared by all that serve that workload;
* a vendor without runs: as AMD's chips are off when none of theirs is known, one draw for all of a vendor's.

What real traffic reaches of a benchmark's best no benchmark tells: `serving.practice`, one draw for everybody.

Source: ours; the fit as `calibration/pooled.py` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fleetline import runs
from fleetline.beliefs import Array, Belief, Draws, Median, Worlds, kept
from fleetline.calibration.best import VENDOR, BestRate, Frontier, Load, frontier
from fleetline.calibration.best_errors import LENGTH, TIME
from fleetline.calibration.layouts import Layout, designers, layouts_for, target
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import FittedErrorRow, FittedRateRow
from fleetline.catalog.tables import data_folder
from fleetline.errors import InputError, unknown_name
from fleetline.physics.schedules import SCHEDULES
from fleetline.scenario import Scenario
from fleetline.world import made_with

PRACTICE = "serving.practice"
BEST, NONE = "best", "none"
SPEEDS = (5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0)  # token/s/user
_LONGEST = 8192.0  # prompt tokens of the longest runs with throughput, by name
_TIMES = 8.0  # as long as those fitted are the prompts held out for the way `length`


@dataclass(frozen=True)
class Asked:
    """What is asked of one system: chips, "INPUT:OUTPUT" mean tokens, share of the prompt in the cache [1], layouts."""

    model: str
    system: str
    gpus: int
    workload: str
    prefix_hit: float
    schedule: str = BEST
    speculative: str = BEST


@dataclass(frozen=True)
class Rates:
    """Output tokens per second of the whole system by rising speed, straight between in logarithms, 0 beyond the last."""

    speeds: Array
    tok_s: Array
    ways: Sequence[str]
    configurations: Sequence[str]
    reason: str

    def at(self, speed: Array) -> Array:
        """At wanted speeds [token/s/user]; under the first as at the first. Shape of `speed`."""
        if not len(self.speeds):
            return np.zeros(np.shape(speed))
        found = np.exp(np.interp(np.log(speed), np.log(self.speeds), np.log(self.tok_s)))
        return np.where(np.asarray(speed) <= self.speeds[-1], found, 0.0)

    def way(self, speed: float) -> str:
        """How the deployment at a speed is new to the fit; "" where none serves."""
        return self.ways[self._place(speed)] if len(self.speeds) else ""

    def configuration(self, speed: float) -> str:
        """What serves at the next slower speed of the ladder; "" where none serves."""
        return self.configurations[self._place(speed)] if len(self.speeds) else ""

    def _place(self, speed: float) -> int:
        return max(int(np.searchsorted(self.speeds, speed, side="right")) - 1, 0)


def rates(asked: Asked) -> Rates:
    """The best rates, from the table where it has them, else found now.

    Raises:
        InputError: an unknown model, system, schedule or speculation.
    """
    folder = data_folder()
    return _tabled(folder).get(asked) or _found(asked, folder)


@lru_cache(maxsize=4)
def _tabled(folder: Path) -> Mapping[Asked, Rates]:  # noqa: ARG001  (the folder is the cache's key)
    every = load().rows("fitted_rates", FittedRateRow)
    data = tables_digest(_asked(row) for row in every)
    points: dict[Asked, list[FittedRateRow]] = {}
    for row in every:
        if f"tables {data}" in row.source:
            points.setdefault(_asked(row), []).append(row)
    return MappingProxyType({asked: _rates_of(rows, asked.gpus) for asked, rows in points.items()})


def _asked(row: FittedRateRow) -> Asked:
    return Asked(*(getattr(row, name) for name in Asked.__dataclass_fields__))


def _rates_of(rows: Sequence[FittedRateRow], gpus: int) -> Rates:
    served = [row for row in rows if row.output_tok_s_gpu > 0.0]
    points = [BestRate(row.speed, row.output_tok_s_gpu, row.way or "", row.configuration or "") for row in served]
    return _of(Frontier(points, (rows[0].reason or "") if not served else ""), gpus)


def _of(found: Frontier, gpus: int) -> Rates:
    return Rates(
        np.array([point.speed for point in found.points]),
        np.array([point.output_tok_s_gpu * gpus for point in found.points]),
        [point.way for point in found.points],
        [point.configuration for point in found.points],
        found.reason,
    )


@lru_cache(maxsize=4096)
def _found(asked: Asked, folder: Path) -> Rates:  # noqa: ARG001  (the folder is part of the cache's key)
    return _of(found(asked), asked.gpus)


def found(asked: Asked) -> Frontier:
    """The best rates, found now.

    Raises:
        InputError: as `rates`.
    """
    known, catalog = runs.layouts_run(), load()
    aimed = target(catalog, asked.model, asked.system, asked.gpus, set(known.vendors.values()))
    tokens_in, tokens_out = (float(part) for part in asked.workload.split(":"))
    wanted = Load(tokens_in, tokens_out, asked.prefix_hit)
    layouts = [each for each in layouts_for(aimed, known, catalog) if _allowed(each, asked)]
    return frontier(aimed, wanted, SPEEDS, layouts, runs.throughputs(), known, catalog)


def _allowed(layout: Layout, asked: Asked) -> bool:
    schedule = asked.schedule in {BEST, "disaggregated" if layout.apart else "chunked"}
    return schedule and not (layout.drafts and asked.speculative == NONE)


def check(schedule: str, speculative: str) -> None:
    """Raises InputError for what no run says: the fit knows shared and separate pools, with own drafts or without."""
    if schedule not in {BEST, *SCHEDULES}:
        raise unknown_name("schedule", schedule, [BEST, *SCHEDULES], where="serving.schedule: ")
    for key, got, allowed in (
        ("serving.schedule", schedule, (BEST, "chunked", "disaggregated")),
        ("serving.speculative", speculative, (BEST, NONE)),
    ):
        if got not in allowed:
            said = f"{key}: got {got}, the fit of runs knows {', '.join(allowed)}; others by serving.rates_by=reached"
            raise InputError(said, field=key, got=got, allowed=", ".join(allowed))


# --- errors -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Errors:
    """Factors on rates by the fit, in every world."""

    draws: Draws
    practice: Belief

    def of(self, model: str, system: str, workload: str, way: str) -> Array:
        """What is served over the rate by the fit [1], shape (draws,)."""
        asked = (model, system, workload, way)
        own = _kept(self.draws, data_folder(), asked) if kept(self.draws) else _factor(self.draws, asked)
        return np.asarray(self.draws.draw(PRACTICE, self.practice) * own)


@lru_cache(maxsize=4096)
def _kept(draws: Worlds | Median, folder: Path, asked: tuple[str, str, str, str]) -> Array:  # noqa: ARG001  (the cache's key)
    found = _factor(draws, asked)
    found.setflags(write=False)
    return found


def _factor(draws: Draws, asked: tuple[str, str, str, str]) -> Array:
    """The error of a model on a system at a workload, by way, without what real traffic reaches."""
    model, system, workload, way = asked
    rows = _errors(data_folder())
    row = rows["best", way]
    middle, low, high = (float(np.exp(each)) for each in (row.median, row.low, row.high))
    own = Belief(middle, low, high).at(score(draws, row, model, system, workload))
    return np.asarray(own * newer(draws, rows["chosen", TIME]) * longer(draws, rows["chosen", LENGTH], workload))


def score(draws: Draws, row: FittedErrorRow, model: str, system: str, workload: str) -> Array:
    """Standard normal score of a model on a system at a workload, from what is shared and what is its own."""
    if row.way == VENDOR:
        return draws.scores(f"fit of runs, {_designers(data_folder()).get(system, system)}")
    own = max(1.0 - row.everybody - row.system - row.model - row.pair, 0.0)
    parts = {
        "fit of runs": row.everybody,
        f"fit of runs on {system}": row.system,
        f"fit of runs with {model}": row.model,
        f"fit of runs of {model} on {system}": row.pair,
        f"fit of runs of {model} on {system} at {workload}": own,
    }
    drawn = [np.sqrt(share) * draws.scores(name) for name, share in parts.items() if share > 0.0]
    return np.asarray(np.sum(drawn, axis=0))


def newer(draws: Draws, row: FittedErrorRow) -> Array:
    """The factor of software that is newer than any run [1], shape (draws,)."""
    return np.asarray(np.exp(np.sqrt(row.everybody) * row.root_mean_square * draws.scores("fit of runs, later")))


def longer(draws: Draws, row: FittedErrorRow, workload: str) -> Array:
    """The factor of prompts longer than any that was run [1], shape (draws,)."""
    apart = np.log(float(workload.split(":", maxsplit=1)[0]) / _LONGEST) / np.log(_TIMES)
    if apart <= 0.0:
        return np.ones(draws.count)
    return np.asarray(np.exp(row.root_mean_square * apart * draws.scores(f"fit of runs at {workload}")))


def errors(scenario: Scenario, draws: Draws) -> Errors:
    """The errors of a scenario's rates."""
    return Errors(draws, scenario.belief(PRACTICE) if PRACTICE in scenario else Belief(1.0, 1.0, 1.0))


@lru_cache(maxsize=4)
def _errors(folder: Path) -> Mapping[tuple[str, str], FittedErrorRow]:  # noqa: ARG001  (the folder is the cache's key)
    return {(row.of, row.way): row for row in load().rows("fitted_errors", FittedErrorRow)}


@lru_cache(maxsize=4)
def _designers(folder: Path) -> Mapping[str, str]:  # noqa: ARG001  (the folder is the cache's key)
    return designers(load())


# --- what the tables were made with; that the code still finds the same a test checks ------------------------------------

_TABLES = ("benchmark_models", "checkpoints", "chip_specs", "formats", "hardware", "models")
_MORE_TABLES = ("models_added", "pooled_kernel", "pooled_law", "speculation", "systems")


def tables_digest(asked: Iterable[Asked]) -> str:
    """Of the rows and files that these rates are found with."""
    of = made_with.names((each.model, each.system) for each in asked)
    return made_with.of_tables((*_TABLES, *_MORE_TABLES), of, [table_path(runs.POOLED), *runs.shipped()])


def source(asked: Iterable[Asked]) -> str:
    """The digest in the words of a row's source."""
    return f"make fitted-rates, tables {tables_digest(asked)}"
