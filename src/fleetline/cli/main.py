"""Running the command line: exit codes, one line for every refusal, streams that may close."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from typer.exceptions import Abort, TyperException
from typer.main import get_command

from fleetline.cli.options import app
from fleetline.errors import FleetlineError, printable
from fleetline.noted import noting


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 3 infeasible, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    as_json = "--json" in given or not sys.stdout.isatty()
    try:
        with noting() as noted:
            code = get_command(app).main(given or ["--help"], prog_name="fleetline", standalone_mode=False)
        sys.stdout.flush()
        if noted.idle:
            print(f"fleetline: set without effect on this answer: {', '.join(noted.idle)}", file=sys.stderr)  # noqa: T201
    except FleetlineError as error:
        _refuse(
            error.message,
            error.exit_code,
            as_json,
            kind=error.kind,
            field=error.field,
            got=error.got,
            allowed=error.allowed,
        )
    except TyperException as error:
        _refuse(printable(_usage(error)), 2, as_json, kind="bad_input", field="arguments")
    except (Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has enough; keep the interpreter from complaining at exit
        _discard_output()
        sys.exit(0)
    except OSError as error:
        if error.filename is not None:  # a path that no reader may even ask about: too long a name, a folder closed to us
            path = str(error.filename)
            _refuse(printable(f"{path}: {error.strerror}"), 2, as_json, kind="bad_input", field="path", got=path)
        if error.errno not in _OUTPUT_FAULTS:
            raise
        _discard_output()
        _refuse(f"standard output: {error.strerror}", 2, as_json, kind="bad_input", field="stdout")
    if code == _INTERRUPTED:
        _refuse("interrupted", _INTERRUPTED, as_json, kind="interrupted")
    sys.exit(code or 0)


def _usage(error: TyperException) -> str:
    """What is wrong with the words of a command, and what they would be."""
    said = " ".join(error.format_message().split())
    if not said.startswith(_MISPLACED):
        return said
    command = getattr(getattr(error, "ctx", None), "command", None)
    listed = [param.opts[0] for param in getattr(command, "params", ()) if "," in str(param.metavar)]
    hints = ["each KEY=VALUE follows a --set of its own"] if "=" in said else []
    hints += [f"names of {name} stand in one word, as a,b" for name in listed if not hints and "extra" in said]
    example = " ".join((getattr(command, "epilog", None) or "").split())
    return "; ".join([said.removesuffix("."), *hints, *([example] if example.startswith("Example") else [])])


_MISPLACED = ("Got unexpected extra argument", "Missing argument")  # as Typer begins them
_INTERRUPTED = 130  # as shells report a program that SIGINT ended; Typer turns Ctrl-C into it
_OUTPUT_FAULTS = (errno.ENOSPC, errno.EIO, errno.EBADF)


def _prepare_streams() -> None:
    """Output that may be closed or not know a letter, and signals that end the program as its own exit does."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (for the life of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), lambda number, _frame: sys.exit(128 + number))


def _discard_output() -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str, code: int, as_json: bool, **details: Any) -> None:
    """One line on standard error, and the exit code."""
    if as_json:
        from fleetline.reporting.plain import plain

        error = {"kind": details["kind"], "message": message} | {
            key: details.get(key) for key in ("field", "got", "allowed")
        }
        line = json.dumps({"error": plain(error)}, default=str)
    else:
        line = f"fleetline: {' '.join(message.split())}"
    print(line, file=sys.stderr)  # noqa: T201
    sys.exit(code)
