"""docs/forecasts.md is what the commands say."""

from __future__ import annotations

from pathlib import Path

import forecasts
from pages import differences

PAGE = Path(__file__).parents[1] / "docs" / "forecasts.md"


def test_the_page_is_made_by_the_tool() -> None:
    assert not differences(forecasts.forecasts(), PAGE.read_text(encoding="utf-8"))
