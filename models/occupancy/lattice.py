"""Where coarse images are read for what covers the ground: a lattice in yards and along tracks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError
from imagery.grid import ground_gsd, ground_steps
from imagery.tiles import Tile
from imagery.visibility import SNOW
from models.occupancy.cells import optical_bands, sample

_BESIDE_M = (30.0, 130.0)  # the surroundings lie this far from the nearest yard or track
_BESIDE_MOST = 1500
_TIE = 1e-3  # of a pixel: keeps points off borders, so that rounding never changes their number


@dataclass(frozen=True, eq=False)
class CoverLook:
    """What one image shows of the yards and along the tracks, and beside them."""

    scene_id: str
    """The scene."""
    taken_at: datetime | None
    """UTC."""
    gsd_m: float
    """Ground sample distance in metres; each point stands for a square of that side."""
    bands: tuple[str, ...]
    """Roles of the bands read, as in cells.ROLES."""
    area_ids: tuple[str, ...]
    """(areas,) yards, then tracks."""
    area: NDArray[np.intp]
    """(points,) index of the area that each point belongs to: the nearest."""
    samples: NDArray[np.float32]
    """(bands, points) pixel values, NaN where not seen."""
    around: NDArray[np.float32]
    """(bands, m) pixel values of the surroundings, NaN where not seen."""
    snow_share: float
    """Share of the image that its own classes call snow; 0 without such classes."""

    def __post_init__(self) -> None:
        if self.samples.shape != (len(self.bands), len(self.area)):
            raise InputError(
                f"look at {self.scene_id!r}: samples {self.samples.shape} do not fit {len(self.bands)} bands "
                f"and {len(self.area)} points"
            )
        for array in (self.area, self.samples, self.around):
            array.setflags(write=False)


def read_look(
    tile: Tile,
    believable: NDArray[np.bool_],
    yards: Sequence[tuple[str, NDArray[np.float64]]],
    tracks: Sequence[tuple[str, NDArray[np.float64]]],
) -> CoverLook:
    """Read an image on a lattice of points in the yards and within a pixel of the tracks, and beside them.

    Args:
        tile: The image about the place, with some 130 m to either side where it can be had.
        believable: (rows, cols) which pixels show the ground.
        yards: Id and outline (n, 2) in pixels of the tile, each.
        tracks: Id and axis (n, 2) in pixels of the tile, each.
    """
    steps = np.array(ground_steps(tile.grid))
    gsd = ground_gsd(tile.grid)
    roles = optical_bands(tile)
    pixels = tile.pixels[list(roles.values())]
    good = believable & np.isfinite(pixels).all(axis=0)
    shapes: list[BaseGeometry] = [shapely.Polygon(ring * steps) for _, ring in yards]
    shapes += [shapely.LineString(line * steps) for _, line in tracks]
    points, area, beside = _lattice(shapes, gsd)
    snow = tile.band("SCL") == SNOW if tile.has(["SCL"]) else np.zeros(1)
    return CoverLook(
        scene_id=tile.scene.id,
        taken_at=tile.scene.taken_at,
        gsd_m=gsd,
        bands=tuple(roles),
        area_ids=tuple(id for id, _ in (*yards, *tracks)),
        area=area,
        samples=sample(pixels, good, points / steps)[0],
        around=sample(pixels, good, beside / steps)[0],
        snow_share=float(snow.mean()),
    )


def _lattice(
    shapes: Sequence[BaseGeometry], gsd_m: float
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Points (n, 2) in ground metres within a pixel of a shape, whose they are (n,), and points beside."""
    if not shapes:
        return np.empty((0, 2)), np.empty(0, dtype=np.intp), np.empty((0, 2))
    left, top, right, bottom = shapely.total_bounds(shapes)
    half = [math.ceil((side / 2 + _BESIDE_M[1]) / gsd_m) for side in (right - left, bottom - top)]
    x, y = (
        centre + gsd_m * np.arange(-n, n + 1)
        for centre, n in zip(((left + right) / 2, (top + bottom) / 2), half, strict=True)
    )
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    away = np.stack([shapely.distance(shape, shapely.points(points)) for shape in shapes])
    nearest, least = away.argmin(axis=0), away.min(axis=0)
    inside = least <= (1 + _TIE) * gsd_m
    near, far = max(_BESIDE_M[0], 3 * gsd_m) * (1 + _TIE), _BESIDE_M[1] * (1 + _TIE)
    beside = points[(least >= near) & (least <= far)]
    thinned = beside[:: max(1, math.ceil(len(beside) / _BESIDE_MOST))]
    return points[inside], nearest[inside].astype(np.intp), thinned
