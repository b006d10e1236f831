"""Distances and positions on an image grid (odc-geo's GeoBox), on the ground and in pixels.

Pixel coordinates are (x, y) with the origin at the top-left corner of the top-left pixel, y down.
An image without a map position stands on a local grid: no CRS, metres from that corner, y down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Geod, Transformer

from imagery.errors import InputError

_GEOD = Geod(ellps="WGS84")
SMALLEST_M = 1e-4
"""Pixels are larger than this on the ground: counts of smaller ones would not even be whole numbers."""
_SAME_PIXEL = 1e-3
"""Pixels by which corners of one lattice may differ after rounding."""


def local_grid(rows: int, cols: int, gsd_m: float) -> GeoBox:
    """Grid of an image without a map position: metres from its top-left corner, y down."""
    return GeoBox((rows, cols), Affine.scale(gsd_m, gsd_m), crs=None)


def cropped(grid: GeoBox, rows: slice, cols: slice) -> GeoBox:
    """Grid of a window; the slices have plain bounds inside the image."""
    a, x, y = grid.affine, cols.start, rows.start
    moved = Affine(a.a, a.b, a.a * x + a.b * y + a.c, a.d, a.e, a.d * x + a.e * y + a.f)
    return GeoBox((rows.stop - rows.start, cols.stop - cols.start), moved, grid.crs)


def zoomed(grid: GeoBox, shape: tuple[int, int]) -> GeoBox:
    """Grid of the same ground with another number of (rows, cols)."""
    a = grid.affine
    down, across = grid.shape[0] / shape[0], grid.shape[1] / shape[1]
    return GeoBox(shape, Affine(a.a * across, a.b * down, a.c, a.d * across, a.e * down, a.f), grid.crs)


def offset_between(grid: GeoBox, onto: GeoBox) -> tuple[int, int] | None:
    """Rows and columns from the corner of ``onto`` to that of ``grid``; None where their pixels differ.

    Grids without a CRS have the same pixels only where they are the same.
    """
    if grid == onto:
        return 0, 0
    a, b = grid.affine, onto.affine
    if grid.crs is None or grid.crs != onto.crs:
        return None
    if not np.allclose((a.a, a.b, a.d, a.e), (b.a, b.b, b.d, b.e), rtol=1e-9, atol=0):
        return None
    right, down = (float(value) for value in map_to_pixel(onto, np.array([[a.c, a.f]]))[0])
    if max(abs(right - round(right)), abs(down - round(down))) > _SAME_PIXEL:
        return None
    return round(down), round(right)


def spanning(grids: Sequence[GeoBox]) -> GeoBox:
    """The first grid, made larger by whole pixels until it shows the ground of all."""
    first, *others = grids
    if not others:
        return first
    xy = np.concatenate([outline(first), *(_outline_in(first, grid) for grid in others)])
    left, top = np.floor(xy.min(axis=0) + _SAME_PIXEL).astype(int)
    right, bottom = np.ceil(xy.max(axis=0) - _SAME_PIXEL).astype(int)
    return cropped(first, slice(int(top), int(bottom)), slice(int(left), int(right)))


def _outline_in(first: GeoBox, grid: GeoBox) -> NDArray[np.float64]:
    """Points (n, 2) along the edge of a grid in pixels of another."""
    at = outline(grid)
    if grid.crs == first.crs:
        return map_to_pixel(first, pixel_to_map(grid, at))
    return lonlat_to_pixel(first, pixel_to_lonlat(grid, at))


def outline(grid: GeoBox, points: int = 33) -> NDArray[np.float64]:
    """Points (n, 2) along the edge of a grid, in its pixels."""
    rows, cols = grid.shape
    edge = np.linspace(0.0, 1.0, points)
    zero, one = np.zeros_like(edge), np.ones_like(edge)
    x = np.concatenate([edge, edge, zero, one]) * cols
    return np.stack([x, np.concatenate([zero, one, edge, edge]) * rows], axis=1)


def square_utm(grid: GeoBox) -> GeoBox:
    """A north-up UTM grid over the same ground, of the same GSD, with square pixels.

    The zone is that of the centre. Norway's and Svalbard's wider zones are not followed: any UTM zone near
    by is square on the ground to better than 0.1 %.

    Raises:
        InputError: The image spans more of the earth than a UTM zone can show, or its pixels have no size.
    """
    gsd = ground_gsd(grid)
    rows, cols = grid.shape
    lon, lat = pixel_to_lonlat(grid, np.array([[cols / 2, rows / 2]]))[0]
    zone = int((lon + 180) // 6) % 60 + 1
    crs = f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
    to_utm = Transformer.from_crs(4326, crs, always_xy=True)
    x, y = to_utm.transform(*pixel_to_lonlat(grid, outline(grid)).T)
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) > 2e6:
        raise InputError(
            f"an image of {rows} x {cols} pixels of {gsd:g} m is too wide for one UTM zone; cut it"
        )
    if not gsd > SMALLEST_M:
        raise InputError(
            f"pixels of {gsd:g} m on the ground, not above {SMALLEST_M} m: its position is wrong"
        )
    left, top = math.floor(x.min() / gsd) * gsd, math.ceil(y.max() / gsd) * gsd
    shape = (max(1, math.ceil((top - y.min()) / gsd)), max(1, math.ceil((x.max() - left) / gsd)))
    return GeoBox(shape, Affine(gsd, 0, left, 0, -gsd, top), crs)


def pixel_to_map(grid: GeoBox, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixel (n, 2) to coordinates (n, 2) of the grid's CRS."""
    a = grid.affine
    x, y = xy[:, 0], xy[:, 1]
    return np.stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f], axis=1)


