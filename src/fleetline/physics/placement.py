"""Where a deployment runs: on one pool taken for a single large chip, sharded over GPUs, or sharded in two pools.

A placement turns a batch of requests into the load of one machine, and says which part of the model that machine runs, what
its messages cost and how its two stages make a request. Everything else asks it, and never what kind it is.

Source: article, section Prefill (a rack as one machine); sharding as in `sharding`; pools as in `schedules/disaggregated`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model
from fleetline.catalog.types import Checkpoint, System
from fleetline.physics.arrivals import Waiting
from fleetline.physics.engines import Pool, Shared, Timed
from fleetline.physics.network import Fabric, Message, message_time, messages, network_time
from fleetline.physics.roofline import IDLE, Leg, StageTime
from fleetline.physics.schedules import Cycle, cycle
from fleetline.physics.schedules.disaggregated import slower_pool
from fleetline.physics.sharding import Degrees, shard
from fleetline.physics.stages import Stage
from fleetline.physics.work import cache_bytes

# Batches are whole multiples of the ranks up to what division of floats can tell.
_SLACK = 1e-9


@dataclass(frozen=True)
class Timing:
    """A cycle of one machine (its batch served once), and waiting and wall time of one of its requests [s]."""

    cycle: Cycle
    waiting: Waiting
    request_s: Numbers


class Placement(Protocol):
    """What the rest of the physics asks of a placement."""

    @property
    def ranks(self) -> Numbers:
        """Machines that each serve requests of their own: a batch divides over them."""

    @property
    def machines(self) -> Numbers:
        """Machines in all, each with the memory of its own."""

    @property
    def stages(self) -> Numbers:
        """Pipeline stages that the weights are divided over."""

    @property
    def in_turn(self) -> bool:
        """Whether every machine runs both stages, so that a cycle is the schedule's legs one after the other."""

    def load(self, batch: Numbers) -> Numbers:
        """Requests of the busiest rank [request]."""

    def prompts(self, load: Numbers) -> Numbers:
        """Requests whose prompts are prefilled together before the first of them has its first token [request]."""

    def part(self, model: Model) -> Model:
        """What one machine runs."""

    def machine(self, system: System) -> System:
        """One machine."""

    def network_s(self, model: Model, stage: Stage, passes: Numbers) -> Numbers:
        """Time of a stage's messages [s]."""

    def handover_s(self, part: Model, checkpoint: Checkpoint, stage: Stage) -> Numbers:
        """Time to hand a prefilled cache on to where it is decoded [s]."""

    def timing(self, timed: Timed) -> Timing:
        """The cycle of two stages, and a request's times."""


@dataclass(frozen=True)
class Whole:
    """All chips as one: weights once, nothing repeated, nothing sent. Source: article, section Introducing our setting."""

    ranks: Numbers = 1.0
    machines: Numbers = 1.0
    stages: Numbers = 1.0
    in_turn: bool = True

    def load(self, batch: Numbers) -> Numbers:
        """All of the batch."""
        return batch

    def prompts(self, load: Numbers) -> Numbers:
        """All of them: TTFT is the prefill of the whole batch."""
        return load

    def part(self, model: Model) -> Model:
        """All of it."""
        return model

    def machine(self, system: System) -> System:
        """All of it."""
        return system

    def network_s(self, _model: Model, _stage: Stage, _passes: Numbers) -> Numbers:
        """Nothing is sent."""
        return 0.0

    def handover_s(self, _part: Model, _checkpoint: Checkpoint, _stage: Stage) -> Numbers:
        """Nothing is handed on."""
        return 0.0

    def timing(self, timed: Timed) -> Timing:
        """One machine does both."""
        return _in_one(timed, self.ranks)


