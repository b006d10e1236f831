"""Dates of a simulated place through an optical sensor: season, sun, trains, air, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.atmosphere import Plane, air_of, at_pixels, noisy, swath
from imagery.synthetic.backdrop import CROPS, Backdrop
from imagery.synthetic.chance import stream
from imagery.synthetic.classes import classified, masked
from imagery.synthetic.coarse import Thing, drawn
from imagery.synthetic.eyes import Eye
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import Season, growth, season_of
from imagery.synthetic.spectra import BANDS, skylight
from imagery.synthetic.sun import sun_position
from imagery.synthetic.tops import Stock, draw_top
from imagery.synthetic.trains import Train, things_of
from imagery.synthetic.visit import State, Visit, along_tracks, truth_of

OFFSET_FROM = date(2022, 1, 25)
"""From this day on Sentinel-2 is processed by baseline 04.00."""
REFINED_FROM = date(2021, 3, 30)
"""From this day on Sentinel-2 is placed by the global reference image."""
_BEFORE = 1.6  # times worse before that
_OPAQUE = 0.3  # cloud this dense hides the ground


class OpticalPainter:
    """One place for one sensor: what all its dates share."""

    def __init__(self, place: SimulatedPlace, eye: Eye, rng: np.random.Generator) -> None:
        self.place, self.eye = place, eye
        own = stream(place.seed, place.site.id, eye.sensor)
        self.backdrop = Backdrop(place.terrain, place.reflectance, eye, place.cell_m, own)
        self.lonlat = shapely.get_coordinates(place.site.footprint.centroid)[0]
        rows, cols = (int(side / eye.gsd_m + 1e-6) for side in place.frame.grid.shape)
        self.grid = place.frame.window((0.0, 0.0), (rows, cols), eye.gsd_m)
        self.ten = (place.frame.grid.shape[0] // 10, place.frame.grid.shape[1] // 10)
        self.along = along_tracks(place)
        # The new processing is not quite the old one.
        self.change = own.normal(0, 0.008, len(BANDS)), own.normal(0, 0.0015, len(BANDS))
        self.shift_m = eye.shift_m * rng.uniform(0.5, 1.3)

    def visit(
        self, day: date, trains: Sequence[Train], stock: Stock, sky: Sky | None, rng: np.random.Generator
    ) -> Visit:
        """One date on which these trains stand there."""
        place, eye = self.place, self.eye
        hour = 10.5 + (rng.uniform(-1.0, 0.6) if eye.gsd_m < 5 else 0.0) - self.lonlat[0] / 15
        moment = datetime.combine(day, time(), tzinfo=UTC) + timedelta(hours=float(hour))
        sun = sun_position(moment, float(self.lonlat[0]), float(self.lonlat[1]))
        season = season_of(place.seed, place.site.id, day, place.climate)
        spread = self.shift_m * (_BEFORE if day < REFINED_FROM and eye.gsd_m > 5 else 1.0)
        shift = np.clip(rng.normal(0, spread, 2), -eye.most_shift_m, eye.most_shift_m)
        things = [*place.roofs, *self._clutter(rng, stock), *things_of(place, trains)]
        seen = self._ground(day, season, things, sun, shift, rng)
        air = air_of(rng, day.month, self.ten, *sun, sky=sky, gain=eye.gain, band_gain=eye.band_gain)
        seen = noisy(self._processed(air.through(seen), day), rng, eye.floor, eye.shot)
        classes = classified(seen, air, rng) if "B11" in seen else masked(seen, air, rng)
        inside = swath(rng, self.ten)
        scene = self._scene(moment, sun)
        raster = ArrayRaster(scene, self.grid, *self._delivered(seen, classes, inside))
        hidden = float(((air.alpha > _OPAQUE) | ~inside)[self.along].mean())
        shaded = float((air.shadow > 0.5)[self.along].mean()) if air.sky == "broken" else 0.0
        state = _state(season, air.sky, max(hidden, shaded))
        place_error = (float(shift[0]), float(shift[1]))
        truth = truth_of(place, trains, season, state, place_error, hidden, shaded)
        return Visit(scene.id, day, raster, truth)

    def _ground(
        self,
        day: date,
        season: Season,
        things: Sequence[Thing],
        sun: tuple[float, float],
        shift: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> dict[str, Plane]:
        """Each band as it leaves the ground, through the sensor's blur."""
        eye, bands = self.eye, list(self.eye.stands_for)
        look = self.backdrop.look(self._lush(day, season), season.snow, season.wet, self.place.restless, rng)
        shifts = shift + rng.normal(0, eye.band_shift_m, (len(bands), 2))
        cells = drawn(things, sun, self.backdrop.shape, self.place.cell_m) if things else None
        if cells is not None:
            cells = cells.of(bands)
        return self.backdrop.seen(look, shifts, cells, skylight(sun[1])[bands])

    def _lush(self, day: date, season: Season) -> list[float]:
        """Growth of each kind of crop: the first follows the season, others are sown in other weeks."""
        rng = stream(self.place.seed, day.year, "crops")
        climate, n = self.place.climate, day.timetuple().tm_yday
        late = rng.normal(0, 25, (CROPS - 1, 2))
        tops = rng.uniform(0.6, 1.0, CROPS - 1)
        crops = [
            float(top * growth(n, climate.green_up + up, climate.senescence + down))
            for top, (up, down) in zip(tops, late, strict=True)
        ]
        return [season.lush, *crops]

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

    def _processed(self, seen: Mapping[str, Plane], day: date) -> dict[str, Plane]:
        if self.eye.sensor != "sentinel-2-l2a" or day < OFFSET_FROM:
            return dict(seen)
        gain, offset = self.change
        places = {band: BANDS.index(band) for band in seen}
        return {band: plane * (1 + gain[places[band]]) + offset[places[band]] for band, plane in seen.items()}

    def _delivered(
        self, seen: Mapping[str, Plane], classes: NDArray[np.uint8], inside: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Bands and classes (bands + 1, rows, cols) on the finest pixels, and which hold data."""
        shape = (self.grid.shape[0], self.grid.shape[1])
        pixels = np.empty((len(self.eye.bands) + 1, *shape), dtype=np.float32)
        for index, band in enumerate(self.eye.stands_for):
            plane = np.maximum(np.round(seen[BANDS[band]], 4), 1e-4)
            pixels[index] = plane if plane.shape == shape else doubled(plane)
        pixels[-1] = classes if classes.shape == shape else classes.repeat(2, axis=0).repeat(2, axis=1)
        valid = at_pixels(inside.astype(np.float64), shape) > 0
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
