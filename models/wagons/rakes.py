"""A rake known again on another date by the order of its wagons, with the odds that it is no chance.

Two strings are laid against each other, in both directions, by local alignment (Smith and Waterman, Journal
of Molecular Biology 147, 1981). A pair of wagons counts as the logarithm of how likely the second is if it is
the first seen again, over how likely it is in a yard where strings are blocks: the same make as the wagon
before it, else any of the fleet. So a block of equal wagons says little, the order of blocks and loners much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from scipy.spatial import cKDTree

from imagery.grid import pixel_to_lonlat
from models.detections import Detections
from models.wagons.colours import COLOURS

LENGTH_SD_M = 0.5
"""Error of one length."""
COLOUR_SD = 0.12
"""Change of a wagon's colour from date to date: natural logarithm of red or blue over green."""
COVER_KEPT = 0.9
"""Share of covers that are read the same on two dates."""
MISSED = 0.05
"""Share of wagons that one date shows and the other does not: missed, joined, or shunted in between."""
COUPLED_M = 3.0
"""Ends of coupled wagons lie nearer to each other than this."""
LEAST_WAGONS = 3
"""A shorter string is no order."""

Floats = NDArray[np.float64]
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class RakeMatch:
    """A rake seen on two dates."""

    first: NDArray[np.intp]
    """(k,) boxes of the first date, in their order along the rake."""
    second: NDArray[np.intp]
    """(k,) the same wagons on the second."""
    odds: float
    """That this is the same rake, against chance, over all places where chance could have put it."""
    moved_m: float
    """Distance in metres between the middles of both; NaN where a grid has no map position."""

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class _Fleet:
    """How likely wagons look like each other."""

    again: Floats
    """(n, m) density of a wagon of the second date given that it is one of the first, seen again."""
    chance: Floats
    """(m,) density of it in a yard without that wagon, given its neighbour towards the head of its string."""
    chance_back: Floats
    """(m,) the same, given its neighbour towards the tail."""


def match_rakes(first: Detections, second: Detections, least_odds: float = 1.0) -> tuple[RakeMatch, ...]:
    """Find rakes of one date again on another, by the order of their wagons' lengths, colours and covers.

    Where they stand does not count: a rake that was shunted is found as well as one that stayed. Rakes of
    equal wagons cannot be told from each other, and their odds say so.

    Args:
        first: Wagons of one date; with attributes COLOURS, colours count too.
        second: Wagons of another.
        least_odds: Matches with lower odds are left out.

    Returns:
        Matches of at least LEAST_WAGONS wagons, the surest first; each wagon stands in one at most.
    """
    strings, others = coupled(first), coupled(second)
    if not strings or not others:
        return ()
    fleet = _fleet(first, second, strings, others)
    # Half the belief is that whole rakes return, half that parts do. Chance has a try at each: what is sure
    # must beat all of them together.
    whole_tries = 2.0 * 2.0 * len(strings) * len(others)
    part_tries = 2.0 * 2.0 * sum(map(len, strings)) * sum(map(len, others))
    matches = []
    for a in strings:
        for b in others:
            for way, chance in ((b, fleet.chance), (b[::-1], fleet.chance_back)):
                gain = np.log(fleet.again[np.ix_(a, way)]) - np.log(chance[way])
                for whole, tries in ((True, whole_tries), (False, part_tries)):
                    score, pairs = _aligned(gain, whole)
                    if len(pairs) >= LEAST_WAGONS:
                        odds = math.exp(min(score, 500.0)) / tries
                        matches.append((odds, a[pairs[:, 0]], way[pairs[:, 1]]))
    result: list[RakeMatch] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for odds, i, j in sorted(matches, key=lambda match: -match[0]):
        if odds >= least_odds and taken[0].isdisjoint(i.tolist()) and taken[1].isdisjoint(j.tolist()):
            taken[0].update(i.tolist())
            taken[1].update(j.tolist())
            result.append(RakeMatch(i, j, odds, _moved_m(first, i, second, j)))
    return tuple(result)


