"""A scenario: every assumption of a study as one line of a TOML file, with value or interval, unit and source.

A line is `engineers = {value = 30e6, low = 20e6, high = 50e6, unit = "people", source = "..."}` in its group, here
`[demand]`; `low` and `high` are a 90% interval. A file may name a `base` (a file beside it, or a shipped scenario) and give
only what differs; `--set key=value` and `--set key=low..high` change single lines. What keys there are, in which unit and
range, stands in `KEYS`.
"""

from __future__ import annotations

import datetime
import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fleetline.beliefs import Belief, between
from fleetline.errors import InputError, read_text, unknown_name
from fleetline.named import is_file
from fleetline.noted import note_read

DEFAULT = "article"
MOST_BYTES = 1_000_000  # of a file; the shipped ones take some 20 kB
SET_ON_COMMAND_LINE = "set on the command line"

Value = float | str | tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """What a line may hold: `unit` is a physical one for numbers, or date, name, names; the range includes its ends."""

    unit: str
    about: str
    low: float = 0.0
    high: float = math.inf
    required: bool = True

    @property
    def numeric(self) -> bool:
        """Whether the line holds a number."""
        return self.unit not in {"date", "name", "names"}

    @property
    def scale(self) -> str:
        """How an interval spreads: shares on log-odds, everything else on logarithms."""
        return "log-odds" if self.unit == "share" else "log"


def _share(about: str, *, low: float = 0.0, required: bool = True) -> Key:
    return Key("share", about, low, 1.0, required=required)


