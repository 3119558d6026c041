"""The README shows what the commands print today."""

from __future__ import annotations

from pathlib import Path

from readme import filled

README = Path(__file__).parents[1] / "README.md"


def test_every_example_of_the_readme_prints_what_it_says() -> None:
    """If this fails and the change is meant: `make pictures`, and look at the diff."""
    page = README.read_text(encoding="utf-8")
    assert filled(page) == page


def test_an_output_that_is_not_the_commands_is_noticed() -> None:
    page = README.read_text(encoding="utf-8")
    assert filled(page.replace("375,685", "375,686")) == page
