"""Files that are whole or not there: everything is written beside the old output, then moved over it, all or nothing."""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleetline.errors import InputError


def replace_all(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write `files` (path inside `folder` -> content): at the end every one of them stands, or all that stood before.

    Raises:
        InputError: the folder, or a file in it, cannot be written.
    """
    check_folder(folder)
    for name in files:
        if name in {"", "."} or ((folder / name).exists() and not (folder / name).is_file()):
            said = f"out: cannot write to {folder / name}: it is no file"
            raise InputError(said, field="out", got=str(folder / name), allowed="a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".fleetline-", dir=folder))
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        for name, content in files.items():
            (staging / "new" / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / "new" / name).write_bytes(content)
        with _uninterrupted():
            _move_in(staging, folder, list(files))
    except OSError as error:
        raise _refused(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return [folder / name for name in files]


def check_folder(folder: Path) -> None:
    """Refuse an output folder that is none, before anything is worked on."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: cannot write to {folder}: it is a file", field="out", got=str(folder), allowed="a folder")


def _move_in(staging: Path, folder: Path, names: list[str]) -> None:
    """Move every new file to its place, and everything back where one cannot be."""
    moved: list[str] = []
    try:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).exists():
                (staging / "old" / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).replace(staging / "old" / name)
            moved.append(name)
            (staging / "new" / name).replace(folder / name)
    except OSError:
        for name in moved:
            (folder / name).unlink(missing_ok=True)  # new, and not there before
            with contextlib.suppress(FileNotFoundError):
                (staging / "old" / name).replace(folder / name)
        raise


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep signals waiting for the few milliseconds that the moves take."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _refused(folder: Path, error: OSError) -> InputError:
    return InputError(f"out: cannot write to {folder}: {error.strerror or error}", field="out", got=str(folder))


def table_csv(rows: list[dict[str, Any]]) -> bytes:
    """A table as CSV, its columns in the order of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
