"""What the page lets people set, one control for each value of a view's query; the query is made of the same list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fleetline.webapp.questions import Option

Kind = Literal["choice", "number", "date", "text", "toggle"]
_LETTERS = 6_000  # a model may be its configuration


@dataclass(frozen=True)
class Choice:
    """One of several: what the query says, what people read."""

    value: str
    label: str
    group: str = ""


@dataclass(frozen=True)
class Control:
    """One value of a view.

    Attributes:
        options: of a choice, asked for when needed, as the catalog is read then. also: whether a choice takes other texts.
        min, max, step: of a number. scale: how its slider runs. low, high: its 90% interval, where it is uncertain.
        default: what stands where nothing is given; None for "as the rest says". placeholder: that in a word or two.
    """

    key: str
    label: str
    kind: Kind
    help: str
    group: str
    default: Any = None
    options: Callable[[], Sequence[Choice]] = tuple
    also: bool = False
    min: float | None = None
    max: float | None = None
    scale: Literal["linear", "log"] = "linear"
    step: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    placeholder: str | None = None

    def plain(self) -> dict[str, Any]:
        """As the page reads it."""
        choices = [vars(each) for each in self.options()]
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__ if name != "also"}, "options": choices}

    def option(self) -> Option:
        """As the query takes it."""
        kind: Any = {"number": "number", "toggle": "flag"}.get(self.kind, "text")
        choices = () if self.also or self.kind != "choice" else tuple(each.value for each in self.options())
        return Option(
            self.key,
            kind,
            f"{self.help} [{self.unit}]" if self.unit else self.help,
            default=self.default,
            low=self.min,
            high=self.max,
            choices=choices,
            most_letters=_LETTERS if self.also else 200,
            key=self.key.replace(".", "__"),
        )