_SOME = 1e-6  # the least share of a fleet that has an answer: of none, no demand is a share
TIERS = ("frontier", "mid", "small")
SHAPES = ("general", "agentic", "long", "session")

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "serving.model": Key("name", "the model every request is served with"),
        "serving.workloads": Key("names", "INPUT:OUTPUT tokens of a request; alternative uses of the same chips"),
        "serving.speed": Key("token/s/user", "output tokens over wall time that every user gets at least", 1e-3, 1e6),
        "serving.schedule": Key("name", "how prefill and decode share a system"),
        "serving.speculative": Key("name", "VERIFIED:ACCEPTED tokens of a decode pass, or none"),
        "serving.preset": Key("name", "where the efficiencies come from"),
        "serving.compute_efficiency": _share("reached share of peak arithmetic, in the preset's place", required=False),
        "serving.bandwidth_efficiency": _share("reached share of memory bandwidth, in the preset's place", required=False),
        "serving.step_latency": Key(
            "s", "time of a decode pass besides work, in the preset's place", 0.0, 3600.0, required=False
        ),
        "serving.reached_by": Key(
            "name", "measured: best runs over best modelled rates; nothing: all of it", required=False
        ),
        "serving.reached": Key(
            "factor", "reached share of the best modelled rate, in the measured one's place", 1e-3, 10.0, required=False
        ),
        "serving.rates_by": Key(
            "name",
            "fit: best rates by the fit of all runs; reached: by measured kernels, times what runs reach of them",
            required=False,
        ),
        "serving.practice": Key(
            "factor",
            "what serving real traffic reaches of the best benchmarked rate, everybody alike",
            1e-2,
            10.0,
            required=False,
        ),
        "fleet.name": Key("name", "which chips serve: a column of the table `fleets`"),
        "fleet.vintage": Key("name", "edition of the chip sales data"),
        "fleet.as_of": Key("date", "chips sold to this day serve"),
        "fleet.sales_correlation": _share("correlation of the error of a chip's sales between quarters"),
        "fleet.sales_growth": Key(
            "factor/year",
            "growth of a designer's sales, in arithmetic, after its last whole quarter",
            0.1,
            100.0,
            required=False,
        ),
        "fleet.sales_growth_correlation": _share("correlation of that growth between designers", required=False),
        "fleet.carried_until": Key("date", "until when sales are carried on, announced chips among them", required=False),
        "fleet.lag": Key("year", "from the sale of a chip to its first request", 0.0, 5.0, required=False),
        "fleet.lifetime": Key("year", "from its first request to its last", 0.5, 50.0, required=False),
        "fleet.rack_share": _share("share of Blackwell chips in racks of 72; the rest is on 8-GPU boards", required=False),
        "fleet.inference_share": _share(
            "share of installed chips that serve; the rest trains, or is spare", low=_SOME, required=False
        ),
        "fleet.busy_share": _share(
            "most of its capacity that a serving fleet is loaded with at its peak", low=_SOME, required=False
        ),
        "fleet.peak_over_mean": Key("factor", "demand of the busiest hour over the day's mean", 1.0, 10.0, required=False),
        "world.population": Key("people", "who could ask", 1.0, 1e11),
        **{
            f"mix.{tier}_model": Key("name", f"the open model that stands for {tier} models", required=False)
            for tier in TIERS
        },
        **{
            f"mix.{tier}_share": _share(f"share of all tokens that {tier} models process", required=False) for tier in TIERS
        },
        **{f"mix.{shape}": Key("name", f"INPUT:OUTPUT tokens of a {shape} request", required=False) for shape in SHAPES},
        **{f"mix.{shape}_share": _share(f"share of all tokens in {shape} requests", required=False) for shape in SHAPES},
        "mix.session_hit": _share("share of a session's input that is found in the cache", required=False),
        **{
            f"mix.{tier}_price_model": Key("name", f"whose list price stands for {tier} models", required=False)
            for tier in TIERS
        },
        "mix.closed_share": _share("share of frontier tokens that closed models process", required=False),
        "mix.closed_price": Key("USD/Mtoken", "output price of closed frontier models", 1e-3, 1e4, required=False),
        "mix.closed_margin": _share("their gross margin", required=False),
        "mix.open_price": Key(
            "USD/Mtoken", "output price of the open model that stands for them", 1e-3, 1e4, required=False
        ),
        "mix.open_margin": _share("its gross margin", required=False),
        "growth.supply": Key("factor/year", "growth of serving capacity after the last quarter of sales", 0.1, 1000.0),
        "growth.supply_half_life": Key(
            "year", "in which that growth, and that of efficiency, halves", 0.05, 100.0, required=False
        ),
        "growth.horizon": Key("date", "until when growth is carried on"),
        "growth.series": Key("names", "dated token series whose growth is the demand's, ENTITY | SCOPE of `token_demand`"),
        "growth.series_from": Key("date", "rows of the series dated earlier are left out of the fit"),
        "growth.model": Key("name", "constant: a factor a year; slowing: it falls, with a half-life", required=False),
        "growth.half_life": Key(
            "year", "in which the growth of demand halves: before the series are seen", 0.05, 100.0, required=False
        ),
        "growth.known_by": Key("date", "statements announced later are not known", required=False),
        "growth.efficiency": Key(
            "factor/year",
            "fall of the cost of the mean token by software and models, apart from chips",
            0.1,
            100.0,
            required=False,
        ),
        "growth.efficiency_in": Key("name", "both: in supply and demand; neither: taken out of both", required=False),
        "growth.demand": Key(
            "factor/year",
            "growth of demand, the same every year, in the place of what is fitted and of its slowing",
            0.1,
            1000.0,
            required=False,
        ),
        "market.elasticity": Key(
            "exponent", "fall of all tokens with a price over its trend, as logarithms", 0.0, 100.0, required=False
        ),
        "market.switching": Key(
            "exponent", "fall of the tokens that stay in their tier with that price", 0.0, 100.0, required=False
        ),
        "market.glut_load": _share("load under which the fleet is a glut", required=False),
        "market.revenue_growth": Key("factor/year", "growth of developers' revenue", 0.1, 100.0, required=False),
        "demand.proxy": Key("name", "which measure of demand is held against supply"),
        "demand.as_of": Key("date", "when the engineers' demand is as computed"),
        "demand.engineers": Key("people", "software engineers worldwide", 1.0, 1e10),
        "demand.daily_share": _share("share of them who use AI every day"),
        "demand.allowance": Key("USD/day", "tokens an Apple engineer may buy", 0.01, 1e6),
        "demand.cached_share": _share("share of input tokens at the cached price"),
        "demand.price_models": Key("names", "models whose list price turns the allowance into tokens, first the reference"),
        "demand.meta_tokens": Key("token/month", "tokens of all of Meta's employees, input and output", 1.0, 1e20),
        "demand.meta_employees": Key("people", "Meta's employees", 1.0, 1e8),
        "demand.native_workload": Key("name", "INPUT:OUTPUT at which the article states the engineers' demand"),
    }
)


