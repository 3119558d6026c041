"""What the fleet could serve: the article's world, hand-solved fleets, and draws that are shared where they must be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import numpy as np
import pytest
from conftest import Tables
from hypothesis import given, settings
from hypothesis import strategies as st

import fleetline as fl
from fleetline.beliefs import Array, Belief, Draws, Median, Worlds
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.scenario import Scenario, scenario
from fleetline.world import supply as module
from fleetline.world.fleet import Fleet, fleet
from fleetline.world.growth import history
from fleetline.world.supply import Supply, measured_supply, supply

FITTED = ("serving.preset=fitted",)
INTERFACE_KEYS = {"workload", "output_tok_s", "per_person_month", "by_system"}


def at_medians(*lines: str) -> Supply:
    return supply(scenario(settings=lines), Median())


# --- the article's world ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workload", "output_tok_s", "per_person_month"),
    # article-numbers.md: "500 million to 20 billion tok/s" and "150,000 to 7 million tokens per person and month"; its
    # middle row has no figure per person. 2%: the tolerance; its recomputed figures have two to three digits
    [("8000:1000", 1.97e10, 6.3e6), ("25000:1000", 5.47e9, None), ("128000:1000", 4.62e8, 148_000)],
)
def test_the_article_s_world(workload: str, output_tok_s: float, per_person_month: float | None) -> None:
    found = {each.workload: each for each in at_medians().workloads}[workload]
    assert found.central == pytest.approx(output_tok_s, rel=0.02)
    assert float(found.output_tok_s[0]) == found.central
    # a month is a twelfth of the year that every other period is a part of: 365.25 days
    a_year = float(found.per_person_month[0]) * 12.0 * scenario("article").number("world.population")
    assert a_year == pytest.approx(found.central * 365.25 * 86_400.0, rel=1e-12)
    if per_person_month is not None:
        assert float(found.per_person_month[0]) == pytest.approx(per_person_month, rel=0.02)


def test_the_ideal_world_without_speculation() -> None:
    # article, Speculative decoding: "36 billion tok/s"; article-numbers.md: 36.3e9 without speculation, 32.2e9 with
    for speculative, expected in (("none", 36.3e9), ("8:3", 32.2e9)):
        found = at_medians("serving.preset=ideal", f"serving.speculative={speculative}")
        assert found.workloads[0].central == pytest.approx(expected, rel=0.005)


def test_racks_as_the_article_counts_them() -> None:
    # article-numbers.md, fleet: 1,918,560 GB200 and 1,500,691 GB300, / 72; a GB200 rack serves 375,700 tok/s at 8k
    first, second = at_medians().workloads[0].by_system
    assert (first.system, second.system) == ("gb200-nvl72", "gb300-nvl72")
    assert float(first.racks[0]) == pytest.approx(1_918_560 / 72)
    assert float(second.racks[0]) == pytest.approx(1_500_691 / 72)
    assert float(first.throughput_tok_s[0]) == pytest.approx(375_700, rel=0.001)


def test_the_same_chips_at_the_measured_rates() -> None:
    # article-numbers.md, what the article could not see: 1,493 (GB200) and 1,207 (GB300) output tok/s a GPU of Kimi K2.5 at
    # 1/TPOT >= 35, "the measured frontier gives 4.7 billion tok/s"; by wall time it is lower: TTFT counts
    found = {each.definition: each for each in measured_supply(scenario(), Median())}
    assert float(found["tpot"].output_tok_s[0]) == pytest.approx(4.7e9, rel=0.01)
    assert [each.output_tok_s_gpu for each in found["tpot"].systems] == pytest.approx([1493, 1207], rel=0.001)
    assert float(found["wall"].output_tok_s[0]) < float(found["tpot"].output_tok_s[0])
    assert {each.workload for each in found.values()} == {"8000:1000"}  # none was measured near 25k or 128k


# --- the fleet of every chip --------------------------------------------------------------------------------------------


def test_chips_that_cannot_serve_are_listed_with_their_reason() -> None:
    found = at_medians("fleet.name=all", "fleet.vintage=2026-09-24")
    boards = {each.system: each for each in found.workloads[0].by_system}
    assert float(boards["ascend-910b"].output_tok_s[0]) == 0.0
    assert boards["ascend-910b"].reason.startswith("memory: weights, cache and activations do not fit")
    assert float(boards["ascend-910b"].chips[0]) == pytest.approx(600_000)  # chip_sales, 2026-09-24
    assert {each.chip_type for each in found.not_counted} >= {"MI350X", "TPU v4", "Siyuan 590", "Trainium1"}
    assert all(each.reason and float(each.chips[0]) > 0 for each in found.not_counted)


def test_every_chip_of_the_data_is_served_or_listed() -> None:
    lines = ("fleet.name=all", "fleet.vintage=2026-09-24")
    found = at_medians(*lines)
    whole = fleet(scenario(settings=lines), Median()).units(found.as_of)
    listed = [each.chips for each in found.workloads[0].by_system] + [each.chips for each in found.not_counted]
    assert float(np.sum(listed)) == pytest.approx(float(np.sum(whole)))


def test_every_chip_serves_more_than_the_article_s() -> None:
    few, all_ = at_medians(), at_medians("fleet.name=all")
    for one, other in zip(few.workloads, all_.workloads, strict=True):
        assert other.central > one.central


def test_a_system_without_a_needed_specification_serves_nothing_and_says_so(tables: Tables) -> None:
    line = tables.line_of("chip_specs", chip="A100 SXM 80GB", quantity="hbm_bandwidth", preferred="1")
    tables.put("chip_specs", line, "preferred", "0")
    found = at_medians("fleet.name=all")
    (board,) = (each for each in found.workloads[0].by_system if each.system == "a100")
    assert float(board.output_tok_s[0]) == 0.0
    assert board.reason == "system a100: no hbm_bandwidth is known of A100 SXM 80GB"
    assert found.workloads[0].central > 2e10  # the others still serve


def test_incomplete_quarters_before_the_day_are_said() -> None:
    assert at_medians().incomplete == ()
    late = at_medians("fleet.as_of=2026-02-15")
    assert late.incomplete == ("2026-03-31: B200: part of the quarter; B300: part of the quarter",)


# --- properties ---------------------------------------------------------------------------------------------------------


@settings(max_examples=8)
@given(factor=st.floats(0.01, 100.0))
def test_supply_is_proportional_to_the_chips(factor: float) -> None:
    """Twice the chips serve twice as much: patched where supply asks for its fleet."""

    def scaled(asked: Scenario, draws: Draws, name: str | None = None) -> Fleet:
        found = fleet(asked, draws, name)
        return replace(found, members=tuple(replace(each, sold=factor * each.sold) for each in found.members))

    asked = scenario(settings=FITTED)
    plain = supply(asked, Worlds(20))
    with patch.object(module, "fleet", scaled):
        more = supply(asked, Worlds(20))
    for one, other in zip(plain.workloads, more.workloads, strict=True):
        assert other.output_tok_s == pytest.approx(factor * one.output_tok_s)
        assert other.central == pytest.approx(factor * one.central)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    asked = scenario(settings=FITTED)
    first, again, other = (supply(asked, Worlds(50, seed)).workloads[0].output_tok_s for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_whole_is_the_sum_of_its_systems_in_every_world() -> None:
    for each in supply(scenario(settings=(*FITTED, "fleet.name=all")), Worlds(50)).workloads:
        parts: Sequence[Array] = [system.chips / system.gpus * system.throughput_tok_s for system in each.by_system]
        assert each.output_tok_s == pytest.approx(np.sum(parts, axis=0))


def test_longer_contexts_and_faster_users_are_served_less_in_every_world() -> None:
    short, middle, long = (each.output_tok_s for each in supply(scenario(settings=FITTED), Worlds(200)).workloads)
    assert np.all(short > middle) and np.all(middle > long)
    fast = supply(scenario(settings=(*FITTED, "serving.speed=60")), Worlds(200)).workloads[0].output_tok_s
    assert np.all(fast <= short)


def test_a_scenario_s_efficiency_stands_in_the_preset_s_place() -> None:
    own = [f"serving.{key}" for key in ("compute_efficiency=0.65", "bandwidth_efficiency=0.3", "step_latency=0.005")]
    assert at_medians("serving.preset=ideal", *own).workloads[0].central == at_medians().workloads[0].central


# --- one draw for one quantity ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Redrawn:
    """What must not be: every question about a quantity is answered with new numbers."""

    count: int
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def scores(self, name: str) -> Array:  # noqa: ARG002  (no name is remembered)
        return self.rng.standard_normal(self.count)

    def draw(self, name: str, belief: Belief) -> Array:
        return belief.at(self.scores(name))


def used_twice_is_drawn_once(draws: Draws) -> bool:
    """Whether supply, and the history at the quarter's end, rest on the same chips and efficiencies in every world."""
    asked = scenario(settings=FITTED)
    found, past = supply(asked, draws), history(asked, draws)
    last = past.dates.index(found.as_of)
    return all(
        np.allclose(each.output_tok_s, past.output_tok_s[each.workload][last], rtol=1e-12) for each in found.workloads
    )


