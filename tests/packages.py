"""What is shipped, built as `make dist` does, and the files it is built of."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Built:
    """The two files that are shipped."""

    sdist: Path
    wheel: Path


def build(source: Path, into: Path, **environment: str) -> Built:
    """Build both from a folder; what the environment says of time counts only where it is given."""
    clean = {name: value for name, value in os.environ.items() if name not in {"SOURCE_DATE_EPOCH", "PYTHONPATH"}}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    subprocess.run(command, cwd=source, env=clean | environment, check=True, capture_output=True)
    return Built(next(into.glob("*.tar.gz")), next(into.glob("*.whl")))


def files() -> set[str]:
    """Every file that belongs to the repository: tracked, or new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}


def pins(requirements: str) -> dict[str, Requirement]:
    """Name -> what is pinned here, of a file of pinned requirements."""
    text = (ROOT / "requirements" / f"{requirements}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = [Requirement(line.partition(" --hash")[0].strip()) for line in text.splitlines() if not line.startswith("#")]
    return {each.name: each for each in found if each.marker is None or each.marker.evaluate()}
