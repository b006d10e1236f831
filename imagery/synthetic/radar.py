"""A place through Sentinel-1: backscatter, double bounce, layover, shadow and speckle.

Levels are round figures in the range that C-band radar shows for such surfaces. A wagon's strength is an
assumption: nobody has published it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imagery.synthetic.coarse import Array, Thing, drawn, kernel
from imagery.synthetic.season import Season
from imagery.synthetic.spectra import GROUND
from imagery.synthetic.terrain import Terrain, fractal

CELL_M = 2.0
"""Cells of the ground that it needs."""
BANDS = ("VV", "VH")
"""Polarisations."""
GSD_M = 10.0
"""Spacing of its pixels; they are blurred over about twice as much."""
SPREAD_M = 7.5
"""Standard deviation of the blur."""
LOOKS = 5
"""Independent looks averaged in a pixel."""
LEVEL_DB: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "ballast": (-10.5, -18.5),
        "gravel": (-13.0, -20.5),
        "soil": (-12.5, -20.0),
        "concrete": (-15.0, -23.0),
        "asphalt": (-18.0, -26.0),
        "grass": (-12.0, -18.0),
        "field": (-11.5, -18.0),
        "forest": (-8.5, -14.0),
        "water": (-20.0, -27.0),
    }
)
"""Gamma nought of GROUND's materials in VV and VH, dry and bare."""
LOOK_DEG: Mapping[str, float] = MappingProxyType({"ascending": 78.0, "descending": 282.0})
"""Where it looks to: it flies nearly along the meridian and looks to its right."""
_NOISE = (10**-2.4, 10**-2.6)  # of the receiver, linear
_CROSS = np.array([1.0, 0.10])  # a wall that faces the sensor returns little in VH
_ROUGH = np.array([1.0, 0.25])  # the rest of a wagon returns more
_WALL = (0.5, 9.0)  # square metres a metre of wall: at any angle, and facing the sensor on top of that
_FACING_DEG = 14.0  # how soon that fades
TRAINS_DIFFER = 0.6
"""Standard deviation of the logarithm of a train's strength."""
_TOP = 0.35  # gamma nought of tops, as laid over


@dataclass(frozen=True)
class Orbit:
    """One relative orbit: always the same geometry."""

    number: int
    """1 to 175."""
    state: str
    """``ascending`` or ``descending``."""
    look_deg: float
    """Direction in which the sensor looks, clockwise from north."""
    incidence_deg: float
    """From the vertical."""
    gain: tuple[float, float] = (1.0, 1.0)
    """Of VV and VH, linear."""


