"""Digests of what a table of rates was made with, by which a table that is out of date is known.

A row of a chip or a model that no rate of the table is of, and no benchmark ran, can have moved none of them and is left
out. So a chip or a model that is added leaves the table in use, and only its own rates are found on the spot.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from fleetline.catalog import load, table_path
from fleetline.catalog.rows import BenchmarkModelRow, HardwareRow
from fleetline.errors import read_text

# the column of a table by which its rows are of a chip, a system or a model; every row of other tables counts
_OF: Mapping[str, str] = MappingProxyType(
    {
        **{"chip_specs": "chip", "kernels": "chip", "systems": "system"},
        **{"models": "model", "models_added": "model", "checkpoints": "model"},
    }
)
_ANY = "any"  # kernels of a chip that has none of its own


@dataclass(frozen=True)
class Names:
    """The chips, systems and models that rates are of."""

    chip: frozenset[str]
    system: frozenset[str]
    model: frozenset[str]


def names(asked: Iterable[tuple[str, str]]) -> Names:
    """Those of rates of a (model, system) each, and of all benchmark rows."""
    catalog, pairs = load(), list(asked)
    ran = {row.system for row in catalog.rows("hardware", HardwareRow)}
    systems = {system for _, system in pairs} | ran
    known = {row.model for row in catalog.rows("benchmark_models", BenchmarkModelRow)}
    return Names(
        frozenset({catalog.systems[each].chip.name for each in systems if each in catalog.systems} | {_ANY}),
        frozenset(systems),
        frozenset({model for model, _ in pairs} | known),
    )


def of_tables(tables: Sequence[str], of: Names, more: Sequence[Path] = ()) -> str:
    """Of the rows of tables that may have moved a rate, and of whole files."""
    parts = [_rows(table, of) if table in _OF else table_path(f"{table}.csv").read_bytes() for table in tables]
    return hashlib.sha256(b"".join([*parts, *(path.read_bytes() for path in more)])).hexdigest()[:12]


def _rows(table: str, of: Names) -> bytes:
    path, column = table_path(f"{table}.csv"), _OF[table]
    header, *rows = csv.reader(read_text(path, "catalog table").splitlines(), strict=True)
    place, counted = header.index(column), getattr(of, column)
    return repr([header, *(row for row in rows if row[place] in counted)]).encode()
