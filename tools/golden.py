"""Write the golden study, the headline numbers of the whole chain at a fixed seed: `make golden`.

    python tools/golden.py tests/golden/study.csv

One line a number: name, unit, value. `tests/golden` finds every number anew and holds it to the file; whoever moves one on
purpose runs `make golden`, and the diff shows what moved.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import fleetline as fl
from fleetline.scenario import Scenario, scenario

SCENARIOS = ("article", "today")

# Over the last of the digits written (8), the order of sums (1e-12), where searches stop (1e-9) and the single precision of
# the stored fit (1e-7); under what any input changed by a percent does, which is a thousandth or more.
TOLERANCE = 1e-5
DAYS = 1  # a date is rounded to its day

Line = tuple[str, str, float | str]


def main(path: Path) -> None:
    """Write the file."""
    path.write_text(as_csv(every_line()), encoding="utf-8")


def every_line() -> list[Line]:
    """Every number of every section, its name beginning with the section's."""
    return [line for section in SECTIONS for line in lines_of(section)]


def lines_of(section: str) -> list[Line]:
    """The numbers of one section."""
    return [(f"{section}, {name}", unit, value) for name, unit, value in SECTIONS[section]()]


def as_csv(lines: list[Line]) -> str:
    """The file's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "unit", "value"))
    writer.writerows((name, unit, written(value)) for name, unit, value in lines)
    return out.getvalue()


def written(value: float | str) -> str:
    """A number with the digits that are compared, and three more."""
    return value if isinstance(value, str) else f"{value:.8g}"


def moved(golden: Mapping[str, tuple[str, str]], lines: list[Line]) -> list[str]:
    """What is no longer as the file says, a line each: what it was, what it is, by how much."""
    found = {name: (unit, value) for name, unit, value in lines}
    told = [f"{name}: in the file and not found" for name in golden if name not in found]
    told += [f"{name}: found and not in the file" for name in found if name not in golden]
    for name, (unit, value) in found.items():
        if name in golden and (golden[name][0] != unit or not _same(golden[name][1], value)):
            was = " ".join(reversed(golden[name]))
            told.append(f"{name}: {was} is now {written(value)} {unit}{_by(golden[name][1], value)}")
    return told


def _same(text: str, value: float | str) -> bool:
    if isinstance(value, str):
        return text == value or _days(text, value) <= DAYS
    return math.isclose(float(text), value, rel_tol=TOLERANCE)


def _days(one: str, other: str) -> float:
    try:
        return abs((datetime.date.fromisoformat(one) - datetime.date.fromisoformat(other)).days)
    except ValueError:  # "after 2035-12-31"
        return math.inf


def _by(text: str, value: float | str) -> str:
    if isinstance(value, str):
        return ""
    before = float(text)
    return f" ({value / before - 1.0:+.4%})" if before else ""


# --- the sections --------------------------------------------------------------------------------------------------------

CASES: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    ("kimi-k2.6", "gb200-nvl72", "8000:1000", {"preset": "ideal"}),
    ("kimi-k2.6", "gb200-nvl72", "8000:1000", {"preset": "article", "speculative": "8:3"}),
    ("kimi-k2.6", "gb200-nvl72", "128000:1000", {"preset": "article", "schedule": "serial"}),
    ("kimi-k2.6", "b200", "8000:1000", {"preset": "fitted"}),
    ("deepseek-v3.2", "h200", "8000:1000", {"preset": "kernels", "tp": 8}),
    ("kimi-k3", "gb300-nvl72", "25000:1000", {"preset": "kernels", "tp": 4, "dp": 2, "ep": 8, "schedule": "disaggregated"}),
    ("gpt-oss-120b", "mi355x", "8000:1000", {"preset": "kernels", "tp": 1}),
    ("gpt-oss-120b", "h100", "120000:1000", {"preset": "kernels", "tp": 2, "prefix_hit": 0.95}),
)


def _deployments() -> Iterator[Line]:
    for model, system, workload, options in CASES:
        found = fl.throughput(model, system, workload, **options)
        name = " ".join([model, system, workload, *(f"{key} {value}" for key, value in options.items())])
        yield f"{name}, throughput", "token/s", float(found.throughput_tok_s)
        yield f"{name}, batch", "request", float(found.batch)
        yield f"{name}, TTFT", "s", float(found.ttft_s)
        yield f"{name}, TPOT", "s", float(found.tpot_s)
        yield f"{name}, cost", "USD/Mtoken", float(found.cost_usd_per_mtok_output or math.nan)
        yield f"{name}, energy", "J/token", float(found.energy_j_per_output_token or math.nan)


def _plan() -> Iterator[Line]:
    for option in fl.plan("kimi-k2.6", "8000:1000", users=1000, speed=35.0, systems=["b200", "gb200-nvl72", "h200"]):
        yield f"{option.system}, chips", "1", float(option.gpus or 0.0)
        yield f"{option.system}, cost", "USD/h", float(option.cost_usd_hour or math.nan)
        yield f"{option.system}, TTFT", "s", float(option.ttft_s or math.nan)


ROWS = ("dsr1", "gptoss120b", "kimik2.5")  # of each, one run on H200 and one on B200


def _predict() -> Iterator[Line]:
    for preset in ("fitted", "kernels", "article"):
        for model in ROWS:
            for hardware in ("h200", "b200"):
                found = fl.predict(preset=preset, where=f"model={model},hardware={hardware}").table()
                row = next((each for each in found if not each["reason"]), None)
                if row is not None:
                    name = f"row {row['row_id']} ({model} {hardware}) by {preset}"
                    yield f"{name}, TPOT", "s", float(str(row["predicted_tpot_s"]))
                    yield f"{name}, TTFT", "s", float(str(row["predicted_ttft_s"]))


def _supply(world: Scenario) -> Iterator[Line]:
    for each in fl.supply(world, measured=False).workloads:
        yield from _quantiles(each["workload"], "token/s", each["output_tok_s"])
        yield f"{each['workload']}, a person and month", "token", each["per_person_month"]
        for one in each["by_system"]:
            yield f"{each['workload']} {one['system']}, median", "token/s", one["output_tok_s"]["p50"]


def _measured(world: Scenario) -> Iterator[Line]:
    for each in fl.supply(world).measured:
        yield f"{each['workload']} by {each['definition']}, median", "token/s", each["output_tok_s"]["p50"]


def _demand(world: Scenario) -> Iterator[Line]:
    found = fl.demand(world)
    for each in found.proxies:
        yield from _quantiles(f"{each.name}, output", "token/s", each.output_tok_s)
    yield from _quantiles("growth", "factor/year", found.growth_per_year)


def _crunch(world: Scenario) -> Iterator[Line]:
    found = fl.crunch(world)
    yield from _quantiles("growth of supply", "factor/year", found.supply_growth_per_year)
    for each in found.workloads:
        yield from _quantiles(f"{each['workload']} passes", "date", each["crossover"])
        yield f"{each['workload']} passed by the end of 2030", "probability", each["probability_by_year"][2030]
    if found.mix is not None:
        yield from _mix(found.mix)


def _mix(mix: Mapping[str, Any]) -> Iterator[Line]:
    yield from _quantiles("tokens asked for", "token/s", mix["tokens_asked_tok_s"])
    yield from _quantiles("demand", "reference token/s", mix["demand_tok_s"])
    yield from _quantiles("supply", "reference token/s", mix["supply_tok_s"])
    yield from _quantiles("load", "1", mix["load"])
    yield from _quantiles("mix passes", "date", mix["crossover"])
    for each in mix["classes"]:
        yield f"{each['tier']} {each['shape']}, weight, median", "reference token", each["weight"]["p50"]
        yield f"{each['tier']} {each['shape']}, serves alone, median", "token/s", each["serves_alone_tok_s"]["p50"]


def _market(world: Scenario) -> Iterator[Line]:
    found = fl.market(world)
    for each in found.years[:4]:
        yield from _quantiles(f"{each['year']}, price over trend", "1", each["price_over_trend"])
    yield from _quantiles("revenue over cost", "1", found.owning["revenue_over_cost"])
    yield "no crunch", "probability", found.no_crunch["probability"]


def _energy(world: Scenario) -> Iterator[Line]:
    found = fl.energy(world)
    for name, interval in found.power_gw.items():
        yield from _quantiles(name, "GW", interval)
    for each in found.tokens:
        yield f"{each['case']} {each['workload']}, median", "J/token", each["j_output_token"]["p50"]
    for each in found.checks:
        yield f"{each['what']} {each['date']}, ours over published, median", "1", each["ours_over_published"]["p50"]


def _agents(world: Scenario) -> Iterator[Line]:
    found = fl.agents(world)
    for cell in found.cells:
        yield f"{cell['model']} {cell['hardware']}", "agent/GPU", float(cell["agents_per_gpu"] or 0.0)
    for each in found.fleet:
        yield from _quantiles(f"fleet with {each['model']}", "agent", each["agents"])


def _quantiles(name: str, unit: str, interval: Mapping[str, float | str]) -> Iterator[Line]:
    for quantile, value in interval.items():
        yield f"{name}, {quantile}", unit, value


_OF_A_WORLD: Mapping[str, Callable[[Scenario], Iterator[Line]]] = {
    "supply": _supply,
    "measured": _measured,
    "demand": _demand,
    "crunch": _crunch,
    "market": _market,
    "energy": _energy,
    "agents": _agents,
}


def _asking(ask: Callable[[Scenario], Iterator[Line]], name: str) -> Callable[[], Iterator[Line]]:
    return lambda: ask(scenario(name))


SECTIONS: Mapping[str, Callable[[], Iterator[Line]]] = {
    "deployment": _deployments,
    "plan": _plan,
    "predict": _predict,
    **{
        f"{name} {question}": _asking(ask, name)
        for name in SCENARIOS
        for question, ask in _OF_A_WORLD.items()
        if question != "market" or name == "today"  # the article says nothing of prices
    },
}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
