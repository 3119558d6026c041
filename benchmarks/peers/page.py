"""docs/peers.md from the two tables beside this file; `make peers` writes all three, a test renders the page again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from peers.scores import EVERY, KIMI, NVIDIA, Line

RESULTS, UNANSWERED, MAPPING = "results.csv", "unanswered.csv", "mapping.csv"
_BROAD = (EVERY, NVIDIA, KIMI)
_WORDS = {"tpot": "TPOT", "ttft": "Mean TTFT"}


def write_results(folder: Path, lines: Sequence[Line]) -> None:
    """The scores as a table; four digits are more than the rows can tell."""
    rows = [[f"{value:.4g}" if isinstance(value, float) else value for value in asdict(line).values()] for line in lines]
    _write(folder / RESULTS, [[each.name for each in fields(Line)], *rows])


def write_unanswered(folder: Path, reasons: Iterable[tuple[str, str, int]]) -> None:
    """Predictor, reason and number of rows, the most first."""
    _write(folder / UNANSWERED, [["predictor", "reason", "rows"], *map(list, reasons)])


def read_results(folder: Path) -> list[Line]:
    """The scores as written."""
    kinds = {each.name: {"int": int, "float": float, "str": str}[str(each.type)] for each in fields(Line)}
    with (folder / RESULTS).open(encoding="utf-8", newline="") as file:
        return [Line(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]


def read_unanswered(folder: Path) -> list[tuple[str, str, int]]:
    """The reasons as written."""
    with (folder / UNANSWERED).open(encoding="utf-8", newline="") as file:
        return [(row["predictor"], row["reason"], int(row["rows"])) for row in csv.DictReader(file)]


def page(folder: Path) -> str:
    """The whole of docs/peers.md, from the tables in a folder."""
    lines, reasons = read_results(folder), read_unanswered(folder)
    sources = {line.predictor: line.source for line in lines}
    parts = [HEAD, "\n".join(f"* **{name}**: {source}" for name, source in sources.items()), CAVEATS]
    for quantity, word in _WORDS.items():
        here = [line for line in lines if line.quantity == quantity]
        parts += [f"## {word}", _broad(here), f"### {word} by model", _by_model(here)]
    parts += ["## What was not answered, and why", _reasons(reasons), TAIL, AGREEMENT, _mapping(folder)]
    return "\n\n".join(parts) + "\n"


def _broad(lines: Sequence[Line]) -> str:
    head = ["rows", "predictor", "answered", "median", "by configuration", "bias", "ours on the same rows"]
    body = [
        [
            f"{line.group} ({line.rows:,})",
            line.predictor,
            f"{line.share:.0%}",
            _number(line.median),
            _number(line.by_configuration),
            f"{line.bias:+.2f}" if line.answered else "",
            f"{_number(line.ours_median)} / {_number(line.ours_by_configuration)}" if line.answered else "",
        ]
        for line in lines
        if line.group in _BROAD
    ]
    return _table(head, body)


def _by_model(lines: Sequence[Line]) -> str:
    """A row a model, a column a predictor: median / by configuration, and the share answered."""
    models = list(dict.fromkeys(line.group for line in lines if line.group not in _BROAD))
    names = list(dict.fromkeys(line.predictor for line in lines))
    cells = {(line.group, line.predictor): line for line in lines}
    body = [
        [f"{model} ({cells[model, names[0]].rows:,})", *(_cell(cells[model, name]) for name in names)] for model in models
    ]
    return _table(["model (rows)", *names], body)


def _cell(line: Line) -> str:
    if not line.answered:
        return "none answered"
    return f"{_number(line.median)} / {_number(line.by_configuration)}, {line.share:.0%}"


def _number(value: float) -> str:
    return "" if value != value else f"{value:.2f}"  # noqa: PLR0124  (NaN)


def _reasons(reasons: Sequence[tuple[str, str, int]]) -> str:
    return _table(["predictor", "reason", "rows"], [[name, reason, f"{rows:,}"] for name, reason, rows in reasons])


def _mapping(folder: Path) -> str:
    with (folder / MAPPING).open(encoding="utf-8", newline="") as file:
        return _table(
            ["its adapter gives", "rows"], [[row["outcome"], f"{int(row['rows']):,}"] for row in csv.DictReader(file)]
        )


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _write(path: Path, lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


HEAD = """# Peers, side by side

Written by `make peers` from `benchmarks/peers/results.csv` and `unanswered.csv`; not edited by hand. Every shipped
benchmark row with a measured value is asked of every predictor: no sample. Errors are |log(predicted / measured)|:
the median over the answered rows, and the mean over configurations of each one's median. Bias is the median of
log(predicted / measured); over 0 is too slow a prediction. The last column is fleetline's error, held out, on the
very rows that the predictor answers: the fair comparison, since a predictor that refuses hard rows is spared them."""

CAVEATS = """How comparable they are:

* fleetline's errors are held out by configuration: no row of the same configuration, or of one that differs from it
  in name alone, was fitted to or borrowed from ([accuracy.md](accuracy.md)).
* aiconfigurator's kernel tables are measured on these chips, one version of each framework, where the rows are of many.
  Nothing is fitted to these rows here; but the package carries a list of measured runs (`silicon_sample.csv`) that our
  rows with TTFT come from, and whether its authors tuned anything to it is not said.
* genz-llm is a roofline at efficiencies of 1 that knows nothing of these rows.
* The article's form has three numbers, fitted to Kimi K2.5 on Nvidia: on those rows it is not held out.
* TTFT is scored where the mean over requests was measured. Neither peer models a queue: each gives the time of a
  prompt in a steady state, or alone."""

TAIL = """## How it was made

`make peers` makes an environment for each tool under `out/peers/` from pinned, hashed requirements, asks it every row
once (answers are kept, so that a stopped run goes on where it was), and scores. The mapping of rows to each tool's
own arguments, with its reasons, is in `benchmarks/peers/README.md`; its code in
`map_aiconfigurator.py` and `map_genz.py` beside it. fleetline ships neither tool, nor any of their data."""

AGREEMENT = """aiconfigurator has an adapter of InferenceX records. Every InferenceX row that we ask the tool about in its
default mode was put to that adapter too, and became (the README says where and why ours differ):"""
