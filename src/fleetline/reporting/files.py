"""Files that are whole or not there: everything is written beside the old output, then moved over it."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetline.errors import InputError


def replace_all(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write `files` (path inside `folder` -> content), each whole, after all of them are safely on the same disk.

    Raises:
        InputError: the folder, or a file in it, cannot be written; nothing of the old output is lost then.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".fleetline-", dir=folder))
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        for name, content in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(content)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(folder / name)
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [folder / name for name in files]


def _refused(folder: Path, error: OSError) -> InputError:
    return InputError(f"out: cannot write to {folder}: {error.strerror or error}", field="out", got=str(folder))


def table_csv(rows: list[dict[str, Any]]) -> bytes:
    """A table as CSV, its columns in the order of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
