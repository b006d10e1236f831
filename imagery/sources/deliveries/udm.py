"""Planet's usable data masks, read as the scene classes (SCL) that visibility knows.

One form for all sensors at the border: cloud, heavy haze, light haze, shadow and snow become the classes that
Sentinel-2 has for them, black fill and lost lines become no data and defective, clear becomes bare ground,
and what no band of the mask speaks of stays unclassified, which counts as seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.errors import UnreadableError
from imagery.scenes import Asset
from imagery.sources.files.filelayer import FileLayer
from imagery.tiles import ROI

UDM2 = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "unusable")
"""Bands of a udm2 file."""
_NO_DATA, _DEFECTIVE, _SHADOW, _CLEAR, _UNKNOWN, _HAZE, _CLOUD, _CIRRUS, _SNOW = 0, 1, 3, 5, 7, 8, 9, 10, 11
# The last that applies holds: cloud covers snow, and a lost pixel shows nothing at all.
_CLASSES = (
    ("clear", _CLEAR),
    ("snow", _SNOW),
    ("shadow", _SHADOW),
    ("haze_light", _CIRRUS),
    ("haze_heavy", _HAZE),
    ("cloud", _CLOUD),
)
_FILL, _CLOUDED, _LOST = 0b1, 0b10, 0b11111100


class MaskLayer:
    """An opened mask file that shows one band, ``SCL``."""

    def __init__(self, asset: Asset, gsd_m: float | None) -> None:
        names = UDM2 if asset.stored_as == "udm2" else ("unusable",)
        try:
            self._file = FileLayer(replace(asset, bands=names), gsd_m)
        except ValueError as error:
            raise UnreadableError(
                f"{asset.path.name} is no {asset.stored_as} mask: {error}", "band-mismatch"
            ) from error
        if self._file.dtype.kind not in "iu":
            self._file.close()
            raise UnreadableError(
                f"{asset.path.name} is no {asset.stored_as} mask: its values are {self._file.dtype}",
                "unsupported-dtype",
            )
        self.asset = asset
        self.grid = self._file.grid
        self.bands: tuple[str, ...] = ("SCL",)
        self.dtype = np.dtype(np.uint8)
        self.mask = f"{asset.stored_as} mask"

    def read(self, roi: ROI, bands: Sequence[str], into: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
        """See Layer.read; classes, by the nearest pixel."""
        shape = into[0].shape
        stored = np.empty((len(self._file.bands), *shape), self._file.dtype)
        valid = self._file.read(roi, self._file.bands, list(stored))
        by_name = dict(zip(self._file.bands, stored, strict=True))
        classes = np.full(shape, _UNKNOWN, np.uint8)
        for name, value in _CLASSES:
            if name in by_name:
                classes[by_name[name] == 1] = value
        unusable = by_name["unusable"]
        classes[(unusable & _CLOUDED > 0) & (classes == _UNKNOWN)] = _CLOUD
        classes[unusable & _LOST > 0] = _DEFECTIVE
        classes[unusable & _FILL > 0] = _NO_DATA
        for out in into:
            out[:] = classes
        return valid

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
