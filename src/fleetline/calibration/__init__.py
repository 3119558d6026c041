"""Prediction against measurement: benchmark rows -> times, three efficiencies fitted to them, and how far off they are."""
