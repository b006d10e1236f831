"""Between a site and the 10 m sensor: haze, cirrus, clouds and their shadows, the swath's edge, noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.synthetic.scenario import Sky
from imagery.synthetic.spectra import BANDS
from imagery.synthetic.terrain import fractal

FIELD = 256
"""Side of the cloud field in 10 m pixels; it repeats, so that shadows may come from beyond the scene."""
SKIES: tuple[Sky, ...] = ("clear", "thin", "broken", "overcast", "haze")
_ODDS = {
    "winter": (0.62, 0.10, 0.16, 0.08, 0.04),
    "summer": (0.29, 0.14, 0.32, 0.18, 0.07),
    "between": (0.49, 0.12, 0.21, 0.12, 0.06),
}
Plane = NDArray[np.float64]
"""(rows, cols)."""
_CLOUD = np.array(
    [1.0, 0.98, 0.98, 0.98, 0.99, 1.0, 1.0, 1.0, 0.62, 0.50]
)  # brightness of a water cloud by band
_HAZE = np.array(
    [1.0, 0.62, 0.38, 0.32, 0.26, 0.21, 0.16, 0.14, 0.04, 0.02]
)  # error of the haze correction by band


@dataclass(frozen=True, eq=False)
class Air:
    """The air over one scene."""

    sky: Sky
    """Kind of weather."""
    granule_cover: float
    """Share of cloud over the sensor's whole tile, as its metadata say; the scene's own share differs."""
    alpha: Plane
    """(rows, cols) opacity of cloud at 10 m, 0 to 1."""
    shadow: Plane
    """(rows, cols) shade of cloud on the ground at 10 m, 0 to 1."""
    bright: Plane
    """(rows, cols) reflectance of the cloud's top in blue at 10 m."""
    gain: NDArray[np.float64]
    """(bands,) error of the correction, as a factor."""
    path: NDArray[np.float64]
    """(bands,) error of the correction, as reflectance added."""

    def through(self, seen: Mapping[str, Plane]) -> dict[str, Plane]:
        """Each band (rows, cols), at 10 or 20 m, as it arrives."""
        result = {}
        for band in seen:
            index, shape = BANDS.index(band), seen[band].shape
            alpha, shadow, bright = (at_pixels(p, shape) for p in (self.alpha, self.shadow, self.bright))
            ground = seen[band] * (1 - 0.72 * shadow) * self.gain[index] + self.path[index]
            result[band] = ground * (1 - alpha) + alpha * bright * _CLOUD[index]
        return result


def air_of(
    rng: np.random.Generator,
    month: int,
    shape: tuple[int, int],
    sun_azimuth_deg: float,
    sun_elevation_deg: float,
    sky: Sky | None = None,
    gain: float = 0.02,
    band_gain: float = 0.008,
) -> Air:
    """Draw the air of one overpass.

    Args:
        rng: Source of randomness.
        month: 1 to 12: summers are cloudier.
        shape: (rows, cols) at 10 m, at most FIELD each.
        sun_azimuth_deg: Clockwise from north.
        sun_elevation_deg: Above the horizon.
        sky: Kind of weather; drawn if None.
        gain: Standard deviation of the correction's error as a factor on all bands.
        band_gain: The same for single bands.

    Raises:
        InputError: The scene is larger than the cloud field.
    """
    if max(shape) > FIELD:
        raise InputError(f"a scene of {shape} pixels is larger than {FIELD}: choose a smaller margin_m")
    season = "winter" if month in (11, 12, 1, 2, 3) else "summer" if month in (6, 7, 8) else "between"
    drawn = SKIES[int(rng.choice(len(SKIES), p=_ODDS[season]))]
    sky = sky or drawn
    field, fine = fractal(rng, (FIELD, FIELD), 2.1), fractal(rng, (FIELD, FIELD), 1.4)
    field = 0.96 * field + 0.22 * fine
    cover = {"broken": rng.uniform(0.1, 0.75), "overcast": rng.uniform(0.93, 1.0)}.get(sky, 0.0)
    alpha = _opacity(sky, field, cover, rng)
    thick = 0.34 + 0.42 * alpha + 0.05 * fine * (alpha > 0.5)
    height = 9000.0 if sky == "thin" else float(rng.uniform(500, 1900))
    shadow = _cast(alpha, height, sun_azimuth_deg, sun_elevation_deg)
    elsewhere = {"clear": rng.beta(1, 20), "thin": rng.uniform(0.02, 0.3), "haze": rng.beta(1, 10)}
    granule = elsewhere.get(sky, 0.7 * cover + 0.3 * rng.random())
    haze = rng.normal(0, 0.004) + (rng.exponential(0.006) if sky != "clear" else 0.0)
    veiled = rng.uniform(0.01, 0.06) if sky == "haze" else 0.0  # left by the correction, and lost contrast
    haze += veiled
    window = slice(0, shape[0]), slice(0, shape[1])
    return Air(
        sky=sky,
        granule_cover=float(granule),
        alpha=alpha[window],
        shadow=shadow[window],
        bright=np.clip(thick, 0.2, 0.95)[window],
        gain=1 + rng.normal(0, gain) + rng.normal(0, band_gain, len(BANDS)) - 2.5 * veiled * _HAZE,
        path=haze * _HAZE + rng.normal(0, 0.0008, len(BANDS)),
    )


def noisy(seen: Mapping[str, Plane], rng: np.random.Generator, floor: float, shot: float) -> dict[str, Plane]:
    """Each band with the detector's noise: a floor in reflectance, and a share of the signal."""
    return {
        band: plane + rng.standard_normal(plane.shape, dtype=np.float32) * np.hypot(floor, shot * plane)
        for band, plane in seen.items()
    }


def swath(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which 10 m pixels lie inside the swath: nearly always all; now and then its edge crosses the scene."""
    if rng.random() > 0.025:
        return np.ones(shape, dtype=bool)
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    east_of_edge = x - 0.22 * (y - shape[0] / 2) > rng.uniform(0.05, 0.95) * shape[1]
    return np.asarray(east_of_edge if rng.random() < 0.5 else ~east_of_edge)


def at_pixels(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """A 10 m plane on other pixels of the same ground: larger ones by their mean, finer ones bilinearly."""
    if plane.shape == shape:
        return plane
    how = cv2.INTER_LINEAR if shape > plane.shape else cv2.INTER_AREA
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=how))


def _opacity(sky: Sky, field: Plane, cover: float, rng: np.random.Generator) -> Plane:
    if sky in ("clear", "haze"):
        return np.zeros_like(field)
    if sky == "thin":
        return np.clip(rng.uniform(0.04, 0.16) * (1 + 0.7 * field), 0, 0.4)
    edge = np.quantile(field, 1 - cover)
    return np.clip((field - edge) / 0.6 + 0.2, 0, 1)


def _cast(alpha: Plane, height_m: float, azimuth_deg: float, elevation_deg: float) -> Plane:
    reach = height_m / math.tan(math.radians(elevation_deg)) / 10.0
    azimuth = math.radians(azimuth_deg)
    move = round(math.cos(azimuth) * reach), round(-math.sin(azimuth) * reach)
    return np.roll(alpha, move, axis=(0, 1))
