"""Masts, portals and wires above the tracks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Span
from imagery.synthetic.plots import Axis


def random_catenary(
    rng: np.random.Generator, axis: Axis, half_m: float, offsets: NDArray[np.float64]
) -> list[Span]:
    """Masts, portals across the tracks, and wires along them; or lamp masts only."""
    spans: list[Span] = []
    pitch = float(rng.uniform(38, 70))
    electrified = rng.random() < 0.7
    height = float(rng.uniform(7.0, 9.5)) if electrified else float(rng.uniform(10, 22))
    outer = (float(offsets[0]) - 2.9, float(offsets[-1]) + 2.9)
    stations = np.arange(-half_m + rng.uniform(0, pitch), half_m, pitch if electrified else 2.2 * pitch)
    for u in stations:
        feet = outer if rng.random() < 0.85 else outer[:1]
        for v in feet:
            x, y = axis.point(u, v)
            spans.append(Span((x, y, 0.0), (x, y, height), 0.35))
        if electrified and len(feet) == 2:
            a, b = axis.point(u, outer[0]), axis.point(u, outer[1])
            spans.append(Span((*a, height - 0.8), (*b, height - 0.8), float(rng.choice([0.12, 0.4, 0.6]))))
    if electrified:
        # A wire hangs straight between two supports.
        knots = np.concatenate([[-half_m], stations, [half_m]])
        for v in offsets:
            line = axis.place(knots, float(v))
            spans += [Span((a[0], a[1], 5.6), (b[0], b[1], 5.6), 0.035) for a, b in pairwise(line.tolist())]
    return spans
