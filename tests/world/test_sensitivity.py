"""What decides the answer: indices known in closed form through the same code, one assumption moved, bad input."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import special

import fleetline as fl
from fleetline.beliefs import Array, Belief, Worlds
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world.load import load_of
from fleetline.world.sensitivity import Asked, Scored, gap, groups_of, indices, swings

WEIGHTS = {"a": 3.0, "b one": 2.0, "b two": 1.0, "c": 1.0, "idle": 0.0}
GROUPS = {"a": ["a"], "b": ["b one", "b two"], "c": ["c"], "idle": ["idle"]}


def linear(draws: Scored) -> Array:
    return np.array([np.sum([weight * draws.scores(name) for name, weight in WEIGHTS.items()], axis=0)])


def test_a_linear_answer_has_the_shares_of_its_squares() -> None:
    # by hand: 9, 4 + 1, 1 and 0 of 15; without interactions first order and total are the same
    found = indices(linear, GROUPS, 1024, 0)
    expected = [9.0 / 15.0, 5.0 / 15.0, 1.0 / 15.0, 0.0]
    assert found.total[0] == pytest.approx(expected, abs=0.01)
    assert found.first[0] == pytest.approx(expected, abs=0.03)


def ishigami(draws: Scored) -> Array:
    x, y, z = (math.pi * (2.0 * special.ndtr(draws.scores(name)) - 1.0) for name in "xyz")
    return np.array([np.sin(x) + 7.0 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)])


def test_ishigami_s_function_with_its_interaction() -> None:
    # Ishigami and Homma 1990; indices as Saltelli et al., Global Sensitivity Analysis (2008), a = 7, b = 0.1:
    # V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = b^2 pi^8 8 / 225
    v1, v2, v13 = (1.0 + 0.1 * math.pi**4 / 5.0) ** 2 / 2.0, 49.0 / 8.0, 0.01 * math.pi**8 * 8.0 / 225.0
    every = v1 + v2 + v13
    found = indices(ishigami, {name: [name] for name in "xyz"}, 4096, 0)
    assert found.first[0] == pytest.approx([v1 / every, v2 / every, 0.0], abs=0.02)
    assert found.total[0] == pytest.approx([(v1 + v13) / every, v2 / every, v13 / every], abs=0.02)


def test_the_test_above_can_fail() -> None:
    # the control: with the interaction left out its share of the third input is gone
    def without(draws: Scored) -> Array:
        x, y = (math.pi * (2.0 * special.ndtr(draws.scores(name)) - 1.0) for name in "xy")
        return np.array([np.sin(x) + 7.0 * np.sin(y) ** 2])

    found = indices(without, {name: [name] for name in "xyz"}, 4096, 0)
    assert found.total[0, 2] == 0.0
    assert found.first[0, 0] != pytest.approx(0.3139, abs=0.02)


def test_one_assumption_moved_is_its_weight_and_a_group_its_root_of_squares() -> None:
    found = swings(linear, GROUPS, 1024, 0)[:, 0, :]
    z = 1.6448536269514722
    assert found[1] == pytest.approx([3.0 * z, math.sqrt(5.0) * z, z, 0.0], rel=0.02)
    assert found[0] == pytest.approx(-found[1], rel=0.03)


@pytest.mark.parametrize("points", [0, 1, 3, 100])
def test_a_design_that_is_no_power_of_2_is_refused(points: int) -> None:
    with pytest.raises(ValueError, match="power of 2"):
        indices(linear, GROUPS, points, 0)
    with pytest.raises(InputError, match="points: got"):
        fl.sensitivity(points=points)


# --- of a scenario --------------------------------------------------------------------------------------------------------


def test_scores_by_name_give_the_worlds_they_are() -> None:
    # the scores of seeded worlds, handed over by name, are those worlds: nothing else is drawn
    chosen, worlds = scenario("today"), Worlds(8)
    asked = Asked()
    gap(chosen, asked)
    same = gap(chosen, Scored(8, {name: worlds.scores(name) for name in asked.names}))
    expected = load_of(chosen, worlds)
    assert np.array_equal(np.exp(same.log_load), np.exp(np.log(expected.total)))


def test_a_name_left_out_is_noticed() -> None:
    # the control of the test above: without the largest assumption the worlds are others
    chosen, worlds = scenario("today"), Worlds(8)
    asked = Asked()
    gap(chosen, asked)
    given = {name: worlds.scores(name) for name in asked.names if name != "serving.practice"}
    assert not np.allclose(gap(chosen, Scored(8, given)).log_load, np.log(load_of(chosen, worlds).total))


def test_draws_that_are_one_assumption_are_one_group() -> None:
    assert groups_of(["fit of runs on h100", "fit of runs"]) == {"serving.rates_by": ["fit of runs on h100", "fit of runs"]}
    found = groups_of(["sales H100", "sales growth", "sales growth AMD", "sales B200", "reached on h100", "fleet.lag"])
    assert found == {
        "chip sales": ["sales H100", "sales B200"],
        "fleet.sales_growth": ["sales growth", "sales growth AMD"],
        "serving.reached_by": ["reached on h100"],
        "fleet.lag": ["fleet.lag"],
    }


def test_what_is_certain_is_not_asked_for() -> None:
    asked = Asked()
    asked.draw("certain", Belief(1.0, 1.0, 1.0))
    asked.draw("uncertain", Belief(1.0, 0.5, 2.0))
    assert list(asked.names) == ["uncertain"]


@pytest.mark.parametrize("name", ["article", "today"])
def test_the_gap_is_log_demand_over_supply_and_its_zero_the_date(name: str) -> None:
    found = gap(scenario(name), Scored(1, {}))
    date = float(found.crossing.time[0])
    assert found.at(date)[0] == pytest.approx(0.0, abs=0.02)
    assert found.at(date - 0.5)[0] < 0.0 < found.at(date + 0.5)[0]


def test_the_answer_of_today() -> None:
    found = fl.sensitivity("today", points=64)
    totals = [line["total"]["gap"] for line in found.assumptions]
    assert totals == sorted(totals, reverse=True)
    assert list(found.deciding) == [line["name"] for line in found.assumptions[:5]]
    assert found.load_median == pytest.approx(1.0, abs=0.01)  # looked at when the median world passes
    assert found.looked_at == found.passes
    lines = {line["name"]: line for line in found.assumptions}
    # growth after the carried sales, 2027-12-31, cannot move the gap of the day
    assert lines["growth.supply"]["total"]["gap_today"] == 0.0
    # by hand: with a larger share of chips serving, load falls in proportion at the ends of its interval
    served = lines["fleet.inference_share"]
    assert served["load"]["at_p5"] / served["load"]["at_p95"] == pytest.approx(0.7 / 0.3, rel=1e-6)
    assert found.worlds == 64 * (len(lines) + 2)
    assert all(str(line["about"]) in found.words for line in found.assumptions[:5])


def test_the_same_seed_gives_the_same_indices() -> None:
    one, other = (fl.sensitivity("article", points=16, seed=1) for _ in range(2))
    assert one == other
    assert one != fl.sensitivity("article", points=16, seed=2)


def test_a_date_that_is_cut_off_is_said() -> None:
    found = fl.sensitivity("article", ["growth.horizon=2033-12-31"], points=64)
    assert found.share_after > 0.2
    assert any(line["passes"]["at_p5"] == "after 2033-12-31" for line in found.assumptions)


def refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return str(json.loads(err)["error"]["message"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--points", "100"], "points: got 100, allowed a power of 2"),
        (["--points", "1.5"], "points: got 1.5, allowed a power of 2"),
        (["--seed", "-1"], "seed: got -1"),
        (["yesterday"], "unknown scenario"),
        (["--set", "growth.supply=4..2"], "low 4 is over high 2"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capsys, ["sensitivity", *arguments])


def test_the_command_prints_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sensitivity", "article", "--points", "16"])
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert {"day", "looked_at", "passes", "deciding", "words", "assumptions", "share_before", "share_after"} <= set(found)
    line = found["assumptions"][0]
    assert {"name", "about", "low", "high", "unit", "first_order", "total", "load", "passes"} <= set(line)
    assert set(line["total"]) == {"gap", "gap_today", "date"}
