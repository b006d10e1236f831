"""Pieces of land beside the tracks, and what fills them: lorries, cars, containers, roofs, piles, trees."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.layout import Block, Colour, Points, Surface
from imagery.synthetic.loads import BOXES

_CARS: tuple[Colour, ...] = ((40, 42, 46), (210, 210, 208), (150, 152, 156), (92, 96, 102), (150, 40, 38))
_TRAILERS: tuple[Colour, ...] = (
    (230, 230, 228),
    (214, 212, 206),
    (196, 198, 200),
    (60, 90, 150),
    (120, 122, 124),
)
_HOUSES: tuple[Colour, ...] = ((92, 92, 94), (150, 84, 66), (168, 158, 142))
_ROOFS: tuple[Colour, ...] = (
    *_HOUSES,
    (150, 150, 148),
    (196, 196, 194),
    (118, 116, 114),
    (226, 226, 224),
    (84, 104, 118),
)
_HEAPS: tuple[Colour, ...] = ((48, 46, 48), (120, 76, 56), (190, 168, 130), (150, 148, 144), (110, 98, 90))
_TREES: tuple[Colour, ...] = ((62, 82, 42), (78, 94, 52), (52, 70, 44), (96, 98, 56))


@dataclass(frozen=True)
class Axis:
    """A straight or evenly curved line; u runs along it, v to its right, both in metres."""

    centre_m: tuple[float, float]
    """Where u = v = 0."""
    heading_rad: float
    """Direction of u there, from x towards y."""
    curvature: float
    """1 / radius in metres, positive towards v."""

    def place(self, u: NDArray[np.float64], v: NDArray[np.float64] | float) -> Points:
        """Points (n, 2) in local metres."""
        turn = self.curvature * u
        if abs(self.curvature) < 1e-7:
            x, y = u, np.zeros_like(u)
        else:
            x, y = np.sin(turn) / self.curvature, (1 - np.cos(turn)) / self.curvature
        x, y = x - np.sin(turn) * v, y + np.cos(turn) * v
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        return np.stack([self.centre_m[0] + cos * x - sin * y, self.centre_m[1] + sin * x + cos * y], axis=1)

    def point(self, u: float, v: float) -> tuple[float, float]:
        """One point in local metres."""
        turn = self.curvature * u
        sin, cos = math.sin(turn), math.cos(turn)
        x, y = (u, 0.0) if abs(self.curvature) < 1e-7 else (sin / self.curvature, (1 - cos) / self.curvature)
        x, y = x - sin * v, y + cos * v
        cos, sin = math.cos(self.heading_rad), math.sin(self.heading_rad)
        return self.centre_m[0] + cos * x - sin * y, self.centre_m[1] + sin * x + cos * y

    def heading_deg(self, u: float) -> float:
        """Direction of u at a place, degrees."""
        return math.degrees(self.heading_rad + self.curvature * u)

    def ribbon(self, u: NDArray[np.float64], v: float, width: float) -> Points:
        """Outline of a strip of constant width along the axis."""
        return np.concatenate([self.place(u, v - width / 2), self.place(u[::-1], v + width / 2)])


@dataclass(frozen=True, eq=False)
class Plot:
    """A piece of land beside the tracks: u from ``start`` to ``stop``, v from ``near`` away to ``far``."""

    axis: Axis
    """Of the yard."""
    start: float
    """Metres along."""
    stop: float
    """Metres along."""
    near: float
    """Metres across: the edge towards the tracks."""
    far: float
    """Metres across: the other edge; may be the smaller number."""
    surfaces: list[Surface] = field(default_factory=list)
    """Laid so far."""
    blocks: list[Block] = field(default_factory=list)
    """Set up so far."""

    @property
    def depth(self) -> float:
        """Metres from edge to edge."""
        return abs(self.far - self.near)

    def pave(self, material: str) -> None:
        """Cover the plot with a material."""
        u = np.linspace(self.start, self.stop, max(2, int((self.stop - self.start) / 12)))
        self.surfaces.append(Surface(self.axis.ribbon(u, (self.near + self.far) / 2, self.depth), material))

    def put(
        self,
        kind: str,
        uv: tuple[float, float],
        size_m: tuple[float, float],
        height_m: float,
        colour: Colour,
        look: int,
        turn_deg: float = 0.0,
    ) -> None:
        """Set a block at u along and v metres from the near edge; ``turn_deg`` is against the axis."""
        v = self.near + math.copysign(uv[1], self.far - self.near)
        angle = self.axis.heading_deg(uv[0]) + turn_deg
        self.blocks.append(Block(kind, self.axis.point(uv[0], v), size_m, angle, height_m, colour, look))


def _lorries(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave(str(rng.choice(["asphalt", "gravel", "concrete"])))
    length, turn = float(rng.choice([8.0, 12.5, 13.7, 16.3])), float(rng.choice([0.0, 90.0, 90.0, 60.0]))
    pitch = rng.uniform(3.2, 4.5)
    looks = [(_TRAILERS[rng.integers(len(_TRAILERS))], int(rng.integers(1 << 20))) for _ in range(4)]
    across, along = (length, pitch) if turn else (pitch, length + 1.5)
    for v in np.arange(across / 2 + 2, min(plot.depth - across / 2, 45), across + rng.uniform(1, 14)):
        full = rng.uniform(0.3, 1.0)
        for u in np.arange(plot.start + along, plot.stop - along, along):
            if rng.random() < full:
                colour, look = looks[rng.integers(4)]
                plot.put("trailer", (u, v), (length, 2.55), 3.9, colour, look, turn + rng.normal(0, 1.0))


def _cars(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave("asphalt")
    looks = [(_CARS[rng.integers(len(_CARS))], int(rng.integers(1 << 20))) for _ in range(8)]
    for v in np.arange(4, min(plot.depth - 4, 36), rng.choice([5.2, 11.0])):
        full = rng.uniform(0.2, 1.0)
        for u in np.arange(plot.start + 3, min(plot.stop - 3, plot.start + 90), 2.7):
            if rng.random() < full:
                colour, look = looks[rng.integers(8)]
                plot.put("car", (u, v), (4.4, 1.8), 1.5, colour, look, 90.0)


def _buses(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave("asphalt")
    colour, look = (
        ((214, 214, 212), (170, 50, 44), (220, 170, 60))[rng.integers(3)],
        int(rng.integers(1 << 20)),
    )
    for v in np.arange(8, plot.depth - 7, 14):
        for u in np.arange(plot.start + 4, plot.stop - 4, rng.uniform(3.3, 4.2)):
            if rng.random() < 0.8:
                plot.put("bus", (u, v), (12.0, 2.5), 3.1, colour, look, 90.0)


def _containers(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave(str(rng.choice(["concrete", "asphalt", "gravel"])))
    length = float(rng.choice([6.06, 12.19]))
    looks = [(BOXES[rng.integers(len(BOXES))], int(rng.integers(1 << 20))) for _ in range(7)]
    rows = int(rng.integers(1, 5))
    for block in np.arange(4, plot.depth - 4, rows * 2.6 + rng.uniform(5, 14)):
        for row in range(rows):
            for u in np.arange(plot.start + length, plot.stop - length, length + 0.4):
                if rng.random() < 0.75:
                    colour, look = looks[rng.integers(7)]
                    plot.put(
                        "container",
                        (u, block + 2.6 * row),
                        (length, 2.44),
                        2.6 * rng.integers(1, 4),
                        colour,
                        look,
                    )


def _halls(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave(str(rng.choice(["asphalt", "concrete", "gravel"])))
    u = plot.start + 5.0
    while u < plot.stop - 12:
        length = float(min(rng.uniform(14, 110), plot.stop - u))
        width = float(rng.uniform(8, min(42, plot.depth - 3)))
        colour = _ROOFS[rng.integers(len(_ROOFS))]
        spot = (u + length / 2, width / 2 + rng.uniform(0.5, plot.depth - width))
        plot.put("roof", spot, (length, width), rng.uniform(3.5, 11), colour, int(rng.integers(1 << 20)))
        u += length + float(rng.uniform(4, 25))


def _long_roofs(plot: Plot, rng: np.random.Generator) -> None:
    """Narrow roofs of the width of a wagon or two, side by side: store rooms, canopies, stables."""
    plot.pave(str(rng.choice(["asphalt", "grass", "gravel"])))
    width, pitch = float(rng.uniform(3.0, 14.0)), float(rng.uniform(6, 22))
    colour, look = _ROOFS[rng.integers(len(_ROOFS))], int(rng.integers(1 << 20))
    length = float(min(plot.stop - plot.start - 6, rng.uniform(15, 110)))
    kind = str(rng.choice(["shed", "roof"]))
    for v in np.arange(width, plot.depth - width / 2, width + pitch):
        plot.put(
            kind, ((plot.start + plot.stop) / 2, v), (length, width), rng.uniform(2.6, 5.0), colour, look
        )


def _heaps(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave(str(rng.choice(["soil", "coal", "gravel", "scrap"])))
    colour = _HEAPS[rng.integers(len(_HEAPS))]
    for v in np.arange(9, plot.depth - 8, 18):
        u = plot.start + 8.0
        while u < plot.stop - 12:
            length = float(rng.uniform(10, 50))
            size = (length, float(rng.uniform(7, 16)))
            plot.put(
                "pile", (u + length / 2, v), size, rng.uniform(2, 5.5), colour, int(rng.integers(1 << 20))
            )
            u += length + float(rng.uniform(2, 14))
    if rng.random() < 0.4:
        plot.put(
            "conveyor",
            (plot.start + 30, plot.depth / 2),
            (plot.depth, 2.2),
            6.0,
            (150, 150, 148),
            7,
            rng.uniform(30, 150),
        )


def _quay(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave("water")
    look = int(rng.integers(1 << 20))
    for v in np.arange(8, plot.depth - 6, 12.5):
        for u in np.arange(plot.start + 35, plot.stop - 30, 64):
            if rng.random() < 0.6:
                colour = ((108, 72, 58), (96, 98, 98), (74, 84, 92))[rng.integers(3)]
                plot.put("barge", (u, v), (60.0, 10.6), 2.5, colour, look, rng.normal(0, 1))


def _houses(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave("grass")
    sizes = [(float(rng.uniform(8, 14)), float(rng.uniform(7, 10))) for _ in range(3)]
    for v in np.arange(9, plot.depth - 8, 22):
        for u in np.arange(plot.start + 8, plot.stop - 8, rng.uniform(12, 20)):
            size = sizes[rng.integers(3)]
            colour = _HOUSES[rng.integers(3)]
            plot.put("roof", (u, v), size, 6.0, colour, 1, float(rng.choice([0.0, 90.0])))
            if rng.random() < 0.6:
                _tree(plot, (u + 6, v + 8), rng)


def _wood(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave("forest" if rng.random() < 0.5 else "weeds")
    for _ in range(int(rng.integers(4, 30))):
        _tree(plot, (rng.uniform(plot.start + 4, plot.stop - 4), rng.uniform(4, plot.depth - 4)), rng)


def _field(plot: Plot, rng: np.random.Generator) -> None:
    plot.pave(str(rng.choice(["field", "grass", "soil", "weeds"])))


def _tree(plot: Plot, uv: tuple[float, float], rng: np.random.Generator) -> None:
    look = int(rng.integers(6))
    across = (4.0, 5.5, 7.0)[look % 3]
    plot.put(
        "tree", uv, (across, across), 0.9 * across, _TREES[look % len(_TREES)], look, 30.0 * rng.integers(12)
    )


URBAN: tuple[Callable[[Plot, np.random.Generator], None], ...] = (
    _lorries, _cars, _buses, _containers, _halls, _halls, _long_roofs, _heaps, _quay, _houses, _field, _wood
)  # fmt: skip
RURAL: tuple[Callable[[Plot, np.random.Generator], None], ...] = (
    _wood,
    _field,
    _field,
    _houses,
    _long_roofs,
    _quay,
    _heaps,
)
