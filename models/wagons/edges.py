"""A detector without learning: the one to beat. Its score on real yards stands in benchmarks/results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from imagery.errors import InputError
from imagery.grid import ground_gsd
from imagery.quicklook import Stretch, to_rgb8
from imagery.reader import Raster
from imagery.tiles import ROI, Tile
from models.axes.line import length as line_length
from models.axes.strips import ACROSS, ACROSS_M, ALONG_M, Frame, frame_along, pieces, straighten
from models.detections import Detections, concatenate, over_windows, suppress
from models.wagons.rows import LONGEST, SHORTEST, STEP_M, WIDTH, Floats, Wagons, Weights, cut, gather, take

COARSEST_M = 1.25
"""A wagon 3 m wide is lost on coarser pixels (1.2 m, and a little for rounding)."""
WINDOW_M, OVERLAP_M = 400.0, 40.0
"""Side of a window, and what neighbours share: more than the longest wagon."""
LARGEST_WINDOW = 2400
"""Pixels a side that are read at once at most."""
TURNS = (-3.0, 0.0, 3.0)
"""Degrees about each main direction in which rows are sought: tracks fan out and bend."""
FROM_TRACK_M = 2.0
"""A wagon's middle lies no further from its track."""
SAME = 0.15
"""Boxes that overlap by more are one wagon."""
SPREAD = 0.25
"""Evidence above the least that lifts a score from 0.5 to 0.73."""
STRING, BESIDE_M = 3, 30.0
"""Without a map, wagons are sought in strings of so many, and within so many metres of one."""
WRONG_SIDE = 0.25
"""A box with so much more shadow on the sunny side is no wagon but the ground between two shadows."""


@dataclass(frozen=True)
class Belief:
    """Which score a wagon needs, by how much shadow lies beside the best candidates of a picture."""

    enough: float
    """Without any shadow."""
    in_sun: float
    """What a share of shadow of 1 adds to it."""
    usual_sun: float
    """Share of shadow that is expected before anything is seen."""
    weight: float
    """How many sure wagons outweigh that."""


ANYWHERE = Belief(0.2, 0.56, 0.6, 3.0)
"""Without a map: hardly anything is believed without a shadow, or roofs and ditches would be counted."""
ON_TRACK = Belief(0.0, 0.7, 0.6, 0.3)
"""On a known track: a wagon without a shadow is believed too."""


