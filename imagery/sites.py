"""A place: its footprint, tracks, yards and known points, read from ``seeds/sites/*.geojson``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from shapely import Polygon

from imagery.errors import InputError
from imagery.geojson import Collection, Feature, read_geojson
from imagery.textfile import short

Lines = tuple[tuple[str, NDArray[np.float64]], ...]
"""Tracks as (id, (n, 2) positions)."""

UNSTATED_M = 30.0
"""Position uncertainty of a site that does not state one: that of tracks drawn by hand on a public map."""

_GEOD = Geod(ellps="WGS84")
_KINDS = {
    "footprint": "Polygon",
    "search_box": "Polygon",
    "track": "LineString",
    "yard": "Polygon",
    "berth": "Polygon",
    "point": "Point",
    "building": "Polygon",  # context of a map: checked to be a polygon, held nowhere
}
_ROLES = {"LineString": "track", "Point": "point", "Polygon": "footprint"}  # of features that do not say
_HEAD = {"id", "name", "uncertainty_m", "notes"}
_LONGEST_M = 1e6  # all tracks of one file together: more is a slip in the coordinates
_HULL_MARGIN_M = 50.0
_BOX_MARGIN_M = 500.0


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


def load_site(path: Path) -> Site:
    """Read a site file: a GeoJSON FeatureCollection as ``seeds/README.md`` describes it.

    The collection's ``yardwatch`` member holds id, name, uncertainty_m and notes. Where an editor has dropped
    it, the id is the file's name and the rest is read from the footprint; an uncertainty that nobody states
    is taken as 30 m. Each feature has a ``role``; a line without one is a track, a point a point, a polygon
    the footprint. A site without a footprint gets the hull of its tracks, 50 m wider; a site without a search
    box gets its footprint's box, 500 m wider.

    Args:
        path: The file, at most 8 MiB; degrees in WGS 84, or the CRS that its ``crs`` member names.

    Returns:
        The site. A track or area that does not say whether it is approximate counts as approximate.

    Raises:
        InputError: The file cannot be used; the message names the feature, the value and the remedy.
    """
    collection = read_geojson(path).to_lonlat()
    roles = _by_role(collection)
    name, slug, uncertainty = _head(collection, roles["footprint"])
    tracks = tuple(
        Track(part, line, _approximate(feature))
        for feature in roles["track"]
        for part, line in parts_of(_id(feature), feature)
    )
    check_length(path, tuple((track.id, track.line) for track in tracks))
    areas = tuple(
        Area(_id(feature), role, _polygon(feature), _approximate(feature))
        for role in ("yard", "berth")
        for feature in roles[role]
    )
    points = tuple(_point(feature) for feature in roles["point"])
    check_unique(path, [t.id for t in tracks] + [a.id for a in areas] + [p.id for p in points])
    footprint = _footprint(path, roles["footprint"], tracks)
    return Site(
        slug, name, footprint, _box(roles["search_box"], footprint), tracks, areas, points, uncertainty
    )


def _by_role(collection: Collection) -> Mapping[str, list[Feature]]:
    found: dict[str, list[Feature]] = {role: [] for role in _KINDS}
    for feature in collection.features:
        role = feature.properties.get("role") or _ROLES.get(feature.kind)
        if not isinstance(role, str) or role not in _KINDS:
            raise InputError(f"{feature.label} has role {short(role)}: write one of {', '.join(_KINDS)}")
        if feature.kind != _KINDS[role]:
            raise InputError(f"{feature.label}: a {role} is a {_KINDS[role]}, here is a {feature.kind}")
        found[role].append(feature)
    for role in ("footprint", "search_box"):
        if len(found[role]) > 1:
            raise InputError(f"{found[role][1].label} is a second {role}: a site has one")
    return MappingProxyType(found)


def _head(collection: Collection, footprint: Sequence[Feature]) -> tuple[str, str, float]:
    """Name, id and position uncertainty of the site."""
    head = collection.members.get("yardwatch") or {}
    where = f"{collection.path}: yardwatch member"
    if not isinstance(head, dict):
        raise InputError(f"{where} {short(head)} is not a mapping with {', '.join(sorted(_HEAD))}")
    if unknown := sorted(set(head) - _HEAD):
        raise InputError(f"{where} has unknown key {unknown[0]!r}: known are {', '.join(sorted(_HEAD))}")
    told: dict[str, Any] = {
        **(footprint[0].properties if footprint else {}),
        "id": collection.path.stem,
        **head,
    }
    slug = slug_of(where, told["id"])
    name = told.get("name") or slug
    if not isinstance(name, str):
        raise InputError(f"{where}: name {short(name)} is not text")
    uncertainty = told.get("uncertainty_m")
    return name, slug, UNSTATED_M if uncertainty is None else _metres(str(collection.path), uncertainty)


def slug_of(label: str, value: object) -> str:
    """An id as it stands in every table: other editors' names (``Track 1``, 17) are put into its letters."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not 1 <= len(slug) <= 64:
        raise InputError(f"{label}: id {short(value)} cannot be used: write 1 to 64 of a-z, 0-9 and '-'")
    return slug


