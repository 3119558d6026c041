"""The page of `make check-long`: sums by check, and none of a run that failed."""

from __future__ import annotations

import pytest
from checks import read, text

CASE = '<testcase file="tests/test_a.py" name="test_it_holds[{name}]" time="{time}">{inside}</testcase>'
MEASURED = '<properties><property name="megabytes" value="{value}"/></properties>'


def report(*inside: str) -> str:
    cases = (CASE.format(name=place, time=30 + place, inside=each) for place, each in enumerate(inside))
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def test_the_cases_of_a_check_are_one_line() -> None:
    page = text(read(report(MEASURED.format(value="90"), MEASURED.format(value="250"), "<skipped/>")))
    assert "| it holds | 3 | 93 | megabytes 90 to 250 | `tests/test_a.py` |" in page
    assert "3 cases in 2 minutes" in page
    assert "\n1 skipped" in page


def test_what_was_counted_adds_up() -> None:
    counts = (MEASURED.replace("megabytes", "requests").format(value=value) for value in ("900", "250"))
    assert "| requests 1,150 |" in text(read(report(*counts)))


@pytest.mark.parametrize("how", ["<failure/>", "<error/>"])
def test_a_run_that_failed_has_no_page(how: str) -> None:
    with pytest.raises(ValueError, match="failed"):
        read(report("", how))
