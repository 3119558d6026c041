"""Everything that is told of a deployment at a batch: its rates, what binds them, what they cost, or why there are none.

Arrays are answered a chunk of points at a time, so that memory does not grow with them but for the answer itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline import inputs
from fleetline.architecture.attention import Numbers
from fleetline.physics import chunks, serving
from fleetline.physics.critical import critical_batch
from fleetline.physics.serving import Deployment, Limits, Rates, Shares
from fleetline.physics.tape import Recorder, directly
from fleetline.threads import threads


@dataclass(frozen=True)
class StageSeconds:
    """All arithmetic and all traffic of one stage, at the deployment's efficiencies [s]."""

    compute_s: Any
    bandwidth_s: Any


@dataclass(frozen=True)
class Prices:
    """Cost of a token at the price and utilisation asked for [USD per million tokens].

    A request's cost is shared out over its tokens by the time that each kind of them takes alone; NaN where no price is
    known. Together they pay for the same requests that `cost_usd_per_mtok_output` charges to the output alone; a cached
    token costs the read of its cache.
    """

    input: Any
    cached_input: Any
    output: Any


@dataclass(frozen=True)
class Throughput:
    """What a deployment serves at one batch, or at its best one; infeasible cases have NaN rates and a `reason`.

    `throughput_tok_s` counts output tokens of the whole deployment; `speed_tok_s_user` is output tokens over wall time;
    `interactivity_tok_s_user` is 1 / `tpot_s`. `ttft_s` is the mean over requests, waiting included; `ttft_p90_s` and
    `ttft_p99_s` are what 90% and 99% of them do not exceed. As the article does, a decode pass is counted for every
    output token, the first included, so that in lockstep `ttft_s + output_tokens * tpot_s = cycle_s`. `sessions` are
    those served and, where they think between turns, those that wait meanwhile. Units end the names. Fields are floats,
    or arrays of one shape.
    """

    feasible: Any
    reason: Any
    batch: Any
    critical_batch: Any
    sessions: Any
    throughput_tok_s: Any
    throughput_tok_s_gpu: Any
    speed_tok_s_user: Any
    interactivity_tok_s_user: Any
    ttft_s: Any
    ttft_p90_s: Any
    ttft_p99_s: Any
    tpot_s: Any
    cycle_s: Any
    binding: Any
    memory_used_bytes: Any
    memory_capacity_bytes: Any
    prefill: StageSeconds
    decode: StageSeconds
    network_s: Any
    latency_s: Any
    cost_usd_per_mtok_output: Any
    energy_j_per_output_token: Any
    prices_usd_per_mtok: Prices
    setting: Mapping[str, Any] = field(repr=False)


def answer(
    deployment: Deployment, limits: Limits, batch: Numbers | None, setting: Mapping[str, Any], *, optimised: bool
) -> Throughput:
    """Everything about a deployment at a batch, or at its best one; 0 stands for none that is allowed, and is told why.

    Of several points what most people read is computed at once, and every other field when it is first read.

    `optimised`: whether the batch is the best one, so that what keeps it from growing is told, and not what it waits for.
    """
    shape = np.broadcast_shapes(np.shape(batch) if batch is not None else (), serving.shape_of(deployment, limits))
    if shape:
        return _deferred(_Points(deployment, limits, batch, shape, optimised), setting)
    told = _Told(deployment, limits, serving.best_batch(deployment, limits) if batch is None else batch, optimised)
    values = {name: _shown(told, name) for name in _FIELDS}
    words = {"reason": _worded(told), "binding": np.str_(_BOUND[int(values["binding"])])}
    return Throughput(**_parted(values | words), setting=setting)


