"""What a cell may hold, what every row has, and the checks over several columns of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from fleetline.dates import span

_DATE = r"\d{4}(-(Q[1-4]|H[12]|(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?))?"


def a_date(text: str) -> str:
    """The text, if it begins with a date.

    Raises:
        ValueError: it does not, or the day is not in the calendar.
    """
    # a source may say more than a date: "2026-Q1/Q2", "2026 (talk, mid-year)"
    if not re.fullmatch(_DATE + "([/ ].*)?", text):
        raise ValueError("not a date (YYYY, YYYY-Q1, YYYY-H1, YYYY-MM or YYYY-MM-DD)")
    span(text)  # 30 February has the right form, and is no day
    return text


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(a_date)]
Moment = Annotated[str, AfterValidator(a_date)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Row(BaseModel):
    """A row of a table: every column is named here, an empty cell is None. No two rows of a table share a `KEY`.

    A check over several columns raises ValueError("column: what is wrong"); the loader adds file and line.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    KEY: ClassVar[tuple[str, ...]] = ()

    source: Text
    table: str = Field(default="", exclude=True)  # where the row stands: its table, and the line of the file
    line: int = Field(default=0, exclude=True)


class Claim(Row):
    """A row copied from the collection, with where and when it was found and under which terms."""

    retrieved_or_published: Text
    licence: Text
    note: Text | None = None


def in_column(column: str, check: Callable[[str], object], text: str) -> None:
    """Put a cell's column and text before what a check says of it."""
    try:
        check(text)
    except ValueError as error:
        raise ValueError(f"{column}: got '{text}'; {error}") from error


def positive_number(column: str, text: str) -> float:
    """A cell that must be one."""
    in_column(column, float, text)
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"{column}: got '{text}'; not a positive finite number")
    return value


def ordered(low: float | None, middle: float | None, high: float | None, what: str) -> None:
    """That what is given of the three does not fall."""
    known = [value for value in (low, middle, high) if value is not None]
    if known != sorted(known):
        raise ValueError(f"{what}: low, central and high are out of order ({known})")
