"""Answers on the terminal: JSON for programs, tables for people, progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

import typer

from fleetline.errors import Infeasible

if TYPE_CHECKING:
    from rich.table import Table

    from fleetline.answers import Throughput


# columns of what is uncertain: of a quantity in its worlds, and of a date
INTERVAL = {"p5": "5%", "p50": "median", "p95": "95%"}
TENTHS = {"p10": "10%", "p50": "median", "p90": "90%"}


def feasible(found: Throughput) -> None:
    """Turn a single infeasible answer into the refusal of exit code 3."""
    if found.reason.shape == () and not found.feasible:
        kind = str(found.reason).partition(":")[0]
        raise Infeasible(str(found.reason), field=kind)


def flat(value: Any) -> Any:
    """The answer as JSON values; what the deployment was comes first."""
    from fleetline.reporting.plain import plain

    found = plain(value)
    return found.pop("setting") | found if isinstance(found, dict) and "setting" in found else found


_ASKED: ContextVar[list[Any] | None] = ContextVar("asked", default=None)


def answer_of(command: Callable[..., None], **given: Any) -> Any:
    """What a command shows as JSON, as values: whoever answers elsewhere says the same as the command."""
    shown: list[Any] = []
    token = _ASKED.set(shown)
    try:
        command(**given)
    finally:
        _ASKED.reset(token)
    return shown[0]


def scenario_words(answer: Mapping[str, Any]) -> str:
    """What an answer is of, in its heading."""
    from fleetline.scenario import titled

    return titled(answer["scenario"], answer["changed_lines"])


def show(answer: Any, tables: Callable[[], list[Table]], as_json: bool) -> None:
    """JSON for programs, tables for people."""
    asked = _ASKED.get()
    if asked is not None:
        asked.append(answer)
        return
    if as_json or not sys.stdout.isatty():
        from fleetline.reporting.plain import plain

        typer.echo(json.dumps(plain(answer), indent=2, allow_nan=False))
        return
    from rich.console import Console

    console = Console()
    for each in tables():
        # a figure cut by a narrow terminal is a wrong figure: rather let the terminal wrap the line
        console.print(each.title, soft_wrap=True)
        each.title = None
        needed = console.measure(each, options=console.options.update(max_width=_ANY_WIDTH)).minimum
        console.width = max(console.width, needed)
        console.print(each)


_ANY_WIDTH = 10_000  # characters: to measure a table without a terminal's limit


def show_facts(name: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    """Every figure of one model or chip, with its source."""
    columns = {"quantity": "quantity", "value": "value", "unit": "unit", "source": "source", "note": "note"}
    show({"name": name, "facts": rows}, lambda: [table(name, rows, columns, clip=1000)], as_json)


def table(title: str, rows: Sequence[dict[str, Any]], columns: dict[str, str], *, clip: int = 30) -> Table:
    """Rows as a table: numbers to the right, texts cut to `clip` characters (JSON has them whole)."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for key, header in columns.items():
        numeric = any(isinstance(row[key], int | float) and not isinstance(row[key], bool) for row in rows)
        widest = max(len(header), *(len(_cell(row[key])) for row in rows))
        justify: Literal["left", "right"] = "right" if numeric else "left"
        fixed = widest if widest <= _SHORT_CELL else None
        shown.add_column(header, justify=justify, min_width=fixed, no_wrap=fixed is not None, overflow="fold")
    for row in rows:
        shown.add_row(*(_clipped(_cell(row[key]), clip) for key in columns))
    return shown


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


_SHORT_CELL = 22  # characters: columns up to this wide are never folded


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _short(float(value))
        case list() | tuple():
            return ", ".join(str(each) for each in value)
        case dict():
            return ", ".join(f"{key} {each}" for key, each in value.items())
        case _:
            return str(value)


def _short(value: float) -> str:
    """A number for people: thousands separated, with k, M, G, T, P for the large."""
    if value != value:  # noqa: PLR0124  (NaN)
        return ""
    for scale, letter in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"


class progress:  # noqa: N801  (reads as the function it stands for)
    """What is being worked on, on standard error: a spinner on a terminal, a line each elsewhere."""

    def __enter__(self) -> Callable[[str], None]:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        if self._status is None:
            return lambda what: print(what, file=sys.stderr, flush=True)  # noqa: T201
        self._status.start()
        return self._status.update

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
