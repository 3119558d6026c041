"""The folder of a sweep: which chunks are done, written whole or not at all, and what they become.

    plan.json                 what is being done: the grid, and what its chunks are made with
    chunks/00000042-HASH.parquet    a chunk, named by its number and the hash of its bytes; draws-... its raw draws
    results.parquet, draws.parquet, manifest.json, timing.json    when all are done, instead of the above

Nothing in the first three of the last line depends on when, where or by how many workers it was made.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetline import files
from fleetline.errors import InputError, read_text
from fleetline.sweeps import parquet
from fleetline.sweeps.grid import Grid
from fleetline.sweeps.pieces import Piece, chunks_of
from fleetline.sweeps.rows import REFUSED

FORMAT = 1  # of the folder and its columns
RESULTS, DRAWS, MANIFEST, TIMING = "results.parquet", "draws.parquet", "manifest.json", "timing.json"
_PLAN, _CHUNKS = "plan.json", "chunks"
_MOST_FAILURES = 1000  # that a manifest lists


@dataclass(frozen=True)
class Folder:
    """The folder of one grid's sweep. `plan`: what its plan.json says."""

    path: Path
    grid: Grid
    plan: Mapping[str, Any]

    @property
    def complete(self) -> bool:
        """Whether the results are there."""
        return (self.path / MANIFEST).is_file()

    def manifest(self) -> dict[str, Any]:
        """What a whole sweep says of itself."""
        return _json(self.path / MANIFEST)

    def done(self) -> frozenset[int]:
        """Numbers of the chunks that are whole; what is left of others is removed."""
        found: dict[str, set[int]] = {"": set(), "draws-": set()}
        with _told(self.path):
            for path in sorted((self.path / _CHUNKS).iterdir()):
                kind, number = _whole(path)
                if number is None or kind not in found:
                    path.unlink()
                else:
                    found[kind].add(number)
        return frozenset(found[""] & found["draws-"] if self.grid.keep_draws else found[""])

    def keep(self, piece: Piece) -> None:
        """Write a chunk, whole or not at all.

        Raises:
            InputError: the disk is full, or the folder cannot be written; chunks that were kept before stay.
        """
        for kind, content in (("draws-", piece.draws), ("", piece.rows)):
            if content:
                name = f"{kind}{piece.number:08d}-{_hash(content)}.parquet"
                with _told(self.path):
                    files.write(self.path / _CHUNKS / name, content)

    def finish(self) -> dict[str, Any]:
        """Join the chunks, say in the manifest what they are, and remove them.

        Raises:
            InputError: the disk is full, or the folder cannot be written; the chunks stay.
        """
        missing = sorted({*range(self.plan["chunks"])} - self.done())
        if missing:
            raise InputError(
                f"{self.path}: {len(missing)} chunks are missing; --resume does them", field="out", got=missing[0]
            )
        joined = {RESULTS: self._join(RESULTS, "")}
        if self.grid.keep_draws:
            joined[DRAWS] = self._join(DRAWS, "draws-")
        said = _manifest(self, joined)
        with _told(self.path):
            files.write(self.path / MANIFEST, _text(said))
            self.tidy()
        return self.manifest()

    def _join(self, name: str, kind: str) -> Path:
        parts = sorted((self.path / _CHUNKS).glob(f"{kind}[0-9]*.parquet"))
        with _told(self.path), files.replacing(self.path / name) as unfinished:
            parquet.join(parts, unfinished)
        return self.path / name

    def tidy(self) -> None:
        """Remove what a whole sweep needs no longer."""
        shutil.rmtree(self.path / _CHUNKS, ignore_errors=True)
        (self.path / _PLAN).unlink(missing_ok=True)

    def note(self, timing: Mapping[str, Any]) -> None:
        """Write down how long it took: no part of the results, which are the same whenever they are made."""
        with _told(self.path):
            files.write(self.path / TIMING, _text(timing))


def opened(out: str | Path, grid: Grid, made_with: str, *, resume: bool) -> Folder:
    """The folder to sweep into: a new one, or one to go on with.

    Raises:
        InputError: it cannot be written, it holds a sweep and `resume` is not said, or the sweep is another one's.
    """
    path = Path(out)
    plan = {"format": FORMAT, "grid": json.loads(grid.spec), "made_with": made_with, "chunks": chunks_of(grid)}
    folder = Folder(path, grid, plan)
    with _told(path):
        path.mkdir(parents=True, exist_ok=True)
        before = next((path / name for name in (MANIFEST, _PLAN) if (path / name).is_file()), None)
        if before is None and (path / RESULTS).exists():
            raise InputError(f"{path}: has a {RESULTS} that is not a sweep's; choose another folder", field="out")
        if before is not None:
            _same(path, _json(before), plan, resume=resume)
        if not folder.complete:
            (path / _CHUNKS).mkdir(exist_ok=True)
            files.write(path / _PLAN, _text(plan))
            for left in path.glob(files.LEFT):
                left.unlink()
    return folder


