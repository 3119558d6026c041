"""Find the best rates that the shipped scenarios ask for, and what is reached of such: `make rates` (a minute).

    python tools/rates.py src/fleetline/catalog/data

Writes `reached.csv` (best measured over best modelled rate, by system) and `rates.csv`.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fleetline import runs
from fleetline.calibration.measured import Best
from fleetline.catalog import load
from fleetline.scenario import scenario
from fleetline.world import best_rates
from fleetline.world.best_rates import Found, Question
from fleetline.world.questions import questions

SCENARIOS = ("today",)
LIKE = 0.05  # runs within 5% of 8,192:1,024 count
RATES = [*Question.__dataclass_fields__, "output_tok_s", "reason", "configuration", "source"]


def main(data: Path) -> None:
    """Both tables."""
    asked = all_asked()
    made = best_rates.source(asked)
    lines = [[*each.__dict__.values(), *_cells(best_rates.explored(each)), made] for each in asked]
    _write(data / "rates.csv", RATES, lines)
    _write(data / "reached.csv", ["system", "model", "models", "low", "central", "high", "source"], reached(made))


def all_asked() -> list[Question]:
    """Every question of the shipped scenarios."""
    return list(dict.fromkeys(each for name in SCENARIOS for each in questions(scenario(name))))


def _cells(found: Found) -> list[str]:
    return [f"{found.tok_s:.10g}", found.reason, found.configuration]


def reached(made: str) -> list[list[object]]:
    """A row a system, one a model on it, and one of all: median and 90% interval of measured over modelled."""
    ratios_of = ratios()
    logs = {system: np.array(list(each.values())) for system, each in ratios_of.items()}
    around = np.concatenate([each - np.median(each) for each in logs.values()])
    every = np.concatenate(list(logs.values()))
    spread = np.percentile(around, [5, 95])
    rows = [_row(system, each, spread, made) for system, each in sorted(logs.items())]
    own = {(system, model): log for system, each in ratios_of.items() for model, log in each.items()}
    rows += [_row(system, np.array([log]), spread, made, model) for (system, model), log in sorted(own.items())]
    return [*rows, _row("any", every, np.percentile(every - np.median(every), [5, 95]), made)]


def _row(system: str, logs: np.ndarray, spread: np.ndarray, made: str, model: str = "") -> list[object]:
    middle = float(np.median(logs))
    numbers = [f"{np.exp(middle + each):.4g}" for each in (spread[0], 0.0, spread[1])]
    return [system, model, len(logs), *numbers, f"best runs by wall time over best modelled rates, 8192:1024; {made}"]


def best_by_wall() -> list[Best]:
    """The best runs by wall time at the default speed."""
    return [best for best in runs.measured(speed=load().defaults["speed"]) if best.definition == "wall"]


def ratios() -> dict[str, dict[str, float]]:
    """By system, log of best measured over best modelled output rate of each model measured on it."""
    catalog = load()
    systems = catalog.benchmark_systems
    models = catalog.benchmark_models
    speed = catalog.defaults["speed"]
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for best in best_by_wall():
        system, model = systems.get(best.hardware), models.get(best.model)
        tokens = [float(part) for part in best.workload.split(":")]
        near = all(abs(given / wanted - 1.0) <= LIKE for given, wanted in zip(tokens, (8192.0, 1024.0), strict=True))
        if not near or not system or not model or model not in catalog.models:
            continue
        gpus = int(np.max(catalog.systems[system].gpus))
        modelled = best_rates.explored(Question(model, system, gpus, best.workload, 0.0, speed))
        if modelled.tok_s > 0.0:
            ratio = float(np.log(best.output_tok_s_gpu * gpus / modelled.tok_s))
            found[system][model] = max(ratio, found[system].get(model, -np.inf))
    return dict(found)


def median_ratio(known: Mapping[str, Mapping[str, float]], model: str, system: str, way: str) -> float:
    """What the table would say of a model on a system without the pair's ratio, the model's or the system's."""
    kept = {
        where: [
            ratio
            for of, ratio in each.items()
            if not (of == model and (way == "model" or (way == "pair" and where == system)))
        ]
        for where, each in known.items()
        if way != "chip" or where != system
    }
    own = kept.get(system, [])
    return float(np.median(own or [ratio for each in kept.values() for ratio in each]))


def _write(path: Path, header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
