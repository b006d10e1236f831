"""Copied windows into a tile folder: COGs beside their STAC Item, whole or not there at all.

Everything of an Item is written into a hidden folder beside its own, brought to the disk, and then renamed
once. The files follow from the copied windows and the offer alone: no clock, no host name.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import ground_gsd, pixel_to_lonlat
from imagery.sources.files.write import write_cog
from imagery.sources.network.copy import Piece
from imagery.sources.network.secret import redact
from imagery.sources.offers import Offer, RemoteBand
from imagery.sources.remote_bands import CLOUD_BAND
from imagery.whole import written

PARTIAL = ".part"
"""Ending of the hidden folder that an Item is written into."""
MAX_ITEM_BYTES = 2**20
_NO_PERCENT = 255  # what a cloud probability never is; 0 is one
_EXTENSIONS = [
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
]
_PLACED = {
    "transform": "on their own grid",
    "gcps": "placed by their ground control points (thin-plate spline, nearest pixel)",
}
_OURS = ("proj:", "raster:", "file:", "yardwatch:")
_KEPT = ("yardwatch:simulated", "yardwatch:quantity", "yardwatch:rule_source")


@dataclass(frozen=True)
class Landed:
    """An Item that is wholly there."""

    folder: Path
    """Its folder."""
    size_bytes: int
    """Of its images."""


def folder_of(out: Path, site: str, offer: Offer) -> Path:
    """Where an offer's Item lies: ``OUT/site/sensor/year/id``."""
    return out / site / offer.sensor / f"{offer.taken_at:%Y}" / offer.id


def landed(folder: Path) -> Landed | None:
    """The Item in a folder; None where there is none, or a file of it is missing or cut off."""
    try:
        with (folder / f"{folder.name}.json").open("rb") as file:
            assets = json.loads(file.read(MAX_ITEM_BYTES))["assets"].values()
        sizes = {folder / asset["href"]: asset["file:size"] for asset in assets}
        whole = bool(sizes) and all(path.stat().st_size == size for path, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Landed(folder, sum(sizes.values())) if whole else None


def land(folder: Path, site: str, offer: Offer, pieces: Mapping[str, Piece]) -> Landed:
    """Write an Item and its images.

    Args:
        folder: As folder_of says; what is there and not whole is replaced.
        site: Id of the site that the windows were cut for.
        offer: What it was copied from.
        pieces: By band, at least one.

    Raises:
        InputError: The disk cannot be written to.
    """
    partial = folder.with_name(f".{folder.name}{PARTIAL}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        assets = {}
        for name, piece in sorted(pieces.items()):
            assets[name] = _asset(partial / f"{name}.tif", offer, offer.band(name), piece)
        item = _item(site, offer, pieces, assets)
        text = json.dumps(item, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with written(partial / f"{folder.name}.json") as path:
            path.write_text(text, encoding="utf-8", newline="\n")
        for path in (*sorted(partial.iterdir()), partial):
            sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        sync(folder.parent)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error}); free the disk or choose another --out"
        ) from error
    return Landed(folder, sum(asset["file:size"] for asset in assets.values()))


def sweep(out: Path) -> None:
    """Remove what an interrupted run has left half-written."""
    for partial in out.glob(f"*/*/*/.*{PARTIAL}"):
        shutil.rmtree(partial)
    for partial in out.glob(f"*/.*{PARTIAL}"):
        partial.unlink()


def sync(path: Path) -> None:
    """Bring a file's bytes, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _asset(path: Path, offer: Offer, band: RemoteBand, piece: Piece) -> dict[str, Any]:
    nodata = _NO_PERCENT if band.name == CLOUD_BAND else piece.nodata if band.nodata is None else band.nodata
    stamp = f"{offer.taken_at:%Y:%m:%d %H:%M:%S}"
    tags = {"TIFFTAG_DATETIME": stamp, "YARDWATCH_SENSOR": offer.sensor}
    if offer.properties.get("yardwatch:simulated") is True:
        tags["YARDWATCH_SIMULATED"] = "SIMULATED"
    write_cog(path, piece.pixels[None], piece.grid, [band.name], tags=tags, nodata=nodata)
    data = path.read_bytes()
    raster = {"data_type": str(piece.pixels.dtype), "scale": band.scale, "offset": band.offset}
    if nodata is not None:
        raster["nodata"] = nodata if math.isfinite(nodata) else "nan"
    source: dict[str, Any] = {"href": band.href}
    if band.checksum:
        source["file:checksum"] = band.checksum
    return {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "gsd": band.gsd_m or round(ground_gsd(piece.grid), 3),
        "eo:bands": [{"name": band.name}],
        "raster:bands": [raster],
        "proj:shape": list(piece.grid.shape),
        "proj:transform": [float(value) for value in piece.grid.affine[:6]],
        "file:checksum": "1220" + hashlib.sha256(data).hexdigest(),
        "file:size": len(data),
        "alternate": {"source": source},
    }


def _item(site: str, offer: Offer, pieces: Mapping[str, Piece], assets: Mapping[str, Any]) -> dict[str, Any]:
    grid: GeoBox = min((piece.grid for piece in pieces.values()), key=ground_gsd)
    rows, cols = grid.shape
    corners = np.array([[0, rows], [cols, rows], [cols, 0], [0, 0], [0, rows]], dtype=np.float64)
    ring = np.round(pixel_to_lonlat(grid, corners), 7)
    facts = {
        key: redact(value) if isinstance(value, str) else value
        for key, value in offer.properties.items()
        if key in _KEPT or not key.startswith(_OURS)
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": _EXTENSIONS,
        # One picture may serve two sites: their windows are two Items.
        "id": f"{offer.id}_{site}",
        "collection": offer.collection,
        "geometry": {"type": "Polygon", "coordinates": [ring.tolist()]},
        "bbox": [*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()],
        "properties": {**facts, **_stated(site, offer, grid)},
        "links": [],
        "assets": dict(assets),
    }


def _stated(site: str, offer: Offer, grid: GeoBox) -> dict[str, Any]:
    """What the offer says by the rules of this program, over whatever the catalogue's Item said."""
    stated = {
        "datetime": offer.taken_at.isoformat().replace("+00:00", "Z"),
        "eo:cloud_cover": offer.cloud_cover,
        "view:sun_azimuth": offer.sun_azimuth_deg,
        "view:sun_elevation": offer.sun_elevation_deg,
        "view:azimuth": offer.view_azimuth_deg,
        "view:off_nadir": offer.off_nadir_deg,
        "sat:relative_orbit": offer.relative_orbit,
        "sat:orbit_state": offer.orbit_state or None,
        "grid:code": offer.grid_code or None,
        "processing:version": offer.baseline or None,
        "yardwatch:product": offer.product,
        "yardwatch:datatake": offer.datatake,
        "yardwatch:provider": offer.provider,
        "yardwatch:sensor": offer.sensor,
        "yardwatch:site": site,
        "yardwatch:source_id": offer.id,
        "yardwatch:rule": offer.rule,
        "proj:shape": list(grid.shape),
    }
    return {
        **{key: value for key, value in stated.items() if value is not None},
        "proj:epsg": grid.crs.epsg if grid.crs else None,
        "processing:lineage": (
            f"Windows of the files of {offer.provider}, {_PLACED[offer.placed_by]}, stored values unaltered. "
            f"Physical value = stored value x scale + offset, by rule {offer.rule}."
        ),
    }
