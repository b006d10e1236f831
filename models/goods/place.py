"""The goods and ships of a place in one fine picture: measurements, and outlines that can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.crop import roi_around
from imagery.grid import ground_gsd, pixel_to_lonlat, shadow_way
from imagery.reader import Raster
from imagery.tiles import ROI
from imagery.visibility import believable, within
from models.goods import vessels, volume
from models.goods.height import Height
from models.goods.vessels import Berth, Vessel, berth_of
from models.goods.view import Mask, View, coarsened
from models.goods.volume import Stack, stacks_of
from models.measurement import Measurement, Skip
from models.wagons.picture import Picture

Pixels = NDArray[np.float64]
Areas = Sequence[tuple[str, Pixels]]
"""Outlines of yards or berths in pixels: (id, (n, 2)) each."""
SHADOWS_M, WATER_M = 27.0, 45.0
"""Read around a yard for the shadows that fall into it, and around a berth for the ships beside it."""
TRACK_M = 6.0
"""Width along a track that is left to the wagons."""
LEAST_SEEN = 0.5
"""Share of a yard or berth that must be seen."""


@dataclass(frozen=True)
class Outline:
    """A stack or a ship on the map."""

    area: str
    """Id of its yard or berth."""
    kind: str
    """``stack`` or ``vessel``."""
    ring: tuple[tuple[float, float], ...]
    """Corners: longitude and latitude in degrees, WGS 84; the first is not repeated."""
    area_m2: float
    """Of the outline."""
    length_m: float
    """Longer side of the smallest rectangle around it."""
    height_m: float | None = None
    """Of a stack above the ground, None where it is not known."""
    height_low_m: float | None = None
    """Lower end of its interval."""
    height_high_m: float | None = None
    """Upper end of its interval."""
    reason: str = ""
    """Why the height is not known."""


@dataclass(frozen=True, eq=False)
class _Window:
    """The surroundings of one yard or berth."""

    picture: Picture
    """The place."""
    roi: ROI
    """Of the window in the place."""
    image: NDArray[np.uint8]
    """(rows, cols, 3), averaged where the picture is very fine."""
    good: Mask
    """Pixels that can be believed, of the same shape."""
    scale: float
    """Pixels of the place for one of the image."""
    ring: Pixels
    """Outline of the yard or berth in pixels of the image."""

    @property
    def px_m(self) -> float:
        """Size of a pixel of the image."""
        return self.picture.gsd_m * self.scale

    def here(self, xy: Pixels) -> Pixels:
        """Pixels of the place as pixels of the image."""
        return np.asarray((xy - [self.roi[1].start, self.roi[0].start]) / self.scale)

    def lonlat(self, shape: shapely.Polygon) -> tuple[tuple[float, float], ...]:
        """Corners of a polygon in the image as longitude and latitude."""
        corners = shapely.get_coordinates(shape.exterior)[:-1] * self.scale
        grid: GeoBox = self.picture.raster.grid
        placed = pixel_to_lonlat(grid, corners + np.array([self.roi[1].start, self.roi[0].start]))
        return tuple((round(float(lon), 7), round(float(lat), 7)) for lon, lat in placed)


def read_place(
    raster: Raster, yards: Areas, berths: Areas, tracks: Sequence[Pixels], level: float
) -> tuple[tuple[Measurement, ...], tuple[Outline, ...]]:
    """Goods in the yards and on the piers of a place, and ships at its berths.

    Args:
        raster: The place in one picture of 1.2 m or finer with a map position.
        yards: Where goods are stacked.
        berths: Piers, on which goods may stand too, or basins.
        tracks: Axes of tracks, (n, 2) pixels each: what stands on them is no goods.
        level: Nominal coverage of the intervals.

    Returns:
        Measurements of the whole place, and each stack and ship. Nothing where no yard or berth is seen.
    """
    if not yards and not berths:
        return (), ()
    picture = Picture(raster)
    goods, ships = _Goods(picture, tracks, level), _Ships(level)
    for id, ring in berths:
        window = _window(picture, ring, WATER_M)
        if window is None:
            continue
        berth = berth_of(
            window.image, _alone(window, [r for i, r in berths if i != id]), window.ring, window.px_m
        )
        ships.add(id, window, berth)
        if isinstance(berth, Skip) or berth.pier:
            goods.add(id, ring, taken=[])
    for id, ring in yards:
        goods.add(id, ring, taken=[other for _, other in berths])
    return (*goods.measured(), *ships.measured()), (*goods.outlines, *ships.outlines)


def _window(picture: Picture, ring: Pixels, around_m: float) -> _Window | None:
    """The surroundings of an outline; None where too little of it is seen."""
    roi = roi_around(picture.raster.grid, ring, around_m / ground_gsd(picture.raster.grid))
    if roi is None:
        return None
    image, scale = coarsened(picture.window(roi)[0], picture.gsd_m)
    seen = believable(picture.raster.read(roi)).astype(np.uint8)
    good = cv2.resize(seen, image.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    here = (ring - [roi[1].start, roi[0].start]) / scale
    window = _Window(picture, roi, image, good, scale, here)
    return window if _seen_share(window) >= LEAST_SEEN else None


def _seen_share(window: _Window) -> float:
    """Share of the outline that is seen; what lies off the picture is not."""
    inside = within(window.good.shape, window.ring)
    return float(min(1.0, (inside & window.good).sum() / max(shapely.Polygon(window.ring).area, 1.0)))


def _alone(window: _Window, others: Sequence[Pixels]) -> Mask:
    """Pixels that are seen and lie in no other berth."""
    seen = window.good.copy()
    for other in others:
        seen &= ~within(seen.shape, window.here(other))
    return seen


class _Goods:
    """What is gathered of goods, yard by yard."""

    def __init__(self, picture: Picture, tracks: Sequence[Pixels], level: float) -> None:
        self._picture, self._tracks, self._level = picture, tracks, level
        self._scene, self._grid = picture.raster.scene, picture.raster.grid
        self._stacks: list[Stack] = []
        self._seen: list[tuple[float, float]] = []
        self._px_m = picture.gsd_m
        self.outlines: list[Outline] = []

    def add(self, id: str, ring: Pixels, taken: Sequence[Pixels]) -> None:
        """Look into one yard; what lies in an outline that is ``taken`` is left out."""
        window = _window(self._picture, ring, SHADOWS_M)
        if window is None:
            return
        inside = within(window.good.shape, window.ring) & window.good
        for other in taken:
            inside &= ~within(inside.shape, window.here(other))
        beside = np.zeros(inside.shape, dtype=np.uint8)
        lines = [np.round(window.here(line).clip(-30000, 30000)).astype(np.int32) for line in self._tracks]
        cv2.polylines(beside, lines, False, 1, max(1, round(TRACK_M / window.px_m)))
        inside &= beside == 0
        if not inside.any():
            return
        azimuth, elevation = self._scene.sun_azimuth_deg, self._scene.sun_elevation_deg
        way = (1.0, 0.0) if azimuth is None else shadow_way(self._grid, azimuth)
        sun = None if azimuth is None else elevation
        view = View(window.image, inside, window.px_m, way, sun, self._scene.off_nadir_deg)
        found = stacks_of(view)
        self._px_m = window.px_m
        self._stacks += found
        self._seen.append((_seen_share(window), float(inside.sum())))
        self.outlines += [_stack(id, window, stack, self._level) for stack in found]

    def measured(self) -> tuple[Measurement, ...]:
        """Of the whole place; nothing where no yard was seen."""
        if not self._seen:
            return ()
        share, weight = np.array(self._seen).T
        longest = max((outline.length_m for outline in self.outlines), default=0.0)
        seen = float(np.average(share, weights=weight))
        return volume.measured(self._stacks, longest, self._px_m, self._level, seen)


class _Ships:
    """What is gathered of ships, berth by berth."""

    def __init__(self, level: float) -> None:
        self._level = level
        self._found: list[Vessel] = []
        self._seen: list[float] = []
        self._px_m = 0.0
        self.outlines: list[Outline] = []

    def add(self, id: str, window: _Window, berth: Berth | Skip) -> None:
        """Take in one berth; one at which no water is found tells nothing."""
        if isinstance(berth, Skip):
            return
        self._px_m = window.px_m
        self._seen.append(_seen_share(window))
        self._found += berth.vessels
        self.outlines += [
            Outline(id, "vessel", window.lonlat(v.outline), v.length_m * v.beam_m, v.length_m)
            for v in berth.vessels
        ]

    def measured(self) -> tuple[Measurement, ...]:
        """Of the whole place; nothing where no water was seen."""
        if not self._seen:
            return ()
        return vessels.measured(self._found, self._px_m, self._level, float(np.mean(self._seen)))


def _stack(id: str, window: _Window, stack: Stack, level: float) -> Outline:
    """A stack on the map."""
    ring, height = window.lonlat(stack.outline), stack.height
    length = volume.length_of(stack, window.px_m)
    if not isinstance(height, Height):
        return Outline(id, "stack", ring, stack.area_m2, length, reason=height.reason)
    told = volume.interval(height.value_m, height.sd_m, volume.shipped().height, level)
    return Outline(id, "stack", ring, stack.area_m2, length, *told)
