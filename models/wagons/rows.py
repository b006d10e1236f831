"""Rows of a picture cut into wagons without learning: by their ends, sides, couplings and shadows.

Every row of a picture in which the tracks run from left to right is cut into wagons and gaps by dynamic
programming; rows then compete for the ground. The picture is CIE Lab at ``STEP_M`` a pixel, so that edges of
colour count like edges of brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STEP_M = 0.5
"""Side of a pixel in metres."""
WIDTH = 6
"""Width of a wagon in pixels: 3 m."""
SHORTEST, LONGEST = 14, 58
"""Length of a wagon in pixels: 7 to 29 m."""
WIDEST_GAP = 5
"""Pixels between coupled wagons at most: 2.5 m."""
TYPICAL_M = 15.0
"""Length that needs no evidence of its own."""
WEAKEST = 0.0
"""Wagons of a lower score are not worth comparing."""


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts; Lab units where a scale is meant.

    Chosen by random search on muttenz_lower_050 and muttenz_example_10cm, and on two copies of the former:
    with its shadows painted over, and at 0.85 m.
    """

    cross_scale: float = 8.0
    """Lab units a pixel along the row that count as a full edge across it."""
    side_scale: float = 14.0
    """Lab units a pixel across the row that count as a full pair of sides."""
    end_scale: float = 9.0
    """Lab units between the last 3 m of a wagon and what lies beyond that count as a full end."""
    side: float = 0.45
    """Gain of a pair of sides 2.5 to 3.5 m apart, over a 14 m wagon."""
    cross: float = 0.6
    """Cost of edges across the row inside a wagon."""
    shadow: float = 1.0
    """Gain of a shadow beside the wagon."""
    dark: float = 0.5
    """Cost of lying in shadow."""
    bare: float = 0.27
    """Cost of a 14 m wagon without any evidence."""
    end: float = 0.46
    """Gain of each free end."""
    coupling: float = 0.17
    """Gain of each coupled end."""
    wagon: float = 0.57
    """Cost of each wagon."""
    length: float = 0.37
    """Cost of a length e times longer or shorter than ``TYPICAL_M``."""
    dark_below: tuple[float, float] = (0.45, 0.6)
    """Brightness, as a share of the picture's median, that is surely and hardly a shadow."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for wagons along every row; all (columns, rows), the rows side by side in memory."""

    gain: Floats
    """Of each pixel that lies inside a wagon."""
    end: Floats
    """0 to 1: of a free end at the left border of each pixel; (columns + 1, rows)."""
    coupling: Floats
    """0 to 1: of an edge across the row at the left border of each pixel; (columns + 1, rows)."""
    shadow_above: Floats
    """0 to 1: share of shadow on the ground above."""
    shadow_below: Floats
    """0 to 1: share of shadow on the ground below."""


@dataclass(frozen=True, eq=False)
class Wagons:
    """Candidates in a picture whose tracks run from left to right, in its pixels."""

    x: NDArray[np.float64]
    """(n,) middle."""
    y: NDArray[np.float64]
    """(n,) middle."""
    length: NDArray[np.float64]
    """(n,)"""
    score: NDArray[np.float64]
    """(n,) sum of the evidence."""
    above: NDArray[np.float64]
    """(n,) share of the ground above that lies in shadow."""
    below: NDArray[np.float64]
    """(n,) share of the ground below that lies in shadow."""


