"""`make audit`: a package that could not be looked up never passes for one without advisories."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audit import read

SOUND = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": [], "description": ""}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    "packages, code, said",
    [
        ([SOUND], 0, "1 of 1 packages looked up, 0 advisories"),
        ([SOUND, BAD], 1, "2 of 2 packages looked up, 1 advisories"),
        (
            [SOUND, SKIPPED],
            2,
            "1 of 2 packages looked up, 0 advisories; of the others nothing is known (not found)",
        ),
        ([BAD, SKIPPED], 1, "1 of 2 packages looked up, 1 advisories"),
    ],
)
def test_what_is_not_known_is_told_apart(packages: list[Any], code: int, said: str) -> None:
    found = read(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found.exit_code == code
    assert str(found).startswith(said)


def test_without_a_network_it_is_one_line() -> None:
    traceback = "Traceback (most recent call last):\n  File x\nConnectionError: Failed to resolve 'a.org'\n"
    found = read("", traceback)
    assert found.exit_code == 2
    assert str(found).endswith("nothing is known (ConnectionError: Failed to resolve 'a.org')")
