"""A cluster that goes away: told in words, nothing finished lost. (What a whole one answers: test_workers.py.)"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from sweep_scale import dask
from sweeping import GRID

from fleetline.errors import InputError
from fleetline.sweeps import cluster as module
from fleetline.sweeps.pieces import Piece
from fleetline.sweeps.sweep import Progress, sweep


@pytest.mark.long
def test_a_scheduler_that_is_killed_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with dask(1) as (address, (scheduler, _)):

        def kill(now: Progress) -> None:
            if now.chunks_done == 2:
                scheduler.kill()

        with pytest.raises(InputError, match="connection was lost; finished chunks stay, --resume goes on"):
            sweep(GRID, tmp_path / "out", scheduler=address, progress=kill)
    assert 2 <= len(list((tmp_path / "out" / "chunks").iterdir())) < 15
    assert capfd.readouterr().err == ""  # none of Dask's own words


@pytest.mark.long
def test_a_cluster_without_workers_says_so_and_goes_on_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_S", 0.2)
    said: list[str] = []
    started: list[psutil.Popen] = []
    with dask(1) as (address, (_, worker)):
        again = worker.cmdline()

        def kill(now: Progress) -> None:
            if now.chunks_done == 2:
                worker.kill()

        def say(words: str) -> None:
            said.append(words)
            if "no worker is left" in words:
                started.append(psutil.Popen(again, cwd=tmp_path))

        try:
            sweep(GRID, tmp_path / "out", scheduler=address, progress=kill, say=say)
        finally:
            for each in started:
                each.kill()
                each.wait()
    assert len(started) == 1
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_without_the_extra_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"^scheduler: needs the extra 'cluster'; .* pip install 'fleetline\[cluster\]'$"):
        sweep(GRID, tmp_path / "out", scheduler="tcp://127.0.0.1:8786")
    assert not (tmp_path / "out").exists()


def test_a_worker_with_another_fleetline_is_refused() -> None:
    ours, theirs = "fleetline 0.2.0, numpy 2.4.6", "fleetline 0.1.0, numpy 2.4.6"
    module._same(Piece(0, b"", b"", ours), ours, "tcp://127.0.0.1:8786")
    with pytest.raises(InputError, match=r"a worker has fleetline 0\.1\.0.*install the same on both"):
        module._same(Piece(0, b"", b"", theirs), ours, "tcp://127.0.0.1:8786")
