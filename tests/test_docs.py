"""The pages of docs/: what is generated is as the code says, every name there is, and the site builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from reference import PAGES
from typer.main import get_command

from fleetline.cli import app

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


COMMANDS = get_command(app).commands  # type: ignore[attr-defined]  # a group: it has several
TEXTS = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}


def named(page: str) -> list[tuple[str, list[str]]]:
    """Every command a page names, in a sentence or a block, with the long options it is given there."""
    fenced = "\n".join(re.findall(r"^```\w*[^\n]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^(?: +|  Examples?: )fleetline (.+)", page, re.MULTILINE)
    spoken = re.findall(r"`fleetline ([^`]+)`", page) + lines + re.findall(r"^(?:\$ )?fleetline (.+)", fenced, re.MULTILINE)
    calls = [re.split(r"[|;>#]", call)[0].split() for call in spoken]
    return [(call[0], [word for word in call if word.startswith("--")]) for call in calls if call and call[0].islower()]


def unknown(page: str) -> list[str]:
    """Commands and options that a page names and nobody can give."""
    found = []
    for command, options in named(page):
        known = [each for param in COMMANDS[command].params for each in param.opts] if command in COMMANDS else None
        if known is None:
            found.append(command)
        else:
            found += [f"{command} {each}" for each in options if each not in [*known, "--help"]]
    return found


def test_every_command_and_option_of_a_page_can_be_given() -> None:
    assert sum(len(named(text)) for text in TEXTS.values()) > 100
    assert {name: unknown(text) for name, text in TEXTS.items() if unknown(text)} == {}


def test_a_command_or_option_that_nobody_can_give_is_noticed() -> None:
    assert unknown("Ask `fleetline measured --model NAME`, or\n\n    fleetline mesured\n") == [
        "measured --model",
        "mesured",
    ]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Every link leads somewhere and every page is in the navigation."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "index.html").is_file()
