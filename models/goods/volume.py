"""Area, volume and container equivalents of the goods of a place, each with its interval."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
import shapely

from imagery.errors import UnreadableError
from imagery.whole import written
from models.goods.height import Height, height
from models.goods.segment import outline, segment
from models.goods.view import View
from models.measurement import Measurement, Skip

METHOD = "stacks"
CALIBRATION = Path(__file__).resolve().parents[1] / "weights" / "goods.json"
BOX_M = (6.058, 2.438, 2.591)
"""Length, width and height of a 20-foot container (ISO 668)."""
BOX_M3 = math.prod(BOX_M)
LOOSEST = 0.82
"""Share of an outline that containers cover where 0.35 m is left all round each; 1 where they touch."""
LEAST_MEASURED = 0.8
"""Share of the goods' area whose height must be read before a volume is given."""
LENGTH_M = 1.5
"""Standard deviation of a stack's length beyond its pixels."""
UNSEEN_M = 12.2
"""Two containers end to end: a longer stack is seldom missed; docs/goods.md says how seldom."""
_FLOOR_M2 = 6.0  # half a container may be missed or added by one shadow of something else
_EDGE_PX = 0.35  # of an outline, all along it
_RELATIVE = 0.04


@dataclass(frozen=True)
class Stack:
    """Goods that stand together."""

    outline: shapely.Polygon
    """In pixels of the view it was found in."""
    area_m2: float
    """Of its outline."""
    edge_m: float
    """Length of its outline."""
    height: Height | Skip
    """Height above the ground, or why it is not known."""


@dataclass(frozen=True)
class Calibration:
    """How far estimates lay off on painted yards that nothing was fitted to; see benchmarks/goods.py."""

    area: tuple[float, ...]
    """Sorted (true - value) / scale of the area of a yard."""
    height: tuple[float, ...]
    """The same of the height of a stack."""
    volume: tuple[float, ...]
    """The same of the volume of a yard."""
    about: str
    """On which yards."""

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what write wrote.

        Raises:
            UnreadableError: The file is absent or holds something else.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            area, height, volume = (tuple(record[name]) for name in ("area", "height", "volume"))
            return cls(area, height, volume, record["about"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(f"{path} holds no calibration of goods: {error}") from error

    def write(self, path: Path) -> None:
        """Write as JSON."""
        with written(path) as part:
            part.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


@cache
def shipped() -> Calibration:
    """The calibration of the package."""
    return Calibration.read(CALIBRATION)


def stacks_of(view: View) -> tuple[Stack, ...]:
    """The goods of one yard, largest first."""
    parts = segment(view)
    found = []
    for number in range(1, parts.count + 1):
        mask = parts.labels == number
        ring = outline(mask, view.px_m)
        area, edge = float(mask.sum()) * view.px_m**2, float(ring.length) * view.px_m
        found.append(Stack(ring, area, edge, height(view, parts, number)))
    return tuple(sorted(found, key=lambda stack: -stack.area_m2))


def area_of(stacks: Sequence[Stack], px_m: float) -> tuple[float, float]:
    """Area of goods in square metres and the scale of its error."""
    area, edge = sum(s.area_m2 for s in stacks), sum(s.edge_m for s in stacks)
    return area, math.hypot(_FLOOR_M2, _EDGE_PX * px_m * edge, _RELATIVE * area)


def volume_of(stacks: Sequence[Stack], px_m: float) -> tuple[float, float] | Skip:
    """Volume of goods in cubic metres and the scale of its error, or why it cannot be told.

    Stacks without a height are taken to be as high as the others, and to be less sure. Errors of heights are
    added up, not averaged: sun, slope and view are the same for all stacks.
    """
    area, doubt_m2 = area_of(stacks, px_m)
    known = [(s.area_m2, s.height) for s in stacks if isinstance(s.height, Height)]
    share = sum(a for a, _ in known) / area if area else 1.0
    if share < LEAST_MEASURED:
        why = next(s.height for s in stacks if isinstance(s.height, Skip))
        return Skip(why.reason, f"heights are known for {share:.0%} of the goods' area: {why.detail}")
    if not known:
        return 0.0, doubt_m2 * BOX_M[2]
    middle = sum(a * h.value_m for a, h in known) / sum(a for a, _ in known)
    doubt_m = sum(a * h.sd_m for a, h in known) / sum(a for a, _ in known)
    guessed = (1 - share) * area * middle
    return middle * area, math.hypot(doubt_m * area, doubt_m2 * middle, 0.5 * guessed)


def interval(
    value: float, scale: float, residuals: Sequence[float], level: float
) -> tuple[float, float, float]:
    """Value, low and high that hold the truth with probability ``level`` (split conformal prediction).

    Source: Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World; the middle of the residuals
    is added to the value.
    """
    ordered = np.sort(np.asarray(residuals))
    rank = min(math.ceil((len(ordered) + 1) * (1 + level) / 2), len(ordered))
    low, high = value + scale * ordered[-rank], value + scale * ordered[rank - 1]
    best = value + scale * float(np.median(ordered)) if value > 0 else 0.0
    low, high = max(0.0, float(low)), max(0.0, float(high))
    return min(max(best, low), high), low, high


def length_of(stack: Stack, px_m: float) -> float:
    """Longer side of the smallest rectangle around a stack."""
    sides = shapely.get_coordinates(shapely.minimum_rotated_rectangle(stack.outline))
    return float(np.hypot(*np.diff(sides, axis=0).T).max(initial=0.0)) * px_m


def measured(
    stacks: Sequence[Stack], longest_m: float, px_m: float, level: float, visible_share: float
) -> tuple[Measurement, ...]:
    """Area and length of goods, and volume and container equivalents where shadows tell the heights.

    Args:
        stacks: Of all yards of a place.
        longest_m: Length of the longest of them.
        px_m: Size of a pixel in which they were found.
        level: Nominal coverage of the intervals.
        visible_share: Share of the yards that is seen.
    """
    known = shipped()
    area = interval(*area_of(stacks, px_m), known.area, level)
    spread = NormalDist().inv_cdf((1 + level) / 2) * math.hypot(LENGTH_M, px_m)
    ends = (max(longest_m - spread, 0.0), longest_m + spread) if stacks else (0.0, UNSEEN_M)
    found = (
        Measurement("goods_area_m2", *area, level, "m2", METHOD, visible_share),
        Measurement("goods_length_m", longest_m, *ends, level, "m", METHOD, visible_share),
    )
    volume = volume_of(stacks, px_m)
    if isinstance(volume, Skip):
        return found
    value, low, high = interval(*volume, known.volume, level)
    boxes = value / BOX_M3 * (1 + LOOSEST) / 2, low / BOX_M3 * LOOSEST, high / BOX_M3
    return (
        *found,
        Measurement("goods_volume_m3", value, low, high, level, "m3", METHOD, visible_share),
        Measurement("teu", *boxes, level, "containers", METHOD, visible_share),
    )
