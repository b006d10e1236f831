"""A STAC Item beside a raster that was made here, so that catalogues and QGIS find it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.grid import ground_gsd, pixel_to_lonlat
from imagery.whole import written

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"


def write_item(
    path: Path,
    name: str,
    moment: datetime,
    grid: GeoBox,
    bands: Sequence[Mapping[str, Any]],
    properties: Mapping[str, Any],
    files: Sequence[str],
) -> None:
    """Write the Item of a cloud-optimised GeoTIFF.

    Args:
        path: Where to.
        name: Its id.
        moment: When its ground was seen, UTC.
        grid: Where it lies; it must have a CRS.
        bands: Fields of each band in STAC's words, in file order.
        properties: What else is known; ``yardwatch:made`` among it.
        files: Names of the raster and of its QGIS style, which lie beside the Item.
    """
    ring = np.round(pixel_to_lonlat(grid, _ring(grid)), 7)
    item = pystac.Item(
        name,
        {"type": "Polygon", "coordinates": [ring.tolist()]},
        [*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()],
        moment,
        {
            **properties,
            "gsd": round(ground_gsd(grid), 3),
            **_crs_of(grid),
            "proj:shape": list(grid.shape),
            "proj:transform": [float(value) for value in grid.affine[:6]],
        },
        stac_extensions=[PROJECTION],
    )
    raster, style = files
    kind, title = pystac.MediaType.COG, str(properties.get("title", name))
    fields = {"bands": [dict(band) for band in bands]}
    item.add_asset("data", pystac.Asset(f"./{raster}", title, None, kind, ["data"], fields))
    item.add_asset(
        "style",
        pystac.Asset(f"./{style}", "How QGIS shows it", media_type="application/xml", roles=["metadata"]),
    )
    text = json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False), indent=1)
    with written(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def _crs_of(grid: GeoBox) -> dict[str, str]:
    assert grid.crs is not None
    return {"proj:code": f"EPSG:{grid.crs.epsg}"} if grid.crs.epsg else {"proj:wkt2": grid.crs.to_wkt()}


def _ring(grid: GeoBox) -> NDArray[np.float64]:
    """The grid's corners (5, 2) in pixels, counter-clockwise on the ground where north is up."""
    rows, cols = grid.shape
    return np.array([[0, rows], [cols, rows], [cols, 0], [0, 0], [0, rows]], dtype=np.float64)
