"""Demand: the article's numbers from their inputs, directions, ratios, dates, and the command."""

from __future__ import annotations

import datetime
import json
import math

import numpy as np
import pytest
from conftest import Tables
from hypothesis import given
from hypothesis import strategies as st

from fleetline.beliefs import Median, Worlds
from fleetline.catalog import load
from fleetline.catalog.rows import ApiPriceRow, ParameterRow, TokenDemandRow, direction_of
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.questions.demands import Asked, Demand, demand
from fleetline.scenario import scenario
from fleetline.world.demand import TOTALS, demand_draws, makers, moved, proxies
from fleetline.world.demand_growth import growth_draws
from fleetline.world.engineers import META, intensities, output_for, price_of
from fleetline.world.proxy import output_tokens, question, ratio_of

ARTICLE = scenario("article")
NAMES = ["google", "exponential-view", "meta", "engineers-meta", "engineers-apple-claude-opus-4.7"]
NAMES += ["engineers-apple-kimi-k2.6", "engineers", "engineers-article-low", "engineers-article-high"]


def asked(workload: str = "25000:1000", *settings: str) -> dict[str, Asked]:
    return {each.name: each for each in demand("article", workload=workload, draws=500, settings=settings).proxies}


AT_25, AT_8, AT_128 = (asked(f"{given}000:1000") for given in (25, 8, 128))


# (proxy, direction, native tok/s, workload, output tok/s, tolerance): article-numbers.md, "Number by number", and by hand
@pytest.mark.parametrize(
    ("name", "direction", "native", "at", "output", "within"),
    [
        ("google", "both", 1.22e9, AT_8, 1.35e8, 0.005),
        ("exponential-view", "both", 5.07e9, AT_8, 5.07e9 / 9, 0.005),
        ("exponential-view", "both", 5.07e9, AT_25, 1.95e8, 0.005),
        ("meta", "both", 60e12 / 30.4375 / 86400, AT_25, 60e12 / 30.4375 / 86400 / 26, 1e-9),
        ("engineers-apple-claude-opus-4.7", "output", 816e6, AT_25, 14.1e6 * 5e6 / 86400, 0.001),
        ("engineers-apple-kimi-k2.6", "output", 4.1e9, AT_25, 4.1e9, 0.002),
        ("engineers-meta", "both", 3.785e9, AT_25, 145.6e6, 0.001),
        ("engineers-article-low", "output", 163e6, AT_25, 163e6, 0.002),  # issue 4: 163 million to 4.1 billion
        ("engineers-article-high", "output", 4.1e9, AT_25, 4.1e9, 0.01),
        ("engineers-article-high", "output", 4.1e9, AT_128, 4.1e9, 0.01),  # the article states no other ratio
    ],
)
def test_the_article_s_numbers(
    name: str, direction: str, native: float, at: dict[str, Asked], output: float, within: float
) -> None:
    found = at[name]
    assert found.direction == direction
    assert found.tok_s["central"] == pytest.approx(native, rel=within)
    assert found.output_tok_s["central"] == pytest.approx(output, rel=within)


def test_what_an_engineer_asks_for_a_day() -> None:
    """$300 / (25 + 25 x (0.8 x 0.5 + 0.2 x 5)) = 5.00M; / (4 + 25 x (0.8 x 0.16 + 0.2 x 0.95)) = 25.1M; Meta 0.89M."""
    found = {name: float(each[0]) for name, each in intensities(question(ARTICLE, Median(), "1:1"), 25.0).items()}
    assert found["apple-claude-opus-4.7"] == pytest.approx(300 / 60e-6, rel=1e-12)
    assert found["apple-kimi-k2.6"] == pytest.approx(300 / 11.95e-6, rel=1e-12)
    # article-numbers.md: 0.90M, of a month of 30 days; ours has 30.44
    assert found["meta"] == pytest.approx(0.90e6 * 30 / 30.4375, rel=0.006)


def test_the_scenario_repeats_what_the_rows_say() -> None:
    """Two places hold these numbers, as one is an assumption that may change: in the article's world they agree."""
    row = next(row for row in load().rows("token_demand", TokenDemandRow) if row.series == META)
    assert ARTICLE.number("demand.meta_tokens") == row.tokens_central
    assert row.per == "month"
    known = {each.parameter: each for each in load().rows("demand_parameters", ParameterRow)}
    engineers = ARTICLE.belief("demand.engineers")
    told = known["software engineers worldwide"]
    assert (engineers.low, engineers.value, engineers.high) == (told.low, told.central, told.high)
    for key, name in (
        ("demand.daily_share", "share of developers using AI daily"),
        ("demand.allowance", "Apple token allowance per engineer"),
        ("demand.meta_employees", "Meta employees"),
    ):
        assert ARTICLE.number(key) == known[name].central


