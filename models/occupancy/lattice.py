"""Coarse images read on a lattice of ground points in yards and along tracks, and beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError
from imagery.grid import ground_gsd, ground_steps
from imagery.scenes import Scene
from imagery.tiles import Tile
from imagery.visibility import SNOW
from models.occupancy.cells import optical_bands, sample

RADAR = ("vv", "vh")
"""Roles of the radar's polarisations."""
_BESIDE_M = (30.0, 130.0)  # the surroundings lie this far from the nearest yard or track
_BESIDE_MOST = 1500
_LOOK_DEG = {"ascending": 78.0, "descending": 282.0}  # clockwise from north, at middle latitudes
_FACING_DEG = 20.0  # how soon a wall's echo fades as it turns away; set on simulated yards
_TIE = 1e-3  # of a pixel: keeps points off borders, so that rounding never changes their number


@dataclass(frozen=True, eq=False)
class Look:
    """What one image shows of the yards and along the tracks, and beside them; every point counts once."""

    scene_id: str
    """The scene."""
    taken_at: datetime | None
    """UTC."""
    gsd_m: float
    """Ground sample distance in metres; each point stands for a square of that side."""
    bands: tuple[str, ...]
    """Roles of the bands read: those of cells.ROLES, or ``vv`` and ``vh``; empty where it has neither."""
    orbit: str
    """Radar: which of its looks can be compared, such as ``descending 61``; empty for optical images."""
    facing: float
    """Radar: share of the tracks' length beside which wagons turn their walls to it; 0 for optical images."""
    area_ids: tuple[str, ...]
    """(areas,) yards, then tracks."""
    lengths_m: tuple[float, ...]
    """(areas,) length of each track, 0 for yards."""
    area: NDArray[np.intp]
    """(points,) index of the area that each point belongs to: the nearest."""
    samples: NDArray[np.float32]
    """(bands, points) pixel values, radar as power, NaN where not seen."""
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
) -> Look:
    """Read an image on a lattice of points in the yards and near the tracks, and beside them.

    Near is a pixel, or two for radar, whose resolution is that of two and which sees things displaced
    towards it by their height.

    Args:
        tile: The image about the place, with some 130 m to either side where it can be had.
        believable: (rows, cols) which pixels show the ground.
        yards: Id and outline (n, 2) in pixels of the tile, each.
        tracks: Id and axis (n, 2) in pixels of the tile, each.
    """
    steps = np.array(ground_steps(tile.grid))
    gsd = ground_gsd(tile.grid)
    radar = tuple(band for band in RADAR if band.upper() in tile.bands)
    if radar:
        roles, pixels = radar, power(tile, radar)
    else:
        found = optical_bands(tile)
        roles, pixels = tuple(found), tile.pixels[list(found.values())]
    good = believable & np.isfinite(pixels).all(axis=0)
    lines = [shapely.LineString(line * steps) for _, line in tracks]
    shapes: list[BaseGeometry] = [*(shapely.Polygon(ring * steps) for _, ring in yards), *lines]
    points, area, beside = _lattice(shapes, gsd, 2 if radar else 1)
    snow = tile.band("SCL") == SNOW if tile.has(["SCL"]) else np.zeros(1)
    return Look(
        scene_id=tile.scene.id,
        taken_at=tile.scene.taken_at,
        gsd_m=gsd,
        bands=roles,
        orbit=_orbit(tile.scene) if radar else "",
        facing=_facing(tile, [line for _, line in tracks]) if radar else 0.0,
        area_ids=tuple(id for id, _ in (*yards, *tracks)),
        lengths_m=(*(0.0 for _ in yards), *(float(line.length) for line in lines)),
        area=area,
        samples=sample(pixels, good, points / steps)[0],
        around=sample(pixels, good, beside / steps)[0],
        snow_share=float(snow.mean()),
    )


def power(tile: Tile, bands: Sequence[str]) -> NDArray[np.float64]:
    """Radar backscatter as power (bands, rows, cols), up to a factor a sensor; NaN where it is not positive.

    Decibels are told by their negative values; ground range products hold amplitudes unless they do.
    """
    values = np.stack([tile.band(band.upper()).astype(np.float64) for band in bands])
    known = values[:, tile.valid & np.isfinite(values).all(axis=0)]
    if known.size and np.median(known) < 0:
        return np.asarray(10 ** (values / 10))
    values = np.where(values > 0, values, np.nan)
    return np.asarray(values**2 if tile.scene.sensor == "sentinel-1-grd" else values)


def _orbit(scene: Scene) -> str:
    """Direction and relative orbit, as far as the scene's source says them."""
    said = (scene.properties.get(f"sat:{key}") for key in ("orbit_state", "relative_orbit"))
    return " ".join(str(word) for word in said if word not in (None, "")) or "unknown"


def _facing(tile: Tile, lines: Sequence[NDArray[np.float64]]) -> float:
    """See Look.facing; the sensor looks to the right of its nearly polar path."""
    steps = np.concatenate([np.diff(line, axis=0) for line in lines] or [np.zeros((1, 2))])
    a = tile.grid.affine
    east, north = steps @ np.array([a.a, a.b]), steps @ np.array([a.d, a.e])
    across = np.degrees(np.arctan2(east, north)) + 90
    look = _LOOK_DEG.get(str(tile.scene.properties.get("sat:orbit_state")), 90.0)
    off = np.abs((across - look + 90) % 180 - 90)
    length = np.hypot(east, north)
    return float((length * np.exp(-0.5 * (off / _FACING_DEG) ** 2)).sum() / max(length.sum(), 1e-9))


def _lattice(
    shapes: Sequence[BaseGeometry], gsd_m: float, near_px: int
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Points (n, 2) in ground metres near a shape, whose they are (n,), and points beside (m, 2)."""
    if not shapes:
        return np.empty((0, 2)), np.empty(0, dtype=np.intp), np.empty((0, 2))
    left, top, right, bottom = shapely.total_bounds(shapes)
    half = [math.ceil((side / 2 + _BESIDE_M[1]) / gsd_m) for side in (right - left, bottom - top)]
    x, y = (
        centre + gsd_m * np.arange(-n, n + 1)
        for centre, n in zip(((left + right) / 2, (top + bottom) / 2), half, strict=True)
    )
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    least, nearest = _nearest(shapes, points, gsd_m / 4)
    inside = least <= (near_px + _TIE) * gsd_m
    beyond, within = max(_BESIDE_M[0], 3 * gsd_m) * (1 + _TIE), _BESIDE_M[1] * (1 + _TIE)
    beside = points[(least >= beyond) & (least <= within)]
    thinned = beside[:: max(1, math.ceil(len(beside) / _BESIDE_MOST))]
    return points[inside], nearest[inside], thinned


def _nearest(
    shapes: Sequence[BaseGeometry], points: NDArray[np.float64], step_m: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distance (n,) of points from the nearest shape, 0 inside, infinite far off, and which it is (n,).

    Edges are measured to points every ``step_m``, less than a pixel.
    """
    edges = [shapely.get_coordinates(shapely.segmentize(shape, step_m)) for shape in shapes]
    distance, at = cKDTree(np.concatenate(edges)).query(points, distance_upper_bound=2 * _BESIDE_M[1])
    owner = np.append(np.repeat(np.arange(len(edges)), [len(edge) for edge in edges]), -1)[at]
    for index, shape in enumerate(shapes):
        inside = shapely.contains_xy(shape, points)
        distance[inside], owner[inside] = 0.0, index
    return distance, owner
