"""Hostile inputs by the ten thousand for every reader; writes what came of them into docs/hardening.md.

python tools/fuzz.py docs/hardening.md          # every reader, each in a process of its own; ends with 1 at a fault
python tools/fuzz.py --one READER [INPUTS]      # one reader, its figures as JSON
"""

from __future__ import annotations

import faulthandler
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hostile import family
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from readers import READERS, Reader, outcome, rounds

MOST_MEMORY = 512 * 2**20  # byte: that inputs may take over what is loaded before the first
MOST_SECONDS = 10.0  # of processor time for one input
MOST_SHOWN = 4_000  # letters of an input that fails; while Hypothesis makes it smaller, the last one told is the smallest
HANG_S = 300  # of wall time for one input, after which its process ends with a traceback


@dataclass(frozen=True)
class Figures:
    """What came of a reader's inputs; memory in byte, times of the processor in seconds."""

    inputs: int
    answered: int
    refused: int
    infeasible: int
    seconds: float
    slowest_s: float
    memory: int


class Watch:
    """Counts outcomes, and the time of the slowest."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.folder = reader, folder
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0

    def __call__(self, given: Any) -> None:
        """One input."""
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        begun = time.process_time()
        try:
            found = outcome(self.reader, given, self.folder)
        except BaseException:
            print(f"input: {given!r}"[:MOST_SHOWN], file=sys.stderr, flush=True)  # noqa: T201
            raise
        took = time.process_time() - begun
        faulthandler.cancel_dump_traceback_later()
        self.counts[found] += 1
        self.slowest = max(self.slowest, took)
        assert took < MOST_SECONDS, f"took {took:.1f} s"  # noqa: S101  (Hypothesis shrinks and tells what fails)


def fuzzed(name: str, inputs: int | None = None) -> Figures:
    """Ask a reader all its inputs, in this process.

    Raises:
        AssertionError, or whatever the reader raised: a fault, with the smallest input found for it.
    """
    reader = READERS[name]
    with tempfile.TemporaryDirectory(prefix="fleetline-fuzz-") as place:
        watch = Watch(reader, Path(place))
        _drawn(reader, watch, 20, 0)  # loads what is loaded once a process
        before = _resident()
        watch.counts.clear()
        watch.slowest = 0.0
        warnings.simplefilter("error")
        begun = time.process_time()
        for number, size in enumerate([inputs] if inputs else rounds(reader), start=1):
            _drawn(reader, watch, size, number)
        seconds, memory = time.process_time() - begun, _resident() - before
    assert memory < MOST_MEMORY, f"{memory} byte over what was loaded"  # noqa: S101
    return Figures(
        inputs=watch.counts.total(),
        answered=watch.counts["answered"],
        refused=watch.counts["refused"],
        infeasible=watch.counts["infeasible"],
        seconds=seconds,
        slowest_s=watch.slowest,
        memory=memory,
    )


def _drawn(reader: Reader, watch: Watch, inputs: int, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=-(-inputs // (1 + reader.variants)),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.inputs, st.integers(0, 2**32))
    def every(given: Any, chance: int) -> None:
        for each in family(given, chance, reader.variants):
            watch(each)

    every()


def _resident() -> int:
    """The most memory this process has had [byte]."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def one(name: str, inputs: int | None = None) -> Figures:
    """The same in a process of its own, whose memory is its own and which may be ended.

    Raises:
        RuntimeError: a fault, or a process that ended in another way; with what it said.
    """
    command = [sys.executable, __file__, "--one", name, *([] if inputs is None else [str(inputs)])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{name}: exit {done.returncode}\n{done.stderr[-20_000:]}")
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def main(arguments: list[str]) -> int:
    """Fuzz one reader, or all and write the page."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(asdict(fuzzed(arguments[1], int(arguments[2]) if arguments[2:] else None))))  # noqa: T201
        return 0
    found: dict[str, Figures] = {}
    faults = 0
    for name in arguments[1:] or READERS:
        try:
            found[name] = one(name)
            print(f"{name}: {found[name]}", file=sys.stderr, flush=True)  # noqa: T201
        except RuntimeError as fault:
            faults += 1
            print(fault, file=sys.stderr, flush=True)  # noqa: T201
    if faults:
        print(f"{faults} readers have faults; the page is left as it is", file=sys.stderr)  # noqa: T201
        return 1
    if not arguments[1:]:
        write(Path(arguments[0]), found)
    return 0


MARKS = re.compile(r"(?<=<!-- fuzz: make fuzz -->\n).*(?=<!-- /fuzz -->)", re.DOTALL)


def write(page: Path, found: Mapping[str, Figures]) -> None:
    """Put the table of figures into the page, between its marks.

    Raises:
        ValueError: the page has no marks, or two pairs of them.
    """
    filled, times = MARKS.subn(lambda _: table(found), page.read_text(encoding="utf-8"))
    if times != 1:
        raise ValueError(f"{page}: {times} places for the table, expected one")
    page.write_text(filled, encoding="utf-8")


def table(found: Mapping[str, Figures]) -> str:
    """What came of every reader's inputs, and of all of them, as Markdown."""
    every = found.values()
    sums = {name: sum(getattr(each, name) for each in every) for name in ("inputs", "answered", "refused", "infeasible")}
    most = {name: max(getattr(each, name) for each in every) for name in ("slowest_s", "memory")}
    whole = Figures(**sums, seconds=sum(each.seconds for each in every), **most)
    rows = [(READERS[name].about, figures) for name, figures in found.items()]
    lines = [
        f"| {about} | {each.inputs:,} | {each.answered:,} | {each.refused:,} | {each.infeasible:,} | {each.seconds:.0f} "
        f"| {1e3 * each.slowest_s:,.0f} | {each.memory / 2**20:,.0f} |\n"
        for about, each in [*rows, ("all, and the most of any", whole)]
    ]
    return HEAD.format(python=platform.python_version()) + "".join(lines)


HEAD = """No fault in the last run, by Python {python}:

| reader | inputs | answered | refused | infeasible | seconds | slowest, ms | memory, MB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
