"""The report's HTML page. One file: pictures and data are inside it, and a few lines of script that it can do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from urllib.parse import quote

import jinja2

from fleetline.figures import (
    NAME_OF,
    Figure,
    day,
    demand_words,
    findings,
    first_screen,
    fleet_words,
    has_mix,
    human,
    load_spread,
    rounded,
    sections,
    when,
)
from fleetline.reporting.files import table_csv
from fleetline.reporting.pictures import Picture, theme_css
from fleetline.reporting.tables import tables_of
from fleetline.reporting.words import capital, number
from fleetline.study import Results


def page(results: Results, figures: Sequence[Figure], pictures: Mapping[str, Picture]) -> str:
    """The whole report as one HTML text that needs nothing from the network."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    names = {**results.setting["names"], **NAME_OF}
    environment.filters |= {
        "number": number,
        "rounded": rounded,
        "human": human,
        "when": when,
        "day": day,
        "name": lambda key: names.get(key, key),
        "capital": capital,
        "holds": lambda row, wanted: all(row[key] == value for key, value in wanted.items()),
    }
    shown = tables_of(results)
    ours = sections(results)
    return environment.from_string(_part("report.html.jinja")).render(
        results=results,
        mixed=has_mix(results),
        figures={figure.name: figure for figure in figures},
        pictures=pictures,
        shown=shown,
        drawn={figure.table: figure.name for figure in figures},
        tabled_names={table.name for table in shown.values()},
        answers=first_screen(results) if has_mix(results) else (),
        found=findings(results),
        spread=load_spread(results) if has_mix(results) else None,
        sections=ours,
        numbers={anchor: place for place, (anchor, _) in enumerate(ours, start=1)},
        fleet_words=fleet_words(results),
        demand_words=demand_words(results),
        downloads={name: _data_link(table_csv(rows)) for name, rows in results.tables.items()},
        css=_css(),
        script=_part("report.js"),
    )


def _part(name: str) -> str:
    return (files("fleetline.reporting") / name).read_text(encoding="utf-8")


_DARK_PAGE = "--ink:#ecedee;--soft:#b4b9be;--line:#3a4046;--paper:#16191c;--tint:#20252a;--link:#8ac6f5;--mark:#5ab0e8;"


def _css() -> str:
    """The page's style and its pictures' colours: dark where the reader's system is, or where chosen; never on paper."""
    light, dark, rules = theme_css()
    dark = f"color-scheme:dark;{_DARK_PAGE}{dark}"
    return (
        f"{_part('report.css')}\n@media screen {{\n:root{{{light}}}\n:root[data-theme=dark]{{{dark}}}\n"
        f"@media (prefers-color-scheme: dark){{:root:not([data-theme=light]){{{dark}}}}}\n{rules}\n}}"
    )


def _data_link(content: bytes) -> str:
    """A table inside its link: what is digits and commas stays as it is, which base64 would make a third longer."""
    return "data:text/csv;charset=utf-8," + quote(content, safe=" ,.:;/()[]{}=+*|'-_~!@$")
