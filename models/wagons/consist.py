"""A strip cut into wagons: the best non-overlapping segments by dynamic programming, and their odds.

The strip reader gives, for each column, the log-odds that it is occupied, that a wagon begins at its left
edge and that one ends at its right edge. A wagon over columns s to e - 1 earns

    occupied * sum(occupied[s:e] + bias) + ends * (start[s] + stop[e - 1]) + wagon + usual[e - s]

and an empty column earns nothing. ``usual`` is nothing at first; then the strip is cut again, knowing how
long its wagons are: trains are mostly of a few types, so that where a joint is hardly seen, one wagon of
twice the usual length is two. The best cut and the odds of each segment (a semi-Markov chain: the sum over
all cuts instead of the best one) are both exact, in time columns times lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from models.axes.strips import ALONG_M

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts. Chosen on halves of the one real yard that may be trained on."""

    occupied: float = 0.3
    """Of the log-odds of each column: far below 1, because neighbouring columns see the same pixels."""
    bias: float = 0.25
    """Added to the log-odds of each column: real wagons are less sure than painted ones."""
    ends: float = 0.8
    """Of the log-odds of the two ends."""
    wagon: float = 0.0
    """Earned by each wagon: below zero it costs something to claim one."""
    alike: float = 0.7
    """Share of wagons whose length is that of others on the strip, where many others were found."""
    alike_m: float = 0.6
    """How much wagons of one type differ in length, as read."""
    shortest_m: float = 6.0
    """No wagon is shorter, unless the edge of the image cuts it."""
    longest_m: float = 29.0
    """No wagon is longer."""
    cut_m: float = 3.0
    """Shortest piece of a wagon that the edge of the image cuts."""

    def columns(self) -> NDArray[np.intp]:
        """Lengths that can occur, in columns, the shortest first."""
        return np.arange(
            max(1, round(self.cut_m / ALONG_M)), max(1, round(self.longest_m / ALONG_M)) + 1, dtype=np.intp
        )

    def usual(self, lengths: NDArray[np.intp], sure: Floats) -> Floats:
        """What a wagon of each length earns on a strip of wagons that long.

        Args:
            lengths: (k,) columns of each wagon.
            sure: (k,) how far to believe in each, 0 to 1.

        Returns:
            Log of a density of these lengths, mixed with an even one, over the even one.
        """
        every = self.columns()
        far = (every[:, None] - lengths) * ALONG_M / self.alike_m
        density = (np.exp(-0.5 * far**2) * sure).sum(axis=1)
        share = self.alike * sure.sum() / (sure.sum() + 1)
        return np.asarray(np.log(1 - share + share * len(every) * density / max(density.sum(), 1e-9)))

    def cut_only(self) -> NDArray[np.bool_]:
        """Which of these lengths need the edge of the image at one end."""
        return self.columns() < round(self.shortest_m / ALONG_M)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the reader says of a strip of n columns."""

    occupied: Floats
    """(n,) log-odds that the column is covered by a wagon of this track."""
    start: Floats
    """(n,) log-odds that a wagon begins at the left edge of the column."""
    stop: Floats
    """(n,) log-odds that a wagon ends at the right edge of the column."""
    edge: NDArray[np.bool_]
    """(n + 1,) True at boundaries where the image or its data ends, so that a wagon may be cut there."""

    def __post_init__(self) -> None:
        n = len(self.occupied)
        if self.start.shape != (n,) or self.stop.shape != (n,) or self.edge.shape != (n + 1,):
            raise InputError(
                f"evidence over {n} columns has start {self.start.shape}, stop {self.stop.shape}, "
                f"edge {self.edge.shape}; expected ({n},), ({n},), ({n + 1},)"
            )

    def reversed(self) -> Evidence:
        """The same strip read from its other end."""
        return Evidence(self.occupied[::-1], self.stop[::-1], self.start[::-1], self.edge[::-1])


@dataclass(frozen=True, eq=False)
class Consist:
    """Wagons of one strip, in order."""

    start: NDArray[np.intp]
    """(k,) first column of each wagon."""
    stop: NDArray[np.intp]
    """(k,) column after its last."""
    odds: Floats
    """(k,) 0 to 1: share of all cuts, weighted by their evidence, that hold this wagon to within a metre."""


def score(evidence: Evidence, weights: Weights, usual: Floats, start: int, stop: int) -> float:
    """What one wagon earns; minus infinity where its length cannot occur."""
    lengths, cut_only = weights.columns(), weights.cut_only()
    index = np.flatnonzero(lengths == stop - start)
    if not len(index) or (cut_only[index[0]] and not (evidence.edge[start] or evidence.edge[stop])):
        return -np.inf
    inside = weights.occupied * (evidence.occupied[start:stop] + weights.bias).sum()
    ends = weights.ends * (evidence.start[start] + evidence.stop[stop - 1])
    return float(inside + ends + weights.wagon + usual[index[0]])


def cut(evidence: Evidence, weights: Weights | None = None) -> Consist:
    """The best cut of a strip into wagons and gaps.

    Args:
        evidence: Of n columns.
        weights: Of each kind of evidence; those shipped by default.

    Returns:
        Wagons from left to right with their odds; none where nothing earns more than an empty strip.
    """
    weights = weights or Weights()
    first = cut_knowing(evidence, weights, np.zeros(len(weights.columns())))
    if not len(first.start):
        return first
    return cut_knowing(evidence, weights, weights.usual(first.stop - first.start, first.odds))


def cut_knowing(evidence: Evidence, weights: Weights, usual: Floats) -> Consist:
    """The best cut where a wagon of each length earns ``usual`` (len(weights.columns()),) besides."""
    chosen = _forward(evidence, weights, usual)[1]
    start, stop = [], []
    at = len(evidence.occupied)
    while at > 0:
        if chosen[at] == 0:
            at -= 1
            continue
        stop.append(at)
        at -= chosen[at]
        start.append(at)
    starts, stops = np.array(start[::-1], dtype=np.intp), np.array(stop[::-1], dtype=np.intp)
    return Consist(starts, stops, _odds(evidence, weights, usual, starts, stops))


def _forward(
    evidence: Evidence, weights: Weights, usual: Floats, over_all: bool = False
) -> tuple[Floats, NDArray[np.intp]]:
    """Value of the best cut of columns 0 to b (or log-sum over all cuts), and its last length or 0."""
    n = len(evidence.occupied)
    lengths, cut_only = weights.columns(), weights.cut_only()
    total = np.concatenate([[0.0], np.cumsum(weights.occupied * (evidence.occupied + weights.bias))])
    value, chosen = np.zeros(n + 1), np.zeros(n + 1, dtype=np.intp)
    # opening[b]: value of all before a wagon that begins at b, less what its columns will be credited with.
    opening = np.full(n + 1, -np.inf)
    for b in range(n + 1):
        value[b] = value[max(0, b - 1)]
        fits = lengths[: max(0, b - int(lengths[0]) + 1)]
        if len(fits):
            gain = opening[b - fits] + (total[b] + weights.ends * evidence.stop[b - 1] + weights.wagon)
            gain += usual[: len(fits)]
            if not evidence.edge[b]:
                gain[cut_only[: len(fits)] & ~evidence.edge[b - fits]] = -np.inf
            best = int(gain.argmax())
            if gain[best] > value[b]:
                chosen[b] = fits[best]
            top = max(gain[best], value[b])
            value[b] = top + np.log(np.exp(gain - top).sum() + np.exp(value[b] - top)) if over_all else top
        if b < n:
            opening[b] = value[b] - total[b] + weights.ends * evidence.start[b]
    return value, chosen


def _odds(
    evidence: Evidence,
    weights: Weights,
    usual: Floats,
    start: NDArray[np.intp],
    stop: NDArray[np.intp],
    near_m: float = 1.0,
) -> Floats:
    """Share of all cuts that hold each wagon, its ends moved by up to ``near_m``."""
    forward = _forward(evidence, weights, usual, over_all=True)[0]
    backward = _forward(evidence.reversed(), weights, usual, over_all=True)[0][::-1]
    n, near = len(evidence.occupied), int(near_m / ALONG_M)
    odds = np.zeros(len(start))
    for i, (first, last) in enumerate(zip(start, stop, strict=True)):
        for s in range(max(0, first - near), min(n - 1, first + near) + 1):
            for e in range(max(s + 1, last - near), min(n, last + near) + 1):
                odds[i] += np.exp(
                    forward[s] + score(evidence, weights, usual, s, e) + backward[e] - forward[n]
                )
    return np.minimum(odds, 1.0)
