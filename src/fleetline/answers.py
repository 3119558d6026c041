"""Everything that is told of a deployment at a batch: its rates, what binds them, what they cost, or why there are none.

Arrays are answered a chunk of points at a time, so that memory does not grow with them but for the answer itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline import inputs
from fleetline.architecture.attention import Numbers
from fleetline.physics import serving
from fleetline.physics.chunks import in_chunks
from fleetline.physics.critical import critical_batch
from fleetline.physics.serving import Deployment, Limits, Rates


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

    `optimised`: whether the batch is the best one, so that what keeps it from growing is told, and not what it waits for.
    """
    shape = np.broadcast_shapes(np.shape(batch) if batch is not None else (), serving.shape_of(deployment, limits))
    told = in_chunks(partial(_answered, optimised=optimised), (deployment, limits, batch), shape)
    return replace(told, setting=setting)


def _answered(deployment: Deployment, limits: Limits, batch: Numbers | None, *, optimised: bool) -> Throughput:
    """The answer to as many points as fit in a processor's cache."""
    chosen = serving.best_batch(deployment, limits) if batch is None else batch
    used = np.where(np.equal(chosen, 0.0), deployment.placement.ranks, chosen)[()]
    found = serving.rates(deployment, used)
    memory = serving.memory_used(deployment, used)
    none = np.equal(chosen, 0.0)
    why = _why(deployment, limits, found, memory, none)
    feasible = np.asarray(why == 0)
    bound = serving.bound(deployment, limits, found) if optimised else serving.longest_wait(found.cycle)
    usd_per_s, power = deployment.terms.usd_per_s(deployment.system), deployment.system.power
    values: dict[str, Numbers] = {
        "batch": used,
        "critical_batch": critical_batch(deployment),
        "sessions": serving.sessions(deployment, found),
        "throughput_tok_s": found.throughput,
        "throughput_tok_s_gpu": found.throughput / deployment.system.gpus,
        "speed_tok_s_user": found.speed,
        "interactivity_tok_s_user": 1.0 / _where(feasible, found.tpot_s),  # no time at all beside prompts that never end
        "ttft_s": found.ttft_s,
        "ttft_p90_s": found.waiting.percentile_s(0.90),
        "ttft_p99_s": found.waiting.percentile_s(0.99),
        "tpot_s": found.tpot_s,
        "cycle_s": found.cycle.total_s,
        "network_s": found.cycle.network_s,
        "latency_s": found.cycle.latency_s,
        "memory_used_bytes": memory,
        "cost_usd_per_mtok_output": 1e6 * usd_per_s / found.throughput,
        "energy_j_per_output_token": np.nan if power is None else power / found.throughput,
    }
    shown = {name: _where(feasible, value) for name, value in values.items()}
    stages = {
        name: StageSeconds(_where(feasible, stage.compute_s), _where(feasible, stage.bandwidth_s))
        for name, stage in (("prefill", found.prefill), ("decode", found.decode))
    }
    return Throughput(
        feasible=feasible[()],
        reason=_worded(why, deployment, limits, found, alone=bool(np.all(none | np.equal(used, 1.0)))),
        binding=_named(_BOUND, np.where(feasible, bound, _UNBOUND)),
        memory_capacity_bytes=_where(True, np.broadcast_to(serving.memory_capacity(deployment), feasible.shape)),
        setting=_UNSET,
        prices_usd_per_mtok=_prices(deployment, found, usd_per_s, feasible),
        **shown,
        **stages,
    )


_UNSET: Mapping[str, Any] = MappingProxyType({})


def _prices(deployment: Deployment, found: Rates, usd_per_s: Numbers, feasible: npt.NDArray[np.bool_]) -> Prices:
    part = serving.shares(deployment, found)
    cycle = 1e6 * usd_per_s * found.output_tokens / found.throughput
    return Prices(*(_where(feasible, cycle * share) for share in (part.input, part.cached, part.output)))


def _where(feasible: npt.NDArray[np.bool_] | bool, value: Numbers) -> Any:
    return np.where(feasible, value, np.nan)[()]


def _words(texts: Iterable[str]) -> npt.NDArray[np.object_]:
    """Texts to take by number; millions of points share them."""
    return np.array(list(texts), dtype=object)


def _named(words: npt.NDArray[np.object_], number: npt.NDArray[np.int8]) -> Any:
    return words[number] if number.shape else np.str_(words[int(number)])


_BOUND = _words([*serving.BOUNDS, ""])
_UNBOUND = len(serving.BOUNDS)

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


def _why(
    deployment: Deployment, limits: Limits, found: Rates, memory: Numbers, none: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int8]:
    """Number of the first reason why a case cannot be served, 0 where it can; `none`: not even one request is allowed."""
    fails = (
        ~serving.within_context(deployment),
        memory > serving.memory_capacity(deployment),
        serving.overrun(deployment, found) & (np.logical_not(none) | np.logical_not(found.waiting.stable)),
        found.ttft_s > limits.max_ttft,
        found.speed < limits.speed,
    )
    shape = np.broadcast_shapes(np.shape(found.batch), serving.shape_of(deployment, limits))
    why = np.zeros(shape, dtype=np.int8)
    for number in range(len(fails), 0, -1):
        np.copyto(why, np.int8(number), where=fails[number - 1])
    return why


def _worded(why: npt.NDArray[np.int8], deployment: Deployment, limits: Limits, found: Rates, *, alone: bool) -> Any:
    """The reasons in words; with the numbers when it is a single case."""
    if why.shape or not why:
        return _named(_SAID, why)
    kind = _KINDS[int(why)]
    return np.str_(f"{kind}: {_REASONS[kind]} ({_figures(kind, deployment, limits, found, alone=alone)})")


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
