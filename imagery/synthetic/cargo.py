"""Cargo on the ground: containers in rows, or a stack under covers, laid out piece by piece."""

from __future__ import annotations

import math

import numpy as np

from imagery.synthetic.frame import Frame
from imagery.synthetic.layout import Block
from imagery.synthetic.scenario import Goods
from imagery.synthetic.spectra import BOXES, Spectrum, painted, tarpaulin
from imagery.synthetic.stock import COVERS

BOX_M = (6.058, 2.438, 2.591)
"""Length, width and height of a 20-foot container (ISO 668)."""
_BETWEEN_M = 0.35  # between containers
_HEAP_M = (12.0, 5.0)  # a covered stack is painted as heaps of about this size, side by side


def grid_of(goods: Goods) -> tuple[int, int, tuple[float, float]]:
    """Pieces along and across, and the size of one."""
    if goods.kind == "containers":
        columns, rows = (
            max(1, int((whole + _BETWEEN_M) / (part + _BETWEEN_M)))
            for whole, part in ((goods.length_m, BOX_M[0]), (goods.width_m, BOX_M[1]))
        )
        return columns, rows, (BOX_M[0], BOX_M[1])
    columns, rows = max(1, round(goods.length_m / _HEAP_M[0])), max(1, round(goods.width_m / _HEAP_M[1]))
    return columns, rows, (goods.length_m / columns - 0.3, goods.width_m / rows - 0.3)


def container_count(goods: Goods) -> int:
    """Containers in it, all tiers; none in a stack."""
    columns, rows, _ = grid_of(goods)
    return columns * rows * max(1, round(goods.height_m / BOX_M[2])) if goods.kind == "containers" else 0


def covered_m2(goods: Goods) -> float:
    """Ground that its pieces cover."""
    columns, rows, size = grid_of(goods)
    return columns * rows * size[0] * size[1]


def blocks_of(frame: Frame, goods: Goods, rng: np.random.Generator) -> list[Block]:
    """Its pieces in local metres, each with a colour of its own."""
    columns, rows, size = grid_of(goods)
    pitch = (size[0] + _BETWEEN_M, size[1] + _BETWEEN_M)
    palette = BOXES if goods.colour == "mixed" else COVERS[goods.colour]
    cos, sin = math.cos(math.radians(goods.angle_deg)), math.sin(math.radians(goods.angle_deg))
    blocks = []
    for index in range(columns * rows):
        u = (index % columns - (columns - 1) / 2) * pitch[0]
        v = (index // columns - (rows - 1) / 2) * pitch[1]
        blocks.append(
            Block(
                "container",
                frame.place(goods.along_m + u * cos - v * sin, goods.across_m + u * sin + v * cos),
                size,
                frame.angle_deg + goods.angle_deg,
                goods.height_m,
                palette[int(rng.integers(len(palette)))],
                seed=int(rng.integers(1 << 20)),
            )
        )
    return blocks


def top_of(goods: Goods, block: Block) -> Spectrum:
    """Reflectance of one piece: plastic sheet on a stack, paint on a container."""
    return tarpaulin(block.colour) if goods.kind == "stack" else painted(block.colour)
