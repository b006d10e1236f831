"""How far drawn tracks lie from the rails in an image: the sideways shift at which the pixels answer best.

A track bed is a band, darker or brighter than the ground on both sides of it. The image is straightened along
each line, averaged in blocks along it, and each block's profile across is held against a band (the second
derivative of a Gaussian). Tracks that lie side by side are judged together, for a single one of them answers
just as well when it lies on its neighbour. Blocks are drawn again at random (a bootstrap): where the best
shift then jumps about, the image cannot tell, and that is what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from imagery.sites import Lines
from models.axes.line import clip_to_frame, length
from models.axes.strips import ACROSS, ACROSS_M, ALONG_M, Frame, frame_along, straighten

Floats = NDArray[np.float64]
Picture = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""Pixels (rows, cols, 3), and which of them (rows, cols) show the ground."""

SEARCH_M = 6.0
"""Furthest shift that is looked for in fine images; one and a half pixels in coarse ones."""
BAND_M = 1.2
"""Standard deviation of the band in fine images, half a track bed; six tenths of a pixel in coarse ones."""
BLOCK_M = 25.0
"""Length of track that is averaged into one profile; four pixels in coarse images."""
FEWEST_BLOCKS = 5
"""With fewer nothing is said: about the length of nine wagons."""
NEIGHBOUR_M = 8.0
"""Tracks nearer than this to one another are judged together."""
AGREE = 0.95
"""Share of the draws that must find the same place."""
SIGNIFICANCE = 4.0
"""How many standard errors the answer must stand above none."""
FLOOR_M = 0.5
"""Least uncertainty of an offset in fine images: shadows and loads make beds look lopsided."""
FLOOR_PX = 0.4
"""The same in pixels: in coarse ones shadows cannot be told from beds."""

RIVAL = 0.8
"""A second place that answers this well, beside the best, leaves it undecided."""
SPACING_M = 4.8
"""From track to track where the map does not tell."""

_DRAWS = 400
_SHADOW = 0.55  # of the usual brightness
_SHADOW_M = 1.0
_SHADOWS_SEEN_M = 1.5
_RESOLVED_M = 2.4  # coarser pixels do not part a track from the next
_FURTHEST_OWN_M = 2.0  # from the shift of its bundle: beyond lies the next track


@dataclass(frozen=True)
class Offset:
    """How far one drawn track lies from what the image shows."""

    id: str
    """The track."""
    offset_m: float | None
    """The rails lie this far to the right of the line, in the direction it is drawn; negative to the left."""
    uncertainty_m: float | None
    """One standard deviation, against this image; the image's own position is not in it."""
    towards_deg: float | None
    """Where the rails lie from the line, in pixels' axes: clockwise from the image's up; None if not told."""
    seen_m: float
    """Length of the track that the image shows."""
    statement: str
    """In words: how it was found, or why it cannot be told."""


@dataclass(frozen=True, eq=False)
class _Blocks:
    """What one track's blocks answer."""

    id: str
    right: Floats
    """(2,) unit vector to the right of the line as drawn, in pixels."""
    answers: Floats
    """(blocks, shifts), to the right positive; bright bands positive."""
    beside: Floats
    """(blocks, shifts) what answers one track further out, summed over the sides without a track."""
    sides: NDArray[np.int_]
    """How many such sides all blocks have, to the left and to the right of the line."""
    seen_m: float
    """Length that the image shows."""


@dataclass(frozen=True, eq=False)
class _View:
    """Pictures of a place and where bands are looked for in them."""

    pictures: Sequence[Picture]
    gsd_m: float
    shifts: Floats
    """Metres across."""

    @property
    def block_m(self) -> float:
        return max(BLOCK_M, 4 * self.gsd_m)

    @property
    def sigma_m(self) -> float:
        return max(BAND_M, 0.6 * self.gsd_m)


