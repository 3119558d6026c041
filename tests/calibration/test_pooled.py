"""The fit of all rows: planted values come back, unseen labels get the population's value, and the shipped fit is whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from fleetline import runs
from fleetline.calibration.features import Features, features
from fleetline.calibration.kernel import Kernel, Space, Term, inputs, left_out, mean, solve, weights_without
from fleetline.calibration.law import NAMES, PRIOR, Law
from fleetline.calibration.learn import _logs, _loss, _pairs, _with, learn
from fleetline.calibration.pooled import WAYS, keys, novelty, predict, row_inputs
from fleetline.calibration.pooled_fit import Observed, Table, fit_law, table
from fleetline.calibration.recipes import complete
from fleetline.calibration.terms import QUANTITIES, read, start, written
from fleetline.catalog import load
from fleetline.measurements import Measurement

KERNEL = Kernel((Term(("model",), "", 0.3), Term((), "load", 0.2)), {"load": Space({"x": 1.0})}, 0.01, 0.05)


@pytest.fixture(scope="module")
def some() -> Table:
    return table(runs.rows_of(())[0][::12], load(), runs.recorded())


@pytest.fixture(scope="module")
def seen(some: Table) -> Observed:
    return some.seen


def test_the_law_finds_planted_parameters(seen: Observed) -> None:
    planted = Law(PRIOR + 0.2 * np.sin(np.arange(len(NAMES))))
    made, start_at = planted.values(seen.rows), Law(PRIOR).values(seen.rows)
    found = fit_law(replace(seen, measured=made), 12).law.values(seen.rows)
    means = (seen.rows.kind == "mean") & (seen.rows.guessed == 0)
    for quantity in QUANTITIES:
        rows = means if quantity == "ttft" else seen.rows.guessed == 0
        off, before = (np.median(np.abs(np.log(each[quantity] / made[quantity]))[rows]) for each in (found, start_at))
        assert off < 0.05  # the priors pull: a twelfth of the rows
        assert before > 2 * off  # control: the prior alone is not near


def test_twice_the_links_and_memory_never_slow_a_step(seen: Observed) -> None:
    law, rows = Law(PRIOR), seen.rows
    faster = replace(rows, weight_s=rows.weight_s / 2, cache_s=rows.cache_s / 2, link_s=rows.link_s / 2)
    everyone = np.ones(len(rows))
    assert np.all(law.tpot(faster, everyone) <= law.tpot(rows, everyone))


def test_more_clients_never_raise_the_rate_of_each_nor_lower_the_wait() -> None:
    rows = [row for row in runs.rows_of(())[0][::40] if row.input_tokens]
    law = runs.pooled().law
    once, twice = (
        law.times(features([replace(row, concurrency=row.concurrency * times) for row in rows], load())) for times in (1, 2)
    )
    told = ~np.isnan(once[0])
    assert np.all(twice[0][told] >= once[0][told] * (1 - 1e-3))  # times are solved in rounds, not to the end
    assert np.all(twice[1][told] >= once[1][told] * (1 - 1e-3))


def test_a_model_whose_drafts_nobody_measured_drafts_as_deep_as_the_middle_of_the_others() -> None:
    row = next(row for row in runs.rows_of(())[0] if row.model == "llama70b" and row.input_tokens)
    found = features([row, replace(row, speculation="mtp")], load())
    assert found.verified.tolist() == [1.0, 4.0]  # 3, 3, 4, 4, 4, 4, 4
    assert found.accepted.tolist() == [1.0, 2.87]  # 2.27, 2.48, 2.83, 2.87, 2.88, 2.99, 3.39
    assert predict([replace(row, speculation="mtp")], runs.pooled(), load(), runs.recorded()).tpot_s[0] > 0.0


def test_a_label_nobody_saw_has_the_population_s_value() -> None:
    fitted = inputs({"model": np.array(["a"] * 4)}, {"x": np.arange(4.0)})
    solved = solve(KERNEL, fitted, np.full(4, 0.3), np.arange(4), np.ones(4))
    new = inputs({"model": np.array(["a", "b", "b"])}, {"x": np.array([1.5, 1.5, 1e3])})
    known, unseen, far = mean(KERNEL, new, fitted, solved.weights)
    assert known == pytest.approx(0.3, abs=0.02)
    assert 0 < unseen < known  # load is shared by all models
    assert far == pytest.approx(0.0, abs=1e-6)


def test_leaving_out_in_closed_form_is_leaving_out() -> None:
    generator = np.random.default_rng(1)
    models, x, y = np.array(list("aabbccdd")), generator.normal(size=8), generator.normal(size=8)
    every = inputs({"model": models}, {"x": x})
    block = np.array([2, 3])
    short = left_out(solve(KERNEL, every, y, np.arange(8), np.ones(8)), y, [block])[block]
    rest = np.setdiff1d(np.arange(8), block)
    apart = solve(KERNEL, every.take(rest), y[rest], rest, np.ones(6))
    whole = mean(KERNEL, every.take(block), every.take(rest), apart.weights)
    assert short == pytest.approx(whole, abs=1e-4)
    solved = solve(KERNEL, every, y, np.arange(8), np.ones(8))
    assert mean(KERNEL, every.take(block), every, weights_without(solved, block)) == pytest.approx(whole, abs=1e-4)


def test_the_likelihood_s_slope_is_its_slope() -> None:
    generator = np.random.default_rng(2)
    rows = inputs({"model": generator.choice(list("abc"), 40)}, {"x": generator.normal(size=40)})
    pairs = _pairs(KERNEL, rows, generator.normal(size=40) * 0.2, np.arange(40) // 2, np.ones(40))
    at = _logs(replace(KERNEL, noise=0.1))
    slope = _loss(_with(KERNEL, at), pairs)[1]
    numeric = optimize.approx_fprime(at, lambda logs: _loss(_with(KERNEL, logs), pairs)[0], 1e-2)
    assert slope == pytest.approx(numeric, rel=0.1, abs=0.3)  # single precision


def test_learning_finds_planted_deviations() -> None:
    generator = np.random.default_rng(3)
    models = generator.choice([f"m{each}" for each in range(40)], 400)
    rows = inputs({"model": models}, {"x": generator.normal(size=400)})
    planted = Kernel((Term(("model",), "", 0.4), Term((), "load", 0.02)), {"load": Space({"x": 1.0})}, 0.1, 0.02)
    effect = {name: 0.4 * generator.normal() for name in np.unique(models)}
    values = np.array([effect[name] for name in models]) + 0.1 * generator.normal(size=400)
    begin = replace(planted, terms=(Term(("model",), "", 0.1), Term((), "load", 0.1)), noise=0.05)
    found = learn(begin, rows, values, np.arange(400), np.ones(400))
    assert found.terms[0].deviation == pytest.approx(0.4, rel=0.35)
    assert found.noise == pytest.approx(0.1, rel=0.15)
    assert found.terms[1].deviation < 0.06  # control: there is no such term in the data


def test_a_kernel_is_read_as_written() -> None:
    kernel = start("ttft")
    assert read(written(kernel)) == kernel


def test_a_row_is_as_new_as_its_labels(seen: Observed) -> None:
    first = seen.rows.take(np.arange(1))
    known = row_inputs(seen.rows)

    def way(rows: Features) -> str:
        return WAYS[novelty(rows, known)[0]]

    strange = np.array(["strange"])
    assert way(first) == "configuration"
    assert way(replace(first, model=strange)) == "model"
    assert way(replace(first, chip=strange)) == "chip"
    assert way(replace(first, engine=strange, model=strange)) == "framework"


def unmeasured(rows: list[Measurement]) -> list[Measurement]:
    """Runs that nobody made: an odd concurrency."""
    return [replace(row, concurrency=row.concurrency * 3 + 1) for row in rows]


def test_a_row_is_answered_the_same_to_the_last_bit_whatever_rows_stand_beside_it() -> None:
    """A matrix product of all rows sums in an order that depends on their number: a row's sixth digit moved with it."""
    rows = unmeasured(runs.rows_of(())[0][:4000])
    together = predict(rows, runs.pooled(), load(), runs.recorded())
    for places in ([0], [3999], range(0, 4000, 3), range(1990, 2001), [*range(7, 4000, 400)][::-1]):
        some = predict([rows[place] for place in places], runs.pooled(), load(), runs.recorded())
        for name in ("tpot_s", "ttft_s", "throughput_gpu_tok_s"):
            np.testing.assert_array_equal(getattr(some, name), getattr(together, name)[list(places)])