@dataclass(frozen=True)
class _Told:
    """What is told of as many points as fit in a processor's cache, each number when it is asked for."""

    deployment: Deployment
    limits: Limits
    chosen: Numbers
    optimised: bool
    call: Callable[..., Any] = directly

    @cached_property
    def none(self) -> Any:
        """Where not even one request is allowed."""
        return np.equal(self.chosen, 0.0) if self.optimised else False

    @cached_property
    def used(self) -> Numbers:
        """The batch that is told of: the smallest, where none is allowed."""
        return np.where(self.none, self.deployment.placement.ranks, self.chosen)[()] if self.optimised else self.chosen

    @cached_property
    def found(self) -> Rates:
        """The rates at that batch."""
        return serving.rates(self.deployment, self.used)

    @cached_property
    def memory(self) -> Numbers:
        """Memory it takes [byte]."""
        return serving.memory_used(self.deployment, self.used)

    @cached_property
    def why(self) -> Any:
        """Number of the first reason why a case cannot be served, 0 where it can."""
        deployment, limits, found = self.deployment, self.limits, self.found
        not_stable = np.logical_not(found.waiting.stable)
        fails = {
            "rate": serving.overrun(deployment, found) & np.logical_or(np.logical_not(self.none), not_stable),
            "memory": np.greater(self.memory, serving.memory_capacity(deployment)),
            "context": np.logical_not(serving.within_context(deployment)),
        }
        if not limits.none:
            slow = {"speed": np.less(found.speed, limits.speed), "ttft": np.greater(found.ttft_s, limits.max_ttft)}
            fails = slow | fails
        why: Any = np.int8(0)
        for kind, failed in fails.items():  # the first that a person would find out comes last
            why = np.where(failed, np.int8(_KINDS.index(kind)), why)[()]
        return why

    @cached_property
    def blank(self) -> Any:
        """What is added to a number to be told: nothing, or NaN where the case cannot be served."""
        return np.where(self.feasible, 0.0, np.nan)[()]

    @cached_property
    def feasible(self) -> Any:
        """Whether it can be served."""
        return np.equal(self.why, np.int8(0))

    @cached_property
    def usd_per_s(self) -> Numbers:
        """What is paid for the chips [USD/s]."""
        return self.deployment.terms.usd_per_s(self.deployment.system)

    @cached_property
    def joule_per_s(self) -> Numbers:
        """What the chips draw [W]."""
        power = self.deployment.system.power
        return np.nan if power is None else power

    @cached_property
    def shares(self) -> Shares:
        """What each kind of token costs of a cycle."""
        return serving.shares(self.deployment, self.found)

    @cached_property
    def bound(self) -> Any:
        """What binds, as its place in `serving.BOUNDS`."""
        if self.optimised:
            return serving.bound(self.deployment, self.limits, self.found, self.call)
        return serving.longest_wait(self.found.cycle)

    def paid(self, share: Numbers) -> Numbers:
        """A share of a cycle's cost [USD per million]."""
        return 1e6 * self.usd_per_s * self.found.output_tokens / self.found.throughput * share


_UNBOUND = len(serving.BOUNDS)  # of a case that cannot be served

# How each number is found; all but those of `_ALWAYS` are NaN where a case cannot be served.
_FIELDS: Mapping[str, Callable[[_Told], Any]] = MappingProxyType(
    {
        "feasible": lambda told: told.feasible,
        "reason": lambda told: told.why,
        "batch": lambda told: told.used,
        "memory_used_bytes": lambda told: told.memory,
        "throughput_tok_s": lambda told: told.found.throughput,
        "speed_tok_s_user": lambda told: told.found.speed,
        "ttft_s": lambda told: told.found.ttft_s,
        "tpot_s": lambda told: told.found.tpot_s,
        "cycle_s": lambda told: told.found.cycle.total_s,
        "throughput_tok_s_gpu": lambda told: told.found.throughput / told.deployment.system.gpus,
        # no time at all beside prompts that never end
        "interactivity_tok_s_user": lambda told: 1.0 / (told.found.tpot_s + told.blank),
        "cost_usd_per_mtok_output": lambda told: 1e6 * told.usd_per_s / told.found.throughput,
        "energy_j_per_output_token": lambda told: told.joule_per_s / told.found.throughput,
        "memory_capacity_bytes": lambda told: serving.memory_capacity(told.deployment),
        "sessions": lambda told: serving.sessions(told.deployment, told.found),
        "binding": lambda told: np.where(told.feasible, told.bound, np.int8(_UNBOUND)),
        "network_s": lambda told: told.found.cycle.network_s,
        "latency_s": lambda told: told.found.cycle.latency_s,
        "prefill.compute_s": lambda told: told.found.prefill.compute_s,
        "prefill.bandwidth_s": lambda told: told.found.prefill.bandwidth_s,
        "decode.compute_s": lambda told: told.found.decode.compute_s,
        "decode.bandwidth_s": lambda told: told.found.decode.bandwidth_s,
        "prices_usd_per_mtok.input": lambda told: told.paid(told.shares.input),
        "prices_usd_per_mtok.cached_input": lambda told: told.paid(told.shares.cached),
        "prices_usd_per_mtok.output": lambda told: told.paid(told.shares.output),
        "ttft_p90_s": lambda told: told.found.waiting.percentile_s(0.90),
        "ttft_p99_s": lambda told: told.found.waiting.percentile_s(0.99),
        "critical_batch": lambda told: critical_batch(told.deployment, told.call),
    }
)
_ALWAYS = frozenset({"feasible", "reason", "binding", "memory_capacity_bytes"})