def _same(path: Path, before: Mapping[str, Any], plan: Mapping[str, Any], *, resume: bool) -> None:
    if not resume:
        raise InputError(f"{path}: holds a sweep already; --resume goes on with it", field="out", got=str(path))
    if before.get("format") != plan["format"]:
        said = f"its format is {before.get('format')}, this fleetline writes {plan['format']}"
        raise InputError(f"{path}: {said}; choose another folder", field="resume")
    if before["grid"] != plan["grid"]:
        old, new = (dict(_lines(grid)) for grid in (before["grid"], plan["grid"]))
        other = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        said = f"holds the sweep of another grid ({', '.join(other)} differ)"
        raise InputError(f"{path}: {said}; resume with its own, or choose another folder", field="resume", got=other)
    if before["made_with"] != plan["made_with"]:
        said = f"was made with {before['made_with']}; this is {plan['made_with']}"
        raise InputError(f"{path}: {said}; the rows would not go together, choose another folder", field="resume")


def _lines(grid: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A grid's settings and axes beside each other."""
    for key, value in grid.items():
        yield from value.items() if key == "axes" and isinstance(value, dict) else [(key, value)]


def _manifest(folder: Folder, made: Mapping[str, Path]) -> dict[str, Any]:
    results = made[RESULTS]
    sums = "count(*), count(*) FILTER (feasible = 1), count(*) FILTER (feasible > 0 AND feasible < 1)"
    ((rows, always, sometimes),) = parquet.asked(results, f"SELECT {sums} FROM results")
    reasons = parquet.asked(results, "SELECT reason, count(*) FROM results WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1")
    columns = parquet.asked(results, "SELECT column_name FROM (DESCRIBE results)")
    failed = parquet.asked(
        results,
        "SELECT reason, model, system, count(*) FROM results "
        f"WHERE starts_with(reason, '{REFUSED}: ') GROUP BY ALL ORDER BY ALL LIMIT {_MOST_FAILURES}",
    )
    grid = json.dumps(folder.plan["grid"], sort_keys=True).encode()
    return {
        **folder.plan,
        "grid_sha256": hashlib.sha256(grid).hexdigest(),
        "rows": rows,
        "points": folder.grid.points,
        "feasible": {"in_all_draws": always, "in_some": sometimes, "in_none": rows - always - sometimes},
        "reasons": {reason: count for reason, count in reasons if not reason.startswith(f"{REFUSED}: ")},
        "failures": [
            {"reason": reason.partition(": ")[2], "model": model, "system": system, "rows": count}
            for reason, model, system, count in failed
        ],
        "columns": [name for (name,) in columns],
        "files": {
            name: {"bytes": path.stat().st_size, "rows": parquet.rows_of(path), "sha256": _digest(path)}
            for name, path in made.items()
        },
    }


def _whole(path: Path) -> tuple[str, int | None]:
    """Kind and number of a chunk's file; no number where it is not a whole one."""
    kind, stem = ("draws-", path.stem.removeprefix("draws-")) if path.name.startswith("draws-") else ("", path.stem)
    number, _, digest = stem.partition("-")
    if path.suffix != ".parquet" or not number.isdecimal() or _hash(path.read_bytes()) != digest:
        return kind, None
    return kind, int(number)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _json(path: Path) -> dict[str, Any]:
    """What a plan or a manifest says.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    try:
        found = json.loads(read_text(path, "sweep"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]})", field="out", got=str(path)) from error
    needed = _PLANNED if path.name == _PLAN else _SAID
    if not isinstance(found, dict) or not needed <= found.keys() or not isinstance(found["grid"], dict):
        raise InputError(f"{path}: is not what a sweep writes; choose another folder", field="out", got=str(path))
    return found


_PLANNED = frozenset({"format", "grid", "made_with", "chunks"})
_SAID = _PLANNED | {"rows", "points", "feasible", "reasons", "failures", "columns", "files"}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the file system refuses, in one line."""
    try:
        yield
    except OSError as error:
        said = f"{error.filename or path}: {error.strerror or error}; finished chunks stay, --resume goes on"
        raise InputError(said, field="out", got=str(path)) from error
