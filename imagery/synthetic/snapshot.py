"""One overpass of the 10 m sensor over a world: the stored numbers, and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.synthetic.atmosphere import Air, at_pixels
from imagery.synthetic.backdrop import CROPS
from imagery.synthetic.camera import OFFSET_FROM, Ground
from imagery.synthetic.chance import stream
from imagery.synthetic.scenario import RadarPasses
from imagery.synthetic.season import crops_of
from imagery.synthetic.world import World, moment_of, orbit_of

POWER = 5e-4
"""Gamma nought of a stored one: steps far below speckle."""
STEP = 25
"""Stored numbers are rounded to this, a quarter of a percent: about the noise, and files stay small."""


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
    sun, season = world.sun(moment), world.season(day)
    lush = crops_of(world.seed, world.site, day, season, CROPS)
    things = world.things(world.story.on(day), season.snow, sun[1])
    sight = world.camera.sight(Ground(day, season, lush, sun), things, plan.sky.get(day), rng)
    offset = 1000 if day >= OFFSET_FROM else 0
    classes = sight.classes
    classes[at_pixels(sight.inside.astype(np.float64), classes.shape) < 1] = 0
    return Snapshot(
        moment=moment,
        numbers={band: _stored(plane, offset, sight.inside) for band, plane in sight.seen.items()},
        classes=classes,
        offset=offset,
        sun=sun,
        shift_m=sight.shift_m,
        air=sight.air,
        inside=sight.inside,
    )


@dataclass(frozen=True, eq=False)
class Sounding:
    """One radar scene."""

    moment: datetime
    """UTC."""
    numbers: NDArray[np.uint16]
    """(2, rows, cols) VV and VH: gamma nought over POWER, 0 where there is no data."""
    shift_m: tuple[float, float]
    """Registration error, east and south."""


def sounding(world: World, day: date, passes: RadarPasses) -> Sounding:
    """Paint one radar overpass; what stands there is as in the optical scenes."""
    if world.radar is None:
        raise InputError(f"the scenario has no radar at {world.site}")
    orbit, story = orbit_of(passes), world.story.on(day)
    rng = stream(world.seed, world.site, day, orbit.number, "radar")
    season = world.season(day)
    standing = world.things(story, season.snow, 45.0)
    seen, shift = world.radar.seen(orbit, season, standing, world.echoes(story, orbit), rng)
    numbers = np.clip(np.rint(seen / POWER), 1, 65535).astype(np.uint16)
    return Sounding(moment_of(day, passes.at), numbers, shift)


def _stored(plane: NDArray[np.float64], offset: int, inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    numbers: NDArray[np.uint16] = np.clip(np.rint(plane * 1e4 / STEP) * STEP + offset, 1, 20000).astype(
        np.uint16
    )
    numbers[at_pixels(inside.astype(np.float64), plane.shape) < 1] = 0
    return numbers
