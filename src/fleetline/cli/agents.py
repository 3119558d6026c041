"""Command about concurrent agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleetline.cli.options import AsJson, AsOf, Draws, Fleet, Rows, ScenarioName, Seed, Set, app, number, whole
from fleetline.cli.show import flat, show, table

if TYPE_CHECKING:
    from rich.table import Table


@app.command(epilog="Example: fleetline agents --model kimi-k3 --speed 100 --max-ttft 30 --fleet all")
def agents(
    rows: Rows = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="Only this model; every measured one without.")
    ] = None,
    speed: Annotated[
        float, number("speed", "Wanted tokens a second of the slow tenth of requests (P90), first token not in it.")
    ] = 50.0,
    max_ttft: Annotated[
        float | None, number("max_ttft", "Only runs whose P90 wait for the first token is so many s.")
    ] = None,
    through: Annotated[
        float | None, number("through", "Year through which shipped memory counts, 2025 to 2027; 2026 and 2027 without.")
    ] = None,
    uplift: Annotated[
        float | None, number("hbm4_over_hbm3e", "Agents a byte of HBM4 carries over those of HBM3E; 2 without.")
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="Also what the model of serving says of every cell; takes some seconds.")
    ] = False,
    scenario: ScenarioName = "article",
    fleet: Fleet = None,
    as_of: AsOf = None,
    draws: Draws = 2000,
    seed: Seed = 0,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Concurrent agent sessions of a GPU by measured runs, of a scenario's chips, and of all memory shipped.

    An agent is one recorded coding session with its sub-agents; the runs are those of InferenceX AgentX.
    """
    from fleetline.questions import agent_capacity

    found = flat(
        agent_capacity.agents(
            scenario,
            setting or (),
            rows=rows or (),
            model=model,
            speed=speed,
            max_ttft=max_ttft,
            through=None if through is None else whole(through),
            hbm4_over_hbm3e=uplift,
            predict=predict,
            draws=whole(draws),
            seed=whole(seed),
            fleet=fleet,
            as_of=as_of,
        )
    )
    show(found, lambda: [_cells(found), _revenue(found), *_predicted(found), *_capacity(found), *_fleet(found)], as_json)


_MARKS = {"between": "", "start": "=", "never": "-", "no rows": "no row"}


def _cells(found: dict[str, Any]) -> Table:
    """Models down, GPUs across; the source's marks."""
    chips = sorted({cell["hardware"] for cell in found["cells"]})
    rows: dict[str, dict[str, Any]] = {}
    for cell in found["cells"]:
        line = rows.setdefault(cell["model"], {"model": cell["model"], **dict.fromkeys(chips, "")})
        each = cell["agents_per_gpu"]
        line[cell["hardware"]] = _MARKS[cell["reached"]] + ("" if each is None else f"{each:.4g}")
    within = "" if found["max_ttft_s"] is None else f", P90 TTFT at most {found['max_ttft_s']:g} s"
    title = (
        f"Agents per GPU at P90 speed {found['speed_tok_s_user']:g} token/s/user{within} "
        "(=: the densest run, faster than wanted; -: never reached)"
    )
    return table(title, list(rows.values()), {"model": "model", **{chip: chip for chip in chips}})


def _revenue(found: dict[str, Any]) -> Table:
    columns = {
        "prices": "list prices of",
        "hardware": "cheapest GPU",
        "rent_usd_agent_hour": "rent USD/agent-hour",
        "revenue_over_rent": "API revenue over rent",
    }
    return table("What the API would earn over what the GPU rents for", found["revenue"], columns, clip=60)


def _capacity(found: dict[str, Any]) -> list[Table]:
    uplift = f"HBM4 counting {found['hbm4_over_hbm3e']:g}x"
    supplied = {"through": "shipped through", "hbm3e_gb": "HBM3E GB", "hbm4_gb": "HBM4 GB", "gb300_equivalents": "as GB300"}
    years = [line | {"through": str(line["through"])} for line in found["equivalents"]]
    capacity = {
        "model": "model",
        "through": "through",
        "agents_per_gb300": "agents/GB300",
        "agents": "agents",
        "agents_low": "at 1x",
        "agents_high": "at 4x",
    }
    measured = [line | {"through": str(line["through"])} for line in found["capacity"]]
    closed = [
        {
            "model": line["model"],
            "through": str(line["through"]),
            "spend": line["spend_usd_agent_hour"],
            **{key: line["agents"][key] for key in ("low", "high")},
            "least": line["agents_any_uplift"]["low"],
            "most": line["agents_any_uplift"]["high"],
        }
        for line in found["closed"]
    ]
    by_price = {
        "model": "model nobody measured",
        "through": "through",
        "spend": "USD/agent-hour",
        "low": "agents, low",
        "high": "high",
        "least": "low, 1x",
        "most": "high, 4x",
    }
    return [
        table(f"Memory shipped since 2025, {uplift}", years, supplied),
        table(f"Agents if all of it carried one model, {uplift}", measured, capacity),
        table(f"The same by price: revenue 5 to 10 times the rent, {uplift}", closed, by_price, clip=60),
    ]


def _fleet(found: dict[str, Any]) -> list[Table]:
    rows = [line | line["agents"] for line in found["fleet"]]
    columns = {
        "model": "model",
        "p5": "5%",
        "p50": "agents",
        "p95": "95%",
        "chips_with_a_cell": "chips with runs",
        "chips": "of",
    }
    title = f"Agents of the chips of fleet {found['fleet_name']} on {found['as_of']}, each type at its own runs"
    tables = [table(title, rows, columns)]
    if len(found["fleet"]) == 1:
        tables.append(_by_system(found["fleet"][0]["by_system"]))
    return tables


def _by_system(systems: list[dict[str, Any]]) -> Table:
    rows = [
        line | {"chips": line["chips"]["p50"], "agents": None if line["agents"] is None else line["agents"]["p50"]}
        for line in systems
    ]
    columns = {"system": "chips of", "chips": "chips", "agents_per_gpu": "agents each", "agents": "agents"}
    return table("By system, medians", rows, columns | {"reason": "why none"}, clip=80)


def _predicted(found: dict[str, Any]) -> list[Table]:
    if not found["predicted"]:
        return []
    rows = [line | {"measured": _marked(line)} for line in found["predicted"]]
    columns = {
        "model": "model",
        "hardware": "GPU",
        "measured": "measured",
        "held": "idle cache held",
        "held_over_measured": "over measured",
        "elsewhere": "kept elsewhere",
        "elsewhere_over_measured": "over measured ",
        "schedule": "by",
        "precision": "weights",
        "reason": "why none",
    }
    error = found["prediction"]
    summary = (
        ""
        if error["median_ratio"] is None
        else f"; of {error['cells']:g} cells between two runs the median is {error['median_ratio']:.2f} times the measured"
    )
    return [table(f"Agents per GPU by the model of serving{summary}", rows, columns, clip=60)]


def _marked(line: dict[str, Any]) -> str:
    each = line["measured"]
    return _MARKS[line["reached"]] + ("" if each is None else f"{each:.4g}")
