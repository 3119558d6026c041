"""The report's HTML page and its pictures. One file: charts, the library that draws them and the data are inside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert

from fleetline.figures import (
    NAME_OF,
    Figure,
    demand_words,
    first_screen,
    fleet_words,
    human,
    rounded,
    styled,
    when,
)
from fleetline.reporting.files import table_csv
from fleetline.study import Results

_SCALE = 2.0  # pixels a point, so that a picture stays sharp on a dense screen


def render(name: str, spec: Mapping[str, Any]) -> dict[str, bytes]:
    """A chart as SVG and PNG, by file name."""
    return {
        f"figures/{name}.svg": vl_convert.vegalite_to_svg(dict(spec)).encode(),
        f"figures/{name}.png": vl_convert.vegalite_to_png(dict(spec), scale=_SCALE),
    }


def page(results: Results, figures: Sequence[Figure]) -> str:
    """The whole report as one HTML text that needs nothing from the network."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "rounded": rounded,
        "human": human,
        "when": when,
        "name": lambda key: NAME_OF.get(key, key),
        "capital": lambda words: words[:1].upper() + words[1:],
        "holds": lambda row, wanted: all(row[key] == value for key, value in wanted.items()),
    }
    template = environment.from_string((files("fleetline.reporting") / "report.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        results=results,
        tables=results.tables,
        figures={figure.name: figure for figure in figures},
        answers=first_screen(results) if "today_now" in results.tables else (),
        fleet_words=fleet_words(results),
        demand_words=demand_words(results),
        specs=_script_json({figure.name: styled(figure.chart) for figure in figures}),
        downloads={name: _data_link(table_csv(rows)) for name, rows in results.tables.items()},
        bundle=vl_convert.javascript_bundle(),  # type: ignore[call-arg]  # its stub forgets the default,
    )


def number(value: float | str | None) -> str:
    """A number for people: thousands separated, four digits, small ones in powers of ten; words as they are."""
    if value is None or isinstance(value, str):
        return value or ""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:,.4g}" if abs(value) < 1e3 else f"{value:,.0f}"
    if abs(value) >= 1e4:
        for scale, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
            if abs(value) >= scale:
                return f"{value / scale:,.4g} {word}"
        return f"{value:,.0f}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _data_link(content: bytes) -> str:
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode()
