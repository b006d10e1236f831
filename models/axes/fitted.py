"""Axes without a map: lines traced along rows of what a proposer believes to be wagons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates, maximum_filter

from imagery.errors import InputError
from models.axes.line import Axis, Line, extend, length

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Field:
    """Where wagons may stand and which way they run, on cells of an image."""

    heat: NDArray[np.float32]
    """(rows, cols) 0 to 1: highest along the middle lines of wagons."""
    cos2a: NDArray[np.float32]
    """(rows, cols) of twice the direction, so that both ways along a track are the same."""
    sin2a: NDArray[np.float32]
    """See cos2a."""
    cell_px: float
    """Side of a cell in pixels of the image."""
    gsd_m: float
    """Metres of a pixel of the image."""

    def __post_init__(self) -> None:
        if not self.heat.shape == self.cos2a.shape == self.sin2a.shape or self.heat.ndim != 2:
            raise InputError(
                f"field layers differ: {self.heat.shape}, {self.cos2a.shape}, {self.sin2a.shape}"
            )

    @property
    def cell_m(self) -> float:
        """Side of a cell in metres."""
        return self.cell_px * self.gsd_m

    def sample(self, layer: NDArray[np.float32], points: Line) -> Floats:
        """Values (n,) of a layer at points (n, 2) in cells, x and y, cell centres at halves; 0 outside."""
        values: Floats = map_coordinates(layer, [points[:, 1] - 0.5, points[:, 0] - 0.5], order=1, cval=0.0)
        return values

    def heading(self, at: Line) -> tuple[float, float]:
        """Unit direction at one point (2,) in cells, from what ``sample`` would give of both layers."""
        x, y = float(at[0]) - 0.5, float(at[1]) - 0.5
        rows, cols = self.heat.shape
        if not (0 <= x <= cols - 1 and 0 <= y <= rows - 1):
            return 1.0, 0.0
        left, top = int(x), int(y)
        right, low, u, v = min(left + 1, cols - 1), min(top + 1, rows - 1), x - left, y - top
        cos, sin = (
            (layer.item(top, left) * (1 - u) + layer.item(top, right) * u) * (1 - v)
            + (layer.item(low, left) * (1 - u) + layer.item(low, right) * u) * v
            for layer in (self.cos2a, self.sin2a)
        )
        angle = math.atan2(sin, cos) / 2
        return math.cos(angle), math.sin(angle)


@dataclass(frozen=True)
class Tracing:
    """How lines are followed. Chosen on halves of the one real yard that may be trained on.

    Low on purpose: a line too many costs time, a line too few costs its wagons.
    """

    seed: float = 0.15
    """A line starts where the heat is at least this."""
    follow: float = 0.08
    """A cell is on a row where the heat is at least this."""
    step_m: float = 2.0
    """From point to point."""
    bridge_m: float = 30.0
    """Gaps between wagons of one row up to this long are crossed."""
    apart_m: float = 1.8
    """Nearer to a traced line than this nothing new starts."""
    shortest_m: float = 6.0
    """A row has at least this much on it."""
    smooth_m: float = 6.0
    """Standard deviation of the smoothing along a traced line: tracks bend slowly."""
    beyond_m: float = 8.0
    """A line runs on past the last wagon that was seen."""


def find_axes(field: Field, tracing: Tracing | None = None) -> list[Axis]:
    """Trace every row of a field.

    Args:
        field: From a proposer.
        tracing: How lines are followed.

    Returns:
        Axes in pixels, the surest first. Confidence is the mean heat along the row, where there is any,
        times the share of a 30 m row that was seen: a lone wagon is less sure than a train.
    """
    tracing = tracing or Tracing()
    used = np.zeros(field.heat.shape, dtype=bool)
    axes = []
    for seed in _seeds(field, tracing):
        if used[int(seed[1]), int(seed[0])]:
            continue
        points, heat = _trace(field, seed, used, tracing)
        _mark(used, points, tracing.apart_m / field.cell_m)
        on = heat >= tracing.follow
        seen_m = float(on.sum()) * tracing.step_m
        if seen_m < tracing.shortest_m or len(points) < 2:
            continue
        line = (
            gaussian_filter1d(points, tracing.smooth_m / tracing.step_m, axis=0, mode="nearest")
            * field.cell_px
        )
        beyond = min(tracing.beyond_m, length(line) * field.gsd_m) / field.gsd_m
        line = extend(line, beyond, 12 / field.gsd_m)
        confidence = float(heat[on].mean()) * min(1.0, seen_m / 30.0)
        axes.append(Axis(line, min(1.0, confidence), "fitted"))
    return sorted(axes, key=lambda axis: -axis.confidence)


def _seeds(field: Field, tracing: Tracing) -> Iterator[Line]:
    """Cell centres of local maxima, the hottest first."""
    peaks = (field.heat >= tracing.seed) & (field.heat == maximum_filter(field.heat, 3))
    rows, cols = np.nonzero(peaks)
    for i in np.argsort(-field.heat[rows, cols], kind="stable"):
        yield np.array([cols[i] + 0.5, rows[i] + 0.5])


def _trace(field: Field, seed: Line, used: NDArray[np.bool_], tracing: Tracing) -> tuple[Line, Floats]:
    """Follow a row both ways from a seed: points (n, 2) in cells and the heat at each."""
    at = seed[None]
    direction = np.array(field.heading(seed))
    forth, heat_forth = _walk(field, seed, direction, used, tracing)
    back, heat_back = _walk(field, seed, -direction, used, tracing)
    start = field.sample(field.heat, at)
    return (
        np.concatenate([back[::-1], at, forth]),
        np.concatenate([heat_back[::-1], start, heat_forth]),
    )


def _walk(
    field: Field, at: Line, direction: Line, used: NDArray[np.bool_], tracing: Tracing
) -> tuple[Line, Floats]:
    """Walk one way until nothing has been seen for the length of a bridge; ends at the last thing seen."""
    step = tracing.step_m / field.cell_m
    side = np.linspace(-1.0, 1.0, 9) / field.cell_m
    points: list[Line] = []
    heats: list[float] = []
    last = 0
    while len(points) - last <= tracing.bridge_m / tracing.step_m:
        ahead = at + direction * step
        if not (0 <= ahead[0] < used.shape[1] and 0 <= ahead[1] < used.shape[0]):
            break
        if used[int(ahead[1]), int(ahead[0])]:
            break
        across = np.array([-direction[1], direction[0]])
        heat = field.sample(field.heat, ahead + np.outer(side, across))
        top = float(heat.max())
        if top >= tracing.follow:
            weight = heat**2
            ahead = ahead + across * float((side * weight).sum() / weight.sum()) * 0.6
            direction = _turned(field, ahead, direction)
            last = len(points) + 1
        points.append(ahead)
        heats.append(top)
        at = ahead
    return np.array(points[:last]).reshape(-1, 2), np.array(heats[:last])


def _turned(field: Field, at: Line, direction: Line, share: float = 0.2) -> Line:
    """The direction turned a little towards what the field says here; tracks bend slowly."""
    local = np.array(field.heading(at))
    alike = float(local @ direction)
    if abs(alike) < 0.9:
        return direction
    mixed: Line = (1 - share) * direction + math.copysign(share, alike) * local
    return mixed / math.hypot(*mixed)


def _mark(used: NDArray[np.bool_], points: Line, radius: float) -> None:
    """Claim the cells within ``radius`` cells of a traced line."""
    reach = int(np.ceil(radius))
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    offsets = offsets[np.hypot(*offsets.T) <= radius]
    cells = (points[:, None, ::-1].astype(int) + offsets[None]).reshape(-1, 2)
    inside = (cells >= 0).all(axis=1) & (cells < used.shape).all(axis=1)
    used[tuple(cells[inside].T)] = True
