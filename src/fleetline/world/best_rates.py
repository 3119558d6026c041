"""The best rate of a model on a system: the configuration, of all there are, that serves most at the wanted speed.

Found by `frontiers.explore` with measured kernel times; a fifth of a second each, so those that the shipped scenarios ask
for are found beforehand (`make rates`) and kept in the catalog's table `rates`. The table carries digests of the tables and
of the code it was made with (`made_with`). Where a table has changed it is not used; where only code has, it is used if
some of its rates, spread over it, are found anew to be what it says. Otherwise, as for any other question, a rate is found
on the spot, once a process.

Source: ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np

from fleetline.catalog import load, table_path
from fleetline.catalog.rows import RateRow
from fleetline.catalog.tables import digest
from fleetline.deployment import Options
from fleetline.errors import InputError
from fleetline.frontiers import explore
from fleetline.physics.serving import Limits
from fleetline.world import made_with

BEST = "best"  # in the place of a schedule or a speculation: whichever serves most


@dataclass(frozen=True)
class Question:
    """What is asked of one system: chips, "INPUT:OUTPUT", share of the prompt in the cache [1], speed [token/s/user]."""

    model: str
    system: str
    gpus: int
    workload: str
    prefix_hit: float
    speed: float
    schedule: str = BEST
    speculative: str = BEST


@dataclass(frozen=True)
class Found:
    """Output tokens per second of the whole system [token/s], 0 where it cannot serve; `reason` says why."""

    tok_s: float
    reason: str = ""
    configuration: str = ""


def best_rate(question: Question) -> Found:
    """The best rate, from the table where it has it, else found now.

    Raises:
        InputError: as `explore`, but for a system without a needed specification: that is a reason.
    """
    folder = table_path("rates.csv")
    return _tabled(folder).get(question) or _explored(question, folder)


@lru_cache(maxsize=4)
def _tabled(folder: Path) -> Mapping[Question, Found]:  # noqa: ARG001  (the folder is the cache's key)
    every = load().rows("rates", RateRow)
    data, code = digests(_question(row) for row in every)
    rows = [row for row in every if f"tables {data}" in row.source]
    found = {_question(row): Found(row.output_tok_s, row.reason or "", row.configuration or "") for row in rows}
    same_code = all(f"code {code}" in row.source for row in rows)
    return MappingProxyType(found if same_code or _still_holds(found) else {})


def _question(row: RateRow) -> Question:
    return Question(**{name: getattr(row, name) for name in Question.__dataclass_fields__})


def _still_holds(found: Mapping[Question, Found]) -> bool:
    """Whether rates spread over the table are as the code finds them now."""
    serving = [asked for asked, answer in found.items() if answer.tok_s > 0.0]
    probes = serving[:: max(len(serving) // _PROBES, 1)]
    return all(abs(explored(asked).tok_s / found[asked].tok_s - 1.0) < _SAME for asked in probes)


_PROBES = 6
_SAME = 1e-6  # the table has ten digits


@lru_cache(maxsize=4096)
def _explored(question: Question, folder: Path) -> Found:  # noqa: ARG001  (the folder is part of the cache's key)
    return explored(question)


def explored(question: Question) -> Found:
    """The best rate, found now; raises as `best_rate`."""
    options: Options = {"gpus": question.gpus, "prefix_hit": question.prefix_hit or None}
    if question.schedule != BEST:
        options["schedule"] = question.schedule
    if question.speculative != BEST:
        options["speculative"] = question.speculative
    limits = Limits(speed=question.speed)
    try:
        best = explore(question.model, question.system, question.workload, limits, **options).best()
    except InputError as error:
        if error.field != "system":
            raise
        return Found(0.0, error.message)
    if not bool(np.all(best.feasible)):
        return Found(0.0, str(np.ravel(best.reason)[0]))
    return Found(float(best.throughput_tok_s), "", _words(best.setting))


def _words(setting: Mapping[str, object]) -> str:
    """A configuration in a few words: degrees over 1, schedule, speculation."""
    degrees = setting["configuration"]
    known = degrees.items() if isinstance(degrees, Mapping) else ()
    parts = [f"{name} {value:g}" for name, value in known if not isinstance(value, str) and float(value) != 1.0]
    spoken = [str(setting[name]) for name in ("schedule", "speculative") if setting.get(name) is not None]
    return ", ".join([*parts, *spoken])


# --- what the table was made with ---------------------------------------------------------------------------------------

_CODE = ("architecture", "physics", "answers.py", "deployment", "frontiers.py", "speculations.py")
_TABLES = ("benchmark_models", "checkpoints", "chip_specs", "formats", "kernels", "models", "models_added", "presets")
_MORE_TABLES = ("presets_fitted", "speculation", "systems")


def digests(asked: Iterable[Question]) -> tuple[str, str]:
    """Of the rows that these rates are found with, and of the code."""
    package = files("fleetline")
    roots = [Path(str(package / name)) for name in _CODE]
    code = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*.py")))]
    of = made_with.names((each.model, each.system) for each in asked)
    return made_with.of_tables((*_TABLES, *_MORE_TABLES), of), digest(code)


def source(asked: Iterable[Question]) -> str:
    """The digests in the words of a row's source."""
    data, code = digests(asked)
    return f"make rates, tables {data}, code {code}"
