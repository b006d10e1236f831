"""What is told of a pixel of a yard: how it differs from the yard's own ground, here and along the sun's ray.

A stack differs from the ground around it in colour or brightness, and throws a dark band away from the sun,
never towards it. So every pixel is described by its own difference from the ground, and by the differences at
set distances away from the sun, towards it, and across. Nothing depends on where north is.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from models.goods.view import Mask, Plane, View, disc

ALONG_M = (1.0, 2.0, 3.5, 6.0, 10.0, 16.0, 24.0)
"""Distances along the sun's ray, both ways."""
ACROSS_M = (1.0, 2.5, 5.0, 10.0)
"""Distances across it, both ways."""
_AXES = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, -1], [-0.5, 1, -0.5]], dtype=np.float32)
_BORDER_M = 6.0  # goods seldom fill the rim of a yard
_ALIKE = 0.45  # log ratio within which a pixel may be ground
_GROUND_SIGMAS_M = (5.0, 20.0, 80.0)

Planes = NDArray[np.float32]
"""(rows, cols, figures)."""


def features(view: View) -> Planes:
    """Figures of each pixel, (rows, cols, 54)."""
    px, image = view.px_m, cv2.GaussianBlur(view.image, (0, 0), 0.5)
    logs = np.log(image.astype(np.float32) + 4)
    difference, doubt = difference_from_ground(logs, view)
    light, red, green = _opponents(np.clip(difference, -2.5, 1.5))
    colour = np.hypot(red, green)
    planes: list[Plane] = [light, red, green]
    planes += [_smooth(plane, 1.5 / px) for plane in (light, red, green)]
    planes += [_scatter(light, size / px) for size in (1.0, 3.0)]
    planes.append(np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(light, cv2.CV_32F, 0, 1) / 8))
    planes += _opponents(logs)[1:]
    slope = 0.0 if view.sun_elevation_deg is None else math.tan(math.radians(view.sun_elevation_deg))
    known = float(view.sun_elevation_deg is not None)
    planes += [np.full_like(light, value) for value in (slope, known, px, 10 * doubt[0], 10 * doubt[1])]
    planes += along_and_across(light, view, ALONG_M, ACROSS_M)
    planes += along_and_across(colour, view, ALONG_M[:5], ACROSS_M[:3])
    return np.stack(planes, axis=-1).astype(np.float32)


def context(probabilities: Planes, view: View) -> Planes:
    """Figures of what the first network said of a pixel and its surroundings, (rows, cols, 56)."""
    planes: list[Plane] = []
    for kind in (1, 2):
        plane = np.ascontiguousarray(probabilities[..., kind])
        planes.append(plane)
        planes += [_smooth(plane, sigma / view.px_m) for sigma in (0.8, 2.0, 5.0)]
        soft = _smooth(plane, 0.4 / view.px_m)
        planes += along_and_across(soft, view, ALONG_M, (1.0, 2.0, 3.5, 6.0, 10.0))
    return np.stack(planes, axis=-1)


def along_and_across(
    plane: Plane, view: View, along_m: tuple[float, ...], across_m: tuple[float, ...]
) -> list[Plane]:
    """The plane as seen at distances away from the sun and towards it, then to either side."""
    x, y = view.shadow
    ways = [(x * d, y * d) for d in along_m] + [(-y * d, x * d) for d in across_m]
    return [moved(plane, sign * dx / view.px_m, sign * dy / view.px_m) for dx, dy in ways for sign in (1, -1)]


def moved(plane: Plane, dx: float, dy: float) -> Plane:
    """What stands at (x + dx, y + dy), at each pixel; the edge goes on beyond the picture."""
    return np.asarray(
        cv2.warpAffine(
            plane,
            np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32),
            plane.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.float32,
    )


def difference_from_ground(logs: Planes, view: View) -> tuple[Planes, tuple[float, float]]:
    """Log ratio (rows, cols, 3) of each pixel to the yard's own ground there, and how much ground scatters.

    The ground is a smooth surface through the pixels that look like it. At first these are the ones near the
    commonest brightness of the yard, its rim counting more; then those within three standard deviations of
    the surface, three times over.

    Returns:
        The log ratio, and the standard deviation of ground pixels in brightness and in colour.
    """
    near, inside = view.near, view.inside
    rim = inside & ~(cv2.erode(inside.astype(np.uint8), disc(_BORDER_M / view.px_m)) > 0)
    usual = _commonest(np.concatenate([logs[rim], logs[inside][::3]]))
    ground = near & (np.linalg.norm(logs - usual, axis=2) < _ALIKE)
    for _ in range(3):
        difference = logs - _surface(logs, ground, view.px_m)
        light = difference.mean(axis=2)
        colour = np.linalg.norm(difference - light[..., None], axis=2)
        if not ground.any():
            return difference, (1.0, 1.0)
        doubt = (
            max(0.03, 1.48 * float(np.median(np.abs(light[ground])))),
            max(0.012, 1.25 * float(np.median(colour[ground]))),
        )
        ground = near & (np.hypot(light / doubt[0], colour / doubt[1]) < 3.0)
    return difference, doubt


def _commonest(logs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median colour (3,) of the pixels (n, 3) near the commonest brightness."""
    light = logs.mean(axis=1)
    counts, edges = np.histogram(light, 60)
    peak = int(np.convolve(counts, np.ones(5), "same").argmax())
    middle = (edges[peak] + edges[peak + 1]) / 2
    return np.asarray(np.median(logs[np.abs(light - middle) < 0.15], axis=0), dtype=np.float32)


def _surface(logs: Planes, ground: Mask, px_m: float) -> Planes:
    """A smooth surface through the ground pixels; where there are none near, from those further off."""
    rows, cols = ground.shape
    factor = max(1, round(1.5 / px_m))
    size = max(1, cols // factor), max(1, rows // factor)
    share = cv2.resize(ground.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(logs * ground[..., None].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    weight = np.full(share.shape, 1e-6, dtype=np.float32)
    value = weight[..., None] * total.sum(axis=(0, 1)) / max(float(share.sum()), 1e-6)
    for rank, sigma_m in enumerate(_GROUND_SIGMAS_M):
        sigma, worth = sigma_m / (px_m * factor), np.float32(0.05**rank)
        value = value + worth * cv2.GaussianBlur(total, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        weight = weight + worth * cv2.GaussianBlur(share, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    small = (value / weight[..., None]).astype(np.float32)
    return np.asarray(cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _opponents(logs: Planes) -> list[Plane]:
    """Brightness, red against blue, green against both; logarithms."""
    turned = logs @ _AXES.T
    return [np.ascontiguousarray(turned[..., k]) for k in range(3)]


def _smooth(plane: Plane, sigma_px: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), dtype=np.float32)


def _scatter(plane: Plane, size_px: float) -> Plane:
    """Standard deviation in a square window."""
    side = max(3, 2 * round(size_px) + 1)
    mean = cv2.blur(plane, (side, side))
    return np.asarray(np.sqrt(np.maximum(cv2.blur(plane * plane, (side, side)) - mean * mean, 0)))
