"""The backtest: nothing of later is known, planted outcomes are found, floors only refute."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import Tables
from harness import SHIPPED

import fleetline as fl
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.questions.backtests import DAY, Backtest, sales_growth, standing

API = {"scope": "first-party models via direct API", "as_of": "2026-07"}
DRAWS = 300


@pytest.fixture
def world(tables: Tables) -> Tables:
    """A catalog to change, with the benchmark rows beside it."""
    for path in SHIPPED.glob("*.parquet"):
        (tables.folder / path.name).symlink_to(path)
    return tables


@pytest.fixture(scope="module")
def shipped() -> Backtest:
    return fl.backtest(draws=DRAWS)


def points(found: Backtest) -> dict[tuple[str, str], tuple[float, ...]]:
    return {(each["quantity"], each["date"]): (each["p5"], each["p50"], each["p95"]) for each in found.targets}


def of(found: Backtest, quantity: str, date: str) -> Mapping[str, Any]:
    (each,) = [each for each in found.targets if (each["quantity"], each["date"]) == (quantity, date)]
    return each


def test_a_statement_announced_later_changes_no_forecast(world: Tables, shipped: Backtest) -> None:
    line = world.line_of("token_demand", **API)
    world.put("token_demand", line, "tokens_central", "1")
    copy = world.repeat(
        "token_demand", world.line_of("token_demand", entity="Google", scope="all surfaces", as_of="2026-05")
    )
    for column, cell in (("announced", "2026-05-26"), ("tokens_central", "1e20"), ("as_of", "2026-05-24")):
        world.put("token_demand", copy, column, cell)
    found = points(fl.backtest(draws=DRAWS))
    assert {key: found[key] for key in points(shipped)} == points(shipped)


def test_the_day_before_it_would_have(world: Tables, shipped: Backtest) -> None:
    # the control of the test above: the same row, announced in time, moves the tokens
    copy = world.repeat(
        "token_demand", world.line_of("token_demand", entity="Google", scope="all surfaces", as_of="2026-05")
    )
    for column, cell in (("announced", "2026-05-24"), ("tokens_central", "1e20"), ("as_of", "2026-05-24")):
        world.put("token_demand", copy, column, cell)
    found = points(fl.backtest(draws=DRAWS))
    key = ("tokens: Google | first-party models via direct API", "2026-07")
    assert found[key] != points(shipped)[key]


def test_a_first_estimate_of_the_world_s_total_is_a_target(shipped: Backtest) -> None:
    """AMD's was the first of its series: other estimates of the same total tell its level."""
    assert "tokens: AMD (Lisa Su keynote) | all providers worldwide" in {each["quantity"] for each in shipped.targets}


@pytest.mark.parametrize("before", [False, True])
def test_a_series_that_nobody_had_stated_yet_is_no_target(world: Tables, shipped: Backtest, *, before: bool) -> None:
    """Its level is not known, so whatever came would be inside. The control has one statement before the day."""
    series = ("Cookbook Cloud", "all models")
    placed = world.repeat("demand_series", world.line_of("demand_series", group="openai"))
    for column, cell in (("series", " | ".join(series)), ("group", "cookbook")):
        world.put("demand_series", placed, column, cell)
    api = world.line_of("token_demand", **API)
    for as_of, announced in (("2026-07", "2026-07-30"), *([("2026-03", "2026-04-01")] if before else [])):
        copy = world.repeat("token_demand", api)
        for column, cell in zip(("entity", "scope", "as_of", "announced"), (*series, as_of, announced), strict=True):
            world.put("token_demand", copy, column, cell)
    added = {each["quantity"] for each in fl.backtest(draws=DRAWS).targets} - {each["quantity"] for each in shipped.targets}
    assert added == ({"tokens: Cookbook Cloud | all models"} if before else set())


def test_a_later_edition_of_the_sales_changes_what_came_and_no_forecast(world: Tables, shipped: Backtest) -> None:
    line = world.line_of("chip_sales", vintage="2026-09-24", chip_type="B300", start_date="2026-04-01")
    for column in ("units_median", "units_p95"):
        world.put("chip_sales", line, column, "9000000")
    found = fl.backtest(draws=DRAWS)
    assert points(found) == points(shipped)
    quarter = of(found, "chips sold: Nvidia", "2026-Q2")
    assert quarter["came"] == pytest.approx(9_000_000 + 223_222 + 19_356)
    assert quarter["inside"] is False


