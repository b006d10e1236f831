"""Simulated dates with what is true of them: what the net learns from and what it is tried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.alignment.align import Shift, no_shift
from imagery.alignment.frames import Frames, frame
from imagery.errors import InputError
from imagery.scenes import Scene
from imagery.synthetic.places import SimulatedPlace, random_place
from imagery.synthetic.tops import Stock
from imagery.synthetic.visits import Visit, regular_days, typical_cars, visits
from imagery.tiles import Tile
from imagery.tracks import tracks_in_pixels
from imagery.visibility import believable
from imagery.whole import written
from models.measurement import PASS, Skip
from models.occupancy.corridor import Corridor, Rails
from models.occupancy.differ import Difference, differences
from models.occupancy.gate import gate
from models.occupancy.intervals import Trial
from models.occupancy.reading import Reading
from models.occupancy.views import View, read_view

SPAN = date(2018, 10, 1), date(2023, 12, 31)
"""Dates are drawn from these five years."""
SEASON_DAYS = 150
"""All dates of a place lie in one stretch of the year of this length, so that few of them lie as dense in
season as a whole archive does."""
_GAP_M = 1.1  # a coupled wagon takes half of the gap at each end
_PLANES = ("residual", "spread", "usual", "shade")
_SHARED = ("metres", "cover")
_BY_DATE = ("truth", "filled_m", "cars", "group", "share", "shadow")


@dataclass(frozen=True)
class Wanted:
    """Some visits of a place."""

    count: int
    """How many dates."""
    stock: Stock = "known"
    """Which tops wagons have."""
    cars: tuple[int, int] | None = None
    """Wagons are drawn evenly from here, both ends inside; None: ordinary traffic, 0 to 20."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """Dates of one simulated place."""

    dates: tuple[Difference, ...]
    """As an estimator sees them."""
    truth: NDArray[np.float32]
    """(dates, height, length) filled metres of track in each pixel, blurred as metres are."""
    filled_m: NDArray[np.float64]
    """(dates,) filled metres of all tracks."""
    cars: NDArray[np.int64]
    """(dates,) wagons."""
    group: NDArray[np.int64]
    """(dates,) index of what was wanted; 0 is the ordinary traffic that baselines are made of."""
    share: NDArray[np.bool_]
    """(dates, pieces) which pieces of the rails are filled."""
    shadow: NDArray[np.float64]
    """(dates, 2) as in View."""
    rails: Rails
    """The tracks in pixels of the image."""
    corridor: Corridor
    """Which pixels of the image the planes hold."""
    shape: tuple[int, int]
    """(rows, cols) of the image."""

    def __len__(self) -> int:
        return len(self.dates)

    def take(self, keep: NDArray[np.bool_]) -> Lessons:
        """The dates where ``keep`` is true."""
        dates = tuple(one for one, kept in zip(self.dates, keep, strict=True) if kept)
        return replace(
            self,
            dates=dates,
            **{name: getattr(self, name)[keep] for name in _BY_DATE},
        )


@dataclass(frozen=True, eq=False)
class Seen:
    """One visit as an estimator is given it."""

    group: int
    """Index of what was wanted."""
    visit: Visit
    """With its truth."""
    tile: Tile
    """The image."""
    good: NDArray[np.bool_]
    """(rows, cols) which pixels can be believed."""
    lines: tuple[NDArray[np.float64], ...]
    """Tracks in pixels, where the site says."""
    shift: Shift
    """Where the image lies."""

    @property
    def view(self) -> View:
        """What is kept of it."""
        view = read_view(self.tile, self.good, self.lines, self.shift)
        assert view is not None  # a visit shows its tracks
        return view


def lessons_of(
    place: SimulatedPlace, rng: np.random.Generator, wanted: Sequence[Wanted], measured: bool = True
) -> Lessons:
    """Visit a place and hold its dates against each other; see seen_at."""
    found = [(one.group, one.visit, one.view) for one in seen_at(place, rng, wanted, measured)]
    views = [view for _, _, view in found]
    results = differences(views, np.array([group == 0 for group, _, _ in found]))
    kept = [
        (group, visit, one)
        for (group, visit, _), one in zip(found, results, strict=True)
        if not isinstance(one, Skip)
    ]
    rails = Rails.of(views[0].lines_px, views[0].metres_px)
    shape = views[0].pixels.shape[1], views[0].pixels.shape[2]
    corridor = Corridor.of(rails, shape)
    shares = [taken(place, visit, rails) for _, visit, _ in kept]
    shadows = {view.scene_id: view.shadow for view in views}
    return Lessons(
        tuple(one for _, _, one in kept),
        np.array([filled_plane(rails, corridor, shape, share) for share in shares]),
        np.array([visit.truth.occupied_track_m for _, visit, _ in kept]),
        np.array([visit.truth.railcars for _, visit, _ in kept], dtype=np.int64),
        np.array([group for group, _, _ in kept], dtype=np.int64),
        np.array(shares),
        np.array([shadows[one.scene_id] for _, _, one in kept]),
        rails,
        corridor,
        shape,
    )


def filled_plane(
    rails: Rails, corridor: Corridor, shape: tuple[int, int], share: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Filled metres of track in each pixel (height, length) of a corridor, blurred as metres are."""
    return np.nan_to_num(corridor.take(rails.metres(shape, share.astype(np.float64)).astype(np.float32)))


