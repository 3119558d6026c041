"""Peers beside fleetline on the same rows: `make peers`.

    PYTHONPATH=benchmarks:tools python -m peers

Writes results.csv and unanswered.csv beside this file, and docs/peers.md. Answers are kept under out/peers/ and not asked
for again; after `make fit` only ours changes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fleetline import runs
from fleetline.catalog import load
from fleetline.catalog.rows import SpeculationRow
from fleetline.measurements import Measurement
from peers import map_aiconfigurator, map_genz, page
from peers.ours import article, held_out
from peers.question import Question, Unanswerable
from peers.record import record
from peers.scores import Predictor, lines
from peers.tool import HERE, Answer, Tool, answers, run

ROOT = HERE.parent.parent
OUT = ROOT / "out" / "peers"
AICONFIGURATOR, GENZ = Tool("aiconfigurator", "peers.ask_aiconfigurator"), Tool("genz-llm", "peers.ask_genz")
_SAID = (  # the tools' own words, in ours
    (r"EmpiricalNotImplemented", "it has no data of such kernels, nor a model to fill the gap with"),
    (r"OOM|would not fit", "it says that the weights and caches do not fit"),
    (
        r"data missing|not available|NotAvailable|No database|not supported|no data|Unsupported",
        "it has no data of such kernels",
    ),
    (r"divisible", "it cannot split the model over so many GPUs"),
)


def main() -> None:
    """Ask, score, write."""
    rows, _ = runs.rows_of(())
    theirs, reasons = [], []
    for peer in peers():
        found, why = _predictions(peer, [_asked(row, peer.question) for row in rows])
        theirs.append(found)
        reasons += [(peer.name, reason, count) for reason, count in why.most_common()]
    _compare_mapping(rows, peers()[0])
    ours = held_out()
    page.write_results(HERE, lines(rows, [ours, article(), *theirs], ours))
    page.write_unanswered(HERE, reasons)
    text = page.page(HERE)
    (ROOT / "docs" / "peers.md").write_text(text, encoding="utf-8")
    print(text)  # noqa: T201


@dataclass(frozen=True)
class Peer:
    """A tool in one of its modes: how a row is put to it, and what is said of it."""

    name: str
    tool: Tool
    note: str
    question: Callable[[Measurement], Question]


def peers() -> list[Peer]:
    """Whom we ask."""
    catalog = load()
    drafts = {each.key: each for each in catalog.rows("speculation", SpeculationRow) if each.use == "recipe"}
    silicon, hybrid = (partial(map_aiconfigurator.question, drafts=drafts, database=mode) for mode in ("SILICON", "HYBRID"))
    return [
        Peer(
            "aiconfigurator", AICONFIGURATOR, "zero-shot, its default mode SILICON: a measured kernel or no answer", silicon
        ),
        Peer(
            "aiconfigurator, hybrid",
            AICONFIGURATOR,
            "zero-shot, its mode HYBRID: gaps in its tables of kernels filled by its own model",
            hybrid,
        ),
        Peer(
            "genz-llm",
            GENZ,
            "zero-shot, a roofline at its default efficiencies of 1",
            partial(map_genz.question, catalog=catalog),
        ),
    ]


def _compare_mapping(rows: Sequence[Measurement], peer: Peer) -> None:
    """Write how often aiconfigurator's own adapter of InferenceX maps such a row to the arguments that ours gives."""
    records = []
    for row in rows:
        asked = _asked(row, peer.question)
        if row.kind != "run" and isinstance(asked, Question):
            records.append(json.dumps(record(row, asked)))
    path = peer.tool.folder(OUT) / "records.jsonl"
    path.write_text("\n".join(records) + "\n", encoding="utf-8")
    run(peer.tool, OUT, "peers.compare_aiconfigurator", path, HERE / page.MAPPING)


def _asked(row: Measurement, ask: Callable[[Measurement], Question]) -> Question | str:
    try:
        return ask(row)
    except Unanswerable as reason:
        return str(reason)


def _predictions(peer: Peer, asked: Sequence[Question | str]) -> tuple[Predictor, Counter[str]]:
    """A peer's answers in the rows' order, and why it gives none."""
    questions = [each for each in asked if isinstance(each, Question)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(peer.name, total=len({each.key for each in questions}))
        kept = answers(peer.tool, questions, OUT, lambda done: bar.update(task, completed=done))
    given = [kept[each.key] if isinstance(each, Question) else Answer(np.nan, np.nan, each) for each in asked]
    why = Counter(_in_our_words(each.reason) for each in given if each.reason)
    tpot, ttft = (np.array([getattr(each, field) for each in given], dtype=float) for field in ("tpot_s", "ttft_s"))
    return Predictor(peer.name, f"{peer.tool.requirement}, {peer.note}", tpot, ttft), why


def _in_our_words(reason: str) -> str:
    return next((ours for theirs, ours in _SAID if re.search(theirs, reason)), reason)


if __name__ == "__main__":
    main()
