"""A deployment's rates: throughput, speed, TTFT, TPOT, memory, the best batch and what binds it.

Every function takes a Deployment whose numeric fields are floats or arrays that broadcast, and a batch likewise.

* cycle: one batch from prompt to last token [s]; `throughput = batch * output_tokens / cycle`.
* TTFT: waiting and prefill, as requests arrive; in lockstep, as long as the batch's prefill would take alone.
* TPOT: the rest of the cycle per output token, so that TTFT + output_tokens * TPOT = cycle.
* speed: output tokens over wall time, `output_tokens / cycle` (article, footnote 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model
from fleetline.catalog.types import Checkpoint, System
from fleetline.physics.arrivals import Arrival, Waiting
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.engines import Timed
from fleetline.physics.money import RENTED, Terms
from fleetline.physics.placement import WHOLE, Placement
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.roofline import AT_PEAK, Efficiency, KernelLaws, StageTime, stage_time, traffic_time
from fleetline.physics.schedules import Cycle, Schedule
from fleetline.physics.search import largest_whole
from fleetline.physics.stages import Drafted, Plan, plan
from fleetline.physics.tape import directly
from fleetline.physics.work import (
    Work,
    activation_bytes,
    beside,
    cache_bytes,
    decode_work,
    prefill_passes,
    prefill_work,
    verify_bytes,
    weight_bytes,
    weights_read,
)

Array = npt.NDArray[np.float64]
Call = Callable[..., Any]

# Throughputs closer than this count as equal: the best batch is the smallest within it.
SAME = 1e-9


@dataclass(frozen=True)
class Deployment:
    """A model in a checkpoint on a system, serving one kind of request in one way.

    Attributes:
        input_tokens, output_tokens: of each request [token].
        rewrites: techniques that change the work, in the order they apply.
        hbm_reserve: share of usable memory kept free [1].
        chunk_tokens: prompt tokens in flight in one pass, besides the decoded ones [token].
        activation_value_bytes: bytes of one activation [byte].
        placement: how it lies on the chips: as one (the article's), or sharded.
        terms: what its chips cost, and how much of what it could serve is sold.
        kernels: laws of the chip's kernels; without any they start at once and run at the peak.
        arrivals: how requests come: in lockstep (the article's), in a loop, in a benchmark run, at random.
    """

    model: Model
    checkpoint: Checkpoint
    system: System
    input_tokens: Numbers
    output_tokens: Numbers
    schedule: Schedule
    efficiency: Efficiency
    hbm_reserve: Numbers
    chunk_tokens: Numbers
    activation_value_bytes: float
    rewrites: Sequence[Rewrite] = ()
    placement: Placement = WHOLE
    kernels: KernelLaws = field(default_factory=lambda: AT_PEAK)
    terms: Terms = RENTED
    arrivals: Arrival = LOCKSTEP

    @property
    def machine(self) -> System:
        """What a stage's work is done on: all chips as one, or one GPU."""
        return self.placement.machine(self.system)

    @cached_property
    def part(self) -> Model:
        """What of the model a machine runs."""
        return self.placement.part(self.model)

    @cached_property
    def draft_parts(self) -> tuple[Model, ...]:
        """What of each draft a machine runs."""
        return tuple(self.placement.part(each.draft.model) for each in planned(self, 1.0).drafted)


@dataclass(frozen=True)
class Limits:
    """What a user asks for: speed at least [token/s/user], TTFT at most [s]; 0 and infinity ask for nothing."""

    speed: Numbers = 0.0
    max_ttft: Numbers = np.inf

    @property
    def none(self) -> bool:
        """Whether nothing is asked for."""
        return not (np.ndim(self.speed) or np.ndim(self.max_ttft) or self.speed > 0.0 or np.isfinite(self.max_ttft))


@dataclass(frozen=True)
class Rates:
    """A deployment at one batch, of which a machine has `load` requests: its two stages, its cycle and what follows."""

    batch: Numbers
    load: Numbers
    output_tokens: Numbers
    prefill: StageTime
    decode: StageTime
    cycle: Cycle
    waiting: Waiting
    request_s: Numbers
    arrivals: Arrival

    @cached_property
    def throughput(self) -> Numbers:
        """Output tokens per second of the whole deployment [token/s]."""
        able = self.batch * self.output_tokens / self.cycle.total_s
        return self.arrivals.served(able, self.output_tokens)

    @cached_property
    def ttft_s(self) -> Numbers:
        """Mean time to the first token, waiting included [s]."""
        return self.waiting.mean_s

    @property
    def speed(self) -> Numbers:
        """Output tokens over wall time of one request [token/s/user]."""
        return self.output_tokens / self.request_s

    @property
    def tpot_s(self) -> Numbers:
        """Mean time per output token after prefill [s]."""
        return (self.request_s - self.ttft_s) / self.output_tokens


def planned(deployment: Deployment, load: Numbers) -> Plan:
    """What a machine runs for the `load` requests it has, after every rewrite."""
    what = plan(deployment.input_tokens, deployment.output_tokens, load)
    for rewrite in deployment.rewrites:
        what = rewrite.apply(what)
    return what


def work(deployment: Deployment, batch: Numbers) -> tuple[Work, Work]:
    """The work of prefill and decode, of the busiest machine."""
    what = planned(deployment, deployment.placement.load(batch))
    return _prefill_work(deployment, what), _decode_work(deployment, what)


def _prefill_work(deployment: Deployment, what: Plan) -> Work:
    chunk = deployment.chunk_tokens
    found = prefill_work(deployment.part, deployment.checkpoint, what.prefill, chunk)
    for each, its, share in _drafted(deployment, what):
        found = beside(found, prefill_work(its, each.draft.checkpoint, each.prefill, chunk), share)
    return found


def _decode_work(deployment: Deployment, what: Plan) -> Work:
    found = decode_work(deployment.part, deployment.checkpoint, what.decode)
    for each, its, share in _drafted(deployment, what):
        found = beside(found, decode_work(its, each.draft.checkpoint, each.decode), share)
    return found


def _drafted(deployment: Deployment, what: Plan) -> Iterator[tuple[Drafted, Model, float]]:
    """Every draft, what of it a machine runs, and its layers over the model's."""
    for each, its in zip(what.drafted, deployment.draft_parts, strict=True):
        yield each, its, each.draft.model.layers / deployment.model.layers


def work_times(deployment: Deployment, load: Numbers) -> tuple[StageTime, StageTime]:
    """Prefill and decode of a machine that has `load` requests, but for its messages."""
    what = planned(deployment, load)
    return _timed(deployment, _prefill_work(deployment, what)), _timed(deployment, _decode_work(deployment, what))


def _timed(deployment: Deployment, each: Work) -> StageTime:
    return stage_time(each, deployment.machine, deployment.efficiency, deployment.kernels)


def weight_times(deployment: Deployment, load: Numbers) -> tuple[Numbers, Numbers]:
    """Time of the weights that prefill and decode of `load` requests read, by themselves [s]."""
    what, part, checkpoint = planned(deployment, load), deployment.part, deployment.checkpoint
    before = weights_read(part, checkpoint, what.prefill, in_prefill=True)
    after = weights_read(part, checkpoint, what.decode, in_prefill=False)
    machine, efficiency = deployment.machine, deployment.efficiency
    prefill, decode = (traffic_time(each, machine, efficiency, deployment.kernels) for each in (before, after))
    return prefill, decode


def stage_times(deployment: Deployment, load: Numbers) -> tuple[StageTime, StageTime]:
    """Prefill and decode of a machine that has `load` requests, messages included."""
    return prefill_time(deployment, load), decode_time(deployment, load)


def prefill_time(deployment: Deployment, load: Numbers) -> StageTime:
    """Prefill of a machine that has `load` requests, messages included."""
    what, place = planned(deployment, load), deployment.placement
    sent = place.network_s(deployment.model, what.prefill, prefill_passes(what.prefill, deployment.chunk_tokens))
    handed = place.handover_s(deployment.part, deployment.checkpoint, what.prefill)
    for each, part, _ in _drafted(deployment, what):
        chunks = prefill_passes(each.prefill, deployment.chunk_tokens)
        sent = sent + place.network_s(each.draft.model, each.prefill, chunks)
        handed = handed + each.used * place.handover_s(part, each.draft.checkpoint, each.prefill)
    return replace(_timed(deployment, _prefill_work(deployment, what)), network_s=sent + handed)


def decode_time(deployment: Deployment, load: Numbers) -> StageTime:
    """Decode of a machine that has `load` requests, messages included."""
    what, place = planned(deployment, load), deployment.placement
    answered = place.network_s(deployment.model, what.decode, what.decode.passes)
    for each, _, _ in _drafted(deployment, what):
        answered = answered + place.network_s(each.draft.model, each.decode, each.decode.passes)
    return replace(_timed(deployment, _decode_work(deployment, what)), network_s=answered)


def rates(deployment: Deployment, batch: Numbers) -> Rates:
    """Everything about a deployment that runs `batch` requests at a time."""
    load = deployment.placement.load(batch)
    stages = timed(deployment, load)
    timing = deployment.placement.timing(stages)
    return Rates(
        batch=batch,
        load=load,
        output_tokens=deployment.output_tokens,
        prefill=stages.prefill,
        decode=stages.decode,
        cycle=timing.cycle,
        waiting=timing.waiting,
        request_s=timing.request_s,
        arrivals=deployment.arrivals,
    )


def overrun(deployment: Deployment, found: Rates) -> npt.NDArray[np.bool_]:
    """Whether more requests come than are served; with a given number in service, never."""
    wanted = deployment.arrivals.served(np.inf, deployment.output_tokens)
    short = np.less(found.throughput, np.multiply(wanted, 1.0 - SAME))
    return np.logical_and(np.isfinite(wanted), np.logical_not(found.waiting.stable) | short)


def timed(deployment: Deployment, load: Numbers) -> Timed:
    """The stages of a machine that has `load` requests, and how they are run."""
    what = planned(deployment, load)
    chunks = what.prefill.tokens * what.prefill.passes / deployment.chunk_tokens
    most = np.maximum(np.floor(1.0 / chunks), 1.0)
    joint = deployment.arrivals.together(load, what.decode.passes, most)
    some = prefill_time(deployment, joint)
    alone, line = deployment.placement.prompts(joint), np.minimum(load, most)
    return Timed(
        schedule=deployment.schedule,
        arrivals=deployment.arrivals,
        load=load,
        joint=joint,
        passes=what.decode.passes,
        chunks=chunks,
        line=line,
        full=some if joint is load or np.array_equal(joint, line) else prefill_time(deployment, line),
        some=some,
        first=some if alone is joint else prefill_time(deployment, alone),
        decode=decode_time(deployment, load),
    )


@dataclass(frozen=True)
class Shares:
    """Share of a cycle's cost that one token of a request carries, by the time each kind takes alone [1/token]."""

    input: Numbers
    cached: Numbers
    output: Numbers


def shares(deployment: Deployment, found: Rates) -> Shares:
    """How the cost of a cycle is shared out: ours, in proportion to the time each stage takes on its own.

    A cached token costs the read of its cache; where none is cached, what one would.
    """
    load, part = found.load, deployment.part
    what = planned(deployment, load).prefill
    prefill, decode = alone_s(found.prefill), alone_s(found.decode)
    speed = deployment.machine.hbm_bandwidth * deployment.efficiency.bandwidth
    basis = np.where(np.greater(what.start, 0.0), what.start, what.end)
    read = load * cache_bytes(part, deployment.checkpoint, basis) / speed / basis
    whole = prefill + decode
    computed = np.maximum(prefill - read * what.start, 0.0)
    return Shares(
        input=computed / whole / (what.tokens * what.passes),
        cached=read / whole,
        output=decode / whole / deployment.output_tokens,
    )


def alone_s(stage: StageTime) -> Numbers:
    """A stage by itself [s]."""
    return stage.linear.roof_s + stage.attention.roof_s + stage.latency_s + stage.network_s


def memory_used(deployment: Deployment, batch: Numbers) -> Numbers:
    """Weights, the cache of every request at its full length, and the activations of one pass [byte].

    Of all machines, each taken to be as full as the fullest: what does not fit there does not fit.
    """
    place, part = deployment.placement, deployment.part
    load = place.load(batch)
    what = planned(deployment, load)
    in_flight = what.decode.tokens_per_pass + deployment.chunk_tokens
    verifying = load * verify_bytes(part, deployment.checkpoint, what.decode.tokens)
    fullest = (
        weight_bytes(part, deployment.checkpoint) / place.stages
        + _caches(part, deployment.checkpoint, what, load * kept_per_request(deployment, what, load))
        + verifying
        + activation_bytes(deployment.model, in_flight, deployment.activation_value_bytes)
    )
    for each, its in zip(what.drafted, deployment.draft_parts, strict=True):
        own = replace(its, parts=tuple(one for one in its.parts if one.name not in each.draft.lent))
        held = load * kept_per_request(deployment, what, load)
        weights = weight_bytes(own, each.draft.checkpoint) / place.stages
        fullest = fullest + each.used * (weights + _caches(its, each.draft.checkpoint, what, held))
    return fullest * place.machines


def _caches(model: Model, checkpoint: Checkpoint, what: Plan, held: Numbers) -> Numbers:
    """Memory of `held` caches, and of the prefixes they have in common [byte]."""
    own = held * cache_bytes(model, checkpoint, what.own)
    if not np.ndim(what.common) and what.common == 0.0:
        return own
    return own + what.commons * cache_bytes(model, checkpoint, what.common)


def kept_per_request(deployment: Deployment, what: Plan, load: Numbers) -> Numbers:
    """Caches in memory for each request in service [1]: its own, and what is kept of those whose session waits."""
    if not np.ndim(what.idle_s) and what.idle_s == 0.0:
        return 1.0
    return 1.0 + what.idle_kept * what.idle_s / deployment.placement.timing(timed(deployment, load)).request_s


def sessions(deployment: Deployment, found: Rates) -> Numbers:
    """Sessions going on at once: those served, and those that wait for their next turn meanwhile.

    A session is served for a request's wall time and then waits for `idle_s`, so that for each one served idle / wall wait.
    Source: Little 1961 (doi:10.1287/opre.9.3.383).
    """
    return found.batch * (1.0 + planned(deployment, 1.0).idle_s / found.request_s)


def memory_capacity(deployment: Deployment) -> Numbers:
    """Memory that weights, cache and activations may fill: usable HBM less the reserve [byte]."""
    return deployment.system.hbm_capacity * (1.0 - deployment.hbm_reserve)


def fits(deployment: Deployment, batch: Numbers) -> npt.NDArray[np.bool_]:
    """Whether `batch` requests fit in memory."""
    return np.less_equal(memory_used(deployment, batch), memory_capacity(deployment))


def quick_enough(deployment: Deployment, limits: Limits, batch: Numbers) -> npt.NDArray[np.bool_]:
    """Whether `batch` requests are each served at the wanted speed and TTFT."""
    if limits.none:
        return np.ones(np.shape(batch), dtype=bool)  # nothing is asked for, so nothing need be computed
    found = rates(deployment, batch)
    return np.greater_equal(found.speed, limits.speed) & np.less_equal(found.ttft_s, limits.max_ttft)


def within_context(deployment: Deployment) -> npt.NDArray[np.bool_]:
    """Whether the model's context is long enough for a whole request."""
    return np.less_equal(planned(deployment, 1.0).longest, deployment.model.max_context)


def largest_batch(deployment: Deployment, limits: Limits, call: Call = directly) -> Array:
    """The most requests that fit in context and memory and are served as wanted [request]; 0 where not even one is.

    Exact: memory and cycle grow with the batch, so what is allowed is every batch up to one. A sharded deployment is asked
    for batches that give every rank the same number of requests. `call` asks a function of values, directly or otherwise.
    """
    place, context = deployment.placement, within_context(deployment)

    def allowed(load: Array) -> npt.NDArray[np.bool_]:
        if limits.none:  # so nothing but memory need be computed
            return context & fits(deployment, load * place.ranks)
        tried: Tried = call(_tried, deployment, load)
        return context & tried.fits & (tried.speed >= limits.speed) & (tried.ttft_s <= limits.max_ttft)

    return largest_whole(allowed, np.broadcast_to(_room(deployment), shape_of(deployment, limits))) * place.ranks


@dataclass(frozen=True)
class Tried:
    """What decides on a batch: whether it fits in memory, and what it would serve."""

    fits: npt.NDArray[np.bool_]
    ttft_s: Numbers
    speed: Numbers
    throughput: Numbers


def _tried(deployment: Deployment, load: Numbers) -> Tried:
    """A batch that gives every rank `load` requests."""
    batch = load * deployment.placement.ranks
    found = rates(deployment, batch)
    return Tried(fits(deployment, batch), found.ttft_s, found.speed, found.throughput)


def _room(deployment: Deployment) -> Numbers:
    """Requests of a rank whose caches alone would fill the memory."""
    own = planned(deployment, 1.0).own
    room = memory_capacity(deployment) / deployment.placement.machines
    return room / cache_bytes(deployment.part, deployment.checkpoint, own)


def best_batch(deployment: Deployment, limits: Limits, call: Call = directly) -> Array:
    """The smallest batch within 1e-9 of the highest throughput that the limits allow [request]; 0 where none is allowed.

    Exact: throughput never falls as the batch grows (weight reads and latencies are shared by more), so the highest is at
    the largest batch allowed, and the batches within 1e-9 of it are every one from the best on.
    """
    ranks = deployment.placement.ranks
    most = largest_batch(deployment, limits, call)
    top: Tried = call(_tried, deployment, np.maximum(most / ranks, 1.0)[None])

    def lower(load: Array) -> npt.NDArray[np.bool_]:
        tried: Tried = call(_tried, deployment, load)
        return np.less(tried.throughput, top.throughput * (1.0 - SAME))

    return np.minimum((largest_whole(lower, most / ranks) + 1.0) * ranks, most)


# What may keep throughput from being higher, in the order it is told; the last four are what a cycle may wait for.
BOUNDS = ("memory", "ttft", "speed", "compute", "bandwidth", "latency", "network")
_MEMORY, _TTFT, _SPEED, _COMPUTE, _BANDWIDTH, _LATENCY, _NETWORK = range(len(BOUNDS))


def bound(deployment: Deployment, limits: Limits, now: Rates, call: Call = directly) -> npt.NDArray[np.int8]:
    """What keeps throughput from being higher at the best batch, as its place in `BOUNDS`.

    `memory`, `ttft` or `speed` where one request more would break that limit and would have helped; otherwise what the
    cycle waits for longest: `compute`, `bandwidth`, `network` or `latency`.
    """
    ranks = deployment.placement.ranks
    then: Tried = call(_tried, deployment, now.batch / ranks + 1.0)
    helps = then.throughput > now.throughput * (1.0 + SAME / np.maximum(now.batch / ranks, 1.0))
    found = longest_wait(now.cycle)
    breaks = (
        (_SPEED, np.less(then.speed, limits.speed)),
        (_TTFT, np.greater(then.ttft_s, limits.max_ttft)),
        (_MEMORY, np.logical_not(then.fits)),
    )
    for number, broken in breaks:  # the first to be told comes last
        found = np.where(helps & broken, np.int8(number), found)
    return found


def longest_wait(whole: Cycle) -> npt.NDArray[np.int8]:
    """What a cycle waits for longest, as its place in `BOUNDS`: `compute`, `bandwidth`, `network` or `latency`."""
    longest = whole.compute_s
    place: npt.NDArray[np.int8] = np.asarray(np.int8(_COMPUTE))
    for number, wait in ((_BANDWIDTH, whole.bandwidth_s), (_LATENCY, whole.latency_s), (_NETWORK, whole.network_s)):
        place = np.where(np.greater(wait, longest), np.int8(number), place)
        longest = np.maximum(longest, wait)
    return place


def shape_of(deployment: Deployment, limits: Limits) -> tuple[int, ...]:
    """The shape that all numeric fields broadcast to."""
    everything, efficiency = planned(deployment, 1.0), deployment.efficiency
    what = everything.decode
    numbers: list[Numbers] = [
        *(deployment.input_tokens, deployment.output_tokens, deployment.hbm_reserve, deployment.chunk_tokens),
        *(efficiency.compute, efficiency.bandwidth, efficiency.step_latency, deployment.terms.utilisation),
        *(deployment.system.hbm_bandwidth, deployment.placement.ranks, deployment.placement.stages),
        deployment.arrivals.served(np.inf, deployment.output_tokens),
        *(what.passes, what.tokens, what.end, everything.prefill.tokens, limits.speed, limits.max_ttft),
        *(everything.idle_s, everything.common, everything.commons),
    ]
    return np.broadcast_shapes(*(np.shape(number) for number in numbers))
