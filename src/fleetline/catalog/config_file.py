"""A Hugging Face config.json as fields: every complaint is one line that names the file and the field."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fleetline.errors import InputError, read_bytes

MOST_BYTES = 8_000_000  # configurations take some kB; quantised ones with a list of layers, some hundred
MOST_LAYERS = 10_000
LARGEST = 10**9  # of any width or count: products of a few such numbers stay finite
_SHOWN = 60  # characters of a wrong value that a message repeats

Value = TypeVar("Value")


@dataclass(frozen=True)
class Config:
    """An object of the file. `place` is what stands before its fields in a message: "" or "text_config."."""

    file: str
    fields: Mapping[str, Any]
    place: str = ""

    def has(self, name: str) -> bool:
        """Whether the field is there; null is the same as absent, as transformers writes it."""
        return self.fields.get(name) is not None

    def first_of(self, names: Sequence[str]) -> str:
        """The first of these names that is there, else the first: families rename fields and keep the old ones."""
        return next((name for name in names if self.has(name)), names[0])

    def whole(self, *names: str, least: int = 1, most: int = LARGEST, otherwise: int | None = None) -> int:
        """A whole number from `least` to `most`; `otherwise` where the library itself has that value for an absent field.

        Raises:
            InputError: absent (with the nearest name that is there), not a whole number, out of range.
        """
        name = self.first_of(names)
        if not self.has(name):
            if otherwise is None:
                raise self.missing(name)
            return otherwise
        value = self.fields[name]
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value != math.floor(value) or not least <= value <= most:
            raise self.fault(name, f"a whole number from {least} to {most}")
        return int(value)

    def flag(self, name: str, *, otherwise: bool) -> bool:
        """True or false."""
        return self._typed(name, bool, "true or false", otherwise)

    def text(self, name: str, otherwise: str | None = None) -> str:
        """A text."""
        return self._typed(name, str, "a text", otherwise)

    def items(self, name: str) -> list[Any]:
        """A list; absent is an empty one."""
        return self._typed(name, list, "a list", [])

    def texts(self, name: str) -> list[str]:
        """A list of texts; absent is an empty one."""
        found = self.items(name)
        if not all(isinstance(item, str) for item in found):
            raise self.fault(name, "a list of texts")
        return found

    def child(self, name: str) -> Config | None:
        """The object in this field; None where it is absent."""
        if not self.has(name):
            return None
        return Config(self.file, self._typed(name, dict, "an object"), f"{self.place}{name}.")

    def choice(self, name: str, choices: Mapping[str, Value]) -> Value:
        """What a text of this field stands for; an unknown one is answered with the nearest."""
        given = self.text(name)
        if given not in choices:
            raise self.unknown(name, given, choices)
        return choices[given]

    def by_layer(self, name: str, layers: int, allowed: Iterable[object]) -> list[Any]:
        """A list with one of `allowed` for each layer; empty where the field is absent."""
        found, known = self.items(name), list(allowed)
        if found and len(found) != layers:
            raise self.fault(name, f"one entry for each of the {layers} layers", got=f"{len(found)} entries")
        for item in found:
            if isinstance(item, dict | list) or item not in known:
                raise self.fault(name, f"entries of {', '.join(str(each) for each in known)}", got=item)
        return found

    def missing(self, name: str) -> InputError:
        """The error for a field that is not there."""
        near = difflib.get_close_matches(name, [key for key in self.fields if isinstance(key, str)], n=1, cutoff=0.8)
        hint = f"; is it '{shown(near[0])}'?" if near and near[0] != name else ""
        return InputError(f"{self.file}: {self.place}{name}: missing{hint}", field=f"{self.place}{name}")

    def fault(self, name: str, allowed: str, got: object = None) -> InputError:
        """The error for a field that holds something else than it may."""
        given = shown(self.fields.get(name) if got is None else got)
        where = f"{self.place}{name}"
        return InputError(f"{self.file}: {where}: got {given}, allowed {allowed}", field=where, got=given, allowed=allowed)

    def unknown(self, name: str, given: str, known: Iterable[str]) -> InputError:
        """The error for a text that is none of the known ones, with the nearest that is."""
        allowed = sorted(known)
        folded = {each.casefold(): each for each in allowed}
        near = difflib.get_close_matches(given.casefold()[:_SHOWN], folded, n=1, cutoff=0.5)
        hint = f"did you mean '{folded[near[0]]}'?" if near else f"known: {', '.join(allowed)}"
        where = f"{self.place}{name}"
        return InputError(
            f"{self.file}: {where}: unknown {shown(given)}; {hint}", field=where, got=shown(given), allowed=allowed
        )

    def _typed(self, name: str, kind: type[Value], allowed: str, otherwise: Value | None = None) -> Value:
        if not self.has(name):
            if otherwise is None:
                raise self.missing(name)
            return otherwise
        value = self.fields[name]
        if not isinstance(value, kind):
            raise self.fault(name, allowed)
        return value


def shown(value: object) -> str:
    """A value as a message can hold it: one line, short, printable everywhere."""
    text = value if isinstance(value, str) and value.isprintable() else ascii(value)[: _SHOWN + 1]
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def read_config(path: Path) -> tuple[Config, bytes]:
    """The fields of a config.json, and the file as it is.

    Raises:
        InputError: no such file, too large, not UTF-8, not JSON, an object in which a key stands twice, nested too deep.
    """
    content = read_bytes(path, "model file", MOST_BYTES, field="model")
    return parse(content, path), content


def parse(content: bytes, path: Path) -> Config:
    """The fields of a config.json by its content; `path` names it in messages.

    Raises:
        InputError: not UTF-8, not JSON, an object in which a key stands twice, nested too deep.
    """
    try:
        found = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise _refused(path, f"not UTF-8 text ({error.reason} at byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _refused(path, f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise _refused(path, "JSON nested too deep") from error
    except _Refusal as error:
        raise _refused(path, str(error)) from error
    if not isinstance(found, dict):
        raise _refused(path, f"got {shown(found)}, allowed a JSON object")
    return Config(shown_path(path), found)


def shown_path(path: Path) -> str:
    """A path as a message can hold it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(path))


class _Refusal(Exception):  # noqa: N818  (becomes an InputError as soon as the file's name is known)
    """What is wrong with a JSON text that Python's parser lets through."""


def _refused(path: Path, reason: str) -> InputError:
    return InputError(f"model file {shown_path(path)}: {reason}", field="model", got=shown_path(path))


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise _Refusal(f"the key '{shown(key)}' stands twice in one object")
        values[key] = value
    return values


def _constant(name: str) -> float:
    raise _Refusal(f"{name} is no JSON number")


def _integer(digits: str) -> int | float:
    # Python refuses to read whole numbers of thousands of digits; as floats they are out of every range
    return int(digits) if len(digits) <= 18 else float(digits)
