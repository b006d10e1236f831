"""What is installed and what works: each check is tried, not assumed."""

from __future__ import annotations

import importlib
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from imagery.grid import local_grid
from imagery.reader import ArrayRaster, open_scene
from imagery.scenes import Asset, Scene
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from models.wagons.registry import detector, names

MODULES = {
    "rasterio": "rasterio",
    "odc-geo": "odc.geo",
    "opencv": "cv2",
    "scikit-image": "skimage",
    "torch": "torch",
    "geopandas": "geopandas",
    "pyarrow": "pyarrow",
    "xarray": "xarray",
    "h5netcdf": "h5netcdf",
    "zarr": "zarr",
    "pystac": "pystac",
    "matplotlib": "matplotlib",
    "cryptography": "cryptography",
}


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    what: str
    """In words."""
    ok: bool
    """Whether it worked."""
    detail: str
    """Version, or what went wrong and what to do."""


def checkup() -> list[Check]:
    """Try Python, every package, a raster written and read back, and every detector."""
    checks = [
        Check("Python", sys.version_info >= (3, 11), platform.python_version()),
        *(_tried(name, lambda module=module: _version(module)) for name, module in MODULES.items()),  # type: ignore[misc]
        _tried("GeoTIFF round trip", _round_trip),
        *(_tried(f"detector {name}", lambda name=name: _detects(name)) for name in names()),  # type: ignore[misc]
    ]
    return checks


def _tried(what: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(what, True, attempt())
    except Exception as error:  # whatever breaks here is exactly what the user came to learn
        return Check(what, False, f"{type(error).__name__}: {error}; run `make clean run` to install anew")


def _version(module: str) -> str:
    loaded = importlib.import_module(module)
    found = str(getattr(loaded, "__version__", "installed"))
    if module == "torch":
        found += ", CUDA" if loaded.cuda.is_available() else ", CPU only"
    return found


def _round_trip() -> str:
    pixels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check_20231005.tif"
        write_cog(path, pixels, local_grid(4, 4, 0.5), ("red", "green", "blue"))
        (scene,) = find_scenes([path], gsd_m=0.5).scenes
        with open_scene(scene) as raster:
            same = np.array_equal(raster.read().pixels, pixels)
    if not same:
        raise ValueError("pixels changed on the way")
    return f"rasterio {version('rasterio')}"


def _detects(name: str) -> str:
    scene = Scene("check", (Asset(Path("check"), ("red", "green", "blue")),))
    blank = ArrayRaster(scene, local_grid(96, 96, 0.5), np.full((3, 96, 96), 128, dtype=np.uint8))
    found = detector(name).detect(blank)
    return f"runs; {len(found)} wagons in an empty image"
