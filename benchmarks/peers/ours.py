"""fleetline's own predictions of the shipped rows: held out by configuration, and the article's form."""

from __future__ import annotations

import numpy as np
from fit import observed

from fleetline import runs
from fleetline.calibration.features import features
from fleetline.calibration.pooled_fit import fit_side
from fleetline.catalog import load
from fleetline.catalog.rows import PresetRow
from peers.scores import QUANTITIES, Array, Predictor

HELD_OUT, ARTICLE = "fleetline, held out", "article's form"


def held_out() -> Predictor:
    """Every row predicted without its configuration or any that differs from it in name alone, as `make fit` scores.

    Raises:
        RuntimeError: the shipped fit's own table of errors says something else (`make fit` renews it).
    """
    seen, law = observed(), runs.pooled().law
    rows, _ = runs.rows_of(())
    places = np.flatnonzero(features(rows, load()).answered)
    shipped = {str(row.quantity): row for row in runs.accuracy() if row.way == "configuration"}
    columns: dict[str, Array] = {}
    for quantity in QUANTITIES:
        known = ~np.isnan(getattr(seen, quantity)) & ((quantity == "tpot") | (seen.rows.kind == "mean"))
        held = next(each for each in fit_side(quantity, seen, law)[1] if each.way == "configuration")
        told = shipped[quantity].median_abs_log
        if abs(float(np.median(np.abs(held.errors))) - told) > 0.001:
            raise RuntimeError(f"{quantity}: held-out error is not the {told} of pooled_errors.csv; run make fit")
        columns[quantity] = np.full(len(rows), np.nan)
        columns[quantity][places[known]] = getattr(seen, quantity)[known] * np.exp(-held.errors)
    return Predictor(HELD_OUT, shipped["tpot"].source, columns["tpot"], columns["ttft"])


def article() -> Predictor:
    """The three numbers of the article's form, fitted to Kimi K2.5 on Nvidia (so there not held out)."""
    found = runs.predict(form="article")
    source = next(row.source for row in load().rows("presets_fitted", PresetRow))
    return Predictor(ARTICLE, source, np.asarray(found.tpot_s), np.asarray(found.ttft_s))
