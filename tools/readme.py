"""Run the examples of pages and write their real output into them: `make pictures`.

    python tools/readme.py README.md docs/agents.md

A `console` block holds commands behind "$ "; what follows each is what it prints on a terminal. A `python` block is run,
and what it prints is the `text` block after it. A block with a title is a file: it stands, with all others of its page, in
the empty folder that the page's examples run in.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TERMINAL = {"TERM": "xterm", "NO_COLOR": "1"}
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # bold, italics, cursor moves: nothing a page can show
FILES = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.DOTALL | re.MULTILINE)


def filled(page: str) -> str:
    """The page with the output of every example as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.findall(page):
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        page = re.sub(
            r"```console\n(.*?)```",
            lambda block: f"```console\n{_console(block[1], folder)}```",
            page,
            flags=re.DOTALL,
        )
        return re.sub(
            r"```python\n((?:(?!```).)*?)```\n\n```text\n.*?```",
            lambda block: f"```python\n{block[1]}```\n\n```text\n{_python(block[1], folder)}```",
            page,
            flags=re.DOTALL,
        )


def in_terminal(command: list[str], columns: int = 116, folder: str | None = None) -> tuple[int, str]:
    """Exit code and what a command shows in a terminal of so many columns."""
    ours, theirs = pty.openpty()
    shown = b""
    environment = {**_environment(folder), **TERMINAL, "COLUMNS": str(columns)}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder) as process:  # noqa: S603
        os.close(theirs)
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    return process.returncode, STYLES.sub("", shown.decode()).replace("\r\n", "\n")


def _environment(folder: str | None) -> dict[str, str]:
    """The commands of this Python first; what they keep is kept in the page's folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    kept = {} if folder is None else {"XDG_DATA_HOME": folder}
    return {**os.environ, "PATH": path, **kept}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's way of saying that the other end of a terminal is closed
        return b""


def _console(block: str, folder: str) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_shown(command[2:], folder)}" for command in commands)


def _shown(command: str, folder: str) -> str:
    code, shown = in_terminal(["bash", "-c", command], folder=folder)
    if code:
        raise ValueError(f"{command} ended with {code}: {shown}")
    return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines()).rstrip() + "\n"


def _python(code: str, folder: str) -> str:
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=_environment(folder))  # noqa: S603, PLW1510
    if ran.returncode:
        raise ValueError(f"an example ended with {ran.stderr}")
    return ran.stdout


if __name__ == "__main__":
    for target in map(Path, sys.argv[1:]):
        target.write_text(filled(target.read_text(encoding="utf-8")), encoding="utf-8")
