"""Oriented boxes on the grid of one image, with scores and attributes, and the Detector protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod

from imagery.errors import InputError
from imagery.grid import ground_gsd, lonlat_to_pixel, pixel_to_lonlat
from imagery.reader import Raster
from imagery.tiles import ROI, Tile, windows

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class Detections:
    """Wagons found in one image. Boxes are in its pixels; on a square grid, times the GSD they are metres."""

    grid: GeoBox
    """Grid of the whole image. Detectors work on pixels that are square on the ground."""
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
        if self.boxes.shape != (n, 5) or not np.isfinite(self.boxes).all():
            raise InputError(f"boxes of shape {self.boxes.shape}, expected ({n}, 5) and all finite")
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


def over_windows(
    raster: Raster, size: int, overlap: int, detect: Callable[[Tile], Detections], iou: float = 0.2
) -> Detections:
    """Detect window by window, so that memory does not grow with the image.

    A box that a window's border cuts is dropped where another window sees that place whole, and boxes
    of one object from several windows are merged by the overlap of their true polygons. Objects whose
    upright extent is smaller than ``overlap`` come out as if the image had been read at once.

    Args:
        raster: An opened image.
        size: Side of a window in pixels.
        overlap: Pixels that neighbours share; more than the longest object measures.
        detect: Finds boxes in one window, in that window's pixels.
        iou: Boxes that overlap by more are one object.

    Returns:
        Boxes in the pixels of the whole image.
    """
    rows, cols = raster.grid.shape
    rois = list(windows((rows, cols), size, overlap))
    whole = np.array([_uncut(roi, (rows, cols)) for roi in rois])
    parts = []
    for roi, limits in zip(rois, whole, strict=True):
        found = detect(raster.read(roi))
        boxes = found.boxes + np.array([roi[1].start, roi[0].start, 0, 0, 0])
        placed = replace(found, grid=raster.grid, boxes=boxes)
        bounds: NDArray[np.float64] = np.asarray(shapely.bounds(placed.polygons())).reshape(-1, 1, 4)
        inside: NDArray[np.bool_] = _within(bounds, limits[None])
        elsewhere: NDArray[np.bool_] = _within(bounds, whole)
        parts.append(placed.take(np.asarray(inside.any(axis=1) | ~elsewhere.any(axis=1))))
    return suppress(concatenate(raster.grid, parts), iou)


def _uncut(roi: ROI, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """West, north, east and south limit of the boxes that a window sees whole: a pixel inside its border.

    The border of the image itself cuts nothing that any other window could see whole.
    """
    rows, cols = roi
    return (
        cols.start + 1 if cols.start else -np.inf,
        rows.start + 1 if rows.start else -np.inf,
        cols.stop - 1 if cols.stop < shape[1] else np.inf,
        rows.stop - 1 if rows.stop < shape[0] else np.inf,
    )


def _within(bounds: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which bounds (n, 1, 4) lie within which limits (m, 4), (n, m)."""
    above, below = bounds[..., :2] >= limits[:, :2], bounds[..., 2:] <= limits[:, 2:]
    return np.asarray((above & below).all(axis=2), dtype=bool)


def on_grid(found: Detections, grid: GeoBox) -> Detections:
    """The same boxes in the pixels of another grid; unless the grids are the same, both must have a CRS.

    On a grid whose pixels are not square a box turns into a parallelogram. It is given back as the box
    with the same long axis and the same area, so that the way there and back changes nothing; lengths in
    metres and headings are to be read on the square grid.

    Args:
        found: Boxes on a square grid, such as an image warped to UTM for a detector.
        grid: Grid to express them on, such as the image's own.

    Returns:
        Boxes with the same scores, kinds, tarps and attributes on ``grid``.

    Raises:
        InputError: The grids differ and one of them has no CRS.
    """
    if grid == found.grid:
        return found
    if found.grid.crs is None or grid.crs is None:
        raise InputError("boxes move only between grids with a CRS; give the image a map position")
    if not len(found):
        return Detections.none(grid)
    moved = lonlat_to_pixel(grid, _lonlat_corners(found).reshape(-1, 2)).reshape(-1, 4, 2)
    along = (moved[:, 1] + moved[:, 2] - moved[:, 0] - moved[:, 3]) / 2
    length = np.hypot(*along.T)
    boxes = np.column_stack(
        [
            moved.mean(axis=1),
            length,
            shapely.area(shapely.polygons(moved)) / length,
            np.rad2deg(np.arctan2(along[:, 1], along[:, 0])),
        ]
    )
    return replace(found, grid=grid, boxes=boxes)


def footprints(found: Detections) -> NDArray[np.object_]:
    """Polygons (n,) in longitude and latitude (WGS 84), or in pixels where the grid has no CRS."""
    if found.grid.crs is None or not len(found):
        return found.polygons()
    polygons: NDArray[np.object_] = np.asarray(shapely.polygons(_lonlat_corners(found)), dtype=object)
    return polygons


def headings_deg(found: Detections) -> NDArray[np.float64]:
    """Direction of each box's long axis in degrees clockwise from true north, (n,).

    A wagon has no front, so the direction lies in 0 to 180; NaN where the grid has no CRS.
    """
    if found.grid.crs is None or not len(found):
        return np.full(len(found), np.nan)
    corners = _lonlat_corners(found)
    back, front = (corners[:, 0] + corners[:, 3]) / 2, (corners[:, 1] + corners[:, 2]) / 2
    azimuth: NDArray[np.float64] = np.asarray(_GEOD.inv(*back.T, *front.T)[0])
    return azimuth % 180.0


def _lonlat_corners(found: Detections) -> NDArray[np.float64]:
    return pixel_to_lonlat(found.grid, found.corners().reshape(-1, 2)).reshape(-1, 4, 2)


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
