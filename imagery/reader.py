"""The only room that opens a raster: the Raster protocol, its rasterio reader, and a fake."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.scenes import Scene
from imagery.tiles import ROI, Tile


class Raster(Protocol):
    """An opened Scene, read window by window."""

    @property
    def scene(self) -> Scene:
        """What is opened."""
        ...

    @property
    def grid(self) -> GeoBox:
        """Grid of the whole image: that of its finest band."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that can be read."""
        ...

    def read(
        self, roi: ROI | None = None, bands: Sequence[str] | None = None, shape: tuple[int, int] | None = None
    ) -> Tile:
        """Read a window.

        Args:
            roi: Rows and columns; the whole image by default.
            bands: Names, in the order wanted; all by default.
            shape: (rows, cols) to resample the window to; its own size by default.

        Returns:
            Pixels and mask on the window's grid.

        Raises:
            UnreadableError: The file breaks off or a block cannot be decoded.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ArrayRaster:
    """A Raster over arrays in memory: what tests and the painter hand to the models."""

    def __init__(
        self, scene: Scene, grid: GeoBox, pixels: NDArray[Any], valid: NDArray[np.bool_] | None = None
    ) -> None:
        self.scene = scene
        self.grid = grid
        self.bands = scene.bands
        self._pixels = pixels
        self._valid = np.ones(grid.shape, dtype=bool) if valid is None else valid

    def read(
        self, roi: ROI | None = None, bands: Sequence[str] | None = None, shape: tuple[int, int] | None = None
    ) -> Tile:
        """See Raster.read; resampling takes the nearest pixel."""
        window = roi or (slice(0, self.grid.shape[0]), slice(0, self.grid.shape[1]))
        names = tuple(bands or self.bands)
        pixels = self._pixels[[self.bands.index(name) for name in names]][:, *window]
        valid = self._valid[window]
        grid = self.grid[window]
        if shape is not None and shape != valid.shape:
            rows = (np.arange(shape[0]) + 0.5) * valid.shape[0] // shape[0]
            cols = (np.arange(shape[1]) + 0.5) * valid.shape[1] // shape[1]
            index = np.ix_(rows.astype(int), cols.astype(int))
            pixels, valid, grid = pixels[:, *index], valid[index], grid.zoom_to(shape)
        return Tile(pixels.copy(), valid.copy(), grid, names, self.scene)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
