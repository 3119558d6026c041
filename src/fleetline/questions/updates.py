"""The question `update`: how a quarter's new rows come in, and a check of them before they do.

The check reads the new rows beside the catalog's own, by the catalog's rules and some of the update's: an edition of the
sales that is out is not changed, its rows are whole calendar quarters, a statement's rate agrees with its tokens, and
nothing is announced before it is measured. Then it asks the scenario and the ledger again, and says what would move.
"""

from __future__ import annotations

import csv
import datetime
import io
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Worlds
from fleetline.catalog import load
from fleetline.catalog.rows import AnnouncedRow, ChipSalesRow, DemandSeriesRow, FleetRow, TokenDemandRow
from fleetline.catalog.tables import data_folder, fault, standing_in
from fleetline.dates import span
from fleetline.errors import InputError, read_text, unknown_name
from fleetline.questions.ledgers import score
from fleetline.questions.worlds import scenario_of, worlds
from fleetline.scenario import Scenario
from fleetline.world.crossover import passing, summary
from fleetline.world.demand_growth import growth_draws
from fleetline.world.load import load_of

DRAWS = 1000
_CHIPS = ("chip_specs", "systems", "fleets", "announced")
TABLES = (*_CHIPS, "chip_sales", "chip_sales_cumulative", "token_demand", "demand_series", "api_prices")
_SAME_RATE = 0.02  # tokens over their period against the row's own rate: months are 28 to 31 days, and rates are rounded

STEPS = (
    "Put the new rows, and only these, into a folder: chip_sales.csv (an edition of its own, every quarter of it), "
    "token_demand.csv (as stated: tokens, period, direction, when measured, when announced), and where needed "
    "demand_series.csv, announced.csv, api_prices.csv, chip_sales_cumulative.csv; for a chip that was not sold before "
    "fleets.csv (as which system it serves) and, where the catalog has not got it, chip_specs.csv and systems.csv. Headers "
    "as the catalog's; every row with its source, date and licence.",
    "fleetline update --check FOLDER: every row by the catalog's rules, what would move, which entries of the ledger "
    "would be scored. It changes nothing.",
    "Append the rows to the tables of the same name in src/fleetline/catalog/data (or to the collection, then make data). "
    "A series without a line in demand_series.csv counts nowhere. After a new chip: make fitted-rates rates.",
    "Name the new edition and the new day in scenarios/today.toml (fleet.vintage, fleet.as_of, demand.as_of); look at "
    "fleet.sales_growth and what its source says.",
    "fleetline score: what the forecasts of earlier releases were worth. Their rows stay as they are.",
    "make ledger: the new release's forecasts. make forecasts: docs/forecasts.md and docs/update.md. make test.",
)


@dataclass(frozen=True)
class Update:
    """How to add a quarter, and what a folder of new rows would do.

    Attributes:
        steps: the way, in order.
        tables: `table` and new `rows` of the folder; None without a folder, as the rest.
        notices: what is no error and may be one.
        settings: lines of the scenario that were changed to see the new rows, such as the edition of the sales.
        moved: `what`, `before`, `after`, `unit`.
        scored: entries of the ledger that would be scored, as `score` has them.
    """

    steps: Sequence[str]
    tables: Sequence[Mapping[str, Any]] | None = None
    notices: Sequence[str] | None = None
    settings: Sequence[str] | None = None
    moved: Sequence[Mapping[str, Any]] | None = None
    scored: Sequence[Mapping[str, Any]] | None = None


