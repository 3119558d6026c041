"""One Pydantic model per catalog table: which columns there are, what a cell may hold. Units as the source prints them.

A file for each kind of thing that is claimed; `cells` has what they share.
"""

from fleetline.catalog.rows.article import ArticleNumberRow
from fleetline.catalog.rows.benchmarks import BenchmarkLicenceRow, BenchmarkModelRow, HardwareRow, RecipeRow, SpeculationRow
from fleetline.catalog.rows.cells import Claim, Row
from fleetline.catalog.rows.chips import CHIP_QUANTITIES, KERNEL_QUANTITIES, ChipSpecRow, KernelTimeRow, SystemRow
from fleetline.catalog.rows.demand import (
    ApiPriceRow,
    DemandSeriesRow,
    Direction,
    FactRow,
    ParameterRow,
    ServingSpeedRow,
    TokenDemandRow,
    direction_of,
)
from fleetline.catalog.rows.made import (
    BestRunRow,
    FittedErrorRow,
    FittedRateRow,
    LedgerRow,
    PooledErrorRow,
    PooledKernelRow,
    PooledLawRow,
    RateRow,
    ReachedRow,
)
from fleetline.catalog.rows.models import CheckpointRow, FormatRow, ModelRow
from fleetline.catalog.rows.presets import COSTS, COUNTINGS, PresetRow
from fleetline.catalog.rows.sales import AnnouncedRow, ChipSalesCumulativeRow, ChipSalesRow, FleetRow

__all__ = [
    "CHIP_QUANTITIES",
    "COSTS",
    "COUNTINGS",
    "KERNEL_QUANTITIES",
    "AnnouncedRow",
    "ApiPriceRow",
    "ArticleNumberRow",
    "BenchmarkLicenceRow",
    "BenchmarkModelRow",
    "BestRunRow",
    "CheckpointRow",
    "ChipSalesCumulativeRow",
    "ChipSalesRow",
    "ChipSpecRow",
    "Claim",
    "DemandSeriesRow",
    "Direction",
    "FactRow",
    "FittedErrorRow",
    "FittedRateRow",
    "FleetRow",
    "FormatRow",
    "HardwareRow",
    "KernelTimeRow",
    "LedgerRow",
    "ModelRow",
    "ParameterRow",
    "PooledErrorRow",
    "PooledKernelRow",
    "PooledLawRow",
    "PresetRow",
    "RateRow",
    "ReachedRow",
    "RecipeRow",
    "Row",
    "ServingSpeedRow",
    "SpeculationRow",
    "SystemRow",
    "TokenDemandRow",
    "direction_of",
]
