"""Chunks done by a Dask cluster: the only place that knows of Dask (extra `cluster`).

Workers need nothing but fleetline of the same version: no folder is shared. A chunk's bytes come back to the one who asked,
who writes them. Dask asks another worker for what a lost one had in hand.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from fleetline.errors import InputError, missing_extra
from fleetline.sweeps.pieces import Piece, made_with, piece

AHEAD = 3  # chunks handed out for each thread of the cluster: the way there and back must not leave it idle
RETRIES = 5  # of one chunk, after workers were lost
WATCH_S = 5.0  # between looks whether there are workers
PATIENCE_S = 20  # to wait for the scheduler, and for a first worker


def cluster(spec: str, numbers: Sequence[int], address: str, say: Callable[[str], None]) -> Iterator[Piece]:
    """The chunks of these numbers by the workers of the scheduler at `address`, as they are done.

    Raises:
        InputError: Dask is not installed, no scheduler answers, no worker comes, workers with another fleetline.
    """
    distributed = dask()
    with _told(distributed, address), _client(distributed, address) as client:
        client.wait_for_workers(1, timeout=PATIENCE_S)
        say(f"{len(client.nthreads())} workers at {address}")
        with _watched(client, address, say):
            yield from _done(distributed, client, spec, numbers, address)


def _done(distributed: Any, client: Any, spec: str, numbers: Sequence[int], address: str) -> Iterator[Piece]:
    left = iter(numbers)
    in_work = distributed.as_completed(loop=client.loop)
    for _ in range(AHEAD * sum(client.nthreads().values())):
        _hand_out(client, in_work, spec, left)
    for future in in_work:
        done: Piece = future.result()
        _same(done, made_with(spec), address)
        future.release()
        _hand_out(client, in_work, spec, left)
        yield done


def _hand_out(client: Any, in_work: Any, spec: str, left: Iterator[int]) -> None:
    number = next(left, None)
    if number is not None:
        in_work.add(client.submit(piece, spec, number, pure=False, retries=RETRIES))


def _same(done: Piece, ours: str, address: str) -> None:
    """Rows of another version would not go together with ours."""
    if done.made_with != ours:
        said = f"scheduler {address}: a worker has {done.made_with}; here is {ours}"
        raise InputError(f"{said}; install the same on both", field="scheduler", got=done.made_with, allowed=ours)


def dask() -> Any:
    """Dask's library, which raises `InputError` where it is not installed."""
    try:
        import distributed  # noqa: PLC0415  (an extra: only who asks for a cluster needs it)
    except ImportError as error:
        raise missing_extra("scheduler", "cluster") from error
    return distributed


def _client(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=PATIENCE_S, set_as_default=False)
    except ValueError as error:  # what Dask says of an address that is none
        said = "an address such as tcp://10.0.0.1:8786"
        raise InputError(f"scheduler: got '{address}', allowed {said}", field="scheduler", got=address) from error


@contextmanager
def _watched(client: Any, address: str, say: Callable[[str], None]) -> Iterator[None]:
    """Tell when no worker is left: Dask waits for others to come, in silence."""
    over = threading.Event()

    def watch() -> None:
        alone = False
        while not over.wait(WATCH_S):
            with suppress(OSError):  # a scheduler that is gone is told by whoever waits for a chunk
                before, alone = alone, not client.nthreads()
                if alone and not before:
                    say(f"no worker is left at {address}; waiting for others (Ctrl-C stops, --resume goes on)")

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


@contextmanager
def _told(distributed: Any, address: str) -> Iterator[None]:
    """What goes wrong with a cluster, in one line, instead of the pages that Dask logs about it."""
    loggers = [logging.getLogger(name) for name in _LOUD]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    except distributed.client.FutureCancelledError as error:
        raise _lost(address, "the connection was lost") from error
    except (OSError, TimeoutError, distributed.KilledWorker) as error:
        raise _lost(address, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_LOUD = ("distributed", "distributed.client", "tornado.application", "asyncio")  # each with a level of its own


def _lost(address: str, said: str) -> InputError:
    words = f"scheduler {address}: {said}; finished chunks stay, --resume goes on"
    return InputError(words, field="scheduler", got=address)
