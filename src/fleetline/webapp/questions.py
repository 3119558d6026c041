"""What may be asked over the web: a function of named values, with what each value may be. Commands and views alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["number", "whole", "text", "flag", "texts"]


@dataclass(frozen=True)
class Option:
    """One value of a question, as the query names it.

    Attributes:
        key: what the function calls it. default: None where the function is to choose.
        low, high: ends of what is taken here, included. most_letters: of a text, or of each of several.
        choices: of a text, where they are few and known: others are refused here. known: what a text or number may be, as
            JSON schema, for the document; the function itself refuses the rest, with the nearest name.
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    required: bool = False
    key: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    known: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    most_letters: int = 200


def never(_given: Mapping[str, Any]) -> bool:
    """Costly whatever is asked: no."""
    return False


@dataclass(frozen=True)
class Question:
    """One address.

    Attributes:
        path: below /api/v1. ask: takes the values by their keys; raises FleetlineError. Runs in another process, so it is a
            function of a module, or a `partial` of one.
        costly: whether these values make it one of the few that are worked on at once.
        example: values that show what it is for. answer: schema of the answer (a pydantic model).
    """

    path: str
    ask: Callable[..., Any]
    options: Sequence[Option]
    summary: str
    description: str = ""
    example: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    answer: type | None = None
    costly: Callable[[Mapping[str, Any]], bool] = never
    tag: str = "commands"


def always(_given: Mapping[str, Any]) -> bool:
    """Costly whatever is asked."""
    return True
