"""Where trains stand along one track: the best division of it into blocks of empty and of occupied cells.

A train is a row of blocks, each of one contrast against the empty track, unknown in sign and spectrum: it is
integrated over what wagons look like. Empty track is a row of blocks too, whose contrast is nearly none. The
best row is found by dynamic programming over all block lengths (a hidden semi-Markov model).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


HIDDEN = 30.0
"""What it costs, in nats, to see no shadow: it may fall on the next train."""
COARSELY = 2
"""Of the heights every second is tried while blocks are sought, all of them once they are found."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What the contrast of a block may be, in bands of equal and independent noise: some Gaussians alike."""

    means: Floats
    """(kinds, bands) in the basis."""
    variances: Floats
    """(bands,) in the basis."""
    basis: Floats
    """(bands, bands) orthonormal; its columns are the axes of the variances."""
    shade: Floats
    """(bands,) contrast of fully shaded ground in the basis."""

    @classmethod
    def of(cls, means: Floats, covariance: Floats, shade: Floats) -> Looks:
        """From means (kinds, bands), their common covariance and shaded ground's contrast (bands,)."""
        variances, basis = np.linalg.eigh(covariance)
        return cls(means @ basis, variances, basis, shade @ basis)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the pixels say of the cells of one track."""

    tops: Floats
    """(cells, bands) residual looks summed under each cell's wagon."""
    overlap: Floats
    """(lags, cells) how much the wagons on cell t and on cell t + lag share of the pixels."""
    shades: Floats
    """(heights, cells, bands) as tops, under the shadow of a wagon so high."""
    crossed: Floats
    """(heights, cells) how much the wagon on a cell shares with the shadows of all cells."""
    shaded: Floats
    """(heights, cells) how much the shadow of a cell shares with those of all cells."""


@dataclass(frozen=True)
class Costs:
    """Prior of the division, in nats and metres."""

    start: float = 8.0
    """For each train."""
    change: float = 4.0
    """For each change of look along a train."""
    drift: float = 2.0
    """For each change of contrast along empty track."""
    shortest_m: float = 11.0
    """Shortest block of a train: one wagon."""
    gap_m: float = 11.0
    """Shortest gap between trains."""
    longest_m: float = 72.0
    """Longest block; a long train of one look is several."""


@dataclass(frozen=True, eq=False)
class Block:
    """A stretch of a train that looks alike."""

    first: int
    """Its first cell."""
    stop: int
    """One after its last."""
    train: int
    """Which train of the track it belongs to, counted along it."""
    gain: float
    """Log-likelihood ratio against empty cells."""
    contrast: Floats
    """(bands,) best guess, in bands of equal noise."""
    height: int
    """Index of the height that explains its shadow best; -1 where none is seen."""


# Boundaries between blocks: empty to empty, empty to train, train to train, train to empty.
_EE, _ET, _TT, _TE = range(4)


def divide(seen: Evidence, wagons: Looks, empty: Looks, costs: Costs, step_m: float) -> list[Block]:
    """The blocks of trains in the most likely division of a track.

    Args:
        seen: Evidence along the track.
        wagons: What a block of a train may look like.
        empty: What a block of empty track may look like.
        costs: Prior of the division.
        step_m: Length of a cell.

    Returns:
        Blocks in order along the track.
    """
    n = len(seen.tops)
    longest = min(round(costs.longest_m / step_m), n)
    gains = np.full((4, 4, n, longest), -np.inf)
    for begin in (_ET, _TT):
        for end in (_TT, _TE):
            gains[begin, end] = _gains(seen, wagons, longest, begin == _TT, end == _TT)
    gains[[[_EE], [_TE]], [_EE, _ET]] = bare = _gains(seen, empty, longest, False, False, shadows=False)
    rows = _best_row(gains, costs, step_m)
    blocks, train = [], -1
    for first, stop, begin, end in rows:
        if end in (_TT, _TE):
            train += begin == _ET
            gain = gains[begin, end, first, stop - first - 1] - max(bare[first, stop - first - 1], 0.0)
            blocks.append(Block(first, stop, train, float(gain), *_look(seen, wagons, first, stop)))
    return blocks


def _best_row(gains: Floats, costs: Costs, step_m: float) -> list[tuple[int, int, int, int]]:
    """First cell, stop and boundaries of each block of the best row, in order along the track.

    Args:
        gains: (4, 4, cells, longest) of a block by its boundaries, first cell, and length - 1.
        costs: Prior of the row.
        step_m: Length of a cell.
    """
    n, longest = gains.shape[2:]
    shortest, gap = (min(max(1, round(part / step_m)), n) for part in (costs.shortest_m, costs.gap_m))
    gains[:, [_TT, _TE], :, : shortest - 1] = -np.inf
    # Only at the ends of the track may a stretch of empty cells be shorter than a gap.
    first, length = np.ogrid[:n, 1 : longest + 1]
    short = (length < gap) & (first > 0) & (first + length < n)
    for end in (_EE, _ET):
        gains[:, end][:, short] = -np.inf
    stops = np.arange(n + 1)[:, None]
    by_stop = gains[:, :, np.maximum(stops - length, 0), length - 1]  # (4, 4, stops, longest)
    price = np.zeros(4)
    price[[_EE, _ET, _TT]] = costs.drift, costs.start, costs.change
    best = np.full((n + 1, 4), -np.inf)
    best[0, _ET], best[0, _TE] = -costs.start, 0.0
    came: Indices = np.zeros((n + 1, 4), dtype=np.intp)
    for stop in range(1, n + 1):
        top = min(longest, stop)
        before = best[stop - top : stop][::-1].T[:, None]  # (4, 1, top): ended one cell ago, two, ...
        total = (before + by_stop[:, :, stop, :top]).transpose(1, 0, 2).reshape(4, -1)
        which = total.argmax(axis=1)
        best[stop] = total[range(4), which] - (price if stop < n else 0.0)
        came[stop] = which // top * longest + which % top
    found, stop, end = [], n, int(best[n].argmax())
    while stop > 0:
        begin, less = divmod(int(came[stop, end]), longest)
        found.append((stop - less - 1, stop, begin, end))
        stop, end = stop - less - 1, begin
    return found[::-1]


