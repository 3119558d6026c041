"""Chunks done on this machine: in this process, or by a pool of others.

A process that dies (killed, out of memory) takes the chunks in its pool's hands with it; they are asked for again, a few
times. A pool whose owner dies ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from fleetline.errors import InputError
from fleetline.sweeps.pieces import Piece, piece

AHEAD = 2  # chunks handed out for each worker: one in work, one waiting
DEATHS = 3  # of workers, one after the other without a chunk done between, that are put up with
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FLEETLINE_THREADS")


def alone(spec: str, numbers: Sequence[int]) -> Iterator[Piece]:
    """The chunks of these numbers, by this process, in order."""
    return (piece(spec, number) for number in numbers)


def pool(spec: str, numbers: Sequence[int], workers: int, say: Callable[[str], None]) -> Iterator[Piece]:
    """The chunks of these numbers by so many processes, as they are done.

    Args:
        say: is told when a worker died.

    Raises:
        InputError: workers die one after the other.
    """
    left, deaths = list(reversed(numbers)), 0
    while left:
        with _executor(workers) as executor:
            in_work: dict[Future[Piece], int] = {}
            try:
                while left or in_work:
                    while left and len(in_work) < AHEAD * workers:
                        in_work[executor.submit(piece, spec, left[-1])] = left[-1]
                        left.pop()  # not before it is handed out: a pool that broke takes nothing
                    for future in wait(in_work, return_when=FIRST_COMPLETED).done:
                        done = future.result()
                        del in_work[future]
                        deaths = 0
                        yield done
            except BrokenProcessPool:
                deaths += 1
                left.extend(sorted(in_work.values(), reverse=True))
                _refuse_more(deaths, len(left))
                say(f"a worker died (killed, or out of memory?); {len(in_work)} chunks in work are asked for again")
            except BaseException:
                executor.shutdown(wait=True, cancel_futures=True)
                raise


def _refuse_more(deaths: int, left: int) -> None:
    if deaths >= DEATHS:
        said = f"workers: died {deaths} times in a row with {left} chunks left; try fewer, --resume goes on"
        raise InputError(f"{said} (a script that sweeps needs `if __name__ == '__main__':`)", field="workers")


def _executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """A worker computes on one core, leaves Ctrl-C to its owner and ends with it."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    owner = multiprocessing.parent_process()
    if owner is not None:
        threading.Thread(target=_end_with, args=(owner,), daemon=True).start()


def _end_with(owner: multiprocessing.process.BaseProcess) -> None:
    owner.join()
    os._exit(1)
