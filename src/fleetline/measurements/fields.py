"""Cells and JSON values -> typed fields. What is wrong with one says the field, what it holds and what it may hold."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# No deployment, load or request comes near it, and products of a few such numbers stay exact.
LARGEST_COUNT = 10**9
LEAST, MOST = 1e-12, 1e15  # of what is measured, in any unit; beyond, a quotient of two may be no number
SHOWN_CHARACTERS = 60
TRUE = frozenset({"1", "t", "true"})
FALSE = frozenset({"0", "f", "false"})
# Stricter than float(), which also takes "1_000" and digits of other scripts.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Fault(ValueError):  # noqa: N818  (it is about one row, and becomes a Rejected rather than an exception)
    """Why one row cannot be used."""


class Repeated(dict[str, object]):
    """A JSON object in which a key stands twice, so that it does not say one thing."""

    key: str = ""


def shown(value: object) -> str:
    """A value as a message can hold it: on one line, short, and printable everywhere."""
    text = ascii(value) if not isinstance(value, str) or not value.isprintable() else f"'{value}'"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def refuse(name: str, value: object, allowed: str) -> Fault:
    """The fault of a field that holds something else than it may."""
    return Fault(f"{name}: got {shown(value)}, allowed {allowed}")


@dataclass(frozen=True, slots=True)
class Record:
    """One row by the names of its fields; text cells and JSON values read alike, and empty is the same as absent.

    `line` is where it stands in `file`.
    """

    values: Mapping[str, object]
    line: int
    file: str

    def __post_init__(self) -> None:
        if isinstance(self.values, Repeated):
            raise Fault(f"{shown(self.values.key)} stands twice in one object")

    def has(self, name: str) -> bool:
        """Whether the field is there and not empty."""
        return self._value(name) is not None

    def text(self, name: str) -> str | None:
        """A name or a note; numbers count as text."""
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, bool | list | dict):
            raise refuse(name, value, "text")
        text = str(value).strip()
        if not text.isprintable():
            raise refuse(name, value, "printable text on one line")
        return sys.intern(text)

    def needed_text(self, name: str) -> str:
        """Text without which the row is of no use."""
        text = self.text(name)
        if text is None:
            raise Fault(f"{name}: empty or missing, needed")
        return text

    def count(self, name: str) -> int | None:
        """A whole number, 0 included."""
        value = self._value(name)
        return None if value is None else _whole(name, value, 0)

    def some(self, name: str) -> int | None:
        """A whole number over 0; the sources write 0 for what they did not record."""
        return self.count(name) or None

    def needed_count(self, name: str) -> int:
        """A whole number over 0 without which the row is of no use."""
        value = self._value(name)
        if value is None:
            raise Fault(f"{name}: empty or missing, needed: a whole number over 0")
        return _whole(name, value, 1)

    def measured(self, name: str) -> float | None:
        """A measured value: nothing, or a number of seconds, tokens or rates that somebody may have measured."""
        value = self._value(name)
        if value is None:
            return None
        number = _number(value)
        if number is None or not 0.0 < number < math.inf:
            raise refuse(name, value, "a finite number over 0, or nothing")
        if not LEAST <= number <= MOST:
            raise refuse(name, value, f"a number from {LEAST:g} to {MOST:g}, or nothing")
        return number

    def flag(self, name: str) -> bool | None:
        """Yes or no as the sources write it: true/false, t/f, 1/0."""
        value = self._value(name)
        if value is None:
            return None
        word = str(value).strip().casefold()
        if word in TRUE or word in FALSE:
            return word in TRUE
        raise refuse(name, value, "true, false, t, f, 1, 0")

    def day(self, name: str) -> str | None:
        """A date as YYYY-MM-DD; a time after it is cut off."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return date.fromisoformat(text[:10].ljust(10)).isoformat()
        except ValueError:
            raise refuse(name, text, "a date as YYYY-MM-DD") from None

    def inner(self, name: str) -> Record:
        """The object the field holds; an empty one where it holds nothing."""
        value = self._value(name)
        if value is not None and not isinstance(value, dict):
            raise refuse(name, value, "an object")
        try:
            return Record(value or {}, self.line, self.file)
        except Fault as fault:
            raise Fault(f"{name}: {fault}") from None

    def _value(self, name: str) -> object:
        value = self.values.get(name)
        return None if isinstance(value, str) and not value.strip() else value


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= sys.float_info.max else math.inf
    if isinstance(value, Decimal):
        return float(value)
    text = value.strip() if isinstance(value, str) else ""
    return float(text) if NUMBER.fullmatch(text) else None


def _whole(name: str, value: object, smallest: int) -> int:
    if isinstance(value, str) and len(value) < 9 and value.isascii() and value.isdecimal() and int(value) >= smallest:
        return int(value)  # nearly every cell is one of these
    number = _number(value)
    if number is None or not number.is_integer() or number < smallest:
        raise refuse(name, value, "a whole number over 0" if smallest else "a whole number, 0 or more")
    if number > LARGEST_COUNT:
        raise refuse(name, value, f"at most {LARGEST_COUNT}")
    return int(number)