@dataclass(frozen=True)
class Assumption:
    """One line: a number with its interval, or words; where it comes from."""

    key: str
    value: Value
    low: float | None
    high: float | None
    unit: str
    source: str
    note: str = ""


@dataclass(frozen=True)
class Scenario:
    """A named set of assumptions; every key of `KEYS` that is required has one."""

    name: str
    about: str
    assumptions: Mapping[str, Assumption]

    def belief(self, key: str) -> Belief:
        """A number and how sure it is."""
        line = self._line(key)
        value = float(line.value)  # type: ignore[arg-type]  # the reader let only numbers in
        return Belief(
            value, value if line.low is None else line.low, value if line.high is None else line.high, KEYS[key].scale
        )

    def number(self, key: str) -> float:
        """A number's median."""
        return self.belief(key).value

    def text(self, key: str) -> str:
        """A word."""
        return str(self._line(key).value)

    def names(self, key: str) -> tuple[str, ...]:
        """A list of words."""
        value = self._line(key).value
        return value if isinstance(value, tuple) else (str(value),)

    def date(self, key: str) -> datetime.date:
        """A day."""
        return datetime.date.fromisoformat(self.text(key))

    def lines(self, group: str) -> list[Assumption]:
        """The lines whose keys begin so, as "fleet."."""
        found = [line for key, line in self.assumptions.items() if key.startswith(group)]
        note_read(*(line.key for line in found))
        return found

    @property
    def changed(self) -> tuple[str, ...]:
        """The keys of the lines that are not as the scenario says, but set by whoever asks."""
        return tuple(key for key, line in self.assumptions.items() if line.source == SET_ON_COMMAND_LINE)

    @property
    def title(self) -> str:
        """What a heading calls it: the name, and how many lines of it were changed."""
        return titled(self.name, self.changed)

    def __contains__(self, key: str) -> bool:
        return key in self.assumptions

    def _line(self, key: str) -> Assumption:
        if key not in self.assumptions:
            raise InputError(f"scenario {self.name}: {key} is missing", field=key)
        note_read(key)
        return self.assumptions[key]


def titled(name: str, changed: Sequence[str]) -> str:
    """A scenario's name in a heading, so that nobody takes what was changed for the scenario itself."""
    count = len(changed)
    return f"{name}, with {count} line{'' if count == 1 else 's'} changed" if changed else name


def shipped() -> list[str]:
    """The names of the scenarios that come with fleetline."""
    return sorted(
        path.name.removesuffix(".toml") for path in files("fleetline.scenarios").iterdir() if path.name.endswith(".toml")
    )


def scenario(name: str | Path = DEFAULT, settings: Iterable[str] = ()) -> Scenario:
    """A shipped scenario by name, or one's own by the path of a TOML file, with `settings` such as "fleet.name=all".

    Raises:
        InputError: no such scenario; a line that is not as `KEYS` wants it, named by its key.
    """
    place = _own_file(str(name), Path())
    return changed(_read(place, seen=()) if _is_file(place) else _shipped(place), settings)


@lru_cache(maxsize=16)
def _shipped(name: str) -> Scenario:
    """One that comes with fleetline: it does not change while fleetline runs."""
    return _read(name, seen=())


def changed(found: Scenario, settings: Iterable[str]) -> Scenario:
    """The same scenario with some lines changed by settings such as "fleet.name=all"; a line that says so already stays.

    Raises:
        InputError: a line that is not as `KEYS` wants it, named by its key.
    """
    if isinstance(settings, str):  # its letters would be read as settings
        raise InputError(f"set: got '{settings}', allowed a list of settings", field="set", got=settings)
    lines = dict(found.assumptions)
    for setting in settings:
        line = _setting(setting)
        before = lines.get(line.key)
        if before is None or (before.value, before.low, before.high) != (line.value, line.low, line.high):
            lines[line.key] = replace(line, note=before.note if before else "")
    return _complete(replace(found, assumptions=MappingProxyType(lines)))


