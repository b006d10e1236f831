"""Local metres of a site: x east, y south from the corner of its 10 m grid, shared by all its scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely import Polygon

from imagery.errors import InputError
from imagery.grid import lonlat_to_pixel, pixel_to_lonlat
from imagery.sites import Site
from imagery.synthetic.layout import Layout, Points
from imagery.tracks import tracks_in_pixels

SNAP_M = 20.0
"""The corner lies on the 20 m grid of the sensor."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a site's scenes lie, and its tracks in local metres."""

    site: Site
    """The place."""
    grid: GeoBox
    """One pixel a metre, north up, in UTM: pixel coordinates are local metres."""
    tracks: Layout
    """The site's tracks alone, in file order."""
    middle_m: tuple[float, float]
    """Origin of along and across."""
    angle_deg: float
    """Direction of along, clockwise from east."""

    def place(self, along_m: float, across_m: float) -> tuple[float, float]:
        """Local x, y of a position along and across the tracks."""
        cos, sin = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return (
            self.middle_m[0] + along_m * cos - across_m * sin,
            self.middle_m[1] + along_m * sin + across_m * cos,
        )

    def outline(
        self, along_m: float, across_m: float, size_m: tuple[float, float], angle_deg: float
    ) -> Points:
        """Corners (4, 2) in local metres of a rectangle about a position, turned from along by an angle."""
        turn = math.radians(self.angle_deg + angle_deg)
        u, v = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
        half = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
        centre = np.array(self.place(along_m, across_m))
        return np.array([centre + a * size_m[0] * u + b * size_m[1] * v for a, b in half])

    def local(self, polygon: Polygon) -> Points:
        """Corners (n, 2) in local metres of a polygon in degrees."""
        return lonlat_to_pixel(self.grid, shapely.get_coordinates(polygon.exterior))

    def lonlat(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitude and latitude (n, 2) of local metres (n, 2)."""
        return pixel_to_lonlat(self.grid, xy)

    def window(self, corner_m: tuple[float, float], shape: tuple[int, int], px_m: float) -> GeoBox:
        """Grid of a scene whose top-left corner lies at ``corner_m``."""
        whole = self.grid.affine
        place = Affine(px_m, 0.0, whole.c + corner_m[0], 0.0, -px_m, whole.f - corner_m[1])
        return GeoBox(shape, place, self.grid.crs)


def frame_of(site: Site, margin_m: float) -> Frame:
    """Frame that holds the site's tracks, yards and berths, and a margin.

    Args:
        site: With at least one track.
        margin_m: Beyond the box of its tracks and areas.

    Raises:
        InputError: The site has no tracks.
    """
    if not site.tracks:
        raise InputError(f"site {site.id!r} has no tracks: no wagon can stand there")
    parts = [
        *(track.line for track in site.tracks),
        *(shapely.get_coordinates(area.polygon.exterior) for area in site.areas),
    ]
    lon, lat = np.concatenate(parts).mean(axis=0)
    crs = f"EPSG:{(32600 if lat >= 0 else 32700) + int((lon + 180) // 6) + 1}"
    probe = GeoBox((1, 1), Affine(1, 0, 0, 0, -1, 0), crs)
    x, y = (lonlat_to_pixel(probe, np.concatenate(parts)) * [1, -1]).T
    left, bottom = (math.floor((low - margin_m) / SNAP_M) * SNAP_M for low in (x.min(), y.min()))
    right, top = (math.ceil((high + margin_m) / SNAP_M) * SNAP_M for high in (x.max(), y.max()))
    grid = GeoBox((round(top - bottom), round(right - left)), Affine(1, 0, left, 0, -1, top), crs)
    lines = [line for _, line in tracks_in_pixels(site, grid)]
    ends = max(lines, key=lambda line: float(np.hypot(*np.diff(line, axis=0).T).sum()))[[0, -1]]
    middle = np.concatenate(lines).mean(axis=0)
    angle = math.degrees(math.atan2(*(ends[1] - ends[0])[::-1]))
    layout = Layout(tuple(lines), (float(grid.shape[1]), float(grid.shape[0])))
    return Frame(site, grid, layout, (float(middle[0]), float(middle[1])), angle)


def leads(frame: Frame, lengths_m: Sequence[float]) -> tuple[Points, ...]:
    """The longest track's straight run before its first vertex and after its last; rails only."""
    layout = frame.tracks
    longest = max(range(len(layout.tracks_m)), key=layout.length_m)
    end = layout.length_m(longest)
    runs = [np.arange(-lengths_m[0], 1.0, 10.0), end + np.arange(0.0, lengths_m[1] + 1.0, 10.0)]
    return tuple(layout.at(longest, run) for run in runs if len(run) > 1)
