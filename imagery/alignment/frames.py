"""Other dates of the same place, brought onto one frame, for a date to be aligned and compared with."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.alignment.align import Shift, aligned, measure_shift, no_shift, reference_of
from imagery.eaten import eaten
from imagery.errors import YardwatchError
from imagery.scenes import Scene
from imagery.sensors import CLOUD_BANDS, SENSORS, SINGLE_MAX_M
from imagery.tiles import Tile
from imagery.visibility import believable

Mask = NDArray[np.bool_]
Look = Callable[[Scene, Sequence[str]], Tile | None]
"""Reads some bands of a place in a scene, those that the scene has; None where it does not show the place."""

MOST_DATES = 24
"""Dates that a place is remembered by."""
MOST_TRIES = 96
"""Scenes that are read to find them: seven in ten are clouded in some climates."""
MOST_BYTES = 64 * 2**20
"""Memory that the dates of one place may take."""
MOST_PIXELS = 2_000_000
"""A larger window is not aligned: give a site."""
YARD_M, YARD_PX = 30.0, 3.0
"""Pixels nearer to a track than the larger of these are the yard: trains may stand there."""
LEAST_CLEAR = 0.6
"""Share of the pixels that a remembered date must show."""
NEAREST = 12
"""Dates of one reference: those nearest to the target's day of the year."""
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class Framed:
    """How a date lies on its place's frame, and what of it can be believed."""

    shift: Shift
    """Where it lies: tracks of the frame are found at their place plus the shift."""
    good: Mask
    """(rows, cols), read-only: believable, and what a mask ate given back."""
    given_back_px: int
    """Pixels of the yard that were called cloud and are not."""
    others: tuple[Other, ...] = ()
    """The dates that it was held against, the nearest in season first."""

    def __post_init__(self) -> None:
        self.good.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Other:
    """Another date of the place."""

    tile: Tile
    """On the frame: aligned to the others, where its shift was accepted."""
    good: Mask
    """(rows, cols) what of it can be believed."""


def bands_to_align(tile: Tile) -> tuple[str, ...]:
    """The finest optical bands of a coarse sensor; none where a tile of such a sensor has no such band."""
    table = {band.name: band for band in SENSORS[tile.scene.sensor].bands if band.wavelength_nm is not None}
    there = [table[name] for name in tile.bands if name in table]
    finest = min((band.gsd_m for band in there), default=0.0)
    return tuple(band.name for band in there if band.gsd_m == finest)


def can_be_aligned(scene: Scene) -> bool:
    """Whether scenes of this sensor are aligned: coarse optical ones."""
    sensor = SENSORS[scene.sensor]
    return sensor.gsd_m > SINGLE_MAX_M and any(band.wavelength_nm is not None for band in sensor.bands)


def off_tracks(shape: tuple[int, ...], lines: Iterable[NDArray[np.float64]], away_px: float) -> Mask:
    """Pixels (rows, cols) at least ``away_px`` from every line (n, 2) in pixels."""
    free = np.ones(shape, dtype=bool)
    for line in lines:
        at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        dense = np.linspace(0.0, at[-1], max(2, math.ceil(at[-1] / 0.5)))
        cols, rows = (np.floor(np.interp(dense, at, axis)).astype(int) for axis in line.T)
        inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
        free[rows[inside], cols[inside]] = False
    if free.all():
        return free
    return np.asarray(ndimage.distance_transform_edt(free) >= away_px, dtype=bool)


def frame(tile: Tile, lines: Sequence[NDArray[np.float64]], frames: Frames, place: str, look: Look) -> Framed:
    """Hold a date against others of its place: its shift, and what its cloud mask ate.

    Args:
        tile: The place on that date.
        lines: Tracks (n, 2) in pixels of the tile.
        frames: Remembers the other dates.
        place: Names the place, so that its dates are read once.
        look: Reads the place in another scene.
    """
    good = believable(tile)
    if not can_be_aligned(tile.scene):
        return Framed(no_shift("only coarse optical sensors of known bands are aligned"), good, 0)
    if good.size > MOST_PIXELS:
        return Framed(no_shift(f"a window of {good.size} pixels is not aligned; give a site"), good, 0)
    off_yard = off_tracks(good.shape, lines, max(YARD_M / tile.gsd_m, YARD_PX))
    others = frames.others(place, tile, off_yard, look)
    back = eaten(tile, [other.tile for other in others[:NEAREST]], ~off_yard).pixels
    return Framed(shift_of(tile, others, off_yard), good | back, int(back.sum()), tuple(others))


