"""Shift a Tile onto its reference below one pixel, and say by how much and how surely.

The reference is the median of other dates. A shift is kept only if it explains pixels that it was not fitted
on; otherwise there is none, and the reason is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from imagery.alignment.shiftfit import Points, fit, held_out
from imagery.errors import InputError
from imagery.sensors import CLASS_BANDS
from imagery.tiles import Tile

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

MOST_PX = 1.5
"""Largest shift in pixels along an axis that is believed: more is a wrong position."""
LEAST_DATES = 5
"""Dates that a reference needs."""
LEAST_PIXELS, LEAST_BLOCKS = 200, 8
"""Pixels, and blocks of them, that each half needs."""
SURE = 3.0
"""Standard errors by which the held-out residual must fall."""
AGREE_PX = 0.3
"""Distance within which both halves must put the shift."""
WORTH_PX = 0.03
"""A smaller shift is none."""
_MOST_POINTS = 12_000
_NEAR_PX = 1.5  # standard deviation of the neighbourhood that is taken off
_CLOUD_EDGE_PX = 2


@dataclass(frozen=True)
class Shift:
    """Where a Tile lies against its reference."""

    dx_px: float
    """The Tile shows at x + dx what the reference shows at x; 0 unless accepted."""
    dy_px: float
    """The same along the columns, downwards."""
    residual_before: float
    """Scatter about the reference on held-out pixels, in multiples of its middle; NaN if not measured."""
    residual_after: float
    """The same with the fitted shift, whether or not it was accepted."""
    accepted: bool
    """Whether the shift is to be applied."""
    reason: str
    """Why, in one sentence."""
    doubt_px: float = math.nan
    """Distance between the shifts that the two halves of the pixels give; NaN if not measured."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What a place usually looks like, from several dates: its edges and lines, without its fields.

    Whole fields and the light change from date to date; where they meet does not.
    """

    detail: Numbers
    """(bands, rows, cols) median of what stands out from its neighbourhood, NaN where no date shows it."""
    spread: Numbers
    """(bands, rows, cols) standard deviation over the dates, as the median absolute deviation gives it."""
    bands: tuple[str, ...]
    """Name of each band."""
    grid: GeoBox
    """Grid of the pixels."""
    dates: int
    """How many dates it is made of."""

    def __post_init__(self) -> None:
        expected = (len(self.bands), *self.grid.shape)
        if self.detail.shape != expected or self.spread.shape != expected:
            raise InputError(
                f"reference {self.detail.shape} and spread {self.spread.shape} must be {expected}"
            )
        self.detail.setflags(write=False)
        self.spread.setflags(write=False)


def reference_of(tiles: Sequence[Tile], good: Sequence[Mask], bands: Sequence[str]) -> Reference:
    """The median of several dates.

    Args:
        tiles: Dates on one grid, at least one.
        good: (rows, cols) each: which pixels can be believed.
        bands: Which bands to take.

    Raises:
        InputError: No tile, or tiles of several grids.
    """
    if not tiles or any(tile.grid != tiles[0].grid for tile in tiles):
        raise InputError(f"a reference needs dates on one grid; {len(tiles)} dates do not lie on one")
    stack = np.stack([_detail(tile, mask, bands) for tile, mask in zip(tiles, good, strict=True)])
    middle = _median(stack)
    spread = 1.4826 * _median(np.abs(stack - middle))
    return Reference(middle, spread, tuple(bands), tiles[0].grid, len(tiles))


def measure_shift(tile: Tile, good: Mask, reference: Reference, off_yard: Mask) -> Shift:
    """Where a Tile lies against its reference (imagery.alignment.shiftfit says how it is fitted).

    It is fitted on each half of a checkerboard and tried on the other: there the scatter must fall by three
    standard errors over blocks, against no shift and against the opposite one; and both halves must agree.

    Args:
        tile: On the reference's grid, with its bands.
        good: (rows, cols) which pixels can be believed.
        reference: What other dates show.
        off_yard: (rows, cols) pixels to look at: where no train stands.

    Returns:
        The shift fitted on all these pixels, or none and why.

    Raises:
        InputError: Grids or shapes differ.
    """
    if tile.grid != reference.grid or {good.shape, off_yard.shape} != {tile.valid.shape}:
        raise InputError(f"tile of {tile.scene.id!r}, its masks and the reference must lie on one grid")
    if reference.dates < LEAST_DATES:
        return no_shift(f"{reference.dates} other dates show this place, {LEAST_DATES} are needed")
    points = comparable(tile, good, reference, off_yard)
    odd = points.blocks.sum(axis=1) % 2 == 1
    for half in (odd, ~odd):
        blocks = len(np.unique(points.blocks[half], axis=0))
        if half.sum() < LEAST_PIXELS or blocks < LEAST_BLOCKS:
            return no_shift(
                f"too few pixels are seen off the yard: {half.sum()} in {blocks} blocks of one half"
            )
    halves = [fit(points.take(odd)), fit(points.take(~odd))]
    whole = fit(points, (halves[0] + halves[1]) / 2)
    none, moved, opposite = np.concatenate(
        [held_out(points, half, found) for half, found in zip((odd, ~odd), halves, strict=True)], axis=1
    )
    before, after = float(np.sqrt(none.mean())), float(np.sqrt(moved.mean()))
    doubt = float(np.hypot(*(halves[0] - halves[1])))
    size = float(np.hypot(*whole))
    if max(float(np.abs(found).max()) for found in (whole, *halves)) > MOST_PX:
        refusal = f"more than the {MOST_PX} px that are believed"
    elif doubt > AGREE_PX:
        refusal = f"the halves of the pixels put it {doubt:.2f} px apart"
    elif size < WORTH_PX:
        refusal = f"it lies on its reference already, to {size:.2f} px"
    elif not (_falls(none - moved) and _falls(opposite - moved)):
        refusal = "held-out pixels do not fit better beyond chance"
    else:
        kept = f"held-out pixels scatter {after:.2f} instead of {before:.2f}"
        return Shift(float(whole[0]), float(whole[1]), before, after, True, kept, doubt)
    return Shift(0.0, 0.0, before, after, False, refusal, doubt)


def no_shift(reason: str) -> Shift:
    """No shift, because none could be measured."""
    return Shift(0.0, 0.0, math.nan, math.nan, False, reason)


def aligned(tile: Tile, shift: Shift) -> Tile:
    """The Tile as its reference lies: cubic splines; classes and the mask by the nearest pixel.

    Gaps are filled from their nearest valid pixel first, so that they do not ring; what comes from outside
    the Tile is not valid.
    """
    if shift.dx_px == shift.dy_px == 0:
        return tile
    at = [
        np.rint(np.arange(n) + d) for n, d in zip(tile.valid.shape, (shift.dy_px, shift.dx_px), strict=True)
    ]
    inside = np.logical_and.outer(*((a >= 0) & (a < len(a)) for a in at))
    nearest = np.ix_(*(np.clip(a, 0, len(a) - 1).astype(int) for a in at))
    pixels = np.stack(
        [
            band[nearest] if name in CLASS_BANDS else _moved(band, tile.valid, shift)
            for name, band in zip(tile.bands, tile.pixels, strict=True)
        ]
    )
    return Tile(pixels, tile.valid[nearest] & inside, tile.grid, tile.bands, tile.scene)


def _moved(band: NDArray[Any], valid: Mask, shift: Shift) -> NDArray[Any]:
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled = (band[tuple(nearest)] if valid.any() else band).astype(np.float64)
    moved = ndimage.shift(filled, (-shift.dy_px, -shift.dx_px), order=3, mode="nearest")
    if band.dtype.kind in "iu":
        limits = np.iinfo(band.dtype)
        moved = np.clip(np.rint(moved), limits.min, limits.max)
    return np.asarray(moved.astype(band.dtype))


def comparable(tile: Tile, good: Mask, reference: Reference, off_yard: Mask) -> Points:
    """Pixels that both show, off the yard, away from clouds and edges; evenly thinned if many."""
    known = np.isfinite(reference.detail).all(axis=0)
    rim = ndimage.binary_dilation(tile.valid & ~good, iterations=_CLOUD_EDGE_PX)
    use = good & ~rim & off_yard & known
    edge = math.ceil(MOST_PX) + 1
    use[:edge] = use[-edge:] = use[:, :edge] = use[:, -edge:] = False
    at = np.argwhere(use)
    at = at[:: max(1, math.ceil(len(at) / _MOST_POINTS))]
    row, col = at.T
    spread = reference.spread[:, row, col]
    floor = np.median(spread, axis=1, keepdims=True) / 2 if len(at) else spread
    seen = _detail(tile, good, reference.bands)[:, row, col]
    # Where nothing varies, as in a painted picture, any positive number serves.
    usual = np.maximum(spread + floor, 1e-9)
    return Points.of(at, seen, usual, np.where(known, reference.detail, 0.0))


def _detail(tile: Tile, good: Mask, bands: Sequence[str]) -> Numbers:
    """Each band less its mean over the pixel's neighbourhood, (bands, rows, cols); NaN where not believed."""
    weight = np.maximum(ndimage.gaussian_filter(good.astype(np.float64), _NEAR_PX), 1e-6)
    detail = np.empty((len(bands), *good.shape))
    for k, name in enumerate(bands):
        band = np.where(good, tile.band(name), 0.0)
        detail[k] = np.where(good, band - ndimage.gaussian_filter(band, _NEAR_PX) / weight, np.nan)
    return detail


def _falls(gain: Numbers) -> bool:
    """Whether the mean over blocks is above zero beyond chance."""
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    return float(gain.mean()) > SURE * error and float(gain.mean()) > 0


def _median(values: Numbers) -> Numbers:
    """Median over the first axis, NaN left out; NaN where there is nothing else."""
    ordered = np.sort(values, axis=0)  # NaN goes last
    count = np.isfinite(values).sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))
