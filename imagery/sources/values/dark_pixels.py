"""Whether an offset was taken off once, by the darkest pixels of a scene.

Catalogues say wrongly of some scenes whether 1000 has been subtracted. The pixels know better: vegetation is
dark in blue and red, water in the infrared, shadow in all bands, and nothing reflects less than nothing. The
darkest hundredth of such pixels lies between 0 and 0.06; an offset left on lifts it by 0.1, one taken off
twice makes it negative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

DARK_AREA, SHADOW, VEGETATION, WATER = 2, 3, 4, 6
DARK_IN: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("B02", "B04"), (DARK_AREA, SHADOW, VEGETATION)),
    **dict.fromkeys(("B08", "B8A", "B11", "B12"), (WATER,)),
}
"""Band to the classes that are dark in it; other bands tell nothing."""

STEP = 0.1
"""The offset in reflectance: 1000 of 10000."""
MIN_PIXELS = 100
"""Fewer of one kind say nothing."""
SURE = 0.95
"""Probability from which a verdict is given."""
PRIOR = 0.8
"""That a scene's rule is right, before its pixels are looked at."""

# The darkest hundredth of 41 dates of farmland has its median at 0.019 and lies to 90 % between 0.001 and
# 0.034 (docs/catalogues.md); made wider here towards haze.
_MODE, _BELOW, _ABOVE = 0.02, 0.015, 0.025
_STRANGE = 0.02
"""Share of scenes that follow no expectation."""
_BRIGHTEST = 0.8


@dataclass(frozen=True)
class OffsetVerdict:
    """What the darkest pixels say of a scene's offset."""

    fits: Literal["rule", "other", "undecided"]
    """``other``: add ``shift`` to the reflectance, or do not use the scene."""
    shift: float
    """0 where the rule fits or nothing can be said; else 0.1 (taken off twice) or -0.1 (not taken off)."""
    probability: float
    """Of the likeliest of the three, 0 to 1."""
    darkest: float
    """Reflectance of the darkest hundredth in the darkest band, by the rule; NaN where none tells."""
    band: str
    """That band, or empty."""
    reason: str
    """One sentence."""


def dark_pixel_check(
    reflectance: Mapping[str, NDArray[Any]], valid: NDArray[np.bool_], scl: NDArray[Any]
) -> OffsetVerdict:
    """Hold a scene's offset against its darkest pixels.

    Args:
        reflectance: (rows, cols) by band, as the rule gives it: stored x scale + offset. B02 and B04 tell
            over land, B08, B8A, B11 and B12 over water; others are not looked at.
        valid: (rows, cols) pixels with data.
        scl: (rows, cols) scene classification.

    Returns:
        The rule, or a shift of 0.1 up or down, or that it cannot be told because nothing dark is seen.

    Raises:
        InputError: Shapes differ.
    """
    shapes = {band.shape for band in reflectance.values()} | {valid.shape, scl.shape}
    if len(shapes) != 1:
        raise InputError(f"bands, mask and classes of one shape are needed, not {sorted(shapes)}")
    found = []
    for band in sorted(DARK_IN.keys() & reflectance.keys()):
        seen = reflectance[band][valid & np.isin(scl, DARK_IN[band])]
        if seen.size >= MIN_PIXELS:
            found.append((float(np.percentile(seen, 1)), band))
    if not found:
        return OffsetVerdict("undecided", 0.0, PRIOR, math.nan, "", "too little vegetation, shadow and water")
    darkest, band = min(found)
    weights = {
        shift: prior * _density(darkest + shift)
        for shift, prior in ((0.0, PRIOR), (STEP, (1 - PRIOR) / 2), (-STEP, (1 - PRIOR) / 2))
    }
    best = max(weights, key=lambda shift: weights[shift])
    sure = weights[best] / sum(weights.values())
    said = f"the darkest hundredth of what is dark in {band} reflects {darkest:.3f}"
    if sure < SURE:
        return OffsetVerdict("undecided", 0.0, sure, darkest, band, said)
    return OffsetVerdict("rule" if best == 0 else "other", best, sure, darkest, band, said)


def _density(value: float) -> float:
    """How often the darkest hundredth of what should be dark reflects so much, per unit of reflectance."""
    width = _BELOW if value < _MODE else _ABOVE
    peak = 2 / (math.sqrt(2 * math.pi) * (_BELOW + _ABOVE))
    expected = peak * math.exp(-0.5 * ((value - _MODE) / width) ** 2)
    anything = 1 / _BRIGHTEST if 0 <= value <= _BRIGHTEST else 1e-6
    return (1 - _STRANGE) * expected + _STRANGE * anything
