"""What reading windows costs, beside plain rasterio and its peers, on the same files in one run.

Each reader runs in a process of its own, in turn, several rounds; CPU seconds are those of the whole process
over the reading alone, memory is its peak above what it held once everything was imported.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from imagery.reader import open_scene
from imagery.scenes import Scene
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import ROI, windows

BANDS = ("B02", "B03", "B04", "B08", "B11")
SCENES, SIDE, AGAIN, ROUNDS = 6, 512, 40, 7
SEED = 7
GOALS = {"over_rasterio": 1.1, "rioxarray_dask_over_ours": 1.8, "extra_memory_mib": 100}
WORKS = {
    "once": f"{SCENES} scenes opened in turn, each read once in windows of {SIDE} x {SIDE} pixels",
    "again": f"one scene opened once, {AGAIN} random windows of {SIDE // 2} x {SIDE // 2} pixels",
}
"""``once`` is what a run does; ``again`` mostly meets blocks that GDAL has decoded already."""

Work = list[tuple[int, list[ROI]]]
"""Index of a scene and the windows to read in it."""
Reader = Callable[[Path, Work], float]


def prepare(data: Path, folder: Path) -> None:
    """One port's real bands as tiles that fetching writes, a cloud-optimised GeoTIFF each, SCENES times."""
    for band in BANDS:
        with rasterio.open(data / "ports" / f"gdynia_{band}.tiff") as source:
            grid = GeoBox(source.shape, source.transform, "EPSG:3857")
            pixels = source.read()
        for scene in range(SCENES):
            write_cog(file_of(folder, scene, band), pixels, grid, [band], nodata=0)


def file_of(folder: Path, scene: int, band: str) -> Path:
    """Where a band of a scene lies."""
    return folder / f"S2A_202001{scene + 1:02d}T101000_{band}.tif"


def work_of(name: str, folder: Path) -> Work:
    """The same windows for all readers."""
    with rasterio.open(file_of(folder, 0, BANDS[0])) as source:
        shape = source.shape
    if name == "once":
        return [(scene, list(windows(shape, SIDE, 0))) for scene in range(SCENES)]
    half = SIDE // 2
    rng = np.random.default_rng(SEED)
    corners = rng.integers(0, np.array(shape) - half, (AGAIN, 2))
    return [(0, [(slice(int(r), int(r) + half), slice(int(c), int(c) + half)) for r, c in corners])]