class EdgesDetector:
    """Wagons from their ends, sides, couplings and shadows along the main directions of a picture."""

    name = "edges"

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or Weights()

    def detect(self, raster: Raster, tracks: Sequence[NDArray[np.float64]] = ()) -> Detections:
        """Find wagons along the given tracks, or along the image's own main directions without them.

        Args:
            raster: An opened image with pixels square on the ground, at 1.2 m or finer; best at 0.2 to 0.6 m.
            tracks: Track axes in pixels, (n, 2) each; only wagons on them are sought.

        Returns:
            Boxes 3 m wide with uncalibrated scores of at least 0.5; kinds and tarps are not told apart.

        Raises:
            InputError: The pixels are too coarse for single wagons.
        """
        gsd = ground_gsd(raster.grid)
        if gsd > COARSEST_M:
            raise InputError(
                f"pixels of {gsd:.2f} m show no single wagon; use an image at 1.2 m or finer, "
                "or measure occupied track instead"
            )
        stretch = Stretch.of(raster)
        if tracks:
            return self._along(raster, tracks, stretch, gsd)
        size = min(LARGEST_WINDOW, round(WINDOW_M / gsd))
        overlap = min(round(OVERLAP_M / gsd), size // 2)
        found = over_windows(
            raster, size, overlap, lambda tile: self._in_window(tile, stretch, gsd), iou=SAME
        )
        return found.take(in_company(found))

    def _in_window(self, tile: Tile, stretch: Stretch, gsd: float) -> Detections:
        lab, valid = _resampled(to_rgb8(tile, stretch), tile.valid, gsd)
        if not valid.any():
            return Detections.none(tile.grid)
        scale = np.array(tile.valid.shape[::-1]) / valid.shape[::-1]
        parts = []
        for direction in main_directions(lab, valid):
            turned = [self._turned(lab, valid, direction + turn) for turn in TURNS]
            for found, (_, back, degrees) in zip(
                in_light([t[0] for t in turned], ANYWHERE), turned, strict=True
            ):
                centres = np.column_stack([found.x, found.y, np.ones_like(found.x)]) @ back.T * scale
                lengths = found.length * (STEP_M / gsd)
                boxes = np.column_stack([centres, lengths, *_same(lengths, WIDTH * STEP_M / gsd, degrees)])
                parts.append(Detections(tile.grid, boxes, found.score))
        return suppress(concatenate(tile.grid, parts), SAME)

    def _turned(
        self, lab: Floats, valid: NDArray[np.bool_], degrees: float
    ) -> tuple[Wagons, NDArray[np.float64], float]:
        """Candidates of a picture turned so that this direction runs from left to right, and the way back."""
        rows, cols = valid.shape
        forth: NDArray[np.float64] = np.asarray(
            cv2.getRotationMatrix2D((cols / 2, rows / 2), degrees, 1), np.float64
        )
        extent = np.abs(forth[:, :2]) @ [cols, rows]
        forth[:, 2] += extent / 2 - np.array([cols, rows]) / 2
        # cv2 counts from the middle of the first pixel, boxes from its corner.
        middles = forth.copy()
        middles[:, 2] += forth[:, :2] @ [0.5, 0.5] - 0.5
        size = (int(np.ceil(extent[0])), int(np.ceil(extent[1])))
        inside = cv2.warpAffine(valid.astype(np.uint8), middles, size, flags=cv2.INTER_NEAREST) > 0
        picture = _filled(_float(cv2.warpAffine(lab, middles, size, flags=cv2.INTER_LINEAR)), inside)
        found = cut(gather(picture, inside, self._weights), self._weights)
        return found, np.asarray(cv2.invertAffineTransform(forth), np.float64), degrees

    def _along(
        self, raster: Raster, tracks: Sequence[NDArray[np.float64]], stretch: Stretch, gsd: float
    ) -> Detections:
        frames = [frame for track in tracks for frame in _frames(track, gsd)]
        strips = [(found, f) for f in frames if (found := self._on_strip(raster, stretch, f)) is not None]
        parts = []
        for found, (_, frame) in zip(in_light([s[0] for s in strips], ON_TRACK), strips, strict=True):
            half = found.length / 2
            offset = (found.y - ACROSS / 2) * ACROSS_M
            boxes = frame.boxes(found.x - half, found.x + half, offset, *_same(half, WIDTH * STEP_M))
            parts.append(Detections(raster.grid, boxes, found.score))
        return suppress(concatenate(raster.grid, parts), SAME)

    def _on_strip(self, raster: Raster, stretch: Stretch, frame: Frame) -> Wagons | None:
        """Candidates near an axis, in columns and rows of its strip; None outside the image."""
        rows, cols = raster.grid.shape
        roi = _around(frame, (rows, cols))
        if roi is None:
            return None
        tile = raster.read(roi)
        local = replace(frame, centres=frame.centres - [roi[1].start, roi[0].start])
        strip = straighten(to_rgb8(tile, stretch), tile.valid, local)
        size = (max(1, round(len(frame) * ALONG_M / STEP_M)), ACROSS)
        valid = cv2.resize(strip.valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        if not valid.any():
            return None
        lab = _float(cv2.resize(_lab(np.ascontiguousarray(strip.pixels.transpose(1, 2, 0))), size))
        reach = round(FROM_TRACK_M / ACROSS_M)
        near = slice(ACROSS // 2 - reach, ACROSS // 2 + reach)
        found = cut(gather(_filled(lab, valid), valid, self._weights), self._weights, near)
        stretched = len(frame) / size[0]
        return replace(found, x=found.x * stretched, length=found.length * stretched)


def main_directions(lab: Floats, valid: NDArray[np.bool_], most: int = 2) -> list[float]:
    """The directions in which most edges of a picture run, by its structure tensor over some 3 m.

    Args:
        lab: (rows, columns, 3) picture at STEP_M.
        valid: (rows, columns) which pixels are data.
        most: How many directions at most; a second one must be a quarter as strong.

    Returns:
        Degrees, image axes, y down, clockwise, 0 to 180; the strongest first.
    """
    light = np.ascontiguousarray(lab[..., 0])
    seen = cv2.erode(valid.astype(np.uint8), np.ones((5, 5)), borderValue=1) > 0
    gx, gy = (np.where(seen, cv2.Sobel(light, cv2.CV_32F, dx, 1 - dx) / 4, 0) for dx in (1, 0))
    xx, xy, yy = (cv2.GaussianBlur(product, (0, 0), 3) for product in (gx * gx, gx * gy, gy * gy))
    contrast = np.hypot(xx - yy, 2 * xy)
    weight = contrast / np.sqrt(xx + yy + 1e-3)
    degrees = np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2 + np.pi / 2) % 180
    strength = np.histogram(degrees, bins=180, range=(0, 180), weights=weight)[0]
    smooth = gaussian_filter1d(strength, 2.0, mode="wrap")
    directions: list[float] = []
    rest = smooth.copy()
    while len(directions) < most and rest.max() > 0.25 * smooth.max():
        best = int(rest.argmax())
        directions.append(best + 0.5)
        rest[np.abs((np.arange(180) - best + 90) % 180 - 90) <= 6] = 0
    return directions


def in_light(candidates: Sequence[Wagons], belief: Belief) -> list[Wagons]:
    """Keep what agrees on where the sun stands and scores enough for this light.

    Wagons throw their shadows to one side; a box with its shadow on the other side is the ground between.
    Where shadows lie beside the best candidates, one without is not believed as easily.

    Args:
        candidates: Of one picture, with their rows in about one direction.
        belief: Which score is enough in which light.

    Returns:
        The same list of candidates, fewer, with scores of 0.5 to 1.
    """
    if not candidates:
        return []
    side = np.concatenate([c.below - c.above for c in candidates])
    strength = np.maximum(np.concatenate([c.score for c in candidates]), 0)
    sign = np.sign((strength**2 * side).sum())
    kept = [take(c, (c.below - c.above) * sign >= -WRONG_SIDE) for c in candidates]
    shade = np.concatenate([c.below if sign > 0 else c.above for c in kept])
    weight = np.maximum(np.concatenate([c.score for c in kept]), 0) ** 4
    usual = belief.weight * belief.usual_sun
    sun = ((weight * shade).sum() + usual) / (weight.sum() + belief.weight)
    enough = belief.enough + belief.in_sun * sun
    strong = [take(c, c.score >= enough) for c in kept]
    return [replace(c, score=1 / (1 + np.exp((enough - c.score) / SPREAD))) for c in strong]


def in_company(found: Detections) -> NDArray[np.bool_]:
    """Which boxes stand in a string of at least STRING coupled ones, or beside one and parallel to it, (n,).

    Without a map a lone box is more often a roof, a lorry or a ditch than a wagon.
    """
    centres, angles = found.boxes[:, :2] * found.gsd_m, found.boxes[:, 4]
    lengths = found.boxes[:, 2] * found.gsd_m
    first, second = cKDTree(centres).query_pairs(LONGEST * STEP_M + 3.0, output_type="ndarray").T
    parallel = np.abs((angles[first] - angles[second] + 90) % 180 - 90) < 8
    first, second = first[parallel], second[parallel]
    apart = centres[second] - centres[first]
    turn = np.deg2rad(angles[first])
    along = np.abs(apart[:, 0] * np.cos(turn) + apart[:, 1] * np.sin(turn))
    across = np.abs(apart[:, 1] * np.cos(turn) - apart[:, 0] * np.sin(turn))
    gap = along - (lengths[first] + lengths[second]) / 2
    coupled = (np.abs(gap) < 3.0) & (across < 1.2)
    links = coo_array((np.ones(coupled.sum()), (first[coupled], second[coupled])), (len(found), len(found)))
    strings = connected_components(links, directed=False)[1]
    in_string: NDArray[np.bool_] = np.bincount(strings, minlength=1)[strings] >= STRING
    near = np.hypot(*apart.T) < BESIDE_M
    company = in_string.copy()
    company[first[near & in_string[second]]] = True
    company[second[near & in_string[first]]] = True
    return company


def _resampled(
    rgb: NDArray[np.uint8], valid: NDArray[np.bool_], gsd: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Lab picture and mask at STEP_M, filled where there is no data."""
    scale = gsd / STEP_M
    size = (max(1, round(valid.shape[1] * scale)), max(1, round(valid.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(valid.astype(np.float32), size, interpolation=way) > 0.99
    return _filled(_float(cv2.resize(_lab(rgb), size, interpolation=way)), small), small


def _lab(rgb: NDArray[np.uint8]) -> Floats:
    return _float(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def _float(image: NDArray[Any]) -> Floats:
    return np.asarray(image, dtype=np.float32)


def _filled(picture: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Pixels without data take the value of the nearest one with data, so that no edge stands there."""
    if valid.all() or not valid.any():
        return picture
    _, nearest = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros((int(nearest.max()) + 1, 3), dtype=np.float32)
    values[nearest[valid]] = picture[valid]
    filled: Floats = values[nearest]
    return filled


def _frames(track: NDArray[np.float64], gsd: float) -> list[Frame]:
    """Cross-sections of a track from left to right, in pieces that overlap by OVERLAP_M."""
    if line_length(track) * gsd < SHORTEST * STEP_M:
        return []
    forwards = track if track[-1, 0] >= track[0, 0] else track[::-1]
    columns, shared = round(WINDOW_M / ALONG_M), round(OVERLAP_M / ALONG_M)
    return [piece for _, piece in pieces(frame_along(forwards, gsd), columns, shared)]


def _around(frame: Frame, shape: tuple[int, int]) -> ROI | None:
    """The window that holds a strip, cut to the image; None where they do not meet."""
    reach = (ACROSS * ACROSS_M / 2 + 1) / frame.gsd_m
    low = np.maximum(np.floor(frame.centres.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(frame.centres.max(axis=0) + reach), shape[::-1]).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _same(like: NDArray[np.float64], *values: float) -> list[NDArray[np.float64]]:
    return [np.full(len(like), value) for value in values]
