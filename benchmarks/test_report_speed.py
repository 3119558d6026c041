"""How long the whole study takes by worlds, as a command, and how much memory: `make bench-report`, many minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("draws", [1000, 10_000, 100_000, 1_000_000])
def test_a_report(benchmark: Any, tmp_path: Path, draws: int) -> None:
    peaks: list[float] = []

    def run() -> None:
        command = [sys.executable, "-m", "fleetline", "report", "--draws", str(draws), "--out", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(used.ru_maxrss / 1e6)  # of kB: GB

    benchmark.pedantic(run, rounds=1)
    about = {"table": "growth", "what": "a report by draws, from the shell", "points": draws, "peak_gb": max(peaks)}
    benchmark.extra_info.update(about)
