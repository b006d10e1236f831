"""Boxes held against labels drawn by hand: what was right, what was a false alarm, what was missed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError
from models.detections import Detections, overlap_pairs

IGNORE_M = 2.5
"""Ground on either side of an ``ignore`` polyline where boxes are neither right nor wrong."""
MOSTLY = 0.5
"""Share of a box that must lie on ignored ground for the box to be left out."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What a person saw in one image, in its pixels."""

    image: str
    """File name of the image."""
    gsd_m: float
    """Ground sample distance in metres."""
    boxes: NDArray[np.float64]
    """(n, 5) railcars, in the convention of Detections."""
    doubtful: NDArray[np.float64]
    """(m, 5) railcars whose centre lies outside the image: finding them is neither right nor wrong."""
    ignore: tuple[NDArray[np.float64], ...]
    """Polylines (k, 2) along tracks where nobody could tell."""

    def ignored_ground(self, grid_of: Detections) -> BaseGeometry:
        """The ground of doubtful boxes and along ``ignore`` polylines, in pixels."""
        boxes = Detections(grid_of.grid, self.doubtful, np.ones(len(self.doubtful))).polygons()
        lines = [LineString(line).buffer(IGNORE_M / self.gsd_m, cap_style="flat") for line in self.ignore]
        ground: BaseGeometry = shapely.union_all([*boxes, *lines])
        return ground


@dataclass(frozen=True)
class Tally:
    """How many boxes were right, wrong and missed; tallies of several images add up."""

    right: int = 0
    """Boxes paired with a labelled railcar."""
    wrong: int = 0
    """False alarms."""
    missed: int = 0
    """Labelled railcars without a box."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def found(self) -> int:
        """Boxes that count."""
        return self.right + self.wrong

    @property
    def true(self) -> int:
        """Labelled railcars."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """Share of the boxes that are right; NaN where there are none."""
        return self.right / self.found if self.found else math.nan

    @property
    def recall(self) -> float:
        """Share of the railcars that were found; NaN where there are none."""
        return self.right / self.true if self.true else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where there is neither box nor railcar."""
        return 2 * self.right / (self.found + self.true) if self.found + self.true else math.nan

    @property
    def count_error(self) -> float:
        """(found - true) / true; NaN where no railcar is labelled. It hides errors that cancel."""
        return (self.found - self.true) / self.true if self.true else math.nan


@dataclass(frozen=True, eq=False)
class Matches:
    """Which box was paired with which label."""

    pairs: NDArray[np.intp]
    """(k, 2) index of the box and of the label."""
    left_out: NDArray[np.bool_]
    """(n,) boxes that are neither right nor wrong."""
    true: int
    """How many labels there were."""

    @property
    def tally(self) -> Tally:
        """The numbers."""
        right = len(self.pairs)
        return Tally(right, int((~self.left_out).sum()) - right, self.true - right)


def read_labels(path: Path) -> Labels:
    """Read one label file: ``image``, ``gsd_m``, ``boxes`` and ``ignore``.

    Args:
        path: JSON; each box has cx, cy, length_px, width_px, angle_deg, and may say
            ``centre_inside: false`` where most of the railcar lies outside the image.

    Returns:
        The labels.

    Raises:
        InputError: The file is no JSON, or lacks one of these.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        boxes = [
            [float(box[key]) for key in ("cx", "cy", "length_px", "width_px", "angle_deg")]
            for box in table["boxes"]
        ]
        inside = np.array([bool(box.get("centre_inside", True)) for box in table["boxes"]], dtype=bool)
        lines = tuple(np.asarray(line, dtype=np.float64).reshape(-1, 2) for line in table.get("ignore", []))
        every = np.asarray(boxes, dtype=np.float64).reshape(-1, 5)
        return Labels(str(table["image"]), float(table["gsd_m"]), every[inside], every[~inside], lines)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path} is no label file ({error!r}); it needs image, gsd_m, boxes and ignore"
        ) from error


def match(
    found: Detections, truth: NDArray[np.float64], iou: float = 0.3, ignored: BaseGeometry | None = None
) -> Matches:
    """Pair boxes with labels one to one by the overlap of their true polygons.

    The assignment is optimal: as many pairs as possible, and of those the largest total overlap; scores
    play no part.

    Args:
        found: Boxes, (n).
        truth: Labels (m, 5) in the same pixels.
        iou: Least intersection over union of a pair.
        ignored: Ground, in pixels, on which an unpaired box is neither right nor wrong.

    Returns:
        Pairs and the boxes left out.
    """
    labels = Detections(found.grid, truth, np.ones(len(truth))).polygons()
    overlap = np.zeros((len(found), len(truth)))
    i, j, value = overlap_pairs(found.polygons(), labels)
    overlap[i, j] = value
    return _assign(found, overlap, overlap >= iou, ignored)


def centre_match(
    found: Detections, truth: NDArray[np.float64], metres: float = 3.0, ignored: BaseGeometry | None = None
) -> Matches:
    """Pair boxes with labels one to one where their centres lie within ``metres``; else as ``match``."""
    apart = np.hypot(*(found.boxes[:, None, :2] - truth[None, :, :2]).transpose(2, 0, 1)) * found.gsd_m
    return _assign(found, 1 - apart / (2 * metres), apart <= metres, ignored)


def _assign(
    found: Detections,
    closeness: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    ignored: BaseGeometry | None,
) -> Matches:
    """Pair allowed boxes and labels; closeness (n, m) lies in 0 to 1 where allowed."""
    # One more pair is worth more than any gain in closeness of the pairs there are.
    worth = np.where(allowed, min(closeness.shape, default=0) + 1 + closeness, 0.0)
    pairs = np.stack(linear_sum_assignment(worth, maximize=True), axis=1)
    pairs = pairs[allowed[pairs[:, 0], pairs[:, 1]]]
    left_out = np.zeros(len(found), dtype=bool)
    if ignored is not None:
        polygons = found.polygons()
        on_ignored = shapely.area(shapely.intersection(polygons, ignored)) / shapely.area(polygons)
        left_out = on_ignored > MOSTLY
        left_out[pairs[:, 0]] = False
    return Matches(pairs, left_out, closeness.shape[1])


def total(tallies: Iterable[Tally]) -> Tally:
    """All tallies in one, so that each railcar weighs the same."""
    return sum(tallies, Tally())


def mean_f1(tallies: Sequence[Tally]) -> float:
    """Mean of the images' F1, so that each image weighs the same; NaN without images."""
    return float(np.mean([tally.f1 for tally in tallies])) if tallies else math.nan
