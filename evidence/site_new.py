"""A site file from OpenStreetMap, merged with what the user drew: nothing of the user's is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from evidence.files import written
from imagery.errors import InputError
from imagery.geojson import LIMIT_BYTES, read_geojson
from imagery.sites import Site, load_site
from imagery.sources.osm import LICENCE, UNCERTAINTY_M, MapData, MapFeature, local_metres
from imagery.textfile import read_text, short

HULL_MARGIN_M = 50.0
"""How much wider than its tracks a footprint is drawn."""
MOVED_M = 1.0
"""A line of an unchanged map element that lies further from it than this was moved by the user."""

_MADE = "yardwatch site new"
_YARD_SERVICE = frozenset({"yard", "siding", "spur"})
_OSM_ID = re.compile(r"(node|way|relation)-(\d+)(?:-\d+)?")

Json = dict[str, Any]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Merge:
    """What came of laying the map and the user's file together."""

    collection: Json
    """GeoJSON FeatureCollection of the site."""
    added: int
    """Features of the map that were not there before."""
    renewed: int
    """Uncorrected features taken anew from the map."""
    kept: int
    """Features left as the user has them."""
    gone: int
    """Features kept and marked ``removed_upstream``: the map no longer has them."""


def merge(name: str, data: MapData, box: Box, old: Json | None = None) -> Merge:
    """Lay the map over a site file, if there is one.

    The user's features stay as they are: those without a map element, those corrected (``approximate:
    false``), and those moved or split while their element has not changed. Other features of the map are
    taken anew, with whatever properties the user added. What the map no longer has is kept and marked.

    Args:
        name: Id of a new site.
        data: What the map shows in the box.
        box: West, south, east, north in degrees: the search box of a new site.
        old: A site file's GeoJSON in degrees, WGS 84.
    """
    fresh: dict[str, list[MapFeature]] = {}
    for feature in data.features:
        fresh.setdefault(feature.osm, []).append(feature)
    before = [f for f in (old or {}).get("features", []) if not _ours(f)]
    elements = [_element(f.get("properties") or {}) for f in before]
    claimed = {e for f, e in zip(before, elements, strict=True) if e and _corrected(f, fresh.get(e, []))}
    features: list[Json] = []
    renewed: dict[tuple[str, str], Json] = {}
    for feature, element in zip(before, elements, strict=True):
        if element is None or element in claimed:
            features.append(feature)
        elif element in fresh:
            renewed[element, str(feature["properties"].get("id"))] = feature["properties"]
        else:
            features.append(_unrenewed(feature, box))
    kept = len(features)
    gone = sum(bool((f.get("properties") or {}).get("removed_upstream")) for f in features)
    new = [f for f in data.features if f.osm not in claimed]
    features += [_feature({**_extra(renewed.get((f.osm, f.id))), **f.properties}, f.geometry) for f in new]
    outline = _outline(features, new, box)
    collection = {**(old or {"type": "FeatureCollection"}), "yardwatch": _head(name, old, bool(new))}
    collection["features"] = outline + features
    known = {element for element, _ in renewed}
    added = sum(f.osm not in known for f in new)
    return Merge(collection, added, len(new) - added, kept - gone, gone)


def write_site(path: Path, name: str, data: MapData, box: Box, base: Path | None) -> tuple[Merge, Site]:
    """Merge with a file, and write a site file that ``load_site`` has read before it takes its place.

    A file that is replaced stays beside it, with ``.old`` after its name.

    Args:
        path: The site file.
        name: Id of a new site.
        data: What the map shows.
        box: West, south, east, north in degrees.
        base: The user's file; None for none.

    Raises:
        InputError: A file cannot be read or written, or the site would be larger than one may be.
    """
    merged = merge(name, data, box, read_base(base) if base else None)
    # A line a feature: people compare versions of these files.
    lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in merged.collection.pop("features"))
    head = json.dumps(merged.collection, ensure_ascii=False, indent=1)[:-2]
    text = f'{head},\n "features": [\n{lines}\n]}}\n'
    if len(text.encode()) > LIMIT_BYTES:
        raise InputError(f"{path} would be larger than {LIMIT_BYTES // 2**20} MiB: choose a smaller --bbox")
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        site = load_site(temporary)
        if path.exists():
            path.with_name(f"{path.name}.old").write_bytes(path.read_bytes())
    return merged, site


def read_base(path: Path) -> Json:
    """A site file as plain GeoJSON, once it is known to be one.

    Raises:
        InputError: It is no site file, or in another CRS than WGS 84.
    """
    load_site(path)
    if not read_geojson(path).default_crs:
        raise InputError(f"{path} is not in degrees of WGS 84: save it as EPSG:4326 (CRS84) first")
    data = json.loads(read_text(path, LIMIT_BYTES))
    if data["type"] != "FeatureCollection":
        raise InputError(f"{path} is a {short(data['type'])}: a site file is a FeatureCollection")
    whole: Json = data
    return whole


