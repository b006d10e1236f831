"""A picture as bytes inside the page: sized to fit, marked where it is simulated, boxes laid over it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from evidence.report.content import Picture
from evidence.report.words import number

LONGEST_SIDE = 1600
"""Pixels; a larger picture is reduced."""
SHORTEST_WIDTH = 480
"""Pixels; a smaller picture is enlarged by whole numbers, so that its pixels stay visible."""
STAMP = "SIMULATED"
STAMP_BOX = (30, 132)
"""Rows and columns that the stamp needs at least."""
QUALITIES = (85, 70, 55, 40)
"""WebP qualities, tried in turn until the picture fits its share of the page."""
SHEET_COLUMNS, GAP = 6, 6
"""Crops side by side, and pixels between them."""


@dataclass(frozen=True)
class Bar:
    """A scale bar."""

    length_px: float
    """In pixels of the picture as given."""
    label: str
    """Such as ``50 m``."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A picture ready for the page."""

    uri: str
    """``data:image/webp;base64,...``"""
    width: int
    """Columns as encoded."""
    height: int
    """Rows as encoded."""
    view: tuple[float, float]
    """Width and height of the same area in pixels of the picture as given, in which its boxes are."""


def encode(picture: Picture, budget: int) -> Encoded:
    """Encode a picture in at most ``budget`` bytes before base64, unless its smallest form needs more.

    A simulated picture is stamped after resizing, over its whole area, so that the word stays legible and
    no crop loses it; a sliver too thin for it is set on a larger ground.
    """
    rows, cols = picture.image.shape[:2]
    scale = fitting_scale(rows, cols)
    while True:
        image = _resized(picture.image, scale)
        fit = (image.shape[1] / cols, image.shape[0] / rows)
        if picture.simulated:
            image = stamped(image)
        for quality in QUALITIES:
            data = _webp(image, quality)
            if len(data) <= budget:
                break
        height, width = image.shape[:2]
        if len(data) <= budget or max(height, width) <= 2 * max(STAMP_BOX):
            return Encoded(_uri(data), width, height, (width / fit[0], height / fit[1]))
        scale *= 0.75


def fitting_scale(rows: int, cols: int) -> float:
    """What to multiply a picture's sides by: below 1, or a whole number."""
    if max(rows, cols) > LONGEST_SIDE:
        return LONGEST_SIDE / max(rows, cols)
    return float(max(1, min(math.ceil(SHORTEST_WIDTH / cols), LONGEST_SIDE // max(rows, cols), 8)))


def stamped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Burn SIMULATED into a picture: a plate in its corner, and the word faintly all over."""
    lack = [max(0, need - have) for need, have in zip(STAMP_BOX, image.shape[:2], strict=True)]
    image = np.pad(image, ((0, lack[0]), (0, lack[1]), (0, 0)), constant_values=128)
    rows, cols = image.shape[:2]
    size = max(0.7, min(rows, cols) / 700)
    (width, height), _ = cv2.getTextSize(STAMP, cv2.FONT_HERSHEY_DUPLEX, size, 1)
    over = image.copy()
    for row, y in enumerate(range(5 * height, rows, 6 * height)):
        for x in range(-(row % 2) * width, cols, 2 * width):
            for colour, weight in (((0, 0, 0), 3), ((255, 255, 255), 1)):
                cv2.putText(over, STAMP, (x, y), cv2.FONT_HERSHEY_DUPLEX, size, colour, weight, cv2.LINE_AA)
    image = cv2.addWeighted(over, 0.3, image, 0.7, 0.0).astype(np.uint8)
    size = min(size, 0.7 * cols / STAMP_BOX[1], 0.7 * rows / STAMP_BOX[0])
    (width, height), _ = cv2.getTextSize(STAMP, cv2.FONT_HERSHEY_DUPLEX, size, 1)
    cv2.rectangle(image, (0, 0), (width + height, 2 * height), (255, 196, 0), cv2.FILLED)
    place = (height // 2, height + height // 2)
    cv2.putText(image, STAMP, place, cv2.FONT_HERSHEY_DUPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def crop_sheet(crops: Sequence[NDArray[np.uint8]], simulated: bool, budget: int) -> Encoded:
    """All crops of a picture as one image, SHEET_COLUMNS in a row; each simulated one says so by itself.

    Args:
        crops: (rows, cols, 3) each, all of one size, at least one.
        simulated: Whether they were painted.
        budget: Bytes before base64 to keep to, unless the smallest form needs more.
    """
    rows, cols = crops[0].shape[:2]
    down = -(-len(crops) // SHEET_COLUMNS)
    sheet = np.full((down * (rows + GAP), min(len(crops), SHEET_COLUMNS) * (cols + GAP), 3), 128, np.uint8)
    for i, crop in enumerate(crops):
        y, x = sheet_place(i, rows, cols)
        sheet[y : y + rows, x : x + cols] = _marked(crop) if simulated else crop
    for quality in QUALITIES[1:]:
        data = _webp(sheet, quality)
        if len(data) <= budget:
            break
    height, width = sheet.shape[:2]
    return Encoded(_uri(data), width, height, (float(width), float(height)))


def sheet_place(index: int, rows: int, cols: int) -> tuple[int, int]:
    """Row and column of the corner of a crop in its sheet."""
    down, across = divmod(index, SHEET_COLUMNS)
    return down * (rows + GAP), across * (cols + GAP)


def _marked(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small picture with the stamp along its lower edge."""
    image = crop.copy()
    size = 0.0048 * crop.shape[0]
    (width, height), _ = cv2.getTextSize(STAMP, cv2.FONT_HERSHEY_DUPLEX, size, 1)
    bottom = crop.shape[0]
    cv2.rectangle(image, (0, bottom - height - 5), (width + 4, bottom), (255, 196, 0), cv2.FILLED)
    cv2.putText(
        image, STAMP, (2, bottom - 3), cv2.FONT_HERSHEY_DUPLEX, size, (0, 0, 0), 1, cv2.LINE_AA
    )  # fmt: skip
    return image


def scale_bar(picture: Picture) -> Bar | None:
    """A bar of 1, 2 or 5 times a power of ten metres, about a fifth of the picture's width."""
    if picture.pixel_m is None or not 0 < picture.pixel_m < math.inf:
        return None
    room = picture.image.shape[1] * picture.pixel_m / 4
    decade = 10.0 ** math.floor(math.log10(room))
    metres = max((step * decade for step in (1, 2, 5) if step * decade <= room), default=decade)
    return Bar(metres / picture.pixel_m, f"{metres:g} m" if metres < 1 else f"{number(metres)} m")


def _resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return image
    rows, cols = (max(1, round(side * scale)) for side in image.shape[:2])
    how = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (cols, rows), interpolation=how), dtype=np.uint8)


def _uri(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")


def _webp(image: NDArray[np.uint8], quality: int) -> bytes:
    _, data = cv2.imencode(".webp", image[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    return data.tobytes()
