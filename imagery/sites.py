"""A place: its footprint, tracks, yards and known points, read from ``seeds/sites/*.geojson``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon


@dataclass(frozen=True, eq=False)
class Track:
    """One track's centre line."""

    id: str
    """Unique within its site."""
    line: NDArray[np.float64]
    """(n, 2) longitude and latitude in degrees, WGS 84, n at least 2."""
    approximate: bool
    """Drawn without imagery: to be corrected by the user."""


@dataclass(frozen=True)
class Area:
    """A yard or a berth."""

    id: str
    """Unique within its site."""
    role: str
    """``yard`` or ``berth``."""
    polygon: Polygon
    """Longitude and latitude in degrees, WGS 84."""
    approximate: bool
    """Drawn without imagery: to be corrected by the user."""


@dataclass(frozen=True)
class Point:
    """A known point with its source."""

    id: str
    """Unique within its site."""
    name: str
    """In words."""
    lonlat: tuple[float, float]
    """Degrees, WGS 84."""
    uncertainty_m: float
    """One standard deviation, or as its source states it."""
    source: str
    """Who says so."""


@dataclass(frozen=True, eq=False)
class Site:
    """One place that is watched."""

    id: str
    """Short slug, used in every table."""
    name: str
    """In words."""
    footprint: Polygon
    """What is measured; longitude and latitude in degrees, WGS 84."""
    search_box: tuple[float, float, float, float]
    """West, south, east, north in degrees: what is fetched."""
    tracks: tuple[Track, ...]
    """Where railcars stand; may be empty."""
    areas: tuple[Area, ...]
    """Yards and berths; may be empty."""
    points: tuple[Point, ...]
    """Known points; may be empty."""
    uncertainty_m: float
    """Position uncertainty of tracks and footprint."""

    @property
    def approximate(self) -> bool:
        """Whether any track or area is still uncorrected: every result then says so."""
        return any(track.approximate for track in self.tracks) or any(area.approximate for area in self.areas)
