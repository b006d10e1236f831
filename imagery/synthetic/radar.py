"""Dates of a simulated place through Sentinel-1: backscatter, double bounce, layover, shadow and speckle.

Levels are round figures in the range that C-band radar shows for such surfaces. A wagon's strength is an
assumption: nobody has published it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.chance import stream
from imagery.synthetic.coarse import Array, Thing, drawn, kernel
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import Season, season_of
from imagery.synthetic.spectra import GROUND
from imagery.synthetic.terrain import fractal
from imagery.synthetic.tops import Stock
from imagery.synthetic.trains import Train, on_line, things_of
from imagery.synthetic.visit import State, Visit, truth_of

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
_NOISE = (10**-2.4, 10**-2.6)  # of the receiver, linear
_CROSS = np.array([1.0, 0.10])  # a wall that faces the sensor returns little in VH
_ROUGH = np.array([1.0, 0.25])  # the rest of a wagon returns more
_WALL = (0.5, 9.0)  # square metres a metre of wall: at any angle, and facing the sensor on top of that
_FACING_DEG = 14.0  # how soon that fades
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
    gain: tuple[float, float]
    """Of VV and VH, linear."""


class RadarPainter:
    """One place: its orbits, and what all their dates share."""

    def __init__(self, place: SimulatedPlace) -> None:
        self.place = place
        rng = stream(place.seed, place.site.id, "sentinel-1")
        self.lonlat = shapely.get_coordinates(place.site.footprint.centroid)[0]
        self.orbits = _orbits(rng)
        rows, cols = (side // 10 for side in place.frame.grid.shape)
        self.grid = place.frame.window((0.0, 0.0), (rows, cols), GSD_M)
        site = rng.normal(0, 0.8, 2) + rng.normal(
            0, 0.8, (len(GROUND), 2)
        )  # gain of the site and its materials
        self.level_db = np.array([LEVEL_DB[name] for name in GROUND]) + site
        # What is strong or weak in one geometry stays so: rails, points, poles, walls.
        self.texture_db = {
            orbit.number: 1.3 * place.terrain.texture[0] + 1.6 * fractal(rng, place.terrain.shape, 0.6)
            for orbit in self.orbits
        }
        self.blur = tuple(kernel(n, place.cell_m, GSD_M, SPREAD_M) for n in place.terrain.shape)

    def visit(
        self, day: date, trains: Sequence[Train], stock: Stock, sky: Sky | None, rng: np.random.Generator
    ) -> Visit:
        """One date on which these trains stand there; ``stock`` and ``sky`` do not matter to radar."""
        place = self.place
        orbit = self.orbits[int(rng.integers(len(self.orbits)))]
        hour = (17.6 if orbit.state == "ascending" else 5.6) - self.lonlat[0] / 15
        moment = datetime.combine(day, time(), tzinfo=UTC) + timedelta(hours=float(hour))
        season = season_of(place.seed, place.site.id, day, place.climate)
        shift = rng.normal(0, 2.0, 2)
        echoing = [*self._roofs(orbit), *_wagons(place, trains, orbit, rng)]
        scene = self._lit(orbit, season, [*place.roofs, *things_of(place, trains)], echoing, rng)
        down, across = (
            kernel(n, place.cell_m, GSD_M, SPREAD_M, float(move))
            for n, move in zip(place.terrain.shape, shift[::-1], strict=True)
        )
        pixels = np.empty((2, *self.grid.shape), dtype=np.float32)
        for k in range(2):
            seen = (across @ (down @ scene[k]).T).T * orbit.gain[k]
            pixels[k] = (seen + _NOISE[k]) * speckle(rng, seen.shape)
        name = f"SIM_sentinel-1_{place.site.id}_{moment:%Y%m%dT%H%M%S}"
        described = self._scene(name, moment, orbit)
        state: State = "snow" if season.snow > 0.15 else "wet" if season.wet > 0.15 else "clear"
        truth = truth_of(place, trains, season, state, (float(shift[0]), float(shift[1])))
        return Visit(name, day, ArrayRaster(described, self.grid, pixels), truth)

    def _roofs(self, orbit: Orbit) -> list[Thing]:
        """Echoes of the buildings: the same on every date of an orbit."""
        rng = stream(self.place.seed, orbit.number, "roofs")
        return [part for roof in self.place.roofs for part in echoes(roof, orbit, rng)]

    def _lit(
        self,
        orbit: Orbit,
        season: Season,
        things: Sequence[Thing],
        echoing: Sequence[Thing],
        rng: np.random.Generator,
    ) -> Array:
        """Gamma nought (2, rows, cols) on the ground's cells, things on it, before blur and speckle."""
        level = (
            self.level_db + _weather_db(season) + rng.normal(0, 0.5, (len(GROUND), 1)) + rng.normal(0, 0.3)
        )
        texture = self.texture_db[orbit.number]
        kinds = self.place.terrain.material
        ground = np.stack([10 ** ((level[:, k][kinds] + texture) / 10) for k in range(2)])
        if not things:
            return ground
        flat = ground.reshape(2, -1)
        # Covered ground and ground in radar shadow return nothing; what stands there is laid over.
        toward, shape = (orbit.look_deg + 180) % 360, self.place.terrain.shape
        blank = [replace(thing, spectrum=np.zeros(2)) for thing in things]
        cells = drawn(blank, (toward, 90 - orbit.incidence_deg), shape, self.place.cell_m)
        flat[:, cells.at] += cells.contrast(flat[:, cells.at], np.zeros(2))
        lines = drawn(echoing, (toward, 89.9), shape, self.place.cell_m)
        flat[:, lines.at] += lines.tops
        return ground

    def _scene(self, name: str, moment: datetime, orbit: Orbit) -> Scene:
        return Scene(
            id=name,
            assets=(Asset(Path(f"{name}.tif"), BANDS),),
            sensor="sentinel-1-rtc",
            taken_at=moment,
            off_nadir_deg=orbit.incidence_deg,
            simulated=True,
            properties={
                "title": f"SIMULATED radar scene of {self.place.site.name}",
                "sat:relative_orbit": orbit.number,
                "sat:orbit_state": orbit.state,
            },
        )


def _wagons(
    place: SimulatedPlace, trains: Sequence[Train], orbit: Orbit, rng: np.random.Generator
) -> list[Thing]:
    """Echoes of all wagons; those of one train are alike in strength, trains differ widely."""
    found = []
    for train in trains:
        usual = float(rng.lognormal(0, 0.6))
        wagons = on_line(place.tracks_m[train.track], train)
        found += [part for wagon in wagons for part in echoes(wagon, orbit, rng, usual)]
    return found


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


def _orbits(rng: np.random.Generator) -> tuple[Orbit, ...]:
    """Two or three: at least one of each direction."""
    states = ["ascending", "descending", str(rng.choice(["ascending", "descending"]))]
    numbers = rng.choice(np.arange(1, 176), 3, replace=False)
    return tuple(
        Orbit(
            number=int(number),
            state=state,
            # It flies nearly along the meridian and looks to its right.
            look_deg=float((78.0 if state == "ascending" else 282.0) + rng.normal(0, 2)),
            incidence_deg=float(rng.uniform(31, 45)),
            gain=(float(10 ** rng.normal(0, 0.04)), float(10 ** rng.normal(0, 0.04))),
        )
        for state, number in zip(states[: int(rng.integers(2, 4))], numbers, strict=False)
    )