def test_every_answer_is_a_number_within_its_interval() -> None:
    rows = runs.rows_of(())[0][::7]
    for asked in (rows, unmeasured(rows)):
        found = predict(asked, runs.pooled(), load(), runs.recorded())
        told = np.array([not reason for reason in found.reason])
        assert told.mean() >= 0.98
        assert np.all((found.tpot_low_s < found.tpot_s) & (found.tpot_s < found.tpot_high_s) | ~told)
        assert np.all((found.ttft_low_s < found.ttft_s) & (found.ttft_s < found.ttft_high_s) | ~told)
        assert np.all((found.throughput_gpu_tok_s > 0) | ~told)


def test_a_row_of_the_fit_is_predicted_without_its_configuration() -> None:
    rows = [row for row in runs.rows_of(())[0][::50] if row.input_tokens]
    completed = complete(rows, runs.recorded())
    every = features(completed.rows, load(), completed.guessed)
    told, fit = every.answered, runs.pooled()
    assert np.isin(keys(every.take(told)), fit.known.keys).mean() > 0.99
    held = predict(rows, fit, load(), runs.recorded()).tpot_s[told]
    kept = predict(rows, replace(fit, known=replace(fit.known, keys=fit.known.keys * 0)), load(), runs.recorded()).tpot_s[
        told
    ]
    measured = np.array([row.tpot_s or np.nan for row in rows])[told]
    off, off_kept = (np.nanmedian(np.abs(np.log(each / measured))) for each in (held, kept))
    assert off_kept < off  # the control knows the configuration, and is nearer


