"""Questions about one deployment, by name: `throughput`, `breakdown`.

Names are looked up in the catalog, numbers are checked, and the physics is asked. Every numeric argument takes a float or
an array; arrays broadcast, and the answer has one array per field with `feasible` and `reason`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from fleetline import inputs, named, speculations
from fleetline.answers import Throughput, answer
from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model, as_the_article_counts
from fleetline.catalog import Catalog, Checkpoint, Preset, System, imported, load
from fleetline.catalog.imported import Imported
from fleetline.catalog.rows import COUNTINGS
from fleetline.catalog.system_file import system_from_file
from fleetline.catalog.timings import FRAMEWORKS
from fleetline.catalog.types import FALLBACK_PRECISION
from fleetline.errors import InputError, unknown_name
from fleetline.physics import serving
from fleetline.physics.arrivals import Arrival
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.arrivals.closed import Closed
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.arrivals.run import Run
from fleetline.physics.money import PRICES, RENTED, Terms
from fleetline.physics.network import Fabric, fabric_of
from fleetline.physics.placement import WHOLE, Placement, Pooled, Sharded
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.rewrites.multi_turn import MultiTurn
from fleetline.physics.rewrites.prefix_cache import PrefixCache
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.roofline import AT_PEAK, Efficiency, operation_time
from fleetline.physics.schedules import SCHEDULES
from fleetline.physics.serving import Deployment, Limits
from fleetline.physics.sharding import Degrees, check
from fleetline.physics.stages import Draft

NumbersLike = npt.ArrayLike

DEFAULT_PRESET = "fitted"
PARALLEL_PRESET = "kernels"  # where degrees of parallelism are given: kernels and messages as measured
DEGREES = ("tp", "ep", "dp", "pp")
DEFAULT_SCHEDULE = "chunked"
DEFAULT_WORKLOAD = "8000:1000"


def throughput(
    model: str,
    system: str,
    workload: str | None = None,
    *,
    batch: NumbersLike | None = None,
    speed: NumbersLike | None = None,
    max_ttft: NumbersLike | None = None,
    offline: bool = False,
    **options: Unpack[Options],
) -> Throughput:
    """Rates of `model` on `system`: at `batch`, or at the best batch that the wanted speed, TTFT and memory allow.

    Args:
        model: a name of the catalog, such as "kimi-k2.6", or the path of a Hugging Face config.json.
        system: a name of the catalog, such as "gb200-nvl72", or the path of a TOML file that describes one.
        workload: "INPUT:OUTPUT" [token]; or give `input_tokens` and `output_tokens`.
        batch: requests in service [request]; switches the default wanted speed off.
        speed: at least this many output tokens over wall time [token/s/user]; 35 unless a batch is given.
        max_ttft: at most this long to the first token, in the mean over requests [s].
        offline: work that nobody waits for (batch jobs): no wanted speed and no TTFT, so the batch that serves most.
        **options: see `Options`.

    Raises:
        InputError: an unknown name, a number out of its range, arrays whose shapes do not go together.
    """
    catalog = load()
    limits = limits_of(speed, max_ttft, given_batch=batch is not None, catalog=catalog, offline=offline)
    deployment, setting = deploy(model, system, workload, **options)
    place = deployment.placement
    if isinstance(place, Pooled) and options.get("prefill_replicas") is None:
        options = {**options, "prefill_replicas": _best_pools(deployment, place, limits)}
        deployment, setting = deploy(model, system, workload, **options)
    given = None if batch is None else inputs.at_least_one("batch", batch)
    if given is not None and options.get("rate") is not None:
        raise InputError("batch: follows from the rate; give one of the two", field="batch", got=str(batch))
    _check_shapes(deployment, limits, given)
    asked = {
        **setting,
        "speed": limits.speed if speed is not None or (given is None and not offline) else None,
        "max_ttft": None if max_ttft is None else limits.max_ttft,
    }
    return answer(deployment, limits, given, asked, optimised=given is None)


def _best_pools(deployment: Deployment, place: Pooled, limits: Limits) -> float:
    """The number of prefill replicas that serves most, of two pools."""
    if serving.shape_of(deployment, limits):
        said = "prefill_replicas: missing; the best number is looked for where every other argument is a float"
        raise InputError(said, field="prefill_replicas")
    numbers = np.arange(1.0, float(place.gpus / place.degrees.gpus))
    each = replace(deployment, placement=replace(place, prefill_replicas=numbers))
    batch = serving.best_batch(each, limits)
    served = np.where(batch > 0, serving.rates(each, np.maximum(batch, 1.0)).throughput, 0.0)
    return float(numbers[np.argmax(served)])


def _check_shapes(deployment: Deployment, limits: Limits, batch: Numbers | None) -> None:
    try:
        np.broadcast_shapes(serving.shape_of(deployment, limits), np.shape(batch) if batch is not None else ())
    except ValueError as error:
        raise InputError(f"arrays: their shapes do not go together ({error})", field="arrays") from error


class Options(TypedDict, total=False):
    """How a model is deployed, besides what and where; every number a float or an array; None is as if not given.

    input_tokens, output_tokens stand in for a workload [token]. schedule: serial, serial-total, chunked, chunked-total
    or disaggregated. speculative: none, or one of the forms of `speculations`: "8:3" tokens verified and accepted a pass,
    "mtp:3" drafts of the model's own, "0.8,0.7" chances of acceptance. preset: where
    counting and efficiencies come from: fitted, article, ideal or kernels. compute_efficiency, bandwidth_efficiency: in
    the preset's place, over 0 and at most 1 [1]. step_latency_s: in the preset's place [s]. gpus: only so many chips.
    framework: whose kernels run, as measured: vllm, sglang, trt-llm or atom; of all together unless given.
    precision: weights in another number format than the preset's or the checkpoint's. counting: `article` (published
    sizes, one precision) or `checkpoint` (exact dimensions, the checkpoint's formats). hbm_reserve: share of usable
    memory kept free, from 0 to below 1 [1]. tp, ep, dp, pp: degrees of tensor, expert, data (attention) and pipeline
    parallelism of each replica, 1 where only others are given; without any the chips are taken as one large one, as in
    the article. prefill_replicas: of a disaggregated deployment with degrees, how many only prefill. prefix_hit: share
    of each prompt found in the prefix cache, 0 to 1; prefix_shared: share of the hit that requests have in common and
    that is held once, 0 to 1, nothing unless set; prefixes: how many such prefixes are held, 1 unless set. turns:
    "TURNS:NEW" turns of a session and new prompt tokens in each after the first, such as "10:500"; turns_kept: share of
    the earlier context still cached at the next turn, 0 to 1; think_s: time between an answer and the next turn, in
    which the cache waits, 0 unless set [s]. price: rent (three years, unless said otherwise) or own, what owning costs.
    utilisation: share sold of what could be served, 1 unless set; costs are divided by it [1].
    arrivals: batch (in lockstep, the article's; where no degrees are given),
    closed (clients in equilibrium; where they are), run (a benchmark run, lengths from 0.8 of the workload's to all of
    it) or poisson; rate: requests a second that come at random [1/s], which makes arrivals poisson and the batch what
    that load needs.
    """

    input_tokens: NumbersLike | None
    output_tokens: NumbersLike | None
    schedule: str | None
    speculative: str | tuple[NumbersLike, NumbersLike] | None
    preset: str | None
    compute_efficiency: NumbersLike | None
    bandwidth_efficiency: NumbersLike | None
    step_latency_s: NumbersLike | None
    gpus: NumbersLike | None
    precision: str | None
    counting: str | None
    hbm_reserve: NumbersLike | None
    tp: NumbersLike | None
    ep: NumbersLike | None
    dp: NumbersLike | None
    pp: NumbersLike | None
    prefill_replicas: NumbersLike | None
    prefix_hit: NumbersLike | None
    prefix_shared: NumbersLike | None
    prefixes: NumbersLike | None
    turns: str | tuple[NumbersLike, NumbersLike] | None
    turns_kept: NumbersLike | None
    think_s: NumbersLike | None
    price: str | None
    utilisation: NumbersLike | None
    framework: str | None
    arrivals: str | None
    rate: NumbersLike | None


def deploy(
    model: str, system: str | Path, workload: str | None = None, **options: Unpack[Options]
) -> tuple[Deployment, Mapping[str, Any]]:
    """The deployment that these names and numbers describe, and its setting in words; arguments as in `Options`.

    Raises:
        InputError: an unknown name, a number out of its range, arrays whose shapes do not go together.
    """
    for name in options:
        if name not in Options.__annotations__:
            raise unknown_name("option", name, [*Options.__annotations__, "workload", "batch", "speed", "max_ttft"])
    catalog = load()
    degrees = _degrees(options)
    preset = _preset(catalog, options.get("preset"), degrees)
    counting = options.get("counting")
    counted = preset.counting if counting is None else inputs.text("counting", counting)
    counted_model, checkpoint = _counted(catalog, inputs.text("model", model), counted, options.get("precision"))
    schedule = schedule_named(_given(options.get("schedule"), DEFAULT_SCHEDULE))
    tokens_in, tokens_out = _workload(workload, options.get("input_tokens"), options.get("output_tokens"))
    spoken = _speculative(catalog, model, counted, checkpoint, options)
    reserve = options.get("hbm_reserve")
    machine = _machine(catalog, inputs.text("system", system), options.get("gpus"))
    framework = _framework(options.get("framework"))
    reuse = _reuse(options)
    named, arrivals = _arrivals(options, degrees)
    deployment = Deployment(
        model=counted_model,
        checkpoint=checkpoint.on(machine.chip),
        system=machine,
        input_tokens=tokens_in * arrivals.lengths,
        output_tokens=tokens_out * arrivals.lengths,
        schedule=SCHEDULES[schedule],
        efficiency=_efficiency(preset, options),
        hbm_reserve=_reserve(catalog.defaults["hbm_reserve"] if reserve is None else reserve),
        chunk_tokens=catalog.defaults["prefill_chunk_tokens"],
        activation_value_bytes=catalog.defaults["activation_bytes"],
        rewrites=(*reuse, *spoken),
        terms=_terms(options),
        placement=_placement(
            counted_model,
            machine.gpus,
            degrees,
            schedule,
            options.get("prefill_replicas"),
            lambda: fabric_of(machine, catalog.timings_of(machine.chip.name, framework)),
        ),
        kernels=catalog.timings_of(machine.chip.name, framework).kernels if preset.costs == "kernels" else AT_PEAK,
        arrivals=arrivals,
    )
    words = {"schedule": schedule, "preset": preset.name, "counting": counted, "precision": options.get("precision")}
    words |= {"arrivals": named, "workload": f"{inputs.words(tokens_in)}:{inputs.words(tokens_out)}"}
    return deployment, _setting(deployment, words, options)


def schedule_named(name: object) -> str:
    """The name of a schedule that there is."""
    found = inputs.text("schedule", name)
    if found not in SCHEDULES:
        raise unknown_name("schedule", found, SCHEDULES)
    return found


def _setting(deployment: Deployment, words: Mapping[str, str | None], options: Options) -> Mapping[str, Any]:
    """What was asked, so that it can be asked again."""
    efficiency = deployment.efficiency
    pairs = [rewrite for rewrite in deployment.rewrites if isinstance(rewrite, Speculative)]
    return MappingProxyType(
        {
            "model": deployment.model.name,
            "system": deployment.system.name,
            "gpus": deployment.system.gpus,
            "workload": words["workload"],
            "schedule": words["schedule"],
            "speculative": speculations.word(pairs[0], options.get("speculative")) if pairs else None,
            "preset": words["preset"],
            "counting": words["counting"],
            "precision": words["precision"],
            "checkpoint": deployment.checkpoint.name,
            "compute_efficiency": efficiency.compute,
            "bandwidth_efficiency": efficiency.bandwidth,
            "step_latency_s": efficiency.step_latency,
            "hbm_reserve": deployment.hbm_reserve,
            "framework": options.get("framework"),
            "price": deployment.terms.price,
            "utilisation": deployment.terms.utilisation,
            "usd_chip_hour": {name: _hourly(price(deployment.system.part(1))) for name, price in PRICES.items()},
            **{name: options.get(name) for name in _REUSE},
            "arrivals": words["arrivals"],
            "rate": options.get("rate"),
            "configuration": configuration(deployment),
        }
    )


def _hourly(usd_per_s: Numbers | None) -> float | None:
    return None if usd_per_s is None else float(usd_per_s) * 3600.0


def _terms(options: Options) -> Terms:
    price, sold = inputs.text("price", _given(options.get("price"), RENTED.price)), options.get("utilisation")
    if price not in PRICES:
        raise unknown_name("price", price, PRICES)
    return Terms(price, RENTED.utilisation if sold is None else inputs.share("utilisation", sold))


_REUSE = ("prefix_hit", "prefix_shared", "prefixes", "turns", "turns_kept", "think_s")


def _speculative(
    catalog: Catalog, name: str, counted: str, checkpoint: Checkpoint, options: Options
) -> tuple[Speculative, ...]:
    """The speculation asked for, if any; drafts are counted as the model is."""

    def other(draft: str) -> Draft:
        if draft not in catalog.models and imported.find(catalog, draft) is None:
            raise unknown_name("draft", draft, [speculations.OWN, *catalog.models], field="speculative")
        return Draft(*_counted(catalog, draft, counted, None))

    asked = speculations.Asked(catalog, exact(catalog, name), checkpoint)
    found = speculations.read(options.get("speculative"), asked, other)
    return () if found is None else (found,)


def exact(catalog: Catalog, name: str) -> Model:
    """A model with its dimensions, by its name or its config.json."""
    own = imported.find(catalog, name)
    return catalog.model(name) if own is None else own.model


def _given(value: str | None, otherwise: str) -> str:
    return otherwise if value is None else value


def configuration(deployment: Deployment) -> Mapping[str, Any] | None:
    """Degrees and replicas of a sharded deployment; None where the chips are taken as one."""
    place = deployment.placement
    if not isinstance(place, Sharded):
        return None
    degrees = {name: getattr(place.degrees, name) for name in DEGREES}
    replicas = place.gpus / place.degrees.gpus
    pools = {"prefill_replicas": place.prefill_replicas} if isinstance(place, Pooled) else {}
    known = load().timings_of(deployment.system.chip.name).measured
    return {**degrees, "replicas": replicas, **pools, "timings": "measured" if known else "default"}


def _reuse(options: Options) -> tuple[Rewrite, ...]:
    """What of a prompt need not be computed: a prefix another request left, and a session's earlier turns."""
    for name, needed in _NEEDS.items():
        if options.get(name) is not None and options.get(needed) is None:
            example = _EXAMPLES[needed]
            raise InputError(f"{name}: needs {needed}, such as {example}", field=name, got=str(options.get(name)))
    return (*_prefix(options), *_session(options))


_NEEDS = MappingProxyType(
    {"prefix_shared": "prefix_hit", "prefixes": "prefix_shared", "turns_kept": "turns", "think_s": "turns"}
)
_EXAMPLES = MappingProxyType({"prefix_hit": "0.5", "prefix_shared": "1", "turns": "10:500"})


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


ARRIVALS = ("batch", "closed", "run", "poisson")


def _arrivals(options: Options, degrees: Degrees | None) -> tuple[str, Arrival]:
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


def _to_one(what: str, value: NumbersLike) -> Numbers:
    return inputs.within(what, value, 0.0, 1.0, low_open=False, high_open=False)


def _degrees(options: Options) -> Degrees | None:
    """The degrees asked for, 1 where only others are; None where none is."""
    asked = {"tp": options.get("tp"), "ep": options.get("ep"), "dp": options.get("dp"), "pp": options.get("pp")}
    given = {name: inputs.numbers(name, value) for name, value in asked.items() if value is not None}
    return Degrees(**given) if given else None


def _preset(catalog: Catalog, name: str | None, degrees: Degrees | None) -> Preset:
    preset = catalog.preset(
        inputs.text("preset", (DEFAULT_PRESET if degrees is None else PARALLEL_PRESET) if name is None else name)
    )
    if preset.costs == "kernels" and degrees is None:
        said = f"preset {preset.name}: kernels run on single GPUs; give degrees, such as tp (tp 1 for one GPU a replica)"
        raise InputError(said, field="preset", got=preset.name)
    return preset


def _placement(
    model: Model,
    gpus: Numbers,
    degrees: Degrees | None,
    schedule: str,
    prefill: NumbersLike | None,
    links: Callable[[], Fabric],
) -> Placement:
    """As one large chip without degrees; else sharded, in two pools where the schedule is disaggregated."""
    if degrees is None:
        if prefill is not None:
            raise InputError("prefill_replicas: needs degrees, such as tp", field="prefill_replicas")
        return WHOLE
    inputs.together(gpus, *(getattr(degrees, name) for name in DEGREES))
    check(model, degrees, gpus)
    fabric = links()
    if schedule != "disaggregated":
        if prefill is not None:
            raise InputError("prefill_replicas: only of schedule disaggregated", field="prefill_replicas")
        return Sharded(degrees, gpus, fabric)
    replicas = gpus / degrees.gpus
    if np.any(np.less(replicas, 2)):
        said = "schedule: disaggregated needs two replicas at least, one to prefill and one to decode"
        raise InputError(said, field="schedule", got="disaggregated")
    most = float(np.min(replicas)) - 1.0
    default = np.maximum(np.round(replicas / 2.0), 1.0) if prefill is None else prefill
    pool = inputs.within("prefill_replicas", default, 1.0, most, low_open=False, high_open=False)
    return Pooled(degrees, gpus, fabric, inputs.whole("prefill_replicas", pool))


def _framework(name: str | None) -> str:
    """A framework whose kernels are told apart; "" for all together."""
    if name is None:
        return ""
    if inputs.text("framework", name) not in FRAMEWORKS[1:]:
        raise unknown_name("framework", name, FRAMEWORKS[1:])
    return name


@dataclass(frozen=True)
class OperatorCost:
    """One operator of one stage: arithmetic [FLOP], traffic [byte], intensity [FLOP/byte], time of each and its bound."""

    stage: str
    operator: str
    precision: str
    flop: float
    bytes: float
    intensity_flop_byte: float
    compute_s: float
    bandwidth_s: float
    bound: str


def breakdown(
    model: str, system: str, workload: str | None = None, *, batch: float, **options: Unpack[Options]
) -> list[OperatorCost]:
    """What each operator of both stages costs for `batch` requests; arguments as in `throughput`, floats only."""
    deployment, _ = deploy(model, system, workload, **options)
    requests = inputs.at_least_one("batch", batch)
    if np.ndim(requests) or serving.shape_of(deployment, Limits()):
        raise InputError("batch: breakdown takes one deployment at one batch, give floats", field="batch")
    stages = zip(("prefill", "decode"), serving.work(deployment, requests), strict=True)
    costs = []
    for stage, work in stages:
        for operation in (*work.linear, *work.attention):
            leg = operation_time(operation, deployment.machine, deployment.efficiency, deployment.kernels)
            costs.append(
                OperatorCost(
                    stage=stage,
                    operator=operation.name.replace("_", " "),
                    precision=operation.precision,
                    flop=float(operation.flop),
                    bytes=float(operation.bytes_moved),
                    intensity_flop_byte=float(operation.flop / operation.bytes_moved),
                    compute_s=float(leg.compute_s),
                    bandwidth_s=float(leg.bandwidth_s),
                    bound="compute" if leg.compute_s >= leg.bandwidth_s else "bandwidth",
                )
            )
    return costs


def _machine(catalog: Catalog, name: str, gpus: NumbersLike | None) -> System:
    """A system of the catalog by name, or one's own by the path of a TOML file; all of it, or so many of its chips."""
    whole = system_from_file(Path(name)) if named.is_file("system", name, ".toml") else catalog.system(name)
    return whole if gpus is None else whole.part(inputs.whole("gpus", gpus))


def _counted(catalog: Catalog, name: str, counting: str, precision: str | None) -> tuple[Model, Checkpoint]:
    own = imported.find(catalog, name)
    model = catalog.model(name) if own is None else own.model
    if precision is not None:
        precision = inputs.text("precision", precision)
    match counting:
        case "article":
            return _as_article(
                catalog, model if own is None else _as_counted(model), "fp4" if precision is None else precision
            )
        case "checkpoint":
            return model, _checkpoint(catalog, name, precision) if own is None else _own_checkpoint(catalog, own, precision)
        case _:
            raise unknown_name("counting", counting, COUNTINGS)


def _as_counted(model: Model) -> Model:
    """A model nobody published sizes of: those counted from its dimensions stand in for them."""
    return replace(model, published_total=float(model.total_parameters), published_active=float(model.active_parameters))


def _own_checkpoint(catalog: Catalog, own: Imported, precision: str | None) -> Checkpoint:
    """The checkpoint a config.json describes; or every weight in `precision`, and the cache as described, else in bf16."""
    described = own.checkpoint
    if described is not None and precision in {None, described.label, described.name}:
        return described
    if precision is None:
        said = "neither quantization_config nor dtype says a format known here; give a precision"
        raise InputError(f"{own.path}: dtype: {said}", field="dtype")
    chosen = catalog.format(precision)
    parts = {part.name: chosen for part in own.model.parts}
    cache = catalog.format(FALLBACK_PRECISION) if described is None else described.kv_cache
    return Checkpoint(f"all {chosen.name}", own.model.name, chosen.name, parts, cache)


def _as_article(catalog: Catalog, model: Model, precision: str) -> tuple[Model, Checkpoint]:
    """Every weight in one format and an 8-bit cache. Source: article, sections Prefill and Decode."""
    try:
        counted = as_the_article_counts(model)
    except ValueError as error:
        raise InputError(f"{error}; ask with counting 'checkpoint'", field="counting", got="article") from error
    stored = catalog.format(precision)
    parts = {part.name: stored for part in counted.parts}
    return counted, Checkpoint(f"all {stored.name}", model.name, stored.name, parts, catalog.format("fp8"))


def _checkpoint(catalog: Catalog, model: str, precision: str | None) -> Checkpoint:
    """The first published checkpoint of the model, or the first whose label or name is `precision`."""
    known = catalog.checkpoints_of(model)
    fitting = [one for one in known if precision in {None, one.label, one.name}]
    if not fitting:
        names = [one.name for one in known] + sorted({one.label for one in known})
        if precision is None:
            raise InputError(f"model {model}: the catalog has no checkpoint of it", field="counting", got="checkpoint")
        raise unknown_name(f"precision of {model}", precision, names, field="precision")
    return fitting[0]


def _efficiency(preset: Preset, options: Options) -> Efficiency:
    """The preset's three numbers, each replaced where one is given."""
    compute, bandwidth, latency = (
        options.get(name) for name in ("compute_efficiency", "bandwidth_efficiency", "step_latency_s")
    )
    return Efficiency(
        compute=inputs.share("compute_efficiency", preset.compute_efficiency if compute is None else compute),
        bandwidth=inputs.share("bandwidth_efficiency", preset.bandwidth_efficiency if bandwidth is None else bandwidth),
        step_latency=_latency(preset.step_latency if latency is None else latency),
    )


def _latency(seconds: Any) -> Numbers:
    return inputs.within("step_latency_s", seconds, 0.0, 3600.0, low_open=False, high_open=False)


def _reserve(share: Any) -> Numbers:
    return inputs.within("hbm_reserve", share, 0.0, 1.0, low_open=False, high_open=True)


def limits_of(speed: Any, max_ttft: Any, *, given_batch: bool, catalog: Catalog, offline: bool = False) -> Limits:
    """What is asked for; the default wanted speed unless a batch is given, and nothing at all of offline work."""
    if offline:
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


def _workload(workload: str | None, tokens_in: Any, tokens_out: Any) -> tuple[Numbers, Numbers]:
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