# Numbers of many points that are computed when one of them is first read.
_TOGETHER = (
    (
        *("feasible", "reason", "batch", "memory_used_bytes", "throughput_tok_s"),
        *("speed_tok_s_user", "ttft_s", "tpot_s", "cycle_s"),
    ),
    (
        *("throughput_tok_s_gpu", "interactivity_tok_s_user", "sessions", "binding", "memory_capacity_bytes"),
        *("network_s", "latency_s", "prefill.compute_s", "prefill.bandwidth_s", "decode.compute_s", "decode.bandwidth_s"),
        *("prices_usd_per_mtok.input", "prices_usd_per_mtok.cached_input", "prices_usd_per_mtok.output"),
        *("cost_usd_per_mtok_output", "energy_j_per_output_token"),
    ),
    ("ttft_p90_s", "ttft_p99_s"),
    ("critical_batch",),
)
_GROUP = MappingProxyType({name: names for names in _TOGETHER for name in names})
_PARTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"prefill": StageSeconds, "decode": StageSeconds, "prices_usd_per_mtok": Prices}
)


def _shown(told: _Told, name: str) -> Any:
    """One number as it is told."""
    value = _FIELDS[name](told)
    return value if name in _ALWAYS else value + told.blank


def _whole(value: Any, shape: tuple[int, ...]) -> Any:
    """The same, as an array of the shape where it is another."""
    return value if np.shape(value) == shape else np.broadcast_to(value, shape).copy()


