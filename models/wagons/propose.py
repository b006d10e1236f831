"""The proposer: where wagons may stand in an image, and which way they run, on cells of one metre."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imagery.tiles import ROI, windows
from models.axes.fitted import Field
from models.wagons.nets import ProposeNet, to_input
from models.wagons.picture import Picture
from models.wagons.pool import WORKING_GSD_M

TILE = 512
"""Side of a tile in pixels of the working GSD."""
SHARED = 64
"""Pixels that neighbouring tiles share; half of them count."""


def propose(net: ProposeNet, picture: Picture, area: ROI | None = None) -> Field:
    """Run the proposer over an image, tile by tile.

    Args:
        net: In evaluation mode.
        picture: The image, at any GSD of 0.1 to 1.2 m; it is resampled to the working GSD tile by tile.
        area: Rows and columns to look at; all by default.

    Returns:
        Heat and direction on cells of two working pixels, from the area's first corner.
    """
    factor = WORKING_GSD_M / picture.gsd_m
    area = area or (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    shape = tuple(max(1, round((part.stop - part.start) / factor)) for part in area)
    cells = (-(-shape[0] // 2), -(-shape[1] // 2))
    layers = np.zeros((3, *cells), np.float32)
    for rows, cols in windows((shape[0], shape[1]), TILE, SHARED):
        out = _tile(net, picture, area, (rows, cols), factor)
        # Half of what neighbours share belongs to each; the rim of the image to its only tile.
        top = 0 if rows.start == 0 else SHARED // 4
        left = 0 if cols.start == 0 else SHARED // 4
        r, c = rows.start // 2 + top, cols.start // 2 + left
        part = out[:, top:, left:][:, : cells[0] - r, : cells[1] - c]
        layers[:, r : r + part.shape[1], c : c + part.shape[2]] = part
    return Field(layers[0], layers[1], layers[2], 2 * factor, picture.gsd_m)


def _tile(net: ProposeNet, picture: Picture, area: ROI, roi: ROI, factor: float) -> NDArray[np.float32]:
    """Heat, cos 2a and sin 2a (3, h / 2, w / 2) of one tile of an area's working grid."""
    rows, cols = roi
    native = tuple(
        slice(
            whole.start + int(s.start * factor),
            min(whole.stop, whole.start + max(int(s.start * factor) + 1, round(s.stop * factor))),
        )
        for s, whole in zip(roi, area, strict=True)
    )
    rgb, valid = picture.window((native[0], native[1]))
    size = (cols.stop - cols.start, rows.stop - rows.start)
    method = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    rgb = cv2.resize(rgb, size, interpolation=method).astype(np.uint8)
    seen = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    if not seen.any():
        return np.zeros((3, -(-size[1] // 2), -(-size[0] // 2)), np.float32)
    stacked = np.concatenate([rgb.transpose(2, 0, 1), seen[None] * np.uint8(255)])
    high, wide = stacked.shape[1:]
    stacked = np.pad(stacked, ((0, 0), (0, -high % 8), (0, -wide % 8)))
    plain = torch.from_numpy(stacked)
    with torch.inference_mode():
        out = net(to_input(torch.stack([plain, plain.flip(-1)])))
        out[1] = out[1].flip(-1)
        out[1, 2] *= -1
        out[:, 0] = out[:, 0].sigmoid()
    mean: NDArray[np.float32] = (
        out.mean(dim=0).numpy()[:, : -(-high // 2), : -(-wide // 2)].astype(np.float32)
    )
    mean[0] *= cv2.resize(seen, (mean.shape[2], mean.shape[1]), interpolation=cv2.INTER_NEAREST)
    return mean
