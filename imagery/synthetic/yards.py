"""Random yards: parallel curved tracks, ladders and crossovers, and what stands around them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Block, Layout, Points, Span, Surface
from imagery.synthetic.materials import SURFACES

Line = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A straight or evenly curved line; u runs along it, v to its right, both in metres."""

    centre_m: tuple[float, float]
    """Where u = v = 0."""
    heading_rad: float
    """Direction of u there, from x towards y."""
    curvature: float
    """1 / radius in metres, positive towards v."""

    def place(self, u: Line, v: Line | float) -> Points:
        """Points (n, 2) in local metres."""
        turn = self.curvature * u
        if abs(self.curvature) < 1e-7:
            x, y = u, np.zeros_like(u)
        else:
            x, y = np.sin(turn) / self.curvature, (1 - np.cos(turn)) / self.curvature
        x, y = x - np.sin(turn) * v, y + np.cos(turn) * v
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        return np.stack([self.centre_m[0] + cos * x - sin * y, self.centre_m[1] + sin * x + cos * y], axis=1)

    def heading_deg(self, u: float) -> float:
        """Direction of u at a place, degrees."""
        return math.degrees(self.heading_rad + self.curvature * u)

    def ribbon(self, u: Line, v: float, width: float) -> Points:
        """Outline of a strip of constant width along the axis."""
        return np.concatenate([self.place(u, v - width / 2), self.place(u[::-1], v + width / 2)])


def random_layout(rng: np.random.Generator, size_m: tuple[float, float], tracks: int | None = None) -> Layout:
    """Draw a yard that crosses an area.

    Args:
        rng: Source of randomness.
        size_m: Width and height of the area in metres.
        tracks: How many; 1 to 14 drawn if None, among them single lines in the open.

    Returns:
        Tracks 4.2 to 6 m apart, which run on beyond the area, and their surroundings.
    """
    if tracks is None:
        tracks = int(rng.choice([1, rng.integers(2, 5), rng.integers(5, 15)], p=[0.15, 0.3, 0.55]))
    diagonal = math.hypot(*size_m)
    spacing = rng.uniform(4.2, 6.0)
    gaps = np.clip(spacing + rng.normal(0, 0.15, max(tracks - 1, 0)), 4.2, 6.5)
    gaps = np.where(rng.random(len(gaps)) < 0.12, rng.uniform(7.0, 16.0, len(gaps)), gaps)
    offsets = np.concatenate([[0.0], np.cumsum(gaps)])
    offsets += rng.uniform(-0.25, 0.25) * min(size_m) - offsets[-1] / 2
    axis = Axis(
        (size_m[0] / 2, size_m[1] / 2),
        float(rng.uniform(0, 2 * math.pi)),
        0.0 if rng.random() < 0.45 else float(rng.choice([-1, 1]) / rng.uniform(220, 1500)),
    )
    half = 0.55 * diagonal + 25.0
    u = np.arange(-half, half + 5.0, 5.0)
    lines = _tracks(rng, axis, u, offsets)
    links = _crossovers(rng, axis, half, offsets) if tracks > 1 else ()
    rural = tracks <= 2 or rng.random() < 0.2
    return Layout(
        tracks_m=lines,
        extent_m=size_m,
        links_m=links,
        surfaces=_strips(rng, axis, u, offsets),
        soil=str(rng.choice(["grass", "field", "soil", "weeds"] if rural else ["gravel", "asphalt", "soil", "grass"])),
        overgrowth=float(rng.beta(1.0, 3.0)),
        snow=float(rng.uniform(0.3, 0.95)) if rng.random() < 0.04 else 0.0,
        seed=int(rng.integers(1 << 30)),
        ballast=SURFACES["ballast"].colours[rng.integers(len(SURFACES["ballast"].colours))],
    )


def _tracks(rng: np.random.Generator, axis: Axis, u: Line, offsets: Line) -> tuple[Points, ...]:
    """Parallel tracks, or a ladder from whose lead they leave one after another."""
    if len(offsets) < 3 or rng.random() > 0.35:
        return tuple(axis.place(u, v) for v in offsets)
    slope = 1 / rng.uniform(7.0, 10.0)
    start = rng.uniform(-0.7, 0.3) * u[-1]
    away = rng.choice([-1, 1])
    lines = []
    for i, v in enumerate(offsets):
        lead = np.clip(slope * (away * u - start), 0.0, v - offsets[0])
        lead = np.convolve(np.pad(lead, 3, mode="edge"), np.ones(7) / 7, mode="valid")
        # The lead up to the track before belongs to that track.
        own = away * u >= start + (offsets[max(i - 1, 0)] - offsets[0]) / slope - 5.0 if i else np.ones(len(u), bool)
        if own.sum() >= 3:
            lines.append(axis.place(u[own], offsets[0] + lead[own]))
    return tuple(lines)


def _crossovers(rng: np.random.Generator, axis: Axis, half: float, offsets: Line) -> tuple[Points, ...]:
    links = []
    for i in range(len(offsets) - 1):
        if rng.random() < 0.15 and offsets[i + 1] - offsets[i] < 8:
            step = np.linspace(0, 1, 16)
            run = 9.0 * (offsets[i + 1] - offsets[i])
            u = rng.uniform(-0.7, 0.5) * half + step * run
            v = offsets[i] + (offsets[i + 1] - offsets[i]) * (step - np.sin(2 * np.pi * step) / (2 * np.pi))
            links.append(axis.place(u, v if rng.random() < 0.5 else v[::-1]))
    return tuple(links)


def _strips(rng: np.random.Generator, axis: Axis, u: Line, offsets: Line) -> tuple[Surface, ...]:
    """The ballast under the whole yard, and walkways, roads or growth between the tracks."""
    width = offsets[-1] - offsets[0] + rng.uniform(5, 9)
    strips = [Surface(axis.ribbon(u, (offsets[0] + offsets[-1]) / 2, width), "ballast")]
    walk = rng.random() * 0.6
    for before, after in zip(offsets, offsets[1:], strict=False):
        middle, gap = (before + after) / 2, after - before
        if gap > 6.8:
            material = str(rng.choice(["gravel", "weeds", "asphalt", "grass", "concrete"]))
            high = 0.8 if gap > 8.5 and rng.random() < 0.3 else 0.0
            strips.append(Surface(axis.ribbon(u, middle, gap - 4.2), "concrete" if high else material, high))
        elif rng.random() < walk:
            strips.append(Surface(axis.ribbon(u, middle, rng.uniform(0.7, 1.5)), "walkway"))
    return tuple(strips)


__all__ = ["Axis", "Block", "Span", "random_layout"]
