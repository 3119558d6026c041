"""Answers questions one by one in a peer's environment, and keeps every answer at once: stopped, it goes on where it was.

Standard library only.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

COLUMNS = ("key", "tpot_s", "ttft_s", "reason")


def answer_all(questions: Path, answers: Path, estimate: Callable[[dict[str, Any]], tuple[float, float]]) -> None:
    """Append an answer for every question without one, and print a line for each.

    Args:
        questions: a line each of JSON: key, arguments.
        answers: CSV: key, tpot_s, ttft_s, reason (the peer's own words where it refuses).
        estimate: arguments -> TPOT and TTFT [s].
    """
    known = _answered(answers)
    with answers.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        if not known:
            table.writerow(COLUMNS)
        for line in questions.read_text(encoding="utf-8").splitlines():
            asked = json.loads(line)
            if asked["key"] not in known:
                table.writerow((asked["key"], *_answer(estimate, asked["arguments"])))
                file.flush()
            print(asked["key"], flush=True)  # noqa: T201  (the caller counts the lines)


def _answered(answers: Path) -> set[str]:
    """Keys with an answer; a last line cut short by an interruption is dropped."""
    if not answers.exists():
        return set()
    text = answers.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    answers.write_text(whole, encoding="utf-8")
    return {row["key"] for row in csv.DictReader(whole.splitlines())}


def _answer(estimate: Callable[[dict[str, Any]], tuple[float, float]], arguments: dict[str, Any]) -> tuple[str, str, str]:
    try:
        tpot, ttft = estimate(arguments)
    except Exception as error:  # whatever the peer raises is its reason, and is counted as one
        return "", "", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if not (isfinite(tpot) and isfinite(ttft) and tpot > 0 and ttft > 0):
        return "", "", f"no time: TPOT {tpot} s, TTFT {ttft} s"
    return f"{tpot:.6g}", f"{ttft:.6g}", ""
