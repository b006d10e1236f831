"""A Tile as a picture for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.reader import Raster
from imagery.sensors import CLASS_BANDS
from imagery.tiles import Tile

_COLOURS = (("red", "green", "blue"), ("B04", "B03", "B02"))


def picture_bands(bands: Sequence[str]) -> tuple[str, ...]:
    """The bands to show: red, green and blue where they are, else one for a grey picture."""
    for colours in _COLOURS:
        if all(colour in bands for colour in colours):
            return colours
    return (next((band for band in bands if band not in CLASS_BANDS), bands[0]),)


@dataclass(frozen=True)
class Stretch:
    """How stored values become brightness: the same for every window of an image."""

    bands: tuple[str, ...]
    """Three bands as red, green and blue, or one as grey."""
    low: tuple[float, ...]
    """Value shown black, one a band."""
    high: tuple[float, ...]
    """Value shown white, one a band."""

    @property
    def identity(self) -> bool:
        """Whether 8-bit values are shown as they are."""
        return set(self.low) == {0.0} and set(self.high) == {255.0}

    @classmethod
    def of(cls, raster: Raster, bands: Sequence[str] | None = None, longest: int = 1024) -> Stretch:
        """From a decimated read of the whole image: 8-bit pictures as they are, others from 1 to 99 %.

        Args:
            raster: An opened image.
            bands: Three bands as red, green and blue, or one as grey; chosen by name by default.
            longest: Side in pixels to which the image is decimated at most.
        """
        chosen = tuple(bands or picture_bands(raster.bands))
        if len(chosen) not in (1, 3):
            raise InputError(f"a picture takes 1 or 3 bands, not {', '.join(chosen)}")
        if raster.read((slice(0, 1), slice(0, 1)), chosen).pixels.dtype == np.uint8:
            return cls(chosen, (0.0,) * len(chosen), (255.0,) * len(chosen))
        rows, cols = raster.grid.shape
        shrink = max(1.0, max(rows, cols) / longest)
        tile = raster.read(bands=chosen, shape=(max(1, round(rows / shrink)), max(1, round(cols / shrink))))
        seen = tile.pixels[:, tile.valid]
        if not seen.size:
            return cls(chosen, (0.0,) * len(chosen), (1.0,) * len(chosen))
        low, high = np.percentile(seen, (1, 99), axis=1)
        high = np.where(high > low, high, low + 1.0)  # a flat image is not divided by 0
        return cls(chosen, tuple(map(float, low)), tuple(map(float, high)))


def to_rgb8(tile: Tile, stretch: Stretch) -> NDArray[np.uint8]:
    """Picture (rows, cols, 3) in 8 bits; pixels without data are black.

    Raises:
        InputError: The tile lacks a band of the stretch.
    """
    pixels = np.stack([tile.band(name) for name in stretch.bands], axis=-1)
    if pixels.dtype != np.uint8 or not stretch.identity:
        low, high = np.asarray(stretch.low, np.float32), np.asarray(stretch.high, np.float32)
        with np.errstate(invalid="ignore"):
            bright = (pixels.astype(np.float32) - low) / (high - low) * 255
        pixels = np.rint(np.clip(np.nan_to_num(bright), 0, 255)).astype(np.uint8)
    shown: NDArray[np.uint8] = np.where(tile.valid[..., None], pixels, np.uint8(0))
    return np.repeat(shown, 3, axis=-1) if shown.shape[-1] == 1 else shown


def encode(rgb: NDArray[np.uint8], kind: Literal["png", "jpeg"] = "jpeg", quality: int = 85) -> bytes:
    """A picture (rows, cols, 3) as the bytes of a PNG or JPEG file.

    Raises:
        InputError: It has no pixels, or more than a file of that kind can hold.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == "jpeg" else []
    try:
        done, data = cv2.imencode(".jpg" if kind == "jpeg" else ".png", rgb[..., ::-1], options)
    except cv2.error as error:
        raise InputError(f"a picture of {rgb.shape} cannot be written as {kind}: {error}") from error
    if not done:
        raise InputError(f"a picture of {rgb.shape} cannot be written as {kind}")
    return bytes(data)
