"""One worker, two, a cluster, workers that die and a sweep that is killed: the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import psutil
import pytest
from sweeping import GRID, content, started, toml

from fleetline.errors import InputError
from fleetline.sweeps import local
from fleetline.sweeps.sweep import Progress, sweep

PATIENCE_S = 60.0


def until(true: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def chunks(out: Path) -> int:
    folder = out / "chunks"
    return len(list(folder.glob("0*.parquet"))) if folder.exists() else 0


def pool_of(owner: int) -> list[psutil.Process]:
    """The worker processes of a sweep."""
    return [child for child in psutil.Process(owner).children() if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    out = tmp_path_factory.mktemp("sweeps") / "alone"
    sweep(GRID, out)
    return content(out)


def test_two_workers_and_one_that_is_killed(tmp_path: Path, alone: list[bytes]) -> None:
    said: list[str] = []

    def kill_one(now: Progress) -> None:
        if now.chunks_done == 3:
            pool_of(os.getpid())[0].kill()

    sweep(GRID, tmp_path / "out", workers=2, say=said.append, progress=kill_one)
    assert content(tmp_path / "out") == alone
    assert [words for words in said if "a worker died" in words and "asked for again" in words]


def test_killed_in_the_middle_and_resumed(tmp_path: Path, alone: list[bytes]) -> None:
    grid, out = toml(tmp_path / "grid.toml", GRID), tmp_path / "out"
    with started(str(grid), "--out", str(out), "--workers", "2") as running:
        until(lambda: chunks(out) >= 3)
        workers = pool_of(running.pid)
        running.kill()
    assert 3 <= chunks(out) < 15
    assert not (out / "results.parquet").exists()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive  # they end with their owner
    sweep(GRID, out, resume=True)
    assert content(out) == alone


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_interrupted_is_one_line_and_resumable(number: signal.Signals, tmp_path: Path, alone: list[bytes]) -> None:
    grid, out = toml(tmp_path / "grid.toml", GRID), tmp_path / "out"
    with started(str(grid), "--out", str(out), "--workers", "1") as running:
        until(lambda: chunks(out) >= 2)
        running.send_signal(number)
        answer, errors = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, answer) == (128 + number, "")
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert json.loads(errors.splitlines()[-1])["error"]["kind"] == "interrupted"
    assert 2 <= chunks(out) < 15
    sweep(GRID, out, resume=True)
    assert content(out) == alone


@pytest.mark.long
def test_a_pool_is_interrupted_as_cleanly(tmp_path: Path, alone: list[bytes]) -> None:
    grid, out = toml(tmp_path / "grid.toml", GRID), tmp_path / "out"
    with started(str(grid), "--out", str(out), "--workers", "2") as running:
        until(lambda: chunks(out) >= 2)
        workers = pool_of(running.pid)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "Traceback" not in errors
    assert not psutil.wait_procs(workers, timeout=10)[1]
    sweep(GRID, out, resume=True, workers=2)
    assert content(out) == alone


@pytest.mark.long
def test_workers_that_always_die_end_the_sweep_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"  # without the guard that a spawned process needs
    script.write_text(f"import fleetline as fl\nfl.sweep({GRID!r}, {str(tmp_path / 'out')!r}, workers=2)\n")
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert "InputError: workers: died 3 times in a row" in found.stderr
    assert "__main__" in found.stderr


def test_a_pool_that_is_broken_when_it_is_asked_takes_no_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        asked = 0

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def submit(self, _: object, _spec: str, number: int) -> Future[int]:
            Pool.asked += 1
            if Pool.asked == 4:
                raise BrokenProcessPool
            future: Future[int] = Future()
            future.set_result(number)
            return future

    monkeypatch.setattr(local, "_executor", lambda _: Pool())
    assert {*local.pool("", range(9), 2, lambda _: None)} == {*range(9)}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and two workers, each a process of its own on this machine; more can be had by `another`."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"

    def dask(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard", "--host", "127.0.0.1"]
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    scheduler = dask("scheduler", "--port", "0", "--scheduler-file", str(file))
    until(file.exists)
    one = ("worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
    workers = [dask(*one), dask(*one)]
    try:
        until(lambda: file.read_text().strip().endswith("}"))
        yield json.loads(file.read_text())["address"], workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_a_cluster_that_loses_a_worker_loses_nothing(
    tmp_path: Path, alone: list[bytes], cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    until(lambda: len(listening(address)) == 2)
    sweep(GRID, tmp_path / "both", scheduler=address)
    assert content(tmp_path / "both") == alone

    def kill_one(now: Progress) -> None:
        if now.chunks_done == 3:
            workers[0].send_signal(signal.SIGKILL)

    sweep(GRID, tmp_path / "one", scheduler=address, progress=kill_one)
    assert content(tmp_path / "one") == alone
    until(lambda: len(listening(address)) == 1)


def listening(address: str) -> dict[str, int]:
    from distributed import Client

    connect: Any = Client  # Dask has no types
    with connect(address, set_as_default=False, timeout=PATIENCE_S) as client:
        found: dict[str, int] = client.nthreads()
    return found


@pytest.mark.parametrize(
    ("address", "said"), [("tcp://127.0.0.1:1", "scheduler tcp://127.0.0.1:1: "), ("nowhere", "an address")]
)
def test_a_scheduler_that_is_not_there(address: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fleetline.sweeps import cluster as module

    monkeypatch.setattr(module, "PATIENCE_S", 1)
    with pytest.raises(InputError, match=said) as refused:
        sweep(GRID, tmp_path / "out", scheduler=address)
    assert refused.value.field == "scheduler"
    assert "\n" not in refused.value.message


def test_without_dask_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'fleetline\[cluster\]'"):
        sweep(GRID, tmp_path / "out", scheduler="tcp://127.0.0.1:8786")
