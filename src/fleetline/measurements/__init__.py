"""Benchmark rows as published -> one typed table; recognised by their columns, refused one by one with a reason."""

from fleetline.measurements.read import read
from fleetline.measurements.types import Measurement, Pool, Rejected, Table

__all__ = ["Measurement", "Pool", "Rejected", "Table", "read"]
