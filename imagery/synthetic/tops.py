"""What wagons look like from above in ten bands: materials to learn from, and others kept for tests alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from imagery.synthetic.spectra import BANDS, Spectrum, ten_bands

Stock = Literal["known", "held-out"]
"""Which materials may be drawn: only ``known`` ones for anything that is learnt or set."""

# Blue, green, red, near infrared, shortwave infrared, and B12 as a share of B11. Round figures of the usual
# shape of each material; no measurement of railcars.
_KNOWN = {
    "weathered steel": (0.060, 0.070, 0.110, 0.150, 0.210, 0.95),
    "red oxide paint": (0.055, 0.065, 0.150, 0.210, 0.290, 0.95),
    "brown paint": (0.045, 0.055, 0.085, 0.140, 0.230, 0.90),
    "black paint": (0.040, 0.041, 0.043, 0.050, 0.070, 0.95),
    "grey paint": (0.150, 0.160, 0.165, 0.180, 0.200, 0.90),
    "pale grey paint": (0.290, 0.310, 0.320, 0.340, 0.330, 0.85),
    "white roof": (0.430, 0.460, 0.470, 0.490, 0.440, 0.80),
    "green paint": (0.050, 0.085, 0.060, 0.140, 0.210, 0.85),
    "blue paint": (0.130, 0.095, 0.065, 0.160, 0.210, 0.85),
    "dull tank": (0.110, 0.115, 0.120, 0.130, 0.140, 0.95),
    "galvanised": (0.210, 0.220, 0.225, 0.220, 0.250, 0.95),
    "coal": (0.034, 0.036, 0.038, 0.045, 0.060, 1.00),
    "iron ore": (0.055, 0.070, 0.115, 0.150, 0.190, 0.95),
    "scrap": (0.080, 0.085, 0.095, 0.120, 0.160, 0.95),
    "sand": (0.150, 0.190, 0.240, 0.300, 0.360, 0.88),
    "timber": (0.085, 0.120, 0.160, 0.300, 0.280, 0.75),
    "steel floor in shade": (0.035, 0.038, 0.050, 0.058, 0.065, 0.90),
    "blue tarpaulin": (0.220, 0.160, 0.095, 0.310, 0.290, 0.80),
    "white tarpaulin": (0.450, 0.470, 0.470, 0.440, 0.380, 0.75),
    "green tarpaulin": (0.060, 0.120, 0.070, 0.290, 0.270, 0.78),
    "grey tarpaulin": (0.190, 0.195, 0.200, 0.300, 0.280, 0.80),
    "red container": (0.050, 0.050, 0.170, 0.240, 0.270, 0.90),
    "blue container": (0.140, 0.080, 0.045, 0.130, 0.180, 0.85),
    "grey container": (0.210, 0.225, 0.230, 0.240, 0.250, 0.88),
}
_HELD_OUT = {
    "rust": (0.040, 0.065, 0.150, 0.230, 0.360, 0.98),
    "bright tank": (0.300, 0.300, 0.295, 0.270, 0.440, 1.05),
    "orange tarpaulin": (0.080, 0.170, 0.360, 0.420, 0.340, 0.76),
    "pale blue tarpaulin": (0.330, 0.310, 0.260, 0.400, 0.330, 0.80),
    "dark green tarpaulin": (0.035, 0.060, 0.040, 0.230, 0.220, 0.70),
    "planks": (0.150, 0.200, 0.260, 0.390, 0.340, 0.70),
    "grain": (0.150, 0.220, 0.300, 0.430, 0.370, 0.72),
    "limestone": (0.300, 0.340, 0.370, 0.410, 0.430, 0.85),
    "sulphur": (0.120, 0.360, 0.480, 0.550, 0.560, 0.97),
    "yellow paint": (0.070, 0.200, 0.270, 0.330, 0.330, 0.88),
    "green container": (0.045, 0.120, 0.075, 0.110, 0.140, 0.85),
    "autorack roof": (0.250, 0.255, 0.250, 0.240, 0.300, 0.60),
}


def _table(rows: Mapping[str, tuple[float, ...]]) -> Mapping[str, Spectrum]:
    return MappingProxyType({name: ten_bands(*row) for name, row in rows.items()})


KNOWN: Mapping[str, Spectrum] = _table(_KNOWN)
"""Tops that estimators may learn from, (10,) reflectance each."""
HELD_OUT: Mapping[str, Spectrum] = _table(_HELD_OUT)
"""Tops for tests alone: nothing is trained, set or chosen on them."""
SMOOTH = "smooth spectrum"
"""Name of a known top that is no material: a random curve, so that learning does not end at the list."""
_SMOOTH_SHARE = 0.3
_NM = np.array([492.0, 560.0, 665.0, 704.0, 740.0, 781.0, 833.0, 865.0, 1612.0, 2194.0])
_LOG_NM = np.log(_NM)
_AXIS = (_LOG_NM - _LOG_NM.mean()) / _LOG_NM.std()


def draw_top(rng: np.random.Generator, stock: Stock = "known") -> tuple[str, Spectrum]:
    """One top: its material's name, and its own reflectance (10,).

    A known top is strongly varied in level and slope, may be mixed with another known material, and in three
    of ten draws follows a random smooth curve. One held out is varied little, so that it stays itself.

    Args:
        rng: Source of randomness.
        stock: Which materials may be drawn.
    """
    table = KNOWN if stock == "known" else HELD_OUT
    names = list(table)
    name = names[int(rng.integers(len(names)))]
    if stock == "held-out":
        return name, jittered(rng, table[name], 0.10, 0.04)
    if rng.random() < _SMOOTH_SHARE:
        return SMOOTH, smooth(rng)
    share = rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 0.0
    other = table[names[int(rng.integers(len(names)))]]
    return name, jittered(rng, (1 - share) * table[name] + share * other, 0.25, 0.10)


def jittered(rng: np.random.Generator, spectrum: Spectrum, level: float, slope: float) -> Spectrum:
    """The spectrum brighter or darker and tilted: ``level`` and ``slope`` are standard deviations of logs."""
    tilt = rng.normal(0, level) + rng.normal(0, slope) * _AXIS + rng.normal(0, 0.4 * slope, len(BANDS))
    return np.asarray(np.clip(spectrum * np.exp(tilt), 0.015, 0.9))


def smooth(rng: np.random.Generator) -> Spectrum:
    """A random spectrum: log-uniform in level, its logarithm a smooth curve over log wavelength."""
    knots = np.linspace(_AXIS[0], _AXIS[-1], 5)
    curve = np.interp(_AXIS, knots, np.cumsum(rng.normal(0, 0.35, 5)))
    level = np.exp(rng.uniform(np.log(0.03), np.log(0.5)))
    return np.asarray(np.clip(level * np.exp(curve - curve[:7].mean()), 0.015, 0.9))
