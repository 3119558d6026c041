"""Files that are whole or not there: a new one is written beside the old, and takes its place once all of it stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fleetline.errors import InputError

LEFT = ".*.fleetline-tmp"  # what only a process that was killed leaves, beside what it was to be


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; at the end its content stands at `path`, and on the disk. Raises OSError.

    Where anything fails, `path` stays as it was and the new file is removed.
    """
    # with the process in its name, so that two that write to one place do not write into each other
    new = path.with_name(f".{path.name[:200]}.{os.getpid()}.fleetline-tmp")
    try:
        yield new
        _settle(new, path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _settle(new: Path, path: Path) -> None:
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)
    with suppress(OSError):  # some systems open no folders; the file is whole all the same
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write(path: Path, content: bytes) -> None:
    """A file, whole or not at all, even where the power goes; raises OSError."""
    with replacing(path) as new:
        new.write_bytes(content)


def write_out(path: Path, content: bytes) -> None:
    """What a command was told to write, with its folder if that is missing.

    Raises:
        InputError: it cannot be written, or is something else than a file.
    """
    try:
        if path.exists() and not path.is_file():
            raise _refused(path, "it is no file")
        if path.parent.exists() and not path.parent.is_dir():
            raise _refused(path.parent, "it is a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _refused(path, str(getattr(error, "strerror", None) or error)) from error


def _refused(path: Path, reason: str) -> InputError:
    return InputError(f"out: cannot write to {path}: {reason}", field="out", got=str(path), allowed="a file")
