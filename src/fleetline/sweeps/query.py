"""`query`: questions in SQL to what a sweep wrote, read only."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from fleetline import inputs
from fleetline.errors import InputError, unknown_name
from fleetline.sweeps.folder import DRAWS, RESULTS
from fleetline.sweeps.parquet import literal


@dataclass(frozen=True)
class Answer:
    """The answer to a query: names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """Each row by its columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(folder: str | Path, sql: str) -> Answer:
    """The answer to one SELECT (DuckDB's SQL) over the table `results` of a sweep, and `draws` if it kept them.

    Nothing else can be read, and nothing written; it may take 10 minutes, 4 GB and answer with a million rows.

    Raises:
        InputError: no sweep there; no single SELECT; a table or column that is not there (with the nearest one); any other
            mistake in the query, in the words of the database.
    """
    path, asked = Path(inputs.text("folder", folder)), inputs.text("sql", sql)
    tables = {name.removesuffix(".parquet"): path / name for name in (RESULTS, DRAWS) if (path / name).is_file()}
    if "results" not in tables:
        raise InputError(f"{path}: has no {RESULTS}; `fleetline sweep` writes one", field="folder", got=str(path))
    with _opened(tables) as (database, columns), _told(columns, list(tables)), _limited(database):
        _only_select(database, asked)
        found = database.execute(asked)
        rows = found.fetchmany(MOST_ROWS + 1)
        if len(rows) > MOST_ROWS:
            said = f"sql: more than {MOST_ROWS:,} rows as an answer; aggregate, or say limit"
            raise InputError(said, field="sql", allowed=MOST_ROWS)
        return Answer(tuple(each[0] for each in found.description or ()), tuple(tuple(map(_plain, row)) for row in rows))


MOST_ROWS = 1_000_000  # of an answer
MOST_SECONDS = 600.0  # that a query may take
MEMORY = "4GB"  # that the database may take


@contextmanager
def _limited(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Stop what takes too long: a query of a line can ask for any amount of work."""
    timer = threading.Timer(MOST_SECONDS, database.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        said = f"sql: longer than {MOST_SECONDS:g} seconds"
        raise InputError(said, field="sql", allowed=MOST_SECONDS) from error
    finally:
        timer.cancel()


def _plain(value: Any) -> Any:
    """As programs read it: decimals as numbers, days and the like as text."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


@contextmanager
def _opened(tables: dict[str, Path]) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """A database that can read these files and nothing else, and the names of their columns."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "memory_limit": MEMORY,
        "temp_directory": "",  # what does not fit is refused: nothing is written
    }
    database = duckdb.connect(":memory:", config=config)
    try:
        listed = ", ".join(literal(str(path.resolve())) for path in tables.values())
        database.execute(f"SET allowed_paths = [{listed}]")
        with _told([], []):
            for name, path in tables.items():
                database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({literal(str(path.resolve()))})")
            found = database.execute("SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
        database.execute("SET enable_external_access = false")
        database.execute("SET enable_progress_bar = false")
        database.execute("SET lock_configuration = true")
        yield database, [name for (name,) in found]
    finally:
        database.close()


def _only_select(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(each.type.name for each in statements) or "nothing"
        raise InputError(f"sql: got {kinds}, allowed one SELECT", field="sql", got=kinds, allowed="one SELECT")


@contextmanager
def _told(columns: list[str], tables: list[str]) -> Iterator[None]:
    """The database's refusals in one line, with the nearest name where one is not known."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error)
        column = re.search(r'(?:Referenced column|column named) "([^"]*)"', said)
        table = re.search(r"Table with name (\S+) does not exist", said)
        if column:
            raise unknown_name("column", column[1], columns, field="sql") from error
        if table:
            raise unknown_name("table", table[1].strip('"!'), tables, field="sql") from error
        raise InputError(f"sql: {said.splitlines()[0]}", field="sql") from error
