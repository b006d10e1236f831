"""What lies on the ground of a painted yard: tracks, surfaces, blocks, masts and wires, in local metres.

Local metres: x to the right, y down, so that dividing by the GSD gives image pixels; north is up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imagery.errors import InputError

Points = NDArray[np.float64]
"""(n, 2) x, y in local metres."""
Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255, as seen in full sun."""


@dataclass(frozen=True, eq=False)
class Surface:
    """An area of one material."""

    outline_m: Points
    """(n, 2) corner points, local metres."""
    material: str
    """Key into materials.SURFACES."""
    height_m: float = 0.0
    """Above the ballast; a platform is a surface of about 0.8 m."""


@dataclass(frozen=True)
class Block:
    """A thing with a rectangular plan that is no wagon."""

    kind: str
    """Key into clutter.KINDS: ``roof``, ``trailer``, ``container``, ``pile``, ``tree``, ..."""
    centre_m: tuple[float, float]
    """Local metres."""
    size_m: tuple[float, float]
    """Length and width."""
    angle_deg: float
    """Direction of the length, from x towards y (clockwise as seen)."""
    height_m: float
    """Above the ground."""
    colour: Colour
    """Of its top."""
    seed: int = 0
    """Picks its texture."""


@dataclass(frozen=True)
class Span:
    """A thin thing in the air: a mast, a beam of a portal, or a wire."""

    start_m: tuple[float, float, float]
    """x, y and height above the ground."""
    end_m: tuple[float, float, float]
    """x, y and height above the ground."""
    width_m: float
    """Thickness; what is thinner than a pixel is painted fainter."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A yard without its wagons. The same layout gives the same ground on every date."""

    tracks_m: tuple[Points, ...]
    """Axes on which wagons stand, (n, 2) each, local metres, a point every few metres."""
    extent_m: tuple[float, float]
    """Width and height of the area, which starts at (0, 0)."""
    links_m: tuple[Points, ...] = ()
    """Crossovers: rails on which no wagon stands."""
    surfaces: tuple[Surface, ...] = ()
    """Flat areas, painted in this order beneath the tracks."""
    blocks: tuple[Block, ...] = ()
    """Things that are no wagons."""
    spans: tuple[Span, ...] = ()
    """Masts, portals and wires."""
    soil: str = "grass"
    """Material beyond all surfaces."""
    overgrowth: float = 0.2
    """Share of the track bed taken by weeds, 0 to 1."""
    snow: float = 0.0
    """Share of the ground under snow, 0 to 1."""
    seed: int = 0
    """Picks ground textures and the colours of beds."""
    ballast: Colour = field(default=(140, 137, 132))
    """Main colour of the ballast."""

    def __post_init__(self) -> None:
        for line in (*self.tracks_m, *self.links_m):
            if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2:
                raise InputError(f"a track has shape {line.shape}: give at least two points, (n, 2) metres")
            line.setflags(write=False)
        if min(self.extent_m) <= 0:
            raise InputError(f"extent {self.extent_m} m: give a positive width and height")

    def length_m(self, track: int) -> float:
        """Length of a track."""
        return float(_arc(self.tracks_m[track])[-1])

    def at(self, track: int, along_m: NDArray[np.float64] | float) -> Points:
        """Points (n, 2) at distances along a track; beyond its ends it runs straight on."""
        line = self.tracks_m[track]
        arc = _arc(line)
        s = np.atleast_1d(np.asarray(along_m, dtype=np.float64))
        point = np.stack([np.interp(s, arc, line[:, 0]), np.interp(s, arc, line[:, 1])], axis=1)
        head, tail = line[1] - line[0], line[-1] - line[-2]
        point += np.minimum(s, 0)[:, None] * head / np.hypot(*head)
        return np.asarray(point + np.maximum(s - arc[-1], 0)[:, None] * tail / np.hypot(*tail))

    def free_spans(self, clearance_m: float = 3.9) -> list[list[tuple[float, float]]]:
        """Stretches (start, end) of each track to which no earlier track comes closer than the clearance."""
        step = 3.0
        along = [np.arange(0.0, self.length_m(i) + 1e-9, step) for i in range(len(self.tracks_m))]
        if not along:
            return []
        points = np.concatenate([self.at(i, s) for i, s in enumerate(along)])
        owner = np.repeat(np.arange(len(along)), [len(s) for s in along])
        # Up to 3 of the nearest points are the track's own.
        near = cKDTree(points).query(points, k=6, distance_upper_bound=clearance_m)[1]
        fouled = (np.append(owner, len(along))[near] < owner[:, None]).any(axis=1)
        spans = []
        for i, s in enumerate(along):
            clear = np.concatenate([[False], ~fouled[owner == i], [False]])
            edge = np.flatnonzero(np.diff(clear.astype(np.int8))).reshape(-1, 2)
            spans.append([(float(s[a]), float(s[b - 1])) for a, b in edge if b - 1 > a])
        return spans


def _arc(line: Points) -> NDArray[np.float64]:
    """Distance along a polyline at each of its points, (n,)."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])
