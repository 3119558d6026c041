"""An imported model as rows for the catalog's own tables: to be looked at, and put at the end of them."""

from __future__ import annotations

import csv
import datetime
import errno
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetline import files
from fleetline.catalog.imported import Imported
from fleetline.catalog.load import load, table_path
from fleetline.catalog.rows import CheckpointRow, Row
from fleetline.errors import InputError, read_text

_LICENCE = "facts from model configuration files"


def write_rows(imported: Imported, folder: Path, source: str | None) -> list[Path]:
    """Rows of `models_added` and, where the file says formats that the catalog has, of `checkpoints`; no headers.

    Raises:
        InputError: no source; a folder that cannot be written, or files that are there.
    """
    if not source or not source.strip():
        raise InputError("source: missing; rows of the catalog need one, such as the file's address", field="source")
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    facts = [row.model_copy(update={"source": source, "retrieved": day, "licence": _LICENCE}) for row in imported.rows]
    tables: Mapping[str, Sequence[Row]] = {"models_added": facts, "checkpoints": _checkpoint(imported, source, day)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / f"{name}.csv", rows) for name, rows in tables.items() if rows]
    except OSError as error:
        raise InputError(f"rows: cannot write in {folder}: {error.strerror}", field="rows", got=str(folder)) from error


def _checkpoint(imported: Imported, source: str, day: str) -> list[CheckpointRow]:
    """One row a part; none where a part's matrices differ, which no single format says."""
    found, name = imported.checkpoint, imported.model.name
    if found is None:
        return []
    stored = {part.name: found.formats[part.name].name for part in imported.model.parts}
    stored["kv_cache"] = found.kv_cache.name
    if not set(stored.values()) <= set(load().formats):
        return []
    same = {"table": "checkpoints", "checkpoint": f"{name}-{found.label}", "model": name, "label": found.label}
    said = {"status": "documented", "source": source, "retrieved": day}
    return [CheckpointRow.model_validate({**same, **said, "part": part, "format": each}) for part, each in stored.items()]


def _write(path: Path, rows: Sequence[Row]) -> Path:
    """The rows in the columns of the table they are for; a file that is there stays."""
    columns = next(csv.reader(read_text(table_path(path.name), "catalog table").splitlines()))
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    text = io.StringIO()
    cells = [[getattr(row, column) for column in columns] for row in rows]  # csv writes None as nothing
    csv.writer(text, lineterminator="\n").writerows(cells)
    files.write(path, text.getvalue().encode())
    return path
