"""Whatever a command writes is whole or as it was: on a full disk, in a folder that takes no file, where it is killed."""

from __future__ import annotations

import ast
import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import published_rows as published
import pytest
from harness import ROOT
from published_configs import CONFIGS
from sweeping import SMALL, toml

import fleetline as fl
from fleetline import files
from fleetline.cli import main
from fleetline.errors import InputError

SOURCE = ROOT / "src" / "fleetline"
Command = Callable[[Path, Path], None]


def _run(*words: str) -> None:
    """A command as `main` runs it; raises its refusal as InputError."""
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    if stopped.value.code:
        raise InputError(str(stopped.value.code))


def _predict(folder: Path, target: Path) -> None:
    rows = published.write_csv(folder, published.benchmark())
    _run("predict", str(rows), "--preset", "article", "--out", str(target))


def _ledger(_: Path, target: Path) -> None:
    _run("ledger", "--draws", "10", "--out", str(target))


def _import_model(folder: Path, target: Path) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIGS["llama-3.1-405b"]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(target.parents[2]))
        _run("import-model", str(config), "--save", "--name", target.stem)


def _sweep(folder: Path, target: Path) -> None:
    grid = toml(folder / "grid.toml", SMALL | {"draws": 1})
    _run("sweep", str(grid), "--out", str(target.parent), "--workers", "1", "--resume")


def _report(_: Path, target: Path) -> None:
    _run("report", "article", "--draws", "20", "--out", str(target.parent))


WRITERS: dict[str, tuple[Command, str]] = {
    "predict": (_predict, "made/predictions.csv"),
    "import-model": (_import_model, "made/fleetline/models/mine.json"),
    "sweep": (_sweep, "made/manifest.json"),
}
_SLOW: dict[str, tuple[Command, str]] = {"ledger": (_ledger, "made/ledger.csv"), "report": (_report, "made/report.html")}
ALL = [*WRITERS, *(pytest.param(name, marks=pytest.mark.long) for name in _SLOW)]
WRITERS |= _SLOW


@pytest.fixture(params=ALL)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[], None], Path]:
    """A command that writes, and what it writes."""
    ask, name = WRITERS[request.param]
    given, target = tmp_path / "given", tmp_path / name
    given.mkdir()
    return lambda: ask(given, target), target


def standing(target: Path) -> dict[str, bytes]:
    """All that stands where a command writes, but for what a sweep that is begun keeps to go on with."""
    top = next(parent for parent in target.parents if parent.name == "made")
    found = (path for path in top.rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if path.name != "plan.json"}


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_takes_no_more_leaves_what_stood(
    command: tuple[Callable[[], None], Path], fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, target = command
    ask()
    before = standing(target)
    assert target.name in before
    if target.name == "manifest.json":  # a whole sweep is not done again
        target.unlink()
        (target.parent / "results.parquet").unlink()
        before = standing(target)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix == ".toml":
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise OSError(fault, "the disk says no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match="2"):
            ask()
    assert standing(target) == before
    ask()
    assert target.is_file()


def test_a_folder_that_takes_no_file_is_one_line(
    command: tuple[Callable[[], None], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask, _ = command
    (tmp_path / "made").write_text("a file, no folder")
    with pytest.raises(InputError, match="2"):
        ask()
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err.splitlines()[-1])["error"]["kind"] == "bad_input"
    assert (tmp_path / "made").read_text() == "a file, no folder"


KILLED = """
import os, signal, sys
from pathlib import Path
from fleetline import files

def half(path, content, write=Path.write_bytes):
    write(path, content[:3])
    os.kill(os.getpid(), int(sys.argv[2]))

Path.write_bytes = half
files.write(Path(sys.argv[1]), b"new content")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_leaves_what_stood(number: int, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    files.write(target, b"old content")
    done = subprocess.run([sys.executable, "-c", KILLED, str(target), str(int(number))], check=False)
    assert done.returncode == -number
    assert target.read_bytes() == b"old content"
    left = [path for path in tmp_path.iterdir() if path != target]
    assert left == list(tmp_path.glob(files.LEFT))  # which is why a name that begins with a dot may stay


def test_a_sweep_that_goes_on_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".results.parquet.17.fleetline-tmp").write_bytes(b"half")
    fl.sweep(SMALL | {"draws": 1}, out)
    assert not list(out.glob(".*"))


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt), files.replacing(target) as new:
        new.write_bytes(b"half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", ".", "/", "/dev/null", "a\0b", "x" * 300])
def test_a_name_that_no_file_can_have_is_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^out: cannot write to ") as refused:
        files.write_out(Path(name), b"x")
    assert refused.value.field == "out"
    assert not list(tmp_path.iterdir())


# --- nothing else writes, and nothing runs what it reads ----------------------------------------------------------------

# where files are written by other names than those of `files`: into folders of their own that are removed or moved whole
_MAY_WRITE = {"files.py", "reporting/files.py", "questions/updates.py", "calibration/pooled.py", "cli/main.py"}
_WRITES = {"write_bytes", "write_text", "savez", "savez_compressed", "save", "to_csv", "to_parquet", "dump", "tofile"}
_RUNS = {"eval", "exec", "compile", "__import__"}
_RUNNING = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "code", "runpy"}


def calls() -> list[tuple[str, str, ast.Call]]:
    """Every call in the package: the file, the last name of what is called, the call."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found.append((path.relative_to(SOURCE).as_posix(), name, node))
    return found


def test_files_are_written_in_one_place() -> None:
    def writes(name: str, call: ast.Call) -> bool:
        modes = [
            each.value for each in [*call.args, *(key.value for key in call.keywords)] if isinstance(each, ast.Constant)
        ]
        opened = name == "open" and any(
            isinstance(mode, str) and mode[:1] in set("wax") and len(mode) <= 3 for mode in modes
        )
        return opened or name in _WRITES

    assert {file for file, name, call in calls() if writes(name, call)} <= _MAY_WRITE


def test_nothing_of_a_file_is_run() -> None:
    plain = [(file, name) for file, name, call in calls() if name in _RUNS and isinstance(call.func, ast.Name)]
    assert not plain
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {name.partition(".")[0] for name in names} & _RUNNING, path


def test_arrays_are_read_without_pickles() -> None:
    loads = [
        (file, call)
        for file, name, call in calls()
        if name == "load" and ast.unparse(call.func) in {"np.load", "numpy.load"}
    ]
    assert loads
    for _, call in loads:
        assert any(key.arg == "allow_pickle" and ast.unparse(key.value) == "False" for key in call.keywords)
