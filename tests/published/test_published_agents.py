"""Every published figure of concurrent agents that the shipped measurements can give, with its place and its rounding.

Places: A = "How many AI agents could run on the AI chips shipped through 2027?" (Epoch AI, 5 October 2026) by its tables;
C = its code, epoch-research/compute-to-agents @230b683739d5 (data/assumptions.json, reference/report_tables.json); the
cells of agents.csv were recomputed from the 722 rows by A's rule, independently of this project.
"""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import fleetline as fl
from fleetline.catalog import table_path
from fleetline.physics.candidates import pareto
from fleetline.questions.agent_capacity import shipped_groups
from fleetline.world import agents

CELLS = list(csv.DictReader((Path(__file__).parent / "agents.csv").read_text(encoding="utf-8").splitlines()))
MARKS = {"between": "", "start": "=", "never": "-"}


@cache
def asked(speed: float = 50.0, **changed: Any) -> fl.Agents:
    return fl.agents(speed=speed, draws=10, **changed)


def printed(text: str) -> float:
    """Half a unit of the last digit that is printed."""
    digits = text.partition(".")[2]
    return 0.5 * 10.0 ** -len(digits)


@pytest.mark.parametrize("speed", [50, 100])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell['model']}-{cell['hardware']}")
def test_agents_per_gpu(cell: dict[str, str], speed: int) -> None:
    group = shipped_groups()[cell["model"], cell["hardware"]]
    text = cell[f"at_{speed}"]
    assert group.total == int(cell["rows"])
    assert MARKS[agents.how(group, speed)] == (text[0] if text[0] in "=-" else "")
    found = float(agents.agents_per_gpu(group, speed))
    if text == "-":
        assert np.isnan(found)
    else:
        assert found == pytest.approx(float(text.lstrip("=")), abs=printed(text) * (1 + 1e-9))


def test_the_cells_are_all_there_are() -> None:
    groups = shipped_groups()
    assert set(groups) == {(cell["model"], cell["hardware"]) for cell in CELLS}
    assert sum(group.total for group in groups.values()) == 722


@pytest.mark.parametrize(
    ("model", "hardware", "speed", "expected"),
    [
        ("glm5.2", "gb300", 50, 9.458333),  # C, report_tables B4, before rounding
        ("glm5.2", "gb300", 100, 7.848830),
        ("kimik3", "gb300", 50, 3.971853),
        ("kimik3", "gb300", 100, 1.765826),
        ("glm5.2", "b200", 200, 0.975),  # A, figure A2
    ],
)
def test_agents_per_gpu_with_more_digits(model: str, hardware: str, speed: float, expected: float) -> None:
    found = float(agents.agents_per_gpu(shipped_groups()[model, hardware], speed))
    assert found == pytest.approx(expected, abs=5e-7 if expected != 0.975 else 5e-4)


@pytest.mark.parametrize(("speed", "expected"), [(50, 39.8), (100, 12.4), (200, 4.6)])  # A, table A1
def test_ttft_of_the_densest_kimi_k3(speed: float, expected: float) -> None:
    best = agents.densest(shipped_groups()["kimik3", "gb300"], speed)
    assert best is not None and best.slow_ttft_s == pytest.approx(expected, abs=0.05)


# A, table 2: API revenue over rental at 50 and 100 on the GPU that costs least an agent-hour
TABLE_2 = [
    ("deepseek-v4-pro (off-peak)", "gb300", 4.4, 2.1),
    ("deepseek-v4-pro (peak)", "gb300", 8.8, 4.2),
    ("glm-5.2", "gb300", 10.5, 9.3),
    ("kimi-k3", "gb300", 4.1, 2.9),
    ("minimax-m3", "b300", 4.8, 4.1),
]


@pytest.mark.parametrize(("prices", "hardware", "at_50", "at_100"), TABLE_2, ids=str)
def test_revenue_over_rent(prices: str, hardware: str, at_50: float, at_100: float) -> None:
    for speed, expected in ((50.0, at_50), (100.0, at_100)):
        (line,) = [each for each in asked(speed).revenue if each["prices"] == prices]
        assert line["hardware"] == hardware
        assert line["revenue_over_rent"] == pytest.approx(expected, abs=0.05)


def test_gb300_equivalents() -> None:
    # A, table B2b, and C, assumptions.json: HBM3E and HBM4 in billion GB, equivalents in millions at u = 2
    for year, hbm3e, hbm4, made in ((2026, 4.108455882352941, 1.40625, 24.03), (2027, 5.270955882352942, 6.05625, 60.36)):
        found = agents.shipped(year)
        assert (found.hbm3e_gb / 1e9, found.hbm4_gb / 1e9) == pytest.approx((hbm3e, hbm4), rel=1e-15)
        assert float(found.gb300_equivalents(2.0)) / 1e6 == pytest.approx(made, abs=0.005)


# C, capacity through 2027 at P90 50 and u = 2, in full precision
FULL = {"dsv4": 1896.794715550109, "glm5.2": 570.8976396548203, "kimik3": 239.73797809964069}


@pytest.mark.parametrize("model", FULL)
def test_capacity_in_full_precision(model: str) -> None:
    (line,) = [each for each in asked(through=2027).capacity if each["model"] == model]
    assert line["agents"] / 1e6 == pytest.approx(FULL[model], rel=1e-14)


