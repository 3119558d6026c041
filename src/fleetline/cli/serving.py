"""Commands about one deployment: throughput, frontier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleetline.cli.options import (
    AsJson,
    BandwidthEfficiency,
    Batch,
    ComputeEfficiency,
    Counting,
    Dp,
    Ep,
    Gpus,
    HbmReserve,
    MaxTtft,
    Model,
    Pp,
    Precision,
    PrefillReplicas,
    Schedule,
    ServingPreset,
    Speculative,
    Speed,
    StepLatency,
    SystemName,
    Tp,
    Workload,
    app,
)
from fleetline.cli.show import feasible, flat, show, table

if TYPE_CHECKING:
    from rich.table import Table

    from fleetline.deployment import Throughput


@app.command(
    epilog="Example: fleetline throughput kimi-k2.6 gb200-nvl72 --workload 8000:1000 --speculative 8:3 --breakdown"
)
def throughput(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    batch: Batch = None,
    schedule: Schedule = "chunked",
    speculative: Speculative = "none",
    preset: ServingPreset = None,
    gpus: Gpus = None,
    tp: Tp = None,
    ep: Ep = None,
    dp: Dp = None,
    pp: Pp = None,
    prefill_replicas: PrefillReplicas = None,
    precision: Precision = None,
    counting: Counting = None,
    compute_efficiency: ComputeEfficiency = None,
    bandwidth_efficiency: BandwidthEfficiency = None,
    step_latency_s: StepLatency = None,
    hbm_reserve: HbmReserve = None,
    breakdown: Annotated[bool, typer.Option("--breakdown", help="Add FLOP, bytes and bound of each operator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Best batch and rates of one deployment: a whole system, or part of it.

    Without --batch, the best batch at the wanted speed (35 tokens per second unless --speed says otherwise).
    """
    from fleetline import deployment

    options: dict[str, Any] = {
        "schedule": schedule,
        "speculative": speculative,
        "preset": preset,
        "gpus": gpus,
        "tp": tp,
        "ep": ep,
        "dp": dp,
        "pp": pp,
        "prefill_replicas": prefill_replicas,
        "precision": precision,
        "counting": counting,
        "compute_efficiency": compute_efficiency,
        "bandwidth_efficiency": bandwidth_efficiency,
        "step_latency_s": step_latency_s,
        "hbm_reserve": hbm_reserve,
    }
    found = deployment.throughput(model, system, workload, batch=batch, speed=speed, max_ttft=max_ttft, **options)
    feasible(found)
    operators = deployment.breakdown(model, system, workload, batch=float(found.batch), **options) if breakdown else []
    answer = flat(found) | ({"breakdown": operators} if breakdown else {})
    show(answer, lambda: [_rates_table(found), *([_operators_table(operators)] if breakdown else [])], as_json)


@app.command(epilog="Example: fleetline frontier kimi-k2.6 gb200-nvl72 --workload 25000:1000 --speculative 8:3 --points 12")
def frontier(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    points: Annotated[int, typer.Option(help="At most so many batches, evenly spaced by ratio.")] = 60,
    schedule: Schedule = "chunked",
    speculative: Speculative = "none",
    preset: ServingPreset = None,
    gpus: Gpus = None,
    tp: Tp = None,
    ep: Ep = None,
    dp: Dp = None,
    pp: Pp = None,
    prefill_replicas: PrefillReplicas = None,
    precision: Precision = None,
    counting: Counting = None,
    compute_efficiency: ComputeEfficiency = None,
    bandwidth_efficiency: BandwidthEfficiency = None,
    step_latency_s: StepLatency = None,
    hbm_reserve: HbmReserve = None,
    as_json: AsJson = False,
) -> None:
    """Throughput against each user's speed over batch: the points that no other batch beats in both."""
    from fleetline import deployment

    found = deployment.frontier(
        model,
        system,
        workload,
        points=points,
        speed=speed,
        max_ttft=max_ttft,
        schedule=schedule,
        speculative=speculative,
        preset=preset,
        gpus=gpus,
        tp=tp,
        ep=ep,
        dp=dp,
        pp=pp,
        prefill_replicas=prefill_replicas,
        precision=precision,
        counting=counting,
        compute_efficiency=compute_efficiency,
        bandwidth_efficiency=bandwidth_efficiency,
        step_latency_s=step_latency_s,
        hbm_reserve=hbm_reserve,
    )
    feasible(found)
    listed = deployment.points_of(found)
    show({"points": listed}, lambda: [_points_table(listed)], as_json)


def _rates_table(found: Throughput) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    setting = found.setting
    how = f"{setting['schedule']}" + (f", speculation {setting['speculative']}" if setting["speculative"] else "")
    if setting["configuration"]:
        how += ", " + ", ".join(
            f"{name} {value:g}" for name, value in setting["configuration"].items() if name != "timings"
        )
    title = f"{setting['model']} on {int(setting['gpus'])} chips of {setting['system']}, {setting['workload']}, {how}"
    table = Table(title=title, title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
    lines = [
        ("output tokens per second", f"{found.throughput_tok_s:,.0f}"),
        ("... of each chip", f"{found.throughput_tok_s_gpu:,.1f}"),
        ("speed of each user (wall time)", f"{found.speed_tok_s_user:,.2f} tok/s"),
        ("interactivity (1/TPOT)", f"{found.interactivity_tok_s_user:,.2f} tok/s"),
        ("TTFT", f"{found.ttft_s:,.3f} s"),
        ("TPOT", f"{found.tpot_s * 1e3:,.3f} ms"),
        ("batch", f"{found.batch:,.6g}"),
        ("critical batch", f"{found.critical_batch:,.1f}"),
        ("bound by", str(found.binding)),
        ("prefill: arithmetic, traffic", f"{found.prefill.compute_s:,.4g} s, {found.prefill.bandwidth_s:,.4g} s"),
        ("decode: arithmetic, traffic", f"{found.decode.compute_s:,.4g} s, {found.decode.bandwidth_s:,.4g} s"),
        ("waits for latencies, messages", f"{found.latency_s:,.4g} s, {found.network_s:,.4g} s"),
        ("memory", f"{found.memory_used_bytes / 1e9:,.0f} of {found.memory_capacity_bytes / 1e9:,.0f} GB"),
        (
            "cost",
            ""
            if found.cost_usd_per_mtok_output != found.cost_usd_per_mtok_output  # NaN: no rent known
            else f"{found.cost_usd_per_mtok_output:,.3f} USD per million output tokens",
        ),
    ]
    table.add_column()
    table.add_column(justify="right")
    for what, value in lines:
        table.add_row(what, value)
    return table


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
    columns = {
        "batch": "batch",
        "speed_tok_s_user": "tok/s/user",
        "throughput_tok_s": "tok/s",
        "ttft_s": "TTFT, s",
        "tpot_s": "TPOT, s",
        "binding": "bound by",
        "cost_usd_per_mtok_output": "USD/M output",
    }
    return table("Throughput against speed", points, columns)