def coupled(found: Detections) -> list[NDArray[np.intp]]:
    """Strings of at least LEAST_WAGONS boxes that stand end to end, each from one end to the other."""
    if len(found) < LEAST_WAGONS:
        return []
    cx, cy, length, _, angle = found.boxes.T
    along = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=1)
    centre = np.stack([cx, cy], axis=1)
    ends = np.stack([centre - along * length[:, None] / 2, centre + along * length[:, None] / 2], axis=1)
    points = ends.reshape(-1, 2)  # ends 2 i and 2 i + 1 belong to box i
    outward = np.stack([-along, along], axis=1).reshape(-1, 2)
    i, j = cKDTree(points).query_pairs(COUPLED_M / found.gsd_m, output_type="ndarray").T
    facing = (outward[i] * outward[j]).sum(axis=1) < -math.cos(math.radians(12))
    i, j = i[facing & (i // 2 != j // 2)], j[facing & (i // 2 != j // 2)]
    link = np.full(len(points), -1, dtype=np.intp)
    for k in np.argsort(np.hypot(*(points[i] - points[j]).T), kind="stable"):
        if link[i[k]] < 0 and link[j[k]] < 0:
            link[i[k]], link[j[k]] = j[k], i[k]
    return [string for string in _walks(link) if len(string) >= LEAST_WAGONS]


def _walks(link: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Follow links between ends from each free end to the other; (2 n,) partner of each end or -1."""
    walks, done = [], np.zeros(len(link) // 2, dtype=bool)
    for start in np.flatnonzero(link < 0).tolist():
        if done[start // 2]:
            continue
        walk, end = [], start
        while end >= 0:
            walk.append(end // 2)
            done[end // 2] = True
            end = int(link[end ^ 1])
        walks.append(np.array(walk, dtype=np.intp))
    return walks


def _fleet(
    first: Detections,
    second: Detections,
    strings: Sequence[NDArray[np.intp]],
    others: Sequence[NDArray[np.intp]],
) -> _Fleet:
    again = _likeness(first, second)
    among = _likeness(second, second)
    # All wagons of both dates are the fleet. A wagon's own peak is among them: chance is never underrated.
    any_of = np.concatenate([again, among]).mean(axis=0)
    lengths = [one.boxes[:, 2] * one.gsd_m for one in (first, second)]
    steps = [
        np.abs(np.diff(lengths[k][s])) < 2 * LENGTH_SD_M
        for k, group in enumerate((strings, others))
        for s in group
    ]
    same = float(np.clip(np.concatenate(steps).mean(), 0.1, 0.9))
    head, tail = any_of.copy(), any_of.copy()
    for string in others:
        before, after = string[:-1], string[1:]
        head[after] = same * among[before, after] + (1 - same) * any_of[after]
        tail[before] = same * among[after, before] + (1 - same) * any_of[before]
    return _Fleet(again, head, tail)


def _likeness(first: Detections, second: Detections) -> Floats:
    """(n, m) density of each wagon of the second being the look of each of the first again."""
    a, b = (one.boxes[:, 2] * one.gsd_m for one in (first, second))
    result = _normal(a[:, None] - b[None], math.sqrt(2) * LENGTH_SD_M)
    if all(name in one.attributes for one in (first, second) for name in COLOURS):
        for u, v in zip(_chroma(first), _chroma(second), strict=True):
            result *= _normal(u[:, None] - v[None], math.sqrt(2) * COLOUR_SD)
    covers = np.array(first.tarps)[:, None] == np.array(second.tarps)[None]
    return result * np.where(covers, COVER_KEPT, 1 - COVER_KEPT)


def _chroma(found: Detections) -> tuple[Floats, Floats]:
    """Logarithm of red and of blue over green: brightness changes with the light, these hardly."""
    red, green, blue = (np.log(np.maximum(found.attributes[name], 1e-3)) for name in COLOURS)
    return red - green, blue - green


def _normal(gap: Floats, sd: float) -> Floats:
    """Density with a floor: one reading in a hundred is far off."""
    peak = np.exp(-0.5 * (gap / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    return np.asarray(0.99 * peak + 0.01 * np.exp(-np.abs(gap) / (10 * sd)) / (20 * sd))


def _aligned(gain: Floats, whole: bool) -> tuple[float, NDArray[np.intp]]:
    """Score of the best alignment of two strings, and its pairs (k, 2) in order.

    Args:
        gain: (n, m) logarithm of the likelihood ratio of each pair.
        whole: Of both strings from end to end; else of the best part of each.
    """
    n, m = gain.shape
    step, skip = math.log(1 - MISSED), math.log(MISSED)
    least = -math.inf if whole else 0.0
    down = skip * np.arange(m + 1)
    score = np.full((n + 1, m + 1), 0.0)
    if whole:
        score[0], score[:, 0] = down, skip * np.arange(n + 1)
    for i in range(1, n + 1):
        row = score[i].copy()
        row[1:] = np.maximum(score[i - 1, :-1] + gain[i - 1] + step, score[i - 1, 1:] + skip)
        row = np.maximum(row, least)
        # Skips along the row: the best of all cells before, less a skip for each step.
        score[i] = np.maximum.accumulate(row - down) + down
    i, j = (n, m) if whole else (int(k) for k in np.unravel_index(score.argmax(), score.shape))
    best, pairs = float(score[i, j]), []
    while i and j and score[i, j] > least:
        before = (
            score[i - 1, j - 1] + gain[i - 1, j - 1] + step,
            score[i - 1, j] + skip,
            score[i, j - 1] + skip,
        )
        way = int(np.argmax(before))
        i, j = i - (way != 2), j - (way != 1)
        if way == 0:
            pairs.append((i, j))
    return best, np.array(pairs[::-1], dtype=np.intp).reshape(-1, 2)


def _moved_m(first: Detections, i: NDArray[np.intp], second: Detections, j: NDArray[np.intp]) -> float:
    if first.grid.crs is None or second.grid.crs is None:
        return math.nan
    a, b = (
        pixel_to_lonlat(found.grid, found.boxes[index, :2].mean(axis=0)[None])[0]
        for found, index in ((first, i), (second, j))
    )
    return float(_GEOD.inv(*a, *b)[2])
