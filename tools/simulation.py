"""One engine served request by request: what the formulas of waiting are held against.

Time goes by passes. A pass decodes a token of every answer and, under a chunked schedule, runs the next prompt tokens of
the budget beside it, first come first served; under a serial one it runs them alone, and decodes when no prompt is left.
Requests are admitted while there is room for their caches. Every pass takes what the package's own stages and schedule say
for its tokens; everything about who waits for whom is done here, and nothing of it by a formula.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from fleetline.physics import serving
from fleetline.physics.roofline import IDLE, StageTime, scaled
from fleetline.physics.schedules import cycle, decodes_beside
from fleetline.physics.serving import Deployment

Array = npt.NDArray[np.float64]


@dataclass
class Prompt:
    """A request: when it came, prompt tokens to go, decode passes to come."""

    came_s: float
    tokens: float
    passes: int


@dataclass
class Served:
    """What came of every request, in the order of first tokens, or of answers [s]."""

    came_s: list[float] = field(default_factory=list)
    ttft_s: list[float] = field(default_factory=list)
    decode_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)


def costs(deployment: Deployment) -> Callable[[float, int, int], float]:
    """Seconds of a pass with so many prompt tokens, of so many prompts, and so many decoded requests."""
    what = serving.planned(deployment, 1.0)
    prompt, passes = float(what.prefill.tokens * what.prefill.passes), float(what.decode.passes)
    budget = float(deployment.chunk_tokens)

    @cache
    def decoded(requests: int) -> StageTime:
        return scaled(serving.decode_time(deployment, float(requests)), 1.0 / passes) if requests else IDLE

    @cache
    def prompts(count: int) -> StageTime:
        whole = serving.prefill_time(deployment, float(count))
        launches = max(count * prompt / budget, 1.0)
        return replace(scaled(whole, 1.0 / (count * prompt)), latency_s=whole.latency_s / launches)

    @cache
    def seconds(tokens: float, count: int, requests: int) -> float:
        chunk = replace(scaled(prompts(count), tokens), latency_s=prompts(count).latency_s) if count else IDLE
        return float(cycle(deployment.schedule, chunk, decoded(requests)).total_s)

    return seconds


def simulate(deployment: Deployment, requests: deque[Prompt], *, clients: int | None, slots: int = 10**9) -> Served:
    """All of `requests`: with `clients`, each comes when an answer ends (or at its time, if later); else at its time."""
    seconds, beside, budget = costs(deployment), decodes_beside(deployment.schedule), float(deployment.chunk_tokens)
    now, ticks, done = 0.0, 0, Served()
    waiting: deque[Prompt] = deque()
    queue: deque[Prompt] = deque()
    decoding: list[tuple[int, int, Prompt, float]] = []
    free, order = clients if clients is not None else 10**9, 0
    while requests or waiting or queue or decoding:
        while requests and free > 0 and (requests[0].came_s <= now or not (waiting or queue or decoding)):
            now = max(now, requests[0].came_s) if not (waiting or queue or decoding) else now
            free -= 1
            one = requests.popleft()
            one.came_s = max(one.came_s, now) if clients is not None else one.came_s
            waiting.append(one)
        while waiting and len(queue) + len(decoding) < slots:
            queue.append(waiting.popleft())
        room, used, firsts, touched = budget, 0.0, [], 0
        while queue and room > 1e-9:
            part = min(queue[0].tokens, room)
            queue[0].tokens -= part
            room, used, touched = room - part, used + part, touched + 1
            if queue[0].tokens <= 1e-9:
                firsts.append(queue.popleft())
        running = len(decoding) if beside or not touched else 0
        many = 1
        if not touched and decoding:  # nothing changes until an answer ends or a request comes
            many = decoding[0][0] - ticks
            if requests and free > 0:
                many = max(1, min(many, int(np.ceil((requests[0].came_s - now) / seconds(0.0, 0, running)))))
        now += many * seconds(used, touched, running)
        ticks += many if running else 0
        for one in firsts:
            done.came_s.append(one.came_s)
            done.ttft_s.append(now - one.came_s)
            heapq.heappush(decoding, (ticks + one.passes, order, one, now))
            order += 1
        while decoding and decoding[0][0] <= ticks:
            *_, began = heapq.heappop(decoding)
            done.answered_s.append(now)
            done.decode_s.append(now - began)
            free += 1
    return done


def _evenly(rng: np.random.Generator, low: float, count: int) -> Array:
    """Numbers from `low` to 2 - `low` in any order, spread evenly so that their mean is 1 however few they are."""
    return rng.permutation(low + (2.0 - 2.0 * low) * (np.arange(count) + 0.5) / count)


def lengths(deployment: Deployment, count: int, low: float, seed: int) -> list[tuple[float, int]]:
    """Prompt tokens and decode passes of so many requests, uniform from `low` of the mean to as much above it."""
    what, rng = serving.planned(deployment, 1.0), np.random.default_rng(seed)
    spread = np.stack([_evenly(rng, low, count), _evenly(rng, low, count)], axis=1)
    prompt, passes = float(what.prefill.tokens * what.prefill.passes), float(what.decode.passes)
    return [(prompt * one, max(round(passes * other), 1)) for one, other in spread]


def benchmark_run(deployment: Deployment, clients: int, seed: int = 0) -> Served:
    """The client of the benchmark: ten requests each, all start at once, lengths 0.8 to 1 of the longest."""
    made = lengths(deployment, 10 * clients, 0.8 / 0.9, seed)
    return simulate(deployment, deque(Prompt(0.0, *each) for each in made), clients=clients)


def long_loop(deployment: Deployment, clients: int, seed: int = 0, turns: int = 20) -> Served:
    """Clients who start at any time within a cycle; answers of very different lengths; the first turns left out."""
    rng = np.random.default_rng(seed)
    what = serving.planned(deployment, 1.0)
    prompt, passes = float(what.prefill.tokens * what.prefill.passes), float(what.decode.passes)
    cycle_s = float(serving.rates(deployment, float(clients)).request_s)
    starts = [*np.sort(rng.uniform(0.0, cycle_s, clients)), *([0.0] * (clients * turns))]
    spread = _evenly(rng, 0.05, len(starts))
    made = deque(Prompt(came, prompt, max(round(passes * one), 1)) for came, one in zip(starts, spread, strict=True))
    found = simulate(deployment, made, clients=clients)
    first = 4 * clients
    return Served(*(getattr(found, name)[first:-clients] for name in ("came_s", "ttft_s", "decode_s", "answered_s")))


def open_stream(deployment: Deployment, rate: float, count: int, seed: int = 0, slots: int = 10**9) -> Served:
    """Requests at random times, so many a second; the first tenth left out."""
    rng = np.random.default_rng(seed)
    what = serving.planned(deployment, 1.0)
    prompt, passes = float(what.prefill.tokens * what.prefill.passes), float(what.decode.passes)
    came = np.cumsum(rng.exponential(1.0 / rate, count))
    spread = _evenly(rng, 0.05, count)
    made = deque(Prompt(at, prompt, max(round(passes * one), 1)) for at, one in zip(came, spread, strict=True))
    found = simulate(deployment, made, clients=None, slots=slots)
    first = count // 10
    return Served(*(getattr(found, name)[first:] for name in ("came_s", "ttft_s", "decode_s", "answered_s")))
