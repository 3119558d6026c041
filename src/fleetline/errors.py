"""What can go wrong with a question, as one clear line: what, where, got, allowed, nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class FleetlineError(Exception):
    """A refusal a person can act on. `exit_code` is what the command line returns for it."""

    exit_code = 1
    kind = "error"

    def __init__(self, message: str, *, field: str = "", got: object = None, allowed: object = None) -> None:
        self.message = printable(message)
        super().__init__(self.message)
        self.field = field
        self.got = got
        self.allowed = allowed


_MOST_LETTERS = 5_000  # of a message: the longest list of names takes some 3,000
_SHOWN = 80  # letters of a wrong name that a message repeats


def printable(message: str) -> str:
    """A message as one line of some length that every terminal shows as it is: other letters by their escapes."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message[:_MOST_LETTERS])
    return line if len(message) <= _MOST_LETTERS else f"{line}..."


class InputError(FleetlineError):
    """The question itself is wrong: an unknown name, a number out of range, a broken file."""

    exit_code = 2
    kind = "bad_input"


class Infeasible(FleetlineError):  # noqa: N818  (an answer to a sound question, rather than a mistake)
    """The question is sound and the answer is no: it does not fit, or no batch is fast enough."""

    exit_code = 3
    kind = "infeasible"


def unknown_name(
    what: str, got: str, names: Iterable[str], *, where: str = "", field: str = "", likely: Iterable[str] = ()
) -> InputError:
    """The error for a name that is not in the list, with the nearest one that is; `where` it stood, if in a file.

    `likely` are names of the list that would be nearer than any that is spelled alike.
    """
    allowed = sorted(names)
    got = got if len(got) <= _SHOWN else f"{got[:_SHOWN]}..."
    folded = {name.casefold(): name for name in allowed}
    longer = [name for name in folded if got and name.startswith(got.casefold())]
    near = (
        [name.casefold() for name in likely][:1]
        or longer[:1]
        or difflib.get_close_matches(got.casefold(), folded, n=1, cutoff=0.5)
    )
    hint = f"did you mean '{folded[near[0]]}'?" if near else f"known: {', '.join(allowed)}"
    return InputError(f"{where}unknown {what} '{got}'; {hint}", field=field or what, got=got, allowed=allowed)


def missing_extra(what: str, extra: str) -> InputError:
    """The refusal of what needs libraries that the core goes without; the advice holds in a checkout too."""
    install = f"pip install 'fleetline[{extra}]'"
    return InputError(f"{what}: needs the extra '{extra}'; install it with: {install}", field=what, allowed=install)


MOST_BYTES = 100_000_000  # of a file that is read whole, unless its reader says less


def read_bytes(path: Path, what: str, most: int = MOST_BYTES, field: str = "") -> bytes:
    """A file a user or the catalog named, of `most` bytes at most; every way this fails becomes one line."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        said = f"{what} {path}: {getattr(error, 'strerror', None) or error}"
        raise InputError(said, field=field or what, got=str(path)) from error
    if len(content) > most:
        said = f"{what} {path}: larger than the {most:,} bytes allowed"
        raise InputError(said, field=field or what, got=str(path), allowed=most)
    return content


def read_text(path: Path, what: str, most: int = MOST_BYTES) -> str:
    """The same as text: UTF-8, with any line ends."""
    try:
        text = read_bytes(path, what, most).decode("utf-8-sig")  # a byte order mark is no part of the text
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {path}: not UTF-8 text ({error.reason} at byte {error.start})", field=what) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
