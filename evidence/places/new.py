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
from imagery.sources.maps.osm import LICENCE, UNCERTAINTY_M, Degrees, MapData, MapFeature, local_metres
from imagery.textfile import read_text, short

HULL_MARGIN_M = 50.0
"""How much wider than its tracks a footprint is drawn."""
MOVED_M = 1.0
"""A line of an unchanged map element that lies further from it than this was moved by the user."""

_MADE = "yardwatch site new"
_YARD_SERVICE = frozenset({"yard", "siding", "spur"})
_SLIVER_DEG = 1e-6  # what rounding leaves where a line is cut
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
    boxes = [_shape(f) for f in (old or {}).get("features", []) if _role(f) == "search_box"]
    both = shapely.intersection_all([shapely.box(*box), *boxes])
    pairs = list(zip(before, elements, strict=True))
    claimed = {e for f, e in pairs if e and _corrected(f, fresh.get(e, []), both)}
    features: list[Json] = []
    renewed: dict[tuple[str, str], Json] = {}
    for feature, element in pairs:
        if element is None or element in claimed:
            features.append(feature)
        elif element in fresh:
            renewed[element, str(feature["properties"].get("id"))] = feature
        else:
            features.append(_unrenewed(feature, box))
    kept = len(features)
    gone = sum(bool((f.get("properties") or {}).get("removed_upstream")) for f in features)
    new = [f for f in data.features if f.osm not in claimed]
    features += [_renewed(f, renewed.get((f.osm, f.id)), box) for f in new]
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
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(f"{base} holds text that is none ({error.reason}): save it as UTF-8") from error
    if size > LIMIT_BYTES:
        raise InputError(f"{path} would be larger than {LIMIT_BYTES // 2**20} MiB: choose a smaller --bbox")
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        site = load_site(temporary)
        if path.exists():
            with written(path.with_name(f"{path.name}.old")) as old:
                old.write_bytes(path.read_bytes())
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


def _role(feature: Json) -> str:
    return str((feature.get("properties") or {}).get("role"))


def _element(told: Mapping[str, Any]) -> str | None:
    """The map element that a feature was made from, None for what the user drew."""
    if isinstance(told.get("osm"), str):
        return str(told["osm"])
    found = _OSM_ID.fullmatch(str(told.get("id")))
    return f"{found[1]}/{found[2]}" if found else None


def _corrected(feature: Json, fresh: Sequence[MapFeature], both: BaseGeometry) -> bool:
    """Whether the user has corrected a feature, said so or not; ``both`` boxes show the same of it."""
    told = feature.get("properties") or {}
    if told.get("approximate") is False:
        return True
    same = [f for f in fresh if f.version == told.get("osm_version")]
    if not same or feature.get("geometry") is None:
        return False
    if told.get("id") not in {f.id for f in same}:
        return True  # split, or renamed
    theirs = next(f for f in same if f.id == told["id"])
    shapes = [_shape(feature), theirs.geometry]
    if theirs.role == "track":  # another box cuts the same line elsewhere
        shapes = [shapely.intersection(shape, both) for shape in shapes]
    mine, theirs_too = shapes
    if mine.is_empty or theirs_too.is_empty:
        return bool(mine.is_empty != theirs_too.is_empty)
    return max(_furthest_m(mine, theirs_too), _furthest_m(theirs_too, mine)) > MOVED_M


def _shape(feature: Json) -> BaseGeometry:
    try:
        found: BaseGeometry = shapely.from_geojson(json.dumps(feature.get("geometry")))
    except (shapely.errors.GEOSException, ValueError) as error:
        raise InputError(
            f"feature {short(feature.get('id'))} has no shape that can be drawn: {error}"
        ) from error
    return found


def _furthest_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """How far the vertices of one lie from the other at most, metres."""
    metres = local_metres(shapely.get_coordinates(other))

    def moved(xy: Degrees) -> Degrees:
        return np.stack(metres.transform(*xy.T), axis=1)

    line = shapely.transform(other.boundary if other.geom_type == "Polygon" else other, moved)
    points = shapely.points(moved(shapely.get_coordinates(one)))
    return float(shapely.distance(points, line).max())


def _renewed(feature: MapFeature, before: Json | None, box: Box) -> Json:
    """A feature of the map, with what an earlier one says beside, and its line beyond the box."""
    told = {k: v for k, v in (before or {"properties": {}})["properties"].items() if k != "removed_upstream"}
    shape = feature.geometry
    if before and before.get("geometry") and feature.role == "track":
        beyond = shapely.get_parts(shapely.difference(_shape(before), shapely.box(*box)))
        beyond = shapely.snap(beyond, shape, _SLIVER_DEG)
        parts = [shape, *(part for part in beyond if part.length > _SLIVER_DEG)]
        shape = shapely.line_merge(shapely.union_all(parts)) if len(parts) > 1 else shape
    return _feature({**told, **feature.properties}, shape)


def _unrenewed(feature: Json, box: Box) -> Json:
    """A feature that the map did not give this time: marked where it lies in the box that was asked for."""
    if not feature.get("geometry") or not shapely.box(*box).intersects(_shape(feature)):
        return feature
    return {**feature, "properties": {**feature["properties"], "removed_upstream": True}}


def _outline(features: Iterable[Json], new: Sequence[MapFeature], box: Box) -> list[Json]:
    """Footprint and search box, where the user has drawn none."""
    drawn = {_role(f) for f in features}
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
