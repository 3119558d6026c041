"""A table of rates is out of date when a row that may have moved one of them has changed, and not before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Tables
from harness import SHIPPED

from fleetline.catalog import load
from fleetline.catalog.rows import FittedRateRow, RateRow
from fleetline.catalog.tables import data_folder
from fleetline.world import best_rates, fitted_rates


@pytest.fixture
def whole(tables: Tables) -> Tables:
    """The copy with the files that are no CSV tables, as a copy of the folder has them."""
    for path in SHIPPED.iterdir():
        if path.suffix != ".csv" and path.is_file():
            (tables.folder / path.name).symlink_to(path)
    return tables


def used() -> tuple[int, int]:
    """Rates that are taken from the two tables."""
    return len(best_rates._tabled(data_folder())), len(fitted_rates._tabled(data_folder()))


def every() -> tuple[int, int]:
    fitted = {fitted_rates._asked(row) for row in load().rows("fitted_rates", FittedRateRow)}
    return len(load().rows("rates", RateRow)), len(fitted)


def copied(table: str, column: str, old: str, new: str) -> Callable[[Tables], None]:
    """Rows of one chip or model once more, under another name."""

    def change(tables: Tables) -> None:
        header, *rows = tables.read(table)
        place = header.index(column)
        more = [[*row[:place], new, *row[place + 1 :]] for row in rows if row[place] == old]
        assert more
        tables.write(table, [header, *rows, *more])

    return change


def test_a_chip_and_a_model_that_are_added_leave_every_rate_in_use(whole: Tables) -> None:
    for table in ("chip_specs", "kernels"):
        copied(table, "chip", "B200 SXM", "B900 SXM")(whole)
    copied("systems", "system", "b200", "b900")(whole)
    copied("models", "model", "kimi-k2.6", "kimi-k9")(whole)
    assert used() == every()


def changed(table: str, column: str, value: str, **cells: str) -> Callable[[Tables], None]:
    return lambda tables: tables.put(table, tables.line_of(table, **cells), column, value)


CHANGED = {
    "chip": changed("chip_specs", "central", "7e12", chip="H200 SXM", quantity="hbm_bandwidth", preferred="1"),
    "model": changed("models", "value", "62", model="kimi-k2.6", quantity="layers"),
    "format": changed("formats", "bytes_per_weight", "0.6", format="nvfp4"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_changed_leaves_none_in_use(what: str, whole: Tables) -> None:
    CHANGED[what](whole)
    assert used() == (0, 0)
