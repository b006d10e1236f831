"""The ground about a site's tracks on one date, as a coarse optical sensor saw it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.alignment.align import Shift, aligned
from imagery.crop import roi_around
from imagery.errors import InputError
from imagery.grid import cropped, ground_steps, pixel_to_lonlat, pixel_to_map
from imagery.scenes import Scene
from imagery.synthetic.sun import sun_position
from imagery.tiles import Tile
from imagery.visibility import SNOW
from models.occupancy.cells import WIDE_ROLES, optical_bands

REACH_M = 150.0
"""Ground that is kept to either side of the tracks."""
_USUAL_SUN = 150.0, 45.0  # of a morning pass, where neither the file nor the clock says
_LEAST_ELEVATION = 8.0  # degrees; lower, everything lies in shadow


@dataclass(frozen=True, eq=False)
class View:
    """Pixels about the tracks, moved onto the place's frame where their shift was accepted."""

    scene_id: str
    """The scene."""
    taken_at: datetime | None
    """UTC."""
    bands: tuple[str, ...]
    """Roles, in the order of cells.WIDE_ROLES."""
    pixels: NDArray[np.float32]
    """(bands, rows, cols), NaN where not believed; reflectance, or numbers of unknown scale."""
    lines_px: tuple[NDArray[np.float64], ...]
    """A track each: (n, 2) in pixels; the same on every date of a frame."""
    metres_px: tuple[float, float]
    """Ground metres of a pixel across and down."""
    shadow: tuple[float, float]
    """Ground metres right and down in the image by which the shadow of a thing of one metre falls."""
    snow_share: float
    """Share of the pixels about the tracks that the image's own classes call snow; 0 without classes."""
    doubt_px: float
    """How far two halves of the surroundings disagree on where the image lies; NaN where not measured."""
    frame: str
    """Names the grid: dates of one frame can be compared pixel by pixel."""
    grid: GeoBox
    """Where the pixels lie."""

    def __post_init__(self) -> None:
        if self.pixels.shape != (len(self.bands), *self.grid.shape):
            raise InputError(f"view of {self.scene_id!r}: {self.pixels.shape} does not fit {self.bands}")
        self.pixels.setflags(write=False)
        for line in self.lines_px:
            line.setflags(write=False)


def read_view(
    tile: Tile, good: NDArray[np.bool_], lines: Sequence[NDArray[np.float64]], shift: Shift
) -> View | None:
    """Cut a date to the ground about the tracks.

    Args:
        tile: The image about the tracks.
        good: (rows, cols) which pixels show the ground.
        lines: Tracks (n, 2) in pixels of the tile, where the site says, not moved by the shift.
        shift: Where the tile lies against the other dates of its place.

    Returns:
        The view, or None where the image has no optical band or shows none of the tracks.
    """
    roles = optical_bands(tile, WIDE_ROLES)
    steps = ground_steps(tile.grid)
    margin = REACH_M / min(steps)
    roi = roi_around(tile.grid, np.concatenate(lines), margin) if lines else None
    if not roles or roi is None:
        return None
    # The window lies about the tracks whatever the image's own edges, so that dates of other extents fit it.
    first = np.floor(np.concatenate(lines).min(axis=0) - margin).astype(int)
    last = np.ceil(np.concatenate(lines).max(axis=0) + margin).astype(int)
    index = [*roles.values(), *(k for k, band in enumerate(tile.bands) if band == "SCL")]
    names = tuple(tile.bands[k] for k in index)
    cut = Tile(
        tile.pixels[index][:, *roi], (tile.valid & good)[roi], cropped(tile.grid, *roi), names, tile.scene
    )
    part = aligned(cut, shift)
    seen = part.valid & np.isfinite(part.pixels).all(axis=0)
    snow = (part.band("SCL") == SNOW) & seen if part.has(["SCL"]) else np.zeros(seen.shape, dtype=bool)
    pixels = np.full((len(roles), last[1] - first[1], last[0] - first[0]), np.nan, dtype=np.float32)
    rows, cols = (slice(part.start - at, part.stop - at) for part, at in zip(roi, first[::-1], strict=True))
    pixels[:, rows, cols] = np.where(seen, part.pixels[: len(roles)], np.float32(np.nan))
    corner = pixel_to_map(tile.grid, first[None].astype(np.float64))[0].round(3).tolist()
    turn = [round(value, 6) for value in (tile.grid.affine.a, tile.grid.affine.b, tile.grid.affine.d)]
    return View(
        scene_id=tile.scene.id,
        taken_at=tile.scene.taken_at,
        bands=tuple(roles),
        pixels=pixels,
        lines_px=tuple(line - first for line in lines),
        metres_px=(float(steps[0]), float(steps[1])),
        shadow=_shadow(tile, lines[0].mean(axis=0)),
        snow_share=float(snow.mean()),
        doubt_px=shift.doubt_px,
        frame=f"{tile.grid.crs} {pixels.shape[1:]} {corner} {turn}",
        grid=cropped(
            tile.grid, *(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
        ),
    )


def _shadow(tile: Tile, at_px: NDArray[np.float64]) -> tuple[float, float]:
    azimuth, elevation = _sun(tile.scene, tile, at_px)
    reach = 1 / math.tan(math.radians(max(elevation, _LEAST_ELEVATION)))
    # Away from the sun, east and north; then into the image, whose rows may run any way.
    away = -math.sin(math.radians(azimuth)) * reach, -math.cos(math.radians(azimuth)) * reach
    a = tile.grid.affine
    right, down = np.linalg.solve(np.array([[a.a, a.b], [a.d, a.e]]) / math.hypot(a.a, a.d), np.array(away))
    return float(right), float(down)


def _sun(scene: Scene, tile: Tile, at_px: NDArray[np.float64]) -> tuple[float, float]:
    """Azimuth and elevation by the file, else by the clock, else those of a morning pass."""
    if scene.sun_azimuth_deg is not None and scene.sun_elevation_deg is not None:
        return scene.sun_azimuth_deg, scene.sun_elevation_deg
    if scene.taken_at is not None and tile.grid.crs is not None:
        lon, lat = pixel_to_lonlat(tile.grid, at_px[None])[0]
        azimuth, elevation = sun_position(scene.taken_at, float(lon), float(lat))
        if elevation > _LEAST_ELEVATION:
            return azimuth, elevation
    return _USUAL_SUN