def check(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    """A figure that shows whether all readers saw the same."""
    return float(pixels[:, ::101, ::101].sum(dtype=np.float64)) + float(valid[::101, ::101].sum())


@cache
def inventory(folder: Path) -> tuple[Scene, ...]:
    """The scenes of the folder: read once, outside the time."""
    return find_scenes([folder]).scenes


def ours(folder: Path, work: Work) -> float:
    """``open_scene(...).read``: pixels and mask on the grid."""
    scenes = inventory(folder)
    total = 0.0
    for index, rois in work:
        with open_scene(scenes[index]) as raster:
            for roi in rois:
                tile = raster.read(roi, BANDS)
                total += check(tile.pixels, tile.valid)
    return total


def rasterio_windows(folder: Path, work: Work) -> float:
    """The same pixels and mask with rasterio alone."""
    total = 0.0
    for index, rois in work:
        files = [rasterio.open(file_of(folder, index, band)) for band in BANDS]
        for roi in rois:
            window = Window.from_slices(*roi)
            pixels = np.stack([file.read(1, window=window) for file in files])
            total += check(pixels, (pixels != 0).all(axis=0))
        for file in files:
            file.close()
    return total


def odc_stac(folder: Path, work: Work) -> float:
    """odc-stac without dask, a load a window."""
    load = importlib.import_module("odc.stac").load
    total = 0.0
    for index, rois in work:
        item, grid = stac_item(folder, index)
        for roi in rois:
            loaded = load([item], bands=list(BANDS), geobox=grid[roi], chunks=None)
            pixels = np.stack([loaded[band].values[0] for band in BANDS])
            total += check(pixels, (pixels != 0).all(axis=0))
    return total


def odc_stac_dask(folder: Path, work: Work) -> float:
    """odc-stac with dask, a lazy load a scene, a window computed at a time."""
    load = importlib.import_module("odc.stac").load

    def lazy(index: int) -> Any:
        item, grid = stac_item(folder, index)
        loaded = load([item], bands=list(BANDS), geobox=grid, chunks={"x": SIDE, "y": SIDE})
        return [loaded[band].isel(time=0).data for band in BANDS]

    return _computed(work, lazy)


def rioxarray_dask(folder: Path, work: Work) -> float:
    """Rioxarray with dask, a lazy opening a band, a window computed at a time."""
    open_rasterio = importlib.import_module("rioxarray").open_rasterio

    def lazy(index: int) -> Any:
        files = [file_of(folder, index, band) for band in BANDS]
        return [open_rasterio(file, chunks={"x": SIDE, "y": SIDE}).isel(band=0).data for file in files]

    return _computed(work, lazy)


def _computed(work: Work, lazy: Callable[[int], Any]) -> float:
    dask = importlib.import_module("dask")
    total = 0.0
    with dask.config.set(scheduler="synchronous"):
        for index, rois in work:
            bands = lazy(index)
            for rows, cols in rois:
                pixels = np.stack(dask.compute(*[band[rows, cols] for band in bands]))
                total += check(pixels, (pixels != 0).all(axis=0))
    return total


def stac_item(folder: Path, scene: int) -> tuple[Any, GeoBox]:
    """A STAC Item of the files with what odc-stac wants to know, and their grid."""
    pystac = importlib.import_module("pystac")
    with rasterio.open(file_of(folder, scene, BANDS[0])) as source:
        grid = GeoBox(source.shape, source.transform, "EPSG:3857")
    west, south, east, north = grid.extent.to_crs("EPSG:4326").boundingbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    facts = {"proj:epsg": 3857, "proj:shape": list(grid.shape), "proj:transform": list(grid.affine)[:6]}
    item = pystac.Item(
        "port",
        {"type": "Polygon", "coordinates": [ring]},
        [west, south, east, north],
        pystac.utils.str_to_datetime("2020-01-01T10:10:00Z"),
        facts,
        stac_extensions=["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
    )
    raster = {"raster:bands": [{"data_type": "uint16", "nodata": 0}]}
    for band in BANDS:
        path = str(file_of(folder, scene, band))
        item.add_asset(band, pystac.Asset(path, media_type="image/tiff", roles=["data"], extra_fields=raster))
    return item, grid


READERS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "yardwatch": (ours, ()),
    "rasterio windows": (rasterio_windows, ()),
    "odc-stac": (odc_stac, ("odc.stac",)),
    "odc-stac with dask": (odc_stac_dask, ("odc.stac", "dask")),
    "rioxarray with dask": (rioxarray_dask, ("rioxarray", "dask")),
}
"""How each reads, and what it needs beyond the project's own packages."""


def compare(data: Path) -> dict[str, Any]:
    """Every reader that is installed, in turn; ratios are medians over rounds."""
    skipped = {
        name: f"{package} is not installed"
        for name, (_, needs) in READERS.items()
        for package in needs
        if importlib.util.find_spec(package) is None
    }
    names = [name for name in READERS if name not in skipped]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(data, folder)
        works = {work: _rounds(work, names, folder) for work in WORKS}
    return {
        "files": f"one real port scene, {len(BANDS)} bands, a cloud-optimised GeoTIFF each (zstd, 256)",
        "rounds": ROUNDS,
        "works": {work: {"what": WORKS[work], **found} for work, found in works.items()},
        "skipped": skipped,
        "goals": GOALS,
    }


def _rounds(work: str, names: list[str], folder: Path) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            found[name].append(_measured(name, work, folder))
    base, own = (
        np.array([row["cpu_s"] for row in found[name]]) for name in ("rasterio windows", "yardwatch")
    )
    readers = {
        name: {
            "cpu_s": float(np.median([row["cpu_s"] for row in rows])),
            "over_rasterio": float(np.median([row["cpu_s"] for row in rows] / base)),
            "over_ours": float(np.median([row["cpu_s"] for row in rows] / own)),
            "extra_memory_mib": float(np.median([row["extra_memory_mib"] for row in rows])),
        }
        for name, rows in found.items()
    }
    return {
        "same_pixels": len({row["sum"] for rows in found.values() for row in rows}) == 1,
        "readers": readers,
    }


def _measured(name: str, work: str, folder: Path) -> dict[str, float]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--reader", name, "--work", work, "--folder", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if run.returncode:
        raise SystemExit(f"{name} failed:\n{run.stderr}")
    answer: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return answer


def table(cost: dict[str, Any]) -> Iterator[str]:
    """For the page."""
    goals = cost["goals"]
    yield f"Reading {cost['files']}; medians of {cost['rounds']} rounds, each reader in a process of its own;"
    yield "files are opened inside the time, the inventory of the folder is not. Goals:"
    yield f"{goals['over_rasterio']} times rasterio windows, {goals['extra_memory_mib']} MiB, and rioxarray"
    yield f"with dask at least {goals['rioxarray_dask_over_ours']} times ours."
    for work in cost["works"].values():
        yield from ("", f"{work['what']} (the same pixels from all: {work['same_pixels']}):", "")
        yield "| reader | CPU s | over rasterio | over yardwatch | extra memory, MiB |"
        yield "|---|---|---|---|---|"
        for name, row in work["readers"].items():
            ratios = [f"{row[key]:.2f}" for key in ("over_rasterio", "over_ours")]
            cells = (f"{row['cpu_s']:.2f}", *ratios, f"{row['extra_memory_mib']:.0f}")
            yield f"| {name} | {' | '.join(cells)} |"
        for name, reason in cost["skipped"].items():
            yield f"| {name} | skipped: {reason} | | | |"


def _peak_mib() -> float:
    """Most memory this process has held; Linux only, where ru_maxrss would count the parent's too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Run one reader and print what it cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reader", choices=READERS, required=True)
    parser.add_argument("--work", choices=WORKS, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    read, needs = READERS[chosen.reader]
    for package in (*needs, "pystac"):
        importlib.import_module(package)
    work = work_of(chosen.work, chosen.folder)
    inventory(chosen.folder)
    before, start = _peak_mib(), time.process_time()
    total = read(chosen.folder, work)
    cost = time.process_time() - start
    print(json.dumps({"cpu_s": cost, "extra_memory_mib": _peak_mib() - before, "sum": total}))


if __name__ == "__main__":
    main()
