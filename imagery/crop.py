"""A Raster cut down to a window, so that a model reads only the place it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.grid import cropped
from imagery.reader import Raster
from imagery.tiles import ROI, Tile


class Crop:
    """The pixels of ``raster`` inside ``roi``; closing stays with the one who opened the raster."""

    def __init__(self, raster: Raster, roi: ROI) -> None:
        self._raster = raster
        self._rows, self._cols = roi
        self.scene = raster.scene
        self.bands = raster.bands
        self.grid = cropped(raster.grid, *roi)

    def read(
        self, roi: ROI | None = None, bands: Sequence[str] | None = None, shape: tuple[int, int] | None = None
    ) -> Tile:
        """See Raster.read; rows and columns count from the crop's own corner."""
        if roi is None:
            return self._raster.read((self._rows, self._cols), bands, shape)
        rows, cols = roi
        r0, c0 = self._rows.start, self._cols.start
        return self._raster.read(
            (slice(r0 + rows.start, r0 + rows.stop), slice(c0 + cols.start, c0 + cols.stop)), bands, shape
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def roi_around(grid: GeoBox, xy: NDArray[np.float64], margin_px: float) -> ROI | None:
    """Rows and columns that hold the pixel points (n, 2) and a margin, or None where the image has none."""
    left, top = np.floor(xy.min(axis=0) - margin_px).astype(int)
    right, bottom = np.ceil(xy.max(axis=0) + margin_px).astype(int)
    rows = slice(max(int(top), 0), min(int(bottom), grid.shape[0]))
    cols = slice(max(int(left), 0), min(int(right), grid.shape[1]))
    return (rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None