# --- every proxy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_proxy_states_direction_date_source_and_formula(name: str) -> None:
    found = AT_25[name]
    assert found.direction in {"input", "output", "both"}
    assert found.direction_stated
    assert datetime.date(2024, 1, 1) < datetime.date.fromisoformat(found.date) < datetime.date(2027, 1, 1)
    assert found.dated and found.source and found.formula and found.inputs
    assert all(each.source and math.isfinite(each.value) and each.unit for each in found.inputs)
    for interval in (found.tok_s, found.output_tok_s):
        assert 0.0 < interval["low"] <= interval["central"] <= interval["high"]


def test_the_proxies_are_these() -> None:
    assert list(AT_25) == NAMES == list(makers(ARTICLE)), "a proxy that is new is named in NAMES, above, in its place"


def test_what_the_source_leaves_open_stays_visible() -> None:
    assert AT_25["meta"].direction_stated == "not stated (taken as input+output)"
    assert AT_25["engineers-meta"].direction_stated == "not stated (taken as input+output)"


def test_longer_input_leaves_less_output_and_the_native_figure_alone() -> None:
    for name in NAMES:
        outputs = [at[name].output_tok_s["central"] for at in (AT_8, AT_25, AT_128)]
        assert AT_8[name].tok_s == AT_25[name].tok_s == AT_128[name].tok_s
        if name.startswith("engineers-article"):
            assert outputs[0] == outputs[1] == outputs[2]
        else:
            assert outputs[0] > outputs[1] > outputs[2]


def test_an_allowance_buys_output_at_the_workload_s_ratio() -> None:
    """300 / (4 + 8 x 0.318) a day and Kimi K2.6 engineer at 8:1, by hand."""
    expected = 14.1e6 * 300 / (4 + 8 * 0.318) * 1e6 / 86400
    assert AT_8["engineers-apple-kimi-k2.6"].output_tok_s["central"] == pytest.approx(expected, rel=1e-12)


def test_one_uncertain_input_scales_the_interval() -> None:
    """Engineers 20 to 50 million around 30: so is what they ask for."""
    found = AT_25["engineers-meta"].output_tok_s
    assert found["low"] / found["central"] == pytest.approx(2 / 3, rel=0.05)
    assert found["high"] / found["central"] == pytest.approx(5 / 3, rel=0.08)


def test_the_range_of_engineers_runs_from_meta_to_apple() -> None:
    settings = ("demand.engineers=30e6",)
    found = {each.name: each.output_tok_s for each in demand("article", draws=20_000, settings=settings).proxies}
    assert found["engineers"]["low"] == pytest.approx(found["engineers-meta"]["central"], rel=0.05)
    assert found["engineers"]["high"] == pytest.approx(found["engineers-apple-kimi-k2.6"]["central"], rel=0.05)
    middle = math.sqrt(found["engineers-meta"]["central"] * found["engineers-apple-kimi-k2.6"]["central"])
    assert found["engineers"]["central"] == pytest.approx(middle)


def test_engineers_are_the_same_in_every_proxy() -> None:
    one, *others = (
        each.tokens for each in proxies(question(ARTICLE, Worlds(50), "25000:1000")) if each.name in set(NAMES[3:6])
    )
    for other in others:
        assert other / one == pytest.approx(np.full(50, other[0] / one[0]))


@pytest.mark.parametrize(
    ("setting", "moves"),
    [
        ("demand.engineers=40e6", {"engineers-meta", "engineers-apple-kimi-k2.6", "engineers", "engineers-article-low"}),
        ("demand.daily_share=0.9", {"engineers-meta", "engineers-apple-kimi-k2.6", "engineers", "engineers-article-high"}),
        ("demand.allowance=100", {"engineers-apple-claude-opus-4.7", "engineers-apple-kimi-k2.6", "engineers"}),
        ("demand.cached_share=0.95", {"engineers-apple-claude-opus-4.7", "engineers-apple-kimi-k2.6", "engineers"}),
        ("demand.meta_tokens=90e12", {"meta", "engineers-meta", "engineers"}),
        ("demand.meta_employees=50000", {"engineers-meta", "engineers"}),
    ],
)
def test_every_assumption_moves_what_is_made_from_it(setting: str, moves: set[str]) -> None:
    changed = asked("25000:1000", setting)
    moved_names = {name for name in NAMES if changed[name].output_tok_s["central"] != AT_25[name].output_tok_s["central"]}
    assert moves <= moved_names
    assert not moved_names & {"google", "exponential-view"}


