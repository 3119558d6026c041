"""Commands about serving one model: throughput, frontier, plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from fleetline.cli.options import (
    AsJson,
    Batch,
    MaxTtft,
    MaxUtilisation,
    Model,
    OfDeployment,
    Offline,
    OfRequests,
    OnlySpeculative,
    RequestsPerS,
    Schedule,
    Speculative,
    Speed,
    SystemName,
    Workload,
    app,
    number,
    spread,
)
from fleetline.cli.show import feasible, flat, show, table
from fleetline.errors import Infeasible

if TYPE_CHECKING:
    from rich.table import Table

    from fleetline.answers import Throughput


@app.command(
    epilog="Example: fleetline throughput kimi-k2.6 gb200-nvl72 --workload 8000:1000 --speculative 8:3 --breakdown"
)
@spread
def throughput(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    offline: Offline = False,
    batch: Batch = None,
    requests_per_s: RequestsPerS = None,
    schedule: Schedule = "chunked",
    speculative: Speculative = "none",
    *,
    breakdown: Annotated[bool, typer.Option("--breakdown", help="Add FLOP, bytes and bound of each operator.")] = False,
    as_json: AsJson = False,
    **options: Unpack[OfDeployment],
) -> None:
    """Best batch and rates of one deployment: a whole system, or part of it.

    Without --batch, the best batch at the wanted speed (35 tokens per second unless --speed says otherwise).
    """
    from fleetline import deployment

    asked: dict[str, Any] = {**options, "rate": requests_per_s, "schedule": schedule, "speculative": speculative}
    found = deployment.throughput(
        model, system, workload, batch=batch, speed=speed, max_ttft=max_ttft, offline=offline, **asked
    )
    feasible(found)
    operators = deployment.breakdown(model, system, workload, batch=float(found.batch), **asked) if breakdown else []
    answer = flat(found) | ({"breakdown": operators} if breakdown else {})
    show(answer, lambda: [_rates_table(found), *([_operators_table(operators)] if breakdown else [])], as_json)


_OnlySchedule = Annotated[str | None, typer.Option("--schedule", metavar="NAME", help="Only this schedule.")]


@app.command(epilog="Example: fleetline frontier kimi-k2.6 gb200-nvl72 --workload 25000:1000 --speculative 8:3 --points 12")
@spread
def frontier(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    offline: Offline = False,
    points: Annotated[
        int, typer.Option(help="At most so many batches of each configuration, evenly spaced by ratio.")
    ] = 60,
    requests_per_s: RequestsPerS = None,
    schedule: _OnlySchedule = None,
    speculative: OnlySpeculative = None,
    *,
    as_json: AsJson = False,
    **options: Unpack[OfDeployment],
) -> None:
    """Throughput against each user's speed: the points that no other beats in both, with the configuration of each.

    Batch, parallelism, schedule and speculation are looked through; with degrees or a preset of shares, only the batch.
    """
    from fleetline import frontiers

    found = frontiers.frontier(
        model,
        system,
        workload,
        points=points,
        speed=speed,
        max_ttft=max_ttft,
        offline=offline,
        rate=requests_per_s,
        schedule=schedule,
        speculative=speculative,
        **options,
    )
    feasible(found)
    listed = frontiers.points_of(found)
    show({"points": listed}, lambda: [_points_table(listed)], as_json)


@app.command(
    epilog="Example: fleetline plan kimi-k2.6 --workload 8000:1000 --requests-per-s 20 --systems gb200-nvl72,b200,h200"
)
@spread
def plan(
    model: Model,
    workload: Workload = "8000:1000",
    requests_per_s: Annotated[float | None, number("requests_per_s", "Requests that come in a second.")] = None,
    users: Annotated[float | None, number("users", "Users who each have one request in service, instead.")] = None,
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    offline: Offline = False,
    systems: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these systems; all of the catalog without.")
    ] = None,
    schedule: _OnlySchedule = None,
    speculative: OnlySpeculative = None,
    *,
    max_utilisation: MaxUtilisation = None,
    as_json: AsJson = False,
    **options: Unpack[OfRequests],
) -> None:
    """How many GPUs of which kind, configured how, carry a load: every system's cheapest way, cheapest first."""
    from fleetline.questions import planning

    found = planning.plan(
        model,
        workload,
        requests_per_s=requests_per_s,
        users=users,
        speed=speed,
        max_ttft=max_ttft,
        offline=offline,
        systems=systems,
        schedule=schedule,
        speculative=speculative,
        max_utilisation=1.0 if max_utilisation is None else max_utilisation,
        **options,
    )
    if not any(option.gpus for option in found) and len(found) == 1:
        raise Infeasible(found[0].reason, field=found[0].reason.partition(":")[0])
    rows = [vars(option) for option in found]
    show({"options": rows}, lambda: [_plan_table(rows)], as_json)


def _configured(found: dict[str, Any] | None) -> str:
    """A replica in short: TP4 DP2 EP8, 8 GPUs, chunked."""
    if found is None:
        return ""
    degrees = [f"{name.upper()}{found[name]:g}" for name in ("tp", "ep", "dp", "pp") if found[name] > 1] or ["TP1"]
    pools = [f"{found['prefill_replicas']:g} prefill"] if "prefill_replicas" in found else []
    draft = [f"drafts {found['speculative']}"] if found["speculative"] else []
    size = f"{found['gpus']:g} GPU{'s' if found['gpus'] > 1 else ''}"
    return ", ".join([" ".join(degrees), size, found["schedule"], *pools, *draft])


