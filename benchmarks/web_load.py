"""How fast the page's server answers: 400 distinct requests from 16 clients for each target, and quick ones beside a flood.

python benchmarks/web_load.py [--requests 400] [--clients 16] [--workers 2]

Starts the server on a free port of this machine and ends it. Prints p50, p95 and failures by the clock of each target, and
the processor time of the server (and its workers) a request, which does not depend on what else runs.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

HOST = "127.0.0.1"
Make = Callable[[int], str]


def throughput(number: int) -> str:
    """The command's question, of another length each time."""
    asked = {"model": "kimi-k2.6", "system": "gb200-nvl72", "workload": f"{8000 + number}:1000", "speculative": "8:3"}
    return "/api/v1/throughput?" + urlencode(asked)


def deployment(number: int) -> str:
    """A slider of the first view that moves: lengths, of one large chip and of layouts in turn."""
    layout = {"tp": "8", "ep": "8"} if number % 2 else {}
    return "/api/v1/views/deployment?" + urlencode({"input_tokens": 4000 + number, **layout})


def world(number: int) -> str:
    """A slider of the second view that moves."""
    return "/api/v1/views/world?" + urlencode({"fleet.inference_share": f"{0.3 + number / 2000:.4f}"})


def flood(number: int) -> str:
    """The costliest question of all."""
    return "/api/v1/sensitivity?" + urlencode({"scenario": "today", "points": 256, "seed": number})


TARGETS: dict[str, Make] = {"/api/v1/throughput": throughput, "deployment view": deployment, "world view": world}


@dataclass(frozen=True)
class Timed:
    """Seconds of the answers, and how many were none."""

    seconds: list[float]
    statuses: list[int]

    @property
    def failures(self) -> int:
        """Answers that are none."""
        return sum(status != 200 for status in self.statuses)

    def quantile(self, share: float) -> float:
        """Seconds that so many do not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def __str__(self) -> str:
        return (
            f"{len(self.seconds)} requests, {self.failures} failures, p50 {self.quantile(0.5) * 1e3:.0f} ms, "
            f"p95 {self.quantile(0.95) * 1e3:.0f} ms"
        )


def asked(port: int, paths: list[str], clients: int, enough: threading.Event | None = None) -> Timed:
    """All of the paths, or until it is enough, by so many clients that each ask the next when they are answered."""
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for path in paths:
        left.put(path)
    seconds: list[float] = []
    statuses: list[int] = []

    def client() -> None:
        line = http.client.HTTPConnection(HOST, port, timeout=60)
        while enough is None or not enough.is_set():
            try:
                path = left.get_nowait()
            except queue.Empty:
                break
            begun = time.perf_counter()
            line.request("GET", path)
            answer = line.getresponse()
            answer.read()
            seconds.append(time.perf_counter() - begun)
            statuses.append(answer.status)
        line.close()

    workers = [threading.Thread(target=client) for _ in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Timed(seconds, statuses)


@contextmanager
def served(workers: int) -> Iterator[tuple[int, int]]:
    """The server on a free port: the port, and the process."""
    command = [sys.executable, "-m", "fleetline", "web", "--port", "0", "--workers", str(workers)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        port = int(process.stderr.readline().split("/")[2].rpartition(":")[2])
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def processor_s(process: int) -> float:
    """Processor time of a process and all that it started, so far [s]; Linux tells it."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0.0
    with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123
        cells = file.read().rpartition(")")[2].split()
    total += (int(cells[11]) + int(cells[12])) / tick
    with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:  # noqa: PTH123
        children = file.read().split()
    return total + sum(processor_s(int(child)) for child in children)


def ready(port: int, workers: int) -> None:
    """Ask until every worker has answered, so that none is timed as it starts."""
    for _ in range(3):
        asked(port, [make(-1 - number) for make in TARGETS.values() for number in range(4 * workers)], 4 * workers)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with served(given.workers) as (port, process):
        ready(port, given.workers)
        for name, make in TARGETS.items():
            before = processor_s(process)
            timed = asked(port, [make(number) for number in range(given.requests)], given.clients)
            each = (processor_s(process) - before) / given.requests
            found[name] = told(timed) | {"processor_s": each}
            say(given.json, f"{name}: {timed}; {each * 1e3:.1f} ms of processor time each")
        enough = threading.Event()
        flooding = threading.Thread(target=asked, args=(port, [flood(number) for number in range(2000)], 20, enough))
        flooding.start()
        time.sleep(0.5)
        timed = asked(port, [deployment(-500 - number) for number in range(100)], 4)
        found["deployment view in a flood"] = told(timed)
        say(given.json, f"deployment view, 4 clients, while 20 ask the costliest question: {timed}")
        enough.set()
    flooding.join()  # whoever waited was told by the server as it ended
    if given.json:
        print(json.dumps(found))
    sys.exit(any(each["failures"] for each in found.values()))


def told(timed: Timed) -> dict[str, float]:
    """As numbers."""
    return {"p50_s": timed.quantile(0.5), "p95_s": timed.quantile(0.95), "failures": float(timed.failures)}


def say(quiet: bool, line: str) -> None:
    """A line, unless numbers are wanted."""
    if not quiet:
        print(line, flush=True)


if __name__ == "__main__":
    main()
