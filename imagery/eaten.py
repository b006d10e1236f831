"""Masks that eat bright targets: what is called cloud, has the yard's shape and looks as it always does.

Scene classification takes concrete, roofs and tarpaulins for cloud. A cloud does not end where the yard ends,
and does not look like the same yard on other days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.errors import InputError
from imagery.sensors import CLASS_BANDS, CLOUD_BANDS
from imagery.tiles import Tile
from imagery.visibility import SHADOW, believable, clouded

Mask = NDArray[np.bool_]

RIM_PX = 2
"""How far a patch may reach beyond the yard: classes come at 20 m."""
AROUND_PX = 3
"""Width of the ring around a patch that must be clear."""
MOSTLY = 0.8
"""Share of a patch inside the yard, of its ring that is clear, and of its pixels that look as usual."""
LEAST_DATES = 3
"""Other dates, with a clear ring, that a patch is compared with."""
_NEAR = 3.0  # standard deviations within which a pixel looks as usual
_FLOOR = 0.05  # of its value: no pixel repeats better
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Eaten:
    """What a mask took from a yard."""

    pixels: Mask
    """(rows, cols), read-only: called cloud, but ground; to be believed after all."""
    given_back: int
    """Patches that these pixels form."""
    left: int
    """Patches of the yard's shape that look unlike other dates, or have none to be compared with."""

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)


def eaten(tile: Tile, others: Sequence[Tile], yard: Mask) -> Eaten:
    """Find what the tile's own classes call cloud although it is the yard.

    A patch of cloud is given back where it lies inside the yard, what surrounds it is clear, and in every
    band most of its pixels have the value that they have on other dates, after the surroundings are brought
    to the same light. Other dates count where their surroundings are clear, whatever they call the patch
    itself: a bright yard is called cloud on most days. A bright load that came today looks like no other
    date, and stays masked.

    Args:
        tile: With the bands that say what is clouded.
        others: Other dates on its grid.
        yard: (rows, cols) pixels of the yard.

    Returns:
        The pixels to add to ``believable(tile)``.

    Raises:
        InputError: Grids or shapes differ.
    """
    if yard.shape != tile.valid.shape or any(other.grid != tile.grid for other in others):
        raise InputError(f"tile of {tile.scene.id!r}, the yard and the other dates must lie on one grid")
    bands = [
        name
        for name in tile.bands
        if name not in (*CLASS_BANDS, *CLOUD_BANDS) and all(other.has([name]) for other in others)
    ]
    called = clouded(tile)
    if tile.has(["SCL"]):
        called &= tile.band("SCL") != SHADOW
    clear = believable(tile)
    near = ndimage.binary_dilation(yard, _EIGHT, iterations=RIM_PX)
    patches, count = ndimage.label(called, _EIGHT)
    back = np.zeros_like(called)
    found = left = 0
    for number in range(1, count + 1):
        patch = patches == number
        ring = ndimage.binary_dilation(patch, _EIGHT, iterations=AROUND_PX) & ~patch
        if near[patch].mean() < MOSTLY or not ring.any() or clear[ring].mean() < MOSTLY:
            continue
        if _as_usual(tile, others, bands, patch, ring & clear):
            back |= patch
            found += 1
        else:
            left += 1
    return Eaten(back, found, left)


def _as_usual(tile: Tile, others: Sequence[Tile], bands: Sequence[str], patch: Mask, ring: Mask) -> bool:
    dates = [
        other for other in others if other.valid[patch].all() and believable(other)[ring].mean() >= MOSTLY
    ]
    if len(dates) < LEAST_DATES or not bands:
        return False
    alike = np.ones(int(patch.sum()), dtype=bool)
    for name in bands:
        band = tile.band(name).astype(np.float64)
        light = float(np.median(band[ring]))
        then = []
        for other in dates:
            values = other.band(name).astype(np.float64)
            level = float(np.median(values[ring & believable(other)]))
            then.append(values[patch] * light / level if level > 0 else values[patch])
        usual = np.median(then, axis=0)
        spread = 1.4826 * np.median(np.abs(np.array(then) - usual), axis=0)
        alike &= np.abs(band[patch] - usual) <= _NEAR * np.maximum(spread, _FLOOR * np.abs(usual))
    return bool(alike.mean() >= MOSTLY)
