"""A site as a coarse sensor sees it: things drawn by the area they cover, light, point spread, sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr

from imagery.synthetic.spectra import Spectrum
from imagery.synthetic.terrain import CELL_M

SPREAD_M = {"B02": 4.2, "B03": 4.2, "B04": 4.2, "B08": 4.6} | dict.fromkeys(
    ("B05", "B06", "B07", "B8A", "B11", "B12"), 7.5
)
"""Standard deviation of each band's point spread: with the pixel's own box, MTF of 0.2 to 0.3 at Nyquist."""
GSD_M = dict.fromkeys(("B02", "B03", "B04", "B08"), 10.0) | dict.fromkeys(
    ("B05", "B06", "B07", "B8A", "B11", "B12"), 20.0
)
"""Pixel size of each band."""
Array = NDArray[np.float64]
_LEAST = 1e-6  # cells: a shadow along its own edge covers nothing


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


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a scene that things cover or shade."""

    at: NDArray[np.intp]
    """(n,) flat index, each once, rising."""
    covered: Array
    """(n,) share of each cell under things; above 1 where things touch."""
    shaded: Array
    """(n,) share of each cell that shadows would cover on open ground."""
    tops: Array
    """(bands, n) sum over things of covered share times reflectance."""

    def contrast(self, ground: Array, sky: Array) -> Array:
        """What they change of the ground (bands, n).

        Args:
            ground: (bands, n) reflectance of these cells in full sun with nothing on them.
            sky: (bands,) light in full shadow as a share of full sun.
        """
        over = np.maximum(self.covered, 1.0)  # things that touch in one cell cover it once
        bare = 1 - self.covered / over
        # Within a cell a shadow lies beside the thing that throws it, not under it.
        dark = np.minimum(self.shaded, bare) * (1 - sky[:, None])
        return np.asarray(ground * (bare - 1 - dark) + self.tops / over)

    def of(self, bands: Sequence[int]) -> Cells:
        """The same with tops in these bands only, by index into spectra.BANDS."""
        return replace(self, tops=self.tops[list(bands)])


def drawn(
    things: Sequence[Thing],
    sun: tuple[float, float],
    shape: tuple[int, int],
    cell_m: float = CELL_M,
) -> Cells:
    """Cells that things and their shadows cover; what lies outside is left out.

    Shadows fall on the ground only: a wagon's neighbour is as high as itself.

    Args:
        things: At least one.
        sun: Azimuth clockwise from north, and elevation, in degrees.
        shape: (rows, cols) of the scene in cells.
        cell_m: Side of a cell.
    """
    centre = np.array([thing.centre_m for thing in things])
    size = np.array([thing.size_m for thing in things])
    turn = np.radians([thing.angle_deg for thing in things])
    height = np.array([thing.height_m for thing in things])
    u = np.stack([np.cos(turn), np.sin(turn)], axis=1) * size[:, :1]
    v = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * size[:, 1:]
    azimuth, reach = math.radians(sun[0]), 1 / math.tan(math.radians(sun[1]))
    away = height[:, None] * np.array([-math.sin(azimuth), math.cos(azimuth)]) * reach  # y runs south
    corner = centre - u / 2 - v / 2
    cells, share, owner = _cover(corner, u, v, shape, cell_m)
    # The two edges from which the shadow leaves.
    far_u = corner + np.where(((away * v).sum(axis=1) > 0)[:, None], v, 0)
    far_v = corner + np.where(((away * u).sum(axis=1) > 0)[:, None], u, 0)
    shadows = [_cover(far_u, u, away, shape, cell_m), _cover(far_v, v, away, shape, cell_m)]
    dark, dark_share = (np.concatenate([part[k] for part in shadows]) for k in (0, 1))
    place = np.zeros(math.prod(shape), dtype=np.intp)
    place[cells], place[dark] = 1, 1
    at = np.flatnonzero(place)
    place[at] = np.arange(len(at))
    spectra = np.array([thing.spectrum for thing in things])
    return Cells(
        at,
        _summed(place[cells], share, len(at)),
        _summed(place[dark], dark_share, len(at)),
        np.stack([_summed(place[cells], share * band[owner], len(at)) for band in spectra.T]),
    )


