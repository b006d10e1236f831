"""Random yards: parallel curved tracks, ladders and crossovers, and what stands around them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Layout, Points, Surface
from imagery.synthetic.materials import SURFACES
from imagery.synthetic.overhead import random_catenary
from imagery.synthetic.plots import Axis
from imagery.synthetic.surroundings import random_surroundings

_Line = NDArray[np.float64]


def random_layout(rng: np.random.Generator, size_m: tuple[float, float], tracks: int | None = None) -> Layout:
    """Draw a yard that crosses an area.

    Args:
        rng: Source of randomness.
        size_m: Width and height of the area in metres.
        tracks: How many; 1 to 14 drawn if None (more in large areas), among them single lines in the open.

    Returns:
        Tracks 4.2 to 6 m apart, which run on beyond the area, and their surroundings.
    """
    diagonal = math.hypot(*size_m)
    if tracks is None:
        wide = diagonal > 400
        draw = rng.random() + (0.12 if wide else 0.0)
        tracks = (
            1
            if draw < 0.13
            else int(rng.integers(2, 5) if draw < 0.4 else rng.integers(5, 27 if wide else 15))
        )
    offsets = _offsets(rng, tracks, size_m)
    radius = rng.uniform(max(250.0, 1.1 * diagonal), max(1500.0, 4 * diagonal))
    axis = Axis(
        (size_m[0] / 2, size_m[1] / 2),
        float(rng.uniform(0, 2 * math.pi)),
        0.0 if rng.random() < 0.45 else float(rng.choice([-1, 1]) / radius),
    )
    half = 0.56 * diagonal + 25.0
    u = np.arange(-half, half + 5.0, 5.0)
    rural = tracks <= 2 or rng.random() < 0.2
    margin = rng.uniform(2.5, 4.5)
    edges = (float(offsets[0]) - margin, float(offsets[-1]) + margin)
    surfaces, blocks = random_surroundings(rng, axis, half, edges, rural)
    lines, bed = _tracks(rng, axis, u, offsets, margin)
    ballast = SURFACES["ballast"].colours
    return Layout(
        tracks_m=lines,
        extent_m=size_m,
        links_m=_crossovers(rng, axis, half, offsets),
        surfaces=(*surfaces, bed, *_strips(rng, axis, u, offsets)),
        blocks=tuple(blocks),
        spans=tuple(random_catenary(rng, axis, half, offsets)) if rng.random() < 0.6 else (),
        soil=str(
            rng.choice(
                ["grass", "field", "soil", "weeds"] if rural else ["gravel", "asphalt", "soil", "grass"]
            )
        ),
        overgrowth=float(rng.beta(1.0, 4.0)),
        snow=float(rng.uniform(0.3, 0.95)) if rng.random() < 0.04 else 0.0,
        seed=int(rng.integers(1 << 30)),
        ballast=ballast[rng.integers(len(ballast))],
    )


def _offsets(rng: np.random.Generator, tracks: int, size_m: tuple[float, float]) -> _Line:
    """Where the tracks run across, metres: even spacing, now and then a wider gap."""
    spacing = rng.uniform(4.2, 6.0)
    gaps = np.clip(spacing + rng.normal(0, 0.15, tracks - 1), 4.2, 6.5)
    gaps = np.where(rng.random(len(gaps)) < 0.1, rng.uniform(7.0, 16.0, len(gaps)), gaps)
    offsets = np.concatenate([[0.0], np.cumsum(gaps)])
    return np.asarray(offsets - offsets[-1] / 2 + rng.uniform(-0.3, 0.3) * min(size_m))


def _tracks(
    rng: np.random.Generator, axis: Axis, u: _Line, offsets: _Line, margin: float
) -> tuple[tuple[Points, ...], Surface]:
    """Parallel tracks, or a ladder from whose lead they leave one after another; and their ballast."""
    width = offsets[-1] - offsets[0]
    slope = max(1 / rng.uniform(6.0, 10.0), width / (1.2 * u[-1]))
    if len(offsets) < 3 or slope > 0.3 or rng.random() > 0.35:
        ballast = axis.ribbon(u, (offsets[0] + offsets[-1]) / 2, width + 2 * margin)
        return tuple(axis.place(u, v) for v in offsets), Surface(ballast, "ballast")
    start = rng.uniform(-0.8, -0.1) * u[-1]
    away = rng.choice([-1, 1])
    order = offsets if rng.random() < 0.5 else offsets[::-1]  # which side the lead starts from
    side = math.copysign(1.0, order[-1] - order[0])
    lines = []
    for i, v in enumerate(order):
        lead = np.clip(slope * (away * u - start), 0.0, abs(v - order[0]))
        lead = np.convolve(np.pad(lead, 3, mode="edge"), np.ones(7) / 7, mode="valid")
        # The lead up to the track before belongs to that track.
        before = abs(order[max(i - 1, 0)] - order[0])
        own = away * u >= start + before / slope - 5.0 if i else np.ones(len(u), dtype=bool)
        if own.sum() >= 3:
            lines.append(axis.place(u[own], order[0] + side * lead[own]))
    far = axis.place(u, order[0] + side * (lead + margin))
    near = axis.place(u[::-1], np.full(len(u), order[0] - side * margin))
    return tuple(lines), Surface(np.concatenate([far, near]), "ballast")


def _crossovers(rng: np.random.Generator, axis: Axis, half: float, offsets: _Line) -> tuple[Points, ...]:
    """Links between neighbouring tracks."""
    links = []
    for before, after in pairwise(offsets):
        if rng.random() < 0.15 and after - before < 8:
            step = np.linspace(0, 1, 16)
            u = rng.uniform(-0.7, 0.5) * half + step * 9.0 * (after - before)
            v = before + (after - before) * (step - np.sin(2 * np.pi * step) / (2 * np.pi))
            links.append(axis.place(u, v if rng.random() < 0.5 else v[::-1]))
    return tuple(links)


def _strips(rng: np.random.Generator, axis: Axis, u: _Line, offsets: _Line) -> tuple[Surface, ...]:
    """Walkways, roads, platforms or growth between the tracks."""
    strips = []
    walk = rng.random() * 0.6
    for before, after in pairwise(offsets):
        middle, gap = (before + after) / 2, after - before
        if gap > 6.8:
            material = str(rng.choice(["gravel", "weeds", "asphalt", "grass", "concrete"]))
            high = 0.8 if gap > 8.5 and rng.random() < 0.4 else 0.0
            strips.append(Surface(axis.ribbon(u, middle, gap - 4.2), "concrete" if high else material, high))
        elif rng.random() < walk:
            strips.append(Surface(axis.ribbon(u, middle, rng.uniform(0.7, 1.5)), "walkway"))
    return tuple(strips)
