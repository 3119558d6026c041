"""A peer's own environment, and its answers: asked once, kept under out/peers/."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from peers.question import Question

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Tool:
    """A peer as a package: `requirement` is its pinned line, `module` what answers inside its environment."""

    name: str
    module: str

    @property
    def requirement(self) -> str:
        """Name and version."""
        return (HERE / "requirements" / f"{self.name}.in").read_text(encoding="utf-8").strip()

    def folder(self, out: Path) -> Path:
        """Where its environment and answers are; another version has another place."""
        return out / self.requirement.replace("==", "-")


@dataclass(frozen=True)
class Answer:
    """Predicted TPOT and TTFT [s], NaN with the peer's reason where it gives none."""

    tpot_s: float
    ttft_s: float
    reason: str


def answers(tool: Tool, questions: Iterable[Question], out: Path, step: Callable[[int], None]) -> Mapping[str, Answer]:
    """Every question's answer by its key; those kept from before are not asked again.

    Args:
        tool: whom to ask.
        questions: what to ask; repeated ones are asked once.
        out: folder of environments and answers.
        step: told how many are answered after each.
    """
    folder = tool.folder(out)
    python = _environment(tool, folder)
    asked = {each.key: each for each in questions}
    path, kept = folder / "questions.jsonl", folder / "answers.csv"
    ordered = sorted(asked.values(), key=lambda each: each.text)
    lines = [json.dumps({"key": each.key, "arguments": dict(each.arguments)}) for each in ordered]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [str(python), "-m", tool.module, str(path), str(kept)]
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=_variables())
        _count(running, set(asked), step)
    if running.wait():
        raise RuntimeError(f"{tool.requirement} stopped; its last words are in {folder / 'log.txt'}")
    return _read(kept)


def run(tool: Tool, out: Path, module: str, *arguments: Path) -> None:
    """Run another of our modules inside a tool's environment."""
    command = [str(_environment(tool, tool.folder(out))), "-m", module, *map(str, arguments)]
    with (tool.folder(out) / "log.txt").open("a", encoding="utf-8") as log:
        subprocess.run(command, check=True, stderr=log, env=_variables())


def _variables() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(HERE.parent), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _count(running: subprocess.Popen[str], keys: set[str], step: Callable[[int], None]) -> None:
    assert running.stdout is not None
    done = 0
    for line in running.stdout:
        if line.strip() in keys:  # the tools print on their own account too
            done += 1
            step(done)


def _environment(tool: Tool, folder: Path) -> Path:
    """The Python of the tool's environment, made with its pinned requirements where there is none yet."""
    python, stamp = folder / "venv" / "bin" / "python", folder / "venv" / "whole"
    pinned = HERE / "requirements" / f"{tool.name}.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != pinned.read_text(encoding="utf-8"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(pinned)]
        subprocess.run([str(python), *install], check=True)
        stamp.write_text(pinned.read_text(encoding="utf-8"), encoding="utf-8")
    return python


def _read(path: Path) -> Mapping[str, Answer]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Answer(float(row["tpot_s"] or "nan"), float(row["ttft_s"] or "nan"), row["reason"])
            for row in csv.DictReader(file)
        }