def test_a_layout_not_stated_is_the_nearest_recipe_s(seen: Observed) -> None:
    (row,) = [
        each
        for each in runs.rows_of(())[0]
        if each.disaggregated and each.kind == "median_over_runs" and each.config == "763" and each.concurrency == 15
        and each.input_tokens == 8192
    ]  # fmt: skip
    told = replace(
        row,
        prefill=replace(row.prefill, workers=None, total=None),
        decode=replace(row.decode, workers=None, total=None),
        gpus=None,
    )
    (filled,) = complete([told], runs.recorded()).rows
    assert (filled.prefill.workers, filled.decode.workers, filled.gpus) == (1, 5, 24)
    hidden = complete([told], runs.recorded(), without={row.row_id: {row.config}})
    assert hidden.guessed[0] == 1.0 or hidden.rows[0].decode.workers is not None


def test_the_held_out_errors_meet_the_aims_they_are_said_to_meet() -> None:
    # issue 6: by configuration 0.08 / 0.12 over all rows, by model or pair under 0.18 / 0.25 (TPOT); 85% to 95% covered
    error = {(row.quantity, row.way): row for row in runs.accuracy()}
    for quantity in ("tpot", "throughput"):
        assert error[quantity, "configuration"].median_abs_log <= 0.08
        assert error[quantity, "configuration"].by_configuration <= 0.12
    for way in ("model", "pair"):
        assert error["tpot", way].median_abs_log <= 0.18
        assert error["tpot", way].by_configuration <= 0.25
    assert error["ttft", "configuration"].median_abs_log <= 0.20
    assert all(0.85 <= row.coverage <= 0.95 for row in error.values())


def test_fitted_and_held_out_rows_show_the_same_error() -> None:
    (every,) = [score for score in runs.validate() if score.by == "all"]
    held = {(row.quantity, row.way): row for row in runs.accuracy()}["tpot", "configuration"]
    assert every.tpot_median_abs_log == pytest.approx(held.median_abs_log, rel=0.05)
    assert every.tpot_by_configuration == pytest.approx(held.by_configuration, rel=0.05)


@pytest.mark.long
def test_one_step_leaves_rows_out_as_a_refit_does(some: Table) -> None:
    seen = some.seen.take(some.fitted)
    law = fit_law(seen)
    for model in ("glm5", "dsv4", "kimik2.5"):
        rows = np.flatnonzero(seen.rows.model == model)
        rest = seen.take(np.setdiff1d(np.arange(len(seen.rows)), rows))
        refit, step = fit_law(rest).law.values(seen.rows), law.without(rows).values(seen.rows)
        whole = law.law.values(seen.rows)
        apart, moved = (np.abs(np.log(each["tpot"] / refit["tpot"]))[rows] for each in (step, whole))
        assert np.median(apart) < 0.5 * np.median(moved)
