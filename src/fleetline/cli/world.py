"""Commands about the world: supply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleetline.cli.options import AsJson, Speed, app, number
from fleetline.cli.show import flat, show, table

if TYPE_CHECKING:
    from rich.table import Table

Scenario = Annotated[str, typer.Option(metavar="NAME|FILE", help="A shipped scenario, or a TOML file.")]
Fleet = Annotated[str | None, typer.Option(metavar="NAME", help="Which chips serve: article (Blackwell racks) or all.")]
AsOf = Annotated[str | None, typer.Option(metavar="DATE", help="Chips sold to this day serve, such as 2025-12-31.")]
ScenarioPreset = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="fitted, article or ideal.")]
ScenarioSpeculative = Annotated[
    str | None, typer.Option("--speculative", metavar="V:A", help="VERIFIED:ACCEPTED tokens of a pass, or none.")
]
ScenarioWorkload = Annotated[
    str | None, typer.Option("--workload", metavar="INPUT:OUTPUT", help="Tokens of each request; several with commas.")
]
Draws = Annotated[float, number("draws", "Worlds to draw.")]
Seed = Annotated[float, number("seed", "Of the draws.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a line of the scenario; KEY=LOW..HIGH for a 90% interval."),
]


@app.command(epilog="Example: fleetline supply --fleet all --preset fitted --set serving.speed=20..50")
def supply(
    scenario: Scenario = "article",
    fleet: Fleet = None,
    as_of: AsOf = None,
    preset: ScenarioPreset = None,
    speculative: ScenarioSpeculative = None,
    speed: Speed = None,
    workload: ScenarioWorkload = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Output tokens per second that the chips sold could serve, with 90% intervals.

    The named options are short for --set of a scenario's line. The workloads are alternative uses of the same chips.
    """
    from fleetline import worlds

    found = worlds.supply(
        scenario,
        setting or (),
        draws=whole(draws),
        seed=whole(seed),
        fleet=fleet,
        as_of=as_of,
        preset=preset,
        speculative=speculative,
        speed=speed,
        workload=workload,
    )
    answer = flat(found)
    show(answer, lambda: _supply_tables(answer), as_json)


def whole(value: float) -> Any:
    """A whole number as one; anything else as it is, to be refused where it is used."""
    return int(value) if value == value // 1 else value


def _supply_tables(answer: dict[str, Any]) -> list[Table]:
    title = f"Fleet {answer['fleet']} on {answer['as_of']}, output tokens per second; {answer['note']}"
    totals = [each | each["output_tok_s"] for each in answer["workloads"]]
    columns = {
        "workload": "workload",
        "p5": "5%",
        "p50": "median",
        "p95": "95%",
        "per_person_month": "per person and month",
    }
    systems = [
        {
            "workload": each["workload"],
            "reason": one["reason"],
            **{key: one[key] for key in ("system", "gpus")},
            **{key: one[key]["p50"] for key in ("chips", "racks", "throughput_tok_s", "output_tok_s")},
        }
        for each in answer["workloads"]
        for one in each["by_system"]
    ]
    by_system = {
        "workload": "workload",
        "system": "system",
        "chips": "chips",
        "racks": "systems",
        "throughput_tok_s": "tok/s each",
        "output_tok_s": "tok/s",
        "reason": "why not",
    }
    tables = [table(title, totals, columns), table("By system, medians", systems, by_system, clip=60)]
    return [*tables, *_measured_table(answer), *_not_counted_table(answer)]


def _measured_table(answer: dict[str, Any]) -> list[Table]:
    rows = [each | each["output_tok_s"] for each in answer["measured"]]
    columns = {"workload": "workload", "definition": "speed by", "p5": "5%", "p50": "median", "p95": "95%"}
    columns["without_a_run"] = "chips without a run"
    return [table("The same chips at the best measured rates of the model", rows, columns, clip=60)] if rows else []


def _not_counted_table(answer: dict[str, Any]) -> list[Table]:
    rows = [each | {"chips": each["chips"]["p50"]} for each in answer["not_counted"]]
    columns = {"chip_type": "chip", "chips": "chips", "reason": "why it serves nothing here"}
    return [table("In the fleet and not served", rows, columns, clip=120)] if rows else []
