"""The README and the pages of examples show what the commands print today."""

from __future__ import annotations

from pathlib import Path

import pytest
from readme import filled

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/agents.md",
        "docs/energy.md",
        "docs/today.md",
        "docs/index.md",
        "docs/model.md",
        "docs/cookbook.md",
        "docs/sweep.md",
    ],
)
def test_every_example_prints_what_the_page_says(name: str) -> None:
    """If this fails and the change is meant: `make pictures`, and look at the diff."""
    page = (ROOT / name).read_text(encoding="utf-8")
    assert filled(page) == page


def test_an_output_that_is_not_the_commands_is_noticed() -> None:
    page = README.read_text(encoding="utf-8")
    assert filled(page.replace("375,685", "375,686")) == page
