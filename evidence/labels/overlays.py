"""What was found in an image beside its labels, as a picture to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from evidence.files import written
from evidence.report.images import stamped
from imagery.crop import roi_around
from imagery.quicklook import Stretch, encode, to_rgb8
from imagery.reader import Raster
from models.detections import Detections
from models.wagons.score import Labels, Matches

LONGEST, ENLARGED = 3000, 1400
"""Longest side of an overlay in pixels, and up to which small images are enlarged by whole numbers."""
MARGIN_M = 30.0
"""Ground shown around what was found and labelled."""
COLOURS = {
    "right": (0, 220, 60),
    "false": (255, 40, 40),
    "missed": (255, 220, 0),
    "not counted": (170, 170, 170),
}
"""Red, green, blue of each outline."""
LEGEND_ROWS = 26

Corners = NDArray[np.float64]


def write_overlay(raster: Raster, found: Detections, labels: Labels, pairs: Matches, path: Path) -> None:
    """Draw what was found and labelled on the part of the image that holds it.

    Right boxes are green, false ones red, missed railcars yellow, what counts neither way grey.

    Args:
        raster: The opened image.
        found: Boxes in its pixels.
        labels: Railcars in its pixels.
        pairs: Which box belongs to which railcar.
        path: PNG to write.
    """
    truth = Detections(found.grid, labels.boxes, np.ones(len(labels.boxes)))
    doubtful = Detections(found.grid, labels.doubtful, np.ones(len(labels.doubtful)))
    right = np.isin(np.arange(len(found)), pairs.pairs[:, 0])
    missed = ~np.isin(np.arange(len(truth)), pairs.pairs[:, 1])
    shapes = {
        "not counted": [*doubtful.corners(), *found.corners()[pairs.left_out]],
        "missed": list(truth.corners()[missed]),
        "false": list(found.corners()[~right & ~pairs.left_out]),
        "right": list(found.corners()[right]),
    }
    every = [corners for group in shapes.values() for corners in group]
    roi = roi_around(raster.grid, np.concatenate(every), MARGIN_M / found.gsd_m) if every else None
    rows, cols = roi or (slice(0, raster.grid.shape[0]), slice(0, raster.grid.shape[1]))
    high, wide = rows.stop - rows.start, cols.stop - cols.start
    scale = min(1.0, LONGEST / max(high, wide))
    stretch = Stretch.of(raster)
    shape = (max(1, round(high * scale)), max(1, round(wide * scale)))
    image = to_rgb8(raster.read((rows, cols), stretch.bands, shape), stretch)
    times = max(1, min(4, ENLARGED // max(shape)))
    image = np.ascontiguousarray(image.repeat(times, axis=0).repeat(times, axis=1))
    if raster.scene.simulated:
        image = np.ascontiguousarray(stamped(image))
    for name, group in shapes.items():
        for corners in group:
            _outline(image, (corners - [cols.start, rows.start]) * (scale * times), COLOURS[name])
    for line in labels.ignore:
        _outline(image, (line - [cols.start, rows.start]) * (scale * times), COLOURS["not counted"], False)
    with written(path) as temporary:
        temporary.write_bytes(encode(np.concatenate([image, _legend(image.shape[1])]), "png"))


def _outline(
    image: NDArray[np.uint8], points: Corners, colour: tuple[int, int, int], closed: bool = True
) -> None:
    # cv2 counts from the middle of the first pixel, in sixteenths here.
    at = np.round((points - 0.5) * 16).clip(-(2**30), 2**30).astype(np.int32)
    cv2.polylines(image, [at], closed, colour, 1, cv2.LINE_AA, 4)


def _legend(wide: int) -> NDArray[np.uint8]:
    plate = np.full((LEGEND_ROWS, wide, 3), 30, dtype=np.uint8)
    x = 6
    for name, colour in COLOURS.items():
        cv2.putText(plate, name, (x, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        x += 14 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0]
    return plate
