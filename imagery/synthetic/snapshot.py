"""One overpass of the 10 m sensor over a world: the stored numbers, and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.atmosphere import Air, air_of, at_pixels, noisy, swath
from imagery.synthetic.chance import stream
from imagery.synthetic.classes import classified
from imagery.synthetic.coarse import lit_scene, sense
from imagery.synthetic.world import World, moment_of

KEPT = ("B02", "B03", "B04", "B08", "B11")
"""Bands that the archive holds: enough for ground, plants, snow and covers, and it stays small."""
OFFSET_FROM = date(2022, 1, 25)
"""From this day on the processing adds 1000 to the stored numbers (baseline 04.00)."""
STEP = 20
"""Stored numbers are rounded to this: 0.2 % of reflectance, about the noise; it keeps files small."""
_SHIFT_M = 2.5  # registration error, standard deviation


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One 10 m scene."""

    moment: datetime
    """UTC."""
    numbers: dict[str, NDArray[np.uint16]]
    """Each band (rows, cols) at 10 or 20 m, 0 where there is no data."""
    classes: NDArray[np.uint8]
    """(rows, cols) scene classification at 20 m, 0 where there is no data."""
    offset: int
    """What was added to reflectance x 10000."""
    sun: tuple[float, float]
    """Azimuth and elevation in degrees."""
    shift_m: tuple[float, float]
    """Registration error, east and south."""
    air: Air
    """What lay above."""
    inside: NDArray[np.bool_]
    """(rows, cols) at 10 m: inside the swath."""


def snapshot(world: World, day: date) -> Snapshot:
    """Paint one overpass; nothing but the scenario, the site and the day decides what comes out."""
    plan = world.plan.coarse
    rng = stream(world.seed, world.site, day, "overpass")
    moment = moment_of(day, plan.at)
    sun = world.sun(moment)
    season = world.season(day)
    ground = world.terrain.reflectance(season, stream(world.seed, world.site, day.year, "parcels"))
    scene = lit_scene(ground, world.things(world.story.on(day), season.snow, sun[1]), *sun)
    shift = (float(rng.normal(0, _SHIFT_M)), float(rng.normal(0, _SHIFT_M)))
    seen = sense(scene, shift, rng, KEPT)
    shape = seen["B02"].shape
    air = air_of(rng, day.month, (shape[0], shape[1]), *sun, sky=plan.sky.get(day))
    seen = noisy(air.through(seen), rng)
    inside = swath(rng, (shape[0], shape[1]))
    offset = 1000 if day >= OFFSET_FROM else 0
    classes = classified(seen, air, rng)
    classes[at_pixels(inside.astype(np.float64), classes.shape) < 1] = 0
    return Snapshot(
        moment=moment,
        numbers={band: _stored(seen[band], offset, inside) for band in KEPT},
        classes=classes,
        offset=offset,
        sun=sun,
        shift_m=shift,
        air=air,
        inside=inside,
    )


def _stored(plane: NDArray[np.float64], offset: int, inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    numbers: NDArray[np.uint16] = np.clip(np.rint(plane * 1e4 / STEP) * STEP + offset, 1, 20000).astype(
        np.uint16
    )
    numbers[at_pixels(inside.astype(np.float64), plane.shape) < 1] = 0
    return numbers
