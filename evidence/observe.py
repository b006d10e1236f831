"""Scenes into Outcomes: the one straight line of pixels. Above this room there are only numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from evidence.checkpoint import Checkpoint
from evidence.coarse.dates import NO_TRACKS, together
from evidence.execute.executor import Executor, Lost
from evidence.execute.local import LOCAL
from evidence.execute.memory import Budget, budget_of, needed
from evidence.labels.memory import remember
from evidence.ledger import Outcome, Sighting
from imagery.alignment.frames import Frames, can_be_aligned, frame
from imagery.crop import Crop, roi_around
from imagery.errors import YardwatchError
from imagery.grid import ground_gsd, lonlat_to_pixel
from imagery.reader import Raster, SceneRaster, open_scene
from imagery.scenes import Refused, Scene
from imagery.sensors import SENSORS
from imagery.sites import Site
from imagery.tiles import Tile
from imagery.tracks import TrackFile, tracks_in_pixels
from imagery.visibility import believable, share_of_tracks
from models.detections import Detector, on_grid
from models.goods.place import read_place
from models.measurement import Skip
from models.occupancy.lattice import read_look
from models.occupancy.profile import read_profile
from models.occupancy.trains import COARSEST_M, find_trains
from models.occupancy.views import read_view
from models.wagons.colours import coloured
from models.wagons.count import count
from models.wagons.reach import reach

Pixels = NDArray[np.float64]
MARGIN_M = 150.0
"""Ground read around a footprint: what a baseline of the surroundings needs."""
MASK_SIDE = 2000
"""Longest side of the reduced read that says how much of a place is seen."""
LEAST_SEEN = 0.05
"""Below this visible share there is nothing to count."""
NO_ROOM = "memory"
"""Reason of a skip that another ``--memory`` would lift."""
_NO_ROOM = "reading it takes about {:.0f} MiB, more than --memory leaves a process; raise it"
_TRACKS_WANTED = "pixels of {:.1f} m show no single railcar; give the tracks (--site or --tracks)"


@dataclass(frozen=True, eq=False)
class Place:
    """Where to look in an image: a site, loose tracks, or everywhere."""

    site: Site | None = None
    """A watched place, where one is given."""
    tracks: TrackFile | None = None
    """Track axes without a site."""
    detector: Detector | None = None
    """Who counts here, where the place has weights of its own."""

    @property
    def id(self) -> str:
        """Site id, empty where there is none."""
        return self.site.id if self.site else ""

    def axes(self, raster: Raster) -> tuple[tuple[str, Pixels], ...]:
        """Tracks in pixels of the raster: (id, (n, 2)) each."""
        source = self.site or self.tracks
        return tracks_in_pixels(source, raster.grid) if source else ()

    def yards(self, raster: Raster, role: str = "yard") -> tuple[tuple[str, Pixels], ...]:
        """Outlines of the yards, or berths, in pixels of the raster: (id, (n, 2)) each."""
        return tuple(
            (area.id, lonlat_to_pixel(raster.grid, np.asarray(area.polygon.exterior.coords)))
            for area in (self.site.areas if self.site else ())
            if area.role == role
        )


def observe(
    scenes: Sequence[Scene],
    refused: Sequence[Refused],
    places: Sequence[Place],
    detector: Detector,
    level: float,
    checkpoint: Checkpoint,
    progress: Callable[[Scene], None] = lambda scene: None,
    executor: Executor = LOCAL,
) -> list[Outcome]:
    """Look at every scene in every place; each ends measured or skipped, none is lost.

    Args:
        scenes: What the tile folders hold.
        refused: Files that never became scenes.
        places: Sites, or one Place for loose images.
        detector: Who counts at 1.2 m or finer.
        level: Nominal coverage of the intervals.
        checkpoint: Where finished scenes are kept, so that an interrupted run goes on.
        progress: Called once a scene is done.
        executor: Looks at scenes side by side; which one it is changes no result.

    Returns:
        Outcomes, sorted by site and time.

    Raises:
        ConfigError: The executor's memory ceiling leaves nothing for a scene.
    """
    aligned = {scene.sensor for scene in scenes if can_be_aligned(scene)}
    budget = budget_of(executor.memory, len(places) * len(aligned))
    looking = Looking(tuple(scenes), tuple(places), detector, level, checkpoint, budget)
    # Coarse ones first: each costs a fortieth of a fine one, so that more of them is done sooner.
    queue = sorted(scenes, key=lambda scene: -SENSORS[scene.sensor].gsd_m)
    answers = zip(queue, executor.each(looking, queue, progress), strict=True)
    answered = {scene.id: answer for scene, answer in answers}
    sightings = [sighting for scene in scenes for sighting in _sightings(scene, answered[scene.id])]
    outcomes = [
        Outcome(str(file.path), "", "unknown", None, None, False, skip=Skip(file.reason, file.detail))
        for file in refused
    ]
    outcomes += together(sightings, level)
    outcomes = remember(outcomes, {scene.id: partial(open_scene, scene) for scene in scenes})
    return sorted(outcomes, key=lambda o: (o.site, o.taken_at.isoformat() if o.taken_at else "", o.scene_id))


@dataclass(frozen=True, eq=False)
class How:
    """What looking at a scene shares with looking at others; by default nothing."""

    frames: Frames = field(default_factory=lambda: Frames(()))
    """Other dates of each place; by default as if there were none."""
    budget: Budget = field(default_factory=Budget)
    """What the scenes in hand may take."""


@dataclass(frozen=True, eq=False)
class Looking:
    """All that looking at one scene needs, to be called with it; pickled, it travels to other processes."""

    scenes: tuple[Scene, ...]
    """Every scene of the run: a coarse date is held against others."""
    places: tuple[Place, ...]
    """See observe."""
    detector: Detector
    """See observe."""
    level: float
    """See observe."""
    checkpoint: Checkpoint
    """See observe."""
    budget: Budget
    """See How."""
    how: How = field(init=False)
    """Shared by the scenes that one process looks at."""
    kin: dict[str, str] = field(init=False)
    """Digest of what the scenes of a sensor are held against."""

    def __post_init__(self) -> None:
        frames = Frames(self.scenes)
        sensors = {scene.sensor for scene in self.scenes}
        kin = {sensor: self.checkpoint.digest(frames.kin(sensor)) for sensor in sensors}
        object.__setattr__(self, "how", How(frames, self.budget))
        object.__setattr__(self, "kin", kin)

    def __reduce__(self) -> tuple[Any, ...]:
        return Looking, tuple(getattr(self, one.name) for one in fields(self) if one.init)

    def __call__(self, scene: Scene) -> list[Sighting]:
        """What was seen before, or a look, which is kept unless there was no room for it this time."""
        kin = self.kin[scene.sensor]
        known = self.checkpoint.load(scene, kin)
        if known is None:
            known = look(scene, self.places, self.detector, self.level, self.how)
            if not any(one.outcome.skip and one.outcome.skip.reason == NO_ROOM for one in known):
                self.checkpoint.save(scene, known, kin)
        return known


def look(
    scene: Scene, places: Sequence[Place], detector: Detector, level: float, how: How | None = None
) -> list[Sighting]:
    """Open one scene and look at each place in it; by default as if there were no other."""
    how = how or How()
    base = _ended(
        scene, "outside-site", "the image covers none of the sites; check their position or the image"
    )
    try:
        with open_scene(scene) as raster:
            base = replace(base, gsd_m=round(ground_gsd(raster.grid), 3))
            sightings = [
                sighting
                for place in places
                if (sighting := _look_at(raster, place, base, detector, level, how)) is not None
            ]
            return sightings or [Sighting(base)]
    except YardwatchError as error:
        reason = getattr(error, "reason", "unusable")
        return [Sighting(replace(base, skip=Skip(reason, str(error))))]


def _ended(scene: Scene, reason: str, detail: str) -> Outcome:
    """A scene that was not measured."""
    skip = Skip(reason, detail)
    return Outcome(scene.id, "", scene.sensor, scene.taken_at, scene.gsd_m, scene.simulated, skip=skip)


def _sightings(scene: Scene, answer: list[Sighting] | Lost) -> list[Sighting]:
    if isinstance(answer, Lost):
        return [Sighting(_ended(scene, "worker-lost", f"{answer.why}; run again to try once more"))]
    return answer


def _look_at(
    raster: SceneRaster, place: Place, base: Outcome, detector: Detector, level: float, how: How
) -> Sighting | None:
    base = replace(base, site=place.id)
    if place.site and raster.grid.crs is None:
        return _skipped(
            base, "no-position", "the image has no map position, so the site cannot be found in it"
        )
    found = _view(raster, place)
    if found is None:
        return None
    view, area = found
    if not how.budget.fits(wanted := needed(view.grid, len(view.bands))):
        return _skipped(base, NO_ROOM, _NO_ROOM.format(wanted / 2**20))
    gsd, axes = ground_gsd(raster.grid), place.axes(view)
    with how.budget.room(wanted):
        match SENSORS[raster.scene.sensor].regime(gsd):
            case "single":
                sighting = _count(raster, view, axes, area, base, place.detector or detector, level)
                return _stored(sighting, place, view, level)
            case "none":
                return _skipped(base, "too-coarse", f"pixels of {gsd:.1f} m show no train; use 30 m or finer")
            case _ if not axes and not place.yards(view):
                return _skipped(base, NO_TRACKS, _TRACKS_WANTED.format(gsd))
            case _:
                return _read(view, place, base, how, level)


def _read(view: Raster, place: Place, base: Outcome, how: How, level: float) -> Sighting:
    """A coarse image of a place, to be held against its other dates."""
    tile, axes = view.read(), place.axes(view)
    framed = frame(tile, [line for _, line in axes], how.frames, place.id, partial(_place_in, place))
    by = np.array([framed.shift.dx_px, framed.shift.dy_px])
    tracks, yards = ([(id, at + by) for id, at in lines] for lines in (axes, place.yards(view)))
    base = replace(base, shift=framed.shift, given_back_px=framed.given_back_px)
    look = read_look(tile, framed.good, yards, tracks)
    if not axes:
        return Sighting(replace(base, skip=Skip(NO_TRACKS, _TRACKS_WANTED.format(tile.gsd_m))), look=look)
    if look.orbit:
        return Sighting(base, look=look)
    if tile.gsd_m <= COARSEST_M:
        others = [(other.tile, other.good) for other in framed.others]
        found = find_trains(tile, framed.good, axes, others, framed.shift, level)
        if isinstance(found, Skip):
            return Sighting(replace(base, skip=found), look=look)
        trains, measurements = found
        return Sighting(replace(base, measurements=measurements, skip=None, trains=trains), look=look)
    corridor = SENSORS[tile.scene.sensor].regime(tile.gsd_m) == "corridor"
    shown = read_view(tile, framed.good, [line for _, line in axes], framed.shift) if corridor else None
    return Sighting(base, read_profile(tile, framed.good, tracks), look, shown)


def _view(raster: SceneRaster, place: Place) -> tuple[Raster, Pixels | None] | None:
    """The image cut to a place's surroundings, and the place's outline in it; None where it is not there."""
    if place.site is None:
        return raster, None
    if raster.grid.crs is None:
        return None
    area = lonlat_to_pixel(raster.grid, np.asarray(place.site.footprint.exterior.coords))
    roi = roi_around(raster.grid, area, MARGIN_M / ground_gsd(raster.grid))
    return None if roi is None else (Crop(raster, roi), area - [roi[1].start, roi[0].start])


def _place_in(place: Place, scene: Scene, bands: Sequence[str]) -> Tile | None:
    """The place in another scene, in those of the bands that it has."""
    with open_scene(scene) as raster:
        found = _view(raster, place)
        if found is None:
            return None
        return found[0].read(bands=[band for band in bands if band in raster.bands])


def _skipped(base: Outcome, reason: str, detail: str) -> Sighting:
    return Sighting(replace(base, skip=Skip(reason, detail)))


def _count(
    raster: SceneRaster,
    view: Raster,
    axes: Sequence[tuple[str, Pixels]],
    area: Pixels | None,
    base: Outcome,
    detector: Detector,
    level: float,
) -> Sighting:
    seen = _seen_share(view, axes, area)
    if seen < LEAST_SEEN:
        return _skipped(base, "no-data", f"{seen:.0%} of the place can be seen in this image")
    lines = [line for _, line in axes]
    if (beyond := reach(view, lines)) is not None:
        return Sighting(replace(base, skip=beyond))
    found = coloured(detector.detect(view, lines), view)
    if area is not None:
        inside = shapely.contains_xy(shapely.Polygon(area), found.boxes[:, 0], found.boxes[:, 1])
        found = found.take(np.asarray(inside, dtype=bool))
    outcome = replace(
        base,
        measurements=count(found, seen, level, detector.name),
        skip=None,
        detections=on_grid(found, raster.native_grid),
    )
    return Sighting(outcome)


def _stored(sighting: Sighting, place: Place, view: Raster, level: float) -> Sighting:
    """With the goods in the place's yards and the ships at its berths; a skip stays one."""
    outcome = sighting.outcome
    if outcome.skip is not None:
        return sighting
    tracks = [line for _, line in place.axes(view)]
    found, outlines = read_place(view, place.yards(view), place.yards(view, "berth"), tracks, level)
    return replace(
        sighting, outcome=replace(outcome, measurements=(*outcome.measurements, *found), goods=outlines)
    )


def _seen_share(view: Raster, axes: Sequence[tuple[str, Pixels]], area: Pixels | None) -> float:
    rows, cols = view.grid.shape
    scale = min(1.0, MASK_SIDE / max(rows, cols))
    shape = (max(1, round(rows * scale)), max(1, round(cols * scale)))
    tile = view.read(shape=shape)
    good = believable(tile)
    factor = np.array([shape[1] / cols, shape[0] / rows])
    if axes:
        return share_of_tracks(good, tile.grid, [line * factor for _, line in axes])
    if area is None:
        return float(good.mean())
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = shapely.contains_xy(shapely.Polygon(area * factor), x + 0.5, y + 0.5)
    # What of the footprint lies outside the image is not seen either.
    pixels_in_footprint = shapely.Polygon(area * factor).area
    return float(min(1.0, good[inside].sum() / max(pixels_in_footprint, 1e-9)))
