"""The ground of a painted yard: surfaces, ballast, sleepers and rails, growth and snow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Canvas
from imagery.synthetic.layout import Layout, Points
from imagery.synthetic.materials import SURFACES, speckle

_SHIFT = 4


def draw_ground(canvas: Canvas, layout: Layout) -> None:
    """Paint surfaces and tracks onto an empty canvas."""
    rng = np.random.default_rng(layout.seed)
    base = np.empty((*canvas.size, 3), dtype=np.uint8)
    base[:] = SURFACES[layout.soil].colours[rng.integers(len(SURFACES[layout.soil].colours))]
    for surface in layout.surfaces:
        colours = SURFACES[surface.material].colours
        colour = layout.ballast if surface.material == "ballast" else colours[rng.integers(len(colours))]
        cv2.fillPoly(base, [_fixed(canvas, surface.outline_m)], colour, cv2.LINE_AA, _SHIFT)
    for line in (*layout.links_m, *layout.tracks_m):
        _track(canvas, base, line, rng)
    canvas.colour[:] = base
    canvas.colour *= 1.0 + 0.06 * speckle(layout.seed, canvas.size, canvas.px_m)[..., None]


def over_ground(canvas: Canvas, layout: Layout, ground: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Lay a real picture over the painted ground, which stays only near the tracks, or nowhere."""
    left, top, right, bottom = canvas.margin
    real = cv2.copyMakeBorder(ground, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    canvas.colour[:] = real


def _track(canvas: Canvas, base: NDArray[np.uint8], line: Points, rng: np.random.Generator) -> None:
    points = _fixed(canvas, line)
    bed = np.array(SURFACES["ballast"].colours[1]) * rng.uniform(0.75, 1.0)
    cv2.polylines(base, [points], False, bed.tolist(), max(1, round(2.5 / canvas.px_m)), cv2.LINE_AA, _SHIFT)


def _fixed(canvas: Canvas, points_m: Points) -> NDArray[np.int32]:
    """Pixels in OpenCV's fixed point, clipped far outside the canvas."""
    return np.round((canvas.to_px(points_m) - 0.5).clip(-8000, 8000) * (1 << _SHIFT)).astype(np.int32)
