"""Which cells of which track are filled: unmixing through the sensor's point spread, with contiguous trains.

Forward model: a cell of track under a top of spectrum w changes the baseline u of the pixels that see it by
c (w - u) - 0.7 s u, where c and s are the shares of the pixel that a wagon there and its shadow cover. Each
cell is empty or under one of the assumed tops. Among all states of one track, the others held, the likeliest
is found exactly (Viterbi 1967): cells two steps apart share no pixel worth speaking of. Tracks take turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.occupancy.cells import WAGON_WIDTH_M
from models.occupancy.corridor import Corridor, Rails, spread
from models.occupancy.differ import FLOOR, ROLES, Difference
from models.occupancy.residual import half_sample_mode
from models.occupancy.spectra import SHADE, library

METHOD = "unmixing"
BANDS = ("blue", "green", "red", "nir")
CELL_M = 14.0
"""Length of a cell: about a wagon."""
START = 8.0
"""Log-odds that a train begins or ends between two cells."""
CHANGE = 2.0
"""Log-odds that two neighbouring wagons have different tops."""
FILLED = 2.0
"""Log-odds against a cell being filled."""
_TRUST = 0.1  # of the likelihood: neighbouring pixels and bands err together
_ROUNDS = 6

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of all tracks and the share of each pixel that a wagon on them, and its shadow, would cover."""

    cover: Array
    """(cells, pixels)"""
    shade: Array
    """(cells, pixels)"""
    track: NDArray[np.intp]
    """(cells,) index of its track; cells of a track follow each other."""
    length_m: Array
    """(cells,)"""

    @classmethod
    def of(
        cls, rails: Rails, corridor: Corridor, shape: tuple[int, int], shadow: tuple[float, float]
    ) -> Cells:
        """Lay cells along the tracks of a corridor in an image of ``shape``, under one sun."""
        index = np.floor(rails.at_m / CELL_M).astype(int)
        _, cell = np.unique(rails.track * (index.max() + 1) + index, return_inverse=True)
        cover: list[Array] = []
        shade: list[Array] = []
        area = float(np.prod(rails.metres_px))
        moved, width = rails.shadow(shadow)
        for k in range(cell.max() + 1):
            here = cell == k
            for planes, xy, wide in (
                (cover, rails.xy_px, np.full(len(cell), WAGON_WIDTH_M)),
                (shade, moved, width),
            ):
                plane = spread(xy[here], (rails.piece_m * wide)[here] / area, shape)
                planes.append(
                    np.nan_to_num(corridor.take(plane.astype(np.float32))).reshape(-1).astype(np.float64)
                )
        lengths = np.bincount(cell, weights=rails.piece_m)
        first = np.unique(cell, return_index=True)[1]
        return cls(np.array(cover), np.array(shade), rails.track[first], lengths.astype(np.float64))


def solve(one: Difference, cells: Cells) -> Array:
    """Length in metres that is filled of each cell, (cells,).

    Args:
        one: A date against its baseline.
        cells: Of the same corridor, under that date's sun.
    """
    index = [ROLES.index(band) for band in BANDS]
    known = np.isfinite(one.residual[index]).all(axis=0).reshape(-1)
    usual = np.nan_to_num(one.usual[index]).reshape(len(index), -1).astype(float)
    left = np.nan_to_num(one.residual[index]).reshape(len(index), -1).astype(float)
    on = known & (one.metres.reshape(-1) > 1.0)
    for band in range(len(index)):  # what most of the yard shares is wet ballast or haze
        share = half_sample_mode(left[band, on] / np.maximum(usual[band, on], FLOOR))
        left[band] -= float(np.clip(share, -0.03, 0.03)) * usual[band]
    noise = np.maximum(np.nan_to_num(one.spread[index]).reshape(len(index), -1), FLOOR) * max(one.unrest, 0.7)
    weight = np.where(known, _TRUST / noise**2, 0.0)
    mass = np.maximum(cells.cover.sum(axis=1), 1e-9)
    ground = (usual @ cells.cover.T / mass).T  # (cells, bands)
    tops = library(BANDS)
    contrast = np.concatenate([np.zeros((len(ground), 1, len(index))), tops[None] - ground[:, None]], axis=1)
    shaded = np.where(np.arange(len(tops) + 1)[None, :, None] > 0, -(1 - SHADE) * ground[:, None], 0.0)
    state = np.zeros(len(ground), dtype=np.intp)
    for _ in range(_ROUNDS):
        before = state.copy()
        for track in np.unique(cells.track):
            own = np.flatnonzero(cells.track == track)
            left += _effect(cells, own, state, contrast, shaded)
            state[own] = _likeliest(cells, own, left, weight, contrast, shaded)
            left -= _effect(cells, own, state, contrast, shaded)
        if (state == before).all():
            break
    return np.where(state > 0, cells.length_m, 0.0)


def _effect(
    cells: Cells, own: NDArray[np.intp], state: NDArray[np.intp], contrast: Array, shaded: Array
) -> Array:
    """What the cells ``own`` in their states add to the pixels (bands, pixels)."""
    there = own[state[own] > 0]
    return np.asarray(
        contrast[there, state[there]].T @ cells.cover[there]
        + shaded[there, state[there]].T @ cells.shade[there]
    )


def _likeliest(
    cells: Cells, own: NDArray[np.intp], left: Array, weight: Array, contrast: Array, shaded: Array
) -> NDArray[np.intp]:
    """States of one track's cells, the other tracks held: dynamic programming on exact energies."""
    c, s, a, d = cells.cover[own], cells.shade[own], contrast[own], shaded[own]
    pull_c, pull_s = (weight * left) @ c.T, (weight * left) @ s.T  # (bands, cells)

    def product(x: Array, y: Array) -> Array:
        return np.asarray(((x * y) @ weight.T)[:, None])  # (cells, 1, bands)

    alone = (a**2 * product(c, c) + 2 * a * d * product(c, s) + d**2 * product(s, s)).sum(axis=2)
    alone -= 2 * (a * pull_c.T[:, None] + d * pull_s.T[:, None]).sum(axis=2)
    alone = alone / 2 + FILLED * (np.arange(alone.shape[1]) > 0)
    links = [
        (x[:-1], y[1:], product(u[:-1], v[1:])) for x, u in ((a, c), (d, s)) for y, v in ((a, c), (d, s))
    ]
    pair = sum(np.einsum("nkb,nlb,nb->nkl", x, y, p[:, 0]) for x, y, p in links)
    kinds = np.arange(alone.shape[1])
    differ = kinds[:, None] != kinds[None]
    pair = pair + np.where(differ, np.where((kinds[:, None] == 0) | (kinds[None] == 0), START, CHANGE), 0.0)
    best, back = alone[0], []
    for k in range(1, len(own)):
        step = best[:, None] + pair[k - 1]
        back.append(step.argmin(axis=0))
        best = step.min(axis=0) + alone[k]
    path = [int(best.argmin())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1], dtype=np.intp)