def test_a_quantity_used_twice_is_the_same_draw() -> None:
    assert used_twice_is_drawn_once(Worlds(50))


def test_draws_that_change_between_questions_are_caught() -> None:
    assert not used_twice_is_drawn_once(Redrawn(50))


def test_the_workloads_share_their_chips_and_their_efficiencies() -> None:
    # the efficiencies move all workloads together: independent draws would have rank correlations near 0
    first, _, third = supply(scenario(settings=FITTED), Worlds(2000)).workloads
    assert np.array_equal(first.by_system[0].chips, third.by_system[0].chips)
    assert np.corrcoef(np.log(first.output_tok_s), np.log(third.output_tok_s))[0, 1] > 0.9


# --- from outside -------------------------------------------------------------------------------------------------------


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(("supply", *arguments))
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_the_command_gives_the_keys_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("--preset", "article", "--fleet", "article", "--as-of", "2025-12-31", capsys=capsys)
    answer = json.loads(out)
    assert code == 0
    assert [each["workload"] for each in answer["workloads"]] == ["8000:1000", "25000:1000", "128000:1000"]
    for each, world in zip(answer["workloads"], (1.97e10, 5.47e9, 4.62e8), strict=True):
        assert set(each) >= INTERFACE_KEYS
        assert set(each["output_tok_s"]) == {"p5", "p50", "p95"}
        assert each["output_tok_s"]["p50"] == pytest.approx(world, rel=0.02)
    assert "do not add" in answer["note"]
    assert {each["definition"] for each in answer["measured"]} == {"wall", "tpot"}