def _id(feature: Feature) -> str:
    value = feature.properties.get("id")
    role = feature.properties.get("role") or _ROLES.get(feature.kind)
    return f"{role}-{feature.index}" if value is None else slug_of(feature.label, value)


def _metres(label: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise InputError(f"{label}: uncertainty_m is {short(value)}: give a position uncertainty in metres")
    return float(value)


def _approximate(feature: Feature) -> bool:
    value = feature.properties.get("approximate")
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{feature.label}: approximate is {short(value)}: write true or false")
    return value is not False


def parts_of(name: str, feature: Feature) -> Lines:
    """A line's parts, numbered where there are several."""
    if len(feature.parts) == 1:
        return ((name, feature.parts[0][0]),)
    return tuple((f"{name}-{i}", part[0]) for i, part in enumerate(feature.parts, 1))


def _polygon(feature: Feature) -> Polygon:
    shell, *holes = feature.only_part()
    polygon = Polygon(shell, holes)
    if not polygon.is_valid:
        reason = shapely.is_valid_reason(polygon)
        raise InputError(f"{feature.label}: {reason}; redraw it so that it does not cross itself")
    return polygon


def _point(feature: Feature) -> Point:
    lon, lat = feature.only_part()[0][0]
    source = feature.properties.get("source")
    if not isinstance(source, str) or not source:
        raise InputError(f"{feature.label}: source is {short(source)}: say who gives this point")
    slug = _id(feature)
    name = feature.properties.get("name") or slug
    uncertainty = _metres(feature.label, feature.properties.get("uncertainty_m"))
    return Point(slug, str(name), (float(lon), float(lat)), uncertainty, source)


def check_unique(path: Path, ids: Sequence[str]) -> None:
    """Refuse two parts of one file with the same id."""
    for name, times in Counter(ids).items():
        if times > 1:
            raise InputError(f"{path}: id {name!r} is used {times} times: give each its own")


def check_length(path: Path, lines: Lines) -> None:
    """Refuse tracks without length, and more of them than a yard can hold."""
    lengths = [_GEOD.line_length(*line.T) for _, line in lines]
    for (name, _), length in zip(lines, lengths, strict=True):
        if length == 0:
            raise InputError(f"{path}: track {name!r} has no length: draw it from end to end")
    if sum(lengths) > _LONGEST_M:
        raise InputError(
            f"{path}: its tracks are {sum(lengths) / 1e3:.0f} km long together, more than "
            f"{_LONGEST_M / 1e3:.0f} km: check the order and CRS of the coordinates, "
            "or give lines in pixels the property coordinates: pixel"
        )


def _footprint(path: Path, drawn: Sequence[Feature], tracks: Sequence[Track]) -> Polygon:
    if drawn:
        return _polygon(drawn[0])
    if not tracks:
        raise InputError(f"{path} has neither a footprint nor tracks: draw a Polygon with role footprint")
    vertices = np.concatenate([track.line for track in tracks])
    lon, lat = vertices.mean(axis=0)
    local = CRS.from_dict({"proj": "aeqd", "lat_0": lat, "lon_0": lon, "ellps": "WGS84"})
    metres = Transformer.from_crs(4326, local, always_xy=True)
    hull = shapely.MultiPoint(np.stack(metres.transform(*vertices.T), axis=1)).convex_hull
    corners = shapely.get_coordinates(hull.buffer(_HULL_MARGIN_M))
    footprint = Polygon(np.stack(metres.transform(corners[:, 0], corners[:, 1], direction="INVERSE"), axis=1))
    if np.ptp(shapely.get_coordinates(footprint)[:, 0]) > 180:
        raise InputError(f"{path}: the tracks lie on the date line: draw a footprint on one side of it")
    return footprint


def _box(drawn: Sequence[Feature], footprint: Polygon) -> tuple[float, float, float, float]:
    west, south, east, north = (_polygon(drawn[0]) if drawn else footprint).bounds
    if not drawn:
        up = math.degrees(_BOX_MARGIN_M / 6.37e6)
        across = up / max(math.cos(math.radians((south + north) / 2)), 1e-3)
        west, south, east, north = west - across, south - up, east + across, north + up
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)
