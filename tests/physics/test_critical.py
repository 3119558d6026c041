"""The critical batch: where legs cross, against its definition by doubling the batch."""

from __future__ import annotations

import numpy as np
import pytest
from harness import deployments, made
from hypothesis import given

from fleetline.deployment import deploy
from fleetline.physics.critical import by_definition, by_legs
from fleetline.physics.roofline import Efficiency
from fleetline.physics.serving import Deployment


@given(deployment=deployments())
def test_where_legs_cross_is_where_twice_the_batch_takes_twice_the_time(deployment: Deployment) -> None:
    crossed, doubled = float(by_legs(deployment)), float(by_definition(deployment))
    # the definition cannot tell sums closer than 1e-12 apart, and so stops short where the other legs are far longer
    if np.isfinite(crossed) and crossed:
        assert doubled <= crossed * (1 + 1e-9)
    if np.isfinite(doubled) and 1 < doubled < 1e6:
        assert crossed == pytest.approx(doubled, rel=1e-4)


def test_an_array_has_the_critical_batches_of_its_points() -> None:
    tokens, share = np.array([[100.0], [4000.0], [90000.0]]), np.linspace(0.01, 1.0, 9)
    together = by_legs(made(input_tokens=tokens, efficiency=Efficiency(share, 0.4, 0.0)))
    for row, column in np.ndindex(3, 9):
        one = made(input_tokens=float(tokens[row, 0]), efficiency=Efficiency(float(share[column]), 0.4, 0.0))
        assert float(together[row, column]) == pytest.approx(float(by_legs(one)), rel=1e-12)


@pytest.mark.parametrize("schedule", ["serial", "chunked", "chunked-total"])
def test_a_sharded_deployment_too(schedule: str) -> None:
    deployment, _ = deploy("kimi-k2.5", "gb200-nvl72", "8000:1000", tp=4, dp=2, ep=8, schedule=schedule)
    assert float(by_legs(deployment)) == pytest.approx(float(by_definition(deployment)), rel=1e-6)
