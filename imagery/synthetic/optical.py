"""Dates of a simulated place through an optical sensor: season, sun, trains, air, classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.atmosphere import Plane, at_pixels
from imagery.synthetic.backdrop import CROPS
from imagery.synthetic.camera import OFFSET_FROM, Camera, Ground, Sight
from imagery.synthetic.chance import stream
from imagery.synthetic.coarse import Thing
from imagery.synthetic.eyes import Eye
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import Season, crops_of, season_of
from imagery.synthetic.spectra import BANDS
from imagery.synthetic.sun import sun_position
from imagery.synthetic.tops import Stock, draw_top
from imagery.synthetic.trains import Train, things_of
from imagery.synthetic.visit import State, Visit, along_tracks, truth_of

_OPAQUE = 0.3  # cloud this dense hides the ground


class OpticalPainter:
    """One place for one sensor: what all its dates share."""

    def __init__(self, place: SimulatedPlace, eye: Eye, rng: np.random.Generator) -> None:
        self.place, self.eye = place, eye
        own = stream(place.seed, place.site.id, eye.sensor)
        steady = float(rng.uniform(0.5, 1.3))
        self.camera = Camera(place.terrain, place.reflectance, eye, place.cell_m, own, place.restless, steady)
        self.lonlat = shapely.get_coordinates(place.site.footprint.centroid)[0]
        rows, cols = (int(side / eye.gsd_m + 1e-6) for side in place.frame.grid.shape)
        self.grid = place.frame.window((0.0, 0.0), (rows, cols), eye.gsd_m)
        self.along = along_tracks(place)

    def visit(
        self, day: date, trains: Sequence[Train], stock: Stock, sky: Sky | None, rng: np.random.Generator
    ) -> Visit:
        """One date on which these trains stand there."""
        place = self.place
        hour = 10.5 + (rng.uniform(-1.0, 0.6) if self.eye.gsd_m < 5 else 0.0) - self.lonlat[0] / 15
        moment = datetime.combine(day, time(), tzinfo=UTC) + timedelta(hours=float(hour))
        sun = sun_position(moment, float(self.lonlat[0]), float(self.lonlat[1]))
        season = season_of(place.seed, place.site.id, day, place.climate)
        lush = crops_of(place.seed, place.site.id, day, season, CROPS, place.climate)
        things = [*place.roofs, *self._clutter(rng, stock), *things_of(place, trains)]
        sight = self.camera.sight(Ground(day, season, lush, sun), things, sky, rng)
        scene = self._scene(moment, sun)
        hidden = float(((sight.air.alpha > _OPAQUE) | ~sight.inside)[self.along].mean())
        broken = sight.air.sky == "broken"
        shaded = float((sight.air.shadow > 0.5)[self.along].mean()) if broken else 0.0
        state = _state(season, sight.air.sky, max(hidden, shaded))
        truth = truth_of(place, trains, season, state, sight.shift_m, hidden, shaded)
        return Visit(scene.id, day, ArrayRaster(scene, self.grid, *self._delivered(sight)), truth)

    def _clutter(self, rng: np.random.Generator, stock: Stock) -> list[Thing]:
        """Lorries, containers and heaps beside the yard: there on one date and gone on the next."""
        layout, found = self.place.frame.tracks, []
        for _ in range(int(rng.integers(0, 6))):
            track = int(rng.integers(len(self.place.tracks_m)))
            line = layout.at(track, rng.uniform(0, layout.length_m(track)) + np.array([0.0, 1.0]))
            u = line[1] - line[0]
            centre = line[0] + np.array([-u[1], u[0]]) * rng.choice([-1, 1]) * rng.uniform(14, 60)
            if min(np.hypot(*(points - centre).T).min() for points in self.place.tracks_m) < 12:
                continue
            size = (float(rng.uniform(6, 16)), float(rng.uniform(2.4, 8)))
            angle, height = float(rng.uniform(0, 180)), float(rng.uniform(1, 4))
            top = draw_top(rng, stock)[1]
            found.append(Thing((float(centre[0]), float(centre[1])), size, angle, height, top))
        return found

    def _delivered(self, sight: Sight) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Bands and classes (bands + 1, rows, cols) on the finest pixels, and which hold data."""
        classes = sight.classes
        shape = (self.grid.shape[0], self.grid.shape[1])
        pixels = np.empty((len(self.eye.bands) + 1, *shape), dtype=np.float32)
        for index, band in enumerate(self.eye.stands_for):
            plane = np.maximum(np.round(sight.seen[BANDS[band]], 4), 1e-4)
            pixels[index] = plane if plane.shape == shape else doubled(plane)
        pixels[-1] = classes if classes.shape == shape else classes.repeat(2, axis=0).repeat(2, axis=1)
        valid = at_pixels(sight.inside.astype(np.float64), shape) > 0
        pixels[:, ~valid] = 0
        return pixels, valid

    def _scene(self, moment: datetime, sun: tuple[float, float]) -> Scene:
        eye, site = self.eye, self.place.site
        name = f"SIM_{eye.sensor}_{site.id}_{moment:%Y%m%dT%H%M%S}"
        modern = moment.date() >= OFFSET_FROM
        baseline = {"s2:processing_baseline": "04.00" if modern else "02.14"} if eye.gsd_m > 5 else {}
        return Scene(
            id=name,
            assets=(Asset(Path(f"{name}.tif"), (*eye.bands, "SCL")),),
            sensor=eye.sensor,
            taken_at=moment,
            sun_azimuth_deg=sun[0],
            sun_elevation_deg=sun[1],
            off_nadir_deg=0.0,
            simulated=True,
            properties={"title": f"SIMULATED {eye.gsd_m:g} m scene of {site.name}", **baseline},
        )


def doubled(plane: Plane) -> Plane:
    """A plane on pixels half as large, bilinearly; the outermost go on beyond the edge."""
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
        low, high = (np.take(padded, np.arange(plane.shape[axis]) + k, axis=axis) for k in (0, 2))
        pair = np.stack([0.25 * low + 0.75 * plane, 0.25 * high + 0.75 * plane], axis=axis + 1)
        plane = pair.reshape([n * (2 if k == axis else 1) for k, n in enumerate(plane.shape)])
    return plane


def _state(season: Season, sky: Sky, lost: float) -> State:
    if lost > 0.1:
        return "cloud"
    if season.snow > 0.15:
        return "snow"
    if sky in ("thin", "haze"):
        return "cirrus" if sky == "thin" else "haze"
    return "wet" if season.wet > 0.15 else "clear"
