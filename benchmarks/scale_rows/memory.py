"""Memory over images of growing size, above what the engine takes for a small one."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from benchmarks.scale_rows.measure import Row, child, cpu_seconds, peak_mib
from evidence.observe import Place, look
from imagery.sources.folders.folder import find_scenes
from imagery.synthetic.paint import paint_chip
from models.onecore import one_core_each
from models.wagons.registry import detector

SIDES = (10_000, 40_000)
GSD = 0.2
FILLED = 0.06
"""Share of the image that holds data: enough to be looked at."""


def rows() -> Iterator[Row]:
    """Peak of a process that counts in one sparse tiled image, less that after a small image."""
    for side in SIDES:
        found = child("benchmarks.scale_rows.memory", str(side))
        data = (
            f"SIMULATED, sparse GeoTIFF of {GSD} m, {FILLED:.0%} painted yards, strips: {found['said']}; "
            f"{found['cpu_s']:.0f} CPU s"
        )
        yield Row(
            f"peak over {side:,} x {side:,}", found["above_mib"], "MiB", data,
            at_most=500.0 if side == max(SIDES) else None,
        )  # fmt: skip


def sparse(path: Path, side: int, filled: float = FILLED) -> None:
    """A tiled GeoTIFF whose first rows hold a painted yard, again and again; other blocks take no room."""
    profile = {
        "driver": "GTiff", "count": 3, "height": side, "width": side, "dtype": "uint8", "crs": "EPSG:32652",
        "transform": Affine(GSD, 0, 500_000, 0, -GSD, 4_700_000), "tiled": True, "blockxsize": 512,
        "blockysize": 512, "nodata": 0, "SPARSE_OK": True, "compress": "deflate", "zlevel": 1,
    }  # fmt: skip
    painted = paint_chip(np.random.default_rng(1), gsd_m=GSD, size=512)
    yard = np.moveaxis(np.maximum(painted.image, 1), 2, 0)
    with rasterio.open(path, "w", **profile) as target:
        for top in range(0, round(filled * side), 512):
            for left in range(0, side, 512):
                high, wide = min(512, side - top), min(512, side - left)
                window = rasterio.windows.Window(left, top, wide, high)
                target.write(yard[:, :high, :wide], window=window)


def _counted(path: Path) -> str:
    (scene,) = find_scenes([path]).scenes
    (sighting,) = look(scene, [Place()], detector("strips"), 0.9)
    return sighting.outcome.skip.reason if sighting.outcome.skip else "counted"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where, one_core_each():
        small, large = Path(where, "small_20230901.tif"), Path(where, "large_20230901.tif")
        sparse(small, 512)
        sparse(large, int(sys.argv[1]))
        _counted(small)
        engine, begun = peak_mib(), cpu_seconds()
        said = _counted(large)
        print(json.dumps({"above_mib": peak_mib() - engine, "said": said, "cpu_s": cpu_seconds() - begun}))
