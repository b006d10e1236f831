"""The picture while it is painted: colour and height from straight above, with room for what casts in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.light import Light

_REACH_M = 5.5
"""Things as tall as this outside the frame still throw their shadow into it."""

# Planes of a few megabytes come and go for each picture. glibc gives such blocks back to the system at once,
# and touching fresh ones costs a fifth of the time, unless a larger one was freed before: so one is, unused.
np.empty(30 << 20, dtype=np.uint8)

_SKY = (0.9, 0.98, 1.16)
"""Colour of the light in shadows."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A thing in its own frame: columns run along it, rows across it, centred on its middle."""

    colour: NDArray[np.float32]
    """(rows, cols, 4) red, green, blue times cover, 0 to 255, with own shading; then cover, 0 to 1."""
    height: NDArray[np.float32]
    """(rows, cols) metres above the ground times cover."""
    px_m: float
    """Size of its pixels in metres."""

    def at(self, px_m: float) -> Patch:
        """The same averaged to pixels of about ``px_m`` where they are coarser than its own."""
        rows, cols = self.height.shape
        size = max(2, round(cols * self.px_m / px_m)), max(2, round(rows * self.px_m / px_m))
        if size[0] >= cols:
            return self
        colour = cv2.resize(self.colour, size, interpolation=cv2.INTER_AREA)
        height = cv2.resize(self.height, size, interpolation=cv2.INTER_AREA)
        scale = self.px_m * cols / size[0]
        return Patch(np.asarray(colour, np.float32), np.asarray(height, np.float32), scale)


class Canvas:
    """Colour and height over the frame and a margin towards the sun."""

    def __init__(
        self,
        shape: tuple[int, int],
        origin_m: tuple[float, float],
        px_m: float,
        margin: tuple[int, int, int, int],
    ) -> None:
        """Args: the frame's shape and corner; pixel size; margin left, top, right, bottom in pixels."""
        self.shape = shape
        self.px_m = px_m
        self.margin = margin
        self.origin_m = (origin_m[0] - margin[0] * px_m, origin_m[1] - margin[1] * px_m)
        rows, cols = shape[0] + margin[1] + margin[3], shape[1] + margin[0] + margin[2]
        self.colour = np.zeros((rows, cols, 3), dtype=np.uint8)
        self.height = np.zeros((rows, cols), dtype=np.float32)

    @classmethod
    def around(
        cls, shape: tuple[int, int], origin_m: tuple[float, float], px_m: float, light: Light
    ) -> Canvas:
        """A canvas whose margin holds what casts its shadow into the frame."""
        dx, dy = light.shadow_m
        most = 16.0 / px_m
        x, y = (math.ceil(min(most, _REACH_M * abs(d) / px_m)) for d in (dx, dy))
        rim = 4
        return cls(
            shape,
            origin_m,
            px_m,
            (
                rim + (x if dx > 0 else 0),
                rim + (y if dy > 0 else 0),
                rim + (x if dx < 0 else 0),
                rim + (y if dy < 0 else 0),
            ),
        )

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols) with the margin."""
        return self.height.shape

    def to_px(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Local metres (n, 2) to pixels (n, 2) of the canvas, origin at the corner of the first pixel."""
        return np.asarray((points_m - np.array(self.origin_m)) / self.px_m)

    def holds(self, x: float, y: float, radius_m: float) -> bool:
        """Whether a thing at a point may be seen or cast into the canvas."""
        rows, cols = self.size
        px, py = (x - self.origin_m[0]) / self.px_m, (y - self.origin_m[1]) / self.px_m
        r = radius_m / self.px_m
        return -r < px < cols + r and -r < py < rows + r

    def stamp(self, patch: Patch, centre_m: tuple[float, float], angle_deg: float) -> None:
        """Lay a thing onto the canvas, its columns along ``angle_deg``."""
        rows, cols = patch.height.shape
        scale = patch.px_m / self.px_m
        cos, sin = math.cos(math.radians(angle_deg)) * scale, math.sin(math.radians(angle_deg)) * scale
        cx, cy = (centre_m[0] - self.origin_m[0]) / self.px_m, (centre_m[1] - self.origin_m[1]) / self.px_m
        half_x = (abs(cos) * cols + abs(sin) * rows) / 2 + 2
        half_y = (abs(sin) * cols + abs(cos) * rows) / 2 + 2
        x0, x1 = max(0, math.floor(cx - half_x)), min(self.size[1], math.ceil(cx + half_x))
        y0, y1 = max(0, math.floor(cy - half_y)), min(self.size[0], math.ceil(cy + half_y))
        if x1 <= x0 or y1 <= y0:
            return
        # From the index of a patch pixel to the index of a canvas pixel inside the window.
        px, py = (cols - 1) / 2, (rows - 1) / 2
        matrix = np.array(
            [
                [cos, -sin, cx - 0.5 - x0 - cos * px + sin * py],
                [sin, cos, cy - 0.5 - y0 - sin * px - cos * py],
            ]
        )
        size = (x1 - x0, y1 - y0)
        warped = cv2.warpAffine(patch.colour, matrix, size, flags=cv2.INTER_LINEAR)
        tall = cv2.warpAffine(patch.height, matrix, size, flags=cv2.INTER_LINEAR)
        rest = 1.0 - warped[..., 3]
        window = self.colour[y0:y1, x0:x1]
        window[:] = window * rest[..., None] + (warped[..., :3] + np.float32(0.5))
        # Heights are not mixed: a pixel half way up an edge would lie in the shadow of the other half.
        cover = warped[..., 3]
        np.copyto(self.height[y0:y1, x0:x1], tall / np.maximum(cover, 0.5), where=cover > 0.5)

    def shaded(self, lit: NDArray[np.float32], light: Light) -> NDArray[np.uint8]:
        """Colours under the sun that each point sees (rows, cols, 0 to 1); shadows are a little blue."""
        dark = [255 * min(1.0, light.shade * sky) for sky in _SKY]
        planes = [cv2.convertScaleAbs(lit, alpha=255 - shade, beta=shade) for shade in dark]
        return np.asarray(cv2.multiply(self.colour, cv2.merge(planes), scale=1 / 255), dtype=np.uint8)

    def cropped(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame without its margin."""
        left, top = self.margin[:2]
        return np.ascontiguousarray(image[top : top + self.shape[0], left : left + self.shape[1]])
