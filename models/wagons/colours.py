"""The colour of each wagon, against that of its picture: attributes by which wagons are known again."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from imagery.reader import Raster
from models.detections import Detections
from models.wagons.picture import rgb_bands

COLOURS = ("red", "green", "blue")
"""Attributes: mean of each band over the middle of a box, as a share of its mean over the whole picture."""
INNER = 0.6
"""Share of a box's length and width that is looked at: its edges are walls and ground."""
OVERVIEW_PX = 512
"""Longest side of the reduced read that gives the mean of the picture."""


def coloured(found: Detections, raster: Raster) -> Detections:
    """The same boxes with their colours.

    Args:
        found: On the raster's own grid.
        raster: An opened image; of one band, all three colours are that band.
    """
    if not len(found):
        return found
    bands = rgb_bands(raster.bands)
    rows, cols = raster.grid.shape
    shrink = max(1.0, max(rows, cols) / OVERVIEW_PX)
    view = raster.read(None, bands, (max(1, round(rows / shrink)), max(1, round(cols / shrink))))
    if not view.valid.any():
        return found
    whole = view.pixels[:, view.valid].mean(axis=1, dtype=np.float64)
    inner = replace(found, boxes=found.boxes * np.array([1, 1, INNER, INNER, 1]))
    means = np.ones((len(found), len(bands)))
    for i, corners in enumerate(inner.corners()):
        x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, [cols - 1, rows - 1]).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(axis=0)), [x0 + 1, y0 + 1], [cols, rows]).astype(int)
        tile = raster.read((slice(int(y0), int(y1)), slice(int(x0), int(x1))), bands)
        inside = np.zeros(tile.valid.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.floor(corners - [x0, y0]).astype(np.int32), 1)
        seen = tile.valid & (inside > 0)
        if seen.any():
            means[i] = tile.pixels[:, seen].mean(axis=1, dtype=np.float64) / np.maximum(whole, 1e-9)
    means = np.repeat(means, 3, axis=1) if len(bands) == 1 else means
    return replace(found, attributes={**found.attributes, **dict(zip(COLOURS, means.T.copy(), strict=True))})
