"""The questions `ledger` and `score`: dated forecasts of what others will print, kept as they were made, and how they did.

A release's forecasts are written once (`make ledger`) into the catalog's table `ledger` and never changed after it is out.
An entry is scored when a row that is surely newer than the forecast says what it was about: chips of a designer's whole
quarter in a newer edition of the sales, a statement of the series whose time overlaps the entry's. An entry that no row
speaks of stays open; of entries by month, only those of months somebody speaks of are ever scored.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Draws
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import LedgerRow
from fleetline.catalog.tables import read_rows
from fleetline.errors import InputError
from fleetline.files import write_out
from fleetline.questions.worlds import scenario_of, worlds
from fleetline.runs import SHIPPED, rows_of
from fleetline.scenario import Scenario, titled
from fleetline.world.demand_growth import slows
from fleetline.world.forecasts import Forecast, marked, of_sales, of_tokens, quarter_of, sold
from fleetline.world.observed import observed
from fleetline.world.records import Known, fast_runs, newest, of_record
from fleetline.world.trend import trend

DRAWS = 4000
MONTHS = 8
_QUARTERS_AHEAD = 2
# the series that a release forecasts, in the period they are mostly stated in
SERIES: Mapping[str, str] = {
    "Google | all surfaces": "month",
    "Google | first-party models via direct API": "minute",
    "ByteDance | Doubao models, internal + external + app": "day",
    "China (National Data Administration) | national total, daily average calls": "day",
    "OpenRouter | platform": "week",
}
# models and chips whose best run at 8192:1024 is forecast: measured for months, by many
RECORDS = (("dsr1", "gb300"), ("dsr1", "mi355x"), ("kimik2.5", "gb200"), ("dsv4", "gb300"), ("gptoss120b", "b200"))
_RECORD_WORKLOAD = "8192:1024"
INPUTS = ("announced", "chip_sales", "chip_specs", "demand_series", "fleets", "token_demand")  # tables


@dataclass(frozen=True)
class Ledger:
    """Forecasts of a scenario: `entries` are `quantity`, `date`, `unit`, `p5`, `p50`, `p95`, `method`."""

    made_on: str
    release: str
    scenario: str
    changed_lines: Sequence[str]
    inputs: str
    entries: Sequence[Mapping[str, Any]]

    def rows(self) -> list[dict[str, Any]]:
        """As the table `ledger` holds them."""
        head = {"made_on": self.made_on, "release": self.release}
        tail = {
            "inputs": self.inputs,
            "source": f"fleetline {self.release}, scenario {titled(self.scenario, self.changed_lines)}",
        }
        return [head | _rounded(entry) | tail for entry in self.entries]


def _rounded(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in entry.items()}


def ledger(
    scenario: str | Path | Scenario = "today",
    settings: Iterable[str] = (),
    *,
    out: str | Path | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Ledger:
    """Forecasts from the scenario's day: chips sold by quarter and designer, and what the series of tokens will state.

    Args:
        scenario: one that carries sales on and in which demand follows all series, as `today`.
        settings: lines to change. out: a CSV file to write the entries to, as rows of a ledger.
        draws: worlds of the sales. seed: of the draws.

    Raises:
        InputError: a scenario that does not hold, or carries nothing on; a file that cannot be written.
    """
    chosen, drawn = scenario_of(scenario, settings), worlds(draws, seed)
    if not slows(chosen) or "fleet.sales_growth" not in chosen:
        said = f"scenario {chosen.name}: a ledger needs fleet.sales_growth and growth.model, and no growth.demand"
        raise InputError(said, field="scenario", got=chosen.name)
    day = chosen.date("fleet.as_of")
    found = trend(chosen)
    entries: list[Forecast] = of_sales(sold(chosen, drawn), _quarters(day))
    entries += [of_tokens(found, series, month, per) for series, per in SERIES.items() for month in _months(day)]
    entries += _records(day, drawn)
    lines = [dict(vars(entry)) for entry in entries]
    made = Ledger(day.isoformat(), version("fleetline"), chosen.name, chosen.changed, inputs_hash(chosen), lines)
    if out is not None:
        write_out(Path(out), _csv(made.rows()))
    return made


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _records(day: datetime.date, draws: Draws) -> list[Forecast]:
    """Best runs by the end of the third and the sixth month after a day's; runs are known until the newest dated one."""
    runs = fast_runs(rows_of([])[0], load().defaults["speed"])
    return [
        of_record(runs, (*pair, _RECORD_WORKLOAD), Known(newest(runs)), month, draws)
        for pair in RECORDS
        for month in (_months(day)[2], _months(day)[5])
    ]


def _quarters(day: datetime.date) -> list[str]:
    """The quarter before a day's, which no source has whole yet, its own, and the next ones."""
    first = day.year * 4 + (day.month - 1) // 3
    every = range(first - 1, first + _QUARTERS_AHEAD + 1)
    return [quarter_of(datetime.date(each // 4, each % 4 * 3 + 1, 1)) for each in every]


def _months(day: datetime.date) -> list[str]:
    """The months after a day's."""
    first = day.year * 12 + day.month
    return [f"{each // 12}-{each % 12 + 1:02}" for each in range(first, first + MONTHS)]


def inputs_hash(chosen: Scenario) -> str:
    """Twelve hexadecimal digits of SHA-256 over the scenario's lines and the tables behind a forecast."""
    found = hashlib.sha256()
    for key, line in sorted(chosen.assumptions.items()):
        found.update(f"{key}={line.value!r} {line.low!r} {line.high!r}\n".encode())
    for name in (*(f"{each}.csv" for each in INPUTS), *SHIPPED):
        found.update(table_path(name).read_bytes())
    return found.hexdigest()[:12]


@dataclass(frozen=True)
class Score:
    """The ledger's entries beside what came.

    Attributes:
        entries: `release`, `made_on`, `quantity`, `date`, `unit`, `p5`, `p50`, `p95`, `status` (scored, floor, open),
            `came`, `known` (when), `inside`, `log_error`, `pinball`; what does not apply is None.
        summary: of the scored ones: `entries`, `scored`, `inside` (share), `bias` (mean log error), `pinball`.
    """

    entries: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any]


def score() -> Score:
    """Every entry of the catalog's ledger: scored where its observation is in the catalog, else open.

    Raises:
        InputError: a ledger that does not hold.
    """
    entries = [_scored(row) for row in entries_of()]
    done = [entry for entry in entries if entry["status"] == "scored"]
    return Score(
        entries,
        {
            "entries": len(entries),
            "scored": len(done),
            "inside": float(np.mean([entry["inside"] for entry in done])) if done else None,
            "bias": float(np.mean([entry["log_error"] for entry in done])) if done else None,
            "pinball": float(np.mean([entry["pinball"] for entry in done])) if done else None,
        },
    )


def entries_of() -> list[LedgerRow]:
    """The rows of the table `ledger`."""
    return read_rows("ledger", LedgerRow)


_SHOWN = ("release", "made_on", "quantity", "date", "unit", "p5", "p50", "p95")


def _scored(row: LedgerRow) -> dict[str, Any]:
    line: dict[str, Any] = {name: getattr(row, name) for name in _SHOWN}
    came = observed(row.quantity, row.date, row.unit, datetime.date.fromisoformat(row.made_on))
    if came is None:
        return line | {"status": "open", "came": None, "known": None} | _NOT_YET
    line |= {"status": "scored" if came.whole else "floor", "came": came.value, "known": came.known}
    return line | (vars(marked(row.p5, row.p50, row.p95, came.value)) if came.whole else _NOT_YET)


_NOT_YET = {"inside": None, "log_error": None, "pinball": None}
