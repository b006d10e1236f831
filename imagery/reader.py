"""The only room that opens a Scene: the Raster protocol, its reader of files and cubes, and a fake."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.clouds import COARSEST_M, Judged, colours_of, omnicloudmask
from imagery.cubes import CubeLayer
from imagery.errors import InputError, UnreadableError
from imagery.grid import cropped, ground_gsd, is_square, spanning, square_utm, zoomed
from imagery.scenes import Asset, Scene
from imagery.sensors import OMNICLOUDMASK
from imagery.sources.deliveries.udm import MaskLayer
from imagery.sources.files.filelayer import FileLayer
from imagery.sources.files.layer import Layer
from imagery.sources.folders.walk import CUBES
from imagery.stack import Stack
from imagery.tiles import ROI, Tile

MAX_READ_BYTES = 2**31
"""Most that one read may return: a larger image is to be read in windows."""


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
        window = _window(roi, (self.grid.shape[0], self.grid.shape[1]))
        names = tuple(bands or self.bands)
        pixels = self._pixels[[self.bands.index(name) for name in names]][:, *window]
        valid = self._valid[window]
        grid = cropped(self.grid, *window)
        if shape is not None and shape != valid.shape:
            rows = (np.arange(shape[0]) + 0.5) * valid.shape[0] // shape[0]
            cols = (np.arange(shape[1]) + 0.5) * valid.shape[1] // shape[1]
            index = np.ix_(rows.astype(int), cols.astype(int))
            pixels, valid, grid = pixels[:, *index], valid[index], zoomed(grid, shape)
        return Tile(pixels.copy(), valid.copy(), grid, names, self.scene)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def open_scene(scene: Scene, square: bool = True) -> SceneRaster:
    """Open a Scene to read it window by window.

    Args:
        scene: What to open; bands of several resolutions are read on the grid of the finest.
        square: Where pixels are not square on the ground (degrees, 10 x 20 m), read on a UTM grid of the
            same ground sample distance instead, so that lengths in pixels times GSD are metres.

    Returns:
        The opened Scene, to be used in a ``with`` statement and by one thread.

    Raises:
        UnreadableError: A file is damaged, refused, or has neither a map position nor a stated GSD.
    """
    return SceneRaster(scene, square)


class SceneRaster:
    """A Raster over the files of a Scene. Not for use by several threads at once."""

    def __init__(self, scene: Scene, square: bool = True) -> None:
        self.scene = scene
        self.bands = tuple(dict.fromkeys(scene.bands))
        pieces: dict[int, list[Layer]] = {}
        with ExitStack() as opened:
            for asset in scene.assets:
                layer = _open_layer(asset, scene.gsd_m)
                opened.callback(layer.close)
                pieces.setdefault(asset.piece, []).append(layer)
            # Files of one grid share it: its length on the ground, and the hash of its CRS, are found once.
            gsd = {key: ground_gsd(grid) for key, grid in _grids(pieces.values()).items()}
            for layers in pieces.values():
                layers.sort(key=lambda layer: gsd[id(layer.grid)])
            self.layers = tuple(layer for _, layers in sorted(pieces.items()) for layer in layers)
            """Opened files: of each picture that was joined the finest first."""
            self.native_grid: GeoBox = spanning([layers[0].grid for _, layers in sorted(pieces.items())])
            """Grid of the finest file as it is stored, over all pictures that were joined."""
            self.grid: GeoBox = _wanted(self.native_grid, scene) if square else self.native_grid
            """Grid that is read: the native one, or a UTM grid with square pixels."""
            self._opened = opened.pop_all()
        self._stacks = [Stack(scene.id, layers, self.grid) for _, layers in sorted(pieces.items())]
        self._judged = _judged(self)
        if self._judged is not None:
            self.bands += (OMNICLOUDMASK,)

    def read(
        self, roi: ROI | None = None, bands: Sequence[str] | None = None, shape: tuple[int, int] | None = None
    ) -> Tile:
        """See Raster.read. A pixel is valid where every file of one picture that is read has data."""
        window = _window(roi, (self.grid.shape[0], self.grid.shape[1]))
        names = tuple(bands or self.bands)
        unknown = [name for name in names if name not in self.bands]
        if unknown:
            raise InputError(
                f"scene {self.scene.id!r} has no band {', '.join(unknown)}; it has {', '.join(self.bands)}"
            )
        if self._judged is not None and OMNICLOUDMASK in names:
            return self._with_clouds(self._judged, window, names, shape)
        grid = cropped(self.grid, *window)
        grid = grid if shape is None else zoomed(grid, shape)
        dtype = np.result_type(*(stack.type_of(name) for stack in self._stacks for name in names))
        _check_bytes(len(names), (grid.shape[0], grid.shape[1]), dtype)
        pixels = np.empty((len(names), *grid.shape), dtype)
        valid = self._stacks[0].read(names, window, grid, list(pixels))
        for stack in self._stacks[1:]:
            if not valid.all():
                more = np.empty_like(pixels)
                missed = stack.read(names, window, grid, list(more)) & ~valid
                pixels[:, missed] = more[:, missed]
                valid |= missed
        return Tile(pixels, valid, grid, names, self.scene)

    def _with_clouds(
        self, judged: Judged, window: ROI, names: tuple[str, ...], shape: tuple[int, int] | None
    ) -> Tile:
        """A window with the band OMNICLOUDMASK among those that are stored."""
        stored = tuple(name for name in names if name != OMNICLOUDMASK) or self.bands[:1]
        tile = self.read(window, stored, shape)
        clouds = judged.clouded(window, tile.valid.shape).astype(tile.pixels.dtype)
        layers = [clouds if name == OMNICLOUDMASK else tile.band(name) for name in names]
        return Tile(np.stack(layers), tile.valid, tile.grid, names, self.scene)

    def close(self) -> None:
        """Give the files back."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _grids(pieces: Iterable[Sequence[Layer]]) -> dict[int, GeoBox]:
    """The grids of all layers, each once, by their identity."""
    return {id(layer.grid): layer.grid for layers in pieces for layer in layers}


