"""Hostile documents: sound ones with a few changes of every kind, and bytes that are none; Hypothesis shrinks them.

A document is a tree of `Object` (pairs, so that a key may stand twice), lists and leaves; `Raw` is a leaf written as it is,
which is how a number such as 1e999 or NaN gets into a file that no library would write.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Raw:
    """Letters that stand in the file as they are."""

    text: str


@dataclass(frozen=True)
class Object:
    """Pairs of key and value, in their order."""

    pairs: tuple[tuple[str, Any], ...]


def tree(value: Any) -> Any:
    """A plain value as a tree."""
    if isinstance(value, Mapping):
        return Object(tuple((str(key), tree(each)) for key, each in value.items()))
    return [tree(each) for each in value] if isinstance(value, list | tuple) else value


# --- leaves -----------------------------------------------------------------------------------------------------------

_NUMBERS = (
    *("0", "-0", "-0.0", "1", "-1", "2", "0.5", "1.5", "7", "64", "100", "1e3", "1e-9", "1e9", "1e15", "1e18", "1e-320"),
    *("1e300", "1e308", "1e999", "-1e999", "1e99999999999", "9223372036854775807", "9223372036854775808", "1" + "0" * 30),
    *(
        "9" * 400,
        "9" * 5000,
        "0." + "3" * 400,
        "1_000",
        "0x10",
        "1.",
        ".5",
        "+1",
        "01",
        "1,5",
        "1e",
        "--1",
        "\u0663",
        "1/3",
    ),
    *("NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "-inf", "1..2", "2..1", "nan..inf", "..", "1e308..1e309"),
)
_TEXTS = (
    *("", " ", "\t", "\n", "a\nb", "\r", "\x00", "\x1b[31m", "\x85", "\u2028", "\u202e", "\ud800", "\ufeff", "\U0001f4a9"),
    *(
        "é",
        "\u200b",
        "none",
        "null",
        "true",
        "False",
        "all",
        "auto",
        "x" * 300,
        "x" * 70_000,
        "é" * 300,
        "../../etc/passwd",
    ),
    *(
        "/dev/null",
        "~",
        ".",
        "..",
        "con",
        "a/b.toml",
        "b.json",
        "%s%n",
        "{0}",
        "${HOME}",
        "$(id)",
        "`id`",
        "';--",
        '"',
        "'",
    ),
    *(
        "\\",
        "\\u0000",
        "[",
        "{",
        "<script>",
        "=1+1",
        "#",
        ",",
        ";",
        "8000:1000",
        "0:0",
        ":",
        "1e999:1",
        "2026-02-30",
        "1:2:3",
    ),
    *("2026-11-26", "9999-12-31", "0001-01-01", "8 TB/s", "1e400 GB", "-1 GB", "fp4", "kimi-k2.6", "b200", "mtp:3", "8:3"),
    *("__import__('os')", "!!python/object/apply:os.system", "cos\nsystem\n(S'id'\ntR."),
)
_PLAIN = (None, True, False, Raw("null"), Raw("true"), Raw("undefined"), Raw(""), Object(()))
numbers: st.SearchStrategy[Any] = st.sampled_from(_NUMBERS).map(Raw)
texts: st.SearchStrategy[Any] = st.sampled_from(_TEXTS) | st.text(max_size=12)
leaves: st.SearchStrategy[Any] = st.one_of(
    numbers,
    numbers,
    st.sampled_from(_PLAIN),
    texts,
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.dates(),
    st.sampled_from(_NUMBERS),
)
values: st.SearchStrategy[Any] = st.one_of(
    leaves,
    leaves,
    leaves,
    st.lists(leaves, max_size=3),
    st.dictionaries(texts, leaves, max_size=3).map(tree),
    st.sampled_from([60, 500, 3000]).map(lambda depth: Raw("[" * depth + "]" * depth)),
    st.sampled_from([60, 2000]).map(lambda depth: Raw('{"a":' * depth + "1" + "}" * depth)),
    st.builds(lambda leaf, count: [leaf] * count, leaves, st.sampled_from([10, 60])),
)

# --- changes ----------------------------------------------------------------------------------------------------------

_FACTORS = (0.0, 0.5, 0.9, 1.1, 2.0, 3.0, 10.0, 1e3, -1.0, 1e-3)


def near(draw: Draw, value: Any) -> Any:
    """A value that might be meant: a number times a factor, a text with a letter less, a flag the other way."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        found = value * draw(st.sampled_from(_FACTORS))
        return round(found) if isinstance(value, int) and draw(st.booleans()) else found
    if isinstance(value, str):
        try:
            return str(float(value) * draw(st.sampled_from(_FACTORS)))
        except ValueError:
            return value[1:] if draw(st.booleans()) else value.upper()
    return draw(leaves)


