"""Memory of a site: what stands at one place on every date and looks the same is a fixture, no wagon.

A wagon that never leaves looks the same to this rule. Whoever drops fixtures from a count must therefore keep
them within its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.spatial import cKDTree

from imagery.grid import ground_gsd, is_square, lonlat_to_pixel, pixel_to_lonlat, square_utm
from imagery.reader import Raster
from models.detections import Detections, on_grid, overlap_pairs
from models.wagons.picture import rgb_bands

LEAST_DATES = 4
LEAST_SPAN = timedelta(days=60)
LEAST_OVERLAP = 0.5
"""Intersection over union of two boxes at one place."""
MOST_LENGTH_RATIO = 1.15
LEAST_LIKENESS = 0.85
"""Median correlation of a patch with the mean of the others."""
LEAST_SEEN = 0.9
"""Share of a box's pixels with data from which on its place is seen."""
MOST_SHIFT_M = 12.0
"""Scenes of one place lie closer than this to each other; a larger shift is a wrong match."""
NEAR_M = 2.5
"""Two boxes this near after a shift may be one thing."""
LEAST_PAIRS = 3
"""Fewer such pairs say nothing on how a shift is off."""
OVERVIEW_PX = 768
"""Longest side of what two scenes are aligned on."""
PATCH = (8, 32)
"""Samples across and along a box: of itself alone, since shadows beside it move."""

Floats = NDArray[np.float64]
Opener = Callable[[], AbstractContextManager[Raster]]


@dataclass(frozen=True, eq=False)
class Visit:
    """One date of a site."""

    taken_at: datetime
    """UTC."""
    found: Detections
    """Its boxes, on a grid with a CRS."""
    opened: Opener
    """Opens the picture again."""


@dataclass(eq=False)
class _Spot:
    """A place where boxes of several visits lie on each other."""

    box: Floats
    """(5,) the first one, in pixels of the reference."""
    members: dict[int, int] = field(default_factory=dict)
    """Index of the box by index of the visit."""


def fixtures(visits: Sequence[Visit]) -> tuple[NDArray[np.bool_], ...]:
    """Which boxes never moved.

    A box is a fixture if on every date that shows its place, at least LEAST_DATES over at least LEAST_SPAN, a
    box of the same length lies on it and the picture of it is the same.

    Args:
        visits: Dates of one site whose pictures overlap each other on the map.

    Returns:
        For each visit (n,) whether each of its boxes is a fixture.
    """
    flags = tuple(np.zeros(len(visit.found), dtype=bool) for visit in visits)
    dates = [visit.taken_at for visit in visits]
    if not _enough(dates) or not any(len(visit.found) for visit in visits):
        return flags
    first = visits[0].found.grid
    reference = first if is_square(first) else square_utm(first)
    shifts = alignment(visits, reference)
    spots = _spots(visits, reference, shifts)
    spots = [spot for spot in spots if _enough([dates[i] for i in spot.members])]
    patches = [_patches(visit, reference, shift, spots) for visit, shift in zip(visits, shifts, strict=True)]
    for k, spot in enumerate(spots):
        seen = [i for i in range(len(visits)) if patches[i][1][k] >= LEAST_SEEN]
        always = all(i in spot.members for i in seen) and _enough([dates[i] for i in seen])
        if always and likeness(np.stack([patches[i][0][k] for i in seen])) >= LEAST_LIKENESS:
            for visit, box in spot.members.items():
                flags[visit][box] = True
    return flags


def likeness(patches: NDArray[np.float32]) -> float:
    """How alike pictures of one place are, -1 to 1: median correlation of each with the mean of the others.

    Args:
        patches: (k, rows, cols, 3) of k dates, k at least 2. Brightness and contrast of a date do not matter.
    """
    flat = patches.reshape(len(patches), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    rest = flat.sum(axis=0) - flat
    rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-9)
    return float(np.median((flat * rest).sum(axis=1)))


