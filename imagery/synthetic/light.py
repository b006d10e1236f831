"""Sun, sky and where one looks from: cast shadows, and the lean of tall things in an off-nadir view."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

Plane = NDArray[np.float32]
"""(rows, cols)."""


@dataclass(frozen=True)
class Light:
    """The sun and the sky of one date."""

    sun_azimuth_deg: float = 160.0
    """Clockwise from north (up), towards the sun."""
    sun_elevation_deg: float = 40.0
    """Above the horizon, 10 to 80."""
    ambient: float = 0.22
    """Brightness of full shadow as a share of full sun."""
    haze: float = 0.03
    """Share of the brightness that is airlight, 0 to 1."""
    cloud: float = 0.0
    """Share of direct sun taken by thin cloud: shadows grow faint, 0 to 1."""

    def __post_init__(self) -> None:
        if not 10.0 <= self.sun_elevation_deg <= 80.0:
            raise InputError(f"sun elevation {self.sun_elevation_deg} degrees: give 10 to 80")

    @property
    def shade(self) -> float:
        """Brightness of full shadow as a share of full sun, clouds included."""
        return self.ambient + (1.0 - self.ambient) * self.cloud

    @property
    def shadow_m(self) -> tuple[float, float]:
        """Where the shadow of a point one metre up falls: x to the right, y down, metres."""
        azimuth = math.radians(self.sun_azimuth_deg)
        length = 1.0 / math.tan(math.radians(self.sun_elevation_deg))
        return -math.sin(azimuth) * length, math.cos(azimuth) * length

    def towards(self, angle_deg: float) -> tuple[float, float, float]:
        """Unit vector to the sun in the frame of a thing that lies along ``angle_deg``: along, across, up."""
        angle, elevation = math.radians(angle_deg), math.radians(self.sun_elevation_deg)
        azimuth = math.radians(self.sun_azimuth_deg)
        x, y = math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation)
        return (
            x * math.cos(angle) + y * math.sin(angle),
            -x * math.sin(angle) + y * math.cos(angle),
            math.sin(elevation),
        )


def random_light(rng: np.random.Generator) -> Light:
    """A sun from anywhere, 15 to 70 degrees up; now and then thin cloud."""
    return Light(
        sun_azimuth_deg=float(rng.uniform(0, 360)),
        sun_elevation_deg=float(rng.uniform(15, 70)),
        ambient=float(rng.uniform(0.08, 0.34)),
        haze=float(rng.uniform(0.0, 0.08)),
        cloud=float(rng.uniform(0.1, 0.9)) if rng.random() < 0.1 else 0.0,
    )


def sunlit(height: Plane, px_m: float, light: Light, reach_m: float | None = None) -> Plane:
    """How much of the sun each point sees, 0 to 1, from the heights around it.

    The highest point on the ray towards the sun, lowered by the ray's own climb, is found by doubling:
    the maximum over 2n steps is that over n steps and the same moved on by n steps.

    Args:
        height: (rows, cols) metres above the ground.
        px_m: Size of a pixel in metres.
        light: The sun.
        reach_m: Tallest height that may cast; the maximum of ``height`` if None.

    Returns:
        (rows, cols) 0 in shadow, 1 in sun, soft over a third of a metre of height.
    """
    dx, dy = light.shadow_m
    norm = math.hypot(dx, dy)
    climb = px_m / norm  # metres that the ray climbs in one pixel
    top = float(height.max()) if reach_m is None else reach_m
    steps = max(1, math.ceil(top / climb))
    horizon = _moved(height, dx / norm, dy / norm) - np.float32(climb)
    step = 1
    while step < steps:
        moved = _moved(horizon, step * dx / norm, step * dy / norm)
        moved -= np.float32(step * climb)
        horizon = np.maximum(horizon, moved, out=moved)
        step *= 2
    # A blurred edge of one pixel rises by itself: what lies below the slope of the ray is no shadow.
    soft = max(0.3, 0.6 * climb)
    lit = (height - horizon) * np.float32(1 / soft) + np.float32(1.0 + 0.1 / soft)
    lit = np.minimum(np.maximum(lit, 0.0, out=lit), 1.0, out=lit)
    # The sun is half a degree wide: the edge of a shadow of 4 m of height is some centimetres soft.
    penumbra = 4.0 * norm * 0.0093 / math.sin(math.radians(light.sun_elevation_deg))
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), max(0.6, 0.5 * penumbra / px_m)), dtype=np.float32)


def leaned(
    image: NDArray[np.uint8], height: Plane, px_m: float, lean: tuple[float, float], light: Light
) -> NDArray[np.uint8]:
    """The view from off nadir: each point moves by its height times ``lean``, walls come into sight.

    Args:
        image: (rows, cols, 3) as seen from straight above, shadows included.
        height: (rows, cols) metres.
        px_m: Size of a pixel in metres.
        lean: Shift x, y in metres for each metre of height.
        light: Lights the walls, or leaves them dark.
    """
    rows, cols = height.shape
    amount = math.hypot(*lean)
    top = float(height.max())
    if amount * top < 0.3 * px_m:
        return image
    seen = np.zeros_like(height)  # height at which the line of sight of each pixel ends
    levels = np.linspace(0.0, top, min(16, math.ceil(amount * top / px_m) + 2))[1:]
    for level in levels:
        there = _moved(height, lean[0] * level / px_m, lean[1] * level / px_m)
        # A little less than the level, so that the edge of a box does not hang on the phase of its pixels.
        hit = cv2.threshold(there, 0.75 * level, level, cv2.THRESH_BINARY)[1]
        np.maximum(seen, hit, out=seen)
    x = np.arange(cols, dtype=np.float32)[None, :] - np.float32(lean[0] / px_m) * seen
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(lean[1] / px_m) * seen
    out = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    wall = cv2.remap(height, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) - seen
    wall = np.clip(wall - np.float32(0.3 + levels[0]), 0.0, 1.0)
    # The wall in sight faces the viewer, opposite to the lean; it is lit if the sun stands on that side too.
    sx, sy, _ = light.towards(0.0)
    facing = -(sx * lean[0] + sy * lean[1]) / amount
    tone = light.shade + (1.0 - light.shade) * max(0.0, facing)
    dimmed = cv2.convertScaleAbs(wall, alpha=-255 * (1.0 - 0.85 * tone), beta=255)
    dimmed = cv2.GaussianBlur(dimmed, (0, 0), 0.7)  # a wall one pixel wide would break into dots
    return np.asarray(cv2.multiply(out, cv2.merge([dimmed] * 3), scale=1 / 255), dtype=np.uint8)


def _moved(plane: Plane, dx: float, dy: float) -> Plane:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
    moved = cv2.warpAffine(
        plane, matrix, plane.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.float32)
