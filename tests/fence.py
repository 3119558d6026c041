"""A fence around folders, for another environment: a process that reads below one ends at once, and it is written down.

It sees what Python opens, lists or enters, in every process there; not what a compiled library opens by itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BROKEN = 86  # the exit code: none of a command's own
READS = {"open", "os.listdir", "os.scandir", "os.chdir"}  # as Python's audit calls them
NAME = "fence_of_tests"


def fenced(site: Path, forbidden: Sequence[Path]) -> None:
    """Keep every process of the environment with this site-packages out of these folders."""
    (site / f"{NAME}.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (site / f"{NAME}.folders").write_text("\n".join(os.path.realpath(each) for each in forbidden), encoding="utf-8")
    (site / f"{NAME}.pth").write_text(f"import {NAME}; {NAME}.watch()\n", encoding="utf-8")  # what every Python runs there


def told(site: Path) -> list[str]:
    """What was read and must not be, since it was last asked."""
    path = site / f"{NAME}.told"
    found = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def watch() -> None:
    """Begin, in a process of that environment; no `except` there can hold it, nor a worker end unseen."""
    site = Path(__file__).parent
    forbidden = tuple(f"{each}{os.sep}" for each in (site / f"{NAME}.folders").read_text(encoding="utf-8").splitlines())

    def look(event: str, about: tuple[Any, ...]) -> None:
        if event not in READS or not isinstance(about[0], str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(about[0]))
        if f"{path}{os.sep}".startswith(forbidden):
            line = f"{event} {path}\n".encode()
            os.write(os.open(site / f"{NAME}.told", os.O_WRONLY | os.O_CREAT | os.O_APPEND), line)
            os.write(2, line)
            os._exit(BROKEN)

    sys.addaudithook(look)