# --- pieces ---------------------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 1000), st.sampled_from(["input", "output", "both"]))
def test_output_and_its_input_make_the_total(ratio: float, direction: str) -> None:
    output = output_tokens(np.array([6.0]), direction_of(direction), ratio)[0]
    counted = {"input": output * ratio, "output": output, "both": output * (1 + ratio)}
    assert counted[direction] == pytest.approx(6.0)


def test_a_direction_in_words() -> None:
    assert direction_of('both (input+output, as "processed")') == "both"
    assert direction_of("not stated (taken as output)") == "output"
    assert direction_of("input") == "input"
    with pytest.raises(ValueError, match="not input, output or both"):
        direction_of("outgoing")


def test_a_direction_that_is_none_is_refused_with_its_line(tables: Tables) -> None:
    tables.put("token_demand", 3, "direction", "sideways")
    with pytest.raises(InputError, match=r"token_demand\.csv line 3, column direction: got 'sideways'"):
        load()


def test_a_free_cache_and_no_input_are_limits() -> None:
    price = price_of(load(), "kimi-k2.6", datetime.date(2026, 5, 25))
    one = np.ones(1)
    assert output_for(one, price, one, 0.0) == pytest.approx(1e6 / 4.0)  # output alone
    assert output_for(one, price, 0.0 * one, 1.0) == pytest.approx(1e6 / 4.95)  # nothing cached
    assert output_for(one, price, one, 1.0) == pytest.approx(1e6 / 4.16)  # all of it


def test_the_price_that_held_on_the_day() -> None:
    price = [price_of(load(), "deepseek-v4-pro (launch)", datetime.date(year, 1, 1)) for year in (2025, 2027)]
    assert price[0] == price[1]  # its only one
    both = {row.as_of for row in load().rows("api_prices", ApiPriceRow) if row.model == "gpt-5.5"}
    assert len(both) == 2
    assert price_of(load(), "gpt-5.5", datetime.date(2026, 5, 25)).as_of == "2026-04-23"


