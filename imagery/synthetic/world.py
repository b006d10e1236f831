"""A site of a scenario, ready to be painted: frame, ground, story, and what stands there in local metres."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import shapely

from imagery.sites import load_site
from imagery.synthetic.camera import Camera
from imagery.synthetic.cargo import blocks_of, top_of
from imagery.synthetic.chance import stream
from imagery.synthetic.coarse import Thing
from imagery.synthetic.eyes import SENTINEL_2
from imagery.synthetic.frame import Frame, frame_of
from imagery.synthetic.layout import Block, Colour
from imagery.synthetic.radar import LOOK_DEG, TRAINS_DIFFER, Orbit, Radar, echoes
from imagery.synthetic.scenario import Goods, Ground, Overpasses, RadarPasses, SitePlan, load_ground
from imagery.synthetic.season import Season, season_of
from imagery.synthetic.spectra import GROUND, painted, wagon_spectrum
from imagery.synthetic.story import COUPLED_M, Day, Standing, Story
from imagery.synthetic.sun import sun_position
from imagery.synthetic.terrain import CELL_M, Terrain, terrain_of

KEPT = ("B02", "B03", "B04", "B08", "B11")
"""Bands that the archive holds: enough for ground, plants, snow and covers, and it stays small."""
_HULL: Colour = (96, 52, 46)
_DECK_M = 7.0
_UNLIT = np.zeros(2)


@dataclass(frozen=True, eq=False)
class World:
    """One site of a scenario."""

    plan: SitePlan
    """What the scenario says."""
    seed: int
    """The scenario's."""
    frame: Frame
    """Local metres."""
    ground: Ground
    """What lies there."""
    terrain: Terrain
    """The same as a map of materials."""
    camera: Camera
    """The 10 m sensor over that ground."""
    radar: Radar | None
    """The radar over it, where the scenario has one."""
    story: Story
    """Who stands there when."""
    site_sha256: str
    """Of the site file that it was painted from."""

    @property
    def site(self) -> str:
        """Site id."""
        return self.frame.site.id

    def season(self, day: date) -> Season:
        """State of the ground."""
        return season_of(self.seed, self.site, day)

    def sun(self, moment: datetime) -> tuple[float, float]:
        """Azimuth and elevation of the sun."""
        lon, lat = shapely.get_coordinates(self.frame.site.footprint.centroid)[0]
        return sun_position(moment, float(lon), float(lat))

    def pose(self, wagon: Standing) -> tuple[tuple[float, float], float]:
        """Centre of a wagon in local metres and its direction, clockwise from east."""
        ends = np.array([wagon.start_m, wagon.end_m])
        a, b = self.frame.tracks.at(self.track_index(wagon.track), ends)
        return (float(a[0] + b[0]) / 2, float(a[1] + b[1]) / 2), math.degrees(
            math.atan2(b[1] - a[1], b[0] - a[0])
        )

    def track_index(self, track: str) -> int:
        """Place of a track in the site file."""
        return [one.id for one in self.frame.site.tracks].index(track)

    def roofs(self) -> list[Block]:
        """Its buildings."""
        return [
            Block(
                "roof",
                self.frame.place(roof.along_m, roof.across_m),
                (roof.length_m, roof.width_m),
                self.frame.angle_deg + roof.angle_deg,
                roof.height_m,
                roof.colour,
                seed=1000 + index,
            )
            for index, roof in enumerate(self.ground.roofs)
        ]

    def cargo(self, day: Day) -> list[Block]:
        """Goods on the ground as blocks: single containers, heaps under covers."""
        return [block for goods in day.goods for block in self._pieces(goods)]

    def ships(self, day: Day) -> list[Block]:
        """Ships at the berths."""
        return [
            Block(
                "barge",
                self.frame.place(ship.along_m, ship.across_m),
                (ship.length_m, ship.width_m),
                self.frame.angle_deg + ship.angle_deg,
                _DECK_M,
                _HULL,
                seed=index,
            )
            for index, ship in enumerate(day.ships)
        ]

    def things(self, day: Day, snow: float, sun_elevation_deg: float) -> list[Thing]:
        """Everything that stands there, for the 10 m sensor."""
        tops = [(block, painted(block.colour)) for block in (*self.roofs(), *self.ships(day))]
        tops += [(piece, top_of(goods, piece)) for goods in day.goods for piece in self._pieces(goods)]
        found = [Thing(b.centre_m, b.size_m, b.angle_deg, b.height_m, spectrum) for b, spectrum in tops]
        for wagon in day.wagons:
            centre, angle = self.pose(wagon)
            spec = replace(wagon.spec, snow=snow)
            spectrum = wagon_spectrum(spec, sun_elevation_deg)
            found.append(Thing(centre, (spec.length_m, spec.width_m), angle, spec.height_m, spectrum))
        return found

    def echoes(self, day: Day, orbit: Orbit) -> list[Thing]:
        """What all of that returns to radar; each thing the same on every date of an orbit."""
        blocks = [*self.roofs(), *self.ships(day), *self.cargo(day)]
        things = [Thing(b.centre_m, b.size_m, b.angle_deg, b.height_m, _UNLIT) for b in blocks]
        rng = stream(self.seed, self.site, orbit.number, "echoes")
        found = [part for thing in things for part in echoes(thing, orbit, rng)]
        coupled, rake, reached = ("", 0.0), 1.0, 0.0
        for wagon in day.wagons:
            if wagon.track != coupled[0] or wagon.start_m - reached > COUPLED_M:
                coupled = (wagon.track, wagon.start_m)
                rake = float(stream(self.seed, self.site, *coupled, "rake").lognormal(0, TRAINS_DIFFER))
            reached = wagon.end_m
            centre, angle = self.pose(wagon)
            spec = wagon.spec
            thing = Thing(centre, (spec.length_m, spec.width_m), angle, spec.height_m, _UNLIT)
            found += echoes(thing, orbit, stream(self.seed, self.site, wagon.track, wagon.start_m), rake)
        return found

    def _pieces(self, goods: Goods) -> list[Block]:
        return blocks_of(self.frame, goods, stream(self.seed, self.site, goods.id, "goods"))