def update(
    check: str | Path | None = None,
    scenario: str | Path | Scenario = "today",
    settings: Iterable[str] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Update:
    """The steps of an update and, for a folder of new rows, whether they hold and what they move.

    Args:
        check: a folder of CSV files named as the catalog's tables, with new rows only; the steps alone without.
        scenario: asked before and after; one with a mix. settings: lines to change in it.
        draws: worlds. seed: of the draws.

    Raises:
        InputError: no such folder, nothing new in it, a table or column it may not have, a row that breaks a rule.
    """
    if check is None:
        return Update(STEPS)
    chosen, drawn, folder = scenario_of(scenario, settings), worlds(draws, seed), Path(check)
    given = _given(folder)
    with tempfile.TemporaryDirectory(prefix="fleetline-") as place:
        _joined(Path(place), given)
        with standing_in(Path(place)):
            load()
            notices, lines = _checked(given), _edition(given)
            after, then = _measured(scenario_of(chosen, lines), drawn), score().entries
    before, entries = _measured(chosen, drawn), score().entries
    return Update(
        STEPS,
        [{"table": name, "rows": len(rows)} for name, (_, rows) in given.items()],
        notices,
        lines,
        [one | {"after": other["before"]} for one, other in zip(before, after, strict=True)],
        [new for old, new in zip(entries, then, strict=True) if old["status"] != new["status"]],
    )


Given = Mapping[str, tuple[list[str], list[list[str]]]]  # table: header and rows


def _given(folder: Path) -> Given:
    """The folder's tables."""
    if not folder.is_dir():
        raise InputError(f"check: got '{folder}', allowed a folder of CSV files", field="check", got=str(folder))
    found: dict[str, tuple[list[str], list[list[str]]]] = {}
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in TABLES:
            raise unknown_name("table to update", path.stem, TABLES, field="check")
        header, *rows = _lines(path) or [[]]
        own = _header(path.stem)
        if header != own:
            said = f"{path.name}: got the columns {', '.join(header)}; allowed the catalog's, {', '.join(own)}"
            raise InputError(said, field=path.name)
        if rows:
            found[path.stem] = header, rows
    if not found:
        raise InputError(f"check: no new rows in '{folder}'", field="check", got=str(folder))
    return found


def _lines(path: Path) -> list[list[str]]:
    lines = csv.reader(io.StringIO(read_text(path, "table of new rows")), strict=True)
    try:
        return list(lines)
    except csv.Error as error:
        raise InputError(f"{path.name} line {lines.line_num}: {error}", field=path.name) from error


def _header(table: str) -> list[str]:
    with (data_folder() / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def _joined(place: Path, given: Given) -> None:
    """The catalog with the new rows at the end of their tables."""
    for path in data_folder().iterdir():
        if path.stem in given and path.suffix == ".csv":
            shutil.copyfile(path, place / path.name)
            with (place / path.name).open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(given[path.stem][1])
        elif path.is_file():
            (place / path.name).symlink_to(path.resolve())


def _checked(given: Given) -> list[str]:
    """The update's own rules over the new rows, which are the last of their tables; what is worth a look."""
    added = {name: len(rows) for name, (_, rows) in given.items()}
    sales, said = load().rows("chip_sales", ChipSalesRow), load().rows("token_demand", TokenDemandRow)
    old = len(sales) - added.get("chip_sales", 0)
    for sale in sales[old:]:
        _check_sale(sale, {each.vintage for each in sales[:old]})
    new_said = said[len(said) - added.get("token_demand", 0) :]
    for row in new_said:
        _check_statement(row)
    placed = {row.series for row in load().rows("demand_series", DemandSeriesRow)}
    unplaced = [f"{row.series}: not in demand_series, so it counts nowhere" for row in new_said if row.series not in placed]
    return [*unplaced, *_still_announced(sales[old:])]


def _still_announced(sold: Sequence[ChipSalesRow]) -> list[str]:
    """Announced chips that are sold now: their share comes on top of what carrying on their sales gives them."""
    types = {sale.chip_type for sale in sold}
    fleets, rows = load().rows("fleets", FleetRow), load().rows("announced", AnnouncedRow)
    systems = {row.system: row.chip_type for row in fleets if row.system and row.chip_type in types}
    return [
        f"announced.csv line {row.line}: {row.chip} is sold now, as {systems[row.system]}; take its row out"
        for row in rows
        if row.system in systems
    ]


def _check_sale(row: ChipSalesRow, editions: set[str]) -> None:
    if row.vintage in editions:
        raise fault(row, "vintage", f"the edition '{row.vintage}' is out and is not changed; new rows are a new edition")
    quarter = f"{row.start_date[:4]}-Q{(int(row.start_date[5:7]) + 2) // 3}"
    days = span(quarter)
    last = days.end - datetime.timedelta(days=1)
    if (row.start_date, row.end_date) != (days.first.isoformat(), last.isoformat()):
        raise fault(
            row, "start_date", f"{row.start_date} to {row.end_date} is no calendar quarter ({days.first} to {last})"
        )


def _check_statement(row: TokenDemandRow) -> None:
    rate = row.per_second(row.tokens_central)
    if abs(row.tokens_per_second_computed / rate - 1.0) > _SAME_RATE:
        said = f"got {row.tokens_per_second_computed:g}, {row.tokens_central:g} tokens a {row.per} are {rate:.4g} a second"
        raise fault(row, "tokens_per_second_computed", said)
    if span(row.announced).end <= span(row.as_of).first:
        raise fault(row, "announced", f"announced {row.announced}, before what it measures, {row.as_of}")


def _edition(given: Given) -> list[str]:
    """The line of the scenario that counts the new sales."""
    if "chip_sales" not in given:
        return []
    header, rows = given["chip_sales"]
    editions = sorted({row[header.index("vintage")] for row in rows})
    if len(editions) != 1:
        raise InputError(f"chip_sales.csv: got the editions {', '.join(editions)}, allowed one", field="chip_sales.csv")
    return [f"fleet.vintage={editions[0]}"]


def _measured(chosen: Scenario, drawn: Worlds) -> list[dict[str, Any]]:
    """The answers that new rows move, under the key `before`."""
    found = load_of(chosen, drawn)
    now, total = found.now, found.total
    dates = summary(passing(found.years, total, now)).crossover
    medians = (
        ("tokens asked for, input and output", found.tokens[now], "token/s"),
        ("growth of demand", growth_draws(chosen, drawn), "factor/year"),
        ("supply, in the reference's output", found.supply[now], "token/s"),
        ("demand over supply", total[now], "1"),
    )
    rows: list[dict[str, Any]] = [
        {"what": what, "unit": unit, "before": float(np.median(values))} for what, values, unit in medians
    ]
    return [*rows, *({"what": f"passes, {key}", "unit": "date", "before": date} for key, date in dates.items())]
