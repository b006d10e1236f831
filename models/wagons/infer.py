"""StripReader: wagons read along tracks, given by a map or found in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import nn

from imagery.reader import Raster
from imagery.tiles import ROI, windows
from models.axes.fitted import Field, Tracing, find_axes
from models.axes.line import Axis, clip_to_frame, extend
from models.detections import Detections, concatenate, suppress
from models.wagons import propose, read
from models.wagons.calibrate import Calibration
from models.wagons.consist import Weights
from models.wagons.nets import ProposeNet, StripNet, folded, load
from models.wagons.picture import Picture

WEIGHTS = Path(__file__).parent.parent / "weights"
LEAST_SCORE = 0.45
"""Boxes that are less likely railcars are not given."""


class StripReader:
    """Reads wagons along tracks; a models.detections.Detector."""

    name = "strips"

    def __init__(
        self,
        reader: StripNet | None = None,
        proposer: ProposeNet | None = None,
        weights: Weights | None = None,
        tracing: Tracing | None = None,
        least_score: float = LEAST_SCORE,
        folder: Path = WEIGHTS,
        calibrated: bool = True,
    ) -> None:
        """Load the nets.

        Args:
            reader: Strip net; that of the folder by default.
            proposer: Proposing net; that of the folder by default.
            weights: Of the cut into wagons.
            tracing: How rows are followed where there is no map.
            least_score: Wagons with a lower score are dropped.
            folder: With ``reader.safetensors``, ``proposer.safetensors`` and ``calibration.json``.
            calibrated: Whether scores are turned into probabilities; else they are the odds of the cut.

        Raises:
            UnreadableError: Weights are absent or damaged.
        """
        self._reader = _to_read(reader or load(folder / "reader.safetensors", StripNet)[0])
        self._proposer = _to_read(proposer or load(folder / "proposer.safetensors", ProposeNet)[0])
        self._weights = weights or Weights()
        self._tracing = tracing or Tracing()
        self._least = least_score
        self.calibration = Calibration.read(folder / "calibration.json") if calibrated else None

    def detect(self, raster: Raster, tracks: Sequence[NDArray[np.float64]] = ()) -> Detections:
        """See Detector.detect."""
        picture = Picture(raster)
        parts = [self._area(picture, area, tracks) for area in areas(picture)]
        found = clear_of_each_other(concatenate(raster.grid, parts))
        mapped = np.full(len(found), float(len(tracks) > 0))
        behind, beside = company_of(found)
        more = {"mapped": mapped, "behind": behind, "beside": beside}
        found = replace(found, attributes={**found.attributes, **more})
        if self.calibration and len(found):
            found = replace(found, scores=self.calibration.probabilities(found))
        return found.take(found.scores >= self._least)

    def axes(self, raster: Raster) -> list[Axis]:
        """Tracks found in the image alone, in its pixels, the surest first."""
        picture = Picture(raster)
        found = [axis for area in areas(picture) for axis in self._traced(self._field(picture, area), area)]
        return sorted(found, key=lambda axis: -axis.confidence)

    def _area(self, picture: Picture, area: ROI, tracks: Sequence[NDArray[np.float64]]) -> Detections:
        """Wagons of one part of an image, with a second opinion on each."""
        none = Detections.none(picture.raster.grid)
        if tracks:
            lines = [part for track in tracks for part in _inside(track, area, picture.gsd_m)]
            found = self._read(picture, lines)
            return with_heat(found, self._field(picture, area), area) if len(found) else none
        seen = propose.glance(self._proposer, picture, area)
        lines = read.glance(self._reader, picture, self._lines(seen, area), self._weights)
        if not lines:
            return none
        field = propose.confirm(self._proposer, picture, area, seen, np.concatenate(lines))
        return with_heat(self._read(picture, self._lines(field, area)), field, area)

    def _read(self, picture: Picture, lines: Sequence[NDArray[np.float64]]) -> Detections:
        return concatenate(picture.raster.grid, read.read_axes(self._reader, picture, lines, self._weights))

    def _field(self, picture: Picture, area: ROI) -> Field:
        return propose.propose(self._proposer, picture, area)

    def _lines(self, field: Field, area: ROI) -> list[NDArray[np.float64]]:
        return [axis.line for axis in self._traced(field, area)]

    def _traced(self, field: Field, area: ROI) -> list[Axis]:
        corner = _corner(area)
        return [replace(axis, line=axis.line + corner) for axis in find_axes(field, self._tracing)]


def _to_read(net: Any) -> Any:
    """A net of torch folded; one of another engine as it is."""
    return folded(net) if isinstance(net, nn.Module) else net


def areas(picture: Picture, side_m: float = 2000.0, shared_m: float = 250.0) -> list[ROI]:
    """Parts of an image that are read one by one, so that memory does not grow with it."""
    return list(windows(picture.shape, round(side_m / picture.gsd_m), round(shared_m / picture.gsd_m)))


def with_heat(found: Detections, field: Field, area: ROI) -> Detections:
    """Wagons with a second opinion: the proposer's mean heat along the middle line of each, as ``heat``.

    Args:
        found: In pixels of the whole image.
        field: Of a part of it.
        area: Which part.
    """
    cx, cy, length, _, angle = found.boxes.T
    along = np.stack([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))], axis=1)
    reach = np.linspace(-0.4, 0.4, 9)[:, None, None] * length[:, None]
    points = np.stack([cx, cy], axis=1) - _corner(area) + reach * along  # (9, n, 2)
    heat = field.sample(field.heat, points.reshape(-1, 2) / field.cell_px).reshape(9, -1).mean(axis=0)
    return replace(found, attributes={**found.attributes, "heat": np.clip(heat, 0.0, 1.0)})


def company_of(
    found: Detections, reach_m: float = 60.0, turn_deg: float = 12.0, off_m: float = 2.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many other wagons stand near each one and run the same way, weighted by their odds.

    Railcars stand behind each other; parked trucks and buses only beside each other.

    Args:
        found: Wagons of all tracks.
        reach_m: How near.
        turn_deg: Up to which angle two run the same way.
        off_m: How far off the middle line another one stands behind, more by a twentieth of its distance
            for curves.

    Returns:
        Company (n,) behind and before each one, and beside it.
    """
    behind, beside = np.zeros(len(found)), np.zeros(len(found))
    tree = cKDTree(found.boxes[:, :2])
    for i, near in enumerate(tree.query_ball_point(found.boxes[:, :2], reach_m / found.gsd_m)):
        others = found.take(np.array([j for j in near if j != i], dtype=np.intp))
        angle = np.deg2rad(found.boxes[i, 4])
        dx, dy = (others.boxes[:, :2] - found.boxes[i, :2]).T * found.gsd_m
        across, away = np.abs(dy * np.cos(angle) - dx * np.sin(angle)), np.hypot(dx, dy)
        turn = np.abs((others.boxes[:, 4] - found.boxes[i, 4] + 90) % 180 - 90)
        same, in_line = turn <= turn_deg, across <= off_m + away / 20
        behind[i] = others.scores[same & in_line].sum()
        beside[i] = others.scores[same & ~in_line].sum()
    return behind, beside