def _parted(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Throughput`: those with a dot in their names go together into the part before it."""
    found = {name: value for name, value in values.items() if "." not in name}
    for part, made in _PARTS.items():
        inside = {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{part}.")}
        found |= {part: made(**inside)} if inside else {}
    return found


# --- many points ----------------------------------------------------------------------------------------------------------


_MANY = 1000


class _Points:
    """Many points: batches first, where they are to be found, then the numbers that are asked for."""

    def __init__(
        self,
        deployment: Deployment,
        limits: Limits,
        batch: Numbers | None,
        shape: tuple[int, ...],
        optimised: bool,
    ) -> None:
        self._given, self._shape, self._optimised = (deployment, limits), shape, optimised
        self._recorder, self._known = Recorder(), dict[str, Any]()
        if batch is None:
            batch = chunks.in_chunks(partial(serving.best_batch, call=self._call), self._given, shape, threads())
        self._chosen = batch

    @property
    def _few(self) -> bool:
        return math.prod(self._shape) <= chunks.POINTS

    @property
    def _call(self) -> serving.Call:
        """A recording costs as much as some questions about few points do, and less than the many of a search over more."""
        return self._recorder if math.prod(self._shape) > _MANY else directly

    @cached_property
    def _told(self) -> _Told:
        """Of few points."""
        return _Told(*self._given, self._chosen, self._optimised, self._call)

    def number(self, name: str) -> Any:
        """One of `_FIELDS`; of many points it is found with those that belong to it."""
        if name not in self._known:
            self._known |= {name: _shown(self._told, name)} if self._few else self._group(_GROUP[name])
        return _whole(self._known[name], self._shape)

    def _group(self, names: tuple[str, ...]) -> dict[str, Any]:
        def some(deployment: Deployment, limits: Limits, chosen: Numbers) -> dict[str, Any]:
            told = _Told(deployment, limits, chosen, self._optimised, self._recorder)
            return {name: _shown(told, name) for name in names}

        found: dict[str, Any] = chunks.in_chunks(some, (*self._given, self._chosen), self._shape, threads())
        return found


class _Deferred(Throughput):
    """A `Throughput` of many points whose fields are computed when they are first read."""

    __qualname__ = "Throughput"  # which it is to whoever reads it

    def __getattr__(self, name: str) -> Any:
        """A field that has not been read before."""
        points = self.__dict__.get("_points")
        if points is None or name not in Throughput.__dataclass_fields__:
            raise AttributeError(f"{type(self).__qualname__!r} object has no attribute {name!r}")
        inside = [each for each in _FIELDS if name in {each, each.partition(".")[0]}]
        values = _parted({each: points.number(each) for each in inside})
        self.__dict__[name] = _WORDS[name][values[name]] if name in _WORDS else values[name]
        return self.__dict__[name]

    def __reduce__(self) -> Any:
        """As the answer it stands for."""
        return Throughput, tuple(getattr(self, item.name) for item in fields(self))


def _deferred(points: _Points, setting: Mapping[str, Any]) -> Throughput:
    found = object.__new__(_Deferred)
    found.__dict__.update(_points=points, setting=setting)
    points.number("feasible")  # and with it whatever is to be said against the case
    return found


# --- words ----------------------------------------------------------------------------------------------------------------


def _words(texts: Iterable[str]) -> npt.NDArray[np.object_]:
    """Texts to take by number; millions of points share them."""
    return np.array(list(texts), dtype=object)


_BOUND = _words([*serving.BOUNDS, ""])

# why a case cannot be served, in the order a person would find out
_REASONS = MappingProxyType(
    {
        "context": "input and output are longer than the model's context",
        "memory": "weights, cache and activations do not fit",
        "rate": "more requests come than are served",
        "ttft": "the first token comes later than wanted",
        "speed": "slower than wanted",
    }
)
_KINDS = ("", *_REASONS)
_SAID = _words(["", *(f"{kind}: {text}" for kind, text in _REASONS.items())])
_WORDS = MappingProxyType({"reason": _SAID, "binding": _BOUND})


def _worded(told: _Told) -> np.str_:
    """The reason why a single case cannot be served, with its numbers; "" where it can."""
    kind = _KINDS[int(told.why)]
    if not kind:
        return np.str_("")
    alone = bool(told.none or np.equal(told.used, 1.0))
    return np.str_(f"{kind}: {_REASONS[kind]} ({_figures(kind, told.deployment, told.limits, told.found, alone=alone)})")


def _figures(kind: str, deployment: Deployment, limits: Limits, found: Rates, *, alone: bool) -> str:
    """The numbers behind a reason."""
    word = inputs.words
    requests = "one request alone" if alone else f"{word(found.batch)} requests"
    match kind:
        case "context":
            tokens = deployment.input_tokens + deployment.output_tokens
            return f"{word(tokens)} tokens, {deployment.model.name} takes {word(deployment.model.max_context)}"
        case "memory":
            memory, capacity = serving.memory_used(deployment, found.batch), serving.memory_capacity(deployment)
            return f"{requests}: {word(memory / 1e9)} GB, usable are {word(capacity / 1e9)} GB of {deployment.system.name}"
        case "ttft":
            return f"{requests}: {word(found.ttft_s)} s, wanted {word(limits.max_ttft)} s"
        case "rate" if not found.waiting.stable:
            return "prompts come faster than they are prefilled"
        case "rate":
            return f"at most {word(found.throughput / deployment.output_tokens)} a second within the limits"
        case _:
            return f"{requests}: {word(found.speed)} tok/s/user, wanted {word(limits.speed)}"
