"""The pages of docs/: what is generated is as the code says, every name there is, and the site builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from reference import PAGES

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_lists_what_there_is(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "if the change is meant: make reference"


def dotted(page: str) -> list[str]:
    """The Python names of a glossary's last column."""
    return [name for row in re.findall(r"^\|.*\|([^|]*)\|$", page, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)]


def missing(page: str) -> list[str]:
    """Names that are no field, property or method of the class they name."""
    return [name for name in dotted(page) if not _is_there(*name.rsplit(".", 2))]


def _is_there(module: str, kind: str, field: str) -> bool:
    found = getattr(import_module(f"fleetline.{module}"), kind)
    return hasattr(found, field) or field in getattr(found, "__dataclass_fields__", {})


def test_every_name_of_the_glossary_is_in_the_code() -> None:
    assert len(dotted(GLOSSARY)) > 40
    assert missing(GLOSSARY) == []


def test_a_name_that_is_not_in_the_code_is_noticed() -> None:
    assert missing(GLOSSARY.replace("Throughput.ttft_s", "Throughput.ttft")) == ["answers.Throughput.ttft"]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Every link leads somewhere and every page is in the navigation."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").is_file()
