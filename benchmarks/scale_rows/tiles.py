"""What a run costs by the number of its tiles: from finding them to the sealed dossier."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.scale_rows.measure import Row, child, cpu_seconds
from evidence.config import RunConfig
from evidence.execute.local import Threads
from evidence.run import run
from imagery.sources.files.write import write_cog

COUNTS = {100: 5, 1_000: 3, 10_000: 1}
"""Tiles of a run, and how often it is repeated: neighbours of a busy core move a short run by a tenth."""
SIDE = 48
GRID = GeoBox((SIDE, SIDE), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
DIFFERENT = 10
"""Files of noise; all others are links to them, under names and dates of their own."""


def rows() -> Iterator[Row]:
    """CPU seconds of whole runs, and how far the cost of a further tile moves."""
    spent = {}
    for count, often in COUNTS.items():
        every = [child("benchmarks.scale_rows.tiles", str(count))["cpu_s"] for _ in range(often)]
        spent[count] = statistics.median(every)
        data = f"SIMULATED, {SIDE} x {SIDE} pixels, edges; median of {often}"
        yield Row(f"a run over {count} tiles", spent[count], "CPU s", data)
    few, some, many = COUNTS
    first, later = (spent[some] - spent[few]) / (some - few), (spent[many] - spent[some]) / (many - some)
    yield Row("a further tile, 100 to 1,000", 1000 * first, "CPU ms", "from the runs above")
    yield Row("a further tile, 1,000 to 10,000", 1000 * later, "CPU ms", "from the runs above")
    yield Row("cost of a further tile, later over first, less 1", later / first - 1, "", "", at_most=0.05)


def tiles(folder: Path, count: int) -> None:
    """A folder of tiny images, a date each."""
    rng = np.random.default_rng(1)
    for k in range(DIFFERENT):
        noise = rng.integers(0, 255, (3, SIDE, SIDE)).astype(np.uint8)
        write_cog(folder / f".{k}.tif", noise, GRID, ("red", "green", "blue"))
    for k in range(count):
        day = date(1990, 1, 1) + timedelta(days=k)
        os.link(folder / f".{k % DIFFERENT}.tif", folder / f"yard_{day:%Y%m%d}.tif")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        there = Path(where, "tiles")
        there.mkdir()
        tiles(there, int(sys.argv[1]))
        begun = cpu_seconds()
        run(
            RunConfig(tiles=(there,), detector="edges", pictures=0),
            Path(where, "out"),
            "c",
            executor=Threads(1),
        )
        print(json.dumps({"cpu_s": cpu_seconds() - begun}))
