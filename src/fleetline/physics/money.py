"""What a chip costs and how much of it is sold: every token pays for the chips, idle or not.

`rent` is the three-year rental of the catalog, `own` what owning costs at hyperscaler volume (capital, power, space), both
by chip and second whether it works or not. So a token costs the chips' price over the tokens that are sold, which are a
share `utilisation` of what the deployment could serve. Energy is that of full load: what an idle chip draws is not known.

Source: SemiAnalysis' rental and cost-of-ownership estimates, as the rows `rent_3yr` and `tco_hyperscaler` of `chip_specs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.catalog.types import System

# Price of a system [USD/s], None where it is not known, by what it is called.
PRICES: Mapping[str, Callable[[System], Numbers | None]] = MappingProxyType(
    {"rent": lambda system: system.rent, "own": lambda system: system.own}
)


@dataclass(frozen=True)
class Terms:
    """Which of `PRICES` is paid, and the share of what could be served that is sold [1]."""

    price: str = "rent"
    utilisation: Numbers = 1.0

    def usd_per_s(self, system: System) -> Numbers:
        """Price of all chips over what is sold of them [USD/s]; NaN where it is not known."""
        price = PRICES[self.price](system)
        return np.nan if price is None else price / self.utilisation


RENTED = Terms()  # and all of it sold
