"""Where the tracks are filled on one date, put back from the corridor onto the pixels of its image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from models.occupancy.corridor import Corridor
from models.occupancy.differ import FLOOR, Difference
from models.occupancy.reading import Reading

Plane = NDArray[np.float32]

LEAST_TRACK_M = 0.05
"""Pixels with less track than this show none."""
_VISIBLE = slice(0, 3)  # blue, green, red among differ.ROLES


@dataclass(frozen=True, eq=False)
class FillMap:
    """What was read from each pixel about the tracks of a place; its sum is the measurement."""

    grid: GeoBox
    """Where the pixels lie."""
    filled: Plane
    """(rows, cols) filled share of the track in the pixel, 0 to 1; NaN where there is no track."""
    track_m: Plane
    """(rows, cols) metres of track in the pixel, as the sensor blurs them."""
    change: Plane
    """(rows, cols) how much brighter than on other dates of the season, in their standard deviations; NaN
    where not seen."""

    def __post_init__(self) -> None:
        for array in (self.filled, self.track_m, self.change):
            array.setflags(write=False)


def fill_map(grid: GeoBox, corridor: Corridor, one: Difference, reading: Reading) -> FillMap:
    """Put a date's reading back onto its image.

    Args:
        grid: Of the image (rows, cols) that the corridor was laid in.
        corridor: Which of its pixels lie about the tracks.
        one: The date as it differs from its season.
        reading: What the net said of it.
    """
    size = grid.shape[0], grid.shape[1]
    track_m = _back(corridor, one.metres, size)
    filled = np.where(track_m >= LEAST_TRACK_M, _back(corridor, reading.filled, size), np.float32(np.nan))
    noise = np.hypot(one.spread[_VISIBLE], np.float32(FLOOR))
    off = one.residual[_VISIBLE] / noise
    seen = np.isfinite(off)
    count = seen.sum(axis=0)
    mean = np.where(count > 0, np.where(seen, off, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    change = _back(corridor, mean.astype(np.float32), size)
    return FillMap(grid, filled, np.nan_to_num(track_m), change)


def _back(corridor: Corridor, plane: Plane, size: tuple[int, int]) -> Plane:
    """A plane (height, length) of the corridor as (rows, cols) of the image, NaN elsewhere."""
    image = np.full(size, np.nan, dtype=np.float32)
    image[corridor.rows[corridor.inside], corridor.cols[corridor.inside]] = plane[corridor.inside]
    return image
