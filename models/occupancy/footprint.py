"""What a wagon on each cell of track, and its shadow, cover of the pixels around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr

from imagery.grid import ground_gsd, ground_steps
from imagery.tiles import Tile
from models.occupancy.cells import WAGON_WIDTH_M, lay

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

OPTICS_PX = 0.6
"""Standard deviation of the optics' point spread, in pixels; the pixel's own box comes on top."""
HEIGHTS_M = (1.4, 2.6, 3.2, 3.8, 4.5)
"""Heights of wagons above the ground that are tried: from an empty flat to a tall van."""
_REACH = 2.6  # standard deviations beyond which nothing is seen of a thing
_LEAST = 2e-3  # smaller shares of a pixel are left out
_LOWEST_SUN_DEG = 8.0


@dataclass(frozen=True, eq=False)
class Footprint:
    """Cells of all tracks and their shares of the pixels near them."""

    pixels: Indices
    """(pixels,) flat indices into the image of the pixels that any cell reaches."""
    tops: csr_array
    """(pixels, cells) share of each pixel's look that a wagon on a cell covers."""
    shades: tuple[csr_array, ...]
    """A height each: (pixels, cells) share that its shadow covers; none where the sun is not known."""
    track: Indices
    """(cells,) index of each cell's track."""
    middles_m: Floats
    """(cells, 2) middle of each cell in ground metres from the image's corner."""
    lengths_m: tuple[float, ...]
    """(tracks,) ground length of each track."""

    def cells(self, track: int) -> slice:
        """The cells of one track, in order along it."""
        first, stop = np.searchsorted(self.track, [track, track + 1])
        return slice(int(first), int(stop))

    def step_m(self, track: int) -> float:
        """Length of a cell of one track."""
        cells = self.cells(track)
        return float(self.lengths_m[track] / (cells.stop - cells.start))


def footprint_of(tile: Tile, lines: Sequence[Floats]) -> Footprint:
    """Lay cells of about a pixel's length along tracks and work out what each covers.

    A look is the ground under the optics' point spread and the pixel's box, taken together as a Gaussian.

    Args:
        tile: The image; of its scene, where the sun stood.
        lines: Axis (n, 2) of each track in pixels of the tile.
    """
    steps, gsd = np.array(ground_steps(tile.grid)), ground_gsd(tile.grid)
    laid = [lay(line * steps, gsd) for line in lines]
    counts = [len(part[0]) for part in laid]
    centres = np.concatenate([part[0] for part in laid])
    ahead = np.concatenate([part[1] for part in laid])
    half = np.repeat([part[2] / len(part[0]) / 2 for part in laid], counts)
    sigma = gsd * math.sqrt(OPTICS_PX**2 + 1 / 12)
    cells = _Cells(centres, ahead, half, sigma, steps, tile.valid.shape)
    nowhere = np.zeros_like(centres)
    tops = cells.covered(
        nowhere, -WAGON_WIDTH_M / 2 * np.ones(len(centres)), np.full(len(centres), WAGON_WIDTH_M / 2)
    )
    away = _away_from_sun(tile)
    shades = []
    for height in HEIGHTS_M if away is not None else ():
        # The shadow is the strip from the wagon's far edge on, moved along the track by half its reach.
        assert away is not None
        reach = away * height
        sideways = reach[1] * ahead[:, 0] - reach[0] * ahead[:, 1]
        edge = np.where(sideways < 0, -WAGON_WIDTH_M, WAGON_WIDTH_M) / 2
        on = (ahead @ reach)[:, None] / 2 * ahead
        shades.append(cells.covered(on, np.minimum(edge, edge + sideways), np.maximum(edge, edge + sideways)))
    pixels = np.unique(np.concatenate([part.nonzero()[0] for part in (tops, *shades)])).astype(np.intp)
    return Footprint(
        pixels,
        tops[pixels],
        tuple(part[pixels] for part in shades),
        np.repeat(np.arange(len(laid)), counts),
        centres,
        tuple(part[2] for part in laid),
    )


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of all tracks in ground metres, and how the image looks at them."""

    centres: Floats
    ahead: Floats
    half_m: Floats
    sigma_m: float
    steps_m: Floats
    shape: tuple[int, ...]

    def covered(self, on: Floats, start: Floats, stop: Floats) -> csr_array:
        """Share (image pixels, cells) of each look that strips beside the cells cover.

        Args:
            on: (cells, 2) how far the strip is moved from its cell, in metres.
            start: (cells,) metres across at which it begins.
            stop: (cells,) metres across at which it ends.
        """
        right = np.stack([-self.ahead[:, 1], self.ahead[:, 0]], axis=1)
        middle = self.centres + on + right * ((start + stop) / 2)[:, None]
        widest = float(np.hypot((stop - start).max() / 2, self.half_m.max()))
        reach = math.ceil((_REACH * self.sigma_m + widest) / self.steps_m.min())
        window = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), axis=-1).reshape(-1, 2)
        pixel = (np.floor(middle / self.steps_m).astype(np.intp)[:, None] + window).reshape(-1, 2)
        cell = np.repeat(np.arange(len(middle)), len(window))
        inside = (pixel >= 0).all(axis=1) & (pixel < [self.shape[1], self.shape[0]]).all(axis=1)
        pixel, cell = pixel[inside], cell[inside]
        offset = (pixel + 0.5) * self.steps_m - middle[cell]
        along, across = ((offset * unit[cell]).sum(axis=1) for unit in (self.ahead, right))
        half, width = self.half_m[cell], (stop - start)[cell] / 2
        near = (np.abs(along) < half + _REACH * self.sigma_m) & (
            np.abs(across) < width + _REACH * self.sigma_m
        )
        share = self._spread(along[near], half[near]) * self._spread(across[near], width[near])
        flat, cell = pixel[near, 1] * self.shape[1] + pixel[near, 0], cell[near]
        kept = share > _LEAST
        size = (math.prod(self.shape), len(self.centres))
        return csr_array((share[kept], (flat[kept], cell[kept])), shape=size)

    def _spread(self, at: Floats, half: Floats) -> Floats:
        return np.asarray(ndtr((half - at) / self.sigma_m) - ndtr((-half - at) / self.sigma_m))


def _away_from_sun(tile: Tile) -> Floats | None:
    """How far right and down in the image the shadow of one metre of height reaches; None if not known."""
    azimuth, elevation = tile.scene.sun_azimuth_deg, tile.scene.sun_elevation_deg
    if azimuth is None or elevation is None or tile.grid.crs is None:
        return None
    a = tile.grid.affine
    turn = np.linalg.inv(np.array([[a.a, a.b], [a.d, a.e]]))
    flat = turn @ -np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    return np.asarray(flat / np.hypot(*flat) / math.tan(math.radians(max(elevation, _LOWEST_SUN_DEG))))
