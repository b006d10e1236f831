"""Tracks as lines on an image: those of a site, or drawn by themselves (``--tracks``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod

from imagery.errors import InputError
from imagery.geojson import Feature, beyond_degrees, read_geojson
from imagery.grid import lonlat_to_pixel
from imagery.sites import Lines, Site, check_length, check_unique, parts_of

STEP_M = 5.0
"""Tracks are densified to this before they are projected, so that they stay on their curve."""

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class TrackFile:
    """Tracks that came by themselves, without a site."""

    lines: Lines
    """Each track's id and line: (x, y) in pixels of the whole image, or longitude and latitude."""
    pixel: bool
    """Whether lines are in pixels (origin top-left, y down) rather than in degrees, WGS 84."""


def load_tracks(path: Path) -> TrackFile:
    """Read track centre lines from any GeoJSON, a site file included.

    Lines are in pixels where their property ``coordinates`` says ``pixel``, or where the file names no CRS
    (or CRS84) and some position lies beyond degrees; otherwise they are on the map. Rows that are mostly
    negative count downwards, as QGIS shows an image without a map position. Other features are passed over.

    Args:
        path: The file, at most 8 MiB.

    Returns:
        The lines, named by their id, else their name, else ``track-N``.

    Raises:
        InputError: The file cannot be used, holds no line, or has lines in pixels beside others on the map.
    """
    collection = read_geojson(path)
    features = [feature for feature in collection.features if feature.kind == "LineString"]
    if not features:
        raise InputError(f"{path} holds no LineString: draw each track as a line")
    flagged = {feature.properties.get("coordinates") == "pixel" for feature in features}
    if len(flagged) > 1:
        raise InputError(
            f"{path}: some lines say coordinates: pixel and others do not; write all of them alike"
        )
    pixel = flagged == {True} or (collection.default_crs and beyond_degrees(features))
    if not pixel:
        features = [f for f in collection.to_lonlat().features if f.kind == "LineString"]
    lines = tuple(pair for feature in features for pair in parts_of(_told_name(feature), feature))
    check_unique(path, [name for name, _ in lines])
    if not pixel:
        check_length(path, lines)
    elif np.median(np.concatenate([line[:, 1] for _, line in lines])) < 0:
        lines = tuple((name, line * [1, -1]) for name, line in lines)
    return TrackFile(lines, pixel)


def tracks_in_pixels(source: Site | TrackFile, grid: GeoBox) -> Lines:
    """Tracks as lines on an image.

    Nothing is clipped: lines may run far outside the image. A track for which the image's projection is not
    defined, being on another side of the globe, is left out.

    Args:
        source: A site, or tracks by themselves.
        grid: Grid of the whole image.

    Returns:
        Each track's id and (n, 2) pixel coordinates. Lines from the map have a vertex at least every 5 m.

    Raises:
        InputError: The tracks are on the map, but the image has no map position.
    """
    if isinstance(source, TrackFile) and source.pixel:
        return source.lines
    if grid.crs is None:
        raise InputError("the tracks are on the map but the image has no map position: give tracks in pixels")
    lines = source.lines if isinstance(source, TrackFile) else tuple((t.id, t.line) for t in source.tracks)
    with np.errstate(invalid="ignore"):  # infinite where the projection is not defined
        placed = [(name, lonlat_to_pixel(grid, _densified(line))) for name, line in lines]
    return tuple((name, xy) for name, xy in placed if np.isfinite(xy).all())


def _told_name(feature: Feature) -> str:
    """A track's name in a file that need not be a site's: any text will do."""
    told = feature.properties.get("id") or feature.properties.get("name")
    return told[:64] if isinstance(told, str) else f"track-{feature.index}"


def _densified(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same line with a vertex at least every STEP_M on the ground."""
    steps = np.ceil(np.asarray(_GEOD.line_lengths(*line.T)) / STEP_M).astype(int)
    pieces = [
        np.linspace(start, end, max(n, 1), endpoint=False)
        for start, end, n in zip(line[:-1], line[1:], steps, strict=True)
    ]
    return np.concatenate([*pieces, line[-1:]])