def alignment(visits: Sequence[Visit], reference: GeoBox) -> list[Floats]:
    """Shift (2,) of each visit in pixels of the reference: with it, its boxes lie on those of the first.

    Either none, or that by which the edges of an overview agree best (phase correlation), whichever brings
    more boxes of one length together; then the median of what is left between those. Shadows that moved
    would otherwise pull at it.
    """
    boxes = np.concatenate([on_grid(visit.found, reference).boxes for visit in visits])
    margin = 60.0 / ground_gsd(reference)
    low, high = boxes[:, :2].min(axis=0) - margin, boxes[:, :2].max(axis=0) + margin
    step = max(1.0, 0.5 / ground_gsd(reference), float((high - low).max()) / OVERVIEW_PX)
    # Even sides that are quick to transform: cv2 pads others, which moves the peak.
    cols, rows = (2 * cv2.getOptimalDFTSize(max(16, math.ceil(side / step / 2))) for side in high - low)
    y, x = np.mgrid[:rows, :cols]
    points = np.stack([low[0] + x * step, low[1] + y * step], axis=-1)
    views = [_gradient(visit, reference, points) for visit in visits]
    window = cv2.createHanningWindow((cols, rows), cv2.CV_32F)
    first = on_grid(visits[0].found, reference).boxes
    shifts = []
    for visit, view in zip(visits, views, strict=True):
        seen = np.array(cv2.phaseCorrelate(view, views[0], window)[0]) * step
        near = np.hypot(*seen) * ground_gsd(reference) <= MOST_SHIFT_M
        found = on_grid(visit.found, reference).boxes
        tries = [
            _refined(found, first, shift, NEAR_M / ground_gsd(reference))
            for shift in ([np.zeros(2), seen] if near else [np.zeros(2)])
        ]
        shifts.append(max(tries, key=lambda one: one[0])[1])
    return shifts


def _refined(boxes: Floats, first: Floats, shift: Floats, near: float) -> tuple[int, Floats]:
    """How many boxes find one of their length near by after a shift, and the shift that suits those best."""
    if not len(boxes) or not len(first):
        return 0, shift
    gap, other = cKDTree(first[:, :2]).query(boxes[:, :2] + shift)
    alike = np.abs(np.log(boxes[:, 2] / first[other, 2])) <= math.log(MOST_LENGTH_RATIO)
    pairs = np.flatnonzero((gap <= near) & alike)
    if len(pairs) < LEAST_PAIRS:
        return len(pairs), shift
    return len(pairs), np.median(first[other[pairs], :2] - boxes[pairs, :2], axis=0)


def _enough(dates: Sequence[datetime]) -> bool:
    days = {date.date() for date in dates}
    return len(days) >= LEAST_DATES and max(days) - min(days) >= LEAST_SPAN


def _spots(visits: Sequence[Visit], reference: GeoBox, shifts: Sequence[Floats]) -> list[_Spot]:
    """Boxes that lie on each other, the visits taken in their order."""
    spots: list[_Spot] = []
    for index, (visit, shift) in enumerate(zip(visits, shifts, strict=True)):
        found = on_grid(visit.found, reference)
        found = replace(found, boxes=found.boxes + np.array([*shift, 0, 0, 0]))
        new = set(range(len(found)))
        if spots and len(found):
            known = Detections(reference, np.stack([spot.box for spot in spots]), np.ones(len(spots)))
            i, j, overlap = overlap_pairs(found.polygons(), known.polygons())
            ratio = found.boxes[i, 2] / known.boxes[j, 2]
            same = (overlap > LEAST_OVERLAP) & (np.abs(np.log(ratio)) <= math.log(MOST_LENGTH_RATIO))
            for k in np.flatnonzero(same)[np.argsort(-overlap[same], kind="stable")]:
                box, spot = int(i[k]), spots[int(j[k])]
                if box in new and index not in spot.members:
                    spot.members[index] = box
                    new.discard(box)
        spots += [_Spot(found.boxes[box], {index: box}) for box in sorted(new)]
    return spots


