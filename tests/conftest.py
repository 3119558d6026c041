"""What every test shares: hypothesis draws the same examples on every run, and a copy of the catalog to break."""

from __future__ import annotations

import csv
import fcntl
import os
import pickle
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import SHIPPED
from hypothesis import settings

from fleetline.catalog.tables import DATA_VARIABLE

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from fleetline.study import Results

settings.register_profile("fleetline", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("fleetline")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test has an id of its own: of two with one, workers run one. Schemathesis puts addresses into names alone."""
    for item in items:
        label = getattr(item, "operation_label", None)
        if label and not item.nodeid.endswith("]"):
            item._id = item.id.parse(f"{item.nodeid}[{label}]")
    twice = [each for each, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"{len(twice)} ids of more than one test: {twice[:3]}")


class Tables:
    """A copy of the catalog's tables, with one change to make; lines are counted as an editor counts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, table: str) -> Path:
        return self.folder / f"{table}.csv"

    def read(self, table: str) -> list[list[str]]:
        with self.path(table).open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def write(self, table: str, lines: list[list[str]]) -> None:
        with self.path(table).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)

    def line_of(self, table: str, **cells: str) -> int:
        """The line of the first row that holds these cells; line 1 is the header."""
        header, *rows = self.read(table)
        for number, row in enumerate(rows, start=2):
            if all(row[header.index(column)] == cell for column, cell in cells.items()):
                return number
        raise AssertionError(f"{table} has no row of {cells}")

    def put(self, table: str, line: int, column: str, cell: str) -> None:
        """Overwrite one cell."""
        lines = self.read(table)
        lines[line - 1][lines[0].index(column)] = cell
        self.write(table, lines)

    def get(self, table: str, line: int, column: str) -> str:
        lines = self.read(table)
        return lines[line - 1][lines[0].index(column)]

    def repeat(self, table: str, line: int) -> int:
        """Write the row at `line` once more at the end; the line of the copy."""
        lines = self.read(table)
        lines.append(list(lines[line - 1]))
        self.write(table, lines)
        return len(lines)

    def drop_line(self, table: str, line: int) -> None:
        lines = self.read(table)
        del lines[line - 1]
        self.write(table, lines)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """A catalog of one's own to break: the shipped CSV tables in a new folder, which `load` now reads."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for path in SHIPPED.glob("*.csv"):
        shutil.copyfile(path, folder / path.name)
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    return Tables(folder)


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """The application in this process, its workers threads; what is asked is the same."""
    from concurrent.futures import ThreadPoolExecutor

    from starlette.testclient import TestClient

    from fleetline.cli.web import questions
    from fleetline.webapp.app import create_app

    app = create_app(questions(), make=lambda workers, _nice: ThreadPoolExecutor(workers))
    with TestClient(app) as found:
        yield found


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file into the test's own folder."""

    def to(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to


@dataclass(frozen=True)
class Reported:
    """What `fleetline report` writes, and the results it shows."""

    out: Path
    results: Results


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """One report for all workers, which takes half a minute: whoever comes first makes it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reported"
    place.mkdir(exist_ok=True)
    kept = place / "results.pickle"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_results_of_a_report(place / "out")))
    return Reported(place / "out", pickle.loads(kept.read_bytes()))  # noqa: S301  (our own)


def _results_of_a_report(out: Path) -> Results:
    from fleetline import study
    from fleetline.reporting.report import report

    found: list[Results] = []
    asked = study.study

    def studied(*given: Any, **options: Any) -> Results:
        found.append(asked(*given, **options))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "study", studied)
        report(out=out)
    return found[-1]