def _ours(feature: Json) -> bool:
    """Whether we made an outline that nobody has corrected: it is drawn anew."""
    told = feature.get("properties") or {}
    return told.get("made_by") == _MADE and told.get("approximate") is not False


def _extra(told: Mapping[str, Any] | None) -> Json:
    return {key: value for key, value in (told or {}).items() if key != "removed_upstream"}


def _element(told: Mapping[str, Any]) -> str | None:
    """The map element that a feature was made from, None for what the user drew."""
    if isinstance(told.get("osm"), str):
        return str(told["osm"])
    found = _OSM_ID.fullmatch(str(told.get("id")))
    return f"{found[1]}/{found[2]}" if found else None


def _corrected(feature: Json, fresh: Sequence[MapFeature]) -> bool:
    """Whether the user has corrected a feature, said so or not."""
    told = feature.get("properties") or {}
    if told.get("approximate") is False:
        return True
    same = [f for f in fresh if f.version == told.get("osm_version")]
    if not same or feature.get("geometry") is None:
        return False
    mine = shapely.from_geojson(json.dumps(feature["geometry"]))
    if told.get("id") not in {f.id for f in same}:
        return True  # split, or renamed
    theirs = shapely.union_all([f.geometry for f in same])
    # Another box cuts the same line elsewhere: then one of them lies wholly along the other.
    return min(_furthest_m(mine, theirs), _furthest_m(theirs, mine)) > MOVED_M


def _furthest_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """How far the vertices of one lie from the other at most, metres."""
    metres = local_metres(shapely.get_coordinates(other))

    def moved(xy: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.stack(metres.transform(*xy.T), axis=1)

    line = shapely.transform(other if other.geom_type != "Polygon" else other.boundary, moved)
    points = shapely.points(moved(shapely.get_coordinates(one)))
    return float(shapely.distance(points, line).max())


def _unrenewed(feature: Json, box: Box) -> Json:
    """A feature that the map did not give this time: marked where it lies in the box that was asked for."""
    inside = feature.get("geometry") and shapely.box(*box).intersects(
        shapely.from_geojson(json.dumps(feature["geometry"]))
    )
    if not inside:
        return feature
    return {**feature, "properties": {**feature["properties"], "removed_upstream": True}}


def _outline(features: Iterable[Json], new: Sequence[MapFeature], box: Box) -> list[Json]:
    """Footprint and search box, where the user has drawn none."""
    drawn = {(f.get("properties") or {}).get("role") for f in features}
    made: Json = {"made_by": _MADE, "approximate": True, "uncertainty_m": UNCERTAINTY_M}
    outline = []
    tracks = [f for f in new if f.role == "track"]
    yard = [f.geometry for f in tracks if f.tags.get("service") in _YARD_SERVICE] or [
        f.geometry for f in tracks
    ]
    if "footprint" not in drawn:
        shape = _hull(yard) if yard else shapely.box(*box)
        source = "derived: hull of the mapped yard tracks, 50 m wider" if yard else "the box asked for"
        outline.append(_feature({"id": "footprint", "role": "footprint", "source": source, **made}, shape))
    if "search_box" not in drawn:
        told = {"id": "search-box", "role": "search_box", "source": "the box asked for", **made}
        outline.append(_feature(told, shapely.box(*box)))
    return outline


def _hull(lines: Sequence[BaseGeometry]) -> BaseGeometry:
    vertices = np.concatenate([shapely.get_coordinates(line) for line in lines])
    metres = local_metres(vertices)
    hull = shapely.MultiPoint(np.stack(metres.transform(*vertices.T), axis=1)).convex_hull.buffer(
        HULL_MARGIN_M
    )
    edge = shapely.get_coordinates(hull)
    return shapely.Polygon(np.stack(metres.transform(edge[:, 0], edge[:, 1], direction="INVERSE"), axis=1))


def _head(name: str, old: Json | None, uncorrected: bool) -> Json:
    """The collection's own member: the user's, with the licence, and no surer than what was added."""
    new = {"id": name, "name": name, "uncertainty_m": UNCERTAINTY_M}
    head = {"id": name, **((old or {}).get("yardwatch") or new)}
    if uncorrected and isinstance(head.get("uncertainty_m"), int | float):
        head["uncertainty_m"] = max(head["uncertainty_m"], UNCERTAINTY_M)
    notes = str(head.get("notes") or "")
    if LICENCE not in notes:
        head["notes"] = f"{notes} {LICENCE}".strip()
    return head


def _feature(properties: Json, geometry: BaseGeometry) -> Json:
    shape = json.loads(shapely.to_geojson(shapely.transform(geometry, lambda xy: np.round(xy, 7))))
    return {"type": "Feature", "properties": properties, "geometry": shape}
