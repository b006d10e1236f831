"""Oriented boxes on the grid of one image, with scores and attributes, and the Detector protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import ground_gsd
from imagery.reader import Raster


@dataclass(frozen=True, eq=False)
class Detections:
    """Wagons found in one image. Boxes are in its pixels; times the GSD they are metres."""

    grid: GeoBox
    """Grid of the whole image, with pixels square on the ground."""
    boxes: NDArray[np.float64]
    """(n, 5) cx, cy, length, width in pixels, angle in degrees (image axes, y down, clockwise)."""
    scores: NDArray[np.float64]
    """(n,) 0 to 1; a probability only where the detector says that it is calibrated."""
    kinds: tuple[str, ...] = ()
    """Kind of each wagon; ``other`` where it cannot be told."""
    tarps: tuple[str, ...] = ()
    """Colour of the tarpaulin on each wagon, ``none`` where there is none or it cannot be told."""
    attributes: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Further numbers of each box, (n,) each."""

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes.shape != (n, 5):
            raise InputError(f"boxes have shape {self.boxes.shape}, expected ({n}, 5)")
        if not self.kinds:
            object.__setattr__(self, "kinds", ("other",) * n)
        if not self.tarps:
            object.__setattr__(self, "tarps", ("none",) * n)
        if len(self.kinds) != n or len(self.tarps) != n or any(len(v) != n for v in self.attributes.values()):
            raise InputError(f"{len(self.kinds)} kinds, {len(self.tarps)} tarps and attributes for {n} boxes")
        for array in (self.boxes, self.scores, *self.attributes.values()):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls, grid: GeoBox) -> Detections:
        """Nothing found on this grid."""
        return cls(grid, np.empty((0, 5)), np.empty(0))

    @property
    def gsd_m(self) -> float:
        """Ground sample distance of the image in metres."""
        return ground_gsd(self.grid)

    def corners(self) -> NDArray[np.float64]:
        """Corner points in pixels, (n, 4, 2)."""
        cx, cy, length, width, angle = self.boxes.T
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        along = np.stack([cos, sin], axis=-1) * (length / 2)[:, None]
        across = np.stack([-sin, cos], axis=-1) * (width / 2)[:, None]
        centre = np.stack([cx, cy], axis=-1)
        return np.stack(
            [
                centre - along - across,
                centre + along - across,
                centre + along + across,
                centre - along + across,
            ],
            axis=1,
        )

    def polygons(self) -> NDArray[np.object_]:
        """Shapely polygons in pixels, (n,)."""
        polygons: NDArray[np.object_] = np.asarray(shapely.polygons(self.corners()), dtype=object)
        return polygons

    def take(self, keep: NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        """Those boxes only, in the order given."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        return Detections(
            self.grid,
            self.boxes[index],
            self.scores[index],
            tuple(self.kinds[i] for i in index),
            tuple(self.tarps[i] for i in index),
            {name: values[index] for name, values in self.attributes.items()},
        )


def concatenate(grid: GeoBox, parts: Sequence[Detections]) -> Detections:
    """All boxes of the parts, which must stand on ``grid`` and hold the same attributes."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return Detections.none(grid)
    return Detections(
        grid,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        tuple(kind for part in parts for kind in part.kinds),
        tuple(tarp for part in parts for tarp in part.tarps),
        {name: np.concatenate([part.attributes[name] for part in parts]) for name in parts[0].attributes},
    )


def overlap_pairs(
    first: NDArray[np.object_], second: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Index pairs of polygons that meet, and their intersection over union."""
    tree = shapely.STRtree(second)
    i, j = tree.query(first, predicate="intersects")
    inter = shapely.area(shapely.intersection(first[i], second[j]))
    union = shapely.area(first[i]) + shapely.area(second[j]) - inter
    return i, j, inter / np.maximum(union, 1e-12)


def suppress(found: Detections, iou: float = 0.2) -> Detections:
    """Keep the best-scored box of those whose true polygons overlap by more than ``iou``.

    Upright rectangles around neighbouring wagons overlap although the wagons do not; the polygons
    themselves are compared instead.
    """
    polygons = found.polygons()
    i, j, overlap = overlap_pairs(polygons, polygons)
    rivals: list[list[int]] = [[] for _ in range(len(found))]
    for a, b in zip(i[overlap > iou], j[overlap > iou], strict=True):
        rivals[a].append(int(b))
    dropped = np.zeros(len(found), dtype=bool)
    kept: list[int] = []
    for best in np.argsort(-found.scores, kind="stable"):
        if not dropped[best]:
            kept.append(int(best))
            dropped[rivals[best]] = True
    return found.take(np.array(kept, dtype=np.intp))


class Detector(Protocol):
    """Anything that finds wagons one by one in an opened image."""

    @property
    def name(self) -> str:
        """Written into the ``method`` of every measurement."""
        ...

    def detect(self, raster: Raster, tracks: Sequence[NDArray[np.float64]] = ()) -> Detections:
        """Find wagons.

        Args:
            raster: An opened image with pixels square on the ground, at 1.2 m or finer.
            tracks: Track axes in pixels of the image, (n, 2) each, where the site's map has them.

        Returns:
            Boxes on the raster's own grid.
        """
        ...
