"""Write docs/checks.md from a run of the slow checks: `make check-long`.

python tools/checks.py out/long.xml docs/checks.md
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PAGE = """# Slow checks

`make test` takes minutes, and holds what every change is checked by. What takes longer is here.

## `make check-long`

Written by it when all have passed; do not edit. {cases} cases in {minutes:.0f} minutes on {cores} cores, Python {python};
{skipped} skipped. Seconds are by the clock, with whatever else the machine did.

{table}

## Commands of their own

| command | what it does | last figures |
| --- | --- | --- |
{commands}
"""
COUNTED = {"requests", "commands"}  # what cases have measured adds up; of anything else the least and the most are told
COMMANDS = (
    ("make fuzz", "hostile inputs for every reader; the first step of `make check-long`", "[hardening.md](hardening.md)"),
    ("make bench", "how fast it is, beside a fused loop in C", "[speed.md](speed.md)"),
    ("make peers", "other predictors on the same measured rows", "[peers.md](peers.md)"),
    ("make weight", "what is installed, how heavy, under which licence", "[weight.md](weight.md)"),
    ("make mutants", "mutation testing of the physics", "[mutants.md](mutants.md)"),
    ("make audit", "the pinned requirements looked up in the advisories, where there is a network", "its own output"),
    ("make dist", "wheel and sdist, the same bytes wherever they are built", "the digests it prints"),
)


@dataclass
class Check:
    """One test function: its cases, what they took, what they measured."""

    name: str
    file: str
    cases: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.measured: dict[str, list[str]] = {}


def main(report: Path, page: Path) -> None:
    """The page of one run."""
    page.write_text(text(read(report.read_text(encoding="utf-8"))), encoding="utf-8")


def read(report: str) -> list[Check]:
    """The checks of a JUnit report, the slowest first.

    Raises:
        ValueError: one failed.
    """
    found: dict[tuple[str, str], Check] = {}
    for case in ElementTree.fromstring(report).iter("testcase"):  # noqa: S314  (our own file)
        if case.find("failure") is not None or case.find("error") is not None:
            raise ValueError(f"{case.get('name')} failed")
        file, name = _file(case), str(case.get("name")).partition("[")[0]
        check = found.setdefault((file, name), Check(name, file))
        check.cases += 1
        check.skipped += case.find("skipped") is not None
        check.seconds += float(case.get("time", 0.0))
        for each in case.iter("property"):
            check.measured.setdefault(str(each.get("name")), []).append(str(each.get("value")))
    return sorted(found.values(), key=lambda check: -check.seconds)


def _file(case: ElementTree.Element) -> str:
    """Where a case stands; of one that a library made of a schema, where the library was asked to."""
    file = case.get("file", "")
    return file if file.startswith("tests/") else str(case.get("classname")).replace(".", "/") + ".py"


def text(checks: Iterable[Check]) -> str:
    """The page."""
    every = list(checks)
    lines = ["| it holds that | cases | seconds | measured | in |", "| --- | ---: | ---: | --- | --- |"]
    for check in every:
        words = check.name.removeprefix("test_").replace("_", " ")
        measured = "; ".join(f"{name} {_of_all(name, values)}" for name, values in check.measured.items())
        lines.append(f"| {words} | {check.cases} | {check.seconds:.0f} | {measured} | `{check.file}` |")
    return PAGE.format(
        cases=sum(check.cases for check in every),
        minutes=sum(check.seconds for check in every) / 60.0,
        skipped=sum(check.skipped for check in every),
        cores=os.cpu_count(),
        python=platform.python_version(),
        table="\n".join(lines),
        commands="\n".join(f"| `{command}` | {what} | {where} |" for command, what, where in COMMANDS),
    )


def _of_all(name: str, values: list[str]) -> str:
    """What the cases of a check measured, in one figure or two."""
    if name in COUNTED:
        return f"{sum(map(int, values)):,}"
    least, most = min(values, key=float), max(values, key=float)
    return least if least == most else f"{least} to {most}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
