"""One picture of single wagons over a world, through the painter of yards."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime

import cv2
import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.synthetic.chance import stream
from imagery.synthetic.frame import leads
from imagery.synthetic.layout import Layout, Surface
from imagery.synthetic.light import Light
from imagery.synthetic.paint import Painted, paint
from imagery.synthetic.sensor import Optics
from imagery.synthetic.spectra import GROUND
from imagery.synthetic.terrain import CELL_M
from imagery.synthetic.wagons import Placed
from imagery.synthetic.world import World, moment_of

_LEAST_M2 = 60.0  # surfaces smaller than this are not told apart
_DRY = 0.35  # below this growth, fields and meadows are bare


@dataclass(frozen=True, eq=False)
class Closeup:
    """One picture and where it lies."""

    moment: datetime
    """UTC."""
    painted: Painted
    """The picture and its wagons."""
    grid: GeoBox
    """Of the picture."""
    sun: tuple[float, float]
    """Azimuth and elevation in degrees."""
    off_nadir_deg: float
    """Of the view."""


def closeup(world: World, day: date) -> Closeup:
    """Paint the picture of one day.

    Raises:
        InputError: The scenario plans no such pictures for this site.
    """
    plan = world.plan.fine
    if plan is None:
        raise InputError(f"{world.site}: the scenario plans no pictures of single wagons")
    corners = np.array([world.frame.place(a, b) for a in plan.along_m for b in plan.across_m])
    left, top = np.floor(corners.min(axis=0) / 10) * 10
    right, bottom = np.ceil(corners.max(axis=0) / 10) * 10
    shape = round((bottom - top) / plan.gsd_m), round((right - left) / plan.gsd_m)
    rng = stream(world.seed, world.site, day, "closeup")
    moment = moment_of(day, plan.at)
    azimuth, elevation = world.sun(moment)
    lean, way = rng.uniform(0.0, 0.2), rng.uniform(0, 2 * math.pi)
    season = world.season(day)
    painted = paint(
        layout_of(world, day),
        [
            Placed(world.track_index(w.track), w.start_m, replace(w.spec, snow=season.snow))
            for w in world.story.on(day).wagons
        ],
        Light(azimuth, elevation, ambient=float(rng.uniform(0.18, 0.28)), haze=float(rng.uniform(0.0, 0.06))),
        Optics(
            gsd_m=plan.gsd_m,
            blur_px=float(rng.uniform(0.5, 0.75)),
            lean=(lean * math.cos(way), lean * math.sin(way)),
            noise=float(rng.uniform(1.0, 2.0)),
        ),
        rng,
        shape,
        (float(left), float(top)),
    )
    grid = world.frame.window((float(left), float(top)), shape, plan.gsd_m)
    return Closeup(moment, painted, grid, (azimuth, elevation), math.degrees(math.atan(lean)))


def layout_of(world: World, day: date) -> Layout:
    """The site as the painter wants it: the same ground on each day but for growth, snow, cargo and ships."""
    season, today = world.season(day), world.story.on(day)
    return Layout(
        tracks_m=world.frame.tracks.tracks_m,
        extent_m=world.frame.tracks.extent_m,
        links_m=leads(world.frame, world.ground.leads_m),
        surfaces=_surfaces(world, dry=season.lush < _DRY),
        blocks=(*world.roofs(), *world.cargo(today), *world.ships(today)),
        soil="soil" if season.lush < _DRY else "grass",
        overgrowth=0.05 + 0.2 * season.lush,
        snow=season.snow,
        seed=world.seed,
    )


def _surfaces(world: World, dry: bool) -> tuple[Surface, ...]:
    """Outlines of the terrain's areas, larger ones first: what lies within another is painted over it."""
    found: list[tuple[float, Surface]] = []
    for index, name in enumerate(GROUND):
        mask = (world.terrain.material == index).astype(np.uint8)
        for contour in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            middles = cv2.approxPolyDP(contour, 0.8, True)[:, 0].astype(np.float64)  # of the outermost cells
            if len(middles) < 3:
                continue
            outline = shapely.Polygon((middles + 0.5) * CELL_M).buffer(CELL_M / 2, join_style="mitre")
            if isinstance(outline, shapely.Polygon) and outline.area > _LEAST_M2:
                look = "soil" if dry and name in ("grass", "field") else name
                corners = shapely.get_coordinates(outline.exterior)
                found.append((outline.area, Surface(corners, look)))
    return tuple(surface for _, surface in sorted(found, key=lambda pair: -pair[0]))
