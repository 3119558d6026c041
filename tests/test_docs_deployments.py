"""docs/deployments.md is what the tool writes today: a sample of its rows is made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables import WORKLOADS, line_of, row

PAGE = Path(__file__).parents[1] / "docs" / "deployments.md"


@pytest.mark.parametrize(("model", "system"), [("gpt-oss-120b", "h100"), ("kimi-k2.6", "b200"), ("kimi-k2.6", "mi455x")])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_row_is_what_the_tool_writes(model: str, system: str, workload: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {model}\n")[1].split("\n## ")[0]
    table = section.split(f"\n{workload}:\n")[1].split(":1000:\n")[0]
    assert row(line_of(model, system, workload)) in table.splitlines(), "out of date: make tables"
