"""The question `assumptions`: every line of a scenario, with its interval, its unit and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetline import inputs
from fleetline.errors import unknown_name
from fleetline.noted import note_read
from fleetline.questions.worlds import scenario_of
from fleetline.scenario import KEYS, Scenario


@dataclass(frozen=True)
class Assumptions:
    """What a scenario says.

    Attributes:
        about: the scenario in its own words. changed_lines: keys of the lines that were set by whoever asked.
        lines: `key`, `value`, `low`, `high` (None without a 90% interval), `unit`, `source`, `note`, `guess` (whether value
            or interval is one, as the source says), `about` (what the line is).
    """

    scenario: str
    changed_lines: Sequence[str]
    about: str
    lines: Sequence[Mapping[str, Any]]


def assumptions(
    scenario: str | Path | Scenario = "today",
    settings: Iterable[str] = (),
    *,
    find: str | None = None,
    guesses: bool = False,
) -> Assumptions:
    """Every line of a scenario, in the order of `KEYS`.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change, as "fleet.lag=0.5".
        find: only lines with this text in their key or in what they are about, such as "fleet." or "price".
        guesses: only lines whose value or interval is a guess.

    Raises:
        InputError: a scenario that does not hold; a text that no line has.
    """
    chosen = scenario_of(scenario, settings)
    lines = lines_of(chosen)
    if find is not None:
        wanted = inputs.text("find", find).casefold()
        lines = [line for line in lines if wanted in f"{line['key']} {line['about']}".casefold()]
        if not lines:
            raise unknown_name("line", str(find), chosen.assumptions, field="find")
    if inputs.flag("guesses", guesses):
        lines = [line for line in lines if line["guess"]]
    note_read(*(line["key"] for line in lines))
    return Assumptions(chosen.name, chosen.changed, chosen.about, lines)


_GUESS = re.compile(r"\bguess\b")


def lines_of(scenario: Scenario) -> list[dict[str, Any]]:
    """Every line as `Assumptions` has it; a list of names as one text."""
    lines = (scenario.assumptions[key] for key in KEYS if key in scenario)
    return [
        {
            "key": line.key,
            "value": ", ".join(line.value) if isinstance(line.value, tuple) else line.value,
            "low": line.low,
            "high": line.high,
            "unit": line.unit,
            "source": line.source,
            "note": line.note,
            "guess": bool(_GUESS.search(line.source)),
            "about": KEYS[line.key].about,
        }
        for line in lines
    ]
