"""Rates by the fit in a world: the table is what the code finds, and errors are shared as the table says."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from fleetline.beliefs import Belief, Median, Worlds
from fleetline.catalog import load
from fleetline.catalog.rows import FittedErrorRow, FittedRateRow
from fleetline.catalog.tables import data_folder
from fleetline.cli.main import main
from fleetline.errors import InputError
from fleetline.scenario import Scenario, scenario
from fleetline.world import fitted_rates
from fleetline.world.best_rates import Question
from fleetline.world.fitted_rates import Asked, Errors, Rates, found, newer, rates, score
from fleetline.world.questions import questions
from fleetline.world.supply import supply

TABLE = load().rows("fitted_rates", FittedRateRow)
ERRORS = {(row.of, row.way): row for row in load().rows("fitted_errors", FittedErrorRow)}
ALONE = Belief(1.0, 1.0, 1.0)


def today(*lines: str) -> Scenario:
    return scenario("today", lines)


def asked_of(question: Question) -> Asked:
    return Asked(question.model, question.system, question.gpus, question.workload, question.prefix_hit)


def test_the_table_has_every_question_of_today() -> None:
    missing = {asked_of(each) for each in questions(today())} - set(fitted_rates._tabled(data_folder()))
    assert not missing, f"every answer of today is slow, {len(missing)} rates are not tabled: make fitted-rates"


@pytest.mark.parametrize("place", [0, 57, 110, 171, 224])
def test_the_code_finds_what_the_table_says(place: int) -> None:
    """If this fails, the fit or its candidates have moved: `make fitted-rates`."""
    asked = asked_of(questions(today())[place])
    told, now = rates(asked), found(asked)
    np.testing.assert_allclose([point.speed for point in now.points], told.speeds, rtol=1e-5)
    np.testing.assert_allclose([point.output_tok_s_gpu * asked.gpus for point in now.points], told.tok_s, rtol=1e-5)
    assert (now.reason, [point.way for point in now.points]) == (told.reason, list(told.ways))


def test_a_faster_answer_serves_less() -> None:
    for first, second in itertools.pairwise(TABLE):
        if (first.model, first.system, first.workload) == (second.model, second.system, second.workload):
            assert first.speed < second.speed
            assert first.output_tok_s_gpu >= second.output_tok_s_gpu


def test_between_the_ladders_speeds_it_is_straight() -> None:
    steps = Rates(np.array([10.0, 40.0]), np.array([400.0, 100.0]), ["pair", "model"], ["a", "b"], "")
    np.testing.assert_allclose(steps.at(np.array([5.0, 10.0, 20.0, 40.0, 40.1])), [400.0, 400.0, 200.0, 100.0, 0.0])
    assert (steps.way(39.0), steps.way(40.0), steps.configuration(1.0)) == ("pair", "model", "a")
    nothing = Rates(np.zeros(0), np.zeros(0), [], [], "memory: too little")
    assert nothing.at(np.array([35.0])) == [0.0]
    assert nothing.way(35.0) == ""


def test_a_speed_between_is_near_what_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked("gpt-oss-120b", "h200", 8, "8000:1000", 0.0)
    between = float(rates(asked).at(np.asarray(42.0)))
    monkeypatch.setattr(fitted_rates, "SPEEDS", (42.0,))
    assert between == pytest.approx(found(asked).points[0].output_tok_s_gpu * 8, rel=0.03)


def test_a_system_that_cannot_hold_a_model_says_why() -> None:
    assert rates(Asked("kimi-k3", "h100", 8, "8000:1000", 0.0)).reason.startswith("memory: no recorded layout holds")


def test_errors_are_shared_as_the_table_says() -> None:
    draws, row = Worlds(40_000), ERRORS["best", "pair"]

    def logs(model: str, system: str, workload: str = "8000:1000", way: str = "pair") -> np.ndarray:
        return score(draws, ERRORS["best", way], model, system, workload)

    one = logs("x", "h100")
    assert one.std() == pytest.approx(1.0, abs=0.02)
    of_all = row.everybody + row.system + row.model + row.pair
    assert np.corrcoef(one, logs("x", "h100", "1000:1000"))[0, 1] == pytest.approx(of_all, abs=0.02)
    assert np.corrcoef(one, logs("y", "h200"))[0, 1] == pytest.approx(row.everybody, abs=0.02)
    # of a vendor without runs all chips err alike, and not as another vendor's
    first, same, other = (logs("x", system, way="vendor") for system in ("tpu-v7", "tpu-v5p", "trainium2"))
    np.testing.assert_array_equal(first, same)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.02


def test_the_interval_is_that_of_held_out_runs() -> None:
    errors, row = Errors(Worlds(40_000), ALONE), ERRORS["best", "pair"]
    later = newer(Worlds(40_000), ERRORS["chosen", "time"])  # what newer software adds to everybody
    off = np.log(errors.of("x", "h100", "8000:1000", "pair") / later)
    np.testing.assert_allclose(np.percentile(off, (5, 50, 95)), (row.low, row.median, row.high), atol=0.01)
    assert np.log(later).std() == pytest.approx(
        np.sqrt(ERRORS["chosen", "time"].everybody) * ERRORS["chosen", "time"].root_mean_square, rel=0.02
    )
    middle = Errors(Median(), ALONE).of("x", "h100", "8000:1000", "pair")
    assert float(middle[0]) == pytest.approx(np.exp(row.median))


def test_a_longer_prompt_is_less_sure() -> None:
    errors = Errors(Worlds(10_000), ALONE)
    widths = [np.log(errors.of("x", "h100", f"{tokens}:1000", "pair")).std() for tokens in (8000, 25_000, 128_000)]
    assert widths == sorted(widths)


def test_practice_scales_everybody() -> None:
    whole, half = (
        supply(today("serving.workloads=8000:1000", f"serving.practice={each}"), Median()).workloads[0].central
        for each in (1.0, 0.5)
    )
    assert half == pytest.approx(whole / 2)


def test_a_schedule_that_no_run_has_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"serving\.schedule: got serial, the fit of runs knows best, chunked, disaggregated"
    ):
        supply(today("serving.schedule=serial"), Median())
    with pytest.raises(InputError, match=r"serving\.reached: of the best rate by kernel times"):
        supply(today("serving.reached=0.5"), Median())


def test_a_schedule_narrows_the_layouts() -> None:
    every, shared = (
        rates(Asked("gpt-oss-120b", "h200", 8, "8000:1000", 0.0, schedule)) for schedule in ("best", "chunked")
    )
    assert "prefill" in every.configuration(35.0)
    assert "prefill" not in shared.configuration(35.0)
    assert np.all(shared.at(np.array([20.0, 35.0])) <= every.at(np.array([20.0, 35.0])) * 1.001)


def test_the_command_tells_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["accuracy", "--best", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {(row["of"], row["way"]) for row in told["errors"]} == set(ERRORS)
    assert {row["by"] for row in told["compared"]} == {"fit", "reached"}
    assert all(row["measured"] > 0 for row in told["runs"])
