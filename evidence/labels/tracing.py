"""Track axes of an image as GeoJSON, for a person to correct in QGIS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from evidence.files import written
from imagery.errors import InputError
from imagery.grid import ground_gsd, pixel_to_lonlat
from imagery.reader import Raster, open_scene
from imagery.scenes import Scene
from imagery.sensors import SENSORS
from imagery.tracks import TrackFile, tracks_in_pixels
from models.axes.line import Axis, Line, clip_to_frame, length
from models.axes.strips import frame_along
from models.wagons.infer import WEIGHTS, StripReader
from models.wagons.nets import StripNet, load
from models.wagons.picture import Picture
from models.wagons.read import cut_strip, on_track, read_strip

SHORTEST_M = 10.0
"""Parts of a given track that the image shows no more of than this are left as they are."""
STRAIGHT_M = 0.15
"""Vertices that lie no further from the line than this are dropped, so that it can be edited."""


@dataclass(frozen=True, eq=False)
class Traced:
    """The axes of one image."""

    axes: tuple[tuple[str, Axis], ...]
    """Id of each, with its line in pixels of ``grid``."""
    grid: GeoBox
    """Grid on which the image was read."""


def trace(scene: Scene, tracks: TrackFile | None = None) -> Traced:
    """Find tracks with wagons on them, or move given ones onto the image.

    Args:
        scene: An image at 1.2 m or finer.
        tracks: Lines to move; tracks are sought in the image without them.

    Raises:
        InputError: The pixels are too coarse, or no given track crosses the image.
        UnreadableError: The image or the weights cannot be read.
    """
    with open_scene(scene) as raster:
        gsd = ground_gsd(raster.grid)
        if SENSORS[scene.sensor].regime(gsd) != "single":
            raise InputError(f"{scene.id}: pixels of {gsd:.2f} m show no single wagon: use 1.2 m or finer")
        if tracks is None:
            found = StripReader().axes(raster)
            return Traced(tuple((f"axis-{i}", axis) for i, axis in enumerate(found, 1)), raster.grid)
        return Traced(tuple(_recentred(raster, tracks)), raster.grid)


def _recentred(raster: Raster, tracks: TrackFile) -> list[tuple[str, Axis]]:
    """Each given track where the reader sees wagons stand along it."""
    net = load(WEIGHTS / "reader.safetensors", StripNet)[0]
    picture = Picture(raster)
    axes = []
    for name, line in tracks_in_pixels(tracks, raster.grid):
        parts = clip_to_frame(line, *picture.shape, max(1.0, 0.5 / picture.gsd_m))
        parts = [part for part in parts if length(part) * picture.gsd_m >= SHORTEST_M]
        for i, part in enumerate(parts, 1):
            reading = read_strip(net, cut_strip(picture, frame_along(part, picture.gsd_m)))
            axes.append((name if len(parts) == 1 else f"{name}-{i}", on_track(reading)))
    if not axes:
        raise InputError(f"{raster.scene.id}: no given track crosses the image: check their position and CRS")
    return axes


def write_axes(traced: Traced, path: Path, qgis: bool = False) -> None:
    """Write axes that ``imagery.tracks.load_tracks`` and QGIS read.

    Args:
        traced: What was found.
        path: GeoJSON in longitude and latitude (WGS 84); in pixels where the image has no map position.
        qgis: Rows as negative y, where QGIS shows an image without a map position.
    """
    placed = traced.grid.crs is not None
    features = [_feature(name, axis, traced.grid, qgis and not placed) for name, axis in traced.axes]
    with written(path) as temporary:
        text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def _feature(name: str, axis: Axis, grid: GeoBox, flip: bool) -> dict[str, Any]:
    line = _few(axis.line, ground_gsd(grid))
    told: dict[str, Any] = {
        "id": name,
        "role": "track",
        "confidence": round(axis.confidence, 3),
        "source": axis.source,
        "approximate": True,
    }
    if grid.crs is None:
        told["coordinates"] = "pixel"
        positions = np.round(line * [1, -1 if flip else 1], 2)
    else:
        positions = np.round(pixel_to_lonlat(grid, line), 8)
    geometry = {"type": "LineString", "coordinates": positions.tolist()}
    return {"type": "Feature", "properties": told, "geometry": geometry}


def _few(line: Line, gsd_m: float) -> Line:
    simple: Line = shapely.get_coordinates(shapely.simplify(shapely.LineString(line), STRAIGHT_M / gsd_m))
    return simple


def said(traced: Traced) -> Sequence[str]:
    """How many axes, how long and how sure, in words."""
    gsd = ground_gsd(traced.grid)
    return [
        f"{name}: {length(axis.line) * gsd:.0f} m, {axis.source}, confidence {axis.confidence:.2f}"
        for name, axis in traced.axes
    ]
