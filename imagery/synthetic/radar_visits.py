"""Dates of a simulated place through Sentinel-1, each with what is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import shapely

from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.chance import stream
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.radar import BANDS, GSD_M, LOOK_DEG, TRAINS_DIFFER, Orbit, Radar, echoes
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import season_of
from imagery.synthetic.tops import Stock
from imagery.synthetic.trains import Train, on_line, things_of
from imagery.synthetic.visit import State, Visit, truth_of


class RadarPainter:
    """One simulated place by radar: its orbits, and what all their dates share."""

    def __init__(self, place: SimulatedPlace) -> None:
        self.place = place
        rng = stream(place.seed, place.site.id, "sentinel-1")
        self.lonlat = shapely.get_coordinates(place.site.footprint.centroid)[0]
        self.orbits = _orbits(rng)
        self.radar = Radar(place.terrain, place.cell_m, self.orbits, rng)
        rows, cols = (side // 10 for side in place.frame.grid.shape)
        self.grid = place.frame.window((0.0, 0.0), (rows, cols), GSD_M)

    def visit(
        self, day: date, trains: Sequence[Train], stock: Stock, sky: Sky | None, rng: np.random.Generator
    ) -> Visit:
        """One date on which these trains stand there; ``stock`` and ``sky`` do not matter to radar."""
        place = self.place
        orbit = self.orbits[int(rng.integers(len(self.orbits)))]
        hour = (17.6 if orbit.state == "ascending" else 5.6) - self.lonlat[0] / 15
        moment = datetime.combine(day, time(), tzinfo=UTC) + timedelta(hours=float(hour))
        season = season_of(place.seed, place.site.id, day, place.climate)
        standing = [*place.roofs, *things_of(place, trains)]
        # Buildings return the same on every date of an orbit.
        walls = stream(place.seed, orbit.number, "roofs")
        echoing = [part for roof in place.roofs for part in echoes(roof, orbit, walls)]
        for train in trains:
            usual = float(rng.lognormal(0, TRAINS_DIFFER))
            wagons = on_line(place.tracks_m[train.track], train)
            echoing += [part for wagon in wagons for part in echoes(wagon, orbit, rng, usual)]
        pixels, shift = self.radar.seen(orbit, season, standing, echoing, rng)
        name = f"SIM_sentinel-1_{place.site.id}_{moment:%Y%m%dT%H%M%S}"
        described = self._scene(name, moment, orbit)
        state: State = "snow" if season.snow > 0.15 else "wet" if season.wet > 0.15 else "clear"
        truth = truth_of(place, trains, season, state, shift)
        return Visit(name, day, ArrayRaster(described, self.grid, pixels), truth)

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


def _orbits(rng: np.random.Generator) -> tuple[Orbit, ...]:
    """Two or three: at least one of each direction."""
    states = ["ascending", "descending", str(rng.choice(["ascending", "descending"]))]
    numbers = rng.choice(np.arange(1, 176), 3, replace=False)
    return tuple(
        Orbit(
            number=int(number),
            state=state,
            look_deg=float(LOOK_DEG[state] + rng.normal(0, 2)),
            incidence_deg=float(rng.uniform(31, 45)),
            gain=(float(10 ** rng.normal(0, 0.04)), float(10 ** rng.normal(0, 0.04))),
        )
        for state, number in zip(states[: int(rng.integers(2, 4))], numbers, strict=False)
    )
