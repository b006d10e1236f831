"""Surface reflectance of the ground and of things in the bands of the 10 m sensor.

Values are round figures of the usual shape for each material (spectral libraries agree on the shape, not on
the level); visible reflectance of painted things follows from their colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Colour
from imagery.synthetic.wagons import WagonSpec

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
"""Blue, green, red, three of the red edge, two of the near infrared, two of the shortwave infrared."""

Spectrum = NDArray[np.float64]
"""(10,) reflectance in BANDS."""


def ten_bands(blue: float, green: float, red: float, nir: float, swir: float, far: float = 0.92) -> Spectrum:
    """A spectrum without bends between red and near infrared, from its values in five bands.

    Args:
        blue: B02.
        green: B03.
        red: B04.
        nir: B08.
        swir: B11.
        far: B12 as a share of B11.
    """
    edge = [red + part * (nir - red) for part in (0.23, 0.45, 0.69)]  # 704, 740, 781 nm between 665 and 833
    return np.array([blue, green, red, *edge, nir, nir + 0.04 * (swir - nir), swir, far * swir])


@dataclass(frozen=True)
class Material:
    """How a surface reflects."""

    five: tuple[float, float, float, float, float]
    """Blue, green, red, near and shortwave infrared (B02 B03 B04 B08 B11), without growth, dry."""
    growth: float = 0.0
    """Share of it that is green in high summer."""
    darkens: float = 0.3
    """Share of brightness lost when wet."""
    holds_snow: float = 1.0
    """Share of the snow of open ground that lies here."""
    rough: float = 0.1
    """Standard deviation of its texture, as a share of brightness."""

    @property
    def bare(self) -> Spectrum:
        """(10,) without growth, dry."""
        return ten_bands(*self.five)


GREEN = np.array([0.028, 0.062, 0.038, 0.095, 0.29, 0.38, 0.42, 0.435, 0.20, 0.095])
"""Closed green canopy."""
SNOW = np.array([0.82, 0.83, 0.82, 0.81, 0.80, 0.78, 0.76, 0.73, 0.09, 0.07])
"""Fresh snow, some days old."""
_SHADE = np.array([0.34, 0.28, 0.23, 0.215, 0.20, 0.18, 0.16, 0.15, 0.09, 0.06])  # with the sun 53 degrees up

GROUND: Mapping[str, Material] = MappingProxyType(
    {
        "ballast": Material((0.115, 0.130, 0.150, 0.180, 0.235), 0.10, 0.25, 0.7, 0.10),
        "gravel": Material((0.140, 0.160, 0.185, 0.220, 0.270), 0.06, 0.25, 0.7, 0.10),
        "soil": Material((0.085, 0.115, 0.155, 0.225, 0.310), 0.20, 0.35, 0.9, 0.12),
        "concrete": Material((0.200, 0.230, 0.255, 0.285, 0.310), 0.02, 0.20, 0.6, 0.08),
        "asphalt": Material((0.085, 0.095, 0.105, 0.120, 0.150), 0.02, 0.20, 0.5, 0.08),
        "grass": Material((0.065, 0.090, 0.115, 0.220, 0.290), 0.85, 0.15, 0.95, 0.12),
        "field": Material((0.075, 0.105, 0.140, 0.215, 0.300), 0.95, 0.30, 1.0, 0.07),
        "forest": Material((0.040, 0.052, 0.062, 0.150, 0.165), 0.90, 0.10, 0.4, 0.20),
        "water": Material((0.055, 0.055, 0.035, 0.016, 0.008), 0.0, 0.0, 0.0, 0.03),
    }
)
"""Materials of the ground, by name."""


def skylight(sun_elevation_deg: float) -> Spectrum:
    """Light in full shadow as a share of full sun: the lower the sun, the more of it comes from the sky."""
    height = max(np.sin(np.deg2rad(sun_elevation_deg)), 0.1)
    return np.asarray(np.minimum(_SHADE * np.sqrt(0.8 / height), 0.8))


def painted(colour: Colour, nir: float = 1.15, swir: float = 1.3) -> Spectrum:
    """Reflectance of a painted or rusty surface of this colour.

    Args:
        colour: As seen in full sun; undone from sRGB and scaled so that a white one reflects half.
        nir: Near infrared as a multiple of red or of the mean, whichever is larger.
        swir: The same for shortwave infrared.
    """
    code = np.array(colour, dtype=np.float64) / 255
    red, green, blue = 0.6 * np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    level = max(red, (red + green + blue) / 3)
    return ten_bands(blue + 0.01, green + 0.01, red + 0.01, 0.02 + nir * level, 0.03 + swir * level)


def tarpaulin(colour: Colour) -> Spectrum:
    """Reflectance of coated plastic: its dye shows in the visible only."""
    blue, green, red = painted(colour)[:3]
    mean = (blue + green + red) / 3
    return ten_bands(blue, green, red, 0.26 + 0.35 * mean, 0.24 + 0.3 * mean)


_LOADS: Mapping[str, tuple[float, float, float, float, float]] = MappingProxyType(
    {
        "coal": (0.035, 0.036, 0.038, 0.045, 0.060),
        "ore": (0.060, 0.075, 0.105, 0.140, 0.190),
        "scrap": (0.080, 0.085, 0.095, 0.120, 0.160),
        "sand": (0.150, 0.190, 0.240, 0.300, 0.360),
        "timber": (0.090, 0.120, 0.160, 0.300, 0.300),
        "planks": (0.140, 0.180, 0.230, 0.350, 0.330),
    }
)
BOXES: tuple[Colour, ...] = (
    (150, 62, 48),
    (52, 84, 132),
    (196, 190, 180),
    (60, 110, 90),
    (176, 120, 60),
    (96, 100, 108),
)
"""Colours of freight containers."""


def wagon_spectrum(spec: WagonSpec, sun_elevation_deg: float) -> Spectrum:
    """Mean reflectance of a wagon's top as seen from above, snow included."""
    rng = np.random.default_rng(spec.seed)
    body = painted(spec.colour)
    if spec.tarp != "none":
        top = 0.92 * tarpaulin(spec.tarp_colour) + 0.08 * body
    elif spec.load == "boxes":
        top = 0.9 * painted(BOXES[int(rng.integers(len(BOXES)))]) + 0.1 * body
    elif spec.load in _LOADS:
        top = 0.8 * ten_bands(*_LOADS[spec.load]) + 0.2 * body
    elif spec.kind == "gondola":
        # The floor of an empty gondola lies deep: the lower the sun, the more of it is in shade.
        lit = np.clip(np.sin(np.deg2rad(sun_elevation_deg)), 0.2, 0.9)
        top = 0.2 * body + 0.8 * body * (lit + (1 - lit) * skylight(sun_elevation_deg))
    else:
        top = body
    top = top * float(np.exp(rng.normal(0, 0.08)))
    snow = 0.6 * spec.snow
    return np.asarray((1 - snow) * top + snow * SNOW)
