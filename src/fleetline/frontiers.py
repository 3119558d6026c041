"""Throughput against speed, by name: over batches of one configuration, or over every configuration there is.

What is not fixed is looked through: degrees of parallelism, schedule (chunked; disaggregated with its pools), speculation
(none, or the model's own drafts at every depth of the table `speculation`, at their cost) and batch. All of it is evaluated
as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from fleetline import inputs
from fleetline.answers import Throughput, answer
from fleetline.catalog import Catalog, load
from fleetline.deployment import (
    DEGREES,
    PARALLEL_PRESET,
    Options,
    configuration,
    deploy,
    exact,
    limits_of,
    schedule_named,
)
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.candidates import degrees_of, pareto
from fleetline.physics.network import fabric_of
from fleetline.physics.placement import Pooled, Sharded
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Deployment, Limits
from fleetline.physics.sharding import Degrees
from fleetline.physics.stages import Draft
from fleetline.speculations import OWN, Asked, depths, own

Array = npt.NDArray[np.float64]
SEARCHED = ("chunked", "disaggregated")
# Shares of the replicas that prefill, tried besides one and all but one; and batches tried of every configuration.
_POOLS = (1 / 8, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)
_BATCHES, _FEW = 32, 8  # spaced by ratio; and every number of requests a rank up to


def frontier(
    model: str,
    system: str,
    workload: str | None = None,
    *,
    points: int = 60,
    speed: float | None = None,
    max_ttft: float | None = None,
    offline: bool = False,
    **options: Unpack[Options],
) -> Throughput:
    """Throughput against speed: the points that no other tried beats in both, slowest first.

    With degrees, or with a preset of shares (fitted, article, ideal), one configuration is taken over its batches; else
    every configuration is looked through, as the module says, with the schedule and speculation given, if they are.

    Args:
        points: at most so many batches of a configuration, evenly spaced by ratio up to the largest that adds throughput.
        speed, max_ttft: only points that are at least this fast [token/s/user] and quick to the first token [s].
        offline: only the one point that serves most, of work that nobody waits for.
        model, system, workload, **options: as in `throughput`; one deployment, so floats only.

    Raises:
        InputError: as `throughput`; also for arrays.
    """
    count = inputs.within("points", points, 2, 100_000, low_open=False, high_open=False)
    if np.ndim(count) or count != np.floor(count):
        raise InputError(f"points: got {points}, allowed a whole number", field="points", got=str(points))
    limits = limits_of(speed, max_ttft, given_batch=not inputs.flag("offline", offline), catalog=load(), offline=offline)
    if searched(options):
        found = explore(model, system, workload, limits, **options).frontier(min(int(count), _BATCHES))
    else:
        found = _over_batches(model, system, workload, limits, int(count), options)
    found = _served(found)
    return _take(found, np.array([np.argmax(found.throughput_tok_s)])) if offline and np.ndim(found.feasible) else found


def _served(found: Throughput) -> Throughput:
    """The points that can be served; where none can, as at too many requests a second, one of them with the reason."""
    good = np.flatnonzero(found.feasible)
    if np.ndim(found.feasible) == 0 or good.size == np.size(found.feasible):
        return found
    if good.size:
        return _take(found, good)
    return replace(_take(found, np.asarray(0)), reason=np.str_(found.reason[0]))


def searched(options: Options) -> bool:
    """Whether configurations are looked for: no degrees are given, and no preset without kernels."""
    preset = options.get("preset")
    given = any(options.get(name) is not None for name in DEGREES)
    return not given and (preset is None or load().preset(preset).costs == "kernels")


def _over_batches(
    model: str, system: str, workload: str | None, limits: Limits, points: int, options: Options
) -> Throughput:
    deployment, setting = deploy(model, system, workload, **options)
    _one(deployment, limits)
    best = float(serving.best_batch(deployment, limits))
    if best == 0.0:
        return answer(deployment, limits, best, setting, optimised=True)
    ranks = float(deployment.placement.ranks)
    batches = np.unique(np.round(np.geomspace(1.0, best / ranks, points))) * ranks
    found = answer(deployment, limits, batches, setting, optimised=True)
    return _take(found, pareto(found.speed_tok_s_user, found.throughput_tok_s))


def _one(deployment: Deployment, limits: Limits) -> None:
    if serving.shape_of(deployment, limits):
        raise InputError("frontier: one deployment at a time, give floats", field="frontier")


@dataclass(frozen=True)
class Explored:
    """All configurations of one question: for each schedule a deployment whose degrees and speculation are arrays."""

    deployments: Mapping[str, Deployment]
    limits: Limits
    setting: Mapping[str, Any]

    def frontier(self, batches: int) -> Throughput:
        """Points that no batch of any configuration beats in speed and throughput at once.

        Tried are all small batches of every configuration, and so many up to the largest allowed. Each point of the Pareto
        set of those is then held against the batches between: where a configuration keeps the point's speed beyond one it
        was tried at, and could serve more before the next, the largest batch that keeps it is found by bisection. Exact,
        since within a configuration more requests never serve less, nor each of them sooner.
        """
        tried = [self._tried(schedule, batches) for schedule in self.deployments]
        if not any(each.speed.size for each in tried):
            return self.infeasible()
        every = _Tried.joined(tried)
        points = sampled = every.at(pareto(every.speed, every.rate))
        for number, schedule in enumerate(self.deployments):
            own = every.at(np.flatnonzero(every.schedule == number))
            points = points.improved(*self._between(schedule, own, sampled))
        points = points.at(pareto(points.speed, points.rate))
        parts = [
            self.answer(schedule, points.place[mine], points.batch[mine])
            for number, schedule in enumerate(self.deployments)
            if (mine := np.flatnonzero(points.schedule == number)).size
        ]
        found = _joined(parts)
        return _take(found, np.argsort(found.speed_tok_s_user))

    def _tried(self, schedule: str, batches: int) -> _Tried:
        deployment = self.deployments[schedule]
        most = serving.largest_batch(deployment, self.limits) / deployment.placement.ranks
        able = np.flatnonzero(most > 0)
        spaced = np.round(np.exp(np.log(most[able])[:, None] * np.linspace(0.0, 1.0, batches)))
        few = np.minimum(np.arange(1.0, _FEW + 1.0), most[able][:, None])
        loads = np.sort(np.concatenate([few, spaced], axis=1), axis=1)
        fresh = np.diff(loads, axis=1, prepend=0.0) > 0
        place = np.broadcast_to(able[:, None], loads.shape)[fresh]
        each = at(deployment, place)
        batch = np.asarray(loads[fresh] * each.placement.ranks)
        found = serving.rates(each, batch)
        good = (found.speed >= self.limits.speed) & (found.ttft_s <= self.limits.max_ttft)
        speed, rate = np.asarray(found.speed)[good], np.asarray(found.throughput)[good]
        return _Tried(np.zeros(speed.shape, dtype=np.intp), place[good], batch[good], speed, rate)

    def _between(self, schedule: str, tried: _Tried, points: _Tried) -> tuple[_Tried, npt.NDArray[np.intp]]:
        """Batches between those tried that serve more than a point at its speed, and the points that each of them beats."""
        deployment = self.deployments[schedule]
        ranks = np.broadcast_to(deployment.placement.ranks, _size(deployment))
        load = tried.batch / ranks[tried.place]
        follows = np.flatnonzero((np.diff(tried.place) == 0) & (np.diff(load) > 1.0))
        first, last = (np.searchsorted(points.speed, tried.speed[follows + shift], side="right") for shift in (1, 0))
        count = np.maximum(last - first, 0)  # requests at random may be answered sooner in a larger batch
        interval = np.repeat(follows, count)
        point = np.arange(interval.size) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        promising = tried.rate[interval + 1] > points.rate[point]
        interval, point = interval[promising], point[promising]
        place = tried.place[interval]
        chosen, low, high = at(deployment, place), load[interval], load[interval + 1]
        while np.any(high - low > 1.0):
            middle = np.floor((low + high) / 2.0)
            quick = serving.rates(chosen, middle * ranks[place]).speed >= points.speed[point]
            low, high = np.where(quick, middle, low), np.where(quick, high, middle)
        batch = low * ranks[place]
        found = serving.rates(chosen, batch)
        rate, speed = np.asarray(found.throughput), np.asarray(found.speed)
        return _Tried(tried.schedule[interval], place, batch, speed, rate), point

    def best(self) -> Throughput:
        """The one configuration, at its best batch, that serves most."""
        tops = []
        for schedule, deployment in self.deployments.items():
            batch = serving.best_batch(deployment, self.limits)
            rate = serving.rates(deployment, np.where(batch > 0, batch, deployment.placement.ranks)).throughput
            place = int(np.argmax(np.where(batch > 0, rate, -1.0)))
            if batch[place] > 0:
                tops.append((float(np.asarray(rate)[place]), schedule, place, float(batch[place])))
        if not tops:
            return self.infeasible()
        _, schedule, place, requests = max(tops)
        return _take(self.answer(schedule, np.array([place]), np.array([requests])), np.asarray(0))

    def answer(self, schedule: str, place: npt.NDArray[np.intp], batch: Array) -> Throughput:
        """Everything about some configurations at some batches."""
        chosen = at(self.deployments[schedule], place)
        return answer(chosen, self.limits, batch, self._setting(schedule, chosen, place.size), optimised=True)

    def infeasible(self) -> Throughput:
        """Why not even one request is allowed: of the configuration that holds one and comes nearest to what is wanted.

        Where none holds one, of the one that needs least memory.
        """
        schedule, place = max((self._nearest(schedule) for schedule in self.deployments), key=lambda each: each[0])[1:]
        single = at(self.deployments[schedule], np.asarray(place))
        return answer(single, self.limits, 0.0, self._setting(schedule, single, 1), optimised=True)

    def _nearest(self, schedule: str) -> tuple[tuple[bool, float], str, int]:
        """How near one request of a schedule's nearest configuration is: whether it fits, and how well; and its place."""
        deployment = self.deployments[schedule]
        alone = np.broadcast_to(deployment.placement.ranks, _size(deployment))
        holds = serving.fits(deployment, alone)
        if not holds.any():
            needed = np.broadcast_to(serving.memory_used(deployment, alone), alone.shape)
            place = int(np.argmin(needed))
            return (False, -float(needed[place])), schedule, place
        found = serving.rates(deployment, alone)
        slack = np.minimum(found.speed / max(float(self.limits.speed), 1e-9), self.limits.max_ttft / found.ttft_s)
        place = int(np.argmax(np.where(holds, slack, -1.0)))
        return (True, float(np.asarray(slack)[place])), schedule, place

    def _setting(self, schedule: str, chosen: Deployment, count: int) -> Mapping[str, Any]:
        (spoken,) = (each for each in chosen.rewrites if isinstance(each, Speculative))
        pairs = zip(*np.broadcast_arrays(spoken.verified, spoken.accepted, np.ones(count))[:2], strict=True)
        given = self.setting["speculative"]
        words = [None if verified == 1.0 else given or f"{OWN}:{verified - 1.0:g}" for verified, _ in pairs]
        named: dict[str, Any] = {"schedule": np.array([schedule] * count), "speculative": np.array(words, dtype=object)}
        return MappingProxyType({**self.setting, **named, "configuration": configuration(chosen)})


