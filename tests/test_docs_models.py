"""docs/models.md: its commands and its Python run, and it names every family."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fleetline.catalog.huggingface import FAMILIES
from fleetline.catalog.quantization import METHODS

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the page's config.json, and a `fleetline` that is this one."""
    command = tmp_path / "bin" / "fleetline"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fleetline "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_DATA_HOME": str(folder / "data")}
    return subprocess.run(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, check=True).stdout


def test_the_commands_and_the_python_of_the_page_run(folder: Path) -> None:
    shown = run(folder, "sh", "-e", "-c", block("sh"))
    assert shown.count('"throughput_tok_s"') == 2
    assert '"total_parameters": 305' in shown  # Qwen3-30B-A3B, whose fields these are: 30.5B (model card)
    run(folder, sys.executable, "-c", block("python"))


def test_the_page_names_every_family_and_method() -> None:
    named = set(re.findall(r"`([a-z0-9_.-]+)`", PAGE))
    # the text model's own name of a family with images means the same
    assert {name for name in FAMILIES if name.removesuffix("_text").removesuffix("_vl") not in named} - named == set()
    assert set(METHODS) - {"modelopt_fp4", "modelopt_mixed"} <= named
