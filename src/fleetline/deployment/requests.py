"""What is asked of a deployment: lengths, what of a prompt is reused, drafts, arrivals, and what users want."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline import inputs, speculations
from fleetline.architecture.attention import Numbers
from fleetline.catalog import Catalog, Checkpoint, imported
from fleetline.deployment.counting import counted_as, exact
from fleetline.deployment.options import DEFAULT_WORKLOAD, NumbersLike, Options
from fleetline.errors import InputError, unknown_name
from fleetline.physics.arrivals import Arrival
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.arrivals.closed import Closed
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.arrivals.run import Run
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.rewrites.multi_turn import MultiTurn
from fleetline.physics.rewrites.prefix_cache import PrefixCache
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Limits
from fleetline.physics.sharding import Degrees
from fleetline.physics.stages import Draft


def schedule_named(name: object) -> str:
    """The name of a schedule that there is."""
    found = inputs.text("schedule", name)
    if found not in SCHEDULES:
        raise unknown_name("schedule", found, SCHEDULES)
    return found


def lengths_of(workload: str | None, tokens_in: Any, tokens_out: Any) -> tuple[Numbers, Numbers]:
    """Tokens of a prompt and of an answer, by a workload or by the two numbers [token]."""
    if workload is not None and (tokens_in is not None or tokens_out is not None):
        raise InputError("workload: give it, or input_tokens and output_tokens, not both", field="workload", got=workload)
    if workload is None and tokens_in is None and tokens_out is None:
        workload = DEFAULT_WORKLOAD
    if workload is not None:
        tokens_in, tokens_out = inputs.pair(
            "workload", inputs.text("workload", workload), "INPUT:OUTPUT tokens, such as 8000:1000"
        )
    if tokens_in is None or tokens_out is None:
        missing = "input_tokens" if tokens_in is None else "output_tokens"
        raise InputError(f"{missing}: missing; give it, or a workload such as '8000:1000'", field=missing)
    return inputs.at_least_one("input_tokens", tokens_in), inputs.at_least_one("output_tokens", tokens_out)


_NEEDS = MappingProxyType(
    {"prefix_shared": "prefix_hit", "prefixes": "prefix_shared", "turns_kept": "turns", "think_s": "turns"}
)
_EXAMPLES = MappingProxyType({"prefix_hit": "0.5", "prefix_shared": "1", "turns": "10:500"})
REUSE = ("prefix_hit", "prefix_shared", "prefixes", "turns", "turns_kept", "think_s")


def reused(options: Options) -> tuple[Rewrite, ...]:
    """What of a prompt need not be computed: a prefix another request left, and a session's earlier turns."""
    for name, needed in _NEEDS.items():
        if options.get(name) is not None and options.get(needed) is None:
            example = _EXAMPLES[needed]
            raise InputError(f"{name}: needs {needed}, such as {example}", field=name, got=str(options.get(name)))
    return (*_prefix(options), *_session(options))


def _prefix(options: Options) -> tuple[Rewrite, ...]:
    hit, shared, count = options.get("prefix_hit"), options.get("prefix_shared"), options.get("prefixes")
    if hit is None:
        return ()
    return (
        PrefixCache(
            _to_one("prefix_hit", hit),
            0.0 if shared is None else _to_one("prefix_shared", shared),
            1.0 if count is None else inputs.at_least_one("prefixes", count),
        ),
    )


def _session(options: Options) -> tuple[Rewrite, ...]:
    turns, kept, think = options.get("turns"), options.get("turns_kept"), options.get("think_s")
    if turns is None:
        return ()
    count, new = inputs.pair("turns", turns, "TURNS:NEW tokens, such as 10:500")
    return (
        MultiTurn(
            inputs.at_least_one("turns", count),
            inputs.at_least_one("turns", new),
            1.0 if kept is None else _to_one("turns_kept", kept),
            think_s=0.0 if think is None else inputs.within("think_s", think, 0.0, _DAY, low_open=False, high_open=False),
        ),
    )


_DAY = 86_400.0  # [s]; who thinks longer comes back to an empty cache


def drafted(catalog: Catalog, name: str, counted: str, checkpoint: Checkpoint, options: Options) -> tuple[Speculative, ...]:
    """The speculation asked for, if any; drafts are counted as the model is."""

    def other(draft: str) -> Draft:
        if draft not in catalog.models and imported.find(catalog, draft) is None:
            raise unknown_name("draft", draft, [speculations.OWN, *catalog.models], field="speculative")
        return Draft(*counted_as(catalog, draft, counted, None))

    asked = speculations.Asked(catalog, exact(catalog, name), checkpoint)
    found = speculations.read(options.get("speculative"), asked, other)
    return () if found is None else (found,)


ARRIVALS = ("batch", "closed", "run", "poisson")


def arriving(options: Options, degrees: Degrees | None) -> tuple[str, Arrival]:
    """How requests come: as named; at a rate, if one is given; in lockstep for one large chip, in a loop for GPUs."""
    rate, name = options.get("rate"), options.get("arrivals")
    if name is None:
        name = "poisson" if rate is not None else "batch" if degrees is None else "closed"
    if inputs.text("arrivals", name) not in ARRIVALS:
        raise unknown_name("arrivals", name, ARRIVALS)
    if (rate is not None) != (name == "poisson"):
        said = "needs arrivals poisson" if rate is not None else "missing; arrivals poisson needs requests a second"
        raise InputError(f"rate: {said}", field="rate", got=None if rate is None else str(rate))
    kinds: Mapping[str, Arrival] = {"batch": LOCKSTEP, "closed": Closed(), "run": Run()}
    return name, Poisson(rate=inputs.positive("rate", rate)) if rate is not None else kinds[name]


def limits_of(speed: Any, max_ttft: Any, *, given_batch: bool, catalog: Catalog, offline: bool = False) -> Limits:
    """What is asked for; the default wanted speed unless a batch is given, and nothing at all of offline work."""
    if inputs.flag("offline", offline):
        given = {"speed": speed, "max_ttft": max_ttft, "batch": "one" if given_batch else None}
        for name, value in given.items():
            if value is not None:
                said = (
                    f"{name}: got {value}, allowed none with offline: nobody waits, and the batch that serves most is taken"
                )
                raise InputError(said, field=name, got=str(value), allowed="none with offline")
        return Limits()
    if speed is None:
        wanted: Numbers = 0.0 if given_batch else catalog.defaults["speed"]
    else:
        wanted = inputs.positive("speed", speed)
    return Limits(speed=wanted, max_ttft=np.inf if max_ttft is None else inputs.positive("max_ttft", max_ttft))


def _to_one(what: str, value: NumbersLike) -> Numbers:
    return inputs.within(what, value, 0.0, 1.0, low_open=False, high_open=False)
