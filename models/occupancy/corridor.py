"""The pixels about a bundle of tracks, laid along it, and what full tracks would look like there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from imagery.errors import InputError
from models.occupancy.cells import WAGON_WIDTH_M
from models.occupancy.spectra import WAGON_HEIGHT_M

Points = NDArray[np.float64]
Plane = NDArray[np.float64]

SPREAD_PX = 0.42
"""Standard deviation of a coarse sensor's point spread in pixels, without the pixel's own box."""
BESIDE_M = 45.0
"""Ground that is looked at to either side of the tracks."""
MOST_SHADOW_M = 5.0
"""A longer shadow falls on the next track's wagons, or its end is lost in theirs."""
_STEP_M = 2.0  # between the points that stand for a track
_REACH = 3  # pixels to either side over which a point is spread


@dataclass(frozen=True, eq=False)
class Rails:
    """Points along all tracks, each standing for a short piece of one."""

    xy_px: Points
    """(n, 2) pixels."""
    along: Points
    """(n, 2) unit vectors along the track, on the ground."""
    piece_m: NDArray[np.float64]
    """(n,) metres that each stands for."""
    track: NDArray[np.intp]
    """(n,) index of its track."""
    at_m: NDArray[np.float64]
    """(n,) distance of its middle from the start of its track."""
    metres_px: tuple[float, float]
    """Ground metres of a pixel across and down."""

    @classmethod
    def of(cls, lines_px: Sequence[Points], metres_px: tuple[float, float]) -> Rails:
        """Divide tracks into pieces of about two metres.

        Args:
            lines_px: (n, 2) each, in pixels.
            metres_px: Ground metres of a pixel across and down.
        """
        steps = np.array(metres_px)
        parts = [_pieces(line * steps) for line in lines_px]
        if not parts:
            raise InputError("there is no track to lay a corridor along; give the site's tracks")
        return cls(
            np.concatenate([xy for xy, _, _, _ in parts]) / steps,
            np.concatenate([along for _, along, _, _ in parts]),
            np.concatenate([piece for _, _, piece, _ in parts]),
            np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]),
            np.concatenate([at for _, _, _, at in parts]),
            metres_px,
        )

    def metres(self, shape: tuple[int, int], share: NDArray[np.float64] | None = None) -> Plane:
        """Metres of track in each pixel (rows, cols) as the sensor blurs them.

        Args:
            shape: (rows, cols).
            share: (n,) of each piece that counts; all by default.
        """
        return spread(self.xy_px, self.piece_m if share is None else self.piece_m * share, shape)

    def cover(self, shape: tuple[int, int]) -> Plane:
        """Share of each pixel (rows, cols) that wagons cover where every track is full."""
        return self.metres(shape) * WAGON_WIDTH_M / np.prod(self.metres_px)

    def shade(self, shape: tuple[int, int], shadow: tuple[float, float]) -> Plane:
        """Share of each pixel (rows, cols) in their shadow then; see shadow."""
        xy, width = self.shadow(shadow)
        return spread(xy, self.piece_m * width / np.prod(self.metres_px), shape)

    def shadow(self, fall: tuple[float, float]) -> tuple[Points, NDArray[np.float64]]:
        """Where the shadows of full tracks lie.

        Args:
            fall: Ground metres right and down by which the shadow of a thing of one metre falls.

        Returns:
            Middle of each piece's shadow (n, 2) in pixels, and its width (n,) in metres.
        """
        across = np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)
        width = np.clip(across @ np.array(fall) * WAGON_HEIGHT_M, -MOST_SHADOW_M, MOST_SHADOW_M)
        middle = across * (np.sign(width) * WAGON_WIDTH_M / 2 + width / 2)[:, None] / np.array(self.metres_px)
        return self.xy_px + middle, np.abs(width)


def _pieces(line_m: Points) -> tuple[Points, Points, NDArray[np.float64], NDArray[np.float64]]:
    steps = np.diff(line_m, axis=0)
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*steps.T))])
    count = max(1, round(at[-1] / _STEP_M))
    middle = (np.arange(count) + 0.5) * at[-1] / count
    xy = np.stack([np.interp(middle, at, axis) for axis in line_m.T], axis=1)
    leg = np.clip(np.searchsorted(at, middle, side="right") - 1, 0, len(steps) - 1)
    along = steps[leg] / np.maximum(np.hypot(*steps[leg].T), 1e-9)[:, None]
    return xy, along, np.full(count, at[-1] / count), middle


