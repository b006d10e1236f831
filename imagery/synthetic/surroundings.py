"""What lies along both sides of a yard: roads, strips of growth, plots of land."""

from __future__ import annotations

import numpy as np

from imagery.synthetic.layout import Block, Surface
from imagery.synthetic.plots import RURAL, URBAN, Axis, Plot


def random_surroundings(
    rng: np.random.Generator, axis: Axis, half_m: float, edges: tuple[float, float], rural: bool
) -> tuple[list[Surface], list[Block]]:
    """Plots along both sides of a yard.

    Args:
        rng: Source of randomness.
        axis: Of the yard.
        half_m: Plots run from -half to half along it.
        edges: First and last v of the yard.
        rural: Fields and trees rather than industry.

    Returns:
        Surfaces and blocks, none of them on the yard.
    """
    surfaces = _parcels(rng, axis, half_m, edges, rural)
    blocks: list[Block] = []
    budget = int(rng.integers(10, 50))  # blocks a side: many enough to mislead, few enough to paint fast
    u = np.arange(-half_m, half_m, 10.0)
    for side, edge in ((-1, edges[0]), (1, edges[1])):
        v = edge + side * rng.uniform(0, 3)
        for share, wide, materials in (
            (0.5, (4, 10), ("gravel", "asphalt", "soil")),
            (0.4, (2, 14), ("weeds", "grass", "soil")),
        ):
            if rng.random() < share:
                width = rng.uniform(*wide)
                material = materials[rng.integers(len(materials))]
                surfaces.append(Surface(axis.ribbon(u, v + side * width / 2, width), material))
                v += side * width
        plots = []
        for _ in range(2):
            depth = float(rng.uniform(25, 70))
            if abs(axis.curvature) * (abs(v) + depth) > 0.5:
                break
            plots += _row(rng, axis, half_m, v, v + side * depth)
            v += side * (depth + rng.uniform(0, 12))
        count = 0
        for index in rng.permutation(len(plots)):
            fillers = RURAL if rural and rng.random() < 0.85 else URBAN
            plot = plots[index]
            if count < budget:
                fillers[rng.integers(len(fillers))](plot, rng)
            surfaces += plot.surfaces
            blocks += plot.blocks[: budget - count]
            count += len(plot.blocks)
    return surfaces, blocks


def _row(rng: np.random.Generator, axis: Axis, half_m: float, near: float, far: float) -> list[Plot]:
    """Plots side by side along the axis."""
    plots = []
    start = -half_m
    while start < half_m:
        stop = start + float(rng.uniform(40, 150))
        plots.append(Plot(axis, start, stop, near, far))
        start = stop + float(rng.uniform(0, 15))
    return plots


def _parcels(
    rng: np.random.Generator, axis: Axis, half_m: float, edges: tuple[float, float], rural: bool
) -> list[Surface]:
    """Fields or yards of one material each, out to the ends of the picture."""
    wild, worked = (
        ("field", "field", "grass", "soil", "weeds", "forest"),
        ("asphalt", "gravel", "grass", "soil", "concrete"),
    )
    materials = wild if rural else worked
    surfaces = []
    size = float(rng.uniform(60, 220))
    for side, edge in ((-1, edges[0]), (1, edges[1])):
        reach = min(half_m, 0.6 / abs(axis.curvature) - abs(edge)) if axis.curvature else half_m
        for v in np.arange(0.0, reach, size):
            start = -half_m
            while start < half_m:
                length = float(rng.uniform(0.6, 2.5) * size)
                if rng.random() < 0.7:
                    u = np.linspace(start, start + length, 6)
                    ribbon = axis.ribbon(u, edge + side * (v + size / 2), size)
                    surfaces.append(Surface(ribbon, materials[rng.integers(len(materials))]))
                start += length + float(rng.uniform(0, 8))
    return surfaces