@dataclass(frozen=True)
class Sharded:
    """Replicas of `degrees.gpus` GPUs each, on `gpus` of them; a machine is one GPU."""

    degrees: Degrees
    gpus: Numbers
    fabric: Fabric

    @property
    def in_turn(self) -> bool:
        """Both stages."""
        return True

    @property
    def ranks(self) -> Numbers:
        """Attention groups of `tp` GPUs: data-parallel ranks and pipeline stages of every replica."""
        return self.gpus / self.degrees.tp

    @property
    def machines(self) -> Numbers:
        """Every GPU."""
        return self.gpus

    @property
    def stages(self) -> Numbers:
        """Pipeline stages."""
        return self.degrees.pp

    def load(self, batch: Numbers) -> Numbers:
        """Requests are whole: the busiest rank has the most."""
        return np.ceil(batch / self.ranks - _SLACK)

    def prompts(self, load: Numbers) -> Numbers:
        """All of the rank's, as in a whole machine."""
        return load

    def part(self, model: Model) -> Model:
        """One GPU's share of it."""
        return shard(model, self.degrees, self.fabric.imbalance)

    def machine(self, system: System) -> System:
        """One GPU."""
        return replace(system, gpus=1.0)

    def network_s(self, model: Model, stage: Stage, passes: Numbers) -> Numbers:
        """All messages of one GPU, one after the other [s]."""
        tokens = stage.tokens_per_pass * stage.passes
        return network_time(messages(model, self.degrees, tokens, passes, self.fabric), self.fabric)

    def handover_s(self, _part: Model, _checkpoint: Checkpoint, _stage: Stage) -> Numbers:
        """The cache is decoded where it was prefilled."""
        return 0.0

    def timing(self, timed: Timed) -> Timing:
        """A request takes one cycle."""
        return _in_one(timed, self.ranks)


@dataclass(frozen=True)
class Pooled(Sharded):
    """Replicas in two pools: `prefill_replicas` of them prefill, the others decode what they are sent."""

    prefill_replicas: Numbers = 1.0

    @property
    def in_turn(self) -> bool:
        """Each only one."""
        return False

    @property
    def ratio(self) -> Numbers:
        """Decode replicas to one prefill replica [1]."""
        return self.gpus / self.degrees.gpus / self.prefill_replicas - 1.0

    @property
    def ranks(self) -> Numbers:
        """Attention groups that decode."""
        return (self.gpus - self.prefill_replicas * self.degrees.gpus) / self.degrees.tp

    def prompts(self, _load: Numbers) -> Numbers:
        """One: prompts arrive as decoded requests leave, one after the other."""
        return 1.0

    def handover_s(self, part: Model, checkpoint: Checkpoint, stage: Stage) -> Numbers:
        """Every GPU sends its share of each prompt's cache over its link, after prefill [s]."""
        sent = stage.sequences * cache_bytes(part, checkpoint, stage.end)
        return message_time(Message("all_gather", 2.0, stage.sequences, sent), self.fabric)

    def timing(self, timed: Timed) -> Timing:
        """The slower pool rules; a request waits for other prompts, its own prefill, its transfer and its decode."""
        before, after, alone = (_apart(each) for each in (timed.prefill, timed.decode, timed.first))
        total = slower_pool(before.total_s, after.total_s, self.ratio)
        slow = np.greater_equal(after.total_s, total)

        def ruling(early: Numbers, late: Numbers) -> Numbers:
            return np.where(slow, late, self.ratio * early)[()]

        whole = Cycle(
            tuple(
                Leg(ruling(early.compute_s, late.compute_s), ruling(early.bandwidth_s, late.bandwidth_s))
                for early, late in zip(before.legs, after.legs, strict=True)
            ),
            ruling(before.latency_s, after.latency_s),
            ruling(before.network_s, after.network_s),
        )
        clients = self.ratio * timed.load
        waiting = timed.arrivals.waiting(Pool(clients, alone.total_s, after.total_s, self.ratio / self.ranks))
        return Timing(whole, waiting, waiting.mean_s + after.total_s)


def _in_one(timed: Timed, ranks: Numbers) -> Timing:
    whole, waiting = timed.cycle, timed.arrivals.waiting(Shared(timed, 1.0 / ranks))
    answer_s = cycle(timed.schedule, IDLE, timed.decode).total_s
    return Timing(whole, waiting, timed.arrivals.request_s(waiting, whole.total_s, answer_s))


WHOLE = Whole()


def _apart(stage: StageTime) -> Cycle:
    return cycle(lambda one, _: (one.linear, one.attention), stage, IDLE)