def kernel(
    cells: int, cell_m: float, pixel_m: float, spread_m: float, shift_m: float = 0.0, step_m: float = 0.0
) -> csr_array:
    """Weights (pixels, cells) of a pixel's box blurred by a Gaussian; each row sums to one.

    Args:
        cells: Number of cells along this axis; beyond the edge the outermost goes on.
        cell_m: Side of a cell.
        pixel_m: Side of the pixel's box.
        spread_m: Standard deviation of the blur.
        shift_m: How far the picture lies from its place.
        step_m: From one pixel's centre to the next, the first lying half a step in; the pixel's side if 0.
    """
    step = step_m or pixel_m
    pixels = int(cells * cell_m / step + 1e-6)
    reach = math.ceil((4 * spread_m + pixel_m / 2) / cell_m) + 1
    # Where pixels are whole cells apart all rows have the same weights.
    alike = (step / cell_m).is_integer()
    centre = (np.arange(1 if alike else pixels) + 0.5) * step - shift_m
    column = np.floor(centre / cell_m).astype(np.intp)[:, None] + np.arange(-reach, reach + 1)
    at = (column + 0.5) * cell_m - centre[:, None]
    weight = ndtr((at + pixel_m / 2) / spread_m) - ndtr((at - pixel_m / 2) / spread_m)
    weight /= weight.sum(axis=1, keepdims=True)
    if alike:
        column = column + np.arange(pixels)[:, None] * int(step / cell_m)
        weight = np.broadcast_to(weight, column.shape)
    start = np.arange(pixels + 1) * column.shape[1]
    column = np.clip(column, 0, cells - 1)
    return csr_array((weight.ravel(), column.ravel(), start), shape=(pixels, cells))


def _summed(at: NDArray[np.intp], values: Array, count: int) -> Array:
    return np.asarray(np.bincount(at, values, count), dtype=np.float64)


def _cover(
    corner: Array, u: Array, v: Array, shape: tuple[int, int], cell_m: float
) -> tuple[NDArray[np.intp], Array, NDArray[np.intp]]:
    """Cells of parallelograms, the share of each that is covered, and by whom; what lies outside is left out.

    In the parallelogram's own skew axes a cell is taken as a box of the same spread; its overlap along one
    axis times that along the other is scaled so that the sum is the true area.

    Args:
        corner: (n, 2) in metres.
        u: (n, 2) one side.
        v: (n, 2) the other side.
        shape: (rows, cols) in cells.
        cell_m: Side of a cell.
    """
    corner, u, v = corner / cell_m, u / cell_m, v / cell_m
    det = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    ends = np.stack([corner, corner + u, corner + v, corner + u + v])
    first = np.floor(ends.min(axis=0) - 0.5).astype(np.intp)
    size = np.floor(ends.max(axis=0) + 0.5).astype(np.intp) - first + 1
    # Rounded up in steps of a half octave, so that things of about one size are laid out at once.
    size = np.ceil(2 ** (np.ceil(2 * np.log2(size)) / 2)).astype(np.intp)
    found = [(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0, dtype=np.intp))]
    for cols, rows in np.unique(size[np.abs(det) > _LEAST], axis=0):
        owner = np.flatnonzero((size == (cols, rows)).all(axis=1) & (np.abs(det) > _LEAST))
        col = first[owner, 0, None, None] + np.arange(cols)
        row = first[owner, 1, None, None] + np.arange(rows)[:, None]
        x, y = col + 0.5 - corner[owner, 0, None, None], row + 0.5 - corner[owner, 1, None, None]
        a = _overlap(x, y, v[owner] / det[owner, None])
        b = _overlap(x, y, -u[owner] / det[owner, None])
        share = a * b
        share *= (np.abs(det[owner]) / share.sum(axis=(1, 2)))[:, None, None]
        inside = (share > 0) & (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
        found.append(((row * shape[1] + col)[inside], share[inside], owner[np.nonzero(inside)[0]]))
    cells, shares, owners = (np.concatenate(part) for part in zip(*found, strict=True))
    return cells, shares, owners


def _overlap(x: Array, y: Array, side: Array) -> Array:
    """Share of each cell's width between 0 and 1 of one skew axis; ``side`` is the other one over det."""
    along = x * side[:, 1, None, None] - y * side[:, 0, None, None]
    half = np.hypot(*side.T)[:, None, None] / 2
    return np.asarray(np.maximum(np.minimum(along + half, 1) - np.maximum(along - half, 0), 0) / (2 * half))