def test_the_named_options_are_short_for_settings() -> None:
    long = ["fleet.name=all", "serving.preset=fitted", "serving.speculative=none", "serving.speed=20"]
    long += ["serving.workloads=8000:1000", "fleet.as_of=2025-06-30"]
    short = fl.supply(
        fleet="all",
        preset="fitted",
        speculative="none",
        speed=20,
        workload="8000:1000",
        as_of="2025-06-30",
        draws=20,
        measured=False,
    )
    same = fl.supply(settings=long, draws=20, measured=False)
    assert short.workloads == same.workloads
    assert len(short.workloads) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--set", "fleet.vintage=2031"], "fleet.vintage"),
        (["--as-of", "2024-09-30"], "fleet.as_of"),
        (["--as-of", "2026-04-01"], "fleet.as_of"),
        (["--as-of", "31.12.2025"], "fleet.as_of"),
        (["--fleet", "everything"], "fleet.name"),
        (["--set", "fleet.sales_correlation=1.5"], "fleet.sales_correlation"),
        (["--set", "serving.speed=40..30"], "serving.speed"),
        (["--set", "fleet.names=all"], "key"),
        (["--set", "serving.model=kimi"], "model"),
        (["--preset", "ideel"], "preset"),
        (["--workload", "8000"], "workload"),
        (["--speculative", "3:8"], "speculative"),
        (["--set", "serving.schedule=none"], "schedule"),
        (["--scenario", "nowhere"], "scenario"),
        (["--draws", "0"], "draws"),
        (["--draws", "1.5"], "draws"),
        (["--seed", "-1"], "seed"),
        (["--speed", "fast"], "speed"),
    ],
)
def test_a_bad_question_is_one_line_that_names_the_key(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert json.loads(err)["error"]["field"] == named


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InputError, match="unknown option 'flet'; did you mean 'fleet'"):
        fl.supply(flet="all")  # type: ignore[call-arg]
