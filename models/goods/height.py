"""Height of a stack from the length of its shadow, the sun's elevation, and what may have shifted either.

A top at height h throws its edge h / tan(elevation) away from the sun: the same for every ray that leaves the
top, whatever the outline. The median over these rays is taken, of those that end on open ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from models.goods.segment import Parts
from models.goods.view import View
from models.measurement import Skip

LEAST_PX = 1.5
"""A shadow shorter than this many pixels is not told from the blur of an edge."""
LEAST_RAYS = 4
"""Rays that must end on open ground."""
LEAST_OPEN = 0.25
"""Share of the rays that must."""
MOST_BRIGHT = 0.75
"""Brightness of a shadow over that of the open ground behind it: thin cloud lifts it, and hides its edge."""
LONGEST_M = 45.0
"""Four containers at a sun of 13 degrees; a longer shadow is not followed."""
LEAST_SUN_DEG = 10.0
"""Lower suns throw shadows that neither picture nor terrain can be trusted with."""
EDGE_PX = 0.45
"""Standard deviation of the place of an edge. Set on painted yards."""
SLOPE_DEG = 1.0
"""Standard deviation of the slope of a yard along the shadow: yards are levelled."""
SUN_DEG = 0.3
"""Standard deviation of the sun's elevation: of its time and of the middle of a large picture."""
UNSTATED_OFF_NADIR_DEG = 10.0
"""View angle where a picture does not state one: as commonly tasked."""
_STEP_PX = 0.5
Floats = NDArray[np.floating[Any]]
_GAP_M = 1.0  # a lit wall or the dark rim of a top between a top and its shadow


@dataclass(frozen=True)
class Height:
    """How high a stack is."""

    value_m: float
    """Above the ground that its shadow falls on."""
    sd_m: float
    """Standard deviation before calibration."""
    rays: int
    """Rays that it was read from."""


def height(view: View, parts: Parts, stack: int) -> Height | Skip:
    """Read one stack's height.

    Args:
        view: The yard in one picture.
        parts: The yard taken apart.
        stack: Number of the stack, from 1.

    Returns:
        The height, or why no shadow can be measured: ``no-sun``, ``low-sun``, ``no-shadow``,
        ``shadow-hidden`` or ``short-shadow``.
    """
    cotangent = view.cotangent
    if cotangent is None or view.sun_elevation_deg is None:
        return Skip("no-sun", "the picture does not say where the sun stood; give its metadata")
    if view.sun_elevation_deg < LEAST_SUN_DEG:
        return Skip(
            "low-sun",
            f"the sun stood {view.sun_elevation_deg:.0f} degrees high: {LEAST_SUN_DEG:.0f} are needed",
        )
    rays = _rays(view, parts, stack)
    if rays is None:
        return Skip("no-shadow", "no shadow lies beside the stack: overcast, or no height")
    if len(rays.lengths_px) < LEAST_RAYS or rays.open_share < LEAST_OPEN:
        return Skip("shadow-hidden", f"{rays.open_share:.0%} of the shadow ends on open ground of the yard")
    length_px = float(np.median(rays.lengths_px))
    if length_px < LEAST_PX:
        return Skip("short-shadow", f"the shadow is {length_px:.1f} pixels long, {LEAST_PX} are needed")
    if rays.darkness > MOST_BRIGHT:
        return Skip(
            "no-shadow", f"the ground beside the stack is {rays.darkness:.0%} as bright as further off"
        )
    value = length_px * view.px_m / cotangent
    return Height(value, _spread(view, rays.lengths_px, value, cotangent), len(rays.lengths_px))


@dataclass(frozen=True, eq=False)
class _Rays:
    """Rays that leave a top away from the sun through its shadow."""

    lengths_px: NDArray[np.float64]
    """(n,) of the shadows of those that end on open ground."""
    open_share: float
    """Share of the rays that do."""
    darkness: float
    """Brightness half way along these shadows over that beyond their end, median."""