# A, table B4 (C, with agents per GPU unrounded): million agents at u = 1 and u = 4, through 2026 and 2027
B4 = [
    ("dsv4", 50, (601.7, 1062.1), (1236.0, 3218.4)),
    ("dsv4", 100, (276.2, 487.4), (567.2, 1477.0)),
    ("glm5.2", 50, (181.1, 319.7), (372.0, 968.7)),
    ("glm5.2", 100, (150.3, 265.3), (308.7, 803.8)),
    ("kimik3", 50, (76.1, 134.2), (156.2, 406.8)),
    ("kimik3", 100, (33.8, 59.7), (69.5, 180.8)),
]


@pytest.mark.parametrize(("model", "speed", "to_2026", "to_2027"), B4, ids=str)
def test_capacity_at_both_ends_of_the_uplift(
    model: str, speed: float, to_2026: tuple[float, float], to_2027: tuple[float, float]
) -> None:
    for year, ends in ((2026, to_2026), (2027, to_2027)):
        (line,) = [each for each in asked(float(speed)).capacity if (each["model"], each["through"]) == (model, year)]
        assert (line["agents_low"] / 1e6, line["agents_high"] / 1e6) == pytest.approx(ends, abs=0.05 + 1e-9)


# A, tables 1 and B3, and its text: what an agent of a closed model spends an hour, agents per GB300 and millions of agents
CLOSED = [
    ("closed frontier", 2026, (0.833, 1.667), (20.0, 40.1), (16.0, 56.3)),
    ("closed frontier", 2027, (0.833, 1.667), (50.3, 100.6), (32.8, 170.7)),
    ("GPT-5.6 Sol Codex", 2027, None, (97.35, 194.69), None),
    ("Fable 5 Claude Code", 2027, None, (30.09, 60.17), None),
]


@pytest.mark.parametrize(("model", "year", "each", "at_2", "any_uplift"), CLOSED, ids=str)
def test_closed_models_by_what_they_charge(
    model: str,
    year: int,
    each: tuple[float, float] | None,
    at_2: tuple[float, float],
    any_uplift: tuple[float, float] | None,
) -> None:
    (line,) = [found for found in asked().closed if (found["model"], found["through"]) == (model, year)]
    # measured spend is printed in cents, and the source computes with more digits
    cents = 0.0 if model == "closed frontier" else 0.005 / line["spend_usd_agent_hour"]
    for found, expected, rounding in (
        (line["agents_per_gb300"], each, 0.0005),
        ({key: value / 1e6 for key, value in line["agents"].items()}, at_2, 0.05 if cents == 0.0 else 0.005),
        ({key: value / 1e6 for key, value in line["agents_any_uplift"].items()}, any_uplift, 0.05),
    ):
        if expected is not None:
            for end, value in zip(("low", "high"), expected, strict=True):
                assert found[end] == pytest.approx(value, abs=rounding + cents * value + 1e-9)


def test_spend_of_an_agent_hour() -> None:
    # A, table A2: USD per agent-hour at API prices
    spent = {line["model"]: line["spend_usd_agent_hour"] for line in asked().closed}
    assert spent == {
        "closed frontier": 30.0,
        "GPT-5.5 Codex": 18.19,
        "GPT-5.6 Sol Codex": 15.5,
        "Opus 4.8 Claude Code": 24.34,
        "Fable 5 Claude Code": 50.16,
    }


# --- the traps of the table, counted from its columns -------------------------------------------------------------------


def column(expression: str) -> Any:
    path = str(table_path("agentx.parquet"))
    return duckdb.execute(f"select {expression} from read_parquet(?)", [path]).fetchnumpy()


def test_the_gpus_of_the_pools_are_wrong_in_91_rows_and_are_not_used() -> None:
    found = column("id::varchar as id, num_decode_gpu <> gpus_total and disagg = 0 as wrong, gpus_total as gpus")
    assert int(found["wrong"].sum()) == 91
    gpus = dict(zip(found["id"], found["gpus"].tolist(), strict=True))
    rows = [row for group in shipped_groups().values() for row in group.rows]
    assert {row.row_id: row.gpus for row in rows} == gpus


def test_long_waits_are_filtered() -> None:
    everything = {key: group.total for key, group in shipped_groups().items()}
    within = shipped_groups(30.0)
    assert sum(everything.values()) - sum(len(group.rows) for group in within.values()) == 99
    # the densest Kimi K3 configuration at 50 token/s waits 39.8 s for the first token
    kimi = float(agents.agents_per_gpu(within["kimik3", "gb300"], 50.0))
    assert kimi < float(agents.agents_per_gpu(shipped_groups()["kimik3", "gb300"], 50.0))


def test_configurations_measured_twice_both_stay() -> None:
    rows = [row for group in shipped_groups().values() for row in group.rows]
    counted = Counter((row.config, row.concurrency) for row in rows)
    assert len(rows) == 722
    assert sum(count > 1 for count in counted.values()) >= 28  # AGENTX.md counts 28, by more columns than `config` holds


def test_a_wrong_rule_is_noticed() -> None:
    """The control: with the pools' GPUs, or the median speed, or extrapolation, the published figures do not come out."""
    found = column(
        "model, hardware, conc / num_decode_gpu as wrong_gpus, conc / gpus_total as agents, "
        "p90_intvty_tok_s_user as slow, median_intvty_tok_s_user as middle"
    )
    mine = (found["model"] == "dsv4") & (found["hardware"] == "gb300")

    def at_50(speed: Any, each: Any) -> float:
        points = pareto(speed[mine].astype(float), each[mine].astype(float))
        return float(np.interp(50.0, speed[mine][points], each[mine][points]))

    assert at_50(found["slow"], found["agents"]) == pytest.approx(31.43, abs=0.005)
    for speed, each in (("middle", "agents"), ("slow", "wrong_gpus")):
        assert at_50(found[speed], found[each]) != pytest.approx(31.43, abs=0.05)
