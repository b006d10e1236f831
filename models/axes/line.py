"""A track axis: the line along which wagons stand, in pixels of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from imagery.errors import InputError

Line = NDArray[np.float64]
"""(n, 2) x, y in pixels of the whole image, n at least 2."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Where a track runs in an image, and how surely."""

    line: Line
    """(n, 2) x, y in pixels of the whole image, read-only."""
    confidence: float
    """0 to 1: the share of belief that wagons stand along this line and not beside it."""
    source: str
    """``map`` (a site's line), ``recentred`` (such a line moved onto the image) or ``fitted`` (no map)."""

    def __post_init__(self) -> None:
        if self.line.ndim != 2 or self.line.shape[1] != 2 or len(self.line) < 2:
            raise InputError(f"axis line has shape {self.line.shape}, expected (n, 2) with n at least 2")
        if not 0.0 <= self.confidence <= 1.0:
            raise InputError(f"axis confidence {self.confidence} must lie between 0 and 1")
        self.line.setflags(write=False)


def length(line: Line) -> float:
    """Length of a polyline in its own units."""
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def resample(line: Line, step: float) -> Line:
    """Points every ``step`` along a polyline, from its first point; the rest at the end is left out.

    Args:
        line: (n, 2) points; repeated points are skipped.
        step: Distance between samples, in the units of the line.

    Returns:
        (m, 2) points, m at least 2.

    Raises:
        InputError: The line is shorter than one step.
    """
    steps = np.hypot(*np.diff(line, axis=0).T)
    line = line[np.concatenate([[True], steps > 1e-9])]
    along = np.concatenate([[0.0], np.cumsum(steps[steps > 1e-9])])
    if along[-1] < step * (1 - 1e-6):
        raise InputError(f"a line of {along[-1]:.2f} is shorter than one step of {step:.2f}")
    at = np.arange(int(along[-1] / step + 1e-6) + 1) * step
    return np.stack([np.interp(at, along, line[:, i]) for i in range(2)], axis=1)


def tangents(points: Line, smooth: float) -> Line:
    """Unit direction at evenly spaced points, smoothed over ``smooth`` samples (standard deviation)."""
    direction = np.gradient(points, axis=0)
    if smooth > 0:
        direction = gaussian_filter1d(direction, smooth, axis=0, mode="nearest")
    norm = np.hypot(*direction.T)[:, None]
    unit: Line = direction / np.maximum(norm, 1e-12)
    return unit


def normals(tangent: Line) -> Line:
    """Unit vectors to the right of the direction of travel as the image is seen (y down)."""
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def extend(line: Line, by: float, base: float) -> Line:
    """Prolong both ends straight by ``by``, in the direction of the last ``base`` of the line."""
    points = resample(line, min(base / 4, length(line)))
    back = min(4, len(points) - 1)
    head = points[0] - points[back]
    tail = points[-1] - points[-1 - back]
    first = line[0] + head / np.hypot(*head) * by
    last = line[-1] + tail / np.hypot(*tail) * by
    return np.concatenate([first[None], line, last[None]])


def clip_to_frame(line: Line, rows: int, cols: int, step: float) -> list[Line]:
    """The parts of a polyline that lie inside an image, sampled every ``step`` pixels."""
    points = resample(line, step)
    inside = (points[:, 0] >= 0) & (points[:, 0] <= cols) & (points[:, 1] >= 0) & (points[:, 1] <= rows)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
    return [points[a:b] for a, b in edges.reshape(-1, 2) if b - a >= 2]
