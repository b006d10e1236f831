"""A second opinion on what is clouded: OmniCloudMask, where it is installed and asked for.

The package (MIT; Wright et al. 2025, Remote Sensing of Environment 322, 114694) is an optional extra. By
itself it would fetch its weights from the network at first use; here it is handed a folder that holds them
already: nothing is fetched unasked, and what decided can be hashed.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import ConfigError, UnreadableError
from imagery.grid import ground_gsd
from imagery.scenes import Scene
from imagery.sensors import SENSORS
from imagery.tiles import ROI, Tile

GSD_M = 10.0
"""Finest pixels that are judged; finer images are brought to it (the package is made for 10 to 50 m)."""
COARSEST_M = 50.0
"""Coarser images are not judged: their own classes alone speak."""
BLOCK_PX, MARGIN_PX = 700, 150
"""Blocks judged at a time, and the ground around each that is shown, too: 1,000 together, the package's own
patch. Each patch is stretched by its own mean and spread, so that a yard alone would have no dark or bright
ground to stand out from. Blocks lie on one lattice: a pixel's verdict does not depend on what is read."""
_COLOURS_NM = ((620, 690), (520, 600), (760, 900))
"""Red, green and near infrared."""

Classes = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""From red, green, near infrared (3, rows, cols), not a number where there is no data, to 0 where it is clear
and another class (thick cloud, thin cloud, shadow) elsewhere, (rows, cols)."""
Read = Callable[[ROI, tuple[int, int]], Tile]


@dataclass(frozen=True)
class CloudMask:
    """OmniCloudMask with its weights."""

    weights: tuple[Path, ...]
    """Files that decide."""
    version: str
    """Of the package."""
    classes: Classes
    """Judges one patch."""


@lru_cache(maxsize=1)
def omnicloudmask(folder: Path) -> CloudMask:
    """The installed package, ready to judge with the weights of a folder.

    Raises:
        ConfigError: It is not installed, or the folder holds no weights.
    """
    # Read by the hub's client when it is imported: whatever is missing is an error then, not a download.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        package = importlib.import_module("omnicloudmask")
        number = version("omnicloudmask")
    except (ImportError, PackageNotFoundError) as error:
        raise ConfigError(
            f"clouds: omnicloudmask is not installed ({error}); pip install 'yardwatch[clouds]', or leave "
            "clouds out"
        ) from error
    weights = tuple(sorted(folder.glob("*.safetensors")))
    if not weights:
        raise ConfigError(
            f"clouds_weights: {folder} holds no *.safetensors. yardwatch downloads no weights by itself; "
            "fetch them once (about 60 MB, from Hugging Face) with: "
            'python -c "from omnicloudmask.download_models '
            f"import get_models; get_models(model_dir='{folder}')\""
        )

    def classes(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
        side = min(BLOCK_PX + 2 * MARGIN_PX, *pixels.shape[1:])
        found: NDArray[Any] = package.predict_from_array(
            pixels,
            patch_size=side,
            patch_overlap=min(300, side // 2),
            no_data_value=math.nan,  # 0 is a dark pixel here, not a hole
            destination_model_dir=str(folder),
        )
        return np.asarray(found[0], dtype=np.uint8)

    return CloudMask(weights, number, classes)


def colours_of(scene: Scene) -> tuple[str, ...]:
    """A scene's bands of red, green and near infrared, the finest of each; none where it lacks one."""
    table = [band for band in SENSORS[scene.sensor].bands if band.name in scene.bands]
    by_colour = [
        min(fitting, key=lambda band: band.gsd_m).name
        for low, high in _COLOURS_NM
        if (fitting := [b for b in table if b.wavelength_nm is not None and low <= b.wavelength_nm <= high])
    ]
    return tuple(by_colour) if len(by_colour) == len(_COLOURS_NM) else ()


class Judged:
    """What the mask says of one opened image, block by block when it is first asked."""

    def __init__(self, scene_id: str, grid: GeoBox, read: Read, classes: Classes) -> None:
        """Judge nothing yet.

        Args:
            scene_id: For messages.
            grid: The whole image.
            read: Reads red, green and near infrared of a window of it, resampled to a shape.
            classes: Judges one patch.
        """
        self._scene_id, self._grid, self._read, self._classes = scene_id, grid, read, classes
        self._shrink = max(1, round(GSD_M / ground_gsd(grid)))
        self._blocks: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def clouded(self, window: ROI, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Percent of a window, resampled to a shape: 100 where it is called clouded or shaded, else 0.

        Raises:
            UnreadableError: The package failed.
        """
        at = [
            ((part.start + (np.arange(n) + 0.5) * (part.stop - part.start) / n) / self._shrink).astype(int)
            for part, n in zip(window, shape, strict=True)
        ]
        out = np.zeros((at[0].size, at[1].size), np.uint8)
        for i in np.unique(at[0] // BLOCK_PX):
            for j in np.unique(at[1] // BLOCK_PX):
                rows, cols = (np.flatnonzero(a // BLOCK_PX == k) for a, k in zip(at, (i, j), strict=True))
                inside = np.ix_(at[0][rows] - i * BLOCK_PX, at[1][cols] - j * BLOCK_PX)
                out[np.ix_(rows, cols)] = self._block(int(i), int(j))[inside]
        return out

    def _block(self, i: int, j: int) -> NDArray[np.uint8]:
        """One block of the mask, in percent; judged once."""
        if (i, j) not in self._blocks:
            wholes = [math.ceil(n / self._shrink) for n in self._grid.shape]
            spans = [
                (max(0, k * BLOCK_PX - MARGIN_PX), min(whole, (k + 1) * BLOCK_PX + MARGIN_PX))
                for k, whole in zip((i, j), wholes, strict=True)
            ]
            rows, cols = (
                slice(start * self._shrink, min(n, stop * self._shrink))
                for (start, stop), n in zip(spans, self._grid.shape, strict=True)
            )
            shape = (spans[0][1] - spans[0][0], spans[1][1] - spans[1][0])
            tile = self._read((rows, cols), shape)
            found = self._judged(np.where(tile.valid, tile.pixels, np.nan).astype(np.float32))
            down, right = i * BLOCK_PX - spans[0][0], j * BLOCK_PX - spans[1][0]
            inner = found[down : down + BLOCK_PX, right : right + BLOCK_PX]
            self._blocks[i, j] = np.where(inner > 0, 100, 0).astype(np.uint8)
        return self._blocks[i, j]

    def _judged(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        try:
            found = self._classes(pixels)
        except (OSError, RuntimeError, ValueError) as error:
            raise UnreadableError(
                f"scene {self._scene_id!r}: OmniCloudMask could not judge it ({error}); see clouds_weights, "
                "or leave clouds out of the config",
                "clouds-failed",
            ) from error
        if found.shape != pixels.shape[1:]:
            raise UnreadableError(
                f"scene {self._scene_id!r}: OmniCloudMask answered {found.shape} for {pixels.shape[1:]} "
                "pixels; install a version from 1.8 on",
                "clouds-failed",
            )
        return found