@dataclass(frozen=True)
class _Tried:
    """Points: of which schedule (by number) and configuration, at which batch, and what came of it. Shape (points,)."""

    schedule: npt.NDArray[np.intp]
    place: npt.NDArray[np.intp]
    batch: Array
    speed: Array
    rate: Array

    def at(self, chosen: npt.NDArray[np.intp]) -> _Tried:
        """Some of the points."""
        return _Tried(*(getattr(self, item.name)[chosen] for item in fields(self)))

    @staticmethod
    def joined(parts: Sequence[_Tried]) -> _Tried:
        """The points of all schedules, which get their numbers."""
        numbered = [replace(each, schedule=np.full(each.place.shape, number)) for number, each in enumerate(parts)]
        return _Tried(*(np.concatenate([getattr(each, item.name) for each in numbered]) for item in fields(_Tried)))

    def improved(self, others: _Tried, point: npt.NDArray[np.intp]) -> _Tried:
        """Each point, or of the `others` at its speed (`point` says at whose) the one that serves most."""
        order = np.argsort(others.rate, kind="stable")  # of several for one point the last one written stays: the highest
        order = order[others.rate[order] > self.rate[point[order]]]
        changed = {item.name: getattr(self, item.name).copy() for item in fields(self)}
        for name, values in changed.items():
            values[point[order]] = getattr(others, name)[order]
        return _Tried(**changed)


