"""Which pixels can be believed, and how much of a track was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.grid import lonlat_to_pixel
from imagery.sensors import CLOUD_BANDS, PERCENT_BANDS
from imagery.tiles import Tile

# Classes of the Sentinel-2 scene classification (L2A product definition).
NO_DATA, SATURATED, SHADOW, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS, SNOW = 0, 1, 3, 8, 9, 10, 11
CLOUDED = (SHADOW, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS)
DROPPED = (NO_DATA, SATURATED, *CLOUDED)

CLOUD_PERCENT = 50.0
"""Probability from which a pixel is called clouded: more likely than not."""


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
    """Pixels that show the ground, (rows, cols): valid, and by no class or probability clouded.

    Snow counts as believable here; see shares. Without an ``SCL`` band and a band of CLOUD_BANDS clouds are
    not known: only the mask speaks.
    """
    kept: NDArray[np.bool_] = tile.valid & ~clouded(tile)
    if tile.has(["SCL"]):
        kept &= ~np.isin(tile.band("SCL"), DROPPED)
    return kept


def clouded(tile: Tile) -> NDArray[np.bool_]:
    """Valid pixels called cloud, cirrus or cloud shadow, (rows, cols), by class or by probability."""
    found = np.zeros(tile.valid.shape, dtype=bool)
    if tile.has(["SCL"]):
        found |= np.isin(tile.band("SCL"), CLOUDED)
    for name in CLOUD_BANDS:
        if tile.has([name]):
            found |= _percent(name, tile.band(name), tile.valid) >= CLOUD_PERCENT
    return found & tile.valid


def _percent(name: str, band: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Whole numbers are percent; fractions are shares of one unless one of them lies above it."""
    seen = band[valid]
    fractions = band.dtype.kind == "f" and not (seen > 1).any()
    if name in PERCENT_BANDS:  # read beside reflectance it is float, too: 0 and 1 are percent of a clear day
        fractions = fractions and bool((seen % 1 > 0).any())
    return band.astype(np.float64) * (100.0 if fractions else 1.0)


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
    clouds = clouded(tile)
    classes = tile.band("SCL") if tile.has(["SCL"]) else np.full(inside.shape, -1)
    snow = tile.valid & (classes == SNOW) & ~clouds
    n_clear, n_snow, n_clouded = (
        int((part & inside).sum()) for part in (believable(tile) & ~snow, snow, clouds)
    )
    missing = total - n_clear - n_snow - n_clouded
    return Shares(n_clear / total, n_snow / total, n_clouded / total, missing / total)


def shares_of_areas(tile: Tile, rings: Mapping[str, NDArray[np.float64]]) -> dict[str, Shares]:
    """What the pixels of each yard or other area show; see shares.

    Args:
        tile: The image.
        rings: Outline (n, 2) of each area in pixels of the tile. What lies off the tile is missing.
    """
    found = {}
    for name, ring in rings.items():
        here = within(tile.valid.shape, ring)
        part = shares(tile, here)
        area = float(shapely.Polygon(ring).area)
        # Pixels are counted by their centres: a thin area may hold a few more than its size.
        on_image = min(1.0, int(here.sum()) / max(area, 1e-9)) if here.any() else 0.0
        clear, snow, clouds = (part.clear * on_image, part.snow * on_image, part.clouded * on_image)
        found[name] = Shares(clear, snow, clouds, 1.0 - clear - snow - clouds)
    return found


def within(shape: tuple[int, ...], ring: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels (rows, cols) whose centres lie inside an outline (n, 2) in pixels."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(shapely.contains_xy(shapely.Polygon(ring), cols + 0.5, rows + 0.5), dtype=bool)


def share_by_track(
    mask: NDArray[np.bool_], tracks: Iterable[tuple[str, NDArray[np.float64]]]
) -> dict[str, float]:
    """Share (0 to 1) of each track's length that lies on pixels of the mask.

    Args:
        mask: (rows, cols) pixels that are seen.
        tracks: Id and line (n, 2) in pixels, each.
    """
    return {name: float(np.mean(_sampled(mask, line))) for name, line in tracks}


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