class Frames:
    """Remembers a few dates of each place and sensor, spread over the archive, all on one frame."""

    def __init__(self, scenes: Iterable[Scene]) -> None:
        self._scenes: dict[str, list[Scene]] = defaultdict(list)
        for scene in scenes:
            if can_be_aligned(scene) and scene.taken_at is not None:
                self._scenes[scene.sensor].append(scene)
        for dated in self._scenes.values():
            # Spread evenly over the archive however early the search ends (Weyl's sequence).
            dated.sort(key=lambda scene: (scene.taken_at, scene.id))
            order = np.argsort([(k * _GOLDEN) % 1 for k in range(len(dated))], kind="stable")
            dated[:] = [dated[k] for k in order]
        self._known: dict[tuple[object, ...], list[Other]] = {}
        self._remembering = threading.Lock()  # scenes are looked at side by side: a place is read once

    def kin(self, sensor: str) -> tuple[Scene, ...]:
        """The scenes on whose pixels the frame of a sensor's dates depends; none where it is not aligned."""
        return tuple(self._scenes.get(sensor, ()))

    def others(self, place: str, tile: Tile, off_yard: Mask, look: Look) -> list[Other]:
        """Other days of the place on the tile's grid, the nearest in season first.

        Args:
            place: Names the place, so that its dates are read once.
            tile: The place on the date that is looked at.
            off_yard: (rows, cols) pixels where no train stands.
            look: Reads the place in another scene.
        """
        grid = tile.grid
        # The bands, too: what is remembered must not depend on which date was looked at first.
        bands = bands_to_align(tile)
        key = (place, tile.scene.sensor, bands, str(grid.crs), tuple(grid.affine), tuple(grid.shape))
        with self._remembering:
            if key not in self._known:
                self._known[key] = self._remember(tile, off_yard, look)
        return _nearest(tile.scene, self._known[key])

    def _remember(self, tile: Tile, off_yard: Mask, look: Look) -> list[Other]:
        bands = bands_to_align(tile)
        most = min(MOST_DATES, MOST_BYTES // max(1, 4 * (len(bands) + 1) * off_yard.size))
        found: list[Other] = []
        for scene in self._scenes.get(tile.scene.sensor, [])[:MOST_TRIES]:
            if len(found) >= most:
                break
            try:
                other = look(scene, (*bands, "SCL", *CLOUD_BANDS))
            except YardwatchError:
                continue  # it is reported where the scene itself is looked at
            if other is None or other.grid != tile.grid or not other.has(bands):
                continue
            good = believable(other)
            if good.mean() >= LEAST_CLEAR:
                found.append(Other(other, good))
        return [_onto_the_rest(other, found, off_yard) for other in found]


def shift_of(tile: Tile, others: Sequence[Other], off_yard: Mask, most: int = NEAREST) -> Shift:
    """Where a tile lies against the first ``most`` of other dates; see ``measure_shift``."""
    bands = bands_to_align(tile)
    chosen = others[:most]
    if not bands or not chosen:
        return no_shift("no other date shows this place in the same bands on the same grid")
    reference = reference_of([other.tile for other in chosen], [other.good for other in chosen], bands)
    return measure_shift(tile, believable(tile), reference, off_yard)


def _onto_the_rest(other: Other, found: Sequence[Other], off_yard: Mask) -> Other:
    """First pass, against all seasons at once, so that no season has a frame of its own."""
    shift = shift_of(other.tile, _nearest(other.tile.scene, found), off_yard, MOST_DATES)
    if not shift.accepted:
        return other
    tile = aligned(other.tile, shift)
    return Other(tile, believable(tile))


def _nearest(scene: Scene, others: Sequence[Other]) -> list[Other]:
    """Those of other days, by season."""
    if scene.taken_at is None:
        return [other for other in others if other.tile.scene.id != scene.id]
    ranked = []
    for k, other in enumerate(others):
        assert other.tile.scene.taken_at is not None  # undated scenes are not remembered
        days = abs((scene.taken_at - other.tile.scene.taken_at).total_seconds()) / 86_400
        if days >= 1:
            ranked.append((min(days % 365.25, 365.25 - days % 365.25), k))
    return [others[k] for _, k in sorted(ranked)]