def gather(lab: Floats, valid: NDArray[np.bool_], weights: Weights) -> Evidence:
    """Evidence for wagons along every row.

    Args:
        lab: (rows, columns, 3) picture with the tracks from left to right, filled where it has no data.
        valid: (rows, columns) which pixels are data.
        weights: How much each kind counts.

    Returns:
        The evidence.
    """
    unseen = cv2.dilate((~valid).astype(np.uint8), np.ones((7, 5))) > 0
    along, across = (_slope(lab, dx) for dx in (1, 0))
    along[unseen] = 0
    across[unseen] = 0
    cross = np.minimum(_size(_mean(along, 1, 5)) / weights.cross_scale, 1)
    edge = _size(_mean(across, 13, 1))
    sides = np.max([np.minimum(_up(edge, w // 2), _up(edge, w // 2 - w)) for w in (5, 6, 7)], axis=0)
    block = _mean(lab, 5, 5)
    beyond = np.minimum(_size(_left(block, 4) - _left(block, -4)) / weights.end_scale, 1)
    beyond[_mean(unseen.astype(np.float32), 13, 5) > 0.02] = 0

    surely, hardly = np.array(weights.dark_below) * max(float(np.median(lab[..., 0][valid])), 1.0)
    dark: Floats = np.clip((hardly - lab[..., 0]) / (hardly - surely), 0, 1).astype(np.float32)
    dark[unseen] = 0
    band = _mean(dark, 1, 3)
    above, below = _up(band, 5), _up(band, -5)
    gain = (
        weights.side * np.minimum(sides / weights.side_scale, 1)
        - weights.cross * cross
        + weights.shadow * np.maximum(above, below)
        - weights.dark * _mean(dark, 1, WIDTH)
        - weights.bare
        - 3.0 * unseen
    ) * (STEP_M / 14.0)
    return Evidence(*map(_columns, (gain, _border(np.sqrt(beyond * cross)), _border(cross), above, below)))


def cut(evidence: Evidence, weights: Weights, rows: slice = slice(None)) -> Wagons:
    """Cut every row into wagons and gaps, and keep the best wagon on each piece of ground.

    Args:
        evidence: From ``gather``.
        weights: The same.
        rows: Rows on which the middle of a wagon may lie.

    Returns:
        Candidates that overlap little.
    """
    table = _forward(evidence, weights, rows)
    spans = np.array(
        [span for row in np.flatnonzero(table.free[-1] > 0) for span in _trace(table, int(row))],
        dtype=np.float64,
    ).reshape(-1, 4)
    row, start, stop = spans[:, :3].astype(np.intp).T
    row += rows.start or 0
    above, below = (
        (total[stop, row] - total[start, row]) / (stop - start)
        for total in (_total(evidence.shadow_above), _total(evidence.shadow_below))
    )
    found = Wagons((start + stop) / 2, row + 0.5, stop - start + 0.0, spans[:, 3], above, below)
    return take(found, _best_of_rows(found, evidence.gain.shape))


def take(found: Wagons, keep: NDArray[np.intp] | NDArray[np.bool_]) -> Wagons:
    """Those wagons only."""
    return Wagons(*(getattr(found, name)[keep] for name in Wagons.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class _Table:
    """Values of the best cuts; all (columns + 1, rows), at the borders between pixels."""

    free: Floats
    """Best cut up to this border."""
    wagon: Floats
    """Best cut whose last wagon ends here, its own end not yet counted."""
    length: NDArray[np.int16]
    """Length of that wagon."""
    gap: NDArray[np.int16]
    """For a wagon that begins here: pixels to the one it is coupled to, or -1."""
    closes: NDArray[np.bool_]
    """Whether the best cut has a free end here."""
    end: Floats
    """Gain of a free end."""
    coupling: Floats
    """Gain of one half of a coupling."""


def _forward(evidence: Evidence, weights: Weights, rows: slice) -> _Table:
    end, half = weights.end * evidence.end[:, rows], weights.coupling * evidence.coupling[:, rows]
    # Edges at the ends are no edges inside: what the pixels beside a border were charged is given back.
    refund = 2 * weights.cross * (STEP_M / 14.0) * evidence.coupling[:, rows]
    total = _total(evidence.gain[:, rows])
    lengths = np.arange(LONGEST, SHORTEST - 1, -1)
    prior = -weights.length * np.abs(np.log(lengths * STEP_M / TYPICAL_M)).astype(np.float32)[:, None]
    free = np.zeros_like(total)
    wagon = np.full_like(total, -np.inf)
    opening = np.full_like(total, -np.inf)
    length, gap = np.zeros(total.shape, np.int16), np.full(total.shape, -1, np.int16)
    closes = np.zeros(total.shape, bool)
    for x in range(len(total)):
        start = free[max(0, x - 1)] + end[x]
        for g in range(min(WIDEST_GAP, x) + 1):
            coupled = wagon[x - g] + 2 * np.minimum(half[x - g], half[x])
            gap[x][coupled > start] = g
            start = np.maximum(start, coupled)
        opening[x] = start - total[x] + refund[x]
        free[x] = free[max(0, x - 1)]
        if x >= SHORTEST:
            first = max(0, x - LONGEST)
            worth = opening[first : x - SHORTEST + 1] + prior[first - (x - SHORTEST + 1) :]
            best = worth.argmax(axis=0)
            length[x] = x - first - best
            wagon[x] = np.take_along_axis(worth, best[None], 0)[0] + total[x] + refund[x] - weights.wagon
            closes[x] = wagon[x] + end[x] > free[x]
            free[x] = np.maximum(free[x], wagon[x] + end[x])
    return _Table(free, wagon, length, gap, closes, end, half)


def _trace(table: _Table, row: int) -> list[tuple[int, int, int, float]]:
    """Wagons of one row from right to left: row, first and last border, score."""
    spans = []
    closes, lengths, gaps = table.closes[:, row], table.length[:, row], table.gap[:, row]
    x = len(closes) - 1
    while x > 0:
        if not closes[x]:
            x -= 1
            continue
        right, gap = float(table.end[x, row]), 0
        while gap >= 0:
            start, gap = x - int(lengths[x]), int(gaps[x - int(lengths[x])])
            if gap < 0:
                before, left = float(table.free[max(0, start - 1), row]), float(table.end[start, row])
                joint = left
            else:
                before = float(table.wagon[start - gap, row])
                left = float(min(table.coupling[start - gap, row], table.coupling[start, row]))
                joint = 2 * left
            own = float(table.wagon[x, row]) - before - joint
            spans.append((row, start, x, own + left + right))
            x, right = start - max(gap, 0), left
        x -= 1
    return spans


def _best_of_rows(found: Wagons, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Greedy by score: a wagon is kept where little of its middle line is taken by a better one."""
    taken = np.zeros((shape[1], shape[0]), dtype=bool)
    keep = []
    for i in np.argsort(-found.score, kind="stable"):
        if found.score[i] < WEAKEST:
            break
        row, half = int(found.y[i]), found.length[i] / 2
        columns = slice(int(found.x[i] - half), int(found.x[i] + half))
        if taken[row, columns].mean() < 0.2:
            taken[max(0, row - 2) : row + 3, columns] = True
            keep.append(int(i))
    return np.array(keep, dtype=np.intp)


def _mean(image: Floats, columns: int, rows: int) -> Floats:
    return np.asarray(cv2.blur(image, (columns, rows), borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def _slope(image: Floats, dx: int) -> Floats:
    """Change from pixel to pixel along the rows (dx 1) or across them (dx 0)."""
    return np.asarray(cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx, ksize=3) / 4, dtype=np.float32)


def _size(vectors: Floats) -> Floats:
    length: Floats = np.sqrt((vectors**2).sum(axis=-1))
    return length


def _up(image: NDArray[np.float32], by: int) -> Floats:
    """What lies ``by`` rows above each pixel (below where negative); the border goes on."""
    rows = np.clip(np.arange(len(image)) - by, 0, len(image) - 1)
    return image[rows]


def _left(image: Floats, by: int) -> Floats:
    columns = np.clip(np.arange(image.shape[1]) - by, 0, image.shape[1] - 1)
    return image[:, columns]


def _border(image: Floats) -> Floats:
    """The larger of the two pixels at each border between columns: one column more."""
    return np.concatenate([image[:, :1], np.maximum(image[:, 1:], image[:, :-1]), image[:, -1:]], axis=1)


def _columns(image: Floats) -> Floats:
    return np.ascontiguousarray(image.T, dtype=np.float32)


def _total(values: Floats) -> Floats:
    """Running sum along the first axis, beginning with 0."""
    return np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0, dtype=np.float32)])