def map_to_pixel(grid: GeoBox, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (n, 2) of the grid's CRS to pixel (n, 2)."""
    a = ~grid.affine
    x, y = xy[:, 0], xy[:, 1]
    return np.stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f], axis=1)


def pixel_to_lonlat(grid: GeoBox, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixel (n, 2) to longitude and latitude (n, 2) in degrees, WGS 84; the grid must have a CRS."""
    to_wgs84 = Transformer.from_crs(CRS.from_user_input(str(grid.crs)), 4326, always_xy=True)
    return np.stack(to_wgs84.transform(*pixel_to_map(grid, xy).T), axis=1)


def lonlat_to_pixel(grid: GeoBox, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitude and latitude (n, 2) in degrees, WGS 84, to pixel (n, 2); the grid must have a CRS."""
    from_wgs84 = Transformer.from_crs(4326, CRS.from_user_input(str(grid.crs)), always_xy=True)
    return map_to_pixel(grid, np.stack(from_wgs84.transform(*lonlat.T), axis=1))


@lru_cache(maxsize=1024)
def ground_steps(grid: GeoBox) -> tuple[float, float]:
    """Ground length in metres of one pixel step along a row and along a column, at the image centre.

    Geodesic on WGS 84, so that degrees and Web Mercator come out in true metres.
    """
    if grid.crs is None:
        a = grid.affine
        return math.hypot(a.a, a.d), math.hypot(a.b, a.e)
    rows, cols = grid.shape
    cx, cy = cols / 2, rows / 2
    lonlat = pixel_to_lonlat(grid, np.array([[cx, cy], [cx + 1, cy], [cx, cy + 1]], dtype=np.float64))
    (lon, lat), (lon_x, lat_x), (lon_y, lat_y) = lonlat
    return (
        float(_GEOD.inv(lon, lat, lon_x, lat_x)[2]),
        float(_GEOD.inv(lon, lat, lon_y, lat_y)[2]),
    )


def shadow_way(grid: GeoBox, sun_azimuth_deg: float) -> tuple[float, float]:
    """Unit vector (x, y down) on the grid in which shadows fall, for a sun clockwise from true north.

    A grid without a CRS is taken to have north above.
    """
    x, y = 0.0, -1.0
    if grid.crs is not None:
        rows, cols = grid.shape
        lon, lat = pixel_to_lonlat(grid, np.array([[cols / 2, rows / 2]]))[0]
        north = np.array([[lon, lat], [lon, lat + 1e-4]])
        x, y = np.diff(lonlat_to_pixel(grid, north), axis=0)[0]
    turn = math.atan2(y, x) + math.radians(sun_azimuth_deg) + math.pi
    return math.cos(turn), math.sin(turn)


def ground_gsd(grid: GeoBox) -> float:
    """Ground sample distance in metres: the geometric mean of both pixel steps."""
    across, down = ground_steps(grid)
    return math.sqrt(across * down)


def is_square(grid: GeoBox, tolerance: float = 0.01) -> bool:
    """Whether pixels are square on the ground, so that lengths in pixels times GSD are metres."""
    across, down = ground_steps(grid)
    a = grid.affine
    # Skew is judged in map units; where the axes differ on the ground (degrees) the ratio already fails.
    # Nothing is divided: pixels may have no size at all.
    skewed = abs(a.a * a.b + a.d * a.e) > tolerance * math.hypot(a.a, a.d) * math.hypot(a.b, a.e)
    return abs(across - down) <= tolerance * down and not skewed
