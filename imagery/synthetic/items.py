"""STAC Items of painted scenes: each says SIMULATED in its title and its properties."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from imagery.grid import pixel_to_lonlat
from imagery.whole import written

_EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
]


def tags(moment: datetime, sensor: str) -> dict[str, str]:
    """TIFF tags of a painted file."""
    return {
        "TIFFTAG_DATETIME": moment.strftime("%Y:%m:%d %H:%M:%S"),
        "YARDWATCH_SENSOR": sensor,
        "YARDWATCH_SIMULATED": "SIMULATED",
    }


def asset(
    file: str, grid: GeoBox, bands: Sequence[str], raster: Sequence[Mapping[str, Any]], title: str
) -> dict[str, Any]:
    """One file of an Item.

    Args:
        file: Its name, beside the Item.
        grid: Where it lies.
        bands: Names, in file order.
        raster: Type, scale, offset and nodata of each band.
        title: In words.
    """
    return {
        "href": f"./{file}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": f"SIMULATED {title}",
        "roles": ["data"],
        "gsd": float(grid.affine.a),
        "eo:bands": [{"name": band} for band in bands],
        "raster:bands": list(raster),
        "proj:shape": list(grid.shape),
        "proj:transform": [float(value) for value in grid.affine[:6]],
    }


def item(
    name: str,
    moment: datetime,
    grid: GeoBox,
    sun: tuple[float, float] | None,
    properties: Mapping[str, Any],
    assets: Mapping[str, Any],
) -> dict[str, Any]:
    """A STAC 1.0 Item.

    Args:
        name: Its id.
        moment: UTC.
        grid: Of its finest file.
        sun: Azimuth and elevation in degrees; None for radar.
        properties: What else is known.
        assets: Its files by key.
    """
    rows, cols = grid.shape
    corners = np.array([[0, rows], [cols, rows], [cols, 0], [0, 0], [0, rows]], dtype=np.float64)
    lit = {"view:sun_azimuth": round(sun[0], 3), "view:sun_elevation": round(sun[1], 3)} if sun else {}
    ring = np.round(pixel_to_lonlat(grid, corners), 7)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": _EXTENSIONS,
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]},
        "bbox": [*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()],
        "properties": {
            "datetime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "license": "Apache-2.0",
            "proj:epsg": grid.crs.epsg if grid.crs else None,
            "proj:shape": list(grid.shape),
            **lit,
            "yardwatch:simulated": True,
            **properties,
        },
        "links": [],
        "assets": dict(assets),
    }


def write_json(path: Path, value: object) -> None:
    """Write JSON, one line an entry, the same bytes for the same value."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
