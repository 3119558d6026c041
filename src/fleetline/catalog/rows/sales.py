"""Rows about the fleet: chips sold by quarter, chips announced, and as which systems they serve."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from fleetline.catalog.rows.cells import Claim, Day, NotNegative, Row, Text, ordered


class ChipSalesRow(Claim):
    """`chip_sales`: chips sold in one quarter, 5th, 50th and 95th percentile."""

    KEY = ("vintage", "chip_type", "start_date")

    vintage: Text
    designer: Text
    chip_type: Text
    start_date: Day
    end_date: Day
    units_p5: NotNegative
    units_median: NotNegative
    units_p95: NotNegative
    h100e_p5: NotNegative
    h100e_median: NotNegative
    h100e_p95: NotNegative
    incomplete: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.units_p5, self.units_median, self.units_p95, "units")
        ordered(self.h100e_p5, self.h100e_median, self.h100e_p95, "h100e")
        if self.start_date >= self.end_date:
            raise ValueError(f"end_date: {self.end_date} is not after {self.start_date}")
        return self


class ChipSalesCumulativeRow(Claim):
    """`chip_sales_cumulative`: chips sold since `series_start`, with percentiles of the sum (they do not add)."""

    KEY = ("vintage", "designer", "chip_type", "end_date")

    vintage: Text
    designer: Text
    chip_type: Text
    series_start: Day
    end_date: Day
    units_p5: NotNegative | None = None
    units_median: NotNegative
    units_p95: NotNegative | None = None
    h100e_p5: NotNegative | None = None
    h100e_median: NotNegative
    h100e_p95: NotNegative | None = None
    power_mw_p5: NotNegative | None = None
    power_mw_median: NotNegative | None = None
    power_mw_p95: NotNegative | None = None
    incomplete: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.units_p5, self.units_median, self.units_p95, "units")
        ordered(self.h100e_p5, self.h100e_median, self.h100e_p95, "h100e")
        ordered(self.power_mw_p5, self.power_mw_median, self.power_mw_p95, "power_mw")
        return self


class FleetRow(Row):
    """`fleets`: as which chip and system a name of `chip_sales` serves in a fleet.

    Without a system it does not serve, and `note` says why. `chip` only where it is not the system's; `gpus` only where a
    part of the system serves, as a slice of a pod. Where one name covers two chips, `first_day` and `last_day` (of the
    sale) and `share` divide it.
    """

    KEY = ("fleet", "chip_type", "system", "first_day")

    fleet: Text
    chip_type: Text
    chip: Text | None = None
    system: Text | None = None
    gpus: Annotated[int, Field(ge=1)] | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    note: Text | None = None

    @model_validator(mode="after")
    def _serves_or_says_why_not(self) -> Self:
        if self.system is None and (self.chip is None or self.note is None):
            raise ValueError("system: a row without one names its chip, and says why in note")
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ValueError(f"last_day: {self.last_day} is before {self.first_day}")
        return self

    def counts(self, sale: ChipSalesRow) -> bool:
        """Whether the sales of a quarter are this row's."""
        after = self.first_day is None or self.first_day <= sale.start_date
        before = self.last_day is None or sale.end_date <= self.last_day
        return self.chip_type == sale.chip_type and after and before


class AnnouncedRow(Row):
    """`announced`: a chip without sales yet, from when it is sold, and its share of its designer's arithmetic a year later.

    Without a system it serves nothing, `note` says why, and its designer's sales stay in the chips before it.
    """

    KEY = ("chip",)

    chip: Text
    designer: Text
    from_day: Day
    share: Annotated[float, Field(gt=0, le=1)]
    system: Text | None = None
    gpus: Annotated[int, Field(ge=1)] | None = None
    note: Text | None = None