def _judged(raster: SceneRaster) -> Judged | None:
    """A second opinion on clouds, where one was asked for and the image has the bands and pixels for it."""
    folder, colours = raster.scene.clouds, colours_of(raster.scene)
    if folder is None or not colours or ground_gsd(raster.grid) > COARSEST_M:
        return None
    classes = omnicloudmask(folder).classes
    return Judged(raster.scene.id, raster.grid, lambda roi, shape: raster.read(roi, colours, shape), classes)


def _wanted(grid: GeoBox, scene: Scene) -> GeoBox:
    """The grid itself where its pixels are square on the ground and not mirrored (south at the top)."""
    if grid.crs is None or (is_square(grid) and grid.affine.determinant < 0):
        return grid
    try:
        return square_utm(grid)
    except InputError as error:
        raise UnreadableError(f"scene {scene.id!r}: {error}", "bad-position") from error


def _open_layer(asset: Asset, gsd_m: float | None) -> Layer:
    is_cube = asset.path.is_dir() or asset.path.suffix.lower() in CUBES
    if asset.stored_as:
        return MaskLayer(asset, gsd_m)
    return CubeLayer(asset, gsd_m) if is_cube else FileLayer(asset, gsd_m)


def _window(roi: ROI | None, shape: tuple[int, int]) -> ROI:
    """The window with plain bounds inside the image."""
    rows, cols = (slice(*part.indices(n)) for part, n in zip(roi or (slice(None),) * 2, shape, strict=True))
    if rows.step != 1 or cols.step != 1 or rows.stop <= rows.start or cols.stop <= cols.start:
        raise InputError(f"window {roi} holds no pixel of an image of {tuple(shape)}")
    return slice(rows.start, rows.stop), slice(cols.start, cols.stop)


def _check_bytes(bands: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
    needed = bands * math.prod(shape) * dtype.itemsize
    if needed > MAX_READ_BYTES:
        raise InputError(
            f"reading {bands} x {shape[0]} x {shape[1]} pixels at once takes {needed / 2**30:.1f} GiB; "
            "read windows (imagery.tiles.windows), or pass a smaller shape"
        )
