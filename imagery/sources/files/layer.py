"""One opened file of a Scene as a layer of pixels, on its own grid or brought onto another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject

from imagery.grid import cropped, ground_gsd, map_to_pixel, outline, pixel_to_map, zoomed
from imagery.scenes import Asset
from imagery.sensors import CLASS_BANDS
from imagery.tiles import ROI


class Layer(Protocol):
    """One opened Asset, read on its own grid."""

    asset: Asset
    grid: GeoBox
    bands: tuple[str, ...]
    dtype: np.dtype[Any]
    mask: str
    """What marks pixels without data, in words."""

    def read(self, roi: ROI, bands: Sequence[str], into: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        """Read a window.

        Args:
            roi: Rows and columns.
            bands: Names.
            into: An array (rows, cols) a band, which the stored values are written to; all of one shape, to
                which the window is resampled.

        Returns:
            Which pixels are data, (rows, cols).
        """
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


def resampled(layer: Layer, bands: Sequence[str], grid: GeoBox) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read a layer on another grid: bilinear, classes by the nearest pixel; no data spreads into nothing.

    Returns:
        Stored values (n, *grid.shape) and which of them are data, (*grid.shape).
    """
    # Not a number marks what is missing, so that the warp leaves it out of every mean.
    working = np.result_type(layer.dtype, np.float32)
    out = np.full((len(bands), *grid.shape), np.nan, working)
    source = _footprint(layer.grid, grid)
    if source is not None:
        window = cropped(layer.grid, *source)
        # Read no finer than will be shown, so that a quick look at a large image stays small.
        shrink = max(1.0, ground_gsd(grid) / ground_gsd(window))
        shape = (max(1, round(window.shape[0] / shrink)), max(1, round(window.shape[1] / shrink)))
        stored = np.empty((len(bands), *shape), layer.dtype)
        valid = layer.read(source, bands, list(stored))
        window = zoomed(window, shape)
        pixels = np.where(valid, stored.astype(working, copy=False), np.nan)
        for how, classes in ((Resampling.bilinear, False), (Resampling.nearest, True)):
            index = [i for i, band in enumerate(bands) if (band in CLASS_BANDS) == classes]
            if index:
                out[index] = _warped(pixels[index], window, out[index], grid, how)
    seen = np.asarray(np.isfinite(out).all(axis=0), dtype=bool)
    out = np.where(seen, out, 0)
    return (np.rint(out) if layer.dtype.kind in "iu" else out).astype(layer.dtype, copy=False), seen


def _warped(
    pixels: NDArray[Any], source: GeoBox, out: NDArray[Any], target: GeoBox, how: Resampling
) -> NDArray[Any]:
    """``pixels`` (n, *source.shape) on the target grid, written into ``out`` (n, *target.shape)."""
    reproject(
        pixels,
        out,
        src_transform=source.affine,
        src_crs=str(source.crs),
        src_nodata=np.nan,
        dst_transform=target.affine,
        dst_crs=str(target.crs),
        dst_nodata=np.nan,
        resampling=how,
    )
    return out


def _footprint(source: GeoBox, target: GeoBox, margin: int = 2) -> ROI | None:
    """Window of ``source`` that ``target`` needs, None where they do not meet."""
    there = pixel_to_map(target, outline(target))
    if source.crs != target.crs:
        change = Transformer.from_crs(str(target.crs), str(source.crs), always_xy=True)
        there = np.stack(change.transform(*there.T), axis=1)
    xy = map_to_pixel(source, there)
    xy = xy[np.isfinite(xy).all(axis=1)]
    if not len(xy):
        return None
    low, high = np.floor(xy.min(axis=0)).astype(int) - margin, np.ceil(xy.max(axis=0)).astype(int) + margin
    left, top = max(0, low[0]), max(0, low[1])
    right, bottom = min(source.shape[1], high[0]), min(source.shape[0], high[1])
    if left >= right or top >= bottom:
        return None
    return slice(int(top), int(bottom)), slice(int(left), int(right))
