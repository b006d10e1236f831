"""What is known of each day at a site: one state a sensor and day, so that no day is silently empty."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.errors import InputError, UnreadableError
from imagery.fetching.ledger import LEDGER, Entry, Request, Search, read_ledger
from imagery.fetching.revisit import Pass, expected_days
from imagery.grid import lonlat_to_pixel
from imagery.period import Period
from imagery.reader import open_scene
from imagery.scenes import Asset, Scene
from imagery.sites import Site, load_site
from imagery.visibility import CLOUDED, SNOW, believable

DayState = Literal["measured", "failed", "snow", "clouded", "rejected", "out-of-swath", "missing", "no-pass"]
STATES: tuple[DayState, ...] = get_args(DayState)
"""Of several pictures of one day the first of these counts: a failure, to be mended, before a cloud."""
MIN_SEEN = 0.6
"""Least share of the place that must be seen for a day to count as measured."""
MAX_POINTS = 20_000
_ALONG_M = 5.0
_MISSING, _CLOUDED, _SNOW, _CLEAR = range(4)


@dataclass(frozen=True)
class Day:
    """One sensor at one site on one day."""

    site: str
    """Site id."""
    sensor: str
    """Key of the sensor."""
    day: date
    """Local day by the sun."""
    state: DayState
    """What is known of it."""
    rule: str = ""
    """By which rule it is not measured, or slug of the error."""
    detail: str = ""
    """Why, in a sentence."""
    clear: float | None = None
    """Share of the place that is seen (0 to 1) where a picture was looked at."""
    scenes: tuple[str, ...] = ()
    """Ids of its pictures, as their catalogues call them."""


def coverage(out: Path, sites: Sequence[Site] = (), min_seen: float = MIN_SEEN) -> list[Day]:
    """The state of each day that was searched, for each site and sensor of a fetched folder.

    Args:
        out: The folder.
        sites: In place of the site files in the folder, such as corrected ones.
        min_seen: Least share of tracks or footprint that must be seen.

    Returns:
        In order of site, sensor and day.

    Raises:
        InputError: Nothing was fetched into the folder, or a site file cannot be used.
    """
    lines = read_ledger(out / LEDGER)
    asked = sorted({(line.site, line.sensor) for line in lines if isinstance(line, Request)})
    if not asked:
        raise InputError(f"{out} holds no {LEDGER}: fetch into it first (yardwatch fetch CONFIG --out {out})")
    given = {site.id: site for site in sites}
    found: list[Day] = []
    for name, sensor in asked:
        site = given.get(name) or load_site(out / name / f"{name}.geojson")
        own = [line for line in lines if line.site == name]
        searches = [line for line in own if isinstance(line, Search) and sensor in line.sensors]
        entries = [line for line in own if isinstance(line, Entry) and line.sensor == sensor]
        found += _Calendar(out, site, sensor, site_points(site), min_seen).days(searches, entries)
    return found


@dataclass(frozen=True, eq=False)
class _Calendar:
    """One sensor at one site."""

    out: Path
    site: Site
    sensor: str
    points: NDArray[np.float64]
    min_seen: float

    def days(self, searches: Sequence[Search], entries: Sequence[Entry]) -> list[Day]:
        """Every day that was asked about, and those of every picture."""
        by_day: dict[date, list[Entry]] = defaultdict(list)
        passes = []
        for entry in entries:
            if entry.solar_day is not None and entry.state != "spare":
                by_day[entry.solar_day].append(entry)
                if entry.orbit is not None and entry.state != "out-of-swath":
                    passes.append(Pass(entry.datatake, entry.orbit, entry.solar_day))
        asked = {search.start + timedelta(days=i) for search in searches for i in range(search.period.days)}
        asked |= by_day.keys()  # the local day of a pass may be the one after the last day of the search
        if not asked:
            return []
        expected = expected_days(passes, Period(min(asked), max(asked) + timedelta(days=1)))
        return [
            self._seen(day, by_day[day])
            if day in by_day
            else self._empty(day, searches, day in expected, not passes)
            for day in sorted(asked)
        ]

    def _seen(self, day: date, entries: Sequence[Entry]) -> Day:
        """The best of a day's overpasses."""
        takes: dict[str, list[Entry]] = defaultdict(list)
        found = []
        for entry in entries:
            if entry.state == "fetched":
                takes[entry.datatake].append(entry)
            elif entry.state != "spare":
                found.append(self._day(day, entry.state, entry.rule, entry.detail))
        found += [self._looked_at(day, take) for take in takes.values()]
        best = min(found, key=lambda one: (STATES.index(one.state), -(one.clear or 0.0)))
        return replace(best, scenes=tuple(sorted({entry.id for entry in entries})))

    def _looked_at(self, day: date, take: Sequence[Entry]) -> Day:
        """What the pictures of one overpass show together."""
        seen = np.full(len(self.points), _MISSING, np.int8)
        try:
            for entry in take:
                seen = np.maximum(seen, classes_at(self.out / entry.path, entry.sensor, self.points))
        except UnreadableError as error:
            return self._day(day, "failed", error.reason, f"{error}; fetch again")
        missing, clouded, snow, clear = np.bincount(seen, minlength=4) / len(seen)
        said = f"{clear:.0%} clear, {snow:.0%} snow, {clouded:.0%} clouds and shadow, {missing:.0%} no data"
        if clear >= self.min_seen:
            return self._day(day, "measured", "", said, float(clear))
        hidden: DayState = "clouded" if clouded >= missing else "out-of-swath"
        state = "snow" if clear + snow >= self.min_seen else hidden
        return self._day(day, state, "visibility", said, float(clear))

    def _empty(self, day: date, searches: Iterable[Search], expected: bool, unknown: bool) -> Day:
        """A day without any picture: not to be expected, not there, or not to be asked about."""
        for search in searches if expected or unknown else ():
            for hole in search.holes:
                if hole.period.contains(day) and hole.sensor in (self.sensor, "unknown"):
                    return self._day(day, "failed", "search", f"{search.catalogue}: {hole.detail}")
        return self._day(day, "missing", "revisit") if expected else self._day(day, "no-pass")

    def _day(
        self, day: date, state: DayState, rule: str = "", detail: str = "", clear: float | None = None
    ) -> Day:
        return Day(self.site.id, self.sensor, day, state, rule, detail, clear)