def _patches(
    visit: Visit, reference: GeoBox, shift: Floats, spots: Sequence[_Spot]
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """The picture of each spot on one date, and the share of it that holds data."""
    across, along = ((np.arange(n) + 0.5) / n - 0.5 for n in PATCH)
    pictures, seen = [], []
    with visit.opened() as raster:
        for spot in spots:
            cx, cy, length, width, angle = spot.box
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            u, v = np.meshgrid(along * length, across * width)
            points = np.stack([cx + u * cos - v * sin, cy + u * sin + v * cos], axis=-1) - shift
            rgb, valid = _sampled(raster, reference, points)
            pictures.append(rgb)
            seen.append(float(valid.mean()))
    return pictures, seen


def _gradient(visit: Visit, reference: GeoBox, points: Floats) -> NDArray[np.float32]:
    """Strength of edges (rows, cols) of an overview, none where there is no data."""
    with visit.opened() as raster:
        rgb, valid = _sampled(raster, reference, points)
    grey = cv2.GaussianBlur(rgb.mean(axis=2), (0, 0), 1.0)
    slope = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    inner = cv2.erode(valid.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=0)
    return np.asarray(slope * inner, dtype=np.float32)


def _sampled(
    raster: Raster, reference: GeoBox, points: Floats
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Red, green, blue (rows, cols, 3) and mask at points (rows, cols, 2) in pixels of the reference."""
    rows, cols = points.shape[:2]
    at = _moved(points, reference, raster.grid)
    low = np.floor(at.reshape(-1, 2).min(axis=0) - 2).astype(int)
    high = np.ceil(at.reshape(-1, 2).max(axis=0) + 2).astype(int)
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(high, raster.grid.shape[::-1])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return np.zeros((rows, cols, 3), np.float32), np.zeros((rows, cols), bool)
    # No finer than the points, so that an overview is averaged and stays small.
    step = float(np.hypot(*(at[0, 1] - at[0, 0])))
    shrink = max(1.0, step)
    shape = (max(2, round((y1 - y0) / shrink)), max(2, round((x1 - x0) / shrink)))
    roi = (slice(int(y0), int(y1)), slice(int(x0), int(x1)))
    tile = raster.read(roi, rgb_bands(raster.bands), shape)
    pixels = np.repeat(tile.pixels, 3, axis=0) if len(tile.pixels) == 1 else tile.pixels
    local = (at - [x0, y0]) * [shape[1] / (x1 - x0), shape[0] / (y1 - y0)] - 0.5
    mapped = local.astype(np.float32)
    image = np.nan_to_num(np.ascontiguousarray(pixels.transpose(1, 2, 0), dtype=np.float32))
    x, y = np.ascontiguousarray(mapped[..., 0]), np.ascontiguousarray(mapped[..., 1])
    rgb = cv2.remap(image, x, y, cv2.INTER_LINEAR)
    valid = cv2.remap(tile.valid.astype(np.float32), x, y, cv2.INTER_LINEAR)
    return np.asarray(rgb, dtype=np.float32), np.asarray(valid > 0.5)


def _moved(points: Floats, reference: GeoBox, grid: GeoBox) -> Floats:
    """Points (rows, cols, 2) in pixels of another grid; over a yard the projection is an affine map."""
    if grid == reference:
        return points
    flat = points.reshape(-1, 2)
    some = flat[np.unique(np.linspace(0, len(flat) - 1, 64).round().astype(int))]
    there = lonlat_to_pixel(grid, pixel_to_lonlat(reference, some))
    ones = np.ones((len(some), 1))
    middle = some.mean(axis=0)
    fit = np.linalg.lstsq(np.hstack([some - middle, ones]), there, rcond=None)[0]
    moved: Floats = (np.hstack([flat - middle, np.ones((len(flat), 1))]) @ fit).reshape(points.shape)
    return moved
