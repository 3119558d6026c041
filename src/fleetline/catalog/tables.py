"""Table files -> checked rows. Every complaint names file, line and column."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from fleetline.catalog.rows import Row
from fleetline.errors import InputError, read_text, unknown_name

RowType = TypeVar("RowType", bound=Row)

# Another folder of tables may stand in for the shipped one: a researcher's copy with changed numbers, or a test's.
DATA_VARIABLE = "FLEETLINE_CATALOG"
_SHIPPED = Path(__file__).parent / "data"


def data_folder() -> Path:
    """The folder the catalog's tables are read from.

    Raises:
        InputError: the one that stands in is none.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen and not os.path.isdir(chosen):  # noqa: PTH112  (Path.is_dir raises where a folder above may not be entered)
        allowed = "a folder with the catalog's tables, or unset for the shipped ones"
        raise InputError(
            f"{DATA_VARIABLE}: got '{chosen}', which is no folder, allowed {allowed}",
            field=DATA_VARIABLE,
            got=chosen,
            allowed=allowed,
        )
    return Path(chosen) if chosen else _SHIPPED


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Read the catalog's tables from another folder for a while."""
    before = os.environ.get(DATA_VARIABLE)
    os.environ[DATA_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[DATA_VARIABLE]
        else:
            os.environ[DATA_VARIABLE] = before


def table_path(name: str) -> Path:
    """Where the table `name` ("chip_specs.csv", "benchmarks.parquet") stands."""
    return data_folder() / name


def digest(paths: Iterable[Path]) -> str:
    """Twelve hexadecimal digits of SHA-256 over some files, by which what was made from them tells whether they changed."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def read_rows(name: str, row_type: type[RowType]) -> list[RowType]:
    """All rows of a table.

    Raises:
        InputError: no such file, a missing or unknown column, a row of another length, a cell its column does not allow.
    """
    path = table_path(f"{name}.csv")
    lines = csv.reader(io.StringIO(read_text(path, "catalog table")), strict=True)
    try:
        header = next(lines, [])
        _check_header(path, header, row_type)
        rows = [_row(path, lines.line_num, header, cells, row_type) for cells in lines]
    except csv.Error as error:
        raise InputError(f"{path.name} line {lines.line_num}: {error}", field=path.name) from error
    if not rows:
        raise InputError(f"{path.name}: no rows", field=path.name)
    _check_keys(rows)
    return rows


def fault(row: Row, column: str, text: str) -> InputError:
    """What is wrong with a cell that only other rows can show, with its place."""
    where = f"{row.table}.csv line {row.line}, column {column}"
    return InputError(f"{where}: {text}", field=f"{row.table}.csv:{row.line}", got=str(getattr(row, column)))


def _check_keys(rows: Sequence[Row]) -> None:
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        key = tuple(getattr(row, column) for column in row.KEY)
        if key and key in seen:
            raise fault(row, row.KEY[-1], f"two rows of {', '.join(str(part) for part in key)}")
        seen.add(key)


def _check_header(path: Path, header: Sequence[str], row_type: type[Row]) -> None:
    fields = {field.alias or name: field for name, field in row_type.model_fields.items() if not field.exclude}
    columns = {name: field.is_required() for name, field in fields.items()}
    for column in header:
        if column not in columns:
            raise unknown_name(f"column of {path.name}", column, columns)
    repeated = {column for column in header if header.count(column) > 1}
    missing = [column for column, required in columns.items() if required and column not in header]
    if repeated or missing:
        fault = f"column {min(repeated)} stands twice" if repeated else f"column {missing[0]} is missing"
        raise InputError(f"{path.name} line 1: {fault}", field=path.name, got=list(header), allowed=list(columns))


def _row(path: Path, line: int, header: Sequence[str], cells: Sequence[str], row_type: type[RowType]) -> RowType:
    if len(cells) != len(header):
        raise InputError(f"{path.name} line {line}: {len(cells)} cells, the header has {len(header)}", field=path.name)
    given = {column: cell for column, cell in zip(header, cells, strict=True) if cell.strip()}
    try:
        return row_type.model_validate(given | {"table": path.stem, "line": line})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # a check over several columns has no place of its own; its message begins with the column
        column = str(first["loc"][0]) if first["loc"] else ""
        cell = given.get(column, "") if column else ""
        reason = "the cell is empty" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        where = f"{path.name} line {line}" + (f", column {column}: got '{cell}'" if column else ", column ")
        message = f"{where}; {reason}" if column else where + reason
        raise InputError(message, field=f"{path.name}:{line}", got=cell, allowed=reason) from error