def explore(
    model: str,
    system: str,
    workload: str | None = None,
    limits: Limits | None = None,
    *,
    each_replica: bool = False,
    **options: Unpack[Options],
) -> Explored:
    """Every configuration of a question.

    Args:
        limits: what every point must keep.
        each_replica: configurations on only the GPUs they need, instead of replicas that fill the system.
        model, system, workload, **options: as in `throughput`, floats only.

    Raises:
        InputError: as `throughput`; also for arrays, or where the links of the chip are not known.
    """
    catalog, limits = load(), limits or Limits()
    whole: Options = {**options, "schedule": None, "preset": options.get("preset") or PARALLEL_PRESET, "tp": 1.0}
    base, setting = deploy(model, system, workload, **whole)
    _one(base, limits)
    fabric = fabric_of(base.system, catalog.timings_of(base.system.chip.name, options.get("framework") or ""))
    gpus = int(np.max(base.system.gpus))
    names = SEARCHED if options.get("schedule") is None else (schedule_named(options["schedule"]),)
    spoken = _speculations(catalog, model, base, options)
    found: dict[str, Deployment] = {}
    for name in names:
        degrees, room, pools = _grid(degrees_of(base.model, gpus), gpus, pooled=name == "disaggregated", alone=each_replica)
        if not room.size:
            continue
        spread = np.tile(np.arange(room.size), len(spoken.pairs))
        sharded = Degrees(*(np.asarray(getattr(degrees, each))[spread] for each in DEGREES))
        placement = Sharded(sharded, room[spread], fabric)
        if name == "disaggregated":
            placement = Pooled(sharded, room[spread], fabric, pools[spread])
        verified, accepted = (np.repeat([pair[side] for pair in spoken.pairs], room.size) for side in (0, 1))
        found[name] = replace(
            base,
            schedule=SCHEDULES[name],
            placement=placement,
            system=replace(base.system, gpus=room[spread]),
            rewrites=(*_kept(base), Speculative(verified, accepted, spoken.draft)),
        )
    if not found:
        raise InputError("schedule: disaggregated needs two replicas at least", field="schedule", got=names[0])
    return Explored(found, limits, setting)


