"""Who works on a question: a few processes for quick ones, fewer for costly ones, and a bounded line before each."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

from fleetline.webapp import work
from fleetline.webapp.limits import CACHE_BYTES, Limits
from fleetline.webapp.work import Answer, answer, error

_NICE = 10  # of costly processes: quick ones go first

Key = tuple[str, tuple[tuple[str, Any], ...]]
BUSY = error(503, "busy", "too much is being worked on; come back in a moment", field="request")


class Lane:
    """Processes, and the line before them."""

    def __init__(self, make: Callable[[], Executor], places: int) -> None:
        self._make = make
        self._executor: Executor | None = None
        self._free = places
        self._open = False

    async def ask(self, ask: Callable[..., Any], given: Mapping[str, Any], processor_s: float, seconds: float) -> Answer:
        """The answer, or that there is no place in the line or no time left."""
        if not self._free or not self._open:
            return BUSY
        loop = asyncio.get_running_loop()
        self._free -= 1
        try:
            future = self._running().submit(answer, ask, dict(given), processor_s)
        except BrokenProcessPool:
            self._free += 1
            self._end()
            return BUSY
        future.add_done_callback(lambda _: self._done(loop))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:  # the place is free when the work is done, or at once where it had not begun
            return BUSY
        except BrokenProcessPool:
            self._end()
            return BUSY

    def _done(self, loop: asyncio.AbstractEventLoop) -> None:
        """The place is free; told by another thread, maybe after the server has ended."""
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._free += 1

    def start(self, workers: int) -> None:
        """Start so many processes before the first question."""
        self._open = True
        for _ in range(workers):
            self._running().submit(_nothing)

    def _running(self) -> Executor:
        """The processes, started when they are first needed."""
        if self._executor is None:
            self._executor = self._make()
        return self._executor

    def close(self) -> None:
        """End the processes for good; whoever waits is told to come back."""
        self._open = False
        self._end()

    def _end(self) -> None:
        """End the processes; the next question starts others."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


class Lanes:
    """All that answers: what was answered already, what is being answered, and the two lanes."""

    def __init__(self, limits: Limits, make: Callable[[int, int], Executor]) -> None:
        """`make`: so many workers, of that niceness."""
        self.limits = limits
        self._quick = Lane(lambda: make(limits.workers, 0), limits.workers + limits.waiting)
        self._costly = Lane(lambda: make(limits.costly, _NICE), limits.costly + limits.costly_waiting)
        self._known: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0
        self._asked: dict[Key, asyncio.Task[Answer]] = {}

    async def ask(self, key: Key, ask: Callable[..., Any], given: Mapping[str, Any], *, costly: bool) -> Answer:
        """The answer: kept, in work for somebody else already, or worked out."""
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._answer(ask, given, costly=costly))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    async def _answer(self, ask: Callable[..., Any], given: Mapping[str, Any], *, costly: bool) -> Answer:
        """From the quick lane, unless the question is known to be costly or turns out to be."""
        limits = self.limits
        if not costly:
            found = await self._quick.ask(ask, given, limits.quick_s, limits.seconds)
            if found != work.too_costly(limits.quick_s):
                return found
        return await self._costly.ask(ask, given, limits.processor_s, limits.seconds)

    def _done(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._asked[key]
        if not task.cancelled() and task.exception() is None and task.result().status in _DETERMINISTIC:
            self._keep(key, task.result())

    def _keep(self, key: Key, answer: Answer) -> None:
        self._known[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > CACHE_BYTES:
            _, old = self._known.popitem(last=False)
            self._bytes -= len(old.body)

    def start(self) -> None:
        """Start the processes before the first question."""
        self._quick.start(self.limits.workers)
        self._costly.start(self.limits.costly)

    def close(self) -> None:
        """End the processes."""
        self._quick.close()
        self._costly.close()


_DETERMINISTIC = (200, 422)


def _nothing() -> None:
    """A first task, so that a process starts."""


def processes(warm: Callable[[], None]) -> Callable[[int, int], Executor]:
    """Worker processes that call `warm` before their first question."""
    return lambda workers, nice: _Processes(workers, nice, warm)


class _Processes(ProcessPoolExecutor):
    """Processes that end at once when they are to, whatever they work on."""

    def __init__(self, workers: int, nice: int, warm: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        life, self._end = context.Pipe(duplex=False)
        super().__init__(workers, mp_context=context, initializer=work.start, initargs=(nice, warm, life))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; what they were at is lost."""
        for process in list((self._processes or {}).values()):  # as `kill_workers` does from Python 3.14 on
            process.kill()
        self._end.close()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
