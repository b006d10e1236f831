"""Distances and positions on an image grid (odc-geo's GeoBox), on the ground and in pixels.

Pixel coordinates are (x, y) with the origin at the top-left corner of the top-left pixel, y down.
An image without a map position stands on a local grid: no CRS, metres from that corner, y down.
"""

from __future__ import annotations

import math

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Geod, Transformer

_GEOD = Geod(ellps="WGS84")


def local_grid(rows: int, cols: int, gsd_m: float) -> GeoBox:
    """Grid of an image without a map position: metres from its top-left corner, y down."""
    return GeoBox((rows, cols), Affine.scale(gsd_m, gsd_m), crs=None)


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


def ground_gsd(grid: GeoBox) -> float:
    """Ground sample distance in metres: the geometric mean of both pixel steps."""
    across, down = ground_steps(grid)
    return math.sqrt(across * down)


def is_square(grid: GeoBox, tolerance: float = 0.01) -> bool:
    """Whether pixels are square on the ground, so that lengths in pixels times GSD are metres."""
    across, down = ground_steps(grid)
    a = grid.affine
    # Skew is judged in map units; where the axes differ on the ground (degrees) the ratio already fails.
    skew = abs(a.a * a.b + a.d * a.e) / (math.hypot(a.a, a.d) * math.hypot(a.b, a.e))
    return abs(across / down - 1) <= tolerance and skew <= tolerance