_AT_A_MEMBER = (
    "near",
    "near",
    "near",
    "near",
    "near",
    "near",
    "value",
    "value",
    "value",
    "value",
    "value",
    "number",
    "number",
    "drop",
    "twice",
    "key",
    "swap",
    "list",
    "less",
)


def _member(draw: Draw, pairs: Sequence[tuple[Any, Any]], place: int) -> list[tuple[Any, Any]]:
    """The members of a container with one of them changed."""
    key, value = pairs[place]
    new: list[tuple[Any, Any]]
    match draw(st.sampled_from(_AT_A_MEMBER)):
        case "near":
            new = [(key, near(draw, value))]
        case "value":
            new = [(key, draw(values))]
        case "number":
            new = [(key, draw(numbers))]
        case "drop":
            new = []
        case "twice":
            new = [(key, value), (key, draw(st.just(value) | values))]
        case "key":
            new = [(draw(st.just(f"{key}s") | texts), value)]
        case "swap":
            new = [(key, pairs[draw(st.integers(0, len(pairs) - 1))][1])]
        case "list":
            new = [(key, [value])]
        case _:
            new = [(key, str(value)[: draw(st.integers(0, 12))])]
    return [*pairs[:place], *new, *pairs[place + 1 :]]


def changed(draw: Draw, document: Any, *, wild: bool = True) -> Any:
    """The tree with one change somewhere in it; `wild`: of any kind, else mostly to what might be meant."""
    named = isinstance(document, Object)
    if not named and not isinstance(document, list):
        return draw(values)
    pairs = list(document.pairs) if named else list(enumerate(document))
    if not pairs or (wild and draw(st.integers(0, 29)) == 0):
        return draw(values)
    place = draw(st.integers(0, len(pairs) - 1))
    key, value = pairs[place]
    inside = isinstance(value, Object | list) and (not wild or draw(st.integers(0, 3)) > 0)
    if inside:
        told = [*pairs[:place], (key, changed(draw, value, wild=wild)), *pairs[place + 1 :]]
    elif wild or draw(st.integers(0, 5)) == 0:
        told = _member(draw, pairs, place)
    else:
        told = [*pairs[:place], (key, near(draw, value)), *pairs[place + 1 :]]
    return Object(tuple((str(key), each) for key, each in told)) if named else [each for _, each in told]


@st.composite
def documents(draw: Draw, seeds: Sequence[Any], most: int = 4, *, wild: bool = True) -> Any:
    """One of the seeds with up to `most` changes, of which few, so that variants reach beyond what is checked first."""
    if wild and draw(st.integers(0, 39)) == 0:
        return draw(values)
    found = seeds[draw(st.integers(0, len(seeds) - 1))]
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, most)))):
        found = changed(draw, found, wild=wild)
    return found


# --- bytes ------------------------------------------------------------------------------------------------------------

_BYTES = (
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\x80",
    b"\r",
    b"\n",
    b"\x1a",
    b'"',
    b"'",
    b"{",
    b"[",
    b"\\",
    b",",
)
_CODES = ("utf-16", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "utf-16-le")


def encoded(text: str, code: str = "utf-8") -> bytes:
    """A text as bytes; lone surrogates, which no code has, as bytes that UTF-8 does not have either."""
    return text.encode(code, errors="surrogatepass" if code.startswith("utf-8") else "replace")


@st.composite
def spoilt(draw: Draw, texts_: st.SearchStrategy[str]) -> bytes:
    """A text as bytes: three in four as they are, the others cut, changed, in another code, or something else."""
    text: str = draw(texts_)
    found: bytes
    new: bytes
    match draw(st.integers(0, 15)):
        case 0:
            found = encoded(text)
            return found[: int(draw(st.integers(0, len(found))))]
        case 1:
            found = encoded(text)
            new = draw(st.sampled_from(_BYTES) | st.binary(max_size=8))
            at = draw(st.integers(0, len(found)))
            return found[:at] + new + found[at + draw(st.integers(0, 8)) :]
        case 2:
            return encoded(text, draw(st.sampled_from(_CODES)))
        case 3:
            found = encoded(text)
            at, end = sorted(draw(st.tuples(*[st.integers(0, len(found))] * 2)))
            times: int = draw(st.integers(1, 20))
            return found[:end] + found[at:end] * times + found[end:]
        case 4:
            found = draw(st.binary(max_size=80))
            return found
        case _:
            return encoded(text)


