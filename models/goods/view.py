"""A yard in one picture, as the models of goods see it: pixels, outline, GSD and the way shadows fall."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

WORKING_M = 0.5
"""Finer pixels than 0.45 m are averaged to about this: a container is five of them wide."""
BESIDE_M = 3.0
"""Ground beside a yard that is looked at too, so that its edge is no edge of the picture."""

Plane = NDArray[np.float32]
"""(rows, cols)."""
Mask = NDArray[np.bool_]
"""(rows, cols)."""


@dataclass(frozen=True, eq=False)
class View:
    """A yard in one picture."""

    image: NDArray[np.uint8]
    """(rows, cols, 3) red, green, blue."""
    inside: Mask
    """Pixels of the yard that are seen and on which goods may stand."""
    px_m: float
    """Ground size of a pixel."""
    shadow: tuple[float, float]
    """Unit vector (x, y down) in which shadows fall; any where the sun is not known."""
    sun_elevation_deg: float | None
    """Above the horizon; None where it is not known."""
    off_nadir_deg: float | None = None
    """Of the view; None where it is not known."""

    def __post_init__(self) -> None:
        if self.image.shape != (*self.inside.shape, 3):
            raise InputError(f"a picture {self.image.shape} does not fit a mask {self.inside.shape}")
        if not self.inside.any():
            raise InputError("the yard holds no pixel of the picture")

    @property
    def near(self) -> Mask:
        """The yard and a little ground beside it."""
        return cv2.dilate(self.inside.astype(np.uint8), disc(BESIDE_M / self.px_m)) > 0

    @property
    def cotangent(self) -> float | None:
        """Metres of shadow for each metre of height."""
        if self.sun_elevation_deg is None:
            return None
        return 1.0 / math.tan(math.radians(self.sun_elevation_deg))


def coarsened(image: NDArray[np.uint8], px_m: float) -> tuple[NDArray[np.uint8], float]:
    """A picture at pixels of WORKING_M where its own are finer, and how many of its pixels one of them is."""
    if px_m >= 0.9 * WORKING_M:
        return image, 1.0
    size = max(1, round(image.shape[1] * px_m / WORKING_M)), max(1, round(image.shape[0] * px_m / WORKING_M))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), image.shape[1] / size[0]


def disc(radius_px: float) -> NDArray[np.uint8]:
    """A round structuring element; at least a plus of five pixels."""
    radius = max(radius_px, 1.0)
    reach = math.ceil(radius - 0.5)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(x * x + y * y <= radius * radius + 0.1, dtype=np.uint8)