def _plan_table(rows: Sequence[dict[str, Any]]) -> Table:
    rows = [{**row, "configuration": _configured(row["configuration"])} for row in rows]
    columns = {
        "system": "system",
        "gpus": "GPUs",
        "replicas": "replicas",
        "configuration": "configuration of each",
        "utilisation": "used",
        "speed_tok_s_user": "tok/s/user",
        "ttft_s": "TTFT, s",
        "cost_usd_hour": "USD/h",
        "cost_usd_mtok_output": "USD/M output",
        "price_usd_mtok_input": "input",
        "price_usd_mtok_cached_input": "cached",
        "price_usd_mtok_output": "output",
        **({"reason": "why not"} if any(row["reason"] for row in rows) else {}),
    }
    return table("What carries the load; input, cached, output: the cost shared out", rows, columns, clip=90)


def _rates_table(found: Throughput) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    setting = found.setting
    how = f"{setting['schedule']}" + (f", speculation {setting['speculative']}" if setting["speculative"] else "")
    if setting["configuration"]:
        how += ", " + ", ".join(
            f"{name} {value:g}" for name, value in setting["configuration"].items() if name != "timings"
        )
    size = f"{int(setting['gpus'])} chip{'s' if setting['gpus'] > 1 else ''}"
    title = f"{setting['model']} on {size} of {setting['system']}, {setting['workload']}, {how}"
    table = Table(title=title, title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
    quantiles = f"{found.ttft_p90_s:,.3f} s, {found.ttft_p99_s:,.3f} s"
    lines = [
        ("output tokens per second", f"{found.throughput_tok_s:,.0f}"),
        ("... of each chip", f"{found.throughput_tok_s_gpu:,.1f}"),
        ("speed of each user (wall time)", f"{found.speed_tok_s_user:,.2f} tok/s"),
        ("interactivity (1/TPOT)", f"{found.interactivity_tok_s_user:,.2f} tok/s"),
        ("TTFT", f"{found.ttft_s:,.3f} s"),
        *([("... of 90%, 99% of requests", quantiles)] if found.setting["arrivals"] != "batch" else []),
        ("TPOT", f"{found.tpot_s * 1e3:,.3f} ms"),
        ("batch", f"{found.batch:,.6g}"),
        *([("sessions, waiting ones included", f"{found.sessions:,.1f}")] if found.sessions != found.batch else []),
        ("critical batch", f"{found.critical_batch:,.1f}"),
        ("bound by", str(found.binding)),
        ("prefill: arithmetic, traffic", f"{found.prefill.compute_s:,.4g} s, {found.prefill.bandwidth_s:,.4g} s"),
        ("decode: arithmetic, traffic", f"{found.decode.compute_s:,.4g} s, {found.decode.bandwidth_s:,.4g} s"),
        ("waits for latencies, messages", f"{found.latency_s:,.4g} s, {found.network_s:,.4g} s"),
        ("memory", f"{found.memory_used_bytes / 1e9:,.0f} of {found.memory_capacity_bytes / 1e9:,.0f} GB"),
        ("weights", f"{setting['checkpoint']}, counting {setting['counting']}"),
        *_money_lines(found),
    ]
    table.add_column()
    table.add_column(justify="right")
    for what, value in lines:
        table.add_row(what, value)
    return table


def _money_lines(found: Throughput) -> list[tuple[str, str]]:
    """What a million tokens cost, rented and owned, and their energy; nothing of what is not known."""
    setting, prices = found.setting, found.prices_usd_per_mtok
    hourly, sold = setting["usd_chip_hour"], setting["utilisation"]
    lines = []
    for name, price in hourly.items():
        if price is None or not (paid := hourly[setting["price"]]):
            continue
        parts = (prices.input, prices.cached_input, prices.output)
        each = " / ".join(f"{part * price / paid:,.3g}" for part in parts)
        lines.append((f"{name}: USD a million input / cached / output", each))
        lines.append(("... all of it on the output", f"{found.cost_usd_per_mtok_output * price / paid:,.3g}"))
    if sold != 1.0:
        lines.append(("... at a utilisation of", f"{sold:g}"))
    energy = found.energy_j_per_output_token
    return lines + ([("energy of an output token (all-in power)", f"{energy:,.3g} J")] if energy == energy else [])  # noqa: PLR0124


def _operators_table(operators: Sequence[Any]) -> Table:
    rows = [vars(operator) for operator in operators]
    columns = {
        "stage": "stage",
        "operator": "operator",
        "precision": "in",
        "flop": "FLOP",
        "bytes": "bytes",
        "intensity_flop_byte": "FLOP/B",
        "compute_s": "compute",
        "bandwidth_s": "traffic",
        "bound": "bound by",
    }
    return table("Operators, whole batch; times in seconds", rows, columns)


def _points_table(points: Sequence[dict[str, Any]]) -> Table:
    waits = any(point["ttft_p90_s"] != point["ttft_s"] for point in points)  # in lockstep nobody waits longer
    columns = {
        "batch": "batch",
        "speed_tok_s_user": "tok/s/user",
        "throughput_tok_s": "tok/s",
        "ttft_s": "TTFT, s",
        **({"ttft_p90_s": "of 90%, s"} if waits else {}),
        "tpot_s": "TPOT, s",
        "binding": "bound by",
        "cost_usd_per_mtok_output": "USD/M output",
        "input": "input",
        "cached_input": "cached",
        "output": "output",
    }
    rows = [{**point, **point["prices_usd_per_mtok"]} for point in points]
    return table("Throughput against speed; input, cached, output: the cost shared out", rows, columns)
