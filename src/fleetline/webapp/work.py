"""Answering one question: values in, a status and JSON out. Runs in a worker process (or a thread, in tests)."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from fleetline.errors import FleetlineError, printable
from fleetline.named import without_files
from fleetline.reporting.plain import plain


class Answer(NamedTuple):
    """An HTTP status, and JSON."""

    status: int
    body: bytes


class TooLongError(BaseException):
    """A question took more processor time than one may; nothing between may take it for an error of its own."""


def error(status: int, kind: str, message: str, *, field: str = "", got: Any = None, allowed: Any = None) -> Answer:
    """A refusal, as the commands write it."""
    said = {"kind": kind, "message": printable(message), "field": field, "got": got, "allowed": allowed}
    return Answer(status, encode({"error": said}))


def too_costly(processor_s: float) -> Answer:
    """That a question takes more than it may."""
    said = f"the question takes more than {processor_s:g} s of processor time; ask for less, or ask the command"
    return error(422, "too_costly", said, field="request")


def encode(value: Any) -> bytes:
    """JSON that every parser takes."""
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"), default=str).encode()


def answer(ask: Callable[..., Any], given: Mapping[str, Any], processor_s: float = 0.0) -> Answer:
    """What `ask` says to these values; a refusal is 422, a mistake of ours 500 without a word of where."""
    try:
        with without_files():
            _set_alarm(processor_s)
            try:
                return Answer(200, encode(ask(**given)))
            finally:
                _set_alarm(0.0)
    except FleetlineError as refused:
        return error(422, refused.kind, refused.message, field=refused.field, got=refused.got, allowed=refused.allowed)
    except TooLongError:
        return too_costly(processor_s)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return error(500, "internal", "a mistake of the server; its log says more", field="request")


def _set_alarm(processor_s: float) -> None:
    if processor_s and hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGPROF, _too_long)
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.setitimer(signal.ITIMER_PROF, processor_s)


def _too_long(_number: int, _frame: object) -> None:
    raise TooLongError


def start(nice: int, warm: Callable[[], None], life: Connection) -> None:
    """A worker process begins: it reads the catalog before it is asked, and ends, whatever it is at, when its server does.

    `life` is a pipe that the server alone can write to: it is read to its end when the server closes it, or is no more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the server decides
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    if nice and hasattr(os, "nice"):
        os.nice(nice)
    warm()


def _end_with(life: Connection) -> None:
    life.poll(None)
    os._exit(0)
