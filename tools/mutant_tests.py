"""How a mutant is tested: the pytest plugin that tools/mutants.py gives to mutmut.

The quickest tests of those that reach the mutated function go first, until SECONDS of them have been run. Times are
processor time, so that they mean the same on a busy machine.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest
from hypothesis import settings

from fleetline.catalog import load

SECONDS = 4.0  # of tests for each mutant, as they take without one
EXAMPLES = 5  # of each property that does not say how many it needs
PATIENCE, SLOWER = 2.0, 10.0  # a test that takes so many seconds, and so many times what it did, is stuck
MEMORY = 8 * 2**30  # of address space [byte]
STUCK = 36  # what mutmut calls a timeout

_TIMES = Path("../test_times.json")
_taken: dict[str, float] = json.loads(_TIMES.read_text()) if _TIMES.exists() else {}


def pytest_configure() -> None:
    """What is not mutated is made once, before mutants are forked."""
    settings.register_profile("mutants", derandomize=True, deadline=None, max_examples=EXAMPLES, database=None)
    load()


def _mutant() -> bool:
    return "__mutmut_" in os.environ.get("MUTANT_UNDER_TEST", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quickest first, and no more than there is time for; all of them when they are timed."""
    settings.load_profile("mutants")  # after the one of tests/conftest.py
    items.sort(key=lambda item: _taken.get(item.nodeid, 0.0))
    if _mutant():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if _mutant() or not os.environ.get("MUTANT_UNDER_TEST"):
        spent, kept = 0.0, list[pytest.Item]()
        for item in items:
            spent += _taken.get(item.nodeid, 0.0)
            if spent <= SECONDS or not kept:
                kept.append(item)
        items[:] = kept


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A mutant that never ends is killed; without one, times are taken."""
    start = process_time()
    if _mutant():
        signal.signal(signal.SIGPROF, lambda *_: os._exit(STUCK))
        signal.setitimer(signal.ITIMER_PROF, PATIENCE + SLOWER * _taken.get(item.nodeid, 0.0))
    yield
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        _taken[item.nodeid] = process_time() - start


def pytest_sessionfinish() -> None:
    """Keep the times for the mutants."""
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        _TIMES.write_text(json.dumps(_taken, indent=1))
