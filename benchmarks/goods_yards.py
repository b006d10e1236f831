"""Painted yards whose goods are known: for calibrating and scoring models/goods. SIMULATED."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity

from imagery.synthetic.cargo import BOX_M
from imagery.synthetic.layout import Block, Colour, Layout, Surface
from imagery.synthetic.light import Light
from imagery.synthetic.materials import SURFACES
from imagery.synthetic.paint import Painted, paint
from imagery.synthetic.rakes import random_rakes
from imagery.synthetic.sensor import random_optics
from imagery.synthetic.spectra import BOXES
from imagery.synthetic.stock import COVERS

MARGIN_M = 40.0
BETWEEN_M = 0.35
JOINED_M = 1.0
"""Gaps between pieces narrower than this belong to the stack."""
_YARDS = ("gravel", "gravel", "concrete", "concrete", "asphalt", "soil")
_AROUND = ("grass", "soil", "gravel", "asphalt", "field", "weeds", "water")


@dataclass(frozen=True)
class TrueStack:
    """Goods that stand together."""

    outline: shapely.Polygon
    """In pixels."""
    area_m2: float
    """Of the outline."""
    height_m: float
    """Of its top above the ground."""
    boxes: int
    """Containers in it, 0 where it is no stack of containers."""


@dataclass(frozen=True, eq=False)
class Yard:
    """One painted yard."""

    painted: Painted
    """Picture, light, GSD."""
    ring: NDArray[np.float64]
    """(n, 2) outline of the yard in pixels."""
    stacks: tuple[TrueStack, ...]
    """Its goods."""
    lean: tuple[float, float]
    """Shift x, y in metres for each metre of height: the view."""

    @property
    def off_nadir_deg(self) -> float:
        """Of the view."""
        return math.degrees(math.atan(math.hypot(*self.lean)))

    @property
    def area_m2(self) -> float:
        """All goods."""
        return sum(stack.area_m2 for stack in self.stacks)

    @property
    def volume_m3(self) -> float:
        """All goods, outline times height."""
        return sum(stack.area_m2 * stack.height_m for stack in self.stacks)

    @property
    def boxes(self) -> int:
        """All containers."""
        return sum(stack.boxes for stack in self.stacks)


def random_yard(rng: np.random.Generator, gsd_m: float | None = None, cloud: float = 0.0) -> Yard:
    """Paint a yard with none to six stacks.

    Args:
        rng: Source of all of it.
        gsd_m: Ground sample distance; 0.3 to 1.2 m drawn if None.
        cloud: Share of direct sun taken by cloud.
    """
    gsd = float(np.exp(rng.uniform(math.log(0.3), math.log(1.2)))) if gsd_m is None else gsd_m
    length, width = rng.uniform(90, 200), rng.uniform(45, 90)
    angle = float(rng.uniform(0, 180))
    yard = shapely.box(-length / 2, -width / 2, length / 2, width / 2)
    turned = affinity.rotate(yard, angle, origin=(0, 0))
    left, top, right, bottom = turned.bounds
    extent = right - left + 2 * MARGIN_M, bottom - top + 2 * MARGIN_M
    middle = (extent[0] / 2, extent[1] / 2)

    def place(shape: shapely.Polygon) -> shapely.Polygon:
        return affinity.translate(affinity.rotate(shape, angle, origin=(0, 0)), *middle)

    stacks, blocks = _goods(rng, length, width)
    wide = float(rng.uniform(0.5, 12.0))
    apron = place(shapely.box(-length / 2 - wide, -width / 2 - wide, length / 2 + wide, width / 2 + wide))
    layout = Layout(
        tracks_m=_tracks(rng, length, width, place),
        extent_m=extent,
        surfaces=(Surface(shapely.get_coordinates(apron.exterior), str(rng.choice(_YARDS))),),
        blocks=tuple(_placed(block, angle, middle) for block in (*blocks, *_around(rng, length, width))),
        soil=str(rng.choice(_AROUND)),
        overgrowth=float(rng.beta(1.0, 4.0)),
        seed=int(rng.integers(1 << 30)),
        ballast=SURFACES["ballast"].colours[rng.integers(5)],
    )
    light = Light(
        float(rng.uniform(0, 360)),
        float(rng.uniform(18, 65)),
        ambient=float(rng.uniform(0.12, 0.3)),
        haze=float(rng.uniform(0, 0.07)),
        cloud=cloud,
    )
    optics = random_optics(rng, gsd)
    wagons = random_rakes(rng, layout, snow=0.0) if layout.tracks_m else []
    shape = round(extent[1] / gsd), round(extent[0] / gsd)
    painted = paint(layout, wagons, light, optics, rng, shape)
    ring = shapely.get_coordinates(place(yard).exterior)[:-1] / gsd
    true = []
    for pieces, height, boxes in stacks:
        joined = shapely.union_all([place(piece) for piece in pieces])
        joined = joined.buffer(JOINED_M / 2, join_style="mitre").buffer(-JOINED_M / 2, join_style="mitre")
        outline = affinity.scale(joined, 1 / gsd, 1 / gsd, origin=(0, 0))
        true.append(TrueStack(outline, joined.area, height, boxes))
    return Yard(painted, ring, tuple(true), optics.lean)


_Goods = tuple[list[shapely.Polygon], float, int]


def _goods(rng: np.random.Generator, length: float, width: float) -> tuple[list[_Goods], list[Block]]:
    """Stacks at least 4 m apart, as pieces and as blocks, in the yard's own metres."""
    stacks: list[_Goods] = []
    blocks: list[Block] = []
    taken: list[shapely.Polygon] = []
    for _ in range(int(rng.integers(0, 7))):
        size, columns, rows, height, palette, boxes = _draw_stack(rng)
        whole = columns * (size[0] + BETWEEN_M), rows * (size[1] + BETWEEN_M)
        if rng.random() < 0.3:
            whole, size, (columns, rows) = whole[::-1], size[::-1], (rows, columns)
        if whole[0] > 0.8 * length or whole[1] > 0.8 * width:
            continue
        x = rng.uniform(-1, 1) * (length - whole[0] - 4) / 2
        y = rng.uniform(-1, 1) * (width - whole[1] - 4) / 2
        ground = shapely.box(x - whole[0] / 2, y - whole[1] / 2, x + whole[0] / 2, y + whole[1] / 2)
        if any(ground.distance(other) < 4 for other in taken):
            continue
        taken.append(ground)
        pieces = []
        for index in range(columns * rows):
            cx = x + (index % columns - (columns - 1) / 2) * (size[0] + BETWEEN_M)
            cy = y + (index // columns - (rows - 1) / 2) * (size[1] + BETWEEN_M)
            pieces.append(shapely.box(cx - size[0] / 2, cy - size[1] / 2, cx + size[0] / 2, cy + size[1] / 2))
            colour = palette[int(rng.integers(len(palette)))]
            along = size if size[0] >= size[1] else size[::-1]
            turn = 0.0 if size[0] >= size[1] else 90.0
            seed = int(rng.integers(1 << 20))
            blocks.append(Block("container", (cx, cy), along, turn, height, colour, seed))
        stacks.append((pieces, height, boxes * columns * rows))
    return stacks, blocks


def _draw_stack(
    rng: np.random.Generator,
) -> tuple[tuple[float, float], int, int, float, tuple[Colour, ...], int]:
    """Size of a piece, columns, rows, height, colours, tiers of containers."""
    if rng.random() < 0.55:
        tiers = int(rng.integers(1, 5))
        palette = BOXES if rng.random() < 0.7 else (BOXES[rng.integers(len(BOXES))],)
        columns, rows = int(rng.integers(1, 13)), int(rng.integers(1, 7))
        return (BOX_M[0], BOX_M[1]), columns, rows, tiers * BOX_M[2], palette, tiers
    cover = str(rng.choice(sorted(COVERS)))
    columns, rows = int(rng.integers(1, 8)), int(rng.integers(1, 6))
    size = float(rng.uniform(9, 13)), float(rng.uniform(4, 6))
    return size, columns, rows, float(rng.uniform(1.8, 6.0)), COVERS[cover], 0


def _around(rng: np.random.Generator, length: float, width: float) -> list[Block]:
    """Sheds and trees beside the yard; lorries are goods of a kind, so there are none."""
    blocks = []
    for side in (-1, 1):
        if rng.random() < 0.5:
            size = float(rng.uniform(20, 60)), float(rng.uniform(10, 18))
            colour = ((172, 170, 164), (120, 150, 190), (150, 84, 66), (118, 116, 114))[rng.integers(4)]
            across = side * (width / 2 + size[1] / 2 + rng.uniform(6, 14))
            centre = float(rng.uniform(-0.4, 0.4) * length), float(across)
            blocks.append(Block("roof", centre, size, 0.0, float(rng.uniform(4, 8)), colour, 7))
        for _ in range(int(rng.integers(0, 5))):
            r = float(rng.uniform(4, 9))
            at = float(rng.uniform(-0.5, 0.5) * length), float(side * (width / 2 + rng.uniform(8, 20)))
            blocks.append(Block("tree", at, (r, r), 0.0, 0.8 * r, (60, 84, 44), int(rng.integers(999))))
    return blocks


def _tracks(rng, length, width, place):  # noqa: ANN001, ANN202
    """One or two tracks beside the yard, or none."""
    side = rng.choice([-1, 1])
    lines = []
    for index in range(int(rng.integers(0, 3))):
        y = side * (width / 2 + 5.5 + 5.0 * index)
        x = np.arange(-length / 2 - 60, length / 2 + 60, 5.0)
        line = place(shapely.LineString(np.column_stack([x, np.full(len(x), y)])))
        lines.append(shapely.get_coordinates(line))
    return tuple(lines)


def _placed(block: Block, angle_deg: float, middle: tuple[float, float]) -> Block:
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    x, y = block.centre_m
    at = middle[0] + x * cos - y * sin, middle[1] + x * sin + y * cos
    return Block(
        block.kind, at, block.size_m, block.angle_deg + angle_deg, block.height_m, block.colour, block.seed
    )


def labels_of(yard: Yard, shape: tuple[int, int], scale: float) -> NDArray[np.uint8]:
    """What each pixel shows: 0 ground, 1 the top of goods, 2 their shadow on the ground.

    Args:
        yard: A painted yard.
        shape: (rows, cols) of the picture that is to be labelled.
        scale: Its pixels for one of the painted picture.
    """
    px, light = yard.painted.gsd_m, yard.painted.light
    labels = np.zeros(shape, dtype=np.uint8)
    tops, shades = [], []
    for stack in yard.stacks:
        thrown = np.array(light.shadow_m) * stack.height_m / px
        tops.append(affinity.translate(stack.outline, *(np.array(yard.lean) * stack.height_m / px)))
        for part in getattr(stack.outline, "geoms", [stack.outline]):
            shades.append(shapely.union(part, affinity.translate(part, *thrown)).convex_hull)
    if light.cloud > 0.5:  # no shadow worth the name
        shades = []
    for shapes, kind in ((shades, 2), (tops, 1)):
        for shape_ in shapes:
            for part in getattr(shape_, "geoms", [shape_]):
                corners = (shapely.get_coordinates(part.exterior) * scale - 0.5) * 16
                cv2.fillPoly(labels, [np.round(corners).astype(np.int32)], kind, cv2.LINE_8, 4)
    return labels


@dataclass(frozen=True, eq=False)
class Berth:
    """One painted pier, with a ship or without."""

    painted: Painted
    """Picture, light, GSD."""
    ring: NDArray[np.float64]
    """(n, 2) outline of the pier in pixels."""
    length_m: float
    """Of the ship; 0 where there is none."""


def random_berth(rng: np.random.Generator) -> Berth:
    """Paint a pier in the water with a ship beside it on two of three pictures, a quay at its head."""
    gsd = float(np.exp(rng.uniform(math.log(0.3), math.log(1.2))))
    length, width, angle = rng.uniform(120, 220), rng.uniform(25, 70), float(rng.uniform(0, 360))
    middle = (length / 2 + 70.0,) * 2
    extent = (2 * middle[0],) * 2

    def place(shape: shapely.Polygon) -> NDArray[np.float64]:
        moved = affinity.translate(affinity.rotate(shape, angle, origin=(0, 0)), *middle)
        return np.asarray(shapely.get_coordinates(moved.exterior))

    pier = shapely.box(-length / 2, -width / 2, length / 2, width / 2)
    quay = shapely.box(length / 2 - 15, -200, length / 2 + 100, 200)
    paved = str(rng.choice(["concrete", "asphalt", "gravel"]))
    ship_m = 0.0
    blocks = []
    if rng.random() < 2 / 3:
        ship_m = float(rng.uniform(50, 0.85 * length))
        beam = float(ship_m / rng.uniform(5.5, 7.5))
        hull = ((96, 52, 46), (44, 60, 90), (150, 150, 146), (50, 84, 60))[rng.integers(4)]
        across = float(rng.choice([-1, 1]) * (width / 2 + beam / 2 + rng.uniform(1, 5)))
        along = float(rng.uniform(-0.5, 0.3) * (length - ship_m))
        size, high = (ship_m, beam), float(rng.uniform(4, 10))
        blocks.append(Block("barge", (along, across), size, 0.0, high, hull, int(rng.integers(99))))
    layout = Layout(
        tracks_m=(),
        extent_m=extent,
        surfaces=(Surface(place(quay), paved), Surface(place(pier), paved)),
        blocks=tuple(_placed(block, angle, middle) for block in blocks),
        soil="water",
        overgrowth=0.0,
        seed=int(rng.integers(1 << 30)),
    )
    light = Light(float(rng.uniform(0, 360)), float(rng.uniform(20, 65)), haze=float(rng.uniform(0, 0.06)))
    shape = round(extent[1] / gsd), round(extent[0] / gsd)
    painted = paint(layout, [], light, random_optics(rng, gsd), rng, shape)
    return Berth(painted, place(pier)[:-1] / gsd, ship_m)
