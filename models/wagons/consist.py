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


def gains(evidence: Evidence, weights: Weights) -> Floats:
    """What each wagon earns by itself.

    Args:
        evidence: Of n columns.
        weights: Of each kind of evidence, with k lengths.

    Returns:
        (n + 1, k): of a wagon that ends before column b, of each length; minus infinity where none can be.
        A strip is empty unless one is above zero.
    """
    stop = np.arange(len(evidence.occupied) + 1)[:, None]
    start = stop - weights.columns()
    inside, start = start >= 0, np.maximum(start, 0)
    total = np.concatenate([[0.0], np.cumsum(weights.occupied * (evidence.occupied + weights.bias))])
    begins, ended = np.append(evidence.start, 0.0), np.append(0.0, evidence.stop)
    ends = weights.ends * (ended[stop] + begins[start])
    possible = inside & (~weights.cut_only() | evidence.edge[stop] | evidence.edge[start])
    return np.where(possible, total[stop] - total[start] + ends + weights.wagon, -np.inf)


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
    gain = gains(evidence, weights) + usual
    if gain.max() <= 0:
        none = np.empty(0, dtype=np.intp)
        return Consist(none, none, np.empty(0))
    chosen = _forward(gain, int(weights.columns()[0]))[1]
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
    back = gains(evidence.reversed(), weights) + usual
    return Consist(starts, stops, _odds(gain, back, int(weights.columns()[0]), starts, stops))


def _forward(gain: Floats, shortest: int, over_all: bool = False) -> tuple[Floats, NDArray[np.intp]]:
    """Value of the best cut of columns 0 to b (or log-sum over all cuts), and its last length or 0."""
    lengths = gain.shape[1]
    # As many zeros in front as the longest wagon has columns: no gain is possible from there.
    ahead = shortest + lengths - 1
    value, chosen = np.zeros(ahead + len(gain)), np.zeros(len(gain), dtype=np.intp)
    for b in range(1, len(gain)):
        empty = value[ahead + b - 1]
        earned = gain[b] + value[b : b + lengths][::-1]
        best = int(earned.argmax())
        top = earned[best]
        if top > empty:
            chosen[b] = shortest + best
        else:
            top = empty
        if over_all:
            top += np.log(np.exp(earned - top).sum() + np.exp(empty - top))
        value[ahead + b] = top
    return value[ahead:], chosen


def _odds(
    gain: Floats,
    back: Floats,
    shortest: int,
    start: NDArray[np.intp],
    stop: NDArray[np.intp],
    near_m: float = 1.0,
) -> Floats:
    """Share of all cuts that hold each wagon, its ends moved by up to ``near_m``; ``back``: the way back."""
    forward = _forward(gain, shortest, over_all=True)[0]
    backward = _forward(back, shortest, over_all=True)[0][::-1]
    near = np.arange(-int(near_m / ALONG_M), int(near_m / ALONG_M) + 1)
    s, e = (at[:, None, None] + by for at, by in ((start, near[:, None]), (stop, near)))
    s, e = np.broadcast_arrays(s, e)
    possible = (s >= 0) & (e < len(gain)) & (e - s >= shortest) & (e - s < shortest + gain.shape[1])
    s, e = np.where(possible, s, 0), np.where(possible, e, shortest)
    log = forward[s] + gain[e, e - s - shortest] + backward[e] - forward[-1]
    odds: Floats = np.where(possible, np.exp(log), 0.0).sum(axis=(1, 2))
    return np.minimum(odds, 1.0)
