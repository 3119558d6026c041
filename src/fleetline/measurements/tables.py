"""CSV and Parquet files -> their column names and their rows, one by one; a broken row is a Fault in its place."""

from __future__ import annotations

import csv
import glob
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from fleetline.errors import InputError
from fleetline.measurements.fields import Fault, shown

if TYPE_CHECKING:
    import duckdb

Row = tuple[int, Mapping[str, object] | Fault]

# A quoted cell may hold line breaks, but a quote that is never closed must not swallow the file.
LINES_OF_A_ROW = 20
MOST_ROWS = 1_000_000  # of a file; all rows of the sources take some ten thousand
MOST_LETTERS = 1_000_000  # of a line: one that does not end must not fill the memory
PARQUET_ROWS_AT_ONCE = 1_000
# A Parquet file of some kB can hold any number of long texts: they are cut here, and none that means something is so long.
PARQUET_LETTERS = 10_000
PARQUET_MEMORY = "1GB"


class CsvTable:
    """A CSV file read as a stream: `columns` first, then the rows with the line each begins at."""

    def __init__(self, stream: TextIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._waiting: deque[str] = deque()
        self._line = 0
        self.columns = self._header()

    def rows(self) -> Iterator[Row]:
        """Each row by column names; lines without a character are no rows.

        Raises:
            InputError: a part of the file is not UTF-8.
        """
        while text := self._next():
            self._line += 1
            line = self._line
            if text.strip():
                yield line, self._row(text)

    def _header(self) -> list[str]:
        text = self._next()
        while text and not text.strip():
            self._line += 1
            text = self._next()
        self._line += 1
        cells = _cells([text]) if text else []
        if isinstance(cells, Fault):
            raise InputError(f"{self._path} line {self._line}: {cells}", field=str(self._path))
        return [cell.strip() for cell in cells]

    def _row(self, first: str) -> Mapping[str, object] | Fault:
        cells = _cells([first]) if first.count('"') % 2 == 0 else self._over_lines(first)
        if isinstance(cells, Fault):
            return cells
        if len(cells) != len(self.columns):
            return Fault(f"{len(cells)} cells, the header has {len(self.columns)}")
        return {name: cell for name, cell in zip(self.columns, cells, strict=True) if cell}

    def _over_lines(self, first: str) -> list[str] | Fault:
        """The cells of a row with a quote left open on its first line; the lines after it are put back if that fails."""
        lines = [first]
        while sum(line.count('"') for line in lines) % 2 and len(lines) < LINES_OF_A_ROW and (more := self._next()):
            lines.append(more)
        cells = _cells(lines)
        if isinstance(cells, Fault) or len(cells) != len(self.columns):
            self._waiting.extendleft(reversed(lines[1:]))
            return Fault("a quoted cell does not end")
        self._line += len(lines) - 1
        return cells

    def _next(self) -> str:
        if self._waiting:
            return self._waiting.popleft()
        try:
            text = self._stream.readline(MOST_LETTERS)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._path}: not UTF-8 text ({error.reason}, after line {self._line})", field=str(self._path)
            ) from error
        if len(text) == MOST_LETTERS:
            said = f"a line longer than the {MOST_LETTERS:,} letters allowed, after line {self._line}"
            raise InputError(f"{self._path}: {said}", field=str(self._path))
        return text


def _cells(lines: Sequence[str]) -> list[str] | Fault:
    try:
        return next(csv.reader(lines, strict=True), [])
    except csv.Error as error:
        return Fault(f"not CSV: {error}")


def parquet(path: Path) -> tuple[list[str], Iterator[Row]]:
    """The columns and the rows of a Parquet file, rows counted from 1; what is neither number nor text is read as text.

    Raises:
        InputError: it is none, or it is broken.
    """
    import duckdb  # noqa: PLC0415  (heavy, and only Parquet needs it)

    try:
        with _database() as database:
            types = {str(row[0]): str(row[1]) for row in _relation(database, path, "DESCRIBE SELECT *").fetchall()}
            ((rows,),) = _relation(database, path, "SELECT count(*)").fetchall()
    except duckdb.Error as error:
        raise _broken(path, error) from error
    if rows > MOST_ROWS:  # some bytes can stand for any number of them
        raise too_many(path)
    return list(types), _parquet_rows(path, types)


def too_many(path: Path) -> InputError:
    """The refusal of more rows than are read."""
    return InputError(f"{path}: more than the {MOST_ROWS:,} rows allowed", field=str(path), allowed=MOST_ROWS)


def _parquet_rows(path: Path, types: Mapping[str, str]) -> Iterator[Row]:
    import duckdb  # noqa: PLC0415

    chosen = ", ".join(map(_cut, types, types.values()))
    try:
        with _database() as database:
            relation = _relation(database, path, f"SELECT {chosen}")
            line = 0
            while rows := relation.fetchmany(PARQUET_ROWS_AT_ONCE):
                for row in rows:
                    line += 1
                    yield line, _short(dict(zip(types, row, strict=True)))
    except duckdb.Error as error:
        raise _broken(path, error) from error


def _cut(name: str, kind: str) -> str:
    """A column as it is selected; texts no longer than it takes to see that they are too long."""
    quoted = '"' + name.replace('"', '""') + '"'
    plain = kind in _PLAIN or kind.startswith(("DECIMAL", "TIMESTAMP"))
    return quoted if plain else f"left({quoted}::VARCHAR, {PARQUET_LETTERS + 1})"


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_PLAIN = frozenset(("BOOLEAN", "DATE", "FLOAT", "DOUBLE", *_INTEGERS, *(f"U{name}" for name in _INTEGERS)))


def _short(row: dict[str, object]) -> Mapping[str, object] | Fault:
    for name, value in row.items():
        if isinstance(value, str) and len(value) > PARQUET_LETTERS:
            return Fault(f"{shown(name)}: longer than {PARQUET_LETTERS:,} letters")
    return row


def _database() -> closing[duckdb.DuckDBPyConnection]:
    """A database that takes some memory and no disk, and fetches nothing by itself."""
    import duckdb  # noqa: PLC0415

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": PARQUET_MEMORY,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    database = duckdb.connect(":memory:", config=config)
    database.execute("SET enable_progress_bar = false")
    return closing(database)


def _relation(database: duckdb.DuckDBPyConnection, path: Path, chosen: str) -> duckdb.DuckDBPyConnection:
    # the path is a pattern to DuckDB, and a folder called a=b would become a column
    query = f"{chosen} FROM read_parquet(?, hive_partitioning = false)"
    return database.execute(query, [glob.escape(str(path))])


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a sound Parquet file ({str(error).splitlines()[0]})", field=str(path))
