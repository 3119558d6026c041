"""Names that may also be files: where a question comes from elsewhere, as on the web, they may not.

Every name that can stand for a path is asked here whether it does. Inside `without_files()` none can, so that no question
asked there opens a file it has named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fleetline.errors import InputError

_ALLOWED: ContextVar[bool] = ContextVar("files_allowed", default=True)


@contextmanager
def without_files() -> Iterator[None]:
    """Inside, a name is a name and never a path."""
    token = _ALLOWED.set(False)
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def files_allowed() -> bool:
    """Whether names may stand for files."""
    return _ALLOWED.get()


def is_file(what: str, name: str, ending: str) -> bool:
    """Whether a name is the path of a file, as its ending says.

    Raises:
        InputError: it is, and files may not be named here.
    """
    if not name.casefold().endswith(ending):
        return False
    if not files_allowed():
        raise no_files(what, name)
    return True


def no_files(what: str, name: object) -> InputError:
    """The refusal of a file that is named where none may be."""
    allowed = "a name; files are not read here"
    got = ascii(str(name)[:_SHOWN])[1:-1]
    return InputError(f"{what}: got '{got}', allowed {allowed}", field=what, got=got, allowed=allowed)


_SHOWN = 80  # characters of a wrong name that a message repeats