def spread(
    xy_px: Points, weight: NDArray[np.float64], shape: tuple[int, int], sigma_px: float = SPREAD_PX
) -> Plane:
    """Points (n, 2) seen through the pixel's box and the point spread, summed into an image (rows, cols)."""
    first = np.floor(xy_px).astype(np.intp)
    reach = math.ceil(_REACH * max(1.0, sigma_px / SPREAD_PX / 1.5))
    offset = np.arange(-reach, reach + 1)
    edge = offset[None, None] + (first - xy_px)[:, :, None]  # left or upper edge, from the point
    share = ndtr((edge + 1) / sigma_px) - ndtr(edge / sigma_px)  # (n, 2, reach)
    value = weight[:, None, None] * share[:, 1, :, None] * share[:, 0, None, :]
    row = np.broadcast_to((first[:, 1, None] + offset)[:, :, None], value.shape)
    col = np.broadcast_to((first[:, 0, None] + offset)[:, None, :], value.shape)
    inside = (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
    flat = np.bincount((row * shape[1] + col)[inside], weights=value[inside], minlength=shape[0] * shape[1])
    return np.asarray(flat.reshape(shape), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Corridor:
    """Which pixels lie about the tracks, one column of them for each step along the bundle.

    Pixels are only chosen, never interpolated: the columns of an image (its rows, for tracks that run
    rather down than across) are moved against each other by whole pixels so that the bundle runs level.
    """

    rows: NDArray[np.intp]
    """(height, length) row of each pixel; outside the image held at its edge."""
    cols: NDArray[np.intp]
    """(height, length)"""
    inside: NDArray[np.bool_]
    """(height, length) whether it lies inside the image."""

    def __post_init__(self) -> None:
        for array in (self.rows, self.cols, self.inside):
            array.setflags(write=False)

    @classmethod
    def of(cls, rails: Rails, shape: tuple[int, int]) -> Corridor:
        """Lay a corridor along tracks in an image of a shape (rows, cols)."""
        beside = [round(BESIDE_M / step) for step in rails.metres_px]
        down = bool(np.abs(rails.along * rails.piece_m[:, None]).sum(axis=0) @ [-1, 1] > 0)
        along, across = rails.xy_px.T if not down else rails.xy_px.T[::-1]
        margin_along, margin_across = beside if not down else beside[::-1]
        size = shape[1] if not down else shape[0]
        step = np.floor(along).astype(int)
        first = max(0, step.min() - margin_along)
        last = min(size, step.max() + margin_along + 1)
        if first >= last:
            raise InputError("the tracks lie outside the image")
        columns = np.arange(first, last)
        middle, reach = _course(columns, step, across)
        offset = np.arange(-reach - margin_across, reach + margin_across + 1)
        lines = middle[None, :] + offset[:, None]
        columns = np.broadcast_to(columns, lines.shape)
        rows, cols = (lines, columns) if not down else (columns, lines)
        inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
        return cls(np.clip(rows, 0, shape[0] - 1), np.clip(cols, 0, shape[1] - 1), inside)

    def take(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """An image (..., rows, cols) as (..., height, length), NaN outside."""
        return np.where(self.inside, image[..., self.rows, self.cols], np.float32(np.nan))


def _course(
    columns: NDArray[np.intp], step: NDArray[np.intp], across: Points
) -> tuple[NDArray[np.intp], int]:
    """The middle of the bundle in each column, in whole pixels, and how far tracks lie from it."""
    low = np.full(len(columns), np.inf)
    high = np.full(len(columns), -np.inf)
    there = (step >= columns[0]) & (step <= columns[-1])
    np.minimum.at(low, step[there] - columns[0], across[there])
    np.maximum.at(high, step[there] - columns[0], across[there])
    known = np.isfinite(low)
    centre = np.interp(columns, columns[known], (low[known] + high[known]) / 2)
    middle = np.floor(gaussian_filter1d(centre, 4.0, mode="nearest")).astype(np.intp)
    reach = np.maximum(high[known] - middle[known], middle[known] + 1 - low[known]).max()
    return middle, int(np.ceil(max(reach, 1.0)))
