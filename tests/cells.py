"""The numbers of the catalog one by one, each changed by a tenth, in a catalog that stands in for the shipped one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

from harness import SHIPPED
from pydantic import ValidationError

from fleetline import runs
from fleetline.architecture.model import Model
from fleetline.catalog import load, rows
from fleetline.catalog.load import Catalog
from fleetline.catalog.models import build_model
from fleetline.catalog.rows import Row
from fleetline.catalog.tables import standing_in
from fleetline.catalog.timings import timings_of
from fleetline.questions import agent_capacity

loading = sys.modules["fleetline.catalog.load"]

# columns that hold numbers as their source prints them, as text
_AS_TEXT = {("chip_specs", "central"), ("models", "value"), ("models_added", "value"), *(("presets", "value"),)}
_AS_TEXT |= {("presets_fitted", "value")}
FACTORS = (1.1, 0.9, 1.01, 0.99)  # the first that its column and its row allow


@dataclass(frozen=True)
class Cell:
    """One number: table, place of the row in it, column."""

    table: str
    place: int
    column: str

    @property
    def row(self) -> Row:
        """The row it stands in."""
        return load().tables[self.table][self.place]

    def __str__(self) -> str:
        key = [str(getattr(self.row, name)) for name in type(self.row).KEY] or [str(value) for value in _names(self.row)]
        return f"{self.table} line {self.row.line} ({', '.join(key)}) {self.column}"


def _names(row: Row) -> list[str]:
    """What a row without a key is called by: its own first two columns."""
    own = [name for name in type(row).__annotations__ if name in type(row).model_fields]
    return [str(getattr(row, name)) for name in own[:2]]


def cells(table: str) -> list[Cell]:
    """Every number of a table but those that only name its rows."""
    found = load().tables[table]
    columns = [name for name, field in type(found[0]).model_fields.items() if not field.exclude]
    columns = [name for name in columns if name not in type(found[0]).KEY]
    return [Cell(table, place, name) for name in columns for place, row in enumerate(found) if _numeric(table, row, name)]


def _numeric(table: str, row: Row, column: str) -> bool:
    value = getattr(row, column)
    if isinstance(value, str):
        return (table, column) in _AS_TEXT and _is_number(value) and getattr(row, "unit", "") not in {"text", "date"}
    return isinstance(value, int | float) and not isinstance(value, bool) and value != 0


def _is_number(text: str) -> bool:
    try:
        return float(text) != 0.0
    except ValueError:
        return False


def changed(cell: Cell) -> Row | None:
    """The row with the number a tenth more or, where that is not allowed, less; None where the row allows no change."""
    row = cell.row
    whole = row.model_dump(by_alias=True) | {"table": row.table, "line": row.line}
    name = type(row).model_fields[cell.column].alias or cell.column
    for factor in FACTORS:
        try:
            return type(row).model_validate(whole | {name: _times(cell, getattr(row, cell.column), factor)})
        except ValidationError:
            continue
    return None


def _times(cell: Cell, value: object, factor: float) -> object:
    number = float(str(value))
    if isinstance(value, str):
        counted = "." not in value and (
            cell.table.startswith("models") or "domain" in str(getattr(cell.row, "quantity", ""))
        )
        return f"{_whole(number, factor):.0f}" if counted else repr(number * factor)
    return int(_whole(number, factor)) if isinstance(value, int) else number * factor


def _whole(number: float, factor: float) -> float:
    """A count by a tenth more or less, and by one at least; of two things one, as of none more than two would be told."""
    if number == 2.0:
        return 1.0
    return number + (
        max(round(number * (factor - 1.0)), 1.0) if factor > 1.0 else min(round(number * (factor - 1.0)), -1.0)
    )


# --- a catalog with changed rows ------------------------------------------------------------------------------------------


def with_rows(base: Catalog, table: str, new: Mapping[int, Row]) -> Catalog:
    """The catalog with some rows of a table replaced, and all that is built from them built anew.

    Checks between tables are left out: what they refuse would not be seen to move anything.
    """
    listed = list(base.tables[table])
    for place, row in new.items():
        listed[place] = row
    tables = MappingProxyType({**base.tables, table: listed})
    found = replace(base, tables=tables)
    anew = _ANEW.get(table)
    return found if anew is None else anew(found, list(new.values()))


def _chips_anew(found: Catalog, _new: Sequence[Row]) -> Catalog:
    chips = loading._chips(found.rows("chip_specs", rows.ChipSpecRow))
    return replace(found, chips=chips, systems=loading._systems(found.rows("systems", rows.SystemRow), chips))


def _models_anew(found: Catalog, new: Sequence[Row]) -> Catalog:
    models: dict[str, Model] = dict(found.models)
    for name in {row.model for row in new if isinstance(row, rows.ModelRow)} & set(models):
        models[name] = build_model(name, {row.quantity: row for row in found.model_rows(name)})
    return _checkpoints_anew(replace(found, models=models), new)


def _formats_anew(found: Catalog, new: Sequence[Row]) -> Catalog:
    formats = loading._formats(found.rows("formats", rows.FormatRow))
    return _checkpoints_anew(replace(found, formats=formats), new)


def _checkpoints_anew(found: Catalog, _new: Sequence[Row]) -> Catalog:
    known = {**found.models, **found.not_modelled}
    stored = loading._checkpoints(found.rows("checkpoints", rows.CheckpointRow), found.formats, known, found.models)
    return replace(found, checkpoints=stored)


def _presets_anew(found: Catalog, _new: Sequence[Row]) -> Catalog:
    tables = ("presets", "presets_fitted")
    presets, defaults = loading._presets([row for table in tables for row in found.rows(table, rows.PresetRow)])
    return replace(found, presets=presets, defaults=defaults)


def _timings_anew(found: Catalog, new: Sequence[Row]) -> Catalog:
    """Of the chips whose laws changed; of all, where those of any did."""
    named = {row.chip for row in new if isinstance(row, rows.KernelTimeRow)}
    chips = found.chips if "any" in named else {name: found.chips[name] for name in named}
    laws = [row for row in found.rows("kernels", rows.KernelTimeRow) if row.chip in {*chips, "any"}]
    return replace(found, timings={**found.timings, **timings_of(laws, chips)})


_ANEW: Mapping[str, Callable[[Catalog, Sequence[Row]], Catalog]] = {
    "chip_specs": _chips_anew,
    "models": _models_anew,
    "models_added": _models_anew,
    "formats": _formats_anew,
    "presets": _presets_anew,
    "presets_fitted": _presets_anew,
    "kernels": _timings_anew,
}


@contextmanager
def standing(found: Catalog, folder: Path) -> Iterator[None]:
    """The catalog in the shipped one's place; `folder` is a new name for its folder, by which what is kept is told apart.

    Benchmark rows are not read anew: no table changes how they are.
    """
    folder.symlink_to(SHIPPED)
    with (
        standing_in(folder),
        mock.patch.object(loading, "_load", lambda _: found),
        mock.patch.object(runs, "_shipped_table", _of_shipped(runs._shipped_table)),
        mock.patch.object(agent_capacity, "_shipped", _of_shipped(agent_capacity._shipped)),
    ):
        yield
    folder.unlink()


def _of_shipped(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda path: read(SHIPPED / path.name)


def described(cell: Cell) -> Mapping[str, Any]:
    """Every cell of the row as text, by column."""
    named = {name: type(cell.row).model_fields[name].alias or name for name, _ in cell.row}
    return {named[name]: "" if value is None else str(value) for name, value in cell.row}


def fits(selector: Mapping[str, str], cell: Cell) -> bool:
    """Whether a row's columns are as said: one of several words between bars, a beginning and a star, `!` for all but."""
    told = described(cell)
    return all(_like(told[name], wanted) for name, wanted in selector.items())


def _like(value: str, wanted: str) -> bool:
    if wanted.startswith("!"):
        return not _like(value, wanted[1:])
    return any(value.startswith(one[:-1]) if one.endswith("*") else value == one for one in wanted.split("|"))
