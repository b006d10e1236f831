"""The image straightened along an axis, and boxes brought back from it.

A strip is ``ACROSS`` samples of ``ACROSS_M`` metres across the axis, centred on it, and one column every
``ALONG_M`` metres along it, whatever the GSD of the image: what reads strips never needs to know the GSD.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from models.axes.line import Line, normals, resample, tangents

ALONG_M = 0.4
ACROSS_M = 0.5
ACROSS = 24
SMOOTH_M = 6.0


@dataclass(frozen=True, eq=False)
class Frame:
    """The grid of a strip: one cross-section of the axis for each column."""

    centres: Line
    """(n, 2) x, y in image pixels of the axis, one for each column."""
    normals: Line
    """(n, 2) unit vectors across the axis, to the right of travel as the image is seen."""
    gsd_m: float
    """Metres of one image pixel."""

    def __len__(self) -> int:
        return len(self.centres)

    def at(self, along: NDArray[np.float64], across_m: NDArray[np.float64]) -> Line:
        """Image pixels (k, 2) of positions given in columns (may be fractional) and metres across."""
        columns = np.arange(len(self))
        outside = (along - np.clip(along, 0, len(self) - 1))[:, None]
        # Beyond either end the axis goes on straight.
        step = np.where(outside < 0, self.centres[1] - self.centres[0], self.centres[-1] - self.centres[-2])
        centre = np.stack([np.interp(along, columns, self.centres[:, i]) for i in (0, 1)], axis=1)
        normal = np.stack([np.interp(along, columns, self.normals[:, i]) for i in (0, 1)], axis=1)
        points: Line = centre + outside * step + normal * (across_m / self.gsd_m)[:, None]
        return points

    def locate(self, points: Line) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Column (k,) and metres across (k,) of image points (k, 2), by their nearest cross-section."""
        tangent = np.stack([self.normals[:, 1], -self.normals[:, 0]], axis=1)
        gap = ((points[:, None] - self.centres[None]) ** 2).sum(axis=2)
        nearest = gap.argmin(axis=1)
        offset = points - self.centres[nearest]
        step_px = ALONG_M / self.gsd_m
        along = nearest + (offset * tangent[nearest]).sum(axis=1) / step_px
        return along, (offset * self.normals[nearest]).sum(axis=1) * self.gsd_m

    def shifted(self, across_m: NDArray[np.float64]) -> Line:
        """The axis (n, 2) moved across by so many metres at each column (n,)."""
        return self.centres + self.normals * (across_m / self.gsd_m)[:, None]

    def boxes(
        self,
        start: NDArray[np.float64],
        stop: NDArray[np.float64],
        across_m: NDArray[np.float64],
        width_m: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Oriented boxes of wagons in a strip.

        Args:
            start: (k,) column where each wagon begins; column c begins at c - 0.5.
            stop: (k,) column where it ends.
            across_m: (k,) metres of its middle line from the axis.
            width_m: (k,) its width.

        Returns:
            (k, 5) cx, cy, length, width in image pixels, angle in degrees clockwise, y down.
        """
        first, last = self.at(start - 0.5, across_m), self.at(stop - 0.5, across_m)
        centre, along = (first + last) / 2, last - first
        angle = np.rad2deg(np.arctan2(along[:, 1], along[:, 0]))
        return np.column_stack([centre, np.hypot(*along.T), width_m / self.gsd_m, angle])


@dataclass(frozen=True, eq=False)
class Strip:
    """Pixels along an axis."""

    pixels: NDArray[np.uint8]
    """(3, ACROSS, n) red, green, blue."""
    valid: NDArray[np.bool_]
    """(ACROSS, n) False outside the image and where it has no data."""
    frame: Frame
    """Where each column lies."""


def frame_along(line: Line, gsd_m: float) -> Frame:
    """Cross-sections every ``ALONG_M`` metres of a line in image pixels."""
    centres = resample(line, ALONG_M / gsd_m)
    return Frame(centres, normals(tangents(centres, SMOOTH_M / ALONG_M)), gsd_m)


def straighten(rgb: NDArray[np.uint8], valid: NDArray[np.bool_], frame: Frame) -> Strip:
    """Sample an image along an axis.

    Args:
        rgb: (rows, cols, 3) image.
        valid: (rows, cols) False where there is no data.
        frame: Cross-sections in pixels of this image.

    Returns:
        The strip; an image finer than the strip is averaged, not thinned out.
    """
    if rgb.shape[:2] != valid.shape:
        raise InputError(f"image {rgb.shape[:2]} and mask {valid.shape} differ")
    scale = min(1.0, frame.gsd_m / ALONG_M)
    if scale < 0.9:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        scales = np.array([size[0] / rgb.shape[1], size[1] / rgb.shape[0]])
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        mask = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    else:
        mask, scales = valid.astype(np.float32), np.ones(2)
    across = (np.arange(ACROSS) - (ACROSS - 1) / 2) * ACROSS_M / frame.gsd_m
    points = frame.centres[None] + frame.normals[None] * across[:, None, None]
    # Pixel coordinates have their origin at a corner, cv2 at the centre of the first pixel.
    grid = (points * scales - 0.5).astype(np.float32)
    pixels = _remap(rgb, grid, cv2.BORDER_REPLICATE)
    seen = _remap(mask, grid, cv2.BORDER_CONSTANT)
    return Strip(np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.uint8), seen > 0.5, frame)


_MAX_REMAP = 32_000  # cv2.remap refuses more columns than a signed short holds


def _remap(image: NDArray[Any], grid: NDArray[np.float32], border: int) -> NDArray[Any]:
    x, y = np.ascontiguousarray(grid[..., 0]), np.ascontiguousarray(grid[..., 1])
    parts = [
        cv2.remap(
            image,
            x[:, i : i + _MAX_REMAP],
            y[:, i : i + _MAX_REMAP],
            cv2.INTER_LINEAR,
            borderMode=border,
        )
        for i in range(0, grid.shape[1], _MAX_REMAP)
    ]
    return np.concatenate(parts, axis=1)


def pieces(frame: Frame, size: int, overlap: int) -> Iterator[tuple[int, Frame]]:
    """Cut a long frame into overlapping ones of at most ``size`` columns, with the first column of each."""
    starts = [0] if len(frame) <= size else [*range(0, len(frame) - size, size - overlap), len(frame) - size]
    for start in starts:
        part = slice(start, start + size)
        yield start, Frame(frame.centres[part], frame.normals[part], frame.gsd_m)
