"""Pixels with their mask on a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import ground_gsd
from imagery.scenes import Scene

ROI = tuple[slice, slice]
"""Rows and columns of a window, in pixels of the whole image."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A window of a Scene: pixels, which of them can be believed, and where they lie."""

    pixels: NDArray[Any]
    """(bands, rows, cols), read-only; physical units where the asset states a scale, else digital numbers."""
    valid: NDArray[np.bool_]
    """(rows, cols), read-only; False where there is no data."""
    grid: GeoBox
    """CRS + transform + shape of this window."""
    bands: tuple[str, ...]
    """Name of each band."""
    scene: Scene
    """Where it came from."""

    def __post_init__(self) -> None:
        rows, cols = self.grid.shape
        expected = (len(self.bands), rows, cols)
        if self.pixels.shape != expected or self.valid.shape != expected[1:]:
            raise InputError(
                f"tile of {self.scene.id!r}: pixels {self.pixels.shape} and mask {self.valid.shape} "
                f"do not fit the grid {expected}"
            )
        self.pixels.setflags(write=False)
        self.valid.setflags(write=False)

    @property
    def gsd_m(self) -> float:
        """Ground sample distance in metres."""
        return ground_gsd(self.grid)

    def band(self, name: str) -> NDArray[Any]:
        """One band, (rows, cols).

        Raises:
            InputError: There is no such band; the message lists those there are.
        """
        if name not in self.bands:
            raise InputError(f"scene {self.scene.id!r} has no band {name!r}; it has {', '.join(self.bands)}")
        found: NDArray[Any] = self.pixels[self.bands.index(name)]
        return found

    def has(self, names: Sequence[str]) -> bool:
        """Whether all these bands are there."""
        return all(name in self.bands for name in names)


def windows(shape: tuple[int, int], size: int, overlap: int) -> Iterator[ROI]:
    """Cover an image with overlapping windows, row by row; none is larger than ``size``.

    The last window of a row or column is moved inwards rather than cut, so that every object smaller
    than ``overlap`` lies wholly inside at least one window.

    Args:
        shape: (rows, cols) of the whole image.
        size: Side of a window in pixels.
        overlap: Pixels that neighbours share; less than ``size``.

    Yields:
        Row and column slices.
    """
    if not 0 <= overlap < size:
        raise InputError(f"overlap {overlap} must be at least 0 and less than the window size {size}")
    for row in _starts(shape[0], size, overlap):
        for col in _starts(shape[1], size, overlap):
            yield slice(row, min(row + size, shape[0])), slice(col, min(col + size, shape[1]))


def _starts(length: int, size: int, overlap: int) -> list[int]:
    if length <= size:
        return [0]
    return [*range(0, length - size, size - overlap), length - size]
