"""Label files of several makers, told apart by what they hold: each becomes Sheets."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from imagery.errors import InputError
from imagery.geojson import DEGREES, Feature, beyond_degrees, read_geojson
from imagery.textfile import read_text, short
from models.wagons.labeltools import coco, dota, label_studio
from models.wagons.marks import (
    FORMATS,
    Mark,
    Role,
    Sheet,
    file_name,
    listed,
    mapping,
    number,
    positions,
    role_of,
    side,
    turned_box,
    word_of,
)

LIMIT_BYTES = 64 * 2**20
"""A label file of a hundred thousand objects is smaller."""
_GEOD = Geod(ellps="WGS84")


def read_sheets(path: Path) -> list[Sheet]:
    """Read one label file of any known format.

    Args:
        path: At most 64 MiB; GeoJSON at most 8 MiB.

    Returns:
        One Sheet for each image that the file speaks of; one without marks says that there is no railcar.

    Raises:
        InputError: The format is not known, or an object in it cannot be used; the message names it.
    """
    text = read_text(path, LIMIT_BYTES)
    if not text.strip() and path.suffix.lower() == ".txt":
        return [Sheet(path, path.stem, ())]  # how DOTA says that there is nothing
    if text.lstrip()[:1] not in ("{", "["):
        return [dota(path, text)]
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {str(error)[:200]}") from error
    return _reader(path, data)(path, data)


def _reader(path: Path, data: object) -> Callable[[Path, Any], list[Sheet]]:
    """The reader for what the JSON holds."""
    if isinstance(data, list) and data and all(isinstance(task, dict) for task in data):
        if any("annotations" in task for task in data):
            return label_studio
    elif isinstance(data, dict):
        if data.get("type") in ("FeatureCollection", "Feature", "Polygon", "MultiPolygon"):
            return _geojson
        for keys, reader in (
            ({"images", "annotations"}, coco),
            ({"data", "annotations"}, lambda path, task: label_studio(path, [task])),
            ({"scenes", "simulated"}, _archive_truth),
            ({"boxes"}, _own),
        ):
            if keys <= set(data):
                return reader
    raise InputError(f"{path} holds no labels that are known ({short(data)}): give {FORMATS}")


def _own(path: Path, data: Mapping[str, Any]) -> list[Sheet]:
    """``image``, ``gsd_m``, ``boxes``, ``ignore``: the form of the hand labels and of the painter."""
    marks = []
    for i, box in enumerate(listed(str(path), data["boxes"], "boxes"), 1):
        label = f"{path}: box {i}"
        box = mapping(label, box)
        cx, cy, angle = (number(label, box.get(key), key) for key in ("cx", "cy", "angle_deg"))
        length, width = (side(label, box.get(key), key) for key in ("length_px", "width_px"))
        role: Role = "doubtful" if box.get("centre_inside") is False else "railcar"
        points = turned_box(cx, cy, length, width, angle)
        marks.append(Mark(label, points, word_of(box.get("kind")), role))
    for i, line in enumerate(listed(str(path), data.get("ignore", []), "ignore"), 1):
        label = f"{path}: ignore {i}"
        marks.append(Mark(label, positions(label, line), role="ignore"))
    image = data.get("image", path.stem)
    if not isinstance(image, str):
        raise InputError(f"{path}: image is {short(image)}: write the image's file name")
    gsd = data.get("gsd_m")
    return [Sheet(path, image, tuple(marks), gsd_m=None if gsd is None else number(str(path), gsd, "gsd_m"))]


def _archive_truth(path: Path, data: Mapping[str, Any]) -> list[Sheet]:
    """``truth.json`` of a painted archive: boxes in degrees and metres."""
    sheets = []
    for i, scene in enumerate(listed(str(path), data["scenes"], "scenes"), 1):
        scene = mapping(f"{path}: scene {i}", scene)
        if "boxes" not in scene:
            continue  # painted too coarse to show a wagon
        where = f"{path}: scene {short(scene.get('id'))}"
        marks = []
        for j, box in enumerate(listed(where, scene["boxes"], "boxes"), 1):
            label = f"{where}, box {j}"
            marks.append(Mark(label, _on_globe(label, mapping(label, box)), word_of(box.get("kind"))))
        sheets.append(Sheet(path, word_of(scene.get("id")), tuple(marks), pixel=False))
    return sheets


def _on_globe(label: str, box: Mapping[str, Any]) -> NDArray[np.float64]:
    lon, lat, heading = (number(label, box.get(key), key) for key in ("lon", "lat", "heading_deg"))
    if abs(lon) > DEGREES[0] or abs(lat) > DEGREES[1]:
        raise InputError(f"{label}: [{lon}, {lat}] is not on the globe")
    length, width = (min(side(label, box.get(key), key), 1e4) for key in ("length_m", "width_m"))
    # East and north of the centre; a heading is clockwise from north.
    corners = turned_box(0.0, 0.0, length, width, heading - 90.0) * [1, -1]
    azimuth = np.rad2deg(np.arctan2(corners[:, 0], corners[:, 1]))
    x, y, _ = _GEOD.fwd(np.full(4, lon), np.full(4, lat), azimuth, np.hypot(*corners.T))
    return np.stack([x, y], axis=1)


def _geojson(path: Path, data: Mapping[str, Any]) -> list[Sheet]:
    """Polygons drawn in QGIS, on the map or in pixels; ``image`` may say which image each is of."""
    collection = read_geojson(path)
    flagged = {f.properties.get("coordinates") == "pixel" for f in collection.features}
    if len(flagged) > 1:
        raise InputError(f"{path}: some features say coordinates: pixel, others do not; write all alike")
    pixel: bool | None = True
    if flagged != {True} and not (collection.default_crs and beyond_degrees(collection.features)):
        pixel = None if collection.default_crs else False
        collection = collection.to_lonlat()
    by_image: dict[str, list[Mark]] = defaultdict(list)
    for feature in collection.features:
        by_image[file_name(feature.properties.get("image")) or path.stem].append(_of_feature(feature))
    if not by_image:
        by_image[path.stem] = []
    return [Sheet(path, image, tuple(marks), pixel) for image, marks in by_image.items()]


def _of_feature(feature: Feature) -> Mark:
    told = (feature.properties.get(key) for key in ("class", "label", "kind", "role"))
    word = next((word for value in told if (word := word_of(value))), "")
    role = role_of(word, feature.properties.get("ignore") is True)
    if feature.kind == "LineString" and role == "doubtful":
        return Mark(feature.label, feature.only_part()[0], word, "ignore")
    if feature.kind != "Polygon":
        raise InputError(
            f"{feature.label} is a {feature.kind}: draw each railcar as a polygon, and stretches of track "
            "where nobody can tell as lines with the property ignore: true"
        )
    return Mark(feature.label, feature.only_part()[0], word, role)