def _read(name: str, seen: Sequence[str]) -> Scenario:
    if name in seen:
        raise InputError(f"scenario {name}: its base leads back to itself", field="base", got=name)
    if not _is_file(name) and name not in shipped():
        raise unknown_name("scenario", name, [*shipped(), "a .toml file"])
    text = (
        read_text(Path(name), "scenario", MOST_BYTES)
        if _is_file(name)
        else (files("fleetline.scenarios") / f"{name}.toml").read_text("utf-8")
    )
    where = f"scenario {name}: "
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{where}{str(error).splitlines()[0] or 'not TOML'}", field="scenario", got=name) from error
    base = given.pop("base", None)
    title, about = (
        _words(where, each, given.pop(each, default)) for each, default in (("name", Path(name).stem), ("about", ""))
    )
    before = {} if base is None else _base(_words(where, "base", base), name, seen)
    lines = {key: _line(where, key, cells) for key, cells in _flat(where, given)}
    return Scenario(title, about, MappingProxyType(before | lines))


def _is_file(name: str) -> bool:
    return is_file("scenario", name, ".toml")


def _own_file(name: str, folder: Path) -> str:
    """A shipped scenario's name as it is; a file's with its folder, in one spelling, so that a base's loop is noticed."""
    return os.path.normpath(folder / name) if _is_file(name) else name


def _base(base: str, name: str, seen: Sequence[str]) -> dict[str, Assumption]:
    """The lines of the scenario that `name` builds on; a file stands beside the one that names it."""
    folder = Path(name).parent if _is_file(name) else Path()
    if not _is_file(base) and base not in shipped():
        raise unknown_name("base", base, [*shipped(), "a .toml file"], where=f"scenario {name}: ")
    return dict(_read(_own_file(base, folder), (*seen, name)).assumptions)


