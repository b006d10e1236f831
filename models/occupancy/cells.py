"""Where to read: cells along tracks, points around them, and one bilinear look at the pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from imagery.sensors import SENSORS
from imagery.tiles import Tile

Points = NDArray[np.float64]

ROLES = {"blue": 490.0, "green": 560.0, "red": 660.0, "nir": 840.0}
"""The optical bands that are read and their nominal centre wavelengths in nm."""
WIDE_ROLES = {**ROLES, "rededge": 715.0, "swir1": 1612.0, "swir2": 2194.0}
"""The same, and bands that tell wagons from wet ballast and weeds where a sensor has them."""
_ROLE_WIDTH_NM = 45.0
WAGON_WIDTH_M = 3.1
"""Width of a freight wagon; also what a filled metre of track covers."""
_AROUND_M = (40.0, 55.0, 70.0, 85.0, 100.0, 115.0, 130.0)
"""Distances to either side of a track at which its surroundings are read."""
_AROUND_STEP_M = 20.0
_AROUND_MOST = 1500
_LEAST_SEEN = 0.5  # of the bilinear weight of a cell's four pixels


def optical_bands(tile: Tile, roles: Mapping[str, float] = ROLES) -> dict[str, int]:
    """Index into ``tile.bands`` of each of ``roles`` that the tile has, in their order.

    A band fits by its name (``red``) or by the wavelength that its sensor's table gives; where two fit,
    the finer and then the nearer one is taken. Radar has none.
    """
    table = {band.name: band for id in ("sentinel-2", tile.scene.sensor) for band in _bands_of(id)}
    found: dict[str, int] = {}
    for role, centre in roles.items():
        fits = []
        for index, name in enumerate(tile.bands):
            band = table.get(name)
            if name.lower() == role:
                fits.append((0.0, 0.0, index))
            elif band and band.wavelength_nm and abs(band.wavelength_nm - centre) <= _ROLE_WIDTH_NM:
                fits.append((band.gsd_m, abs(band.wavelength_nm - centre), index))
        if fits:
            found[role] = min(fits)[2]
    return found


def _bands_of(sensor: str) -> tuple[Any, ...]:
    return SENSORS[sensor].bands if sensor in SENSORS else ()


def lay(line_m: Points, spacing_m: float) -> tuple[Points, Points, float]:
    """Divide a track into cells of equal length, about ``spacing_m`` each.

    Args:
        line_m: (n, 2) in ground metres.
        spacing_m: Wanted length of a cell.

    Returns:
        Centres (cells, 2), unit vectors along the track (cells, 2), and the track's length in metres.
    """
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line_m, axis=0).T))])
    length = float(at[-1])
    # Rounded twice so that the last bit of a reprojected length never changes the number of cells.
    cells = max(1, round(round(length / spacing_m, 3)))
    centre = (np.arange(cells) + 0.5) * length / cells
    step = min(1.0, length / 2)
    ahead = _along(line_m, at, np.minimum(centre + step, length))
    behind = _along(line_m, at, np.maximum(centre - step, 0.0))
    direction = ahead - behind
    return _along(line_m, at, centre), direction / np.hypot(*direction.T)[:, None], length


def _along(line: Points, at: NDArray[np.float64], where: NDArray[np.float64]) -> Points:
    return np.stack([np.interp(where, at, line[:, 0]), np.interp(where, at, line[:, 1])], axis=1)


def surroundings(centres: Points, directions: Points, spacing_m: float, gsd_m: float) -> Points:
    """Points beside the tracks, 40 to 130 m away, where no railcar stands.

    They lie at fixed distances from the tracks, so that every date reads the same places.

    Args:
        centres: (n, 2) all cells of all tracks, in ground metres.
        directions: (n, 2) unit vectors along the tracks.
        spacing_m: Length of a cell.
        gsd_m: Ground sample distance.

    Returns:
        (m, 2) in ground metres, none nearer to a track than 30 m or three pixels.
    """
    stride = max(1, round(_AROUND_STEP_M / spacing_m))
    normal = np.stack([-directions[::stride, 1], directions[::stride, 0]], axis=1)
    points = np.concatenate(
        [centres[::stride] + side * away * normal for away in _AROUND_M for side in (-1.0, 1.0)]
    )
    distance, _ = cKDTree(centres).query(points)
    kept: Points = points[distance >= max(30.0, 3 * gsd_m)]
    # Beside parallel tracks they lie dense; more of them would say the same again.
    return kept[:: math.ceil(len(kept) / _AROUND_MOST)] if len(kept) else kept


def sample(
    pixels: NDArray[Any], good: NDArray[np.bool_], xy_px: Points
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bilinear values at points; pixels that cannot be believed carry no weight.

    Args:
        pixels: (bands, rows, cols).
        good: (rows, cols) which pixels can be believed.
        xy_px: (n, 2) in pixels, origin at the corner of the first pixel.

    Returns:
        Values (bands, n), NaN where not seen, and seen (n,): at least half of the weight is good.
    """
    at = np.stack([xy_px[:, 1] - 0.5, xy_px[:, 0] - 0.5])
    weight = map_coordinates(good.astype(np.float64), at, order=1, mode="constant")
    seen = weight >= _LEAST_SEEN
    values = np.full((len(pixels), len(xy_px)), np.nan, dtype=np.float32)
    for k, band in enumerate(pixels):
        sums = map_coordinates(np.where(good, band, 0).astype(np.float64), at, order=1, mode="constant")
        values[k, seen] = sums[seen] / weight[seen]
    return values, seen


def full_response(centres: Points, lengths_m: NDArray[np.float64], gsd_m: float) -> NDArray[np.float64]:
    """Share of each cell's look that wagons cover when every track is full, (n,).

    A look is blurred by the optics, by the pixel's box and by the bilinear reading, a wagon by its own
    width; together close to a Gaussian of 0.64 GSD. At 10 m neighbouring tracks lie inside one look, so it
    is this sum, not one track, that a residual is compared with.

    Args:
        centres: (n, 2) cells in ground metres.
        lengths_m: (n,) metres of track that each cell stands for.
        gsd_m: Ground sample distance.
    """
    # Variances: box 1/12, bilinear 1/6 and optics 0.4 squared, in pixels; a wagon's width, in metres.
    sigma = np.sqrt(gsd_m**2 * (1 / 12 + 1 / 6 + 0.4**2) + WAGON_WIDTH_M**2 / 12)
    tree = cKDTree(centres)
    near = tree.sparse_distance_matrix(tree, 4 * sigma, output_type="coo_matrix")
    kernel = np.exp(-0.5 * (near.data / sigma) ** 2) / (2 * np.pi * sigma**2)
    covered = kernel * WAGON_WIDTH_M * lengths_m[near.col]
    return np.asarray(np.bincount(near.row, weights=covered, minlength=len(centres)), dtype=np.float64)
