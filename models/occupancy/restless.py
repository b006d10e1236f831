"""Ground that does not repeat: painted dates made as restless as real ones may be.

Painted ground repeats to some percent of its brightness, real ground to 10 or 20 (docs/sample-archive.md). A
net that has met calm ground alone takes what real ground does for trains or for nothing, and its intervals
are too narrow there. The unrest is drawn for each place over the whole range and is of one kind on all its
dates, so that a date's residual and the spread of its baseline tell how far to trust it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from models.occupancy.differ import ROLES, Difference

LEVELS = (0.03, 0.25)
"""Standard deviation of a pixel between dates as a share of its brightness: least and most, drawn evenly in
the logarithm."""
LENGTHS_PX = (0.4, 6.0)
"""Smoothness of what differs, from pixels to fields."""
_GREENING = np.array([-0.5, -0.3, -1.0, 0.8, 0.4, -0.7, -0.7])  # of each of ROLES where plants grow
_DATES = 24  # of a baseline
_MEDIAN = 1.25  # the error of a median against that of a mean
_UNEVEN = 0.5  # of the unrest over the ground, in the logarithm
_BY_DATE = 0.3  # the same from date to date

Planes = NDArray[np.float32]


def unsettled(
    usual: Planes, spread: Planes, unrest: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Planes, Planes, NDArray[np.float64]]:
    """The unrest of one kind of ground for dates of one place.

    Args:
        usual: (dates, 7, height, length) the baseline.
        spread: The same shape: scatter of the baseline's dates as painted.
        unrest: (dates,) of each date's surroundings as painted.
        rng: Draws how restless and how smooth the ground is, and each date's part.

    Returns:
        What to add to the residual, the scatter with it, and the unrest with it.
    """
    dates, _, *shape = usual.shape
    level = float(np.exp(rng.uniform(*np.log(LEVELS))))
    smooth = float(np.exp(rng.uniform(*np.log(LENGTHS_PX))))
    uneven = level * np.exp(_UNEVEN * _fields(rng, (1, *shape), 2.0)[0]) * usual
    growth, own = float(rng.uniform(0, 1)), float(rng.uniform(0.2, 0.6))
    green = _GREENING / np.sqrt((_GREENING**2).mean())
    bands = np.stack([np.full(len(ROLES), np.sqrt(1 - growth)), np.sqrt(growth) * green])
    # The last is what the baseline is off by, on all dates alike.
    fields = _fields(rng, (2 * (dates + 1), *shape), smooth).reshape(dates + 1, 2, *shape)
    each = rng.standard_normal((dates + 1, len(ROLES), *shape), dtype=np.float32)
    planes = np.einsum("dkhl,kb->dbhl", fields, np.sqrt(1 - own**2) * bands) + own * each
    by_date = np.exp(rng.normal(0, _BY_DATE, dates))
    change = by_date[:, None, None, None] * planes[:-1] + planes[-1] * _MEDIAN / np.sqrt(_DATES)
    known = np.exp(rng.standard_normal(usual.shape[1:], dtype=np.float32) / np.sqrt(_DATES))
    calm = float(np.nanmedian(spread / np.maximum(usual, 0.01)))
    felt = np.hypot(unrest * calm, by_date * level) / np.hypot(calm, level)
    return (change * uneven).astype(np.float32), np.hypot(spread, known * uneven).astype(np.float32), felt


def restless(dates: Sequence[Difference], rng: np.random.Generator) -> list[Difference]:
    """Dates of one place on restless ground; see unsettled."""
    usual, spread = (np.stack([getattr(one, name) for one in dates]) for name in ("usual", "spread"))
    change, wide, unrest = unsettled(usual, spread, np.array([one.unrest for one in dates]), rng)
    return [
        replace(one, residual=one.residual + change[k], spread=wide[k], unrest=float(unrest[k]))
        for k, one in enumerate(dates)
    ]


def _fields(rng: np.random.Generator, shape: tuple[int, ...], smooth: float) -> Planes:
    """Smooth random planes (planes, height, length) of variance one."""
    planes = rng.standard_normal(shape, dtype=np.float32)
    for axis in (1, 2):
        planes = gaussian_filter1d(planes, smooth, axis=axis, mode="wrap", truncate=2.5)
    return np.asarray(planes / np.maximum(planes.std(axis=(1, 2), keepdims=True), 1e-9), dtype=np.float32)
