"""The best rate by the fit, candidates for it, and its errors: hand-solved cases, planted shares, published runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fleetline import runs
from fleetline.calibration.best import CONFIGURATION, MODEL, PAIR, VENDOR, Load, Tried, frontier, way_of
from fleetline.calibration.best_errors import Cell, shares
from fleetline.calibration.features import features
from fleetline.calibration.layouts import Layout, Target, candidates, layouts_for, precisions_for, target
from fleetline.catalog import load

KNOWN = runs.layouts_run()
VENDORS = set(KNOWN.vendors.values())


def aimed(model: str, system: str, gpus: int = 8) -> Target:
    return target(load(), model, system, gpus, VENDORS)


def test_the_best_of_two_runs_by_hand() -> None:
    # one layout at 1, 2, 4 clients, another at 1 and 2; at speed 20 the first crosses between its points: halfway in the
    # logarithm of speed (40 to 10), so halfway in that of rate (50 to 200)
    tried = Tried(
        rate=np.array([30.0, 50.0, 200.0, 60.0, 90.0]),
        speed=np.array([80.0, 40.0, 10.0, 30.0, 25.0]),
        run=np.array([0, 0, 0, 1, 1]),
    )
    assert tried.best(20.0)[0] == pytest.approx(100.0)
    assert tried.best(20.0)[1] == 1
    # at 25 the second gives 90, the first 50 * 4 ** (log(40 / 25) / log(4)) = 80
    assert tried.best(25.0)[0] == pytest.approx(90.0)
    assert tried.best(25.0)[1] == 4
    assert tried.best(60.0)[0] == pytest.approx(30.0 * (50.0 / 30.0) ** (np.log(80 / 60) / np.log(2)))
    assert tried.best(100.0)[0] == 0.0


def test_planted_shares_of_an_error_come_back() -> None:
    random = np.random.default_rng(1)
    models, chips, lengths = range(40), range(40), [(1.0, 1.0), (8.0, 1.0)]
    of_system, of_model = random.normal(0, 0.3, 40), random.normal(0, 0.2, 40)
    pair, own = random.normal(0, 0.4, (40, 40)), random.normal(0, 0.1, (40, 40, 2))
    cells = [
        Cell(str(m), str(c), each, float(of_system[c] + of_model[m] + pair[m, c] + own[m, c, place]))
        for m in models
        for c in chips
        for place, each in enumerate(lengths)
        if (m + c) % 3 == 0
    ]
    found, whole = shares(cells), 0.09 + 0.04 + 0.16 + 0.01
    assert found.system == pytest.approx(0.09 / whole, abs=0.1)
    assert found.model == pytest.approx(0.04 / whole, abs=0.08)
    assert found.pair == pytest.approx(0.16 / whole, abs=0.1)
    # control: without anything in common nothing is shared
    alone = shares([replace(cell, error=float(random.normal())) for cell in cells])
    assert max(alone.everybody, alone.system, alone.model, alone.pair) < 0.06


def test_candidates_hold_the_model_within_a_domain() -> None:
    catalog = load()
    asked = aimed("deepseek-r1", "h100")
    tried = layouts_for(asked, KNOWN, catalog)
    assert max(layout.gpus for layout in tried) <= 8
    rows, _ = candidates(asked, tried, "fp8", (8000.0, 1000.0), 0.0, catalog)
    assert len(rows) == 0  # 671 GB in 8 x 80 GB
    held, _ = candidates(aimed("deepseek-r1", "h200"), tried, "fp8", (8000.0, 1000.0), 0.0, catalog)
    assert set(held.gpus.tolist()) == {8.0}
    assert np.all(held.crowded == 0.0)


def test_formats_are_those_a_chip_computes_or_the_models_own() -> None:
    catalog = load()
    assert precisions_for(aimed("kimi-k2.6", "b200"), catalog) == ["fp4", "int4"]
    assert precisions_for(aimed("kimi-k2.6", "h200"), catalog) == ["int4"]
    assert precisions_for(aimed("gpt-oss-120b", "h100"), catalog) == ["fp4"]  # published in no other


def test_a_model_without_drafts_is_tried_without() -> None:
    assert not any(layout.drafts for layout in layouts_for(aimed("llama-3.1-70b", "b200"), KNOWN, load()))
    assert any(layout.drafts for layout in layouts_for(aimed("deepseek-r1", "b200"), KNOWN, load()))


def test_how_new_a_deployment_is() -> None:
    run = Layout(
        "vllm",
        apart=False,
        drafts=False,
        gpus=4,
        engines=1,
        ep=1,
        dp=False,
        prefill_gpus=4,
        prefill_engines=1,
        prefill_dp=False,
    )
    assert way_of(aimed("kimi-k2.6", "b200"), run, KNOWN) == CONFIGURATION  # K2.5 has its architecture
    assert way_of(aimed("kimi-k2.6", "b200"), replace(run, drafts=True), KNOWN) == PAIR
    assert way_of(aimed("kimi-k3", "b200"), run, KNOWN) == MODEL
    assert way_of(aimed("kimi-k2.6", "tpu-v7", 64), run, KNOWN) == VENDOR


def test_a_prefix_in_the_cache_is_not_computed_again() -> None:
    catalog, rows = load(), [row for row in runs.rows_of(())[0][::200] if row.input_tokens]
    whole, same, most = (features(rows, catalog, prefix_hit=hit) for hit in (0.0, 0.0, 0.9))
    np.testing.assert_array_equal(whole.prompt_gemm_s, same.prompt_gemm_s)
    told = whole.answered
    np.testing.assert_allclose(most.prompt_gemm_s[told], 0.1 * whole.prompt_gemm_s[told])
    np.testing.assert_allclose(most.fresh[told], 0.1 * whole.tokens_in[told])
    np.testing.assert_array_equal(most.cache_s, whole.cache_s)
    # of the pairs of a full causal attention 1 - 0.9^2 are left
    full = told & (whole.grouped > 0) & (whole.recurrent == 0) & (whole.model == "llama70b")
    np.testing.assert_allclose(most.prompt_attend_s[full], 0.19 * whole.prompt_attend_s[full], rtol=1e-3)


@pytest.mark.parametrize("hit", [0.0, 0.9])
def test_a_faster_answer_never_serves_more_and_a_hit_never_less(hit: float) -> None:
    catalog, asked = load(), aimed("gpt-oss-120b", "h200")
    tried = layouts_for(asked, KNOWN, catalog)
    found = frontier(
        asked, Load(20_000.0, 1000.0, hit), (10.0, 20.0, 40.0, 80.0), tried, runs.throughputs(), KNOWN, catalog
    )
    rates = [point.output_tok_s_gpu for point in found.points]
    assert rates == sorted(rates, reverse=True)
    assert found.points[-1].speed == max(point.speed for point in found.points)
    if hit:
        cold = frontier(asked, Load(20_000.0, 1000.0), (40.0,), tried, runs.throughputs(), KNOWN, catalog)
        assert cold.points[0].output_tok_s_gpu < next(each for each in found.points if each.speed == 40.0).output_tok_s_gpu


def test_what_has_been_run_of_a_model_is_near_the_best_predicted() -> None:
    # a published number: the best run of gpt-oss-120b on a B200 at 8192:1024 and 41 token/s/user gives 5,258 token/s
    best = next(
        run
        for run in runs.measured(where="model=gptoss120b,hardware=b200")
        if run.workload == "8192:1024" and run.definition == "wall"
    )
    catalog, asked = load(), aimed("gpt-oss-120b", "b200")
    lengths = Load(0.9 * 8192.0, 0.9 * 1024.0)
    speed = best.speed_wall_tok_s_user
    found = frontier(asked, lengths, (speed,), layouts_for(asked, KNOWN, catalog), runs.throughputs(), KNOWN, catalog)
    assert found.points[0].output_tok_s_gpu == pytest.approx(best.output_tok_s_gpu, rel=0.3)


def test_errors_of_best_rates_say_why_today_uses_the_fit() -> None:
    found = runs.best_accuracy()
    off = {(row["layouts_run"], row["way"], row["by"]): row["median_abs_log"] for row in found.compared}
    for searched in ("all", "10 or more"):
        for way in ("pair", "model"):
            assert off[searched, way, "fit"] < off[searched, way, "reached"]
    # choosing by prediction costs nothing that can be seen: the chosen layout gives what was predicted, in the median
    middle = {row["way"]: row["median"] for row in found.errors if row["of"] == "chosen"}
    assert all(abs(middle[way]) < 0.05 for way in ("configuration", "pair", "model"))