def _words(where: str, what: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InputError(f"{where}{what}: got {str(given)[:40]}, allowed a text", field=what, got=str(given)[:40])
    return given


def _flat(where: str, given: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Every line as "group.key" and its cells."""
    for group, lines in given.items():
        groups = sorted({key.partition(".")[0] for key in KEYS})
        if group not in groups:
            raise unknown_name("group", group, groups, where=where)
        if not isinstance(lines, Mapping):
            raise InputError(f"{where}{group}: got {str(lines)[:40]}, allowed lines below [{group}]", field=group)
        for key, cells in lines.items():
            if f"{group}.{key}" not in KEYS:
                raise unknown_name("key", f"{group}.{key}", KEYS, where=where, likely=_likely(f"{group}.{key}"))
            if not isinstance(cells, Mapping):
                raise InputError(
                    f"{where}{group}.{key}: got {str(cells)[:40]}, allowed {{value = ..., unit = ..., source = ...}}",
                    field=f"{group}.{key}",
                )
            yield f"{group}.{key}", cells


_CELLS = ("value", "low", "high", "unit", "source", "note")


def _line(where: str, key: str, cells: Mapping[str, Any]) -> Assumption:
    for cell in cells:
        if cell not in _CELLS:
            raise unknown_name(f"cell of {key}", cell, _CELLS, where=where)
    unit, source, note = (_words(f"{where}{key}: ", cell, cells.get(cell, "")) for cell in ("unit", "source", "note"))
    if unit != KEYS[key].unit:
        raise InputError(
            f"{where}{key}: unit: got '{unit}', allowed '{KEYS[key].unit}'", field=key, got=unit, allowed=KEYS[key].unit
        )
    if not source.strip():
        raise InputError(f"{where}{key}: source is missing; a guess says 'guess'", field=key)
    return _checked(where, key, cells.get("value"), cells.get("low"), cells.get("high"), source, note)


def _setting(setting: str) -> Assumption:
    """A line from "key=value", "key=low..high" or, for lists, "key=a,b"."""
    key, equals, given = (part.strip() for part in setting.partition("="))
    if not equals:
        raise InputError(f"set: got '{setting}', allowed KEY=VALUE or KEY=LOW..HIGH", field="set", got=setting)
    if key not in KEYS:
        raise unknown_name("key", key, KEYS, where="set: ", likely=_likely(key))
    low, dots, high = given.partition("..")
    if not KEYS[key].numeric:
        value: Any = [part.strip() for part in given.split(",")] if KEYS[key].unit == "names" else given
        return _checked("set: ", key, value, None, None, SET_ON_COMMAND_LINE, "")
    if dots:
        return _checked("set: ", key, None, _number(key, low), _number(key, high), SET_ON_COMMAND_LINE, "")
    return _checked("set: ", key, _number(key, given), None, None, SET_ON_COMMAND_LINE, "")


def _likely(key: str) -> list[str]:
    """Keys of the same words in another order (demand.growth), or of the same last word (inference_share)."""
    words, last = sorted(key.split(".")), key.rpartition(".")[2]
    turned = [each for each in KEYS if sorted(each.split(".")) == words]
    return [*turned, *(each for each in KEYS if each.partition(".")[2] == last)]


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        said = f"set: {key}: got '{text}', allowed a number{_hint(KEYS[key])}"
        raise InputError(said, field=key, got=text, allowed="a number") from error


def _checked(where: str, key: str, value: Any, low: Any, high: Any, source: str, note: str) -> Assumption:
    kind = KEYS[key]
    check = _numeric if kind.numeric else _worded
    try:
        found, bottom, top = check(kind, value, low, high)
    except ValueError as error:
        got = value if value is not None else f"{low}..{high}"
        raise InputError(f"{where}{key}: {error}", field=key, got=str(got)[:80]) from error
    return Assumption(key, found, bottom, top, kind.unit, source, note)


def _numeric(kind: Key, value: Any, low: Any, high: Any) -> tuple[Value, float | None, float | None]:
    given = [each for each in (value, low, high) if each is not None]
    for each in given:
        if isinstance(each, bool) or not isinstance(each, int | float) or not kind.low <= each <= kind.high:
            top = "" if math.isinf(kind.high) else f" to {kind.high:g}"
            raise ValueError(f"got {str(each)[:40]}, allowed a number from {kind.low:g}{top} {kind.unit}{_hint(kind)}")
    if (low is None) != (high is None) or not given:
        raise ValueError("an interval needs both low and high" if given else "value is missing")
    if low is None:
        return float(value), None, None
    if low > high:
        raise ValueError(f"low {low:g} is over high {high:g}")
    belief = between(low, high, kind.scale) if value is None else Belief(float(value), float(low), float(high), kind.scale)
    return belief.value, float(low), float(high)


def _hint(kind: Key) -> str:
    return "; a factor: 2 means twice as much a year, not a percentage" if kind.unit == "factor/year" else ""


_FIRST_DAY, _LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2099, 12, 31)  # factors a year overflow beyond


def _worded(kind: Key, value: Any, low: Any, high: Any) -> tuple[Value, None, None]:
    if low is not None or high is not None:
        raise ValueError(f"an interval is for numbers, this is a {kind.unit}")
    if kind.unit == "names":
        if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
            raise ValueError(f"got {str(value)[:40]}, allowed a list of names")
        return tuple(value), None, None
    if kind.unit == "date" and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = value.isoformat()
    if not isinstance(value, str) or not value:
        raise ValueError(f"got {str(value)[:40]}, allowed a {kind.unit}")
    if kind.unit == "date":
        try:
            day = datetime.date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"got '{value}', allowed a day such as 2025-12-31") from error
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise ValueError(f"got {value}, allowed a day from {_FIRST_DAY} to {_LAST_DAY}")
    return value, None, None


def _complete(found: Scenario) -> Scenario:
    for key, kind in KEYS.items():
        if kind.required and key not in found:
            said = f"scenario {found.name}: {key} is missing ({kind.about})"
            raise InputError(f'{said}; with base = "today" in the file every line has a value', field=key)
    return found
