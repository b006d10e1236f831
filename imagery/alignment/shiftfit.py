"""A picture against a smooth reference: the shift that explains it best, and how well that is.

The reference is moved, never the picture: interpolation would smooth the picture's noise away and make any
shift look like an improvement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

BLOCK_PX = 8
"""Side of a block: what lies inside one is not taken as independent."""
_STEPS = 12
_NEAR = 2e-3  # pixels: a smaller step ends the search
_MOST_STEP = 0.7  # pixels; further away the slope says nothing
_LOST = 3.0  # pixels from which the search has left any sensible place
_HUBER = 1.5  # standard deviations from which a pixel's pull no longer grows
_CAP = 9.0  # squared standard deviations from which a pixel has changed, however much
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Points:
    """Pixels of a picture beside the reference that they are compared with."""

    at: Numbers
    """(2, n) row and column."""
    seen: Numbers
    """(bands, n) what the picture shows."""
    usual: Numbers
    """(bands, n) how far that usually lies from the reference, positive."""
    splines: Numbers
    """(bands, rows, cols) the reference's cubic spline coefficients."""
    slopes: Numbers
    """(bands, 2, rows, cols) the reference's slope along x and along y, a pixel."""

    @classmethod
    def of(cls, at: NDArray[np.intp], seen: Numbers, usual: Numbers, reference: Numbers) -> Points:
        """Points (n, 2) as row and column over a reference (bands, rows, cols) without gaps."""
        splines = [ndimage.spline_filter(band, order=3, mode="nearest") for band in reference]
        slopes = [np.gradient(band)[::-1] for band in reference]
        return cls(at.T.astype(np.float64), seen, usual, np.stack(splines), np.array(slopes))

    @property
    def blocks(self) -> NDArray[np.int64]:
        """(n, 2) block that each lies in."""
        found: NDArray[np.int64] = (self.at.T // BLOCK_PX).astype(np.int64)
        return found

    def take(self, keep: Mask) -> Points:
        """Some of them."""
        return replace(self, at=self.at[:, keep], seen=self.seen[:, keep], usual=self.usual[:, keep])

    def expected(self, shift: Numbers) -> Numbers:
        """(bands, n) what the reference shows under them, moved by (dx, dy)."""
        there = self.at - shift[::-1, None]
        moved = [
            ndimage.map_coordinates(s, there, order=3, mode="nearest", prefilter=False) for s in self.splines
        ]
        return np.stack(moved)

    def slope(self, shift: Numbers) -> Numbers:
        """(bands, 2, n) the moved reference's slope."""
        there = self.at - shift[::-1, None]
        bands = [[ndimage.map_coordinates(s, there, order=1, mode="nearest") for s in b] for b in self.slopes]
        return np.array(bands)


def fit(points: Points, start: Numbers | None = None) -> Numbers:
    """Shift (dx, dy) in pixels: the picture shows at x + dx what the reference shows at x.

    Gauss and Newton's method over all bands at once (Lucas and Kanade 1981), each with a gain of its own,
    with Huber's weights.

    Args:
        points: What is compared.
        start: Where to begin; at no shift by default.
    """
    shift = np.zeros(2) if start is None else start
    for _ in range(_STEPS):
        step = np.clip(_step(points, shift), -_MOST_STEP, _MOST_STEP)
        shift = shift + step
        if np.abs(step).max() < _NEAR or np.abs(shift).max() > _LOST:
            break
    return shift


def _step(points: Points, shift: Numbers) -> Numbers:
    normal, right = np.zeros((2, 2)), np.zeros(2)
    for seen, usual, reference, slope in zip(
        points.seen, points.usual, points.expected(shift), points.slope(shift), strict=True
    ):
        contrast, scatter = light(seen, reference, usual)
        z = (seen - contrast * reference) / usual / scatter
        weight = _huber(z)
        pull = -contrast * slope / usual / scatter
        # Freed of the gain, so that a change of contrast is not taken for a shift.
        free = reference / usual
        pull = pull - np.outer((pull * weight) @ free / ((free * weight) @ free + _TINY), free)
        normal += (pull * weight) @ pull.T
        right += (pull * weight) @ z
    # A hair of stiffness: a picture without any edge gives no shift.
    moved: Numbers = np.linalg.solve(normal + (1e-6 * np.trace(normal) + _TINY) * np.eye(2), right)
    return moved


def light(seen: Numbers, reference: Numbers, usual: Numbers) -> tuple[float, float]:
    """Gain that takes the reference to what is seen, and the scatter left, in multiples of usual."""
    free, target = reference / usual, seen / usual
    gain = 1.0
    for _ in range(3):
        z = target - gain * free
        weight = _huber(z / _scatter(z))
        gain = float((free * weight) @ target / ((free * weight) @ free + _TINY))
    return gain, _scatter(target - gain * free)


def held_out(points: Points, half: Mask, shift: Numbers) -> Numbers:
    """How well shifts fitted on one half explain the other, (3, blocks): none, this one, and its opposite.

    Each is the mean over a block of the squared residual in multiples of the scatter without a shift, capped
    where the ground has plainly changed. The opposite smooths the reference as much as the shift does, so
    that what the shift gains over it is no smoothing.
    """
    fitted, tried = points.take(half), points.take(~half)
    _, block = np.unique(tried.blocks, axis=0, return_inverse=True)
    block = block.ravel()
    losses = np.zeros((3, len(block)))
    scales: list[float] = []
    for k, moved in enumerate((np.zeros(2), shift, -shift)):
        lights = [
            light(*parts) for parts in zip(fitted.seen, fitted.expected(moved), fitted.usual, strict=True)
        ]
        scales = scales or [scatter for _, scatter in lights]
        for (gain, _), scale, seen, reference, usual in zip(
            lights, scales, tried.seen, tried.expected(moved), tried.usual, strict=True
        ):
            losses[k] += np.minimum(((seen - gain * reference) / usual / scale) ** 2, _CAP)
    losses /= len(points.seen)
    count = np.bincount(block)
    return np.stack([np.bincount(block, weights=loss) / count for loss in losses])


def _huber(z: Numbers) -> Numbers:
    """Weight of each residual."""
    return _HUBER / np.maximum(np.abs(z), _HUBER)


def _scatter(z: Numbers) -> float:
    """Standard deviation about zero by the median absolute value."""
    return 1.4826 * float(np.median(np.abs(z))) + _TINY