def _grid(degrees: Degrees, gpus: int, *, pooled: bool, alone: bool) -> tuple[Degrees, Array, Array]:
    """Degrees, GPUs and prefill replicas of every configuration to try."""
    size = np.asarray(degrees.gpus)
    replicas = np.ones_like(size) if alone else np.floor(gpus / size)
    if not pooled:
        return degrees, size * replicas, np.zeros_like(size)
    rows = [
        (place, many, pool)
        for place, most in enumerate((gpus / size).tolist())
        for many in (_unit_counts(most) if alone else [most])
        for pool in sorted({1.0, many - 1.0, *(float(round(many * share)) for share in _POOLS)})
        if 1.0 <= pool < many
    ]
    chosen, counts, pools = (np.array(column) for column in (zip(*rows, strict=True) if rows else ([], [], [])))
    index = chosen.astype(int)
    taken = Degrees(*(np.asarray(getattr(degrees, each))[index] for each in DEGREES))
    return taken, size[index] * counts, pools


def _unit_counts(most: float) -> list[float]:
    """Replicas of the smallest deployments with two pools."""
    return [many for many in (2.0, 3.0, 4.0, 6.0, 8.0) if many <= most]


def _kept(base: Deployment) -> Sequence[Any]:
    return [each for each in base.rewrites if not isinstance(each, Speculative)]


@dataclass(frozen=True)
class _Spoken:
    """Tokens verified and accepted of every speculation to try, none being (1, 1); who drafts them all."""

    pairs: Sequence[tuple[float, float]]
    draft: Draft | None


