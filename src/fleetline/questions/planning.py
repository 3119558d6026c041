"""How many GPUs of which kind, configured how, carry a load: `plan`.

For every system all configurations are tried on just the GPUs one replica (or one set of pools) needs, each at the best
batch that the wanted speed and TTFT allow; the cheapest for the whole load is the system's option. Replicas are whole: what
they could serve besides the load is idle, and paid for.

Users are a closed loop: each sends the next request when the last is answered. Requests a second come at random, a share of
them to each replica, and wait in line: there are as many replicas as keep speed and TTFT then too. What a closed loop needs
is the least that random arrivals need, so configurations are tried in its order until the next cannot be cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from fleetline import inputs, named
from fleetline.catalog import load
from fleetline.deployment import DEGREES, Options, exact, limits_of
from fleetline.errors import FleetlineError, InputError
from fleetline.frontiers import Explored, at, explore
from fleetline.physics import serving
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.search import largest_whole
from fleetline.physics.serving import Deployment, Limits
from fleetline.units import HOUR

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Load:
    """What is asked for: so many `requests_per_s` or `users`, of replicas that are used so much at most [1]."""

    amount: float
    unit: str
    max_utilisation: float


@dataclass(frozen=True)
class Option:
    """One system that carries the load, or why it does not; what is not known is None.

    `utilisation` is the load over what the replicas could serve. Speed and times to the first token are those of users at
    full load of a replica, and of requests a second at the utilisation that is told. Costs are those of all GPUs, idle or
    not, rented or owned: `cost_usd_mtok_output` over the output tokens of the load, `price_*` shared out over its input,
    cached and output tokens by the time that each takes.
    """

    system: str
    gpus: int | None
    replicas: int | None
    configuration: Mapping[str, Any] | None
    utilisation: float | None
    requests_per_s: float | None
    cost_usd_hour: float | None
    cost_usd_mtok_output: float | None
    price_usd_mtok_input: float | None
    price_usd_mtok_cached_input: float | None
    price_usd_mtok_output: float | None
    speed_tok_s_user: float | None
    ttft_s: float | None
    ttft_p90_s: float | None
    ttft_p99_s: float | None
    batch_per_replica: float | None
    energy_j_per_output_token: float | None
    reason: str


def plan(
    model: str,
    workload: str | None = None,
    *,
    requests_per_s: float | None = None,
    users: float | None = None,
    speed: float | None = None,
    max_ttft: float | None = None,
    systems: Sequence[str] | str | None = None,
    offline: bool = False,
    max_utilisation: float = 1.0,
    **options: Unpack[Options],
) -> list[Option]:
    """Systems that carry a load of `model`, cheapest first; those that cannot, last, with the reason.

    Args:
        model, workload, **options: as in `throughput`; degrees and GPUs are looked for and not taken.
        requests_per_s: requests that come in, at random [1/s]; or
        users: people who each send the next request when the last is answered, and `think_s` later between turns.
        speed, max_ttft: what each user is to get at least, 35 tokens a second unless set, and at most [s].
        offline: work that nobody waits for: no wanted speed and no TTFT.
        max_utilisation: replicas are enough to be used this much at most, for peaks and failures; over 0, at most 1.
        systems: names, or a text of them with commas between; all of the catalog without.

    Raises:
        InputError: not exactly one of the two loads, an unknown name, a number out of its range.
    """
    if (requests_per_s is None) == (users is None):
        raise InputError("requests_per_s: give it or users, one of the two", field="requests_per_s")
    name, given = ("users", users) if requests_per_s is None else ("requests_per_s", requests_per_s)
    asked = inputs.positive(name, given)
    if np.ndim(asked):
        raise InputError(f"{name}: one load at a time, give a number", field=name)
    for each, why in _NOT_GIVEN.items():
        if options.get(each) is not None:
            raise InputError(f"{each}: {why}, and cannot be given to plan", field=each)
    catalog = load()
    exact(catalog, inputs.text("model", model))
    limits = limits_of(speed, max_ttft, given_batch=False, catalog=catalog, offline=offline)
    load_ = Load(float(asked), name, _headroom(max_utilisation))
    chosen = _names(systems) if systems is not None else sorted(catalog.systems)
    found = [_option(model, system, workload, limits, load_, options) for system in chosen]
    return sorted(found, key=_cheapest_first)


_NOT_GIVEN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((*DEGREES, "gpus", "prefill_replicas", "utilisation", "batch"), "is looked for")
    | dict.fromkeys(("arrivals", "rate"), "follows from requests_per_s or users")
    | {"preset": "is that of measured kernels"}
)


def _headroom(share: float) -> float:
    most = inputs.share("max_utilisation", share)
    if np.ndim(most):
        raise InputError("max_utilisation: one load at a time, give a number", field="max_utilisation")
    return float(most)


def _names(systems: Sequence[str] | str) -> list[str]:
    given = systems.split(",") if isinstance(systems, str) else [systems] if np.ndim(systems) == 0 else systems
    names = [inputs.text("systems", each).strip() for each in given]
    if not names or not all(names):
        raise InputError("systems: got an empty name, allowed names with commas between", field="systems")
    for name in names:
        if not named.is_file("systems", name, ".toml"):
            load().system(name)
    return list(dict.fromkeys(names))


def _cheapest_first(option: Option) -> tuple[bool, float, float]:
    cost = math.inf if option.cost_usd_hour is None else option.cost_usd_hour
    return option.gpus is None, cost, math.inf if option.gpus is None else option.gpus


def _option(model: str, system: str, workload: str | None, limits: Limits, asked: Load, options: Options) -> Option:
    """The cheapest configuration of one system, or why there is none."""
    small: Options = {**options, "gpus": _slice(system)}
    try:
        return _cheapest(system, explore(model, system, workload, limits, each_replica=True, **small), asked)
    except FleetlineError as refused:
        if refused.field not in _OF_THE_SYSTEM:
            raise
        return _none(system, refused.message)


_OF_THE_SYSTEM = ("system", "counting", "tp")  # fields of refusals that another system may not share


@dataclass(frozen=True)
class _Choice:
    """Configurations of one schedule by their places: replicas, requests in service in each, chips of all.

    `could`: requests a second of a replica at full load [1/s]. Arrays of one shape.
    """

    schedule: str
    place: Array
    replicas: Array
    batch: Array
    could: Array
    chips: Array

    def of(self, chosen: Any) -> _Choice:
        """Some of them."""
        arrays = {name: getattr(self, name)[chosen] for name in ("place", "replicas", "batch", "could", "chips")}
        return replace(self, **arrays)


def _cheapest(system: str, found: Explored, asked: Load) -> Option:
    able = [_in_a_loop(found, schedule, asked) for schedule in found.deployments]
    if not any(each.place.size for each in able):
        return _none(system, str(found.infeasible().reason))
    if asked.unit == "users":
        best = min((each.of([int(np.argmin(each.chips))]) for each in able if each.place.size), key=_chips)
        return _filled(system, found, best, asked)
    coming = [each for each in (_at_random(found, each, asked) for each in able) if each is not None]
    if not coming:
        said = f"rate: no configuration keeps the wanted speed and TTFT where requests come at random, {_MOST_MORE:g} times"
        return _none(system, f"{said} the replicas of a closed loop included")
    best = min(coming, key=_chips)
    rate = asked.amount / float(best.replicas[0])
    random = replace(found.deployments[best.schedule], arrivals=Poisson(rate=rate))
    words = MappingProxyType({**found.setting, "arrivals": "poisson", "rate": rate})
    return _filled(system, replace(found, deployments={best.schedule: random}, setting=words), best, asked)


def _chips(choice: _Choice) -> float:
    return float(choice.chips[0])


def _in_a_loop(found: Explored, schedule: str, asked: Load) -> _Choice:
    """Every configuration that serves as wanted, with the replicas that a closed loop needs; fewest chips first."""
    deployment = found.deployments[schedule]
    batch = serving.best_batch(deployment, found.limits)
    rates = serving.rates(deployment, np.where(batch > 0, batch, deployment.placement.ranks))
    each = np.broadcast_to(rates.throughput / deployment.output_tokens, batch.shape)
    served = each if asked.unit == "requests_per_s" else each * (rates.request_s + _think_s(deployment))
    replicas = np.maximum(np.ceil(asked.amount / (served * asked.max_utilisation) - 1e-9), 1.0)
    chips = replicas * deployment.system.gpus
    order = np.argsort(chips, kind="stable")
    place = order[batch[order] > 0]
    return _Choice(schedule, place, *(np.asarray(each)[place] for each in (replicas, batch, each, chips)))


_AT_ONCE = 16  # configurations tried together; the next are not, where the best of these is cheaper than they can be
_MOST_MORE = 64.0  # replicas for random arrivals over those of a closed loop, beyond which nothing is looked for


def _at_random(found: Explored, able: _Choice, asked: Load) -> _Choice | None:
    """The cheapest configuration where requests come at random; None where none keeps the limits."""
    best: _Choice | None = None
    for start in range(0, able.place.size, _AT_ONCE):
        if best is not None and _chips(best) <= able.chips[start]:
            break
        tried = _enough(found, able.of(slice(start, start + _AT_ONCE)), asked)
        good = np.flatnonzero(tried.batch > 0)
        if good.size:
            first = tried.of(good[[int(np.argmin(tried.chips[good]))]])
            best = first if best is None or _chips(first) < _chips(best) else best
    return best


def _enough(found: Explored, some: _Choice, asked: Load) -> _Choice:
    """The fewest replicas that keep the limits at random, from those of a loop on; a batch of 0 where none do."""
    deployment = at(found.deployments[some.schedule], some.place)
    ranks, limits = deployment.placement.ranks, found.limits

    def requests(replicas: Array) -> Array:
        """The fewest in service in a replica that serve its share of what comes; 0 where the limits are not kept."""
        coming = replace(deployment, arrivals=Poisson(rate=asked.amount / replicas))
        wanted = asked.amount / replicas * deployment.output_tokens * (1.0 - serving.SAME)

        def short(load: Array) -> npt.NDArray[np.bool_]:
            return np.asarray(serving.rates(coming, load * ranks).throughput < wanted)

        batch = np.minimum((largest_whole(short, some.batch / ranks) + 1.0) * ranks, some.batch)
        rates = serving.rates(coming, batch)
        kept = (rates.speed >= limits.speed) & (rates.ttft_s <= limits.max_ttft) & ~serving.overrun(coming, rates)
        return np.where(kept, batch, 0.0)

    low, high = some.replicas - 1.0, some.replicas
    while np.any(short := (requests(high) == 0.0) & (high < some.replicas * _MOST_MORE)):
        low, high = np.where(short, high, low), np.where(short, 2.0 * high, high)
    while np.any(high - low > 1.0):
        middle = np.floor((low + high) / 2.0)
        kept = requests(np.maximum(middle, 1.0)) > 0
        low, high = np.where(kept, low, np.maximum(middle, low)), np.where(kept & (middle > low), middle, high)
    return replace(some, replicas=high, batch=requests(high), chips=high * deployment.system.gpus)


_LARGEST_SLICE = 64  # chips of a pod that one replica is looked for on; boards and racks are smaller or just above


def _slice(system: str) -> float | None:
    """As many chips as replicas are built from: all of a board or rack, a slice of a pod."""
    known = load().systems.get(system)
    if known is None or float(np.max(known.gpus)) <= 2 * _LARGEST_SLICE:
        return None
    return float(_LARGEST_SLICE)


def _think_s(deployment: Deployment) -> float:
    """Mean wait of a user after a request [s]."""
    return float(serving.planned(deployment, 1.0).idle_s)


def _filled(system: str, found: Explored, best: _Choice, asked: Load) -> Option:
    """The option in words."""
    served, deployment = found.answer(best.schedule, best.place, best.batch), found.deployments[best.schedule]
    chips, replicas = _chips(best), round(float(best.replicas[0]))

    def one(value: Any) -> float:
        return float(np.broadcast_to(value, (1,))[0])

    per_replica = chips / replicas
    each = one(served.throughput_tok_s) / float(deployment.output_tokens)
    wall_s = float(deployment.output_tokens) / one(served.speed_tok_s_user)
    needed = asked.amount if asked.unit == "requests_per_s" else asked.amount / (wall_s + _think_s(deployment))
    hourly = _known(deployment.terms.usd_per_s(deployment.system.part(1.0)) * HOUR * chips)
    used, idle = needed / (float(best.could[0]) * replicas), each * replicas / needed
    prices = served.prices_usd_per_mtok
    output = needed * float(deployment.output_tokens)
    setting = served.setting
    degrees = {name: np.asarray(value).ravel()[0] for name, value in setting["configuration"].items() if name != "replicas"}
    words = {"schedule": str(setting["schedule"][0]), "speculative": setting["speculative"][0], "gpus": per_replica}
    power = deployment.system.chip.all_in_power
    return Option(
        system=system,
        gpus=round(chips),
        replicas=replicas,
        configuration={**{name: getattr(value, "item", lambda v=value: v)() for name, value in degrees.items()}, **words},
        utilisation=used,
        requests_per_s=needed,
        cost_usd_hour=hourly,
        cost_usd_mtok_output=None if hourly is None else hourly / HOUR / output * 1e6,
        price_usd_mtok_input=_known(one(prices.input) * idle),
        price_usd_mtok_cached_input=_known(one(prices.cached_input) * idle),
        price_usd_mtok_output=_known(one(prices.output) * idle),
        speed_tok_s_user=one(served.speed_tok_s_user),
        ttft_s=one(served.ttft_s),
        ttft_p90_s=one(served.ttft_p90_s),
        ttft_p99_s=one(served.ttft_p99_s),
        batch_per_replica=one(served.batch),
        energy_j_per_output_token=None if power is None else power * chips / output,
        reason="",
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _none(system: str, reason: str) -> Option:
    nothing: dict[str, Any] = dict.fromkeys(Option.__dataclass_fields__)
    return Option(**{**nothing, "system": system, "reason": reason})
