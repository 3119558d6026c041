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
        super().__init__(message)
        self.message = message
        self.field = field
        self.got = got
        self.allowed = allowed


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
    folded = {name.casefold(): name for name in allowed}
    longer = [name for name in folded if got and name.startswith(got.casefold())]
    near = (
        [name.casefold() for name in likely][:1]
        or longer[:1]
        or difflib.get_close_matches(got.casefold(), folded, n=1, cutoff=0.5)
    )
    hint = f"did you mean '{folded[near[0]]}'?" if near else f"known: {', '.join(allowed)}"
    return InputError(f"{where}unknown {what} '{got}'; {hint}", field=field or what, got=got, allowed=allowed)


def read_text(path: Path, what: str) -> str:
    """The text of a file a user or the catalog named; every way this fails becomes one line."""
    try:
        return path.read_text(encoding="utf-8-sig")  # a byte order mark is no part of the text
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {path}: not UTF-8 text ({error.reason} at byte {error.start})", field=what) from error
    except OSError as error:
        raise InputError(f"{what} {path}: {error.strerror or error}", field=what, got=str(path)) from error
