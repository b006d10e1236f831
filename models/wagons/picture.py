"""Any opened image as red, green and blue bytes, window by window, in one tone for the whole image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagery.grid import ground_gsd
from imagery.reader import Raster
from imagery.sensors import CLASS_BANDS, CLOUD_BANDS
from imagery.tiles import ROI, Tile
from imagery.visibility import believable

RGB_NAMES = (
    ("red", "green", "blue"),
    ("R", "G", "B"),
    ("B04", "B03", "B02"),
    ("B4", "B3", "B2"),
    ("red", "green", "nir"),
)
"""Band names that make a colour picture, the first that an image has being taken."""
KEEP_PIXELS = 30_000_000
"""An image of at most so many pixels is read once and kept: lines cross it many times."""


class Picture:
    """Windows of an opened image as the nets want them."""

    def __init__(self, raster: Raster) -> None:
        self.raster = raster
        self.shape = (int(raster.grid.shape[0]), int(raster.grid.shape[1]))
        self.gsd_m = ground_gsd(raster.grid)
        self._bands = rgb_bands(raster.bands)
        self._masks = tuple(band for band in raster.bands if band in (*CLASS_BANDS, *CLOUD_BANDS))
        self._low, self._high = self._tone()
        self._whole = self._read((slice(0, self.shape[0]), slice(0, self.shape[1]))) if self._small else None

    @property
    def _small(self) -> bool:
        return self.shape[0] * self.shape[1] <= KEEP_PIXELS

    def window(self, roi: ROI) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Red, green, blue (rows, cols, 3) and mask (rows, cols) of a window: False under cloud, too."""
        if self._whole is not None:
            return self._whole[0][roi], self._whole[1][roi]
        return self._read(roi)

    def _read(self, roi: ROI) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        tile = self.raster.read(roi, self._bands)
        pixels = np.repeat(tile.pixels, 3, axis=0) if len(self._bands) == 1 else tile.pixels
        if pixels.dtype != np.uint8:
            scaled = (pixels.astype(np.float32) - self._low) * (255.0 / (self._high - self._low))
            pixels = np.nan_to_num(scaled).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels.transpose(1, 2, 0)), self._seen(tile, roi)

    def _seen(self, tile: Tile, roi: ROI | None, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Pixels of the tile that have data and that no band of the image calls clouded."""
        if not self._masks:
            return tile.valid
        return tile.valid & believable(self.raster.read(roi, self._masks, shape))

    def _tone(self) -> tuple[float, float]:
        """Values that become black and white, from an overview: bytes stay as they are."""
        scale = min(1.0, 512 / max(self.shape))
        small = (max(1, round(self.shape[0] * scale)), max(1, round(self.shape[1] * scale)))
        tile = self.raster.read(None, self._bands, small)
        if tile.pixels.dtype == np.uint8:
            return 0.0, 255.0
        values = tile.pixels[:, self._seen(tile, None, small)].astype(np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            return 0.0, 255.0
        low, high = np.percentile(values, [0.5, 99.5])
        return float(low), float(max(high, low + 1e-6))


def rgb_bands(bands: tuple[str, ...]) -> tuple[str, ...]:
    """Which bands make the picture: red, green and blue by name, else the first three, else the first."""
    lower = {band.lower(): band for band in bands}
    for names in RGB_NAMES:
        if all(name.lower() in lower for name in names):
            return tuple(lower[name.lower()] for name in names)
    return bands[:3] if len(bands) >= 3 else bands[:1]
