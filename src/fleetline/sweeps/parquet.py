"""Columns -> the bytes of a Parquet file, and many such files -> one, by DuckDB.

One thread, fixed groups of rows and no time of day: the same columns give the same bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from fleetline.errors import InputError

GROUP_ROWS = 122_880  # rows of a Parquet row group
MEMORY = "1GB"  # that DuckDB may use to join files
_FORMAT = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"


@dataclass(frozen=True)
class Column:
    """Values of one type, NaN for none; or, where there are `words`, codes into them (an entry None stands for none)."""

    name: str
    values: npt.NDArray[Any]
    type: str
    words: tuple[Any, ...] | None = None


def texts(name: str, values: Sequence[str]) -> Column:
    """A column of few different texts; "" for none."""
    codes = {word: code for code, word in enumerate(dict.fromkeys(values))}
    coded = np.fromiter(map(codes.__getitem__, values), dtype=np.int32, count=len(values))
    return Column(name, coded, "VARCHAR", tuple(word or None for word in codes))


def encoded(columns: Sequence[Column]) -> bytes:
    """A Parquet file of these columns.

    Raises:
        InputError: the folder of temporary files cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="fleetline-") as folder, _told("temporary files"):
        path = Path(folder) / "piece.parquet"
        with _database() as database:
            database.register("given", {f"c{number}": column.values for number, column in enumerate(columns)})
            chosen = ", ".join(_expression(number, column) for number, column in enumerate(columns))
            database.execute(f"COPY (SELECT {chosen} FROM given) TO {literal(str(path))} {_FORMAT}")
        return path.read_bytes()


def join(parts: Sequence[Path], target: Path) -> None:
    """One Parquet file of the rows of all parts, in their order; `target` is written in place.

    Raises:
        InputError: the disk is full, the folder cannot be written, a part cannot be read.
    """
    listed = ", ".join(literal(str(path)) for path in parts)
    with _told(str(target.parent)), _database() as database:
        database.execute(f"COPY (SELECT * FROM read_parquet([{listed}])) TO {literal(str(target))} {_FORMAT}")


def rows_of(path: Path) -> int:
    """How many rows a Parquet file has, by its footer."""
    with _told(str(path)), _database() as database:
        found = database.execute(f"SELECT num_rows FROM parquet_file_metadata({literal(str(path))})").fetchone()
    return int(found[0]) if found else 0


def asked(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The answer to a query of ours over the table `results`, which is the file at `path`."""
    with _told(str(path)), _database() as database:
        database.execute(f"CREATE VIEW results AS SELECT * FROM read_parquet({literal(str(path))})")
        return list(database.execute(query).fetchall())


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _expression(number: int, column: Column) -> str:
    name = f'"{column.name}"'
    if column.words is None:
        value = f"c{number}" if column.values.dtype.kind in "ib" else f"nullif(c{number}, 'nan'::DOUBLE)"
        return f"CAST({value} AS {column.type}) AS {name}"
    listed = ", ".join(
        "NULL" if word is None else literal(word) if isinstance(word, str) else str(word) for word in column.words
    )
    return (
        f"CAST([{listed}] AS {column.type}[])[c{number} + 1] AS {name}"
        if listed
        else f"CAST(NULL AS {column.type}) AS {name}"
    )


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    database = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": MEMORY, "preserve_insertion_order": True})
    try:
        database.execute("SET enable_progress_bar = false")  # it would stand in the middle of what a command prints
        yield database
    finally:
        database.close()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """DuckDB's refusals to read or write, in one line."""
    try:
        yield
    except (duckdb.IOException, OSError) as error:
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{what}: {said}", field="out", got=what) from error
