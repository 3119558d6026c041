"""Wheel and sdist: what is in them and nothing else, the same bytes wherever and whenever they are built."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packages import ROOT, Built, build, files

import fleetline

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"fleetline-{fleetline.__version__}"
INFO = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/DATA-LICENCES.md"}
REQUIREMENTS = sorted(path.relative_to(ROOT) for path in ROOT.glob("**/requirements/*.txt") if "out" not in path.parts)
pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: what belongs to it is not known")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_wheel_holds_the_package_its_data_and_its_licences(built: Built) -> None:
    inside = set(zipfile.ZipFile(built.wheel).namelist())
    package = {name.removeprefix("src/") for name in files() if name.startswith("src/")}
    assert inside == package | {f"{NAME}.dist-info/{name}" for name in INFO}
    data = {"py.typed", "catalog/data/models.csv", "catalog/data/benchmarks.parquet", "scenarios/today.toml"}
    assert inside >= {f"fleetline/{name}" for name in data | {"webapp/static/index.html", "webapp/static/main.js"}}


def test_the_sdist_holds_every_file_of_the_repository(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        inside = {member.name for member in archive.getmembers()}
    ours = {name for name in files() if not name.startswith(".ci/")}
    assert inside == {f"{NAME}/{name}" for name in ours | {"PKG-INFO"}}


def test_the_metadata_say_what_the_project_says(built: Built) -> None:
    text = zipfile.ZipFile(built.wheel).read(f"{NAME}.dist-info/METADATA").decode()
    head = text.partition("\n\n")[0]
    assert re.findall(r"^Requires-Dist: ([^;\n]+)$", head, re.MULTILINE) == sorted(PROJECT["dependencies"])
    assert set(re.findall(r"^Provides-Extra: (.+)$", head, re.MULTILINE)) == {"web", "cluster", "all"}
    assert "Requires-Dist: fastapi>=0.120; extra == 'all'" in head  # of everything, not of a package's own name
    assert "License-Expression: Apache-2.0" in head
    assert f"Version: {PROJECT['version']}" in head
    assert PROJECT["version"] == fleetline.__version__


@pytest.mark.parametrize("path", REQUIREMENTS, ids=str)
def test_every_requirement_is_pinned_with_hashes(path: Path) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    loose = [line for line in lines if not re.fullmatch(r"\S+==\S+( +; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+ *", line)]
    assert lines
    assert loose == []


# written so that no pattern finds its own line, nor the test below the examples it is made of
ADDRESS = re.compile(r"--(?:extra-)?index-url[ =]\S|--find[-]links|https?://[^\s/]*(?:pypi|pythonhosted)|/simpl[e]/")
PLACE = re.compile(r"(?<![\w.~:/-])/(?:home|root|work|opt|mnt|srv|Users)/\w")


def told(text: str) -> list[str]:
    """What names a package index, or a folder of somebody's machine."""
    return [line for line in text.splitlines() if ADDRESS.search(line) or PLACE.search(line)]


def test_no_file_names_an_index_or_a_folder_of_ones_own() -> None:
    found = {}
    for name in files():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content and (lines := told(content.decode())):
            found[name] = lines
    assert found == {}


def test_an_index_or_a_folder_would_be_found() -> None:
    option, host, folder = "index-" + "url", "python" + "hosted.org", "home" + "/me"
    bad = [f"--{option} a", f"--extra-{option}=x", f"see https://files.{host}/x", f"cp /{folder}/x ."]
    assert told("\n".join(bad)) == bad
    assert told("--no-emit-index-url\n../shared/data\nhttps://a.org/home/x\n/api/v1/work/x") == []


def digests(built: Built) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (built.sdist, built.wheel)]


@pytest.mark.long
def test_two_clones_build_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for place, umask, zone in (("here", 0o022, "UTC"), ("a/folder/elsewhere", 0o077, "Asia/Tokyo")):
        clone = tmp_path / place / "fleetline"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, umask=umask)  # noqa: S607
        found.append(build(clone, tmp_path / place / "dist", TZ=zone))
    first, second = map(digests, found)
    assert first == second
    # from the sdist comes the same wheel
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "--no-same-owner", "-xzf", str(found[0].sdist), "-C", str(tmp_path / "unpacked")], check=True)  # noqa: S607
    assert digests(build(tmp_path / "unpacked" / NAME, tmp_path / "again")) == first
    # the control: one letter, or another time, is another file
    (tmp_path / "here/fleetline/src/fleetline/py.typed").write_text(" ")
    shutil.rmtree(tmp_path / "here/dist")
    changed = digests(build(tmp_path / "here/fleetline", tmp_path / "here/dist"))
    later = digests(build(tmp_path / "unpacked" / NAME, tmp_path / "later", SOURCE_DATE_EPOCH="1790000000"))
    assert not set(first) & {*changed, *later}