def world_of(plan: SitePlan, seed: int) -> World:
    """Read a plan's site and ground and lay everything out.

    Raises:
        YardwatchError: The site or ground file cannot be used, or the plan does not fit the site.
    """
    site = load_site(plan.site)
    ground = load_ground(plan.ground)
    frame = frame_of(site, plan.margin_m)
    lengths = {track.id: frame.tracks.length_m(index) for index, track in enumerate(site.tracks)}
    story = Story(plan, site.id, lengths, seed)
    terrain = terrain_of(frame, ground, seed)
    bare = np.array([material.bare for material in GROUND.values()])
    eye = SENTINEL_2.only(KEPT)
    return World(
        plan=plan,
        seed=seed,
        frame=frame,
        ground=ground,
        terrain=terrain,
        radar=Radar(terrain, CELL_M, [orbit_of(one) for one in plan.radar], stream(seed, site.id, "radar"))
        if plan.radar
        else None,
        camera=Camera(terrain, bare, eye, CELL_M, stream(seed, site.id, eye.sensor)),
        story=story,
        site_sha256=hashlib.sha256(plan.site.read_bytes()).hexdigest(),
    )


def orbit_of(plan: RadarPasses) -> Orbit:
    """The geometry of a scenario's radar passes."""
    return Orbit(plan.orbit, plan.state, LOOK_DEG[plan.state], plan.incidence_deg)


def overpass_days(plan: Overpasses, seed: int, site: str) -> list[date]:
    """Days of which the archive holds a 10 m scene."""
    first = plan.first + timedelta(days=(plan.anchor - plan.first).days % plan.every_days)
    days = (first + timedelta(days=n) for n in range(0, (plan.last - first).days + 1, plan.every_days))
    return [day for day in days if day >= plan.all_from or _kept(plan, day, seed, site)]


def _kept(plan: Overpasses, day: date, seed: int, site: str) -> bool:
    share = plan.kept_in_months.get(day.month, plan.kept)
    return day in plan.sky or stream(seed, site, day, "kept").random() < share


def moment_of(day: date, at: time) -> datetime:
    """A day and a time of day as UTC."""
    return datetime.combine(day, at, tzinfo=UTC)
