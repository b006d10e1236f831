"""Write an image as a GeoTIFF that this program, QGIS and GDAL read back: the same input, the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp

from imagery.errors import InputError
from imagery.sensors import CLASS_BANDS
from imagery.sources.files.rasterfile import RGB, quiet
from imagery.whole import written

Compression = Literal["zstd", "deflate", "jpeg"]


def write_cog(
    path: Path,
    pixels: NDArray[Any],
    grid: GeoBox,
    bands: Sequence[str],
    *,
    tags: Mapping[str, str] | None = None,
    nodata: float | None = None,
    compress: Compression = "zstd",
    jpeg_quality: int = 90,
) -> None:
    """Write a cloud-optimised GeoTIFF (256-pixel tiles, overviews) under a temporary name, then rename it.

    Args:
        path: Where to; its folder must exist.
        pixels: (bands, rows, cols); integers or floats.
        grid: Where it lies; a grid without CRS is written without a map position.
        bands: Name of each band, kept as its description.
        tags: TIFF metadata, such as ``TIFFTAG_DATETIME`` (``2023:10:05 02:15:00``), ``YARDWATCH_SIMULATED``.
        nodata: Stored value that means no data.
        compress: ``zstd`` or ``deflate`` lose nothing; ``jpeg`` is for 8-bit pictures without nodata.
        jpeg_quality: 1 to 100.

    Raises:
        InputError: Shapes do not fit, JPEG is asked for what it cannot hold, or the disk is full.
    """
    rows, cols = grid.shape
    if pixels.shape != (len(bands), rows, cols):
        raise InputError(f"{path.name}: pixels {pixels.shape} do not fit {(len(bands), rows, cols)}")
    options: dict[str, Any] = {"compress": compress}
    if compress == "jpeg":
        if pixels.dtype != np.uint8 or nodata is not None or len(bands) not in (1, 3):
            raise InputError(f"{path.name}: JPEG holds 1 or 3 bands of 8 bits without nodata")
        options["quality"] = jpeg_quality
    else:
        options["predictor"] = "YES"
    data = _encoded(pixels, grid, bands, tags or {}, nodata, options)
    with written(path) as partial:
        partial.write_bytes(data)


def _encoded(
    pixels: NDArray[Any],
    grid: GeoBox,
    bands: Sequence[str],
    tags: Mapping[str, str],
    nodata: float | None,
    options: Mapping[str, Any],
) -> bytes:
    """The file's bytes. GDAL itself writes none to a disk: closing, it says nothing of one that is full."""
    with quiet(), rasterio.MemoryFile() as memory:
        with memory.open(
            driver="COG",
            height=pixels.shape[1],
            width=pixels.shape[2],
            count=len(bands),
            dtype=pixels.dtype,
            crs=None if grid.crs is None else str(grid.crs),
            # Local grids are metres from the corner: that is no map position.
            transform=None if grid.crs is None else grid.affine,
            nodata=nodata,
            blocksize=256,
            overview_resampling="nearest" if CLASS_BANDS & set(bands) else "average",
            num_threads=1,
            **options,
        ) as dataset:
            dataset.write(pixels)
            dataset.descriptions = tuple(bands)
            if tuple(bands[:3]) == RGB:
                rest = [ColorInterp.undefined] * (len(bands) - 3)
                dataset.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, *rest]
            dataset.update_tags(**dict(sorted(tags.items())))
        return bytes(memory.getbuffer())
