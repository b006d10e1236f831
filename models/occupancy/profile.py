"""What one coarse optical image shows along known tracks and beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.grid import ground_gsd, ground_steps
from imagery.tiles import Tile
from models.occupancy.cells import lay, optical_bands, sample, surroundings
from models.occupancy.spectra import shadow_width

METHOD = "profile"
_SNOW_CLASS = 11


@dataclass(frozen=True, eq=False)
class Profile:
    """What one image shows along the tracks and beside them."""

    scene_id: str
    """The scene."""
    taken_at: datetime | None
    """UTC."""
    gsd_m: float
    """Ground sample distance in metres."""
    spacing_m: float
    """Wanted length of a cell in metres: half a GSD."""
    bands: tuple[str, ...]
    """Roles of the bands read (blue, green, red, nir); empty where the image has no optical band."""
    track_ids: tuple[str, ...]
    """(tracks,)"""
    lengths_m: tuple[float, ...]
    """(tracks,) ground length of each track."""
    xy_m: tuple[NDArray[np.float64], ...]
    """A track each: (cells, 2) ground metres from the image's corner."""
    samples: tuple[NDArray[np.float32], ...]
    """A track each: (bands, cells) pixel values, NaN where not seen."""
    seen: tuple[NDArray[np.bool_], ...]
    """A track each: (cells,)."""
    around: NDArray[np.float32]
    """(bands, points) pixel values beside the tracks, NaN where not seen."""
    inside_share: float
    """Share of the cells that lie inside the image."""
    snow_share: float
    """Share of the cells inside that the image's own classes call snow; 0 without such classes."""
    shadow_m: float
    """Width of the shadow that a usual wagon casts beside it."""

    def __post_init__(self) -> None:
        shapes = [(len(self.bands), len(xy)) for xy in self.xy_m]
        if [part.shape for part in self.samples] != shapes or len(shapes) != len(self.track_ids):
            raise InputError(
                f"profile of {self.scene_id!r}: samples {[part.shape for part in self.samples]} do not fit "
                f"{len(self.track_ids)} tracks and cells {shapes}"
            )
        arrays: tuple[NDArray[Any], ...] = (*self.xy_m, *self.samples, *self.seen, self.around)
        for array in arrays:
            array.setflags(write=False)

    @property
    def seen_share(self) -> float:
        """Share of the cells that can be believed."""
        return float(np.concatenate(self.seen).mean()) if self.seen else 0.0


def read_profile(
    tile: Tile, believable: NDArray[np.bool_], tracks: Sequence[tuple[str, NDArray[np.float64]]]
) -> Profile:
    """Read an image along tracks, every half pixel, and beside them.

    Args:
        tile: The image about the tracks, with some 130 m to either side where it can be had.
        believable: (rows, cols) which pixels show the ground.
        tracks: Id and axis (n, 2) in pixels of the tile, each.

    Returns:
        The profile; its bands are empty for radar.
    """
    steps = np.array(ground_steps(tile.grid))
    gsd = ground_gsd(tile.grid)
    spacing = gsd / 2
    roles = optical_bands(tile)
    laid = [(id, lay(line * steps, spacing)) for id, line in tracks if np.ptp(line, axis=0).any()]
    pixels = tile.pixels[list(roles.values())]
    good = believable & np.isfinite(pixels).all(axis=0)
    reads = [sample(pixels, good, centres / steps) for _, (centres, _, _) in laid]
    around = np.empty((len(roles), 0), dtype=np.float32)
    inside = snow = 0.0
    if laid:
        centres = np.concatenate([part[0] for _, part in laid])
        beside = surroundings(centres, np.concatenate([part[1] for _, part in laid]), spacing, gsd)
        around = sample(pixels, good, beside / steps)[0]
        inside, snow = _inside_and_snow(tile, np.floor(centres / steps).astype(int))
    return Profile(
        scene_id=tile.scene.id,
        taken_at=tile.scene.taken_at,
        gsd_m=gsd,
        spacing_m=spacing,
        bands=tuple(roles),
        track_ids=tuple(id for id, _ in laid),
        lengths_m=tuple(part[2] for _, part in laid),
        xy_m=tuple(part[0] for _, part in laid),
        samples=tuple(values for values, _ in reads),
        seen=tuple(seen for _, seen in reads),
        around=around,
        inside_share=inside,
        snow_share=snow,
        shadow_m=_shadow(tile, laid[0][1][1].mean(axis=0)) if laid else 0.0,
    )


def _inside_and_snow(tile: Tile, cells: NDArray[np.int_]) -> tuple[float, float]:
    rows, cols = tile.grid.shape
    inside = (cells >= 0).all(axis=1) & (cells < [cols, rows]).all(axis=1)
    if not tile.has(["SCL"]) or not inside.any():
        return float(inside.mean()), 0.0
    x, y = cells[inside].T
    return float(inside.mean()), float((tile.band("SCL")[y, x] == _SNOW_CLASS).mean())


def _shadow(tile: Tile, direction: NDArray[np.float64]) -> float:
    """Width of a wagon's shadow; the track's heading is taken from the image's, whose up is nearly north."""
    a = tile.grid.affine
    east, north = a.a * direction[0] + a.b * direction[1], a.d * direction[0] + a.e * direction[1]
    heading = math.degrees(math.atan2(east, north))
    placed = tile.grid.crs is not None
    return shadow_width(tile.scene.sun_elevation_deg, tile.scene.sun_azimuth_deg if placed else None, heading)
