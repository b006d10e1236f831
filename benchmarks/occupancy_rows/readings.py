"""Readings of a yard without pixels: true counts with the error that the estimators have, gaps included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.stats.series import Series

COARSE = (5.6, 0.25)
"""Standard deviation of a reading at 10 m, in cars: when nothing stands there, and as a share of the count:
learned.error_sd_empty_cars and learned.error_sd_share of results/occupancy.json, gated dates."""
FINE = (1.0, 0.08)
"""The same at half a metre, see benchmarks/results/sample_truth.md."""
CAR_M = 13.92
LEVEL = 0.9
_Z = 1.6449


def read(
    days: NDArray[np.datetime64],
    truth: NDArray[np.float64],
    error: tuple[float, float],
    generator: np.random.Generator,
    site: str = "yard",
    quantity: str = "railcar_equivalents",
    method: str = "profile",
    unit_m: float = 1.0,
) -> Series:
    """Read true counts with normal error, never below zero, and the intervals that this error deserves.

    Args:
        days: (n,) in time order.
        truth: (n,) in cars.
        error: As COARSE.
        generator: Chance.
        site: Site id.
        quantity: Name of what is read.
        method: Name of the reader.
        unit_m: Metres a car where metres are read, else 1.
    """
    spread = np.hypot(error[0], error[1] * truth)
    values = np.maximum(truth + spread * generator.standard_normal(len(truth)), 0.0)
    half = _Z * np.hypot(error[0], error[1] * values)
    n = len(days)
    return Series(
        site,
        quantity,
        "m" if unit_m != 1.0 else "railcars",
        LEVEL,
        days.astype("datetime64[s]"),
        values * unit_m,
        np.maximum(values - half, 0.0) * unit_m,
        (values + half) * unit_m,
        tuple(f"{site}-{quantity}-{day}" for day in days),
        (method,) * n,
    )
