"""Commands that list what is claimed: models, systems, assumptions, sources, and the article's numbers beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fleetline.cli.options import AboutScenario, AsJson, ScenarioGiven, Set, app
from fleetline.cli.show import flat, scenario_words, show, show_facts, table


@app.command(epilog="Example: fleetline models kimi-k2.6")
def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Every figure of this one, with its source.")] = None,
    as_json: AsJson = False,
) -> None:
    """The models of the catalog, or every figure of one."""
    from fleetline.catalog import listing

    if name is not None:
        show_facts(name, listing.facts(name), as_json)
        return
    rows = listing.models()
    columns = {
        "model": "model",
        "total_parameters": "weights",
        "active_parameters": "active",
        "kv_elements_per_token": "KV/token",
        "modelled": "physics",
        "attention": "attention",
    }
    show({"models": rows}, lambda: [table("Models", rows, columns)], as_json)


@app.command(epilog="Examples: fleetline systems gb200-nvl72; fleetline systems --example > my-rack.toml")
def systems(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Every figure of its chip, with its source.")] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a TOML file that describes a system.")] = False,
    as_json: AsJson = False,
) -> None:
    """The systems of the catalog, every figure of one, or a file to describe one's own."""
    from fleetline.catalog import listing, system_file

    if example:
        typer.echo(system_file.EXAMPLE, nl=False)
        return
    if name is not None:
        show_facts(name, listing.facts(name), as_json)
        return
    rows = listing.systems()
    columns = {
        "system": "system",
        "chip": "chip",
        "gpus": "chips",
        "hbm_capacity_bytes": "memory, byte",
        "hbm_bandwidth_bytes_s": "bandwidth, byte/s",
        "fp4_flop_s": "fp4, FLOP/s",
        "fp8_flop_s": "fp8, FLOP/s",
        "bf16_flop_s": "bf16, FLOP/s",
        "rent_usd_hour": "USD/h",
    }
    show({"systems": rows}, lambda: [table("Systems", rows, columns)], as_json)


@app.command("import-model", epilog="Example: fleetline import-model my-model/config.json --save --name my-model")
def import_model(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG.json", help="A Hugging Face configuration file, or a folder with one.")
    ],
    save: Annotated[
        bool, typer.Option("--save", help="Keep it: its name then stands wherever a model is asked for.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it, instead of its file or folder.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write it as rows for the catalog's tables; needs --source.")
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Where the file is from, for the rows.")] = None,
    as_json: AsJson = False,
) -> None:
    """A Hugging Face config.json as a model: parameters, cache, attention, and how its weights are stored."""
    from fleetline.catalog.imported import from_config
    from fleetline.catalog.imported import import_model as read

    answer = read(config, save=save, name=name)
    if rows is not None:
        from fleetline.catalog.imported_rows import write_rows

        written = write_rows(from_config(Path(config), name), Path(rows), source)
        answer["rows"] = [str(path) for path in written]
    figures = [{"what": key.replace("_", " "), "value": value} for key, value in answer.items() if key not in _TABLED]
    parts = {"part": "part", "parameters": "weights", "active": "active", "format": "stored as", "bytes": "bytes"}
    layers = {"kind": "attention", "layers": "layers"}
    show(
        answer,
        lambda: [
            table(str(answer["name"]), figures, {"what": "", "value": ""}, clip=200),
            table("Attention", answer["attention_layers"], layers),
            table("Weights", answer["weights"], parts),
        ],
        as_json,
    )


_TABLED = ("name", "attention_layers", "weights")  # have tables of their own, or are a title


@app.command(
    cls=AboutScenario, epilog="Examples: fleetline assumptions today --find fleet.; fleetline assumptions --guesses"
)
def assumptions(
    scenario: ScenarioGiven = "today",
    find: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only lines with this in their key or in what they are about.")
    ] = None,
    guesses: Annotated[bool, typer.Option("--guesses", help="Only lines whose value or interval is a guess.")] = False,
    setting: Set = None,
    as_json: AsJson = False,
) -> None:
    """Every line of a scenario: value, 90% interval, unit, source, and whether it is a guess."""
    from fleetline.questions.assumed import assumptions as ask

    found = flat(ask(scenario, setting or (), find=find, guesses=guesses))
    columns = {
        "key": "line",
        "value": "value",
        "low": "5%",
        "high": "95%",
        "unit": "unit",
        "guess": "guess",
        "source": "source",
    }
    title = f"Scenario {scenario_words(found)}: {found['about']}"
    show(found, lambda: [table(title, found["lines"], columns, clip=1000)], as_json)


@app.command(epilog="Example: fleetline sources --json | jq '.sources[].source'")
def sources(as_json: AsJson = False) -> None:
    """Where every number comes from: source, licence, and the tables that cite it."""
    from fleetline.catalog import listing

    rows = listing.sources()
    columns = {"rows": "rows", "tables": "tables", "source": "source", "licence": "licence"}
    show({"sources": rows}, lambda: [table("Sources", rows, columns, clip=200)], as_json)


@app.command(
    "compare-article", epilog="Example: fleetline compare-article --json | jq '.numbers[] | select(.reproduced | not)'"
)
def compare_article(as_json: AsJson = False) -> None:
    """The article's numbers beside ours: printed, recomputed from its text, computed here."""
    from fleetline.article import compare_article as compare

    rows = flat(compare())
    columns = {
        "text": "article",
        "printed": "printed",
        "recomputed": "recomputed",
        "ours": "ours",
        "ours_over_printed": "ratio",
        "reproduced": "as recomputed",
        "status": "status",
    }
    show({"numbers": rows}, lambda: [table("Is a compute crunch coming?", rows, columns, clip=100)], as_json)
