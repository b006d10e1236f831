"""The files that a peer and ours read, made once in a temporary folder."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

from benchmarks import reading_cost
from benchmarks.scale_rows.measure import DATA
from imagery.reader import open_scene
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.visibility import believable

TILES = 200
JOINED = 10
"""Tiles along each side of a joined picture: of 256 pixels, 2560, where slices of 640 share .2."""
SIDE = 512
"""Of a window."""
DATES = 6
"""Of the port; the same pixels each time."""


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="yardwatch-peers-")  # kept until the process ends


def _empty(name: str) -> Path:
    folder = Path(_folder().name, name)
    folder.mkdir()
    return folder


def _index(folder: str) -> list[dict[str, str]]:
    with (DATA / folder / "index.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _sizes(folder: Path, gsd_m: Iterable[tuple[str, float]]) -> Path:
    """Say how large a pixel of each picture is; PNG cannot."""
    (folder / "gsd.json").write_text(json.dumps(dict(gsd_m)), encoding="utf-8")
    return folder


@cache
def tiles() -> Path:
    """200 tiles of real ground at 0.6 m, 256 x 256 pixels each, evenly out of all that there are."""
    rows = sorted(row["file"] for row in _index("backgrounds") if float(row["gsd_m"]) == 0.6)
    folder = _empty("tiles")
    for i in np.linspace(0, len(rows) - 1, TILES).round().astype(int):
        shutil.copy(DATA / "backgrounds" / rows[i], folder)
    return _sizes(folder, ((path.name, 0.6) for path in folder.glob("*.png")))


@cache
def joined() -> Path:
    """The same ground in two pictures of 2560 x 2560 pixels."""
    files = sorted(tiles().glob("*.png"))
    folder = _empty("joined")
    for k in range(TILES // JOINED**2):
        part = [np.asarray(Image.open(file).convert("RGB")) for file in files[k * JOINED**2 :][: JOINED**2]]
        rows = [np.concatenate(part[i : i + JOINED], axis=1) for i in range(0, len(part), JOINED)]
        Image.fromarray(np.concatenate(rows)).save(folder / f"{k}.png")
    return _sizes(folder, ((path.name, 0.6) for path in folder.glob("*.png")))


@cache
def yards() -> Path:
    """Real pictures with railcars and with the axes of their tracks."""
    folder = _empty("yards")
    (folder / "tracks").mkdir()
    gsd_m = {}
    for row in _index("railcars"):
        axes = DATA / "railcars" / "tracks" / f"{Path(row['file']).stem}.geojson"
        if axes.exists():
            shutil.copy(DATA / "railcars" / row["file"], folder)
            shutil.copy(axes, folder / "tracks")
            gsd_m[row["file"]] = float(row["gsd_m"])
    return _sizes(folder, gsd_m.items())


@cache
def port() -> Path:
    """A real port, a GeoTIFF a band: cut to whole windows of square pixels, so that nobody resamples."""
    folder = _empty("port")
    for band in reading_cost.BANDS:
        with rasterio.open(DATA / "ports" / f"gdynia_{band}.tiff") as source:
            rows, cols = (length // SIDE * SIDE for length in source.shape)
            corner = Affine(10, 0, source.transform.c, 0, -10, source.transform.f)
            grid = GeoBox((rows, cols), corner, "EPSG:3857")
            file = folder / f"S2A_20200101T101000_{band}.tif"
            write_cog(file, source.read()[:, :rows, :cols], grid, [band], nodata=0)
    return folder


@cache
def items() -> Path:
    """The port at six dates with a STAC Item each."""
    folder = _empty("items")
    reading_cost.prepare(DATA, folder)
    for scene in range(DATES):
        item, _ = reading_cost.stac_item(folder, scene)
        item.id = f"port-{scene}"
        item.datetime = item.datetime.replace(day=scene + 1)
        item.save_object(include_self_link=False, dest_href=str(folder / f"{item.id}.json"))
    return folder


@cache
def cube() -> Path:
    """Real reflectance (dates, bands, rows, cols), NaN under cloud, the last date clear; and their days."""
    files = sorted((DATA / "sentinel-real").glob("S2_L2A_*.nc"))
    values, days = [], []
    for scene in find_scenes(files).scenes:
        with open_scene(scene) as raster:
            tile = raster.read()
        assert scene.taken_at is not None
        pixels = np.stack([tile.band(band) for band in ("B02", "B03", "B04", "B08")]).astype(np.float32)
        values.append(np.where(believable(tile), pixels, np.float32(np.nan)))
        days.append(np.datetime64(scene.taken_at.date()))
    while np.isnan(values[-1]).mean() > 0.5:
        values.pop()
    folder = _empty("cube")
    np.save(folder / "values.npy", np.stack(values))
    np.save(folder / "days.npy", np.array(days[: len(values)]))
    return folder
