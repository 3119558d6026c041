"""Installed without the repository: wheel and sdist in environments of their own, every command in a folder of its own."""

from __future__ import annotations

import csv
import http.client
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fence import BROKEN, fenced, told
from packages import ROOT, Built, build, pins
from published_configs import CONFIGS
from sweep_scale import dask
from sweeping import content, toml
from typer.main import get_command

import fleetline
from fleetline.cli import app

COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group: it has several
GRID = {"models": ["gpt-oss-120b"], "systems": ["b200", "h200"], "batch": [1, 64], "draws": 4}
# A small question to each command, and a key of its answer; the files are those of `workplace`.
ASKED = [
    ("accuracy", "held_out"),
    ("agents --model kimi-k3 --draws 20", "scenario"),
    ("assumptions today --guesses", "lines"),
    ("backtest --draws 20", "day"),
    ("calibrate runs.csv --draws 20", "bandwidth_efficiency"),
    ("compare article today --draws 20", "first"),
    ("compare-article", "numbers"),
    ("crunch --draws 20", "workloads"),
    ("demand --draws 20", "proxies"),
    ("energy --draws 20", "scenario"),
    ("frontier kimi-k2.6 b200 --workload 8000:1000 --points 3", "points"),
    ("import-model config.json --save --name of-my-own", "kv_elements_per_token"),
    ("ledger today --draws 20 --out forecasts.csv", "entries"),
    ("market --draws 20", "now"),
    ("measured --where model=kimik2.5", "best"),
    ("models kimi-k2.6", "facts"),
    ("plan kimi-k2.6 --workload 8000:1000 --users 100 --systems b200", "options"),
    ("predict runs.csv --out predictions.csv", "answered"),
    ("query swept 'select model, count(*) n from results group by model'", "rows"),
    ("report --draws 20 --out report", "files"),
    ("score", "entries"),
    ("sensitivity --points 8", "passes"),
    ("sources", "sources"),
    ("supply --draws 20", "workloads"),
    ("sweep grid.toml --out again --workers 2", "reasons"),
    ("systems gb200-nvl72", "facts"),
    ("throughput config.json b200 --workload 8000:1000", "throughput_tok_s"),
    ("throughput kimi-k2.6 rack.toml --workload 8000:1000", "throughput_tok_s"),
    ("update", "steps"),
    ("validate runs.csv", "groups"),
]
BY_EXTRA = [("web", "web"), ("sweep grid.toml --out none --scheduler tcp://127.0.0.1:1", "cluster")]
WRITTEN = {
    "predict": ["predictions.csv"],
    "report": ["report/report.html", "report/results.json", "report/figures", "report/tables"],
    "sweep": ["again/results.parquet", "again/manifest.json"],
    "ledger": ["forecasts.csv"],
}


def test_every_command_is_asked() -> None:
    asked = {line.split(maxsplit=1)[0] for line, _ in [*ASKED, *BY_EXTRA]}
    assert asked == COMMANDS, "ASKED holds a small question to each command"


