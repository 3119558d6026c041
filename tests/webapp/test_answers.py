"""Every address answers what its command does: the same keys, the same numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from fleetline.cli import main

_ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "throughput kimi-k2.6 gb200-nvl72 --speculative 8:3 --breakdown": (
        "throughput",
        {"model": "kimi-k2.6", "system": "gb200-nvl72", "speculative": "8:3", "breakdown": "true"},
    ),
    "throughput gpt-oss-120b b200 --tp 2 --ep 2 --batch 64 --workload 2000:500": (
        "throughput",
        {"model": "gpt-oss-120b", "system": "b200", "tp": 2, "ep": 2, "batch": 64, "workload": "2000:500"},
    ),
    "frontier kimi-k2.6 gb200-nvl72 --preset article --points 6": (
        "frontier",
        {"model": "kimi-k2.6", "system": "gb200-nvl72", "preset": "article", "points": 6},
    ),
    "plan gpt-oss-120b --requests-per-s 20 --systems b200,h100": (
        "plan",
        {"model": "gpt-oss-120b", "requests_per_s": 20, "systems": "b200,h100"},
    ),
    "supply --draws 50 --set serving.speed=20..50": ("supply", {"draws": 50, "set": "serving.speed=20..50"}),
    "demand --draws 50 --workload 25000:1000": ("demand", {"draws": 50, "workload": "25000:1000"}),
    "crunch article --draws 50 --seed 3": ("crunch", {"scenario": "article", "draws": 50, "seed": 3}),
    "crunch today --draws 20 --set fleet.inference_share=0.4 --set fleet.busy_share=0.8": (
        "crunch",
        {"scenario": "today", "draws": 20, "set": ["fleet.inference_share=0.4", "fleet.busy_share=0.8"]},
    ),
    "market today --draws 20": ("market", {"scenario": "today", "draws": 20}),
    "measured --where model=kimik2.5 --speed 35": ("measured", {"where": "model=kimik2.5", "speed": 35}),
    "accuracy": ("accuracy", {}),
    "energy --draws 20": ("energy", {"draws": 20}),
    "agents --model kimi-k3 --draws 20": ("agents", {"model": "kimi-k3", "draws": 20}),
    "models": ("models", {}),
    "models kimi-k2.6": ("models", {"name": "kimi-k2.6"}),
    "systems": ("systems", {}),
    "assumptions article --find price": ("assumptions", {"scenario": "article", "find": "price"}),
    "sources": ("sources", {}),
}


def command(line: str, capsys: pytest.CaptureFixture[str]) -> Any:
    with pytest.raises(SystemExit):
        main([*line.split(), "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("line", _ASKED)
def test_an_address_answers_as_its_command(line: str, client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    path, query = _ASKED[line]
    found = client.get(f"/api/v1/{path}", params=query)
    assert found.status_code == 200, found.text
    assert found.json() == command(line, capsys)