def _gains(
    seen: Evidence, looks: Looks, longest: int, left: bool, right: bool, shadows: bool = True
) -> Floats:
    """Log-likelihood ratio of every block against nothing, (cells, longest): first cell and length - 1.

    Where a train goes on before or after the block, its look is taken to blur in as much as it blurs out.
    """
    n = len(seen.tops)
    first = np.arange(n)[:, None]
    stop = first + np.arange(1, longest + 1)
    inside = stop <= n
    stop = np.minimum(stop, n)
    size = _sizes(seen.overlap, first, stop, left, right)
    tops = _summed((seen.tops @ looks.basis).T, first, stop)
    options = []
    for height in range(0, len(seen.shades), COARSELY) if shadows else ():
        crossed, shaded = (_summed(part[height], first, stop) for part in (seen.crossed, seen.shaded))
        lit = _summed(seen.shades[height] @ (looks.basis @ looks.shade), first, stop)
        signal = tops - looks.shade[:, None, None] * crossed
        options.append(lit - 0.5 * shaded * (looks.shade @ looks.shade) + _marginal(signal, size, looks))
    options.append(_marginal(tops, size, looks) - (HIDDEN if options else 0.0))
    return np.where(inside, np.maximum.reduce(options), -np.inf)


def block_gain(seen: Evidence, looks: Looks, first: int, stop: int) -> float:
    """Log-likelihood ratio of one block without a shadow against nothing."""
    at, to = np.array(first), np.array(stop)
    signal = _summed((seen.tops @ looks.basis).T, at, to)
    return float(_marginal(signal, _sizes(seen.overlap, at, to, False, False), looks))


def _marginal(signal: Floats, size: Floats, looks: Looks) -> Floats:
    """Log of the likelihood ratio integrated over the contrast; the best kind stands for the sum over kinds.

    Args:
        signal: (bands, ...) residual summed under a block.
        size: (...) squared length of its picture.
        looks: What it may look like.
    """
    v = looks.variances.reshape(-1, *[1] * size.ndim)
    spread = 1 / (size + 1 / v)
    pulled = signal * spread
    power = (signal * pulled).sum(axis=0) - np.log1p(size * v).sum(axis=0)
    kinds = _kinds(pulled, spread, looks).max(axis=0)
    return np.asarray(0.5 * (power + kinds) - math.log(len(looks.means)))


def _kinds(pulled: Floats, spread: Floats, looks: Looks) -> Floats:
    """What knowing the kind of wagon adds to twice the log-likelihood, (kinds, ...)."""
    pull = looks.means / looks.variances
    own = (looks.means * pull).sum(axis=1).reshape(-1, *[1] * (pulled.ndim - 1))
    return np.asarray(np.tensordot(2 * pull, pulled, 1) + np.tensordot(pull**2, spread, 1) - own)


def _look(seen: Evidence, looks: Looks, first: int, stop: int) -> tuple[Floats, int]:
    """Most likely contrast of one block, in bands of equal noise, and the index of its height."""
    part = slice(first, stop)
    size = _sizes(seen.overlap, np.array(first), np.array(stop), True, True)
    spread = 1 / (size + 1 / looks.variances)
    options = []
    for height in (-1, *range(len(seen.shades))):
        signal, extra = seen.tops[part].sum(axis=0) @ looks.basis, -HIDDEN
        if height >= 0:
            signal = signal - seen.crossed[height, part].sum() * looks.shade
            lit = seen.shades[height, part].sum(axis=0) @ looks.basis @ looks.shade
            extra = lit - 0.5 * seen.shaded[height, part].sum() * (looks.shade @ looks.shade)
        kinds = _kinds(signal * spread, spread, looks)
        mean = looks.means[int(kinds.argmax())]
        value = float(extra + 0.5 * (signal**2 * spread).sum() + 0.5 * kinds.max())
        options.append((value, height, looks.basis @ (spread * (signal + mean / looks.variances))))
    _, height, contrast = max(options, key=lambda option: option[0])
    return contrast, height


def _summed(values: Floats, first: Indices, stop: Indices) -> Floats:
    """Sums of (..., cells) over blocks."""
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    return np.asarray(sums[..., stop] - sums[..., first])


def _sizes(overlap: Floats, first: Indices, stop: Indices, left: bool, right: bool) -> Floats:
    """Squared length of a block's picture: all pairs of its cells, and of its cells with what goes on."""
    size = np.zeros(np.broadcast_shapes(first.shape, stop.shape))
    for lag, row in enumerate(overlap):
        sums = np.concatenate([[0.0], np.cumsum(row)])
        if lag == 0:
            size += sums[stop] - sums[first]
            continue
        size += 2 * np.maximum(sums[np.maximum(stop - lag, first)] - sums[first], 0.0)
        if left:
            size += sums[first] - sums[np.maximum(first - lag, 0)]
        if right:
            size += sums[stop] - sums[np.maximum(stop - lag, 0)]
    return size
