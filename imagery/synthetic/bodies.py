"""Each form of wagon seen from above, in its own frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from imagery.synthetic.canvas import Patch
from imagery.synthetic.closed_wagons import autorack, boxcar, coach, covered_hopper, locomotive, tank
from imagery.synthetic.light import Light
from imagery.synthetic.open_wagons import container_flat, flat, gondola, open_hopper
from imagery.synthetic.sheet import Sheet
from imagery.synthetic.tarps import cover
from imagery.synthetic.wagons import WagonSpec

_OVERHANG_M = 0.55
"""Buffers and couplers stick out this far at each end."""


@lru_cache(maxsize=160)
def _body(spec: WagonSpec, px_m: float, light: Light, angle_deg: float) -> Patch:
    fine = min(max(px_m / 2, 0.1), 0.25)
    sheet = Sheet((spec.length_m + 2 * _OVERHANG_M, spec.width_m + 0.3), fine, light, angle_deg)
    rng = np.random.default_rng(spec.seed if spec.make is None else spec.make)
    _gear(sheet, spec)
    _PAINTERS[spec.form](sheet, spec, rng)
    if spec.tarp != "none":
        cover(sheet, spec, rng)
    sheet.stain(spec.seed, spec.wear * (0.5 if spec.tarp != "none" else 1.0))
    sheet.snowfall(spec.seed, spec.snow)
    return sheet.patch(px_m * 0.7)


def body(spec: WagonSpec, px_m: float, light: Light, angle_deg: float) -> Patch:
    """Paint one wagon at a pixel size, shaded for its direction to within some degrees.

    Args:
        spec: The wagon.
        px_m: Pixel of the canvas that it is meant for.
        light: The sun.
        angle_deg: Its direction on the ground.

    Returns:
        Body, buffers and couplers; the body is centred. Equal wagons share one patch.
    """
    return _body(spec, px_m, light, 8.0 * round(angle_deg / 8.0))


def _gear(sheet: Sheet, spec: WagonSpec) -> None:
    """Couplers and buffers in the gap, dark and low."""
    end = spec.length_m / 2
    for side in (-1, 1):
        x = sorted((side * (end - 0.3), side * (end + 0.5)))
        sheet.box((x[0], x[1]), (-0.16, 0.16), (66, 56, 50), 0.9)
        for y in (-0.9, 0.9):
            sheet.box((x[0], x[1] - 0.1), (y - 0.2, y + 0.2), (52, 48, 46), 0.95)


_PAINTERS: dict[str, Callable[[Sheet, WagonSpec, np.random.Generator], None]] = {
    "gondola": gondola,
    "boxcar": boxcar,
    "covered hopper": covered_hopper,
    "open hopper": open_hopper,
    "tank": tank,
    "flat": flat,
    "container flat": container_flat,
    "autorack": autorack,
    "locomotive": locomotive,
    "coach": coach,
}
