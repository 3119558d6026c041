"""The best batch of sharded deployments, where throughput is not monotone in batch: against every batch there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import check_best_batch

from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.serving import Limits

CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("kimi-k2.5", "b200", "8000:1000", {"tp": 8}),
    ("kimi-k2.5", "gb200-nvl72", "8000:1000", {"tp": 2, "dp": 4, "ep": 8}),
    ("kimi-k2.5", "b300", "8000:1000", {"dp": 8, "ep": 8, "speculative": "4:2.5"}),
    ("gpt-oss-120b", "h100", "8000:1000", {"tp": 2, "pp": 2}),
    ("gpt-oss-120b", "h100", "8000:1000", {"tp": 1, "schedule": "disaggregated", "prefill_replicas": 3}),
    ("deepseek-v4-pro", "b200", "128000:1000", {"tp": 4, "dp": 2, "ep": 8}),
]


@pytest.mark.parametrize(("model", "system", "workload", "options"), CASES)
@pytest.mark.parametrize("limits", [Limits(speed=35.0), Limits(speed=20.0, max_ttft=4.0)])
def test_no_batch_serves_more_than_the_best(
    model: str, system: str, workload: str, options: dict[str, Any], limits: Limits
) -> None:
    deployment, _ = deploy(model, system, workload, **options)
    most = float(serving.largest_batch(deployment, limits))
    ranks = float(deployment.placement.ranks)
    check_best_batch(serving.best_batch, deployment, limits, up_to=int(most + 40 * ranks))


def test_throughput_falls_where_one_rank_has_a_request_more() -> None:
    deployment, _ = deploy("kimi-k2.5", "b200", "8000:1000", dp=8, ep=8)
    rate = serving.rates(deployment, np.array([8.0, 9.0, 16.0])).throughput
    one, uneven, two = np.asarray(rate).tolist()
    assert uneven < one < two  # so asking every batch is no formality
