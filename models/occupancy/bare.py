"""What a yard looks like with nothing on it: from other dates, or else from the image itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.alignment.align import Shift
from imagery.tiles import Tile
from models.occupancy.residual import half_sample_mode, nan_median

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_DATES = 4
"""Other dates that a usual look needs."""
MOST_DATES = 12
"""More change a median little; the nearest in season come first."""
_LEAST_POINTS = 300
_MOST_POINTS = 20_000


@dataclass(frozen=True, eq=False)
class Usual:
    """The yard on other dates, and how far this date's surroundings differ from them."""

    pixels: Floats
    """(bands, rows, cols) their median where this date lies, NaN where no other date shows the ground."""
    dates: int
    """How many they are."""
    unrest: float
    """Scatter of this date's surroundings about their median, as a multiple of their own."""
    bright: float
    """How many times as bright as on them the surroundings are."""


def usual_look(
    tile: Tile,
    good: Mask,
    others: Sequence[tuple[Tile, Mask]],
    bands: Sequence[str],
    off_yard: Mask,
    shift: Shift,
) -> Usual | None:
    """The median of other dates in this date's light, laid where this date lies.

    Args:
        tile: The image.
        good: (rows, cols) which of its pixels can be believed.
        others: Other dates on the tile's grid, brought onto one frame, the nearest in season first, and which
            of their pixels can be believed.
        bands: Names of the bands that are read.
        off_yard: (rows, cols) pixels where no train stands.
        shift: Where the image lies on the frame.

    Returns:
        None with too few other dates.
    """
    now = np.stack([tile.band(band) for band in bands]).astype(np.float64)
    now = np.where(good, now, np.nan)
    # The image is laid on the frame to compare light, the usual look on the image in the end.
    on_frame = _moved(now, -shift.dx_px, -shift.dy_px)
    lit, ratios = [], []
    for other, seen in others:
        both = off_yard & seen & np.isfinite(on_frame).all(axis=0)
        if not other.has(bands) or both.sum() < _LEAST_POINTS:
            continue
        step = max(1, int(both.sum()) // _MOST_POINTS)
        planes = np.full_like(now, np.nan)
        for plane, target, band in zip(planes, on_frame, bands, strict=True):
            pixels = other.band(band).astype(np.float64)
            gain, offset = light(pixels[both][::step], target[both][::step])
            plane[seen] = gain * pixels[seen] + offset
            ratios.append(float(np.median(target[both]) / max(float(np.median(pixels[both])), 1e-6)))
        lit.append(planes)
        if len(lit) == MOST_DATES:
            break
    if len(lit) < LEAST_DATES:
        return None
    usual = nan_median(np.stack(lit))
    beside = [(plane - usual)[:, off_yard] for plane in (on_frame, *lit)]
    now_off, *others_off = (float(np.nanmedian(np.abs(rest))) for rest in beside)
    # Each other date is part of the median, which makes it look calmer than it is.
    part = np.sqrt((len(lit) + 1) / (len(lit) - 1))
    unrest = now_off / max(float(np.median(others_off)) * part, 1e-9)
    bright = float(np.median(ratios))
    return Usual(_moved(usual, shift.dx_px, shift.dy_px), len(lit), unrest, bright)


def level_look(tile: Tile, good: Mask, bands: Sequence[str], on_tracks: Mask) -> Floats:
    """One look for all of the yard (bands, rows, cols): where the looks along its tracks crowd most.

    Args:
        tile: The image.
        good: (rows, cols) which of its pixels can be believed.
        bands: Names of the bands that are read.
        on_tracks: (rows, cols) pixels on tracks.
    """
    pixels = np.stack([tile.band(band) for band in bands]).astype(np.float64)
    levels = [half_sample_mode(plane[good & on_tracks]) for plane in pixels]
    return np.broadcast_to(np.array(levels)[:, None, None], pixels.shape).copy()


def light(there: Floats, here: Floats) -> tuple[float, float]:
    """Gain and offset that take pixels of another date to those of this one, robust against what changed."""
    design = np.stack([there, np.ones_like(there)], axis=1)
    weight = np.ones(len(there))
    fit = np.array([1.0, 0.0])
    for _ in range(8):
        weighted = design * weight[:, None]
        fit = np.linalg.lstsq(weighted.T @ design, weighted.T @ here, rcond=None)[0]
        away = np.abs(here - design @ fit)
        scale = 1.4826 * float(np.median(away)) + 1e-9
        weight = np.minimum(1.0, 1.5 * scale / np.maximum(away, 1e-9)) ** 2
    return float(fit[0]), float(fit[1])


def _moved(planes: Floats, dx_px: float, dy_px: float) -> Floats:
    """The picture moved right and down by so many pixels; what comes in from outside is not known."""
    if not (dx_px or dy_px):
        return planes
    seen = np.isfinite(planes).all(axis=0)
    share = ndimage.shift(seen.astype(np.float64), (dy_px, dx_px), order=1)
    moved = [
        ndimage.shift(np.where(seen, plane, np.nanmedian(plane)), (dy_px, dx_px), mode="nearest")
        for plane in planes
    ]
    return np.where(share > 0.99, np.stack(moved), np.nan)
