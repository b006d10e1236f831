"""The opened files of one picture, read together on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import UnreadableError
from imagery.grid import offset_between
from imagery.sensors import CLASS_BANDS
from imagery.sources.files.layer import Layer, resampled
from imagery.tiles import ROI


class Stack:
    """Layers of one picture on a grid that may be larger than each of them."""

    def __init__(self, scene_id: str, layers: Sequence[Layer], grid: GeoBox) -> None:
        """Lay them on a grid.

        Args:
            scene_id: For messages.
            layers: The finest first.
            grid: The whole image, windows of which are read.
        """
        self._scene_id = scene_id
        self._grid = grid
        # Of a band that several files hold, the finest.
        self._layers = {band: layer for layer in reversed(layers) for band in layer.bands}
        self._types = {band: _physical(layer, band) for band, layer in self._layers.items()}
        self._plain = {band for band, layer in self._layers.items() if _unscaled(layer, band)}
        # Corner and size of each layer in pixels of the grid: asked for at every window, they cost as much as
        # a tenth of reading it.
        self._places = {
            layer: (offset_between(layer.grid, grid), (layer.grid.shape[0], layer.grid.shape[1]))
            for layer in layers
        }

    def type_of(self, band: str) -> np.dtype[Any]:
        """Type of a band in physical values."""
        return self._types[band]

    def read(
        self, bands: Sequence[str], window: ROI, grid: GeoBox, into: Sequence[NDArray[Any]]
    ) -> NDArray[np.bool_]:
        """Read a window in physical values.

        Args:
            bands: Names.
            window: Rows and columns of the whole image.
            grid: The same ground with as many pixels as are wanted of it.
            into: An array (*grid.shape) a band, which is written to.

        Returns:
            Pixels for which every file that was read has data, (*grid.shape).
        """
        by_layer: dict[Layer, tuple[list[str], list[NDArray[Any]]]] = {}
        for band, at in zip(bands, into, strict=True):
            names, places = by_layer.setdefault(self._layers[band], ([], []))
            names.append(band)
            places.append(at)
        valid = np.ones(grid.shape, dtype=bool)
        for layer, (names, places) in by_layer.items():
            valid &= self._fill(layer, names, places, window, grid)
        return valid

    def _fill(
        self, layer: Layer, bands: list[str], places: list[NDArray[Any]], window: ROI, grid: GeoBox
    ) -> NDArray[np.bool_]:
        """Write bands of a layer into their places; which pixels are data."""
        # Straight into place where the type is the same: a copy a band costs a tenth of reading it.
        stored = [at if at.dtype == layer.dtype else np.empty(at.shape, layer.dtype) for at in places]
        corner, size = self._places[layer]
        own = None if corner is None else _moved(window, corner)
        if own is not None and _inside(own, size):
            valid = layer.read(own, bands, stored)
        elif own is not None and grid.shape == (own[0].stop - own[0].start, own[1].stop - own[1].start):
            valid = _inner_part(layer, bands, own, stored)
        elif layer.grid.crs is None:
            raise UnreadableError(
                f"scene {self._scene_id!r}: its files have no map position and differ in size, "
                f"{tuple(layer.grid.shape)} and {tuple(self._grid.shape)}; count them one by one",
                "mixed-grids",
            )
        else:
            warped, valid = resampled(layer, bands, grid)
            stored = list(warped)
        for band, values, at in zip(bands, stored, places, strict=True):
            if band not in self._plain:
                at[:] = _scaled(values, layer, band)
            elif values is not at:
                at[:] = values
        return valid


def _moved(window: ROI, corner: tuple[int, int]) -> ROI:
    """The window in pixels of a layer whose corner lies there, beyond the layer's edges too."""
    (rows, cols), (down, right) = window, corner
    return slice(rows.start - down, rows.stop - down), slice(cols.start - right, cols.stop - right)


def _inside(window: ROI, size: tuple[int, int]) -> bool:
    rows, cols = window
    return bool(rows.start >= 0 <= cols.start and rows.stop <= size[0] and cols.stop <= size[1])


def _inner_part(
    layer: Layer, bands: Sequence[str], window: ROI, into: Sequence[NDArray[Any]]
) -> NDArray[np.bool_]:
    """What a window that reaches beyond a layer shows of it, pixel by pixel; 0 and no data elsewhere."""
    cut = [slice(max(0, p.start), min(n, p.stop)) for p, n in zip(window, layer.grid.shape, strict=True)]
    valid = np.zeros(into[0].shape, dtype=bool)
    for out in into:
        out[:] = 0
    if all(part.start < part.stop for part in cut):
        rows, cols = (
            slice(part.start - whole.start, part.stop - whole.start)
            for part, whole in zip(cut, window, strict=True)
        )
        valid[rows, cols] = layer.read((cut[0], cut[1]), bands, [out[rows, cols] for out in into])
    return valid


def _unscaled(layer: Layer, band: str) -> bool:
    return band in CLASS_BANDS or layer.asset.scaling_of(band) == (1.0, 0.0)


def _physical(layer: Layer, band: str) -> np.dtype[Any]:
    """Type of a band once its scale is applied."""
    return layer.dtype if _unscaled(layer, band) else np.dtype(np.float32)


def _scaled(values: NDArray[Any], layer: Layer, band: str) -> NDArray[Any]:
    scale, offset = map(np.float32, layer.asset.scaling_of(band))
    scaled: NDArray[Any] = values * scale + offset
    return scaled