def clear_of_each_other(found: Detections, side_m: float = 3.5, end_m: float = 1.5) -> Detections:
    """Keep the surest of wagons that could not stand so near each other.

    Neighbouring tracks lie at least 3.8 m apart, so what is read 3 m beside a surer wagon is that wagon
    again, or its shadow.

    Args:
        found: Wagons of all tracks.
        side_m: Least distance of two middle lines.
        end_m: Wagons of one track may overlap by this much, since their ends are not exact.
    """
    gsd = found.gsd_m
    boxes = found.boxes.copy()
    boxes[:, 2] = np.maximum(boxes[:, 2] - end_m / gsd, 0.5 * boxes[:, 2])
    boxes[:, 3] = side_m / gsd
    order = np.arange(len(found), dtype=np.float64)
    room = replace(found, boxes=boxes, attributes={"order": order})
    return found.take(suppress(room, 0.03).attributes["order"].astype(np.intp)) if len(found) else found


def _corner(area: ROI) -> NDArray[np.float64]:
    return np.array([area[1].start, area[0].start], dtype=np.float64)


def _inside(track: NDArray[np.float64], area: ROI, gsd_m: float) -> list[NDArray[np.float64]]:
    """The parts of a track inside an area, prolonged a little: map lines often end short of a wagon."""
    rows, cols = (part.stop - part.start for part in area)
    corner = _corner(area)
    parts = clip_to_frame(track - corner, rows, cols, max(1.0, 0.5 / gsd_m))
    return [extend(part + corner, 5.0 / gsd_m, 20.0 / gsd_m) for part in parts]
