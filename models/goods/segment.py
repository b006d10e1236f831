"""Where goods stand in a yard: the tops of stacks, piles and containers, told from the yard's own ground.

Two small networks look at each pixel, the second with what the first said of its surroundings in view
(auto-context, Tu & Bai 2010). They were taught on painted yards (benchmarks/goods.py). A heap is goods
because it differs from the yard's ground and throws a shadow; stains, weeds and shadows of what stands beside
the yard are ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from models.goods.features import context, features
from models.goods.layers import Layers, read_layers
from models.goods.view import Mask, Plane, View, disc

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "goods.safetensors"
LEAST_M2 = 9.0
"""Smaller things are no stack: a container takes 14.8 m2, a car 8."""
LEAST_SURE = 0.75
"""Mean probability of top over a stack: stains that are taken for goods are so with less."""
JOINED_M = 1.0
"""Gaps between pieces narrower than this belong to the stack: no picture of 1.2 m shows them."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A yard taken apart."""

    top: Plane
    """(rows, cols) probability that a pixel shows the top of goods."""
    shade: Plane
    """(rows, cols) probability that it shows ground in their shadow."""
    labels: NDArray[np.int32]
    """(rows, cols) number of the stack that a pixel belongs to, from 1; 0 on none."""

    @property
    def count(self) -> int:
        """How many stacks there are."""
        return int(self.labels.max(initial=0))


def segment(view: View, networks: Mapping[str, Layers] | None = None) -> Parts:
    """Find the goods of a yard.

    Args:
        view: The yard in one picture.
        networks: ``first`` and ``second``; those shipped by default.

    Returns:
        Probabilities, and the stacks: at least LEAST_M2 large, gaps under JOINED_M closed.
    """
    networks = networks or shipped()
    told, near = features(view), view.near
    around = context(networks["first"].probabilities(told), view)
    found = np.zeros((*near.shape, 3), dtype=np.float32)
    found[near] = networks["second"].probabilities(np.concatenate([told[near], around[near]], axis=-1))
    top, shade = (np.ascontiguousarray(found[..., kind]) for kind in (1, 2))
    return Parts(top, shade, stacks(top, view))


def stacks(top: Plane, view: View) -> NDArray[np.int32]:
    """Pixels that are likelier top than not, as numbered stacks."""
    px = view.px_m
    goods = ((top > 0.5) & view.inside).astype(np.uint8)
    joined = cv2.morphologyEx(goods, cv2.MORPH_CLOSE, disc(JOINED_M / 2 / px))
    whole = binary_fill_holes(joined).astype(np.uint8)
    clean = cv2.morphologyEx(whole, cv2.MORPH_OPEN, disc(0.8 / px)) & view.inside.astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clean, connectivity=4, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA]
    sure = np.bincount(labels.ravel(), top.ravel(), count) / np.maximum(areas, 1)
    kept = [i for i in range(1, count) if areas[i] * px**2 >= LEAST_M2 and sure[i] >= LEAST_SURE]
    number = np.zeros(count, dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(number[labels], dtype=np.int32)


def outline(mask: Mask, px_m: float) -> shapely.Polygon:
    """Outline of one stack in pixels of its picture, corners x, y, straightened within 0.4 m."""
    contours = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    middles = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64) + 0.5  # of its outermost pixels
    ring = shapely.Polygon(middles) if len(middles) > 2 else shapely.MultiPoint(middles).convex_hull
    grown = ring.buffer(0.5, join_style="mitre").simplify(max(0.4 / px_m, 0.5))
    parts: list[shapely.Polygon] = list(getattr(grown, "geoms", [grown]))
    return max(parts, key=lambda part: part.area)


@cache
def shipped() -> Mapping[str, Layers]:
    """The networks of the package."""
    return read_layers(WEIGHTS)
