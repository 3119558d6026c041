"""Benchmark rows -> predicted TPOT, TTFT and throughput per GPU, with 90% intervals and a reason for every empty cell.

Source: as the form that predicts says: `form.py` (the article's), `pooled.py` (ours), `kernel_sum.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.calibration.form import Terms, terms, throughput_gpu, tpot_s, ttft_s
from fleetline.catalog import Catalog, Preset
from fleetline.measurements import Measurement
from fleetline.physics.roofline import Efficiency

Array = npt.NDArray[np.float64]

# what `fleetline predict` writes, in this order
COLUMNS = (
    *("row_id", "predicted_tpot_s", "predicted_ttft_s", "predicted_tput_per_gpu_tok_s"),
    *("tpot_low_s", "tpot_high_s", "ttft_low_s", "ttft_high_s", "reason"),
)


@dataclass(frozen=True)
class Prediction:
    """One value a row, NaN where there is none; `reason` says why."""

    rows: Sequence[Measurement]
    tpot_s: Array
    tpot_low_s: Array
    tpot_high_s: Array
    ttft_s: Array
    ttft_low_s: Array
    ttft_high_s: Array
    throughput_gpu_tok_s: Array
    reason: Sequence[str]

    def table(self) -> list[dict[str, object]]:
        """As rows of the CSV that `fleetline predict` writes; empty where there is no value."""
        columns = {
            "predicted_tpot_s": self.tpot_s,
            "predicted_ttft_s": self.ttft_s,
            "predicted_tput_per_gpu_tok_s": self.throughput_gpu_tok_s,
            "tpot_low_s": self.tpot_low_s,
            "tpot_high_s": self.tpot_high_s,
            "ttft_low_s": self.ttft_low_s,
            "ttft_high_s": self.ttft_high_s,
        }
        cells = {
            name: ["" if np.isnan(value) else repr(float(value)) for value in values] for name, values in columns.items()
        }
        return [
            {"row_id": row.row_id, **{name: cells[name][index] for name in columns}, "reason": self.reason[index]}
            for index, row in enumerate(self.rows)
        ]


def predict(rows: Sequence[Measurement], preset: Preset, catalog: Catalog) -> Prediction:
    """TPOT, TTFT and throughput of every row in the article's form, at a preset's efficiencies.

    The interval is the preset's spread of log(measured / predicted) over the rows it was last held against; a preset
    without one (ideal, article) has no interval.
    """
    found: Terms = terms(rows, catalog)
    efficiency = Efficiency(preset.compute_efficiency, preset.bandwidth_efficiency, preset.step_latency)
    tpot, ttft = tpot_s(found, efficiency), ttft_s(found, efficiency)
    tpot_low, tpot_high = (tpot * np.exp(edge) for edge in preset.tpot_spread)
    ttft_low, ttft_high = (ttft * np.exp(edge) for edge in preset.ttft_spread)
    return Prediction(
        rows=rows,
        tpot_s=tpot,
        tpot_low_s=tpot_low,
        tpot_high_s=tpot_high,
        ttft_s=ttft,
        ttft_low_s=ttft_low,
        ttft_high_s=ttft_high,
        throughput_gpu_tok_s=throughput_gpu(found, tpot, ttft),
        reason=found.reason,
    )
