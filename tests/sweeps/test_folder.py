"""What stands in a sweep's folder, whatever interrupts it: whole chunks, or nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import PRINT_PEAK
from sweeping import GRID, SMALL, content, rows, toml

from fleetline.errors import InputError
from fleetline.sweeps import pieces
from fleetline.sweeps import sweep as module
from fleetline.sweeps.sweep import Progress, sweep

# Three chunks: enough to stop between them.
THREE = SMALL | {"batch": {"from": 1, "to": 4096, "points": 400}, "draws": 100}


class Stopped(Exception):  # noqa: N818
    pass


def stop_after(chunks: int) -> Any:
    def progress(now: Progress) -> None:
        if now.chunks_done == chunks:
            raise Stopped

    return progress


def interrupted(out: Path, grid: dict[str, Any] = THREE, chunks: int = 1) -> list[Path]:
    with pytest.raises(Stopped):
        sweep(grid, out, progress=stop_after(chunks))
    return sorted((out / "chunks").iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    out = tmp_path_factory.mktemp("sweeps") / "whole"
    sweep(THREE, out)
    return content(out)


def test_the_manifest_says_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = sweep(SMALL, out, keep_draws=True).manifest
    assert manifest == json.loads((out / "manifest.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == [
        "draws.parquet",
        "manifest.json",
        "results.parquet",
        "timing.json",
    ]
    for name, said in manifest["files"].items():
        bytes_of = (out / name).read_bytes()
        assert said["bytes"] == len(bytes_of)
        assert said["sha256"] == hashlib.sha256(bytes_of).hexdigest()
        assert said["rows"] == len(rows(out, table=name.removesuffix(".parquet")))
    found = rows(out)
    assert manifest["rows"] == len(found) == 12
    assert manifest["points"] == 240
    assert manifest["columns"] == list(found[0])
    assert manifest["grid"]["axes"]["models"] == sorted(SMALL["models"])
    in_none = sum(row["feasible"] == 0 for row in found)
    assert manifest["feasible"] == {"in_all_draws": 12 - in_none, "in_some": 0, "in_none": in_none}
    assert manifest["reasons"] == {"memory: weights, cache and activations do not fit": in_none}
    assert {"fleetline", "numpy", "duckdb", "code", "tables"} <= {
        part.split()[0] for part in manifest["made_with"].split(", ")
    }


def test_resumed_is_the_same(tmp_path: Path, whole: list[bytes]) -> None:
    out = tmp_path / "out"
    assert len(interrupted(out)) == 1
    said: list[str] = []
    seen: list[Progress] = []
    sweep(THREE, out, resume=True, say=said.append, progress=seen.append)
    assert content(out) == whole
    assert said[0] == "1 of 3 chunks are done already"
    assert [now.chunks_done for now in seen] == [2, 3]
    assert seen[-1].points_done == seen[-1].points == 2 * 2 * 400 * 100


def test_nothing_is_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[bytes]) -> None:
    sweep(THREE, tmp_path / "out")
    monkeypatch.setattr(module, "_run", None)
    assert sweep(THREE, tmp_path / "out", resume=True).manifest["rows"] == 1600
    assert content(tmp_path / "out") == whole


def test_a_chunk_that_is_not_whole_is_done_again(tmp_path: Path, whole: list[bytes]) -> None:
    out = tmp_path / "out"
    first, second = interrupted(out, chunks=2)
    first.write_bytes(first.read_bytes()[:-1])  # torn
    (out / "chunks" / ".00000002-0123456789abcdef.parquet.tmp").write_bytes(b"PAR1")  # begun
    (out / "chunks" / "00000002-0123456789abcdef.parquet").write_bytes(second.read_bytes())  # another one's
    said: list[str] = []
    sweep(THREE, out, resume=True, say=said.append)
    assert said[0] == "1 of 3 chunks are done already"
    assert content(out) == whole


def test_a_folder_with_a_sweep_is_not_swept_over(tmp_path: Path) -> None:
    interrupted(tmp_path / "half")
    sweep(SMALL, tmp_path / "done")
    for out, grid in ((tmp_path / "half", THREE), (tmp_path / "done", SMALL)):
        with pytest.raises(InputError, match="holds a sweep already; --resume goes on"):
            sweep(grid, out)


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        ({"draws": 99}, "draws"),
        ({"batch": [1]}, "batch"),
        ({"rates": "ttft_s"}, "rates"),
        ({"seed": 8, "speed": 3}, "seed, speed"),
    ],
)
@pytest.mark.parametrize("done", [False, True])
def test_another_grid_is_not_resumed(change: dict[str, Any], differ: str, done: bool, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if done:
        sweep(THREE | {"draws": 2}, out)
    else:
        interrupted(out)
    before = sorted(path.name for path in out.rglob("*"))
    with pytest.raises(InputError, match=f"another grid .*{differ}.* differ") as refused:
        sweep(THREE | change | ({"draws": 2} if done and "draws" not in change else {}), out, resume=True)
    assert refused.value.field == "resume"
    assert sorted(path.name for path in out.rglob("*")) == before


@pytest.mark.parametrize(
    ("key", "value", "said"), [("format", 0, "its format is 0"), ("made_with", "fleetline 0.0.1", "0.0.1")]
)
def test_other_schemas_and_versions_are_not_mixed(key: str, value: object, said: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    interrupted(out)
    plan = out / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {key: value}))
    with pytest.raises(InputError, match=said) as refused:
        sweep(THREE, out, resume=True)
    assert refused.value.field == "resume"


def test_another_ones_results_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results.parquet").write_bytes(b"mine")
    with pytest.raises(InputError, match="not a sweep's"):
        sweep(SMALL, tmp_path)
    assert (tmp_path / "results.parquet").read_bytes() == b"mine"


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_one_line(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refused:
        sweep(SMALL, tmp_path / where)
    assert refused.value.field == "out"
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_fills_up_is_one_line_and_chunks_stay(
    fault: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: list[bytes]
) -> None:
    out, write = tmp_path / "out", Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".00000001"):
            write(path, data[:100])
            raise OSError(fault, "the disk says no", str(path))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match="the disk says no; finished chunks stay, --resume goes on"):
            sweep(THREE, out)
    (kept,) = (out / "chunks").iterdir()
    assert kept.name.startswith("00000000-")
    sweep(THREE, out, resume=True)
    assert content(out) == whole


LIMITED = """
import resource, signal, sys
from fleetline.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
main(["sweep", *sys.argv[2:], "--workers", "1"])
"""


def test_a_system_that_lets_no_file_grow(tmp_path: Path) -> None:
    """The kernel's own refusal: chunks of 150 KB can be written, the joined file of 1.5 MB cannot."""
    grid, out = toml(tmp_path / "grid.toml", GRID), tmp_path / "out"

    def limited(size: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", LIMITED, str(size), str(grid), "--out", str(out)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    found = limited(500_000)
    assert (found.returncode, found.stdout) == (2, "")
    last = json.loads(found.stderr.splitlines()[-1])["error"]
    assert "File too large" in last["message"]
    assert len(list((out / "chunks").iterdir())) == 15
    assert not list(out.glob("*results*")) and not list(out.glob(".*"))
    sweep(GRID, out, resume=True)
    assert len(rows(out)) == 9600


def test_chunks_do_not_depend_on_the_blocks_they_are_computed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a control: rows computed in blocks of another size are the same to the last digits
    from fleetline.sweeps import rows as module_of_rows

    sweep(SMALL, tmp_path / "one")
    monkeypatch.setattr(module_of_rows, "BLOCK", 50)
    sweep(SMALL, tmp_path / "two")
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        for name, value in one.items():
            assert two[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def test_the_bytes_follow_from_the_seed(tmp_path: Path) -> None:
    sweep(SMALL, tmp_path / "one")
    sweep(SMALL | {"seed": 8}, tmp_path / "two")
    assert rows(tmp_path / "one", "model, batch") == rows(tmp_path / "two", "model, batch")
    assert content(tmp_path / "one")[0] != content(tmp_path / "two")[0]


def test_what_a_chunk_is_made_with_knows_the_files_a_grid_names(tmp_path: Path) -> None:
    from fleetline.catalog.system_file import EXAMPLE
    from fleetline.sweeps.grid import read

    path = tmp_path / "rack.toml"
    path.write_text(EXAMPLE)
    before = pieces.made_with(read({"models": ["kimi-k2.6"], "systems": [str(path)]}).spec)
    path.write_text(EXAMPLE.replace("16 ", "8 "))
    pieces.made_with.cache_clear()
    after = pieces.made_with(read({"models": ["kimi-k2.6"], "systems": [str(path)]}).spec)
    assert before != after


MEASURED = f"""
import json, sys
from fleetline.sweeps.sweep import sweep
sweep(json.loads(sys.argv[1]), sys.argv[2])
{PRINT_PEAK}"""


@pytest.mark.long
def test_memory_does_not_grow_with_points(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    def largest(batches: int, draws: int) -> int:
        given = GRID | {"batch": {"from": 1, "to": 4096, "points": batches}, "draws": draws}
        command = [sys.executable, "-c", MEASURED, json.dumps(given), str(tmp_path / f"{batches}-{draws}")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    # what one chunk holds is reached by the first: 19, 58 and 58 million points
    few, rows_too, draws_too = largest(4000, 100), largest(12_000, 100), largest(4000, 300)
    record_property("megabytes", round(max(few, rows_too, draws_too) / 1e6))
    assert few < 600e6
    assert max(rows_too, draws_too) < few + 100e6


def test_a_chunk_that_is_missing_is_noticed_before_the_joining(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def lose(now: Progress) -> None:
        if now.chunks_done == 3:
            next((out / "chunks").glob("00000001-*")).unlink()

    with pytest.raises(InputError, match="1 chunks are missing; --resume does them"):
        sweep(THREE, out, progress=lose)
    assert not (out / "results.parquet").exists()
