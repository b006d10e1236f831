"""Which pixels can be believed, and how much of a track was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.grid import lonlat_to_pixel
from imagery.tiles import Tile

# Classes of the Sentinel-2 scene classification (L2A product definition).
NO_DATA, SATURATED, SHADOW, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS, SNOW = 0, 1, 3, 8, 9, 10, 11
CLOUDED = (SHADOW, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS)
DROPPED = (NO_DATA, SATURATED, *CLOUDED)


@dataclass(frozen=True)
class Shares:
    """What a tile's pixels show, as shares (0 to 1) that add up to one."""

    clear: float
    """Believable and not under snow."""
    snow: float
    """Believable, but under snow: neither lost nor like other dates."""
    clouded: float
    """Under cloud, cirrus or cloud shadow."""
    missing: float
    """No data, or saturated."""


def believable(tile: Tile) -> NDArray[np.bool_]:
    """Pixels that show the ground, (rows, cols): valid, and by the scene classification not clouded.

    Snow counts as believable here; see shares. Without an ``SCL`` band clouds are not known: only the mask
    speaks.
    """
    if not tile.has(["SCL"]):
        return tile.valid.copy()
    kept: NDArray[np.bool_] = tile.valid & ~np.isin(tile.band("SCL"), DROPPED)
    return kept


def shares(tile: Tile, where: NDArray[np.bool_] | None = None) -> Shares:
    """What the pixels of a tile show.

    Args:
        tile: With an ``SCL`` band where clouds and snow are to be told.
        where: (rows, cols) pixels that matter, such as a yard; all by default. If it holds none, all is
            missing.
    """
    inside = np.ones(tile.valid.shape, dtype=bool) if where is None else where
    total = int(inside.sum())
    if total == 0:
        return Shares(0.0, 0.0, 0.0, 1.0)
    valid = tile.valid & inside
    classes = tile.band("SCL") if tile.has(["SCL"]) else np.full(valid.shape, -1)
    snow = int((valid & (classes == SNOW)).sum())
    clouded = int((valid & np.isin(classes, CLOUDED)).sum())
    clear = int((believable(tile) & inside).sum()) - snow
    return Shares(clear / total, snow / total, clouded / total, (total - clear - snow - clouded) / total)


def share_along(
    mask: NDArray[np.bool_], grid: GeoBox, line: NDArray[np.float64], lonlat: bool = False
) -> float:
    """Share (0 to 1) of a line's length that lies on pixels of the mask; what lies off the grid does not.

    Args:
        mask: (rows, cols) pixels that are seen.
        grid: Grid of the mask.
        line: (n, 2) points x, y in pixels of the grid, n at least 2.
        lonlat: The points are longitude and latitude in degrees, WGS 84, instead.
    """
    points = lonlat_to_pixel(grid, line) if lonlat else line
    return float(np.mean(_sampled(mask, points)))


def share_of_tracks(
    mask: NDArray[np.bool_], grid: GeoBox, lines: list[NDArray[np.float64]], lonlat: bool = False
) -> float:
    """Share (0 to 1) of the length of several lines together; see share_along. No line is seen as 0."""
    points = [lonlat_to_pixel(grid, line) if lonlat else line for line in lines]
    return float(np.mean(np.concatenate([_sampled(mask, line) for line in points]))) if points else 0.0


def _sampled(mask: NDArray[np.bool_], line: NDArray[np.float64], step: float = 0.25) -> NDArray[np.bool_]:
    """The mask at points ``step`` pixels apart along a line, False off the grid or where it has no place."""
    if not np.isfinite(line).all():
        return np.zeros(1, dtype=bool)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    # Middles of equal pieces, so that each counts for the same length.
    pieces = max(1, round(along[-1] / step))
    at = (np.arange(pieces) + 0.5) * along[-1] / pieces
    cols, rows = (np.floor(np.interp(at, along, axis)).astype(int) for axis in line.T)
    inside = (rows >= 0) & (rows < mask.shape[0]) & (cols >= 0) & (cols < mask.shape[1])
    seen = np.zeros(pieces, dtype=bool)
    seen[inside] = mask[rows[inside], cols[inside]]
    return seen
