"""What the ranks of one replica send each other, and how long it takes.

Per layer: tensor parallelism sums its partial results in two all-reduces; data-parallel attention gathers the tokens of all
ranks before the experts and scatters the sums after them; with expert parallelism it sends each token to the ranks that
hold its experts (fp8) and takes the results back (bf16); a pipeline hands the residual stream to the next stage. Nothing
of it overlaps with arithmetic: traces of both vendors show none (physics notes, section 3).

Source: Thakur et al. 2005 (doi:10.1177/1094342005051521) for the bytes of ring collectives; DeepSeek-V3
(arXiv:2412.19437) and DeepEP for dispatch and combine; latencies and shares of the link in the table `kernels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model
from fleetline.catalog.types import CollectiveLaw, System, Timings
from fleetline.errors import InputError
from fleetline.physics.remembered import remembered
from fleetline.physics.sharding import Degrees, imbalance

# Bytes of a value on its way to an expert and elsewhere. Source: DeepSeek-V3 (arXiv:2412.19437), section 3.4; DeepEP.
DISPATCHED, REDUCED = 1.0, 2.0


@dataclass(frozen=True)
class Fabric:
    """The links between the GPUs of a system.

    Attributes:
        link: scale-up bandwidth of one GPU, one direction [byte/s].
        domain: GPUs that share the scale-up links.
        laws: of every collective over them.
        out_latency, out_bandwidth: of the scale-out link of one GPU, as reached [s], [byte/s].
        imbalance: law of the busiest expert rank.
    """

    link: float
    domain: float
    laws: Mapping[str, CollectiveLaw]
    out_latency: float
    out_bandwidth: float
    imbalance: tuple[float, float]


def fabric_of(system: System, timings: Timings) -> Fabric:
    """The links of a system, with the measured laws of its chip.

    Raises:
        InputError: its link bandwidth is not known.
    """
    chip = system.chip
    if chip.scaleup_bandwidth is None:
        said = f"system {system.name}: no scale-up bandwidth is known of {chip.name}"
        raise InputError(said, field="system", got=system.name)
    return Fabric(
        link=chip.scaleup_bandwidth,
        domain=float(chip.scaleup_domain or np.max(system.gpus)),
        laws=timings.collectives,
        out_latency=timings.scale_out_latency,
        out_bandwidth=timings.scale_out_bandwidth,
        imbalance=timings.imbalance,
    )


@dataclass(frozen=True)
class Message:
    """`calls` collectives one after the other among `group` GPUs, in which one GPU sends `sent` bytes in all [byte]."""

    kind: str
    group: Numbers
    calls: Numbers
    sent: Numbers


def messages(model: Model, degrees: Degrees, tokens: Numbers, passes: Numbers, fabric: Fabric) -> tuple[Message, ...]:
    """All messages of one GPU while its data-parallel rank runs `tokens` new tokens in `passes` passes."""
    stream = tokens * model.hidden  # values of the residual stream, for all passes
    return tuple(
        Message(one.kind, one.group, passes * one.calls, one.sent * stream) for one in _a_pass(model, degrees, fabric)
    )


@remembered
def _a_pass(model: Model, degrees: Degrees, fabric: Fabric) -> tuple[Message, ...]:
    """The messages of one pass, and bytes sent for each value of the residual stream; none that is never sent."""
    sparse = 0.0 if model.experts is None else model.experts.layers
    every = (
        _all_reduces(model.layers, sparse, degrees),
        *_gathers(sparse, degrees),
        *_exchanges(model, degrees, fabric),
        _hops(degrees),
    )
    return tuple(one for one in every if np.any(one.calls))


def _all_reduces(layers: float, sparse: float, degrees: Degrees) -> Message:
    """After attention and after each feed-forward block; with data-parallel attention the experts send otherwise."""
    tp = degrees.tp
    each = (2.0 * layers - sparse * _several(degrees.dp)) * _several(tp)
    return Message("all_reduce", tp, each, each * 2.0 * (tp - 1.0) / tp * REDUCED)


def _gathers(sparse: float, degrees: Degrees) -> tuple[Message, ...]:
    """Data-parallel attention over experts split inside: everyone needs every token, and returns a sum for each."""
    ranks = degrees.ranks
    each = sparse * _several(degrees.dp) * (1.0 - _several(degrees.ep))
    sent = each * (ranks - 1.0) / ranks * degrees.dp * REDUCED
    return (Message("all_gather", ranks, each, sent), Message("reduce_scatter", ranks, each, sent))


def _exchanges(model: Model, degrees: Degrees, fabric: Fabric) -> tuple[Message, ...]:
    """Each token once to every other group of ranks that has one of its experts; the busiest rank receives most."""
    if model.experts is None:
        return ()
    ep = degrees.ep
    each = model.experts.layers * _several(degrees.dp) * _several(ep)
    distinct = ep * (1.0 - (1.0 - 1.0 / ep) ** model.experts.per_token)
    copies = distinct * (ep - 1.0) / ep * degrees.expert_tp * imbalance(ep, fabric.imbalance)
    values = each * copies / degrees.tp  # the ranks of one attention group send a share of its tokens each
    return (
        Message("dispatch", ep * degrees.expert_tp, each, values * DISPATCHED),
        Message("combine", ep * degrees.expert_tp, each, values * REDUCED),
    )


def _hops(degrees: Degrees) -> Message:
    """A token passes every stage and returns to the first: `pp` hops, timed as a gather of two."""
    hops = degrees.pp * _several(degrees.pp)
    return Message("all_gather", 2.0, hops, hops * REDUCED / degrees.tp)


def _several(degree: Numbers) -> Numbers:
    """1 where there is more than one GPU to talk to, else 0."""
    return np.where(np.greater(degree, 1), 1.0, 0.0)[()]


def message_time(message: Message, fabric: Fabric) -> Numbers:
    """Time of a message [s]: over the scale-up links, or over the scale-out link where that takes longer.

    Of a group larger than the domain, a share 1 - domain / group of the bytes leaves it.
    """
    law = fabric.laws[message.kind]
    latency = law.latency + law.latency_per_doubling * np.log2(np.maximum(message.group, 2.0) / 2.0)
    inside = message.calls * latency + message.sent / (law.bandwidth_share * fabric.link)
    leaving = np.maximum(1.0 - fabric.domain / message.group, 0.0)
    if not np.any(leaving):
        return inside
    outside = message.calls * fabric.out_latency + message.sent * leaving / fabric.out_bandwidth
    return np.where(leaving > 0, np.maximum(inside, outside), inside)[()]


def network_time(sent: Iterable[Message], fabric: Fabric) -> Numbers:
    """Time of all messages, one after the other [s]."""
    return sum((message_time(message, fabric) for message in sent), start=0.0)
