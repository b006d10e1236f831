"""GeoJSON as people and QGIS write it, checked and turned into arrays once, at the border."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from imagery.errors import InputError
from imagery.textfile import read_text, short

LIMIT_BYTES = 8 * 2**20
"""A site or a set of tracks is far smaller."""

DEGREES = (180.0, 90.0)
"""The largest longitude and latitude there are."""

# How deep the lists of coordinates are nested below one part of a geometry.
_PART_DEPTH = {"Point": 0, "LineString": 1, "Polygon": 2}

Part = tuple[NDArray[np.float64], ...]
"""One part of a geometry: (n, 2) arrays; a polygon's shell, then its holes; one array for the others."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature: what it says of itself, and where it lies."""

    label: str
    """How messages name it: the file, the place in it, and the id."""
    index: int
    """Place in the file, from 1."""
    properties: Mapping[str, Any]
    """As written; an attribute left empty in QGIS is None."""
    kind: str
    """``Point``, ``LineString`` or ``Polygon``."""
    parts: tuple[Part, ...]
    """One part, or several where the file has a Multi geometry."""

    @property
    def points(self) -> NDArray[np.float64]:
        """All its positions, (n, 2)."""
        return np.concatenate([array for part in self.parts for array in part])

    def only_part(self) -> Part:
        """Its part, where it has exactly one.

        Raises:
            InputError: It has several.
        """
        if len(self.parts) != 1:
            raise InputError(f"{self.label} has {len(self.parts)} parts where one is wanted: split it")
        return self.parts[0]


@dataclass(frozen=True, eq=False)
class Collection:
    """A FeatureCollection, with coordinates as they stand in the file."""

    path: Path
    """The file."""
    members: Mapping[str, Any]
    """All members of the collection itself."""
    features: tuple[Feature, ...]
    """In file order; may be empty."""

    @property
    def crs(self) -> str | None:
        """Name in the ``crs`` member that older QGIS exports have, or None."""
        member = self.members.get("crs")
        if member is None:
            return None
        try:
            name = member["properties"]["name"]
        except (TypeError, KeyError) as error:
            raise InputError(
                f"{self.path}: crs member {short(member)} names no CRS: drop it or name one"
            ) from error
        # A plain authority code only: no pipelines, files or WKT from a stranger's file.
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9:._-]{1,80}", name):
            raise InputError(
                f"{self.path}: crs {short(name)} is not understood: write one such as EPSG:32652"
            )
        return name

    @property
    def default_crs(self) -> bool:
        """Whether it names no CRS or GeoJSON's own: QGIS writes that beside pixels, too."""
        return self.crs is None or self.crs.upper().endswith(":CRS84")

    def to_lonlat(self) -> Collection:
        """The same with longitude and latitude in degrees, WGS 84.

        Raises:
            InputError: The CRS is unknown, or a position falls outside the globe.
        """
        convert = _to_wgs84(self.path, self.crs) if self.crs else None
        features = []
        for feature in self.features:
            parts = feature.parts
            if convert:
                parts = tuple(tuple(_convert(convert, array) for array in part) for part in parts)
            moved = replace(feature, parts=parts)
            _check_degrees(moved)
            features.append(moved)
        return replace(self, features=tuple(features))


def beyond_degrees(features: Iterable[Feature]) -> bool:
    """Whether some position is no longitude and latitude."""
    return any(bool((np.abs(feature.points) > DEGREES).any()) for feature in features)


def read_geojson(path: Path) -> Collection:
    """Read a FeatureCollection (or one Feature, or one geometry).

    Args:
        path: A GeoJSON file of at most 8 MiB. Heights are dropped, features without a geometry passed over.

    Returns:
        Its features, coordinates as they stand in the file.

    Raises:
        InputError: It is not GeoJSON, or a feature is not a point, a line or a polygon.
    """
    text = read_text(path, LIMIT_BYTES)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not GeoJSON: {str(error)[:200]}") from error
    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "Feature":
        raw = [data]
    elif _single(kind):
        raw = [{"type": "Feature", "properties": None, "geometry": data}]
    elif kind == "FeatureCollection" and isinstance(data.get("features"), list):
        raw = data["features"]
    else:
        raise InputError(f"{path} is not GeoJSON: its type is {short(kind)}, wanted is a FeatureCollection")
    found = (_feature(path, index, item) for index, item in enumerate(raw, 1))
    return Collection(path, data, tuple(feature for feature in found if feature is not None))


def _feature(path: Path, index: int, item: object) -> Feature | None:
    label = f"{path}: feature {index}"
    if not isinstance(item, dict) or item.get("type") != "Feature":
        raise InputError(f"{label} is not a Feature: {short(item)}")
    properties = item.get("properties") or {}
    if not isinstance(properties, dict):
        raise InputError(f"{label}: properties {short(properties)} are not a mapping")
    name = properties.get("id", properties.get("name"))
    if name is not None:
        label += f" ({short(name)})"
    geometry = item.get("geometry")
    if geometry is None:
        return None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    single = _single(kind)
    if single is None:
        raise InputError(f"{label}: geometry {short(kind)} is not a point, line or polygon")
    coordinates = geometry.get("coordinates")
    parts = _listed(label, coordinates) if kind != single else [coordinates]
    return Feature(label, index, properties, single, tuple(_part(label, single, part) for part in parts))


def _single(kind: object) -> str | None:
    """``LineString`` for itself and for ``MultiLineString``, None for what is no point, line or polygon."""
    name = kind.removeprefix("Multi") if isinstance(kind, str) else ""
    return name if name in _PART_DEPTH else None


def _part(label: str, kind: str, value: object) -> Part:
    depth = _PART_DEPTH[kind]
    lines = _listed(label, value) if depth == 2 else [value] if depth == 1 else [[value]]
    arrays = tuple(np.array([_position(label, p) for p in _listed(label, line)]) for line in lines)
    fewest = {"Point": 1, "LineString": 2, "Polygon": 4}[kind]
    for array in arrays:
        if len(array) < fewest:
            raise InputError(f"{label}: a {kind} needs at least {fewest} positions, here are {len(array)}")
    return arrays


def _listed(label: str, value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{label}: coordinates {short(value)} are not a list of positions")
    return value


def _position(label: str, value: object) -> tuple[float, float]:
    if isinstance(value, list) and len(value) >= 2:
        x, y = value[:2]
        if all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e12 for v in (x, y)):
            return float(x), float(y)
    raise InputError(f"{label}: {short(value)} is not a position: write [x, y] as finite numbers")


def _to_wgs84(path: Path, name: str) -> Transformer:
    try:
        return Transformer.from_crs(CRS.from_user_input(name), 4326, always_xy=True)
    except ProjError as error:
        raise InputError(f"{path}: crs {name!r} is not known: write one such as EPSG:32652") from error


def _convert(transformer: Transformer, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack(transformer.transform(*xy.T), axis=1)


def _check_degrees(feature: Feature) -> None:
    points = feature.points
    off = ~(np.abs(points) <= DEGREES).all(axis=1)  # NaN compares false, so it is off the globe too
    if off.any():
        lon, lat = points[off][0]
        raise InputError(
            f"{feature.label}: position [{lon}, {lat}] is not on the globe: "
            "write longitude first, then latitude, in degrees, or name the CRS in a crs member"
        )
