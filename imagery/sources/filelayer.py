"""One opened raster file, read window by window on its own grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from imagery.errors import InputError, UnreadableError
from imagery.grid import cropped, zoomed
from imagery.scenes import Asset
from imagery.sensors import CLASS_BANDS
from imagery.sources.gcps import warped
from imagery.sources.rasterfile import RGB, gdal_env, header_of, open_dataset, placed, why
from imagery.tiles import ROI


class FileLayer:
    """One opened file, read on its own grid."""

    def __init__(self, asset: Asset, gsd_m: float | None) -> None:
        self.asset = asset
        with gdal_env():
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
        self._nodata = asset.nodata if header.nodata is None else header.nodata
        self._stated = header.nodata is not None
        self._masked = header.masked
        self._by_gcps = header.by_gcps
        own = ("alpha band" if "alpha" in header.colours else "mask") if header.masked else ""
        stated = "" if self._nodata is None else f"nodata {self._nodata:g}"
        self.mask = " and ".join(filter(None, (own, stated))) or "none"

    def read(
        self, roi: ROI, bands: Sequence[str], shape: tuple[int, int]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Stored values (n, *shape) of a window and which of them are data, (*shape)."""
        rows, cols = roi
        window = ((rows.start, rows.stop), (cols.start, cols.stop))
        size = (rows.stop - rows.start, cols.stop - cols.start)
        try:
            with gdal_env():
                if self._palette:
                    return self._coloured(window, bands, shape)
                if self._by_gcps:
                    return self._warped(zoomed(cropped(self.grid, *roi), shape), bands)
                pixels = np.empty((len(bands), *shape), self.dtype)
                for i, name in enumerate(bands):
                    how = self._resampling(name, size, shape)
                    self._dataset.read(self._index[name], window=window, out=pixels[i], resampling=how)
                valid = self._own_mask(window, shape) if self._masked else np.ones(shape, dtype=bool)
        except (RasterioError, OSError) as error:
            raise UnreadableError(
                f"{self.asset.path.name}: rows {rows.start} to {rows.stop} cannot be read ({why(error)})"
            ) from error
        return pixels, valid & self._data(pixels)

    def _resampling(self, band: str, size: tuple[int, int], shape: tuple[int, int]) -> Resampling:
        # A nodata value that GDAL does not know of would be averaged into its neighbours.
        hidden = self._nodata is not None and not self._stated
        if size == shape or band in CLASS_BANDS or self.asset.stored_as or hidden:
            return Resampling.nearest
        return Resampling.average if size[0] > shape[0] else Resampling.bilinear

    def _warped(self, grid: GeoBox, bands: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Bands of a file that ground control points place."""
        pixels = np.empty((len(bands), *grid.shape), self.dtype)
        valid = np.ones(grid.shape, dtype=bool)
        for i, name in enumerate(bands):
            how = Resampling.nearest if self.asset.stored_as or name in CLASS_BANDS else Resampling.bilinear
            pixels[i], seen = warped(self._dataset, self._index[name], grid, how, self._nodata)
            valid &= seen
        return pixels, valid

    def _own_mask(self, window: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self._dataset.dataset_mask(window=window, out_shape=shape) > 0
        return mask

    def _data(self, pixels: NDArray[Any]) -> NDArray[np.bool_]:
        """Finite in every band, and not the nodata value in all of them: black is a colour, too."""
        valid: NDArray[np.bool_] = np.isfinite(pixels).all(axis=0)
        if self._nodata is not None and math.isfinite(self._nodata):
            valid &= (pixels != self._nodata).any(axis=0)
        return valid

    def _coloured(
        self, window: Any, bands: Sequence[str], shape: tuple[int, int]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A palette image as the colours it shows."""
        index = self._dataset.read(1, window=window, out_shape=shape, resampling=Resampling.nearest)
        table = np.zeros((np.iinfo(index.dtype).max + 1, 4), np.uint8)
        for value, colour in (self._palette or {}).items():
            table[value] = colour
        rgba = table[index]
        order = [RGB.index(name) for name in bands]
        valid = rgba[..., 3] > 0
        if self._nodata is not None:
            valid &= index != self._nodata
        return np.moveaxis(rgba[..., order], -1, 0), valid

    def close(self) -> None:
        """Give the file back."""
        with gdal_env():
            self._dataset.close()
