"""The article's own numbers, and what its text gives when it is recomputed (shared/article-numbers.md)."""

from __future__ import annotations

import pytest
from conftest import Tables

from fleetline.article import Comparison, compare_article
from fleetline.catalog import load
from fleetline.catalog.rows import ArticleNumberRow
from fleetline.deployment import throughput
from fleetline.errors import InputError

KIMI = ("kimi-k2.6", "gb200-nvl72")


@pytest.mark.parametrize("number", compare_article(), ids=lambda number: number.key)
def test_a_number_of_the_article_is_reproduced(number: Comparison) -> None:
    # each row of article_numbers.csv carries its place, what a recomputation gives and how near ours must come
    assert number.ours == pytest.approx(number.recomputed, rel=number.tolerance)
    assert number.reproduced


def test_the_rows_cover_every_section_of_the_article() -> None:
    places = {number.place for number in compare_article()}
    serving = {"Hardware specs", "Prefill", "Decode", "Chunked prefill", "Speculative decoding", "Calibrating"}
    assert places == serving | {"Introducing our setting", "The present and future of inference"}


def test_what_matches_the_article_is_near_what_it_prints() -> None:
    # 12%: the coarsest figure that counts as matching is one digit, "1B milliseconds" for 0.889B (Prefill), 11% off
    for number in compare_article():
        if number.status == "matches" and number.printed is not None:
            assert number.ours == pytest.approx(number.printed, rel=0.12), number.key


@pytest.mark.parametrize(
    ("workload", "output_tok_s"),
    [("8000:1000", 375_700), ("25000:1000", 107_300), ("128000:1000", 9_460)],
)
def test_a_calibrated_gb200_rack(workload: str, output_tok_s: float) -> None:
    # article-numbers.md, "640,000 -> 400,000 tok/s after calibration" and the world totals; recomputed to 1%
    found = throughput(*KIMI, workload, preset="article", speculative="8:3")
    assert found.throughput_tok_s == pytest.approx(output_tok_s, rel=0.01)
    assert found.speed_tok_s_user >= 35.0


@pytest.mark.parametrize(
    ("preset", "speculative", "output_tok_s"),
    [("ideal", "8:3", 613_800), ("ideal", None, 695_100), ("article", None, 271_300)],
)
def test_speculation_lowers_the_ideal_rack_and_raises_the_calibrated_one(
    preset: str, speculative: str | None, output_tok_s: float
) -> None:
    # article-numbers.md, "total effect of speculation": 695,100 -> 613,800, and 271,300 -> 375,700
    found = throughput(*KIMI, preset=preset, speculative=speculative)
    assert found.throughput_tok_s == pytest.approx(output_tok_s, rel=0.01)


def test_the_world_of_the_article() -> None:
    # article, intro: "500 million to 20 billion tokens per second"; article-numbers.md: 4.62e8 (128k), 1.97e10 (8k)
    # fleet: 1,918,560 GB200 and 1,500,691 GB300 (Q4 2025), 72 a rack
    racks = {"gb200-nvl72": 1_918_560 / 72, "gb300-nvl72": 1_500_691 / 72}
    for workload, world in (("8000:1000", 1.97e10), ("25000:1000", 5.47e9), ("128000:1000", 4.62e8)):
        total = sum(
            count * throughput("kimi-k2.6", system, workload, preset="article", speculative="8:3").throughput_tok_s
            for system, count in racks.items()
        )
        assert total == pytest.approx(world, rel=0.005)  # the totals are given to three digits


# --- controls: the comparison must notice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "parameter"),
    [
        ("article", "compute_efficiency"),
        ("article", "bandwidth_efficiency"),
        ("article", "step_latency_s"),
        ("ideal", "compute_efficiency"),
        ("ideal", "bandwidth_efficiency"),
        ("any", "speed"),
    ],
)
def test_a_preset_changed_by_a_tenth_is_noticed(tables: Tables, preset: str, parameter: str) -> None:
    line = tables.line_of("presets", preset=preset, parameter=parameter)
    tables.put("presets", line, "value", repr(0.9 * float(tables.get("presets", line, "value"))))
    assert not all(number.reproduced for number in compare_article())


@pytest.mark.parametrize(
    ("table", "cells", "column"),
    [
        ("chip_specs", {"chip": "GB200 NVL72", "quantity": "hbm_bandwidth", "preferred": "1"}, "central"),
        ("chip_specs", {"chip": "GB200 NVL72", "quantity": "fp4_dense", "preferred": "1"}, "central"),
        ("chip_specs", {"chip": "GB200 NVL72", "quantity": "fp8_dense", "preferred": "1"}, "central"),
        ("chip_specs", {"chip": "GB300 NVL72", "quantity": "fp4_dense", "preferred": "1"}, "central"),
        ("models", {"model": "kimi-k2.6", "quantity": "kv_lora_rank"}, "value"),
        ("models", {"model": "kimi-k2.6", "quantity": "published_total_params_B"}, "value"),
        ("models", {"model": "kimi-k2.6", "quantity": "published_active_params_B"}, "value"),
        ("formats", {"format": "fp4"}, "bytes_per_weight"),
    ],
)
def test_a_number_of_the_catalog_changed_by_a_tenth_is_noticed(
    tables: Tables, table: str, cells: dict[str, str], column: str
) -> None:
    line = tables.line_of(table, **cells)
    tables.put(table, line, column, repr(1.1 * float(tables.get(table, line, column))))
    if table == "chip_specs":
        tables.put(table, line, "low", "")
        tables.put(table, line, "high", "")
    assert not all(number.reproduced for number in compare_article())


def test_a_wrong_recomputation_is_not_reproduced(tables: Tables) -> None:
    line = tables.line_of("article_numbers", key="rack-article")
    tables.put("article_numbers", line, "recomputed", "400000")
    (number,) = [number for number in compare_article() if number.key == "rack-article"]
    assert not number.reproduced
    assert number.ours_over_recomputed == pytest.approx(375_700 / 400_000, rel=0.001)


def test_a_number_that_nothing_computes_is_refused(tables: Tables) -> None:
    line = tables.line_of("article_numbers", key="rack-article")
    tables.put("article_numbers", line, "quantity", "happiness")
    with pytest.raises(InputError, match="rack-article: nothing computes 'happiness'"):
        compare_article()


def test_each_line_tells_how_far_it_is_from_print_and_recomputation() -> None:
    rows = {row.key: row for row in load().rows("article_numbers", ArticleNumberRow)}
    for number in compare_article():
        assert number.ours_over_recomputed == number.ours / rows[number.key].recomputed
        assert (number.ours_over_printed is None) == (rows[number.key].printed is None)
