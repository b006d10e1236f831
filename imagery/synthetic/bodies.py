"""A wagon seen from above, in its own frame."""

from __future__ import annotations

import numpy as np

from imagery.synthetic.canvas import Patch
from imagery.synthetic.light import Light
from imagery.synthetic.materials import grain
from imagery.synthetic.wagons import WagonSpec


def body(spec: WagonSpec, px_m: float, light: Light, angle_deg: float) -> Patch:
    """Paint one wagon at a pixel size, shaded for its direction."""
    px = min(px_m * 0.6, 0.3)
    rows, cols = round(spec.width_m / px), round(spec.length_m / px)
    colour = spec.colour if spec.tarp == "none" else spec.tarp_colour
    rgb = np.empty((rows, cols, 3), dtype=np.float32)
    rgb[:] = colour
    rgb *= 1 + 0.06 * grain(spec.seed, (rows, cols), (3, 3))[..., None]
    return Patch(rgb, np.ones((rows, cols), np.float32), np.full((rows, cols), spec.height_m, np.float32), px)
