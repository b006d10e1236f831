"""Every detection by itself, cut from the image at its own resolution and turned to lie level."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.crop import roi_around
from imagery.quicklook import Stretch, to_rgb8
from imagery.reader import Raster
from models.detections import Detections

CELL = (72, 144)
"""Rows and columns of a crop."""
GROUND_M = 26.0
"""Ground that a crop's width shows: a wagon of 14 m, its ends and the track beyond."""
MOST = 400
"""Crops of one image."""


def crops_of(view: Raster, stretch: Stretch, found: Detections) -> tuple[NDArray[np.uint8], ...]:
    """Cut out each box.

    Args:
        view: The image.
        stretch: How its values become brightness.
        found: Boxes in its pixels; beyond MOST none is cut out.

    Returns:
        (rows, cols, 3) of CELL each, in the order of the boxes, the long side of the box level.
    """
    return tuple(_crops(view, stretch, found))


def _crops(view: Raster, stretch: Stretch, found: Detections) -> Iterator[NDArray[np.uint8]]:
    rows, cols = CELL
    scale = GROUND_M / found.gsd_m / cols if found.gsd_m else 1.0  # pixels of the image a pixel of the crop
    around = np.hypot(rows, cols) / 2 * scale
    for x, y, _, _, angle in found.boxes[:MOST]:
        roi = roi_around(view.grid, np.array([[x, y]]), float(around) + 1)
        if roi is None:
            yield np.zeros((rows, cols, 3), dtype=np.uint8)
            continue
        image = to_rgb8(view.read(roi, stretch.bands), stretch)
        turn = np.deg2rad((angle + 90) % 180 - 90)  # level, and never upside down
        matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        at = np.array([x - roi[1].start, y - roi[0].start]) - 0.5
        move = np.column_stack([matrix, at - matrix @ [(cols - 1) / 2, (rows - 1) / 2]])
        how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        yield np.asarray(cv2.warpAffine(image, move, (cols, rows), flags=how), dtype=np.uint8)
