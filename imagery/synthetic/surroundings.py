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
    surfaces: list[Surface] = []
    blocks: list[Block] = []
    budget = int(rng.integers(30, 130))  # blocks in all: many enough to mislead, few enough to paint fast
    u = np.arange(-half_m, half_m, 10.0)
    for side, edge in ((-1, edges[0]), (1, edges[1])):
        v = edge + side * rng.uniform(0, 3)
        if rng.random() < 0.5:
            width = rng.uniform(4, 10)
            surfaces.append(
                Surface(
                    axis.ribbon(u, v + side * width / 2, width),
                    str(rng.choice(["gravel", "asphalt", "soil"])),
                )
            )
            v += side * width
        if rng.random() < 0.4:
            width = rng.uniform(2, 14)
            surfaces.append(
                Surface(
                    axis.ribbon(u, v + side * width / 2, width), str(rng.choice(["weeds", "grass", "soil"]))
                )
            )
            v += side * width
        for _ in range(2):
            depth = float(rng.uniform(25, 70))
            start = -half_m
            while start < half_m:
                stop = start + float(rng.uniform(40, 150))
                plot = Plot(axis, start, stop, v, v + side * depth)
                fillers = RURAL if rural and rng.random() < 0.85 else URBAN
                if abs(axis.curvature) * (abs(v) + depth) < 0.5 and len(blocks) < budget:
                    fillers[rng.integers(len(fillers))](plot, rng)
                surfaces += plot.surfaces
                blocks += plot.blocks[: budget - len(blocks)]
                start = stop + float(rng.uniform(0, 15))
            v += side * (depth + rng.uniform(0, 12))
    return surfaces, blocks
