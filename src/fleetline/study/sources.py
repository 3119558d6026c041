"""The catalog rows behind a study, each with the source it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetline.catalog import load
from fleetline.study.results import RACKS, Asked, Rows


def used_sources(asked: Asked) -> Rows:
    """The catalog rows behind this study: every figure of its model, chips and presets with the source it comes from."""
    catalog = load()
    chips = {catalog.system(system).chip.name for system in RACKS}
    wanted = {"hbm_capacity", "hbm_bandwidth", "fp4_dense", "fp8_dense", "rent_3yr", "scaleup_domain"}
    rows: Rows = []
    for row in catalog.tables["presets"]:
        values = row.model_dump()
        rows.append({"table": "presets", "what": f"{values['preset']} {values['parameter']}"} | _claim(values, "value"))
    for row in catalog.tables["chip_specs"]:
        values = row.model_dump()
        if values["chip"] in chips and values["preferred"] and values["quantity"] in wanted:
            rows.append(
                {"table": "chip_specs", "what": f"{values['chip']} {values['quantity']}"} | _claim(values, "central")
            )
    for row in catalog.model_rows(asked.model):
        values = row.model_dump()
        if values["unit"] != "text":
            rows.append({"table": "models", "what": f"{values['model']} {values['quantity']}"} | _claim(values, "value"))
    return rows


def _claim(values: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {"value": values[column], "unit": values["unit"], "source": values["source"], "note": values.get("note") or ""}
