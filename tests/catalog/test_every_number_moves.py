"""Every number of the catalog moves some answer, or stands in `unused.csv` with the reason why none; both ways.

A number is changed by a tenth in a catalog that stands in for the shipped one, and what reads its table (`tests/asks.py`)
is asked again, quickest first, until something moves. The numbers of `unused.csv` are changed all at once, and nothing may.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from asks import ASKS, WHOLE, Answer, Ask, answer
from cells import Cell, cells, changed, fits, standing, with_rows
from moves import moved

from fleetline.catalog import load
from fleetline.catalog.load import Catalog
from fleetline.errors import FleetlineError

FILE = Path(__file__).with_name("unused.csv")


@dataclass(frozen=True)
class Unused:
    """A line of the list: some columns ("*": every) of the rows of some tables whose cells are as said; none said, all."""

    tables: str
    columns: str
    rows: Mapping[str, str]
    why: str

    def means(self, cell: Cell) -> bool:
        """Whether a number is one of the line's."""
        named = self.columns == "*" or cell.column in self.columns.split("|")
        return cell.table in self.tables.split("|") and named and fits(self.rows, cell)


def unused() -> list[Unused]:
    """The list."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            Unused(row["table"], row["column"], dict(_selectors(row["rows"])), row["why"]) for row in csv.DictReader(file)
        ]


def _selectors(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";") if text else []:
        column, _, wanted = part.partition("=")
        yield column.strip(), wanted


LISTED = unused()


def listed(cell: Cell) -> bool:
    """Whether a number stands in the list."""
    return any(line.means(cell) for line in LISTED)


_KEPT: dict[str, Answer] = {}


def shipped(ask: Ask) -> Answer:
    """What the shipped catalog answers; asked once for each name."""
    if ask[0] not in _KEPT:
        _KEPT[ask[0]] = answer(ask)
    return _KEPT[ask[0]]


class Standing:
    """Catalogs that stand in for the shipped one, each in a folder of a new name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = itertools.count()

    def moves(self, found: Catalog, asks: Iterator[Ask]) -> str | None:
        """The first answer that is another with the catalog, None of none."""
        for ask in asks:
            known = shipped(ask)
            with standing(found, self.folder / str(next(self.count))):
                now = answer(ask)
            if moved(known, now):
                return ask[0]
        return None

    def move_of(self, cell: Cell) -> str | None:
        """What moves with one number; a number that the catalog refuses to have changed is read, too."""
        row = changed(cell)
        if row is None:
            return None
        try:
            found = with_rows(load(), cell.table, {cell.place: row})
        except FleetlineError as error:
            return f"refused: {error}"
        return self.moves(found, iter(ASKS[cell.table](cell)))


@pytest.fixture
def stands(tmp_path: Path) -> Standing:
    return Standing(tmp_path)


# of some rows for the sales that are carried on, of others for the article's shares, scores and backtests: as a column
TOGETHER = {("chip_sales", "h100e_median")}


def sample(table: str, every: int) -> Sequence[Cell]:
    """Numbers of a table that are not in the list, evenly over it."""
    return [cell for cell in cells(table) if not listed(cell) and (table, cell.column) not in TOGETHER][::every]


# of a table with many numbers alike so many in one are tried in `make test`; of the others in `make check-long` alone
QUICK = {"chip_specs": 60, "formats": 6, "models": 300, "presets": 5, "chip_sales": 400}
QUICK |= {"api_prices": 12, "chip_sales_cumulative": 5, "kernels": 60, "token_demand": 4}


@pytest.mark.parametrize("table", sorted(QUICK))
def test_some_numbers_move_an_answer(stands: Standing, table: str) -> None:
    assert not [str(cell) for cell in sample(table, QUICK[table]) if stands.move_of(cell) is None]


@pytest.mark.long
@pytest.mark.parametrize("table", sorted(ASKS))
def test_every_number_moves_an_answer(stands: Standing, table: str) -> None:
    still = [str(cell) for cell in sample(table, 1) if stands.move_of(cell) is None]
    assert not still, "\n".join(["read them, take them out, or say in unused.csv why not:", *still])


@pytest.mark.long
@pytest.mark.parametrize("table", sorted({table for line in LISTED for table in line.tables.split("|") if table in ASKS}))
def test_what_is_listed_moves_nothing(stands: Standing, table: str) -> None:
    """All of them at once; where that moves something, each is tried by itself."""
    still = [cell for cell in cells(table) if listed(cell)]
    new = {cell: changed(cell) for cell in still}
    rows = {cell.place: row for cell, row in new.items() if row is not None}
    asks = {ask[0]: ask for cell in still for ask in ASKS[table](cell)}
    if stands.moves(with_rows(load(), table, rows), iter(asks.values())) is not None:
        used = [f"{cell}: {what}" for cell in still if new[cell] is not None and (what := stands.move_of(cell))]
        assert not used, "\n".join(["in unused.csv, and used after all:", *used])


def columns(table: str) -> Sequence[str]:
    return list(dict.fromkeys(cell.column for cell in cells(table)))


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "column"), [*sorted(TOGETHER), *((table, column) for table in WHOLE for column in columns(table))]
)
def test_a_column_that_we_write_moves_an_answer(stands: Standing, table: str, column: str) -> None:
    each = [cell for cell in cells(table) if cell.column == column]
    new = {cell.place: row for cell in each if (row := changed(cell)) is not None}
    moves = stands.moves(with_rows(load(), table, new), iter(WHOLE.get(table) or ASKS[table](each[-1])))
    assert (moves is None) == all(map(listed, each)), f"{table} {column}: {moves}"


def test_every_line_of_the_list_means_a_number() -> None:
    known = [cell for table in load().tables for cell in cells(table)]
    assert not [line for line in LISTED if not any(line.means(cell) for cell in known)]
    assert all(line.why.strip() for line in LISTED)


def test_every_table_of_numbers_is_asked_about_or_listed_whole() -> None:
    named = {line.tables for line in LISTED if line.columns == "*" and not line.rows}
    assert not {table for table in load().tables if cells(table) and table not in {*ASKS, *WHOLE, *named}}


# --- controls ---------------------------------------------------------------------------------------------------------


def test_a_number_that_nothing_reads_is_noticed(stands: Standing) -> None:
    spare = next(cell for cell in cells("chip_specs") if listed(cell) and cell.column == "central")
    assert stands.move_of(spare) is None


def test_laws_of_another_chip_move_nothing(stands: Standing) -> None:
    laws = cells("kernels")
    asked, other = (next(cell for cell in laws if getattr(cell.row, "chip") == chip) for chip in ("H200 SXM", "H100 SXM"))  # noqa: B009
    row = changed(other)
    assert row is not None
    assert stands.moves(with_rows(load(), "kernels", {other.place: row}), iter(ASKS["kernels"](asked))) is None
    assert stands.move_of(asked) is not None


def test_a_catalog_that_is_not_changed_moves_nothing(stands: Standing) -> None:
    cell = cells("chip_specs")[0]
    assert stands.moves(load(), iter(ASKS["chip_specs"](cell))) is None
