"""Lines of a scenario that somebody set, and lines that an answer read: what is set and never read has no effect on it.

The other way round nothing follows: what is read may have no effect either. Noted inside `noting()` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Noted:
    """Keys of lines."""

    given: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)

    @property
    def idle(self) -> list[str]:
        """Set and not read."""
        return sorted(self.given - self.read)


_NOTED: ContextVar[Noted | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[Noted]:
    """Inside, what is set and what is read is noted."""
    found = Noted()
    token = _NOTED.set(found)
    try:
        yield found
    finally:
        _NOTED.reset(token)


def note_given(keys: Iterable[str]) -> None:
    """Lines that whoever asks has set."""
    found = _NOTED.get()
    if found is not None:
        found.given.update(keys)


def note_read(*keys: str) -> None:
    """Lines whose value an answer takes."""
    found = _NOTED.get()
    if found is not None:
        found.read.update(keys)
