"""The files that a peer and ours read, made once in a temporary folder."""

from __future__ import annotations

import csv
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from benchmarks.scale_rows.measure import DATA
from imagery.sources.files.write import write_cog

PICTURES = 8


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="yardwatch-peers-")  # kept until the process ends


def _empty(name: str) -> Path:
    folder = Path(_folder().name, name)
    folder.mkdir(exist_ok=True)
    return folder


def pictures() -> Path:
    """The largest pictures of real ground at 0.6 m."""
    with (DATA / "backgrounds" / "index.csv").open(encoding="utf-8") as stream:
        entries = [row for row in csv.DictReader(stream) if float(row["gsd_m"]) == 0.6]
    entries.sort(key=lambda row: (-int(row["width"]) * int(row["height"]), row["file"]))
    folder = _empty("pictures")
    for row in entries[:PICTURES]:
        shutil.copy(DATA / "backgrounds" / row["file"], folder)
    return folder


def window_files() -> Path:
    """One band of a real port as a cloud-optimised GeoTIFF."""
    folder = _empty("windows")
    with rasterio.open(DATA / "ports" / "gdynia_B02.tiff") as source:
        grid = GeoBox(source.shape, source.transform, "EPSG:3857")
        write_cog(folder / "S2A_20200101T101000_B02.tif", source.read(), grid, ["B02"], nodata=0)
    return folder


def cube() -> Path:
    """SIMULATED reflectance (dates, rows, cols) with gaps, and its days."""
    rng = np.random.default_rng(5)
    values = rng.normal(0.2, 0.02, (120, 96, 96)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    folder = _empty("cube")
    np.save(folder / "values.npy", values)
    np.save(
        folder / "days.npy", np.arange(np.datetime64("2018-01-01"), np.datetime64("2018-01-01") + 1200, 10)
    )
    return folder
