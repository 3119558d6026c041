"""fleetline's own predictions of the shipped rows: held out by configuration, and the article's form."""

from __future__ import annotations

import numpy as np

from fleetline import runs
from fleetline.catalog import load
from fleetline.catalog.rows import PresetRow
from peers.scores import Predictor

HELD_OUT, ARTICLE = "fleetline, held out", "article's form"


def held_out() -> Predictor:
    """Every row predicted without its configuration or any that differs from it in name alone, as shipped rows always are.

    Raises:
        RuntimeError: the shipped fit's own table of errors says something else (`make fit` renews it).
    """
    found = runs.predict()
    shipped = {str(row.quantity): row for row in runs.accuracy() if row.way == "configuration"}
    for quantity, errors in runs.held_out_errors().items():
        told = shipped[quantity].median_abs_log
        if abs(float(np.median([abs(error) for _, error in errors])) - told) > 0.001:
            raise RuntimeError(f"{quantity}: held-out error is not the {told} of pooled_errors.csv; run make fit")
    return Predictor(HELD_OUT, shipped["tpot"].source, np.asarray(found.tpot_s), np.asarray(found.ttft_s))


def article() -> Predictor:
    """The three numbers of the article's form, fitted to Kimi K2.5 on Nvidia (so there not held out)."""
    found = runs.predict(form="article")
    source = next(row.source for row in load().rows("presets_fitted", PresetRow))
    return Predictor(ARTICLE, source, np.asarray(found.tpot_s), np.asarray(found.ttft_s))
