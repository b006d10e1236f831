"""Colours of surfaces, and noise of any grain to break them up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Colour


@dataclass(frozen=True)
class Material:
    """How a surface looks in full sun."""

    colours: tuple[Colour, ...]
    """One is picked for each yard."""
    fine: float
    """Standard deviation of its texture at one pixel of 0.3 m, as a share of brightness."""
    broad: float
    """The same at patches of several metres."""


SURFACES: dict[str, Material] = {
    "ballast": Material(
        ((142, 140, 136), (128, 118, 106), (112, 100, 88), (160, 156, 150), (98, 92, 88)), 0.06, 0.06
    ),
    "walkway": Material(((178, 174, 166), (164, 156, 144), (190, 186, 180)), 0.04, 0.05),
    "gravel": Material(((168, 160, 146), (150, 138, 120), (182, 174, 158)), 0.06, 0.1),
    "asphalt": Material(((112, 112, 114), (92, 92, 96), (134, 132, 130)), 0.03, 0.06),
    "concrete": Material(((184, 180, 172), (166, 164, 160), (200, 194, 184)), 0.03, 0.06),
    "grass": Material(((88, 104, 62), (70, 92, 50), (122, 120, 76), (96, 108, 74)), 0.12, 0.16),
    "weeds": Material(((84, 96, 52), (104, 104, 66), (66, 86, 44)), 0.14, 0.16),
    "soil": Material(((138, 116, 92), (156, 138, 112), (118, 98, 80), (176, 162, 138)), 0.07, 0.12),
    "field": Material(((132, 116, 86), (110, 124, 74), (160, 146, 104), (96, 84, 66)), 0.06, 0.08),
    "water": Material(((52, 66, 66), (70, 82, 74), (40, 52, 62)), 0.02, 0.04),
    "forest": Material(((46, 66, 38), (58, 78, 46), (40, 56, 40)), 0.26, 0.2),
    "scrap": Material(((112, 98, 88), (96, 92, 92)), 0.3, 0.2),
    "coal": Material(((48, 47, 48), (60, 58, 58)), 0.1, 0.15),
}
"""Materials of the ground, by name."""


@cache
def _bank() -> NDArray[np.float32]:
    """White noise that all textures are cut from; the same in every process."""
    bank = np.random.default_rng(20231005).standard_normal((1024, 1024), dtype=np.float32)
    bank.setflags(write=False)
    return bank


def grain(seed: int, shape: tuple[int, int], size_px: tuple[float, float]) -> NDArray[np.float32]:
    """Smooth noise of unit variance or a little less.

    Args:
        seed: Picks the piece of noise.
        shape: (rows, cols).
        size_px: Height and width of its grains in pixels; 1 or less is white.

    Returns:
        (rows, cols), mean about 0.
    """
    rows = max(2, int(shape[0] / max(size_px[0], 1.0)) + 1)
    cols = max(2, int(shape[1] / max(size_px[1], 1.0)) + 1)
    top, left = (seed * 7919) % 1024, (seed // 1024 * 104729 + seed * 31) % 1024
    if max(top + rows, left + cols) > 1024:  # round the edges of the bank
        piece = np.take(_bank(), np.arange(top, top + rows), axis=0, mode="wrap")
        piece = np.take(piece, np.arange(left, left + cols), axis=1, mode="wrap")
    else:
        piece = _bank()[top : top + rows, left : left + cols]
    if max(size_px) <= 1.0:
        return piece[: shape[0], : shape[1]]
    if rows * cols * 16 < shape[0] * shape[1] and shape[0] > 256:  # broad grains: smooth small, then enlarge
        small = cv2.resize(piece, (shape[1] // 4, shape[0] // 4), interpolation=cv2.INTER_CUBIC)
        piece = np.asarray(small, dtype=np.float32)
    large = cv2.resize(piece, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32)


def speckle(seed: int, shape: tuple[int, int], px_m: float) -> NDArray[np.float32]:
    """Noise of several grains at once, as gravel and growth have: unit variance at pixels of 0.3 m."""
    fine = grain(seed, shape, (1.0, 1.0)) * np.float32(min(1.0, 0.3 / px_m) ** 0.5 * 0.7)
    return np.asarray(
        fine
        + 0.55 * grain(seed + 11, shape, (0.7 / px_m, 0.7 / px_m))
        + 0.45 * grain(seed + 23, shape, (2.2 / px_m, 2.2 / px_m)),
        dtype=np.float32,
    )