def seen_at(
    place: SimulatedPlace, rng: np.random.Generator, wanted: Sequence[Wanted], measured: bool = True
) -> Iterator[Seen]:
    """Visit a place.

    Args:
        place: Where.
        rng: Source of randomness.
        wanted: Visits; only those of the first kind are anyone's baseline.
        measured: Shifts are measured as in a run; else they are the true ones with a usual error, which is
            faster.
    """
    start = int(rng.integers(365))
    days = [day for day in regular_days(*SPAN) if (day.timetuple().tm_yday - start) % 365 < SEASON_DAYS]
    found = [(group, visit) for group, part in enumerate(wanted) for visit in _visit(place, rng, part, days)]
    rasters = {visit.raster.scene.id: visit.raster for _, visit in found}
    frames = Frames([raster.scene for raster in rasters.values()] if measured else ())

    def look(scene: Scene, bands: Sequence[str]) -> Tile:
        raster = rasters[scene.id]
        return raster.read(bands=[band for band in bands if band in raster.bands])

    lines = tuple(line for _, line in tracks_in_pixels(place.site, found[0][1].raster.grid))
    for group, visit in found:
        tile = visit.raster.read()
        if measured:
            framed = frame(tile, lines, frames, place.site.id, look)
            yield Seen(group, visit, tile, framed.good, lines, framed.shift)
        else:
            shift = _usual_shift(visit, tile.gsd_m, rng)
            yield Seen(group, visit, tile, believable(tile), lines, shift)


def _visit(
    place: SimulatedPlace, rng: np.random.Generator, wanted: Wanted, all_days: Sequence[date]
) -> Iterator[Visit]:
    if wanted.count > len(all_days):
        raise InputError(f"{wanted.count} dates are wanted, the season has {len(all_days)} overpasses")
    chosen = np.sort(rng.choice(len(all_days), wanted.count, replace=False))
    days = [all_days[k] for k in chosen]
    if wanted.cars is None:
        return visits(place, rng, days, wanted.stock, typical_cars)
    low, high = wanted.cars
    return visits(place, rng, days, wanted.stock, rng.integers(low, high + 1, len(days)).tolist())


def _usual_shift(visit: Visit, gsd_m: float, rng: np.random.Generator) -> Shift:
    """As a run would find it: off by some hundredths of a pixel, not found under cloud."""
    if rng.random() < 0.15 + 0.6 * visit.truth.hidden_share:
        return no_shift("not found")
    east, south = np.array(visit.truth.registration_m) / gsd_m + rng.normal(0, 0.04, 2)
    return Shift(float(east), float(south), 1.0, 1.0, True, "true but for a usual error", 0.05)


def taken(place: SimulatedPlace, visit: Visit, rails: Rails) -> NDArray[np.bool_]:
    """Which pieces of the rails carry a train, (pieces,)."""
    share = np.zeros(len(rails.at_m), dtype=bool)
    for index, track in enumerate(place.site.tracks):
        at = rails.at_m
        for train in visit.truth.segments[track.id]:
            low, high = train.start_m - _GAP_M / 2, train.end_m + _GAP_M / 2
            share |= (rails.track == index) & (at >= low) & (at <= high)
    return share


def school(
    folder: Path, seed: int, count: int, wanted: Sequence[Wanted], measured: bool
) -> Iterator[Lessons]:
    """Lessons of random places, each kept in ``folder`` once made.

    Place k of a seed is the same whatever else is made: places of different seeds are different places.
    """
    for k in range(count):
        path = folder / f"place-{k:03d}.npz"
        if not path.exists():
            rng = np.random.default_rng([seed, k])
            save(lessons_of(random_place(rng), rng, wanted, measured), path)
        yield load(path)


def tried(lessons: Lessons, readings: Sequence[Reading]) -> list[Trial]:
    """Readings of lessons beside the truth."""
    return [
        Trial(reading, gate(one) == PASS, float(true_m), int(cars))
        for one, reading, true_m, cars in zip(
            lessons.dates, readings, lessons.filled_m, lessons.cars, strict=True
        )
    ]


def save(lessons: Lessons, path: Path) -> None:
    """Keep lessons in one file, whole or not there."""
    dates = lessons.dates
    arrays: dict[str, NDArray[Any]] = {
        name: np.stack([getattr(one, name) for one in dates]).astype(np.float16) for name in _PLANES
    }
    arrays |= {name: getattr(dates[0], name) for name in _SHARED}
    for field in fields(Difference):
        if field.name not in arrays:
            arrays[field.name] = np.array([getattr(one, field.name) for one in dates])
    arrays |= {f"of_{name}": getattr(lessons, name) for name in (*_BY_DATE, "shape")}
    arrays["of_truth"] = arrays["of_truth"].astype(np.float16)
    for part in ("rails", "corridor"):
        noun = getattr(lessons, part)
        arrays |= {f"{part}_{field.name}": np.array(getattr(noun, field.name)) for field in fields(noun)}
    with written(path) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> Lessons:
    """Lessons kept by save; pixels are rounded to half precision."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    planes = {name: arrays[name].astype(np.float32) for name in _PLANES}
    scalars = [field.name for field in fields(Difference) if field.name not in (*_PLANES, *_SHARED)]
    dates = tuple(
        Difference(
            **{name: plane[k] for name, plane in planes.items()},
            **{name: arrays[name] for name in _SHARED},
            **{name: arrays[name][k].item() for name in scalars},
        )
        for k in range(len(arrays["scene_id"]))
    )
    rails = {field.name: arrays[f"rails_{field.name}"] for field in fields(Rails)}
    rails["metres_px"] = tuple(rails["metres_px"].tolist())
    return Lessons(
        dates,
        **{name: arrays[f"of_{name}"] for name in _BY_DATE if name != "truth"},
        truth=arrays["of_truth"].astype(np.float32),
        rails=Rails(**rails),
        corridor=Corridor(*(arrays[f"corridor_{field.name}"] for field in fields(Corridor))),
        shape=(int(arrays["of_shape"][0]), int(arrays["of_shape"][1])),
    )
