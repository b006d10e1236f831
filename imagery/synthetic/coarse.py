"""A site as a 10 m sensor sees it: things drawn by the area they cover, light, point spread, sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr

from imagery.synthetic.spectra import BANDS, Spectrum, skylight
from imagery.synthetic.terrain import CELL_M

SPREAD_M = {"B02": 4.2, "B03": 4.2, "B04": 4.2, "B08": 4.6, "B11": 7.5}
"""Standard deviation of each band's point spread: with the pixel's own box, MTF of 0.2 to 0.3 at Nyquist."""
GSD_M = {"B02": 10.0, "B03": 10.0, "B04": 10.0, "B08": 10.0, "B11": 20.0}
"""Pixel size of each band."""
Vector = NDArray[np.float64]
"""(2,) x, y in metres."""
_POINT_M = 0.25  # spacing of the points that stand for a thing


@dataclass(frozen=True, eq=False)
class Thing:
    """A rectangular thing on the ground: a wagon, a roof, cargo, a ship."""

    centre_m: tuple[float, float]
    """Local metres."""
    size_m: tuple[float, float]
    """Length and width."""
    angle_deg: float
    """Of its length, clockwise from east."""
    height_m: float
    """Above the ground."""
    spectrum: Spectrum
    """Mean reflectance of its top."""

    @property
    def axes(self) -> tuple[Vector, Vector]:
        """Unit vectors of its length and width."""
        cos, sin = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return np.array([cos, sin]), np.array([-sin, cos])


def lit_scene(
    ground: NDArray[np.float64], things: Sequence[Thing], sun_azimuth_deg: float, sun_elevation_deg: float
) -> NDArray[np.float64]:
    """Reflectance (bands, rows, cols) on the terrain's cells with things and their shadows.

    Args:
        ground: (bands, rows, cols) as Terrain.reflectance gives it.
        things: What stands on it. Shadows fall on the ground only: a wagon's neighbour is as high as itself.
        sun_azimuth_deg: Clockwise from north.
        sun_elevation_deg: Above the horizon.
    """
    shape = (ground.shape[1], ground.shape[2])
    azimuth, reach = math.radians(sun_azimuth_deg), 1 / math.tan(math.radians(sun_elevation_deg))
    away = np.array([-math.sin(azimuth), math.cos(azimuth)]) * reach  # of one metre of height; y runs south
    covered, shaded = np.zeros(shape), np.zeros(shape)
    tops = np.zeros_like(ground)
    for thing in things:
        u, v = thing.axes
        edges = u * thing.size_m[0], v * thing.size_m[1]
        corner = np.array(thing.centre_m) - edges[0] / 2 - edges[1] / 2
        cells, share = _cover(corner, edges[0], edges[1], shape)
        np.add.at(covered.reshape(-1), cells, share)
        for band, value in enumerate(thing.spectrum):
            np.add.at(tops[band].reshape(-1), cells, share * value)
        for start, edge in _far_edges(corner, edges, away):
            cells, share = _cover(start, edge, away * thing.height_m, shape)
            np.add.at(shaded.reshape(-1), cells, share)
    over = np.maximum(covered, 1.0)  # things that touch in one cell cover it once
    bare = 1 - covered / over
    # Within a cell a shadow lies beside the thing that throws it, not under it.
    dark = np.minimum(shaded, bare) * (1 - skylight(sun_elevation_deg)[:, None, None])
    return np.asarray(ground * (bare - dark) + tops / over)


def sampled(scene: NDArray[np.float64], band: str, shift_m: tuple[float, float]) -> NDArray[np.float64]:
    """One band (rows, cols) on the sensor's own pixels.

    Args:
        scene: (rows, cols) reflectance on the terrain's cells.
        band: One of spectra.BANDS.
        shift_m: Registration error: how far east and south the picture of the ground lies from its place.
    """
    down = _kernel(scene.shape[0], GSD_M[band], SPREAD_M[band], shift_m[1])
    across = _kernel(scene.shape[1], GSD_M[band], SPREAD_M[band], shift_m[0])
    return np.asarray((across @ (down @ scene).T).T)


def sense(
    scene: NDArray[np.float64], shift_m: tuple[float, float], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Every band; each lies up to a metre or so from the others."""
    own = rng.normal(0, 0.6, (len(BANDS), 2))
    return {
        band: sampled(scene[i], band, (shift_m[0] + own[i, 0], shift_m[1] + own[i, 1]))
        for i, band in enumerate(BANDS)
    }


def _kernel(cells: int, pixel_m: float, spread_m: float, shift_m: float) -> csr_array:
    """Weights (pixels, cells) of a pixel's box blurred by a Gaussian; each row sums to one."""
    per = round(pixel_m / CELL_M)
    pixels = cells // per
    reach = math.ceil((4 * spread_m + abs(shift_m)) / CELL_M)
    offset = np.arange(-reach, per + reach)
    at = (offset + 0.5) * CELL_M + shift_m
    weight = ndtr(at / spread_m) - ndtr((at - pixel_m) / spread_m)
    # Beyond the edge the outermost cell goes on.
    column = np.clip(np.arange(pixels)[:, None] * per + offset, 0, cells - 1)
    row = np.repeat(np.arange(pixels), len(offset))
    values = np.tile(weight / weight.sum(), pixels)
    return csr_array((values, (row, column.reshape(-1))), shape=(pixels, cells))


def _cover(
    corner: Vector, u: Vector, v: Vector, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Cells of a parallelogram and the share of each that it covers; what lies outside is left out."""
    n, m = (max(1, math.ceil(float(np.hypot(*side)) / _POINT_M)) for side in (u, v))
    s, t = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m
    points = corner + (s[:, None, None] * u + t[None, :, None] * v).reshape(-1, 2)
    area = abs(float(u[0] * v[1] - u[1] * v[0])) / (n * m) / CELL_M**2
    cell = np.floor(points / CELL_M).astype(np.intp)
    inside = ((cell >= 0) & (cell < np.array([shape[1], shape[0]]))).all(axis=1)
    flat = cell[inside, 1] * shape[1] + cell[inside, 0]
    return flat, np.full(len(flat), area)


def _far_edges(
    corner: Vector,
    edges: tuple[Vector, Vector],
    away: Vector,
) -> list[tuple[Vector, Vector]]:
    """The two edges from which the shadow leaves: start and edge vector."""
    u, v = edges
    return [
        (corner + (v if away @ v > 0 else 0 * v), u),
        (corner + (u if away @ u > 0 else 0 * u), v),
    ]
