"""The critical batch: where legs cross, against its definition by doubling the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import deployments, made, made_chip
from hypothesis import given

from fleetline.catalog import load
from fleetline.deployment import deploy
from fleetline.physics.critical import by_definition, by_legs, critical_batch
from fleetline.physics.network import Fabric
from fleetline.physics.placement import Pooled
from fleetline.physics.roofline import Efficiency
from fleetline.physics.serving import Deployment
from fleetline.physics.sharding import Degrees


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


def test_an_array_of_which_every_point_leaves_experts_unread() -> None:
    # quick memory: the roofs are flat from a few requests on, too few to need every expert
    tokens, share = np.array([[4000.0], [8000.0], [16000.0]]), np.array([0.6, 0.8])
    chip = made_chip(bandwidth=2e13)
    together = by_legs(made(chip=chip, input_tokens=tokens, efficiency=Efficiency(share, 0.4, 0.0)))
    for row, column in np.ndindex(3, 2):
        efficiency = Efficiency(float(share[column]), 0.4, 0.0)
        one = by_legs(made(chip=chip, input_tokens=float(tokens[row, 0]), efficiency=efficiency))
        assert 1.0 < float(one) < 100.0
        assert float(together[row, column]) == pytest.approx(float(one), rel=1e-12)


def test_two_pools_are_asked_by_the_definition() -> None:
    # three decode replicas, each of whose roofs is flat from the same load on
    fabric = Fabric(1e12, 72.0, load().timings_of("B200 SXM").collectives, 1e-5, 5e10, (0.0, 1.0))
    deployment = replace(made(gpus=4, schedule="disaggregated"), placement=Pooled(Degrees(), 4.0, fabric, 1.0))
    defined, crossed = float(by_definition(deployment)), float(by_legs(deployment))
    assert defined != pytest.approx(crossed, rel=0.01)  # the legs of one machine are not those of two pools
    assert float(critical_batch(deployment)) == 3.0 * defined


@pytest.mark.parametrize("schedule", ["serial", "chunked", "chunked-total"])
def test_a_sharded_deployment_too(schedule: str) -> None:
    deployment, _ = deploy("kimi-k2.5", "gb200-nvl72", "8000:1000", tp=4, dp=2, ep=8, schedule=schedule)
    assert float(by_legs(deployment)) == pytest.approx(float(by_definition(deployment)), rel=1e-6)