@dataclass(frozen=True)
class Installed:
    """An environment that has fleetline, a home without files, and the fence."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        return next((self.folder / "lib").glob("python*/site-packages"))

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of whoever runs the tests, but where programs are."""
        return {"PATH": f"{self.python.parent}{os.pathsep}{os.defpath}", "HOME": str(self.folder / "home")}

    def run(self, line: str, folder: Path, code: int = 0) -> str:
        """What a command prints: its answer, or its refusal."""
        command = [str(self.python.parent / "fleetline"), *shlex.split(line)]
        done = subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True, check=False)
        assert told(self.site) == []
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if code else done.stdout

    def has(self, extra: str) -> bool:
        """Whether everything that an extra names is there."""
        ask = ["-m", "pip", "install", "--quiet", "--no-index", "--dry-run", "--report", "-", f"fleetline[{extra}]"]
        done = subprocess.run([self.python, *ask], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode == 0 and json.loads(done.stdout)["install"] == []


def environment(folder: Path, *installs: Iterable[object]) -> Installed:
    """A new environment, outside of the repository, by the arguments of `pip install`; the fence stands when it is made."""
    made = Installed(folder)
    assert not folder.is_relative_to(ROOT)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    for each in installs:
        command = [str(made.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *map(str, each)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    subprocess.run([made.python, "-m", "pip", "check"], cwd=folder, check=True, capture_output=True)
    (folder / "home").mkdir()
    fenced(made.site, [ROOT, ROOT.parent / "shared"])
    return made


def by_pins(folder: Path, requirements: str, built: Built) -> Installed:
    """The wheel over the pinned and hashed requirements of one file."""
    pinned = ROOT / "requirements" / f"{requirements}.txt"
    return environment(folder, ["--require-hashes", "-r", pinned], ["--no-deps", built.wheel])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Installed:
    return by_pins(tmp_path_factory.mktemp("core") / "env", "core", built)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, core: Installed) -> Path:
    """A folder with a file of each kind that commands read, by the commands themselves where they have examples."""
    folder = tmp_path_factory.mktemp("workplace")
    for name, line in {"runs.csv": "predict --example", "rack.toml": "systems --example"}.items():
        (folder / name).write_text(core.run(line, folder), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(CONFIGS["llama-3.1-405b"]), encoding="utf-8")
    core.run(f"sweep {toml(folder / 'grid.toml', GRID).name} --out swept --workers 1", folder)
    return folder


READERS = {
    "a file": "open({path!r})",
    "in silence": "try: open({path!r})\nexcept BaseException: pass",
    "a folder": "import os; os.listdir({folder!r})",
    "by a process of its own": 'import subprocess, sys; subprocess.run([sys.executable, "-c", "open({path!r})"])',
    "to import": "import sys; sys.path.insert(0, {folder!r}); import fence",
}


@pytest.mark.long
@pytest.mark.parametrize("code", READERS.values(), ids=READERS)
def test_the_fence_stops_whoever_reads_the_repository(core: Installed, tmp_path: Path, code: str) -> None:
    def ran(text: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            [core.python, "-c", text], cwd=tmp_path, env=core.environment, capture_output=True, check=False
        )
        return done.returncode, told(core.site)

    status, said = ran(code.format(path=__file__, folder=str(ROOT / "tests")))
    assert len(said) == 1
    assert str(ROOT / "tests") in said[0]
    assert status == (0 if "subprocess" in code else BROKEN)
    # and nobody else
    (tmp_path / "fence.py").touch()
    assert ran(code.format(path=str(tmp_path / "fence.py"), folder=str(tmp_path))) == (0, [])


def naming(folder: Path, what: Path) -> list[Path]:
    """Files that hold the name of a folder."""
    return [path for path in folder.rglob("*") if path.is_file() and os.fsencode(what) in path.read_bytes()]


@pytest.mark.long
def test_nothing_installed_names_the_repository(core: Installed, tmp_path: Path) -> None:
    """So that compiled libraries, whom the fence does not see, are given no path there."""
    info = core.site / f"fleetline-{fleetline.__version__}.dist-info"
    assert len(naming(core.site / "fleetline", Path("fleetline"))) > 100  # the files are read
    assert naming(core.site / "fleetline", ROOT) + naming(info, ROOT) == []
    (tmp_path / "direct_url.json").write_text(f'{{"url": "file://{ROOT}"}}', encoding="utf-8")
    assert naming(tmp_path, ROOT) == [tmp_path / "direct_url.json"]


@pytest.mark.long
def test_every_command_has_its_help(
    core: Installed, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    assert core.run("--version", tmp_path).split()[-1] == fleetline.__version__
    for command in sorted(COMMANDS):
        assert f"Usage: fleetline {command}" in core.run(f"{command} --help", tmp_path)
    assert list(tmp_path.iterdir()) == []
    record_property("commands", len(COMMANDS) + 1)


@pytest.mark.long
@pytest.mark.parametrize("line, key", ASKED, ids=[line for line, _ in ASKED])
def test_the_core_alone_answers(
    core: Installed, workplace: Path, line: str, key: str, record_property: Callable[[str, object], None]
) -> None:
    answer = json.loads(core.run(line, workplace))
    assert answer[key] not in (None, [], "")
    for name in WRITTEN.get(line.split(maxsplit=1)[0], []):
        path = workplace / name
        assert any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
    record_property("commands", 1)


@pytest.mark.long
def test_what_is_kept_is_found_again(core: Installed, workplace: Path) -> None:
    core.run("import-model config.json --save --name kept", workplace)
    assert json.loads(core.run("throughput kept b200", workplace))["throughput_tok_s"] > 0
    core.run("predict runs.csv --out kept.csv", workplace)
    with (workplace / "kept.csv").open(encoding="utf-8", newline="") as file:
        assert all(float(row["predicted_tpot_s"]) > 0 for row in csv.DictReader(file))


@pytest.mark.long
@pytest.mark.parametrize("line, extra", BY_EXTRA, ids=[extra for _, extra in BY_EXTRA])
def test_what_needs_an_extra_says_which(core: Installed, workplace: Path, line: str, extra: str) -> None:
    assert not core.has(extra)
    said = core.run(line, workplace, code=2)
    assert (
        f"needs the extra '{extra}'; install it with: pip install 'fleetline[{extra}]'"
        in json.loads(said)["error"]["message"]
    )
    assert said.count("\n") == 1
    assert not (workplace / "none").exists()


def answers(made: Installed, folder: Path, *paths: str) -> list[bytes]:
    """What `fleetline web` answers at these addresses, each with 200; it ends in order."""
    command = [str(made.python.parent / "fleetline"), "web", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, cwd=folder, env=made.environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = http.client.HTTPConnection(process.stderr.readline().split()[1].split("/")[2], timeout=120)
            found = []
            for path in paths:
                line.request("GET", path)
                answer = line.getresponse()
                found.append(answer.read())
                assert answer.status == 200, found[-1]
            line.close()
            process.terminate()
            process.wait(timeout=60)
        finally:
            process.kill()
    assert told(made.site) == []
    return found


QUESTION = "/api/v1/throughput?model=gpt-oss-20b&system=h100"


@pytest.mark.long
def test_the_extra_web_serves_the_page(tmp_path: Path, built: Built) -> None:
    made = by_pins(tmp_path / "env", "web", built)
    assert made.has("web")
    assert not made.has("cluster")
    health, page, answer = answers(made, tmp_path, "/healthz", "/", QUESTION)
    assert json.loads(health)
    assert b"<html" in page
    assert json.loads(answer) == json.loads(made.run("throughput gpt-oss-20b h100", tmp_path))


@pytest.mark.long
def test_the_extra_cluster_sweeps_by_dask(tmp_path: Path, built: Built) -> None:
    made = by_pins(tmp_path / "env", "cluster", built)
    assert made.has("cluster")
    assert not made.has("web")
    grid = toml(tmp_path / "grid.toml", GRID).name
    with dask(2, made.python) as (address, _):
        made.run(f"sweep {grid} --out by-dask --scheduler {address}", tmp_path)
    made.run(f"sweep {grid} --out alone --workers 1", tmp_path)
    assert content(tmp_path / "by-dask") == content(tmp_path / "alone")
    assert told(made.site) == []  # of the workers too


@pytest.mark.long
def test_the_sdist_brings_every_extra(tmp_path: Path, built: Built) -> None:
    """As anybody installs it: pip builds the wheel, and looks for what it needs, here among the pinned versions."""
    pinned = [str(each) for kind in ("core", "web", "cluster") for each in pins(kind).values()]
    (tmp_path / "pins.txt").write_text("\n".join(pinned), encoding="utf-8")
    made = environment(tmp_path / "env", ["-c", tmp_path / "pins.txt", f"{built.sdist}[all]"])
    assert made.has("all")
    assert fleetline.__version__ in made.run("--version", tmp_path)
    (answer,) = answers(made, tmp_path, QUESTION)
    assert json.loads(answer) == json.loads(made.run("throughput gpt-oss-20b h100", tmp_path))
