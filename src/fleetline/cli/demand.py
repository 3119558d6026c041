"""What is asked of the chips: demand."""

from __future__ import annotations

from typing import Annotated

import typer

from fleetline.cli.options import AsJson, app
from fleetline.cli.show import flat, show, table


@app.command(epilog="Example: fleetline demand --workload 25000:1000 --as-of 2026-12-31 --set demand.daily_share=0.6..0.9")
def demand(
    scenario: Annotated[str, typer.Option(metavar="NAME", help="A shipped scenario, or a TOML file.")] = "article",
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Move every proxy to this day along the growth; its own date without."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="INPUT:OUTPUT", help="Ratio to count output at; the scenario's own without.")
    ] = None,
    draws: Annotated[int, typer.Option(metavar="N", help="Worlds to draw.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the draws.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change an assumption; LOW..HIGH is a 90% interval."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The tokens a second that are asked for, by each proxy, and how fast that grows."""
    from fleetline import demands

    found = flat(demands.demand(scenario, as_of=as_of, workload=workload, draws=draws, seed=seed, settings=settings or ()))
    proxies = [
        {"name": each["name"], "tok_s": each["tok_s"]["central"], "direction": each["direction"], **each["output_tok_s"]}
        | {"date": each["date"], "stated": each["direction_stated"]}
        for each in found["proxies"]
    ]
    growth = [{"what": "demand", **found["growth_per_year"], "from": found["growth_source"]}]
    columns = {
        "name": "proxy",
        "tok_s": "token/s",
        "direction": "of",
        "low": "output/s, 5%",
        "central": "median",
        "high": "95%",
        "date": "date",
        "stated": "the source's words",
    }
    grown = {"what": "growth", "p5": "5%", "p50": "median", "p95": "95%", "from": "from"}
    beside = {"what": "article", "printed": "printed", "ours": "ours", "ours_over_printed": "ratio", "unit": "unit"}
    show(
        found,
        lambda: [
            table(f"Tokens asked for, output counted at {found['workload']}", proxies, columns, clip=60),
            table("Times a year", growth, grown, clip=100),
            table("Beside the article", found["comparisons"], beside, clip=100),
        ],
        as_json,
    )
