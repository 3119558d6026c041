"""Commands about benchmark rows: calibrate, predict, validate, measured."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fleetline.cli.options import AsJson, Preset, Rows, Speed, Where, app
from fleetline.cli.show import flat, progress, show, table


def _tell_rejected(paths: list[str] | None) -> None:
    """One line on standard error for every row that could not be read: its file, its line and why."""
    from fleetline import runs

    for name, rejected in runs.rows_of(paths)[1] if paths else ():
        print(f"{name} line {rejected.line}: {rejected.reason}", file=sys.stderr)  # noqa: T201


@app.command(epilog="Example: fleetline calibrate benchmarks.csv --where model=kimik2.5,vendor=NVIDIA")
def calibrate(
    rows: Rows = None,
    where: Where = None,
    form: Annotated[str, typer.Option(metavar="NAME", help="How a row is predicted: article.")] = "article",
    draws: Annotated[int, typer.Option(help="Bootstrap fits over configurations, for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit compute efficiency, bandwidth efficiency and step latency to measured runs, and say which are identified."""
    from fleetline import runs

    with progress() as step:
        found = runs.calibrate(
            *(rows or ()),
            where=where,
            form=form,
            draws=draws,
            seed=seed,
            progress=lambda done, every: step(f"bootstrap {done} of {every}") if done % 20 == 0 else None,
        )
    _tell_rejected(rows)
    estimates = [
        {"parameter": name, **getattr(found, name), "identified": found.identified[name]} for name in found.identified
    ]
    columns = {"parameter": "parameter", "value": "value", "low": "5%", "high": "95%", "identified": "identified"}
    configurations = f"{found.configurations} configuration{'' if found.configurations == 1 else 's'}"
    title = f"{found.rows} values of {configurations}, loss {found.loss:.3f}"
    title += f"; {found.no_interval}" if found.no_interval else ""
    left_out = ", ".join(f"{count} ({reason})" for reason, count in found.left_out.items())
    title += f"; not fitted: {left_out}" if left_out else ""
    show(found, lambda: [table(title, estimates, columns)], as_json)


@app.command(epilog="Examples: fleetline predict --example > runs.csv; fleetline predict runs.csv --out predictions.csv")
def predict(
    rows: Rows = None,
    preset: Preset = "fitted",
    out: Annotated[str | None, typer.Option(metavar="FILE.csv", help="Where to; standard output without.")] = None,
    where: Where = None,
    example: Annotated[bool, typer.Option("--example", help="Print rows to start from: one's own runs in CSV.")] = False,
) -> None:
    """TPOT, TTFT and throughput per GPU of benchmark rows as CSV, with 90% intervals and a reason for each empty cell."""
    from collections import Counter
    from pathlib import Path

    from fleetline import runs
    from fleetline.files import write_out
    from fleetline.measurements.example import EXAMPLE
    from fleetline.reporting.files import table_csv

    if example:
        typer.echo(EXAMPLE, nl=False)
        return
    _tell_rejected(rows)
    listed = runs.prediction_table(*(rows or ()), preset=preset, where=where)
    content = table_csv(listed)
    if out is None:
        typer.echo(content.decode(), nl=False)
        return
    write_out(Path(out), content)
    reasons = Counter(str(row["reason"]) for row in listed if row["reason"])
    answered = len(listed) - sum(reasons.values())
    summary = {"out": out, "rows": len(listed), "answered": answered, "reasons": dict(reasons.most_common())}
    show(
        summary,
        lambda: [table(out, [{"rows": summary["rows"], "answered": answered}], {"rows": "rows", "answered": "answered"})],
        False,
    )


@app.command(epilog="Example: fleetline validate benchmarks.csv --preset article")
def validate(rows: Rows = None, preset: Preset = "fitted", where: Where = None, as_json: AsJson = False) -> None:
    """Predicted against measured by model, chip, framework, concurrency and more: |log(predicted / measured)|."""
    from fleetline import runs

    _tell_rejected(rows)
    groups = flat(runs.validate(*(rows or ()), preset=preset, where=where))
    columns = {
        "by": "by",
        "group": "group",
        "rows": "rows",
        "tpot_median_abs_log": "TPOT",
        "tpot_by_configuration": "by configuration",
        "tpot_bias_log": "bias",
        "ttft_median_abs_log": "TTFT",
        "coverage": "answered",
        "interval_coverage": "in interval",
    }
    show(
        {"groups": groups},
        lambda: [table(f"|log(predicted / measured)|, medians; preset {preset}", groups, columns)],
        as_json,
    )


@app.command(epilog="Example: fleetline measured --where model=kimik2.5 --speed 35")
def measured(rows: Rows = None, speed: Speed = None, where: Where = None, as_json: AsJson = False) -> None:
    """The best measured run of every model, chip and workload at a wanted speed, by wall time and by 1/TPOT."""
    from fleetline import runs

    _tell_rejected(rows)
    best = flat(runs.measured(*(rows or ()), speed=speed, where=where))
    columns = {
        "model": "model",
        "hardware": "chip",
        "workload": "workload",
        "definition": "speed by",
        "output_tok_s_gpu": "tok/s/GPU",
        "speed_wall_tok_s_user": "wall",
        "speed_tpot_tok_s_user": "1/TPOT",
        "concurrency": "clients",
        "gpus": "GPUs",
        "framework": "framework",
    }
    show({"best": best}, lambda: [table("Best measured runs", best, columns)], as_json)


Best = Annotated[
    bool, typer.Option("--best", help="Of the best rates that a world is served at, by the fit and by measured kernels.")
]


@app.command(epilog="Example: fleetline accuracy --json | jq '.held_out[] | select(.way == \"model\")'")
def accuracy(best: Best = False, as_json: AsJson = False) -> None:
    """How far the shipped fit is off on runs it had not seen, by the way they were held out; `make fit` measures it."""
    from fleetline import runs

    if best:
        _best_accuracy(as_json)
        return
    rows = [row.model_dump(exclude={"line", "table"}) for row in runs.accuracy()]
    columns = {
        "quantity": "quantity",
        "way": "held out by",
        "rows": "rows",
        "configurations": "configurations",
        "median_abs_log": "median",
        "median_from": "from",
        "median_to": "to",
        "by_configuration": "by configuration",
        "by_configuration_from": "from ",
        "by_configuration_to": "to ",
        "coverage": "90% interval covers",
    }
    show({"held_out": rows}, lambda: [table("|log(predicted / measured)| on runs not seen", rows, columns)], as_json)


def _best_accuracy(as_json: bool) -> None:
    """Of the best rates: errors by way, and both ways of finding them against the best measured runs."""
    from fleetline import runs

    found = runs.best_accuracy()
    errors: dict[str, str] = {
        "of": "of the",
        "way": "new to the fit",
        "cells": "cells",
        "low": "5%",
        "median": "median",
        "high": "95%",
        "root_mean_square": "root mean square",
        "everybody": "everybody's",
        "system": "a system's",
        "model": "a model's",
        "pair": "a pair's",
    }
    compared = {
        "layouts_run": "layouts run",
        "way": "held out by",
        "by": "rates by",
        "runs": "runs",
        "median_log": "median",
        "median_abs_log": "median, absolute",
        "root_mean_square": "root mean square",
    }
    show(
        {"errors": found.errors, "compared": found.compared, "runs": found.runs},
        lambda: [
            table(
                "log(measured / predicted) of best rates, and of what is chosen among those run; shares of its mean square",
                list(map(dict, found.errors)),
                errors,
            ),
            table("log(best predicted / best measured run), at the run's speed", list(map(dict, found.compared)), compared),
        ],
        as_json,
    )