# --- variants: many inputs from one that was drawn, at a tenth of its cost ------------------------------------------------

_TOKEN = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\n]{0,200}"|[A-Za-z_][\w.-]*|[\[\]{},=:;\n]')


def family(given: Any, seed: int, count: int) -> Iterator[Any]:
    """An input and `count` variants of it, the same for the same seed."""
    yield given
    chance = Random(seed)  # noqa: S311  (nothing here is a secret)
    for _ in range(count):
        yield varied(given, chance)


def varied(given: Any, chance: Random) -> Any:
    """An input with some tokens or bytes changed somewhere; of several parts, one is."""
    if isinstance(given, bytes):
        return _varied(given, chance)
    if isinstance(given, str):
        return _varied(encoded(given), chance).decode("utf-8", "replace")
    if isinstance(given, Mapping):
        name = chance.choice(sorted(given))
        return {**given, name: varied(given[name], chance)}
    if not given:
        return given
    place = len(given) - 1 if isinstance(given, tuple) else chance.randrange(len(given))
    return type(given)(varied(each, chance) if number == place else each for number, each in enumerate(given))


def _varied(content: bytes, chance: Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = [match.span() for match in _TOKEN.finditer(content)]
        if places and chance.random() < 0.8:
            start, end = chance.choice(places)
            content = content[:start] + _token(content, content[start:end], places, chance) + content[end:]
        elif content:
            at = chance.randrange(len(content))
            content = content[:at] + chance.choice(_BYTES) + content[at + chance.randrange(4) :]
    return content


def _token(content: bytes, old: bytes, places: Sequence[tuple[int, int]], chance: Random) -> bytes:
    """What stands in a token's place: nothing, a hostile number or text, another token, or a stretch of the document.

    Every second number stays a number, so that the document is read and what follows has to cope with it.
    """
    start, end = chance.choice(places)
    kind = 1 if old[-1:].isdigit() and chance.random() < 0.5 else chance.randrange(8)
    if kind == 0:
        return b""
    if kind <= 3:
        return chance.choice(_NUMBERS).encode()
    if kind <= 5:
        return encoded(chance.choice(_TEXTS))
    return content[start : end if kind == 6 else chance.choice(places)[1]]


# --- writing ----------------------------------------------------------------------------------------------------------


def json_text(value: Any) -> str:
    """A tree as JSON, or as what should have been."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Object):
        return "{" + ", ".join(f"{json.dumps(key)}: {json_text(each)}" for key, each in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json.dumps(str(value) if isinstance(value, datetime.date) else value)


def toml_text(value: Any) -> str:
    """A tree as TOML: tables of the first level by their headings, the others inline."""
    if not isinstance(value, Object):
        return f"value = {toml_value(value)}\n"
    lines = [f"{_key(key)} = {toml_value(each)}" for key, each in value.pairs if not isinstance(each, Object)]
    for key, each in value.pairs:
        if isinstance(each, Object):
            lines += [f"[{_key(key)}]", *(f"{_key(name)} = {toml_value(cells)}" for name, cells in each.pairs)]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else json.dumps(key)


def toml_value(value: Any) -> str:
    """A tree as a value of TOML."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Object):
        return "{" + ", ".join(f"{_key(key)} = {toml_value(each)}" for key, each in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def csv_of(rows: Any) -> str:
    """Rows of the same columns as CSV; what is no row stands for itself."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    found = rows if isinstance(rows, list) else [rows]
    first = next((row for row in found if isinstance(row, Object)), Object(()))
    writer.writerow([key for key, _ in first.pairs])
    for row in found:
        cells = [cell for _, cell in row.pairs] if isinstance(row, Object) else [row]
        writer.writerow([_cell(cell) for cell in cells])
    return stream.getvalue()


def _cell(cell: Any) -> str:
    if isinstance(cell, Raw):
        return cell.text
    return "" if cell is None else json_text(cell) if isinstance(cell, Object | list) else str(cell)