def test_a_row_that_may_be_of_before_or_after_is_on_neither_side(shipped: Backtest) -> None:
    assert any(each.startswith("OpenRouter | platform, 2026-05 (announced 2026-05)") for each in shipped.left_out)
    assert all("2026 (talk" not in each["date"] for each in shipped.targets)


@pytest.mark.parametrize(("times", "inside"), [(1.0, True), (100.0, False), (0.01, False)])
def test_a_planted_outcome_is_found(times: float, inside: bool, world: Tables, shipped: Backtest) -> None:
    median = points(shipped)["tokens: Google | first-party models via direct API", "2026-07"][1]
    world.put("token_demand", world.line_of("token_demand", **API), "tokens_central", repr(median * times))
    found = of(fl.backtest(draws=DRAWS), "tokens: Google | first-party models via direct API", "2026-07")
    assert found["inside"] is inside
    assert found["came"] / found["p50"] == pytest.approx(times)


def test_a_floor_refutes_and_does_not_confirm(world: Tables, shipped: Backtest) -> None:
    quantity = "tokens: China (National Data Administration) | national total, daily average calls"
    low = of(shipped, quantity, "2026-05")
    assert (low["status"], low["inside"]) == ("floor", None)
    line = world.line_of("token_demand", entity="China (Premier Li Qiang)")
    world.put("token_demand", line, "tokens_central", "1e17")
    high = of(fl.backtest(draws=DRAWS), quantity, "2026-05")
    assert (high["status"], high["inside"]) == ("floor passed", False)


def test_what_came_is_what_the_rows_say(shipped: Backtest) -> None:
    # chip_sales 2026-09-24, token_demand
    assert of(shipped, "chips sold: Nvidia", "2026-Q1")["came"] == 347_290 + 992_874
    assert of(shipped, "chips sold: Nvidia", "2026-Q3")["status"] == "floor"  # part of the quarter
    assert of(shipped, "tokens: ByteDance | Doubao models, internal + external + app", "2026-06")["came"] == 1.8e14
    assert of(shipped, "tokens: OpenRouter | platform", "2026-Q3")["came"] == 2e14


def test_the_summary_is_of_the_targets(shipped: Backtest) -> None:
    scored = [each for each in shipped.targets if each["status"] == "scored"]
    (every,) = [each for each in shipped.summary if each["kind"] == "all"]
    assert every["targets"] == len(scored)
    assert every["inside"] == pytest.approx(sum(each["inside"] for each in scored) / len(scored))
    assert every["bias"] == pytest.approx(sum(each["log_error"] for each in scored) / len(scored))
    assert sum(each["targets"] for each in shipped.summary) == 2 * len(scored)


def test_the_growth_of_sales_is_of_the_old_edition(shipped: Backtest) -> None:
    line = sales_growth(shipped.vintage)
    assert line.value == shipped.sales_growth["p50"]
    # by hand: Nvidia's arithmetic in Q4 2025 over Q4 2024 was 2,958 over 1,237 thousand H100e, between the ends
    assert line.low is not None and line.high is not None
    assert line.low < 2958 / 1237 < line.high
    with pytest.raises(InputError, match="no year of sales"):
        sales_growth("1999")
    stood = standing(datetime.date(2026, 5, 25), shipped.vintage)
    assert (stood.text("fleet.vintage"), stood.text("fleet.as_of")) == (shipped.vintage, DAY)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("yesterday", "allowed a day such as"),
        ("2025-01-01", "before any edition"),
        ("2026-12-01", "after which nothing came"),
    ],
)
def test_bad_input_is_one_line(day: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backtest", "--day", day])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in json.loads(err)["error"]["message"]


def test_the_command_prints_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backtest", "--draws", "100"])
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["day"] == DAY
    keys = {"quantity", "date", "unit", "p5", "p50", "p95", "came", "known", "status", "inside", "log_error", "pinball"}
    assert set(found["targets"][0]) == keys
    assert {"kind", "targets", "inside", "bias", "spread", "pinball"} == set(found["summary"][0])
