"""One overpass of an optical sensor over prepared ground: light, blur, air, noise and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.atmosphere import Air, Plane, air_of, noisy, swath
from imagery.synthetic.backdrop import Backdrop
from imagery.synthetic.classes import classified, masked
from imagery.synthetic.coarse import Array, Thing, drawn
from imagery.synthetic.eyes import Eye
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import Season
from imagery.synthetic.spectra import BANDS, skylight
from imagery.synthetic.terrain import Terrain

OFFSET_FROM = date(2022, 1, 25)
"""From this day on Sentinel-2 is processed by baseline 04.00."""
REFINED_FROM = date(2021, 3, 30)
"""From this day on Sentinel-2 is placed by the global reference image."""
_BEFORE = 1.6  # times worse before that


@dataclass(frozen=True, eq=False)
class Sight:
    """What one overpass delivers."""

    seen: Mapping[str, Plane]
    """Reflectance of each band (rows, cols) on the sensor's own pixels, under the names of spectra.BANDS."""
    classes: NDArray[np.uint8]
    """(rows, cols) scene classification, at 20 m where the sensor sees shortwave infrared."""
    air: Air
    """What lay above."""
    inside: NDArray[np.bool_]
    """(rows, cols) at 10 m: inside the swath."""
    shift_m: tuple[float, float]
    """Registration error, east and south."""


@dataclass(frozen=True)
class Ground:
    """State of the ground and of the light on one day."""

    day: date
    """UTC."""
    season: Season
    """Snow and wet."""
    lush: Sequence[float]
    """Growth of each kind of crop."""
    sun: tuple[float, float]
    """Azimuth and elevation in degrees."""


class Camera:
    """One sensor over one place, on all of its dates."""

    def __init__(
        self,
        terrain: Terrain,
        reflectance: Array,
        eye: Eye,
        cell_m: float,
        rng: np.random.Generator,
        restless: float = 1.0,
        steady: float = 1.0,
    ) -> None:
        """Prepare what all dates share.

        Args:
            terrain: Materials and textures.
            reflectance: (materials, 10) of GROUND's materials here, dry and without growth.
            eye: The sensor.
            cell_m: Side of a terrain cell.
            rng: Source of what is the same on all dates.
            restless: How much ground and light change from date to date; 1 is usual.
            steady: Registration errors are as many times the sensor's usual ones.
        """
        self.eye, self.restless, self.shift_m = eye, restless, eye.shift_m * steady
        self.backdrop = Backdrop(terrain, reflectance, eye, cell_m, rng)
        rows, cols = terrain.shape
        self.ten = (round(rows * cell_m) // 10, round(cols * cell_m) // 10)
        # The new processing is not quite the old one.
        self._change = rng.normal(0, 0.008, len(BANDS)), rng.normal(0, 0.0015, len(BANDS))

    def sight(
        self, ground: Ground, things: Sequence[Thing], sky: Sky | None, rng: np.random.Generator
    ) -> Sight:
        """One overpass.

        Args:
            ground: State of the ground.
            things: What stands on it.
            sky: Weather; left to chance if None.
            rng: Source of all that differs between dates.
        """
        eye, bands, sun = self.eye, list(self.eye.stands_for), ground.sun
        modern = ground.day >= REFINED_FROM or eye.sensor != "sentinel-2-l2a"
        spread = self.shift_m * (1.0 if modern else _BEFORE)
        shift = np.clip(rng.normal(0, spread, 2), -eye.most_shift_m, eye.most_shift_m)
        season = ground.season
        look = self.backdrop.look(ground.lush, season.snow, season.wet, self.restless, rng)
        shifts = shift + rng.normal(0, eye.band_shift_m, (len(bands), 2))
        cells = drawn(things, sun, self.backdrop.shape, self.backdrop.cell_m).of(bands) if things else None
        seen = self.backdrop.seen(look, shifts, cells, skylight(sun[1])[bands])
        month = ground.day.month
        air = air_of(rng, month, self.ten, *sun, sky=sky, gain=eye.gain, band_gain=eye.band_gain)
        seen = noisy(self._processed(air.through(seen), ground.day), rng, eye.floor, eye.shot)
        classes = classified(seen, air, rng) if "B11" in seen else masked(seen, air, rng)
        return Sight(seen, classes, air, swath(rng, self.ten), (float(shift[0]), float(shift[1])))

    def _processed(self, seen: Mapping[str, Plane], day: date) -> dict[str, Plane]:
        if self.eye.sensor != "sentinel-2-l2a" or day < OFFSET_FROM:
            return dict(seen)
        gain, offset = self._change
        places = {band: BANDS.index(band) for band in seen}
        return {band: plane * (1 + gain[places[band]]) + offset[places[band]] for band, plane in seen.items()}