def _speculations(catalog: Catalog, model: str, base: Deployment, options: Options) -> _Spoken:
    """The one given; or none, and the model's own drafts at every depth that is measured, at their cost."""
    given = [each for each in base.rewrites if isinstance(each, Speculative)]
    if options.get("speculative") is not None:
        pairs = [(float(each.verified), float(each.accepted)) for each in given]
        return _Spoken(pairs or [(1.0, 1.0)], given[0].draft if given else None)
    asked = Asked(catalog, exact(catalog, model), base.checkpoint)
    known = depths(catalog, asked.model)
    return _Spoken([(1.0, 1.0), *((drafts + 1.0, mean) for drafts, mean in known.items())], own(asked) if known else None)


def at(deployment: Deployment, place: npt.NDArray[np.intp]) -> Deployment:
    """The configurations at some places of a deployment whose degrees, GPUs, pools and speculation are arrays."""
    placement = deployment.placement
    changed: dict[str, Any] = {
        "degrees": Degrees(*(np.asarray(getattr(placement.degrees, name))[place] for name in DEGREES)),  # type: ignore[attr-defined]
        "gpus": np.asarray(deployment.system.gpus)[place],
    }
    if isinstance(placement, Pooled):
        changed["prefill_replicas"] = np.asarray(placement.prefill_replicas)[place]
    *others, spoken = deployment.rewrites
    assert isinstance(spoken, Speculative)  # noqa: S101  (explore puts it last)
    return replace(
        deployment,
        placement=replace(placement, **changed),  # type: ignore[type-var]
        system=replace(deployment.system, gpus=changed["gpus"]),
        rewrites=(
            *others,
            replace(spoken, verified=np.asarray(spoken.verified)[place], accepted=np.asarray(spoken.accepted)[place]),
        ),
    )


def _size(deployment: Deployment) -> tuple[int, ...]:
    return np.shape(deployment.system.gpus)


def points_of(found: Throughput) -> list[dict[str, Any]]:
    """A frontier as one row a point, with the configuration each point is."""
    count = np.size(found.feasible)
    rows = [_element(found, index) for index in range(count)]
    return [{**row, "configuration": row.pop("setting")} for row in rows]


def _element(value: Any, index: int) -> Any:
    """One point's part of a value: of every array its element, of everything else all."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _element(getattr(value, item.name), index) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _element(each, index) for key, each in value.items()}
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value[index] if value.dtype == object else value[index].item()
    return value


def _take(found: Throughput, chosen: Any) -> Throughput:
    """The same answer of some of its points."""
    size = np.shape(found.feasible)

    def one(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{item.name: one(getattr(value, item.name)) for item in fields(value)})
        if isinstance(value, Mapping):
            return MappingProxyType({key: one(each) for key, each in value.items()})
        return value[chosen] if isinstance(value, np.ndarray) and value.shape == size else value

    whole: dict[str, Any] = {
        item.name: np.broadcast_to(getattr(found, item.name), size)
        for item in fields(found)
        if not is_dataclass(getattr(found, item.name)) and item.name != "setting"
    }
    taken: Throughput = one(replace(found, **whole))
    return taken


def _joined(parts: Sequence[Throughput]) -> Throughput:
    """Answers one behind the other."""
    sizes = [np.size(part.feasible) for part in parts]

    def join(values: Sequence[Any]) -> Any:
        if is_dataclass(values[0]) and not isinstance(values[0], type):
            names = [item.name for item in fields(values[0])]
            return replace(values[0], **{name: join([getattr(value, name) for value in values]) for name in names})
        if any(isinstance(value, Mapping) for value in values):
            keys = dict.fromkeys(key for value in values for key in value)
            return MappingProxyType({key: join([value.get(key) for value in values]) for key in keys})
        if not any(isinstance(value, np.ndarray) and value.ndim for value in values):
            same = all(value is values[0] or value == values[0] for value in values)
            if same:
                return values[0]
        return np.concatenate([np.broadcast_to(value, size) for value, size in zip(values, sizes, strict=True)])

    joined: Throughput = join(parts) if len(parts) > 1 else parts[0]
    return joined
