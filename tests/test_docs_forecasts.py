"""docs/forecasts.md is what the commands say."""

from __future__ import annotations

from pathlib import Path

import forecasts
from pages import differences

PAGE = Path(__file__).parents[1] / "docs" / "forecasts.md"


def test_the_page_is_made_by_the_tool() -> None:
    moved = differences(forecasts.forecasts(), PAGE.read_text(encoding="utf-8"))
    assert not moved, f"if the change is meant: make forecasts, and look at the diff: {moved}"
