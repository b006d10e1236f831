"""Things that are no wagons: roofs, trailers, cars, containers, barges, piles, trees; masts and wires."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.canvas import Canvas
from imagery.synthetic.layout import Block, Span
from imagery.synthetic.light import Light


def draw_blocks(canvas: Canvas, blocks: Sequence[Block], light: Light) -> None:
    """Stamp each block that the canvas may show."""


def draw_spans(canvas: Canvas, spans: Sequence[Span], light: Light) -> NDArray[np.float32]:
    """Draw thin things; returns the sun that their shadows leave, (rows, cols) 0 to 1."""
    return np.ones(canvas.size, dtype=np.float32)