def _rays(view: View, parts: Parts, stack: int) -> _Rays | None:
    """Follow every ray from the lee side of a stack; None where hardly any meets a shadow."""
    own = (parts.labels == stack).astype(np.float32)
    other = ((parts.labels > 0) & (own == 0)) | ~view.near
    x, y = view.shadow
    rows, cols = np.nonzero(own)
    beyond = _sampled(own, rows + y, cols + x, 0) < 0.5
    rows, cols = rows[beyond, None], cols[beyond, None]
    steps = np.arange(0.0, LONGEST_M / view.px_m, _STEP_PX)[None, :]
    at = rows + y * steps, cols + x * steps
    shade, blocked = _sampled(parts.shade, *at, 1), _sampled(other.astype(np.float32), *at, 0) > 0.5
    index = np.arange(steps.size)[None, :]
    left = _first(_sampled(own, *at, 1) < 0.5)
    begun = _first((shade > 0.5) & (index >= left[:, None]))
    met = (begun - left) * _STEP_PX <= max(_GAP_M / view.px_m, 1.5)
    if met.sum() < max(2, 0.15 * len(met)):
        return None
    end = _first((shade <= 0.5) & (index > begun[:, None]))
    met_other = (blocked & (index >= begun[:, None]) & (index <= end[:, None] + 1)).any(axis=1)
    ray = np.flatnonzero(met & ~met_other & (end < steps.size - 1))
    before, after = shade[ray, end[ray] - 1], shade[ray, end[ray]]
    last = end[ray] - 1 + (before - 0.5) / np.maximum(before - after, 1e-6)
    grey = cv2.GaussianBlur(cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY), (0, 0), 0.7)
    light = np.asarray(grey, dtype=np.float32)
    half, off = (left[ray] + end[ray]) // 2, np.minimum(end[ray] + round(2 / _STEP_PX), steps.size - 1)
    seen = _sampled(light, at[0][ray], at[1][ray], 1)
    each = np.arange(len(ray))
    dark = seen[each, half] / np.maximum(seen[each, off], 1.0)
    return _Rays(
        (last - left[ray]) * _STEP_PX, len(ray) / int(met.sum()), float(np.median(dark)) if len(ray) else 1.0
    )


def _first(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Index of the first True of each row; the last index where there is none."""
    return np.asarray(np.where(mask.any(axis=1), mask.argmax(axis=1), mask.shape[1] - 1), dtype=np.intp)


def _sampled(plane: NDArray[np.float32], rows: Floats, cols: Floats, order: int) -> NDArray[np.float32]:
    """The plane at points given by the indices of pixels; nothing beyond its edge."""
    return np.asarray(map_coordinates(plane, [rows, cols], order=order, mode="constant", cval=0.0))


def _spread(view: View, lengths: NDArray[np.float64], value: float, cotangent: float) -> float:
    """Standard deviation of a height: edges, rays, penumbra, sun, slope and view together."""
    elevation = math.atan(1 / cotangent)
    apart = 1.48 * float(np.median(np.abs(lengths - np.median(lengths))))
    scatter = apart / math.sqrt(max(len(lengths) / 6, 1))  # neighbouring rays err together
    # The sun is half a degree wide: an edge is soft over h * 0.0093 / sin^2, placed within a quarter of it.
    penumbra_m = 0.25 * value * 0.0093 / math.sin(elevation) ** 2
    edge_m = math.hypot(EDGE_PX * view.px_m, scatter * view.px_m, penumbra_m) / cotangent
    sun = value * math.radians(SUN_DEG) / (math.sin(elevation) * math.cos(elevation))
    slope = value * math.tan(math.radians(SLOPE_DEG)) * cotangent
    # The top is seen shifted by up to h * tan(off nadir), towards nobody knows where.
    off_nadir = UNSTATED_OFF_NADIR_DEG if view.off_nadir_deg is None else view.off_nadir_deg
    lean = value * math.tan(math.radians(off_nadir)) / math.sqrt(2) / cotangent
    return math.hypot(edge_m, sun, slope, lean)
