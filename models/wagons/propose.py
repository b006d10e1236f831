"""The proposer: where wagons may stand in an image, and which way they run, on cells of one metre."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imagery.tiles import ROI, windows
from models.axes.fitted import Field
from models.axes.line import Line
from models.wagons.nets import ProposeNet, to_input
from models.wagons.picture import Picture
from models.wagons.pool import WORKING_GSD_M

TILE = 512
"""Side of a tile in pixels of the working GSD."""
SHARED = 64
"""Pixels that neighbouring tiles share; half of them count."""


def propose(net: ProposeNet, picture: Picture, area: ROI | None = None) -> Field:
    """Run the proposer over an image, tile by tile, as it is and mirrored.

    Args:
        net: In evaluation mode.
        picture: The image, at any GSD of 0.1 to 1.2 m; it is resampled to the working GSD tile by tile.
        area: Rows and columns to look at; all by default.

    Returns:
        Heat and direction on cells of two working pixels, from the area's first corner.
    """
    area = area or (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    return confirm(net, picture, area, glance(net, picture, area))


def glance(net: ProposeNet, picture: Picture, area: ROI) -> Field:
    """What the proposer says of the image as it is: half of the work of ``propose``."""
    cells = [-(-side // 2) for side in _shape(picture, area)]
    layers = np.zeros((3, *cells), np.float32)
    for roi in windows(_shape(picture, area), TILE, SHARED):
        _put(layers, roi, _tile(net, picture, area, roi, mirrored=False))
    return Field(layers[0], layers[1], layers[2], 2 * WORKING_GSD_M / picture.gsd_m, picture.gsd_m)


def confirm(net: ProposeNet, picture: Picture, area: ROI, seen: Field, points: Line | None = None) -> Field:
    """The mean of what was seen at a glance and of what the mirrored image shows.

    Args:
        net: See ``propose``.
        picture: See ``propose``.
        area: The one that was glanced at.
        seen: By ``glance``.
        points: (n, 2) in pixels of the image: tiles that hold none of them stay as they were seen. None do
            by default.
    """
    layers = np.stack([seen.heat, seen.cos2a, seen.sin2a])
    for roi in windows(_shape(picture, area), TILE, SHARED):
        rows, cols = _native(picture, area, roi)
        low, high = [cols.start, rows.start], [cols.stop, rows.stop]
        if points is None or ((points >= low) & (points <= high)).all(axis=1).any():
            _put(layers, roi, _tile(net, picture, area, roi, mirrored=True))
    for layer, before in zip(layers, (seen.heat, seen.cos2a, seen.sin2a), strict=True):
        layer += before
    layers /= 2
    return Field(layers[0], layers[1], layers[2], seen.cell_px, seen.gsd_m)


def _shape(picture: Picture, area: ROI) -> tuple[int, int]:
    """Rows and columns of an area at the working GSD."""
    rows, cols = (max(1, round((s.stop - s.start) * picture.gsd_m / WORKING_GSD_M)) for s in area)
    return rows, cols


def _native(picture: Picture, area: ROI, roi: ROI) -> ROI:
    """Where a tile of an area's working grid lies in the image."""
    factor = WORKING_GSD_M / picture.gsd_m
    rows, cols = (
        slice(
            whole.start + int(s.start * factor),
            min(whole.stop, whole.start + max(int(s.start * factor) + 1, round(s.stop * factor))),
        )
        for s, whole in zip(roi, area, strict=True)
    )
    return rows, cols


def _put(layers: NDArray[np.float32], roi: ROI, out: NDArray[np.float32]) -> None:
    """Write a tile into its place."""
    # Half of what neighbours share belongs to each; the rim of the image to its only tile.
    top, left = (0 if side.start == 0 else SHARED // 4 for side in roi)
    r, c = roi[0].start // 2 + top, roi[1].start // 2 + left
    part = out[:, top:, left:][:, : layers.shape[1] - r, : layers.shape[2] - c]
    layers[:, r : r + part.shape[1], c : c + part.shape[2]] = part


def _tile(net: ProposeNet, picture: Picture, area: ROI, roi: ROI, mirrored: bool) -> NDArray[np.float32]:
    """Heat, cos 2a and sin 2a (3, h / 2, w / 2) of one tile of an area's working grid."""
    rows, cols = roi
    rgb, valid = picture.window(_native(picture, area, roi))
    size = (cols.stop - cols.start, rows.stop - rows.start)
    method = cv2.INTER_AREA if picture.gsd_m < WORKING_GSD_M else cv2.INTER_LINEAR
    rgb = cv2.resize(rgb, size, interpolation=method).astype(np.uint8)
    seen = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    high, wide = -(-size[1] // 2), -(-size[0] // 2)
    if not seen.any():
        return np.zeros((3, high, wide), np.float32)
    stacked = np.concatenate([rgb.transpose(2, 0, 1), seen[None] * np.uint8(255)])
    pixels = torch.from_numpy(np.pad(stacked, ((0, 0), (0, -size[1] % 8), (0, -size[0] % 8))))[None]
    with torch.inference_mode():
        out = net(to_input(pixels.flip(-1) if mirrored else pixels))[0]
        out[0] = out[0].sigmoid()
        if mirrored:
            out = out.flip(-1)
            out[2] *= -1
    shown: NDArray[np.float32] = out[:, :high, :wide].numpy().astype(np.float32)
    shown[0] *= cv2.resize(seen, (wide, high), interpolation=cv2.INTER_NEAREST)
    return shown
