"""Elements of OpenStreetMap, as Overpass answers them, turned into features of a site once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

UNCERTAINTY_M = 10.0
"""Position uncertainty of what volunteers drew: our estimate, OpenStreetMap states none."""
LICENCE = (
    "Contains information from OpenStreetMap (openstreetmap.org/copyright), (c) OpenStreetMap contributors, "
    "made available under the Open Database License (ODbL) 1.0: keep this attribution, and share a changed "
    "database under the same licence."
)
PIER_HALF_WIDTH_M = 8.0
"""A pier or quay drawn as a line without a width is taken to be twice this wide."""

_RAILS = frozenset({"rail", "light_rail", "narrow_gauge"})
_YARDS = frozenset({"railway", "harbour", "port", "container_terminal", "intermodal_freight_terminal"})
_KEPT = (
    "railway", "service", "usage", "gauge", "tracks", "electrified", "operator", "landuse", "industrial",
    "man_made", "building", "seamark:type", "bridge",
)  # fmt: skip
_KINDS = {
    "track": ("LineString", "MultiLineString"),
    "yard": ("Polygon",),
    "berth": ("Polygon",),
    "building": ("Polygon",),
    "point": ("Point",),
}
_MOST_POINTS = 20_000  # of one element: the largest way that OpenStreetMap takes has 2,000 nodes

Degrees = NDArray[np.float64]
"""(n, 2) longitude and latitude, WGS 84."""


class _UnusableError(Exception):
    """An element that cannot be used, and why."""


@dataclass(frozen=True)
class MapFeature:
    """One feature as the map shows it."""

    id: str
    """Unique in its map: ``way-123``; parts of a relation are numbered, ``relation-5-2``."""
    osm: str
    """The element that it was made from: ``way/123``."""
    role: str
    """``track``, ``yard``, ``berth``, ``building`` or ``point``."""
    geometry: BaseGeometry
    """LineString, MultiLineString, Polygon or Point; longitude and latitude in degrees, WGS 84."""
    version: int
    """Of the element; 0 where it does not say."""
    tags: Mapping[str, str]
    """Name and those tags that matter here."""

    @property
    def properties(self) -> dict[str, Any]:
        """What a site file says of it."""
        source = f"OpenStreetMap contributors, ODbL, {self.osm.replace('/', ' ')}, version {self.version}"
        tags = {k if k == "name" else f"osm_{k.replace(':', '_')}": v for k, v in self.tags.items()}
        return {
            "id": self.id,
            "role": self.role,
            "source": source,
            "locator": f"https://www.openstreetmap.org/{self.osm}",
            "osm": self.osm,
            "osm_version": self.version,
            "uncertainty_m": UNCERTAINTY_M,
            "approximate": True,
            **tags,
        }


@dataclass(frozen=True)
class MapData:
    """A box of the map."""

    features: tuple[MapFeature, ...]
    """Sorted by role and id."""
    left_out: Mapping[str, int]
    """How many elements are not used, by reason."""


def translate_map(elements: Sequence[object], box: tuple[float, float, float, float]) -> MapData:
    """Turn elements (``out meta geom``) into features; what cannot be used is counted, never guessed.

    Tracks are cut at the box; areas that touch it stay whole.

    Args:
        elements: Nodes, ways and relations of an answer.
        box: West, south, east, north in degrees.
    """
    found: dict[str, MapFeature] = {}
    left_out: Counter[str] = Counter()
    for element in elements:
        try:
            found.update((feature.id, feature) for feature in _features(element, shapely.box(*box)))
        except _UnusableError as error:
            left_out[str(error)] += 1
    return MapData(
        tuple(sorted(found.values(), key=lambda f: (f.role, f.id))), dict(sorted(left_out.items()))
    )


def _features(element: object, box: Polygon) -> list[MapFeature]:
    if not isinstance(element, dict) or element.get("type") not in ("node", "way", "relation"):
        raise _UnusableError("no node, way or relation")
    number, tags = element.get("id"), element.get("tags") or {}
    if type(number) is not int or not 0 < number < 2**63 or not isinstance(tags, dict):
        raise _UnusableError("no id or tags")
    role = _role(tags, element["type"])
    if role is None:
        raise _UnusableError("neither railway, yard, berth nor building")
    if role == "track" and tags.get("tunnel", "no") != "no":
        raise _UnusableError("railway in a tunnel")
    shapes = _shapes(element, role, tags)
    inside = [shapely.intersection(s, box) if role == "track" else s for s in shapes if s.intersects(box)]
    kept = [shape for shape in map(_lines, inside) if shape.geom_type in _KINDS[role] and not shape.is_empty]
    if not kept:
        raise _UnusableError("outside the box")
    name, version = f"{element['type']}-{number}", element.get("version")
    return [
        MapFeature(
            name if len(kept) == 1 else f"{name}-{i}",
            f"{element['type']}/{number}",
            role,
            shape,
            version if type(version) is int and 0 < version < 10**6 else 0,
            {key: _plain(tags[key]) for key in ("name", *_KEPT) if isinstance(tags.get(key), str)},
        )
        for i, shape in enumerate(kept, 1)
    ]


def _role(tags: Mapping[str, Any], kind: str) -> str | None:
    def has(key: str, values: frozenset[str]) -> bool:
        return isinstance(tags.get(key), str) and tags[key] in values

    if kind == "way" and has("railway", _RAILS):
        return "track"
    if has("man_made", frozenset({"pier", "quay"})) or has("seamark:type", frozenset({"berth"})):
        return "point" if kind == "node" else "berth"
    if kind != "node" and (has("landuse", _YARDS) or has("industrial", _YARDS)):
        return "yard"
    return "building" if kind != "node" and tags.get("building", "no") != "no" else None


def _shapes(element: Mapping[str, Any], role: str, tags: Mapping[str, Any]) -> list[BaseGeometry]:
    if element["type"] == "node":
        return [shapely.Point(_positions([element])[0])]
    if element["type"] == "relation":
        return list(_rings(element))
    line = _positions(element.get("geometry"))
    if len(line) < 2 or (role == "track" and not np.ptp(line, axis=0).any()):
        raise _UnusableError("too few positions")
    if role == "track":
        return [LineString(line)]
    if (line[0] == line[-1]).all() and len(line) >= 4:
        return [_valid(Polygon(line))]
    if role == "berth":
        return [_widened(line, tags.get("width"))]
    raise _UnusableError("area that is not closed")


def _positions(points: object) -> Degrees:
    """Positions (n, 2) of a list of lat and lon."""
    if not isinstance(points, list) or not 0 < len(points) <= _MOST_POINTS:
        raise _UnusableError("no geometry, or too long")
    pairs: list[tuple[Any, Any]] = [
        (p.get("lon"), p.get("lat")) if isinstance(p, dict) else (None, None) for p in points
    ]
    if not all(isinstance(v, int | float) for pair in pairs for v in pair):
        raise _UnusableError("positions missing")
    # An integer of a thousand digits is JSON, too, but no float.
    if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in pairs):
        raise _UnusableError("position not on the globe")
    return np.array(pairs, dtype=np.float64)


def _rings(relation: Mapping[str, Any]) -> list[Polygon]:
    """Polygons of a multipolygon: its outer ways joined, less its inner ones; largest first."""
    members = relation.get("members")
    if not isinstance(members, list):
        raise _UnusableError("relation without members")
    joined = {}
    for role in ("outer", "inner"):
        ways = [
            m for m in members if isinstance(m, dict) and m.get("type") == "way" and m.get("role") == role
        ]
        lines = [_positions(way.get("geometry")) for way in ways]
        joined[role] = shapely.polygonize([LineString(line) for line in lines if len(line) >= 2])
    area = shapely.difference(shapely.union_all(joined["outer"]), shapely.union_all(joined["inner"]))
    polygons = [part for part in shapely.get_parts(area) if isinstance(part, Polygon) and part.area > 0]
    if not polygons:
        raise _UnusableError("area that is not closed")
    return sorted(polygons, key=lambda polygon: (-polygon.area, polygon.bounds))


def _valid(polygon: Polygon) -> Polygon:
    if not polygon.is_valid or polygon.area == 0:
        raise _UnusableError("area that crosses itself")
    return polygon


def _widened(line: Degrees, width: object) -> Polygon:
    """A pier drawn as a line, as wide as it says."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)(?: ?m)?", width) if isinstance(width, str) else None
    half = max(float(found[1]) / 2, 1.0) if found else PIER_HALF_WIDTH_M
    if not np.ptp(line, axis=0).any():
        raise _UnusableError("too few positions")
    metres = local_metres(line)
    wide = LineString(np.stack(metres.transform(*line.T), axis=1)).buffer(half, cap_style="flat")
    if not isinstance(wide, Polygon):
        raise _UnusableError("area that crosses itself")
    edge = shapely.get_coordinates(wide.exterior)
    return _valid(Polygon(np.stack(metres.transform(edge[:, 0], edge[:, 1], direction="INVERSE"), axis=1)))


def _lines(shape: BaseGeometry) -> BaseGeometry:
    """What a cut at the box left of a line; points that merely touch the box go."""
    parts = [part for part in shapely.get_parts(shape) if isinstance(part, LineString)]
    if shape.geom_type not in ("MultiLineString", "GeometryCollection"):
        return shape
    return parts[0] if len(parts) == 1 else shapely.MultiLineString(parts)


def local_metres(at: Degrees) -> Transformer:
    """From degrees to metres east and north of the middle of some positions (n, 2), and back by INVERSE."""
    lon, lat = at.mean(axis=0)
    # A pipeline is made at once; between two CRS, PROJ first looks for other ways, for up to 0.1 s.
    return Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=WGS84"
    )


def _plain(text: str) -> str:
    """A stranger's text on one line, without control characters, never long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:400]).split())[:120]
