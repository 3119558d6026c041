"""What tokens cost, rented and owned, and how much of it is sold: by hand from the catalog's rows."""

from __future__ import annotations

import numpy as np
import pytest

from fleetline.catalog import load
from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.frontiers import frontier
from fleetline.questions.planning import plan

RACK = ("kimi-k2.6", "gb200-nvl72", "8000:1000")
RENT, OWN = 4.0, 1.86  # USD a chip and hour: rows rent_3yr and tco_hyperscaler of GB200 NVL72 in chip_specs


@pytest.mark.parametrize(("price", "hourly"), [("rent", RENT), ("own", OWN)])
def test_a_token_pays_for_the_chips(price: str, hourly: float) -> None:
    found = throughput(*RACK, price=price)
    by_hand = 72 * hourly / 3600 / found.throughput_tok_s * 1e6
    assert found.cost_usd_per_mtok_output == pytest.approx(by_hand, rel=1e-12)
    prices = found.prices_usd_per_mtok
    assert 8 * prices.input + prices.output == pytest.approx(found.cost_usd_per_mtok_output, rel=1e-9)
    assert found.setting["usd_chip_hour"] == pytest.approx({"rent": RENT, "own": OWN})


def test_half_the_sales_double_the_cost_and_change_nothing_else() -> None:
    sold = np.array([1.0, 0.5, 0.25])
    found, whole = throughput(*RACK, utilisation=sold), throughput(*RACK)
    np.testing.assert_allclose(found.cost_usd_per_mtok_output, whole.cost_usd_per_mtok_output / sold, rtol=1e-12)
    np.testing.assert_allclose(found.prices_usd_per_mtok.cached_input, whole.prices_usd_per_mtok.cached_input / sold)
    assert found.throughput_tok_s.tolist() == [whole.throughput_tok_s] * 3
    assert found.energy_j_per_output_token.tolist() == [whole.energy_j_per_output_token] * 3


def test_an_unknown_price_stays_unknown() -> None:
    chip = load().systems["h20"].chip
    assert chip.own is None
    found = throughput("gpt-oss-120b", "h20", price="own")
    assert found.feasible
    assert np.isnan(found.cost_usd_per_mtok_output)
    assert found.setting["usd_chip_hour"]["own"] is None


@pytest.mark.parametrize(
    ("options", "field"),
    [({"price": "lease"}, "price"), ({"price": 3}, "price"), ({"utilisation": 0}, "utilisation"),
     ({"utilisation": 1.2}, "utilisation")],
)  # fmt: skip
def test_bad_terms_are_one_line(options: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as refused:
        throughput(*RACK, **options)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert "\n" not in refused.value.message


def test_the_frontier_is_priced_as_asked() -> None:
    rented, owned = (frontier("gpt-oss-120b", "h100", "1000:1000", price=price) for price in ("rent", "own"))
    ratio = owned.cost_usd_per_mtok_output / rented.cost_usd_per_mtok_output
    np.testing.assert_allclose(ratio, 1.17 / 2.0, rtol=1e-12)  # H100: tco_hyperscaler over rent_3yr


def test_a_plan_leaves_headroom_and_pays_for_it() -> None:
    full, spare = (
        plan("gpt-oss-120b", "1000:1000", requests_per_s=400, systems="h100", price="own", max_utilisation=most)[0]
        for most in (1.0, 0.5)
    )
    assert full.gpus is not None and spare.gpus is not None and spare.utilisation is not None
    assert spare.utilisation <= 0.5
    assert spare.gpus >= 2 * full.gpus * 0.9
    assert spare.cost_usd_hour == pytest.approx(spare.gpus * 1.17)
    paid = 1000 * (spare.price_usd_mtok_input + spare.price_usd_mtok_output) / 1e6 * 400 * 3600  # type: ignore[operator]
    assert paid == pytest.approx(spare.cost_usd_hour, rel=1e-9)


@pytest.mark.parametrize("most", [0, 1.5, [0.5, 0.6]])
def test_bad_headroom_is_one_line(most: object) -> None:
    with pytest.raises(InputError) as refused:
        plan("gpt-oss-120b", "1000:1000", requests_per_s=1, systems="h100", max_utilisation=most)  # type: ignore[arg-type]
    assert refused.value.field == "max_utilisation"
