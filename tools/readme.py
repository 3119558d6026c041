"""Run the examples of pages and write their real output into them: `make pictures`.

    python tools/readme.py README.md docs/agents.md

A `console` block holds commands behind "$ "; what follows each is what it prints on a terminal. A `python` block is run,
and what it prints is the `text` block after it.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

TERMINAL = {"TERM": "xterm", "NO_COLOR": "1"}
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # bold, italics, cursor moves: nothing a page can show


def filled(page: str) -> str:
    """The page with the output of every example as it is now."""
    page = re.sub(r"```console\n(.*?)```", lambda block: f"```console\n{_console(block[1])}```", page, flags=re.DOTALL)
    return re.sub(
        r"```python\n(.*?)```\n\n```text\n.*?```",
        lambda block: f"```python\n{block[1]}```\n\n```text\n{_python(block[1])}```",
        page,
        flags=re.DOTALL,
    )


def in_terminal(command: list[str], columns: int = 116) -> tuple[int, str]:
    """Exit code and what a command shows in a terminal of so many columns."""
    ours, theirs = pty.openpty()
    shown = b""
    environment = {**os.environ, **TERMINAL, "COLUMNS": str(columns)}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:  # noqa: S603
        os.close(theirs)
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    return process.returncode, STYLES.sub("", shown.decode()).replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way of saying that the other end of a terminal is closed
        return b""


def _console(block: str) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_shown(command[2:].split())}" for command in commands)


def _shown(words: list[str]) -> str:
    if words[0] != "fleetline":
        raise ValueError(f"an example must be a fleetline command, not {words[0]}")
    code, shown = in_terminal([sys.executable, "-m", *words])
    if code:
        raise ValueError(f"{' '.join(words)} ended with {code}: {shown}")
    return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines()).rstrip() + "\n"


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603


if __name__ == "__main__":
    for target in map(Path, sys.argv[1:]):
        target.write_text(filled(target.read_text(encoding="utf-8")), encoding="utf-8")
