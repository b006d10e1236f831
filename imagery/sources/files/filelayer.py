"""One opened raster file, read window by window on its own grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.windows import Window

from imagery.errors import InputError, UnreadableError
from imagery.grid import cropped, zoomed
from imagery.scenes import Asset
from imagery.sensors import CLASS_BANDS, nodata_of
from imagery.sources.files.gcps import warped
from imagery.sources.files.rasterfile import FAULTS, RGB, gdal_env, header_of, open_dataset, placed, why
from imagery.tiles import ROI


class FileLayer:
    """One opened file, read on its own grid."""

    def __init__(self, asset: Asset, gsd_m: float | None) -> None:
        self.asset = asset
        self._dataset = open_dataset(asset.path)
        self._read_header(gsd_m)

    def _read_header(self, gsd_m: float | None) -> None:
        asset = self.asset
        try:
            header = header_of(self._dataset, asset.path)
            self.grid = placed(header, gsd_m)
            coloured = header.colours == ("palette",) and asset.bands == RGB
            self._palette = self._dataset.colormap(1) if coloured else None
            stored = RGB if coloured else header.data_bands
            if len(stored) != len(asset.bands):
                raise InputError(f"{asset.path.name} has {len(stored)} bands, but {asset.bands} are named")
        except BaseException:
            self._dataset.close()
            raise
        self.bands = asset.bands
        self.dtype = np.dtype(header.dtype)
        self._index = {name: i + 1 for name, i in zip(asset.bands, header.data_bands, strict=False)}
        self._nodata = nodata_of(asset.bands, asset.nodata if header.nodata is None else header.nodata)
        self._blank = _in_type(self._nodata, self.dtype)
        self._as_gdal = (self._nodata is None) == (header.nodata is None)
        self._masked = header.masked
        self._careful = header.driver != "GTiff"
        self._by_gcps = header.by_gcps
        own = ("alpha band" if "alpha" in header.colours else "mask") if header.masked else ""
        stated = "" if self._nodata is None else f"nodata {self._nodata:g}"
        self.mask = " and ".join(filter(None, (own, stated))) or "none"

    def read(self, roi: ROI, bands: Sequence[str], into: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        """See Layer.read."""
        rows, cols = roi
        window = _window(rows.start, rows.stop, cols.start, cols.stop)
        size, shape = (window.height, window.width), (into[0].shape[0], into[0].shape[1])
        try:
            with gdal_env() if self._careful else nullcontext():
                if self._palette:
                    return self._coloured(window, bands, into)
                if self._by_gcps:
                    return self._warped(zoomed(cropped(self.grid, *roi), shape), bands, into)
                for name, out in zip(bands, into, strict=True):
                    how = self._resampling(name, size, shape)
                    self._dataset.read(self._index[name], window=window, out=out, resampling=how)
                return self._data(into, self._own_mask(window, shape) if self._masked else None)
        except FAULTS as error:
            raise UnreadableError(
                f"{self.asset.path.name}: rows {rows.start} to {rows.stop} cannot be read ({why(error)})"
            ) from error

    def _resampling(self, band: str, size: tuple[int, int], shape: tuple[int, int]) -> Resampling:
        # A nodata value that GDAL does not know of would be averaged into its neighbours, and zeros that
        # GDAL takes for nodata would be left out.
        if size == shape or band in CLASS_BANDS or self.asset.stored_as or not self._as_gdal:
            return Resampling.nearest
        return Resampling.average if size[0] > shape[0] else Resampling.bilinear

    def _warped(self, grid: GeoBox, bands: Sequence[str], into: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        """Bands of a file that ground control points place."""
        inside = np.ones(grid.shape, dtype=bool)
        for name, out in zip(bands, into, strict=True):
            how = Resampling.nearest if self.asset.stored_as or name in CLASS_BANDS else Resampling.bilinear
            out[:], seen = warped(self._dataset, self._index[name], grid, how, self._nodata)
            inside &= seen
        return inside

    def _own_mask(self, window: Window, shape: tuple[int, int]) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self._dataset.dataset_mask(window=window, out_shape=shape) > 0
        return mask

    def _data(self, pixels: Sequence[NDArray[Any]], own: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Finite in every band, and not the nodata value in all of them: black is a colour, too."""
        valid = self._shown(pixels)
        if self.dtype.kind == "f":
            for band in pixels:
                valid &= np.isfinite(band)
        return valid if own is None else valid & own

    def _shown(self, pixels: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        if self._blank is None:
            return np.ones(pixels[0].shape, dtype=bool)
        shown: NDArray[np.bool_] = pixels[0] != self._blank
        for band in pixels[1:]:
            shown |= band != self._blank
        return shown

    def _coloured(
        self, window: Window, bands: Sequence[str], into: Sequence[NDArray[Any]]
    ) -> NDArray[np.bool_]:
        """A palette image as the colours it shows."""
        index = self._dataset.read(1, window=window, out_shape=into[0].shape, resampling=Resampling.nearest)
        table = np.zeros((np.iinfo(index.dtype).max + 1, 4), np.uint8)
        for value, colour in (self._palette or {}).items():
            table[value] = colour
        for name, out in zip(bands, into, strict=True):
            out[:] = table[index, RGB.index(name)]
        valid: NDArray[np.bool_] = table[index, 3] > 0
        if self._nodata is not None:
            valid &= index != self._nodata
        return valid

    def close(self) -> None:
        """Give the file back."""
        self._dataset.close()


@lru_cache(maxsize=16)
def _window(top: int, bottom: int, left: int, right: int) -> Window:
    """Rows and columns as rasterio wants them; remembered, as the files of a scene are read one by one."""
    return Window(left, top, right - left, bottom - top)


def _in_type(nodata: float | None, dtype: np.dtype[Any]) -> Any:
    """A nodata value in the type of the pixels; None where that cannot hold it, so that no pixel has it.

    Compared in their own type, pixels need no conversion: that took longer than decoding them.
    """
    if nodata is None or not math.isfinite(nodata):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        value: Any = np.asarray(nodata).astype(dtype)[()]
    return value if dtype.kind == "f" or float(value) == nodata else None
