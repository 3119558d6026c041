"""Rows about chips: their figures, the systems they are sold in, and how long their kernels take."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fleetline.catalog.rows.cells import Claim, NotNegative, Row, Text, a_date, in_column, ordered, positive_number
from fleetline.errors import InputError
from fleetline.units import base_of, to_si

# what a chip can be asked, and the SI unit of the answer
CHIP_QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "hbm_capacity": "byte",
        "hbm_capacity_physical": "byte",
        "hbm_bandwidth": "byte/s",
        "rack_hbm_bandwidth": "byte/s",
        "mem_bw_empirical_fraction": "1",
        "fp4_dense": "FLOP/s",
        "fp8_dense": "FLOP/s",
        "bf16_dense": "FLOP/s",
        "int8_dense": "FLOP/s",
        "peak_8bit_dense": "FLOP/s",
        "scaleup_bw_unidirectional": "byte/s",
        "scaleup_domain": "1",
        "tdp": "W",
        "all_in_power": "W",
        "tco_hyperscaler": "USD/s",
        "tco_neocloud": "USD/s",
        "rent_3yr": "USD/s",
        "chip_price": "USD",
        "release_date": "date",
    }
)


class ChipSpecRow(Claim):
    """`chip_specs`: one figure of one chip; exactly one row a chip and quantity is preferred."""

    chip: Text
    quantity: Text
    central: Text
    low: NotNegative | None = None
    high: NotNegative | None = None
    unit: Text
    preferred: bool

    @model_validator(mode="after")
    def _value_fits_its_quantity(self) -> Self:
        if self.quantity not in CHIP_QUANTITIES:
            raise ValueError(f"quantity: got '{self.quantity}'; allowed: {', '.join(CHIP_QUANTITIES)}")
        wanted = CHIP_QUANTITIES[self.quantity]
        if wanted == "date":
            in_column("central", a_date, self.central)
            return self
        if self._unit() != wanted:
            raise ValueError(f"unit: got '{self.unit}', {self.quantity} is in {wanted}")
        value = positive_number("central", self.central)
        ordered(self.low, value, self.high, "low/central/high")
        return self

    def _unit(self) -> str:
        try:
            return base_of(self.unit.removesuffix(" per rack"))
        except InputError as error:
            raise ValueError(f"unit: {error.message}") from error

    @property
    def si(self) -> float:
        """The value in SI units, as catalog values carry it."""
        return to_si(float(self.central), self.unit.removesuffix(" per rack"))


class SystemRow(Row):
    """`systems`: a name for one scale-up domain of a chip; `gpus` only where it is not the chip's whole domain.

    `board` is the system of 8 GPUs that the same chip is also sold in.
    """

    KEY = ("system",)

    system: Text
    chip: Text
    gpus: Annotated[int, Field(ge=1)] | None = None
    board: Text | None = None
    note: Text | None = None


# what a law of the table `kernels` can say, and the SI unit it says it in
KERNEL_QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "latency": "s",
        "latency_per_doubling": "s",
        "compute_share": "1",
        "bandwidth_share": "1",
        "activation_share": "1",
        "walk": "s",
        "bandwidth": "byte/s",
        "scale": "1",
        "power": "1",
    }
)


class KernelTimeRow(Row):
    """`kernels`: one number of the law of one operation on one chip, or on any that has none of its own.

    Without a framework it is of all of them together. The precision of a whole attention block is weights/cache.
    """

    KEY = ("chip", "framework", "operation", "precision", "quantity")

    chip: Text
    framework: Literal["vllm", "sglang", "trt-llm", "atom"] | None = None
    operation: Text
    precision: Text | None = None
    quantity: Text
    value: NotNegative
    unit: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _value_fits_its_quantity(self) -> Self:
        if self.quantity not in KERNEL_QUANTITIES:
            raise ValueError(f"quantity: got '{self.quantity}'; allowed: {', '.join(KERNEL_QUANTITIES)}")
        if base_of(self.unit) != KERNEL_QUANTITIES[self.quantity]:
            raise ValueError(f"unit: got '{self.unit}', {self.quantity} is in {KERNEL_QUANTITIES[self.quantity]}")
        if self.quantity.endswith("_share") and not 0 < self.value <= 1:
            raise ValueError(f"value: got '{self.value}', a share is over 0 and at most 1")
        return self

    @property
    def si(self) -> float:
        """The value in SI units."""
        return to_si(self.value, self.unit)
