"""What is installed stays light, and is counted whole."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

from packages import ROOT, pins
from weight import LIMIT_BYTES, UNOWNED, Package, by_set, canonical, pinned, text, weighed


def installed(site: Path, name: str, files: dict[str, int], *metadata: str) -> None:
    """A package of files of so many bytes."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("\n".join((f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0", *metadata, "")))
    (info / "RECORD").write_text("".join(f"{file},sha256=x,{size}\n" for file, size in files.items()))
    for file, size in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_bytes(b"x" * size)


def test_every_file_is_counted_once_by_whose_it_is(tmp_path: Path) -> None:
    installed(tmp_path, "heavy", {"heavy/a.py": 10_000, "heavy.libs/b.so": 90_000}, "License-Expression: MIT")
    installed(tmp_path, "light", {"light.py": 5_000}, "Classifier: License :: OSI Approved :: BSD License")
    installed(tmp_path, "pip", {"pip/c.py": 50_000})
    for compiled, size in (("heavy/__pycache__/a.cpython-311.pyc", 2_000), ("__pycache__/none.cpython-311.pyc", 700)):
        (tmp_path / compiled).parent.mkdir(exist_ok=True)
        (tmp_path / compiled).write_bytes(b"x" * size)
    heavy, light, nobody = weighed(tmp_path)
    assert (heavy.name, heavy.version, heavy.licence, heavy.size_bytes) == ("heavy", "1.0", "MIT", 102_000)
    assert (light.name, light.licence, light.size_bytes) == ("light", "BSD License", 5_000)
    own = sum(path.stat().st_size for path in tmp_path.glob("*.dist-info/*"))
    assert (nobody.name, nobody.size_bytes) == (UNOWNED, 700 + own)


def test_what_makes_the_report_is_light() -> None:
    """As installed here; `make check-long` weighs an installation of its own."""
    here = weighed(Path(sysconfig.get_path("purelib")))
    core = by_set({"core": pinned("core")}, here)["core"]
    assert sum(each.size_bytes for each in core) < LIMIT_BYTES
    sizes = {canonical(each.name): each.size_bytes for each in core}
    heavy = [sizes[name] for name in ("numpy", "scipy", "duckdb", "vl-convert-python")]
    assert min(heavy) > 20e6  # they were counted


def test_the_page_lists_what_is_pinned() -> None:
    page = (ROOT / "docs" / "weight.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w.-]+) \| ([\w.]+) \| [\d.]+ \| ", page, re.MULTILINE))
    listed = {(canonical(name), f"=={version}") for name, version in rows.items()}
    wanted = {each for kind in ("core", "web", "cluster") for each in pins(kind).values()}
    # versions that depend on Python are those of the Python that made the page
    assert {(each.name, str(each.specifier)) for each in wanted if each.marker is None} <= listed, "make weight"


def test_a_package_is_told_once_at_the_first_set_that_needs_it() -> None:
    packages = [Package("A_b", "1", "MIT", 2_000_000), Package("c", "2", "BSD", 500_000), Package("d", "3", "MIT", 1)]
    page = text(by_set({"core": {"a-b"}, "web": {"a-b", "c"}, "cluster": set()}, packages))
    assert "| what makes the report | 1 | 2.0 |" in page
    assert "| the extra `web` | 1 | 0.5 |" in page
    assert "| A_b | 1 | 2.0 | MIT | core |" in page
    assert "| d |" not in page
