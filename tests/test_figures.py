"""The house style of figures: colours that can be told apart and read, light and dark, and charts that fit their space."""

from __future__ import annotations

import altair as alt
import pytest

from fleetline.figures.style import BLUE, DARK, GREEN, GREY, INK, ORANGE, PAPER, PURPLE, RED, TEXT_OF, data, styled

MARKS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY, INK)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_the_published_one() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)  # WCAG 2.2, definition of contrast ratio
    assert contrast("#777777", "#FFFFFF") < 4.5 < contrast("#767676", "#FFFFFF")  # WebAIM: the well-known border case


@pytest.mark.parametrize("mark", MARKS)
def test_marks_and_words_stand_out_on_both_papers(mark: str) -> None:
    assert contrast(mark, PAPER) >= 3.0  # WCAG 2.2, 1.4.11
    assert contrast(TEXT_OF[mark], PAPER) >= 4.5  # 1.4.3
    assert contrast(DARK[mark], DARK[PAPER]) >= 4.5
    assert contrast(DARK[TEXT_OF[mark]], DARK[PAPER]) >= 4.5


def test_the_dark_twin_of_a_chart_is_the_same_chart() -> None:
    chart = alt.Chart(data([{"x": 1.0, "c": "#not a colour"}])).mark_point(color=BLUE).encode(x="x:Q")
    light, dark = styled(chart), styled(chart, "dark")
    assert light["background"] == PAPER
    assert dark["background"] == DARK[PAPER]
    assert light["mark"]["color"] == BLUE
    assert dark["mark"]["color"] == DARK[BLUE]
    assert dark["data"] == light["data"]
    assert set(dark) == set(light)