def measure_offsets(
    pictures: Sequence[Picture],
    gsd_m: float,
    tracks: Lines,
    rng: np.random.Generator,
) -> tuple[Offset, ...]:
    """Measure how far tracks lie from the rails in an image.

    Args:
        pictures: One or more dates on one grid, each (rows, cols, 3) pixels and (rows, cols) False where they
            do not show the ground. Dates are not to be blended before: loads cast shadows that must be seen.
        gsd_m: Metres a pixel; pixels are square.
        tracks: Id and line (n, 2) of each track in pixels of the image.
        rng: Draws blocks.

    Returns:
        One Offset a track, in the order given.
    """
    search = max(SEARCH_M, 1.5 * gsd_m)
    view = _View(pictures, gsd_m, np.arange(-search, search + ACROSS_M / 2, ACROSS_M))
    result: dict[str, Offset] = {}
    for names in _bundles(tracks, max(NEIGHBOUR_M, gsd_m) / gsd_m):
        lines = {name: line for name, line in tracks if name in names}
        blocks = [_blocks_of(view, name, lines) for name in names]
        result.update(_told(blocks, view, rng))
    return tuple(result[name] for name, _ in tracks)


def _blocks_of(view: _View, name: str, lines: Mapping[str, Floats]) -> _Blocks:
    """Answers of one track of a bundle."""
    line, answers, beside, sides = lines[name], [], [], np.zeros(2, dtype=int)
    others = [shapely.LineString(other) for key, other in lines.items() if key != name]
    step, size = max(1.0, ALONG_M / view.gsd_m), round(view.block_m / ALONG_M)
    rows, cols = view.pictures[0][1].shape
    for part in clip_to_frame(line, rows, cols, step):
        if length(part) * view.gsd_m < view.block_m + ALONG_M:
            continue
        frame = frame_along(part, view.gsd_m)
        grey, good = _across(view, frame)
        for start in range(0, len(frame) - size + 1, size):
            columns = good[start : start + size]
            if columns.mean() < 0.5:
                continue
            profile = grey[:, start : start + size][:, columns].mean(axis=1)
            outside = _empty_sides(frame, start + size // 2, others)
            answers.append(_answer(profile, view.sigma_m, view.shifts))
            further = [_answer(profile, view.sigma_m, view.shifts + metres) for metres in outside]
            beside.append(np.sum(further, axis=0) if further else np.zeros(len(view.shifts)))
            sides += [sum(metres < 0 for metres in outside), sum(metres > 0 for metres in outside)]
    chord = line[-1] - line[0]
    along = chord / max(float(np.hypot(*chord)), 1e-9)
    shape, seen = (-1, len(view.shifts)), len(answers) * size * ALONG_M
    right = np.array([-along[1], along[0]])
    return _Blocks(
        name, right, np.array(answers).reshape(shape), np.array(beside).reshape(shape), sides, seen
    )


def _across(view: _View, frame: Frame) -> tuple[Floats, NDArray[np.bool_]]:
    """Brightness (samples, n) across a line, mean of all dates, and which columns (n,) some date shows."""
    total, dates = np.zeros(()), np.zeros(len(frame))
    for picture in view.pictures:
        grey, seen = _of_one_date(view, frame, picture)
        total = total + np.where(seen, grey, 0.0)
        dates += seen
    return total / np.maximum(dates, 1), dates > 0


def _of_one_date(view: _View, frame: Frame, picture: Picture) -> tuple[Floats, NDArray[np.bool_]]:
    """Brightness (samples, n) across a line, and which columns (n,) are seen whole and out of shadow."""
    reach_m = view.shifts[-1] + NEIGHBOUR_M + 3 * view.sigma_m
    wide = ACROSS * ACROSS_M
    count = max(0, int(np.ceil((reach_m - wide / 2) / wide)))
    strips = []
    for side in range(-count, count + 1):
        moved = frame.shifted(np.full(len(frame), side * wide))
        strips.append(straighten(*picture, Frame(moved, frame.normals, frame.gsd_m)))
    grey = np.concatenate([strip.pixels.mean(axis=0, dtype=np.float64) for strip in strips])
    seen = np.asarray(np.concatenate([strip.valid for strip in strips]).all(axis=0))
    if seen.any() and view.gsd_m <= _SHADOWS_SEEN_M:
        # A shadow beside a load is a band, too, and the sun puts it on the same side all along the track.
        dark = grey < _SHADOW * np.median(grey[:, seen])
        near = np.abs((np.arange(len(grey)) - (len(grey) - 1) / 2) * ACROSS_M) <= view.shifts[-1] + 1
        seen &= dark[near].sum(axis=0) * ACROSS_M < _SHADOW_M
    return grey, seen


def _empty_sides(frame: Frame, column: int, others: Sequence[shapely.LineString]) -> list[float]:
    """Metres across at which the next track would lie, on each side that has none.

    A track in a row of many answers nearly as well when all of them lie one track further: what tells is
    that nothing lies beyond the outermost.
    """
    centre, across = frame.centres[column], frame.normals[column]
    lateral = []
    for other in others:
        nearest = shapely.get_coordinates(other.interpolate(other.project(shapely.Point(centre))))[0] - centre
        if np.hypot(*nearest) * frame.gsd_m <= NEIGHBOUR_M:
            lateral.append(float(nearest @ across) * frame.gsd_m)
    spacing = min([abs(metres) for metres in lateral if abs(metres) > 3.0], default=SPACING_M)
    return [sign * spacing for sign in (-1, 1) if not any(sign * metres > 1.0 for metres in lateral)]


def _answer(profile: Floats, sigma_m: float, shifts: Floats) -> Floats:
    """How well a band fits at each shift, in units of the profile's own contrast; bright positive."""
    smooth = -gaussian_filter1d(profile, sigma_m / ACROSS_M, order=2, mode="nearest")
    at = (np.arange(len(profile)) - (len(profile) - 1) / 2) * ACROSS_M
    # One grey level is the least contrast that counts: below it lies nothing but noise.
    answer: Floats = np.interp(shifts, at, smooth) / max(float(profile.std()), 1.0)
    return answer


def _bundles(tracks: Lines, near_px: float) -> list[list[str]]:
    """Tracks that lie side by side, by id."""
    lines = [shapely.LineString(line) for _, line in tracks]
    group = list(range(len(lines)))
    for i, j in np.transpose(shapely.STRtree(lines).query(lines, predicate="dwithin", distance=near_px)):
        old, new = group[int(i)], group[int(j)]
        group = [new if g == old else g for g in group]
    return [[tracks[i][0] for i in range(len(lines)) if group[i] == g] for g in sorted(set(group))]


def _told(bundle: Sequence[_Blocks], view: _View, rng: np.random.Generator) -> dict[str, Offset]:
    """Offsets of tracks side by side: the shift of all, then each track's own near it."""
    ahead = max(bundle, key=lambda b: b.seen_m).right
    turned = [1.0 if float(b.right @ ahead) >= 0 else -1.0 for b in bundle]
    shifts, gsd_m = view.shifts, view.gsd_m
    answers = np.concatenate([b.answers[:, :: int(t)] for b, t in zip(bundle, turned, strict=True)])
    beside = np.concatenate([b.beside[:, :: int(t)] for b, t in zip(bundle, turned, strict=True)])
    sides = np.sum([b.sides[:: int(t)] for b, t in zip(bundle, turned, strict=True)], axis=0)
    common: tuple[float, float] | None
    if len(bundle) > 1 and len(answers) >= FEWEST_BLOCKS > sides.min() and gsd_m <= _RESOLVED_M:
        common, why = None, "too little is seen of the outermost tracks, which tell one track from the next"
    else:
        if gsd_m <= _RESOLVED_M and sides.sum():
            answers = answers - 0.5 * beside * (len(answers) / sides.sum())
        common, why = _best(answers, view, rng)
    if common and len(bundle) > 1 and gsd_m <= _RESOLVED_M and abs(common[0]) > SPACING_M - 0.8:
        why = f"all lie best {common[0]:+.1f} m away, as far as the next track: move them there if it is so"
        common = None
    if common is None:
        return {b.id: Offset(b.id, None, None, None, b.seen_m, f"cannot be told: {why}") for b in bundle}
    shift, bright = common
    floor = max(FLOOR_M, FLOOR_PX * gsd_m)
    parted = gsd_m <= _RESOLVED_M or len(bundle) == 1
    spread = _spread(answers * bright, shifts, rng, shift)
    found = {}
    for b, turn in zip(bundle, turned, strict=True):
        own = b.answers[:, :: int(turn)] * bright
        near = np.abs(shifts - shift) <= max(_FURTHEST_OWN_M, gsd_m / 2)
        if parted and _stands_out(own[:, near]):
            offset = _peak(own.mean(axis=0), shifts, near)
            sure = float(np.hypot(_spread(own, shifts, rng, shift), floor))
            how = "measured on its own blocks"
        else:
            offset, how = shift, "that of all tracks side by side; its own bed does not stand out"
            sure = float(np.hypot(spread, max(floor, 1.0)))
        offset *= turn
        vector = b.right * np.sign(offset)
        towards = float(np.rad2deg(np.arctan2(vector[0], -vector[1])) % 360)
        words = f"{how}; its bed is {'brighter' if bright > 0 else 'darker'} than the ground beside it"
        found[b.id] = Offset(b.id, round(offset, 2), round(sure, 2), round(towards, 1), b.seen_m, words)
    return found


def _best(answers: Floats, view: _View, rng: np.random.Generator) -> tuple[tuple[float, float] | None, str]:
    """The common shift and whether bands are bright (+1) or dark (-1); or None and why."""
    if len(answers) < FEWEST_BLOCKS:
        return None, f"the image shows {len(answers)} stretches of it, {FEWEST_BLOCKS} are needed"
    shifts, near_m = view.shifts, max(1.5, FLOOR_PX * view.gsd_m)
    both = np.concatenate([answers, -answers], axis=1)
    mean = both.mean(axis=0)
    top = int(mean.argmax())
    if not _stands_out(both[:, top : top + 1]):
        return None, "no bed stands out from the ground along the line"
    weights = rng.multinomial(len(both), np.full(len(both), 1 / len(both)), size=_DRAWS)
    drawn = (weights @ both).argmax(axis=1)
    same = (drawn // len(shifts) == top // len(shifts)) & (
        np.abs(shifts[drawn % len(shifts)] - shifts[top % len(shifts)]) <= near_m
    )
    shift, bright = float(shifts[top % len(shifts)]), 1.0 if top < len(shifts) else -1.0
    away = np.abs(np.tile(shifts, 2) - shift) > near_m
    peaks = np.flatnonzero(away & (mean >= RIVAL * mean[top]))
    if len(peaks):
        rival = float(shifts[peaks[mean[peaks].argmax()] % len(shifts)])
        return None, f"a shift of {shift:+.1f} m and one of {rival:+.1f} m answer alike"
    if same.mean() < AGREE:
        rival = float(np.median(shifts[drawn[~same] % len(shifts)]))
        return None, f"a shift of {shift:+.1f} m and one of {rival:+.1f} m answer alike"
    if abs(shift) >= shifts[-1] - ACROSS_M / 2:
        return None, f"the best answer lies at the end of the search, {shifts[-1]:.0f} m away or further"
    peak = _peak(mean.reshape(2, -1)[top // len(shifts)], shifts, np.abs(shifts - shift) <= near_m)
    return (peak, bright), ""


def _stands_out(answers: Floats) -> bool:
    """Whether the best mean answer of blocks (n, shifts) is no chance."""
    if len(answers) < FEWEST_BLOCKS:
        return False
    top = int(answers.mean(axis=0).argmax())
    column = answers[:, top]
    error = float(column.std(ddof=1)) / np.sqrt(len(column))
    return bool(column.mean() > max(SIGNIFICANCE * error, 1e-3))


def _peak(mean: Floats, shifts: Floats, near: NDArray[np.bool_]) -> float:
    """Where a curve is highest among some shifts, between samples by a parabola."""
    top = int(np.where(near, mean, -np.inf).argmax())
    if not 0 < top < len(mean) - 1:
        return float(shifts[top])
    before, at, after = mean[top - 1 : top + 2]
    bend = before - 2 * at + after
    if not (before <= at >= after and bend < 0):
        return float(shifts[top])  # highest where the looked-at stretch ends
    return float(shifts[top] + 0.5 * (before - after) / bend * ACROSS_M)


def _spread(answers: Floats, shifts: Floats, rng: np.random.Generator, centre: float) -> float:
    """Standard deviation of the best shift near ``centre`` when blocks are drawn again."""
    near = np.abs(shifts - centre) <= _FURTHEST_OWN_M
    weights = rng.multinomial(len(answers), np.full(len(answers), 1 / len(answers)), size=_DRAWS // 4)
    return float(np.std([_peak(row, shifts, near) for row in weights @ answers]))
