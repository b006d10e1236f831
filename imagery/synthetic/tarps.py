"""Tarpaulins: taut, ridged, sagging between the bows, or folded back from a part of the wagon."""

from __future__ import annotations

import numpy as np

from imagery.synthetic.materials import grain
from imagery.synthetic.sheet import Sheet
from imagery.synthetic.wagons import WagonSpec


def cover(sheet: Sheet, spec: WagonSpec, rng: np.random.Generator) -> None:
    """Lay the wagon's tarpaulin over what has been painted.

    Args:
        sheet: The wagon so far.
        spec: Says colour and shape.
        rng: Source of bows, wrinkles and ropes.
    """
    x0, x1 = -spec.length_m / 2, spec.length_m / 2
    hang = rng.uniform(0.0, 0.1)
    y0, y1 = -spec.width_m / 2 - hang, spec.width_m / 2 + hang
    if spec.tarp_shape == "folded":
        share = rng.uniform(0.5, 0.85)
        x0, x1 = (x0, x0 + share * spec.length_m) if rng.random() < 0.5 else (x1 - share * spec.length_m, x1)
    top = spec.height_m if spec.form != "flat" else rng.uniform(2.2, 3.6)
    at = sheet.box((x0, x1), (y0, y1), spec.tarp_colour, top)
    along, across = sheet.x[:, at[1]], sheet.y[at[0]]
    half = spec.width_m / 2
    inner = 1 - np.clip(np.abs(across) / half, 0, 1) ** 2
    bow = rng.uniform(1.1, 2.6)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * along / bow)
    z = -0.02 * inner * wave
    if spec.tarp_shape == "ridged":
        z = z + rng.uniform(0.25, 0.7) * (1 - np.abs(across) / half)
        sheet.height[at] = top + z.astype(np.float32)
    elif spec.tarp_shape == "sagging":
        z = z - rng.uniform(0.1, 0.35) * inner * wave
    else:
        z = z + rng.uniform(0.0, 0.3) * inner
    shape = (at[0].stop - at[0].start, at[1].stop - at[1].start)
    px = sheet.px_m
    z = (
        z
        + 0.02 * grain(spec.seed + 31, shape, (0.5 / px, 0.3 / px))
        + 0.02 * grain(spec.seed + 37, shape, (1.5 / px, 0.8 / px))
    )
    sheet.shade(at, np.asarray(z, dtype=np.float32), gloss=rng.choice([0.0, 0.1, 0.3]))
    if rng.random() < 0.5:
        sheet.ribs((x0, x1), (y0, y1), bow, 0.08, rng.choice([0.6, 0.75, 1.2]))
    for _ in range(int(rng.integers(0, 3))):  # seams and patches
        seam = rng.uniform(x0, x1)
        sheet.tint((seam, min(x1, seam + rng.uniform(0.1, 2.0))), (y0, y1), rng.uniform(0.85, 1.12))
    if spec.tarp_shape == "folded":  # the bundle where it is drawn back
        edge = x1 if x0 <= -spec.length_m / 2 + 1e-6 else x0
        sheet.box((edge - 0.35, edge + 0.35), (y0, y1), spec.tarp_colour, top + 0.25)
        sheet.ribs((edge - 0.35, edge + 0.35), (y0, y1), 0.25, 0.1, 0.6)
