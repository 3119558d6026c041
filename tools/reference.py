"""Write the pages that list what there is: docs/cli.md, docs/data.md and docs/assumptions.md (`make reference`).

    python tools/reference.py docs

Commands are those of `--help`, tables and sources those of the catalog, assumptions those of the shipped scenarios.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from fleetline import __version__, scenario
from fleetline.catalog import listing, load
from fleetline.catalog.rows import Row
from fleetline.cli import app
from fleetline.scenario import KEYS, Assumption


def main(docs: Path) -> None:
    """All three pages."""
    for name, text in PAGES.items():
        (docs / name).write_text(text(), encoding="utf-8")


def commands() -> str:
    """Every command's help."""
    parts = ["# Commands\n", f"What `fleetline COMMAND --help` prints, version {__version__}. {_CONVENTIONS}\n"]
    names = get_command(app).commands  # type: ignore[attr-defined]  # a group: it has several
    return "\n".join([*parts, *(f"## fleetline {name}\n\n```text\n{_help(name)}\n```\n" for name in names)])


_CONVENTIONS = (
    "On a terminal a command prints tables; in a pipe, or with `--json`, JSON whose keys end in their unit. Exit code 2 is "
    "bad input, 3 an infeasible case, each with one line on standard error."
)


def _help(name: str) -> str:
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "100", "TERM": "dumb"}, prog_name="fleetline")
    return "\n".join(line.rstrip() for line in shown.output.strip().splitlines())


def data() -> str:
    """Every table of the catalog, and every source with its terms."""
    tables = load().tables
    cited = listing.sources()
    rows = [(f"`{name}`", len(tables[name]), _about(tables[name])) for name in sorted(tables)]
    counted = Counter[str]()
    for each in cited:
        counted.update({f"`{name}`": count for name, count in each["tables"].items() if name not in tables})
    runs = [(name, count, "measured runs, as published") for name, count in sorted(counted.items())]
    where = [
        (_source(each["source"]), each["licence"] or "", ", ".join(f"{name} {n}" for name, n in each["tables"].items()))
        for each in cited
    ]
    return "\n".join(
        [
            _DATA,
            *_table(("table", "rows", "what"), [*rows, *runs]),
            f"\n## Sources\n\n{len(cited)} sources, as `fleetline sources` lists them.\n",
            *_table(("source", "terms", "rows of tables"), where),
            "",
        ]
    )


_DATA = """# The data

Every number stands in one row of one table in `src/fleetline/catalog/data`, with its source, its unit as the source has it
and the day it was found; a guess says `guess`. `fleetline systems NAME` and `fleetline models NAME` show every figure
of one with its source. What a cell may hold is said by the class of its table in `src/fleetline/catalog/rows/`; a cell
that is not so is refused with file, line and column. Attribution: `DATA-LICENCES.md`.

`FLEETLINE_CATALOG` names a folder of your own to read the tables from: a copy with changed numbers
([Cookbook](cookbook.md)).

## Tables
"""


def _about(rows: Sequence[Row]) -> str:
    words = " ".join((type(rows[0]).__doc__ or "").split("\n\n")[0].split())
    return re.sub(r"^`\w+`: ", "", words)


def _source(words: str) -> str:
    """An address as a link, by its place alone."""
    return re.sub(r"https?://[^\s;,)]+", lambda found: f"<{found[0]}>", words)


def assumptions() -> str:
    """Every line a scenario may have, and what the shipped ones say."""
    worlds = {name: scenario.scenario(name) for name in scenario.shipped()}
    parts = [_ASSUMPTIONS]
    for group in dict.fromkeys(key.partition(".")[0] for key in KEYS):
        parts.append(f"## {group}\n")
        for key in (key for key in KEYS if key.partition(".")[0] == group):
            lines = {name: world.assumptions[key] for name, world in worlds.items() if key in world}
            parts += _key(key, lines)
    return "\n".join(parts)


_ASSUMPTIONS = """# Assumptions

Every line that a scenario may have, in which unit, and what the shipped scenarios say with which source. An interval is
90%: 5% to 95%. `fleetline assumptions SCENARIO` prints those of one scenario. Change one with `--set group.key=value` or
`--set group.key=low..high`, or write a file ([Start here](index.md)).
"""


def _key(key: str, lines: Mapping[str, Assumption]) -> Iterable[str]:
    yield f"### {key}\n\n{KEYS[key].about[:1].upper()}{KEYS[key].about[1:]} [{KEYS[key].unit}].\n"
    same: dict[Assumption, list[str]] = {}
    for name, line in lines.items():
        same.setdefault(line, []).append(name)
    for line, names in same.items():
        note = f" ({line.note})" if line.note else ""
        yield f"* {' and '.join(names)}: **{_value(line)}**. {line.source}{note}"
    yield "" if same else "* in no shipped scenario\n"


def _value(line: Assumption) -> str:
    if isinstance(line.value, tuple):
        return ", ".join(line.value)
    if isinstance(line.value, str):
        return line.value
    interval = "" if line.low is None or line.high is None else f" ({line.low:,g} to {line.high:,g})"
    return f"{line.value:,g}{interval}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")


PAGES = {"cli.md": commands, "data.md": data, "assumptions.md": assumptions}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