@pytest.mark.parametrize(
    ("setting", "field", "said"),
    [
        ("demand.price_models=kimi-k26", "demand.price_models", "did you mean 'kimi-k2.6'?"),
        ("demand.price_models=mistral-large-3", "demand.price_models", "no cached price"),
        ("demand.proxy=googel", "demand.proxy", "did you mean 'google'?"),
        ("demand.native_workload=25", "demand.native_workload", "INPUT:OUTPUT"),
        ("growth.series=Google", "growth.series", "Google | all surfaces"),
        ("growth.series_from=2026-04-01", "growth.series_from", "fewer than two dates"),
    ],
)
def test_an_assumption_that_names_nothing_is_refused(setting: str, field: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        demand("article", settings=[setting])
    assert refused.value.field == field
    assert said in refused.value.message


def test_a_series_that_is_gone_from_the_data_is_named(tables: Tables) -> None:
    line = tables.line_of("token_demand", entity="Exponential View (via Epoch)")
    tables.put("token_demand", line, "scope", "elsewhere")
    with pytest.raises(InputError, match="no row of 'Exponential View"):
        demand("article")


# --- growth and dates -----------------------------------------------------------------------------------------------------


def test_growth_is_fitted_and_google_s_stands_beside_the_article_s_ten() -> None:
    found = demand("article", draws=10)
    assert found.growth_per_year["p5"] < found.growth_per_year["p50"] < found.growth_per_year["p95"]
    assert found.growth_per_year["p50"] == pytest.approx(5.3, abs=0.1)
    assert found.growth_series[0].factor == pytest.approx(6.7, abs=0.05)  # world/README.md: 480T to 3.2Q
    assert found.comparisons[-1].printed == 10
    assert found.growth_source.startswith("fitted from 2025-04-01")


def test_growth_may_be_an_assumption() -> None:
    found = demand("article", draws=10, settings=["growth.demand=6.7..10"])
    assert found.growth_per_year == pytest.approx({"p5": 6.7, "p50": math.sqrt(67), "p95": 10})
    assert found.growth_source == "growth.demand, set on the command line, the same every year"


def test_as_of_moves_every_proxy_along_the_growth() -> None:
    still, later = (demand("article", draws=500, as_of=day, settings=["growth.demand=10"]) for day in (None, "2027-05-25"))
    for one, other in zip(still.proxies, later.proxies, strict=True):
        years = (datetime.date(2027, 5, 25) - datetime.date.fromisoformat(one.date)).days / 365
        assert other.date == "2027-05-25" and other.native_date == one.date
        assert other.output_tok_s["central"] == pytest.approx(one.output_tok_s["central"] * 10**years, rel=1e-6)
        assert "growth" in other.formula and "growth" not in one.formula


def test_moving_there_and_back_changes_nothing() -> None:
    native = proxies(question(ARTICLE, Worlds(20), "8000:1000"))[0]
    growth = growth_draws(ARTICLE, Worlds(20))
    back = moved(moved(native, datetime.date(2027, 1, 1), growth), native.date, growth)
    assert back.output == pytest.approx(native.output)


def test_a_date_before_the_data_is_refused() -> None:
    for day in ("2025-03-31", "2100-01-02", "tomorrow", "2026-13-01"):
        with pytest.raises(InputError, match="data begin there") as refused:
            demand("article", as_of=day)
        assert refused.value.field == "as_of"


def test_draws_for_the_crossover() -> None:
    worlds = Worlds(300, seed=4)
    date, tokens = demand_draws(ARTICLE, worlds, "25000:1000")
    assert date == ARTICLE.date("demand.as_of")
    assert tokens.shape == growth_draws(ARTICLE, worlds).shape == (300,)
    for name in TOTALS:
        other = scenario("article", [f"demand.proxy={name}"])
        _, found = demand_draws(other, Median(), "8000:1000")
        assert found[0] == pytest.approx(AT_8[name].output_tok_s["central"])
    with pytest.raises(InputError, match="did you mean 'google'"):
        demand_draws(scenario("article", ["demand.proxy=gogle"]), Median(), "8000:1000")


def test_the_same_seed_gives_the_same_answer_and_another_one_does_not() -> None:
    def once(seed: int) -> Demand:
        return demand("article", draws=50, seed=seed, as_of="2026-12-31")

    assert once(1) == once(1)
    assert once(1).proxies[0].tok_s != once(2).proxies[0].tok_s


def test_a_ratio_needs_two_counts() -> None:
    assert ratio_of("25000:1000") == 25.0
    for wrong in ("8000", "0:1000", "8000:0", "a:b", ""):
        with pytest.raises(InputError) as refused:
            ratio_of(wrong)
        assert refused.value.field == "workload"


@pytest.mark.parametrize(("what", "given"), [("draws", 0), ("draws", 10**7), ("seed", -1), ("draws", 1.5)])
def test_draws_and_seed_have_a_range(what: str, given: float) -> None:
    with pytest.raises(InputError) as refused:
        demand("article", **{what: given})  # type: ignore[arg-type]
    assert refused.value.field == what


# --- the command ----------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_keys_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demand", "--workload", "8000:1000", "--draws", "50", "--as-of", "2026-06-30", "--set", "growth.demand=6.7"])
    assert not stopped.value.code
    found = json.loads(capsys.readouterr().out)
    assert {"proxies", "growth_per_year"} <= set(found)
    keys = {"name", "tok_s", "direction", "output_tok_s", "date", "source"}
    assert all(keys <= set(each) and set(each["tok_s"]) == {"low", "central", "high"} for each in found["proxies"])
    assert found["growth_per_year"] == pytest.approx({"p5": 6.7, "p50": 6.7, "p95": 6.7})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--scenario", "artikel"], "scenario"),
        (["--workload", "8000"], "workload"),
        (["--as-of", "2020-01-01"], "as_of"),
        (["--draws", "0"], "draws"),
        (["--set", "demand.daily_share=1.2"], "demand.daily_share"),
    ],
)
def test_a_bad_question_is_one_line(arguments: list[str], field: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demand", *arguments])
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert out == "" and err.count("\n") == 1
    assert json.loads(err)["error"]["field"] == field
