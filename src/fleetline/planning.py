"""How many GPUs of which kind, configured how, carry a load: `plan`.

For every system all configurations are tried on just the GPUs one replica (or one set of pools) needs, each at the best
batch that the wanted speed and TTFT allow; the cheapest for the whole load is the system's option. Replicas are whole: what
they could serve besides the load is idle, and paid for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from fleetline import inputs
from fleetline.answers import Throughput
from fleetline.catalog import load
from fleetline.deployment import Options, limits_of
from fleetline.errors import FleetlineError, InputError
from fleetline.frontiers import Explored, explore
from fleetline.physics import serving
from fleetline.physics.serving import Deployment, Limits


@dataclass(frozen=True)
class Load:
    """What is asked for: so many `requests_per_s` or `users`, of replicas that are used so much at most [1]."""

    amount: float
    unit: str
    max_utilisation: float


@dataclass(frozen=True)
class Option:
    """One system that carries the load, or why it does not; what is not known is None.

    `utilisation` is the load over what the replicas could serve; rates are at full load of a replica. Costs are those of
    all GPUs, idle or not, rented or owned: `cost_usd_mtok_output` over the output tokens of the load, `price_*` shared out
    over its input, cached and output tokens by the time that each takes.
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
        requests_per_s: requests that come in [1/s]; or
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
    for each in ("tp", "ep", "dp", "pp", "gpus", "prefill_replicas", "utilisation"):
        if options.get(each) is not None:
            raise InputError(f"{each}: is looked for by plan, and cannot be given", field=each)
    catalog = load()
    catalog.model(inputs.text("model", model))
    limits = limits_of(speed, max_ttft, given_batch=False, catalog=catalog, offline=offline)
    load_ = Load(float(asked), name, _headroom(max_utilisation))
    chosen = _names(systems) if systems is not None else sorted(catalog.systems)
    found = [_option(model, system, workload, limits, load_, options) for system in chosen]
    return sorted(found, key=_cheapest_first)


def _headroom(share: float) -> float:
    most = inputs.share("max_utilisation", share)
    if np.ndim(most):
        raise InputError("max_utilisation: one load at a time, give a number", field="max_utilisation")
    return float(most)


def _names(systems: Sequence[str] | str) -> list[str]:
    names = [each.strip() for each in systems.split(",")] if isinstance(systems, str) else list(systems)
    if not names or not all(names):
        raise InputError("systems: got an empty name, allowed names with commas between", field="systems")
    for name in names:
        if not name.casefold().endswith(".toml"):
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


def _cheapest(system: str, found: Explored, asked: Load) -> Option:
    best: tuple[float, str, int, float] | None = None
    for schedule, deployment in found.deployments.items():
        batch = serving.best_batch(deployment, found.limits)
        needed = _replicas(deployment, batch, asked)
        chips = np.where(batch > 0, needed * deployment.system.gpus, np.inf)
        place = int(np.argmin(chips))
        if np.isfinite(chips[place]) and (best is None or chips[place] < best[0]):
            best = float(chips[place]), schedule, place, float(batch[place])
    if best is None:
        return _none(system, str(found.infeasible().reason))
    chips_, schedule, place, requests = best
    served = found.answer(schedule, np.array([place]), np.array([requests]))
    return _filled(system, served, found.deployments[schedule], place, chips_, asked)


_LARGEST_SLICE = 64  # chips of a pod that one replica is looked for on; boards and racks are smaller or just above


def _slice(system: str) -> float | None:
    """As many chips as replicas are built from: all of a board or rack, a slice of a pod."""
    known = load().systems.get(system)
    if known is None or float(np.max(known.gpus)) <= 2 * _LARGEST_SLICE:
        return None
    return float(_LARGEST_SLICE)


def _replicas(deployment: Deployment, batch: Any, asked: Load) -> Any:
    """Whole replicas for the load: of requests a second, or of users who each have a request in service."""
    used = np.where(batch > 0, batch, deployment.placement.ranks)
    rates = serving.rates(deployment, used)
    each = rates.throughput / deployment.output_tokens
    served = each if asked.unit == "requests_per_s" else each * (rates.request_s + _think_s(deployment))
    return np.maximum(np.ceil(asked.amount / (served * asked.max_utilisation) - 1e-9), 1.0)


def _think_s(deployment: Deployment) -> float:
    """Mean wait of a user after a request [s]."""
    return float(serving.planned(deployment, 1.0).idle_s)


def _filled(system: str, served: Throughput, deployment: Deployment, place: int, chips: float, asked: Load) -> Option:
    """The option in words."""

    def one(value: Any) -> float:
        return float(np.broadcast_to(value, (1,))[0])

    per_replica = float(np.asarray(deployment.system.gpus)[place])
    replicas = round(chips / per_replica)
    each = one(served.throughput_tok_s) / float(deployment.output_tokens)
    wall_s = float(deployment.output_tokens) / one(served.speed_tok_s_user)
    needed = asked.amount if asked.unit == "requests_per_s" else asked.amount / (wall_s + _think_s(deployment))
    hourly = _known(deployment.terms.usd_per_s(deployment.system.part(1.0)) * 3600.0 * chips)
    used = needed / (each * replicas)
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
        cost_usd_mtok_output=None if hourly is None else hourly / 3600.0 / output * 1e6,
        price_usd_mtok_input=_known(one(prices.input) / used),
        price_usd_mtok_cached_input=_known(one(prices.cached_input) / used),
        price_usd_mtok_output=_known(one(prices.output) / used),
        speed_tok_s_user=one(served.speed_tok_s_user),
        ttft_s=one(served.ttft_s),
        batch_per_replica=one(served.batch),
        energy_j_per_output_token=None if power is None else power * chips / output,
        reason="",
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _none(system: str, reason: str) -> Option:
    nothing: dict[str, Any] = dict.fromkeys(Option.__dataclass_fields__)
    return Option(**{**nothing, "system": system, "reason": reason})
