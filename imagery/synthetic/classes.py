"""A scene classification with the real one's faults: thresholds on what arrived, clouds found in part."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.atmosphere import Air, at_pixels
from imagery.synthetic.terrain import fractal

DARK, SHADOW, PLANTS, BARE, WATER, UNSURE, CLOUD, DENSE_CLOUD, CIRRUS, SNOW = 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""Class numbers of Sentinel-2 L2A."""


def classified(
    seen: Mapping[str, NDArray[np.float64]], air: Air, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Classes (rows, cols) at 20 m.

    Cloud edges move by tens of metres, a quarter of the dates miss shadows, four in ten dates miss cirrus,
    and on one date in three bright roofs, concrete and tarpaulins are called cloud.

    Args:
        seen: Reflectance in each band as it arrived.
        air: What lies over the ground.
        rng: Source of its mistakes.
    """
    shape = seen["B11"].shape
    blue, green, red, nir = (at_pixels(seen[band], shape) for band in ("B02", "B03", "B04", "B08"))
    swir = seen["B11"]
    plants = (nir - red) / np.maximum(nir + red, 1e-3)
    snow = (green - swir) / np.maximum(green + swir, 1e-3)
    visible = (blue + green + red) / 3
    classes = np.full(shape, BARE, dtype=np.uint8)
    classes[plants > 0.35] = PLANTS
    classes[(visible < 0.045) & (nir < 0.09)] = DARK
    classes[(nir < 0.055) & (swir < 0.05) & (plants < 0.1)] = WATER
    found = at_pixels(air.alpha, shape) + 0.1 * fractal(rng, shape, 1.3)
    shade = at_pixels(air.shadow, shape) + 0.1 * fractal(rng, shape, 1.3)
    sees_shadow, sees_cirrus, takes_bright = rng.random(3) < (0.75, 0.6, 0.33)
    if sees_shadow and air.sky == "broken":
        classes[shade > 0.45] = SHADOW
    if air.sky == "thin":
        if sees_cirrus:
            classes[found > 0.12] = CIRRUS
    elif air.sky in ("broken", "overcast"):
        classes[found > 0.2] = UNSURE
        classes[found > 0.32] = CLOUD
        classes[found > 0.62] = DENSE_CLOUD
    if takes_bright:
        classes[(visible > 0.27) & (snow < 0.2) & (classes == BARE)] = CLOUD
    white = (snow > 0.42) & (visible > 0.22)
    if air.sky not in ("broken", "overcast"):
        classes[white & (classes != CLOUD)] = SNOW
    else:
        classes[white & (found < 0.45)] = SNOW
    return classes


def masked(seen: Mapping[str, NDArray[np.float64]], air: Air, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Classes (rows, cols) of a sensor without shortwave infrared, at its own pixels, as its mask gives them.

    Args:
        seen: Reflectance as it arrived, with B02.
        air: What lies over the ground.
        rng: Source of its mistakes: thin cloud and haze are found on six dates in ten.
    """
    blue = seen["B02"]
    classes = np.full(blue.shape, BARE, dtype=np.uint8)
    error = at_pixels(0.12 * fractal(rng, air.alpha.shape, 1.3), blue.shape)
    found, shade = at_pixels(air.alpha, blue.shape) + error, at_pixels(air.shadow, blue.shape) + error
    if air.sky == "broken":
        classes[shade > 0.45] = SHADOW
    classes[blue > 0.45] = SNOW
    if air.sky in ("thin", "haze") and rng.random() < 0.6:
        classes[found > (0.12 if air.sky == "thin" else -1.0)] = CIRRUS
    if air.sky in ("broken", "overcast"):
        classes[found > 0.32] = CLOUD
    return classes