def classes_at(folder: Path, sensor: str, points: NDArray[np.float64]) -> NDArray[np.int8]:
    """What a fetched Item shows at points: 0 no data, 1 cloud or shadow, 2 snow, 3 clear.

    Args:
        folder: Of the Item.
        sensor: Key of the sensor; radar sees through clouds and does not tell snow.
        points: (n, 2) longitude and latitude in degrees.

    Raises:
        UnreadableError: Its files are not there or damaged.
    """
    optical = sensor.startswith("sentinel-2")
    band = "SCL" if optical else "VV"
    path = folder / f"{band}.tif"
    scene = Scene(folder.name, (Asset(path, (band,), nodata=0 if optical else None),), sensor)
    with open_scene(scene, square=False) as raster:
        tile = raster.read()
    kinds = np.where(believable(tile), _CLEAR, _MISSING)
    if optical:
        kinds[tile.valid & np.isin(tile.band("SCL"), CLOUDED)] = _CLOUDED
        kinds[tile.valid & (tile.band("SCL") == SNOW)] = _SNOW
    x, y = np.floor(lonlat_to_pixel(tile.grid, points)).T
    rows, cols = tile.grid.shape
    inside = np.isfinite(x + y) & (x >= 0) & (y >= 0) & (x < cols) & (y < rows)
    found = np.full(len(points), _MISSING, np.int8)
    found[inside] = kinds[y[inside].astype(int), x[inside].astype(int)]
    return found


def site_points(site: Site) -> NDArray[np.float64]:
    """Where a site must be seen, (n, 2) in degrees: along its tracks once surveyed, else all over it."""
    metres = np.array([math.cos(math.radians(site.footprint.centroid.y)), 1.0]) * 111_320.0
    if site.tracks and not any(track.approximate for track in site.tracks):
        return np.concatenate([_along(track.line, metres) for track in site.tracks])
    west, south, east, north = site.footprint.bounds
    area = site.footprint.area * float(np.prod(metres))
    step = max(10.0, math.sqrt(area / MAX_POINTS))
    lon, lat = np.meshgrid(np.arange(west, east, step / metres[0]), np.arange(south, north, step / metres[1]))
    inside = shapely.contains_xy(site.footprint, lon, lat)
    points = np.stack([lon[inside], lat[inside]], axis=1)
    return points if len(points) else np.array([site.footprint.representative_point().coords[0]])


def _along(line: NDArray[np.float64], metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points every few metres along a line in degrees."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*(np.diff(line, axis=0) * metres).T))])
    at = np.arange(0.0, run[-1], _ALONG_M)
    return np.stack([np.interp(at, run, axis) for axis in line.T], axis=1)


def counts(days: Iterable[Day]) -> Mapping[tuple[str, str], Mapping[DayState, int]]:
    """How many days have each state, by site and sensor; every state is there."""
    found: dict[tuple[str, str], dict[DayState, int]] = {}
    for day in days:
        found.setdefault((day.site, day.sensor), dict.fromkeys(STATES, 0))[day.state] += 1
    return found
