"""Write the pages of forecasts and of updates: `make forecasts`.

    python tools/forecasts.py docs

Every number is of a command: `fleetline sensitivity`, `backtest`, `score`; the steps are those of `fleetline update`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetline.questions.backtests import backtest
from fleetline.questions.ledgers import score
from fleetline.questions.sensitivities import sensitivity
from fleetline.questions.updates import STEPS


def main(docs: Path) -> None:
    """Both pages."""
    (docs / "forecasts.md").write_text(forecasts(), encoding="utf-8")
    (docs / "update.md").write_text(steps(), encoding="utf-8")


def forecasts() -> str:
    """What decides the date, how a backtest went, what is open."""
    parts = [_HEAD, *_decides(), *_backtest(), *_ledger()]
    return "\n".join(parts) + "\n"


_HEAD = """# Forecasts, and how sure they are

`make forecasts` writes this page from `fleetline sensitivity today`, `fleetline backtest` and `fleetline score`.
"""


def _decides() -> Iterable[str]:
    found = sensitivity("today")
    yield "## What decides the date\n"
    yield f"{found.words}\n"
    yield (
        f"Sobol' indices over {found.worlds:,} worlds ({len(found.assumptions)} assumptions, seed {found.seed}) of the gap, log of "
        f"demand over supply, on {found.looked_at}, when the median world passes. A date would be cut off: {found.share_before:.0%} "
        f"of worlds passed before the window begins and {found.share_after:.0%} do not pass before it ends. First-order indices "
        f"add to {found.first_order_sum:.2f}; the rest is interaction or sampling error. Load: demand over supply with one "
        "assumption at its 5% and its 95%, all else at the median.\n"
    )
    yield from _table(
        [
            "assumption",
            "total",
            "alone",
            "total, gap today",
            "total, date",
            "load at 5%",
            "at 95%",
            "passes at 5%",
            "at 95%",
        ],
        (
            [
                line["about"],
                *(f"{line[kind][of]:.3f}" for kind, of in _INDICES),
                *(f"{line['load'][end]:.2f}" for end in ("at_p5", "at_p95")),
                *(line["passes"][end] for end in ("at_p5", "at_p95")),
            ]
            for line in found.assumptions[:15]
        ),
    )


_INDICES = (("total", "gap"), ("first_order", "gap"), ("total", "gap_today"), ("total", "date"))


def _backtest() -> Iterable[str]:
    found = backtest()
    yield f"\n## Standing on {found.day}\n"
    yield (
        f"Known: chip sales {found.vintage}; {found.known} statements of tokens surely announced by then; dated runs. Sales grow as "
        f"the designers' had, {found.sales_growth['p5']:.2f} to {found.sales_growth['p95']:.2f} times a year (median "
        f"{found.sales_growth['p50']:.2f}). Held against chip sales {found.against} and what was announced later.\n"
    )
    yield from _table(
        ["kind", "scored", "inside 90%", "mean log error", "root mean square", "pinball loss"],
        (
            [
                line["kind"],
                f"{line['targets']}",
                f"{line['inside']:.0%}",
                f"{line['bias']:+.3f}",
                *(f"{line[key]:.3f}" for key in ("spread", "pinball")),
            ]
            for line in found.summary
            if line["targets"]
        ),
    )
    yield ""
    yield from _table(
        ["what", "when", "5%", "median", "95%", "came", "unit", "inside", "log error"],
        (
            [*_points(line), f"{line['came']:.3g}", line["unit"], _inside(line), _number(line["log_error"])]
            for line in found.targets
        ),
    )
    yield (
        "\nA floor is known in part only (a quarter that is not whole, a minimum that was named): it can refute a forecast, not "
        "confirm it. Chips and arithmetic of one quarter are not independent, and both sides are estimates. A record that was "
        "not broken in the days since counts as inside. The form of the model, the prior of the half-life and where its series "
        "begin were chosen later than the day, so this is kinder than a true forecast. Rows that may have been announced before "
        "or after the day are on neither side: " + "; ".join(found.left_out) + ".\n"
    )


def _ledger() -> Iterable[str]:
    found = score()
    count = found.summary
    yield "## The ledger\n"
    yield (
        f"{count['entries']} entries, {count['scored']} scored. Entries stay as a release made them; `fleetline score` marks one when a "
        "row that is surely newer says what it was about. Of entries by month only those are ever scored whose month somebody "
        "speaks of.\n"
    )
    yield from _table(
        ["release", "made on", "what", "when", "5%", "median", "95%", "unit", "status"],
        ([line["release"], line["made_on"], *_points(line), line["unit"], _status(line)] for line in found.entries),
    )


def _points(line: Mapping[str, Any]) -> list[str]:
    return [line["quantity"].replace(" | ", ", "), line["date"], *(f"{line[key]:.3g}" for key in ("p5", "p50", "p95"))]


def _inside(line: Mapping[str, Any]) -> str:
    return str(line["status"]) if line["inside"] is None else "yes" if line["inside"] else "**no**"


def _status(line: Mapping[str, Any]) -> str:
    return "open" if line["came"] is None else f"{line['status']}: {line['came']:.3g}, {_inside(line)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def steps() -> str:
    """How to add a quarter."""
    listed = "\n".join(f"{place}. {step}" for place, step in enumerate(STEPS, start=1))
    return f"# Adding a quarter\n\n`fleetline update` prints these steps; `make forecasts` writes them here.\n\n{listed}\n{_RULES}"


_RULES = """
What `--check` refuses, each in one line that names file, line and column:

* a table it does not take, or columns other than the catalog's;
* a cell its column does not allow, intervals out of order, two rows of one key, a chip that no fleet counts: the catalog's own
  rules, read with the new rows at the end of their tables;
* sales of an edition that is out already, or of days that are no calendar quarter;
* a statement whose rate is not its tokens over its period (2%), or that is announced before what it measures.

It says, and lets pass, a series that `demand_series` does not place. Then it prints the medians of the tokens asked for, their
growth, supply, load and the dates of passing before and after, and the entries of the ledger that would be scored. In Python:
`fl.update("folder")`.
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
