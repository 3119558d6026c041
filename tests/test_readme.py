"""The README and the pages of examples show what the commands print today."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import differences
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
    page = (ROOT / name).read_text(encoding="utf-8")
    moved = differences(filled(page), page)
    assert not moved, f"if the change is meant: make pictures, and look at the diff: {moved}"


def test_an_output_that_is_not_the_commands_is_noticed() -> None:
    text = README.read_text(encoding="utf-8")
    asked = "```console\n$ fleetline throughput kimi-k2.6 gb200-nvl72 --preset article --speculative 8:3\n"
    wrong = asked + text.split(asked)[1].split("```")[0].replace("375,685", "375,687") + "```\n"
    assert len(differences(filled(wrong), wrong)) == 1


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("| 0.62 | 2029-08-03 |", "| 0.63 | 2029-08-03 |", True),
        ("| 0.62 |", "| 0.64 |", False),
        ("388.75982022842106,", "388.759820228421,", True),
        ("388.7598,", "388.7601,", False),
        ("375,685 tokens", "375,686 tokens", True),
        ("375,685 tokens", "375,685 chips", False),
        ("one\ntwo", "one", False),
    ],
)
def test_pages_are_alike_by_words_and_last_places(one: str, other: str, alike: bool) -> None:
    assert (not differences(one, other)) is alike