class Radar:
    """Sentinel-1 over one place, on all of its dates."""

    def __init__(
        self, terrain: Terrain, cell_m: float, orbits: Sequence[Orbit], rng: np.random.Generator
    ) -> None:
        """Prepare what all dates share.

        Args:
            terrain: Materials and textures.
            cell_m: Side of a terrain cell.
            orbits: From where it looks.
            rng: Source of what is the same on all dates.
        """
        self._terrain, self._cell_m = terrain, cell_m
        site = rng.normal(0, 0.8, 2) + rng.normal(0, 0.8, (len(GROUND), 2))  # gain of the site, its materials
        self._level_db = np.array([LEVEL_DB[name] for name in GROUND]) + site
        # What is strong or weak in one geometry stays so: rails, points, poles, walls.
        self._texture_db = {
            orbit.number: 1.3 * terrain.texture[0] + 1.6 * fractal(rng, terrain.shape, 0.6)
            for orbit in orbits
        }

    def seen(
        self,
        orbit: Orbit,
        season: Season,
        standing: Sequence[Thing],
        echoing: Sequence[Thing],
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """One overpass: gamma nought (2, rows, cols) on 10 m pixels, and how far it lies east and south.

        Args:
            orbit: One of the orbits.
            season: State of the ground.
            standing: Things that cover the ground and throw shadows.
            echoing: What they return, as ``echoes`` gives it.
            rng: Source of weather, registration and speckle.
        """
        shift = rng.normal(0, 2.0, 2)
        scene = self._lit(orbit, season, standing, echoing, rng)
        down, across = (
            kernel(n, self._cell_m, GSD_M, SPREAD_M, float(move))
            for n, move in zip(self._terrain.shape, shift[::-1], strict=True)
        )
        planes = []
        for k in range(2):
            mean = (across @ (down @ scene[k]).T).T * orbit.gain[k] + _NOISE[k]
            planes.append(mean * speckle(rng, mean.shape))
        return np.stack(planes).astype(np.float32), (float(shift[0]), float(shift[1]))

    def _lit(
        self,
        orbit: Orbit,
        season: Season,
        standing: Sequence[Thing],
        echoing: Sequence[Thing],
        rng: np.random.Generator,
    ) -> Array:
        """Gamma nought (2, rows, cols) on the ground's cells, things on it, before blur and speckle."""
        level = (
            self._level_db + _weather_db(season) + rng.normal(0, 0.5, (len(GROUND), 1)) + rng.normal(0, 0.3)
        )
        texture, shape = self._texture_db[orbit.number], self._terrain.shape
        ground = np.stack([10 ** ((level[:, k][self._terrain.material] + texture) / 10) for k in range(2)])
        if not standing:
            return ground
        flat = ground.reshape(2, -1)
        # Covered ground and ground in radar shadow return nothing; what stands there is laid over.
        toward = (orbit.look_deg + 180) % 360
        blank = [replace(thing, spectrum=np.zeros(2)) for thing in standing]
        cells = drawn(blank, (toward, 90 - orbit.incidence_deg), shape, self._cell_m)
        flat[:, cells.at] += cells.contrast(flat[:, cells.at], np.zeros(2))
        bright = drawn(echoing, (toward, 89.9), shape, self._cell_m)
        flat[:, bright.at] += bright.tops
        return ground


def echoes(thing: Thing, orbit: Orbit, rng: np.random.Generator, usual: float = 1.0) -> list[Thing]:
    """What a wagon or a building returns: a line at the wall that faces the sensor, and its top laid over.

    The line is the double bounce between wall and ground; it is strong where the wall faces the sensor.

    Args:
        thing: In local metres.
        orbit: From where it is seen.
        rng: Source of its own strength.
        usual: Strength of its like.
    """
    look = math.radians(orbit.look_deg)
    toward = np.array([-math.sin(look), math.cos(look)])  # to the sensor; y runs south
    turn = math.radians(thing.angle_deg)
    normal = np.array([-math.sin(turn), math.cos(turn)])
    normal = normal if normal @ toward > 0 else -normal
    off = math.degrees(math.acos(min(1.0, abs(float(normal @ toward)))))
    strength = (_WALL[0] + _WALL[1] * math.exp(-0.5 * (off / _FACING_DEG) ** 2)) * rng.lognormal(0, 0.5)
    strength *= usual * min(thing.height_m / 3.5, 1.5)
    foot = np.array(thing.centre_m) + normal * (thing.size_m[1] / 2 + 0.5)
    over = np.array(thing.centre_m) + toward * thing.height_m / math.tan(math.radians(orbit.incidence_deg))
    wall = replace(
        thing,
        centre_m=(float(foot[0]), float(foot[1])),
        size_m=(thing.size_m[0], 1.0),
        height_m=1e-6,
        spectrum=strength * _CROSS,
    )
    top = replace(
        thing,
        centre_m=(float(over[0]), float(over[1])),
        height_m=1e-6,
        spectrum=_TOP * usual * rng.lognormal(0, 0.5) * _ROUGH,
    )
    return [wall, top]


def speckle(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Multiplicative noise of mean one, (rows, cols): LOOKS looks, alike in neighbouring pixels."""
    field = rng.standard_normal((2 * LOOKS, *shape), dtype=np.float32)
    field = gaussian_filter(field, (0, 0.75, 0.75), mode="wrap")
    power = (field**2).sum(axis=0)
    return np.asarray(power / power.mean(), dtype=np.float32)


def _weather_db(season: Season) -> Array:
    """What wet, snow and growth change of GROUND's levels (materials, 2), in decibels."""
    growth = np.array([material.growth for material in GROUND.values()])[:, None]
    wet = np.array([[1.8, 1.2]]) * season.wet
    snow = np.array([[-1.8, -1.2]]) * season.snow * (1 + season.wet)
    return np.asarray(wet + snow + np.array([[0.8, 2.5]]) * growth * season.lush)
