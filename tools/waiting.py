"""Hold the formulas of waiting against requests served one by one, and write the table of the page docs/waiting.md.

python tools/waiting.py docs/waiting.md
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from simulation import Served, benchmark_run, long_loop, open_stream

from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.arrivals.closed import Closed
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.arrivals.run import Run
from fleetline.physics.serving import Deployment, Limits, Rates

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "kimi-k2.5": ("gb200-nvl72", {"gpus": 8, "tp": 8}),
    "gpt-oss-120b": ("h100", {"gpus": 1, "tp": 1}),
    "llama-3.1-70b": ("h200", {"gpus": 4, "tp": 4}),
}
WORKLOADS = ("1000:1000", "8000:1000", "32000:500")
SCHEDULES = ("chunked", "serial")
CLIENTS = (1, 4, 16, 64, 128)
KINDS = ("closed", "run", "poisson")
SHARE = 0.7  # of what so many clients are served, the requests that come at random
BEGIN, END = "<!-- made by tools/waiting.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Case:
    """One engine under one kind of arrival, with so many clients (or 0.7 of what they are served, at random)."""

    kind: str
    model: str
    workload: str
    schedule: str
    clients: int


@dataclass(frozen=True)
class Compared:
    """A case by formula over the same by simulation, less 1 [1]."""

    case: Case
    ttft: float
    p90: float
    p99: float
    decode: float
    rate: float


@cache
def engine(model: str, workload: str, schedule: str) -> Deployment:
    """A replica with all the memory it needs."""
    system, options = MODELS[model]
    deployment = deploy(model, system, workload, schedule=schedule, **options)[0]
    chip = replace(deployment.system.chip, hbm_capacity=1e15)
    return replace(deployment, system=replace(deployment.system, chip=chip))


def cases() -> list[Case]:
    """The grid."""
    return [
        Case(kind, model, work, way, clients)
        for kind, clients, model, work, way in product(KINDS, CLIENTS, MODELS, WORKLOADS, SCHEDULES)
    ]


def formula(case: Case) -> Rates:
    """What the package says."""
    deployment = arriving(case)
    batch = serving.best_batch(deployment, Limits()) if case.kind == "poisson" else float(case.clients)
    return serving.rates(deployment, batch)


def arriving(case: Case) -> Deployment:
    """The deployment, with the arrivals of the case."""
    closed = replace(engine(case.model, case.workload, case.schedule), arrivals=Closed())
    if case.kind == "closed":
        return closed
    if case.kind == "run":
        return replace(closed, arrivals=Run())
    found = serving.rates(closed, float(case.clients))
    return replace(closed, arrivals=Poisson(rate=SHARE * float(found.throughput / closed.output_tokens)))


@cache
def simulated(case: Case) -> Served:
    """What comes of it, request by request."""
    deployment = arriving(case)
    if isinstance(deployment.arrivals, Poisson):
        return open_stream(deployment, float(deployment.arrivals.rate), max(1500, 12 * case.clients))
    if case.kind == "run":
        return benchmark_run(deployment, case.clients)
    return long_loop(deployment, case.clients, turns=max(12, 160 // case.clients))


def compared(case: Case, found: Rates | None = None) -> Compared:
    """Formula against simulation."""
    found, served = found or formula(case), simulated(case)
    ttft = np.array(served.ttft_s)
    whole = case.kind == "run"  # of a run the first cycle and the last count, as its client counts them
    span = served.answered_s[-1] - (0.0 if whole else served.answered_s[0])
    count = len(served.answered_s) - (0 if whole else 1)
    decode = found.request_s - found.ttft_s
    able = found.throughput / found.output_tokens
    return Compared(
        case,
        ttft=float(found.ttft_s / ttft.mean()) - 1.0,
        p90=float(found.waiting.percentile_s(0.90) / np.quantile(ttft, 0.90)) - 1.0,
        p99=float(found.waiting.percentile_s(0.99) / np.quantile(ttft, 0.99)) - 1.0,
        decode=float(decode / np.mean(served.decode_s)) - 1.0,
        rate=float(able * span / count) - 1.0,
    )


def table() -> str:
    """How far the formulas are off, from the least to the most over models and schedules."""
    head = "| arrivals | clients | workload | mean TTFT | 90% | 99% | decode | requests/s |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    found = [compared(case) for case in cases()]
    for kind, clients, work in product(KINDS, CLIENTS, WORKLOADS):
        here = (kind, clients, work)
        some = [each for each in found if (each.case.kind, each.case.clients, each.case.workload) == here]
        cells = [_words([getattr(each, name) for each in some]) for name in ("ttft", "p90", "p99", "decode", "rate")]
        lines.append(f"| {kind} | {clients} | {work} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(values: list[float]) -> str:
    return f"{min(values):+.0%} to {max(values):+.0%}"


def main(path: Path) -> None:
    """Renew the table of the page."""
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
