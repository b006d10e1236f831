"""Chips with their truth, and what each column of a strip and each cell of a crop should say."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError, UnreadableError
from imagery.grid import local_grid
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from models.axes.line import Line
from models.axes.strips import ALONG_M, Frame, Strip
from models.wagons.nets import ENDS

TARGETS = (*ENDS, "kind", "cover", "counted", "ends_counted")
"""Rows of a strip's target; the last two say which columns the loss counts."""
IGNORE_M = 2.5
"""Ground on either side of an ``ignore`` line that is not counted."""
CELL_TARGETS = ("middle", "cos2a", "sin2a", "counted")
"""Layers of a crop's target."""
HELD_OUT_SHARE, CALIBRATION_SHARE = 0.25, 0.125
"""Shares of the sites of real ground: never trained on, and of these, those that calibrate; the rest test."""


@dataclass(frozen=True, eq=False)
class Chip:
    """An image with every wagon in it boxed."""

    rgb: NDArray[np.uint8]
    """(rows, cols, 3)."""
    valid: NDArray[np.bool_]
    """(rows, cols) False where there is no data."""
    gsd_m: float
    """Metres of a pixel."""
    boxes: NDArray[np.float64]
    """(n, 5) cx, cy, length, width in pixels, angle in degrees."""
    kinds: NDArray[np.int8]
    """(n,) index into KINDS, -1 where nothing was labelled."""
    covers: NDArray[np.int8]
    """(n,) index into COVERS, -1 where nothing was labelled."""
    tracks: tuple[Line, ...] = ()
    """Axes in pixels."""
    name: str = ""
    """File it came from."""
    ignore: tuple[Line, ...] = field(default=())
    """Lines along tracks where nobody could tell."""

    def raster(self) -> ArrayRaster:
        """The chip as an opened image on a local grid."""
        scene = Scene(self.name or "chip", (Asset(Path("chip"), ("R", "G", "B")),), gsd_m=self.gsd_m)
        grid = local_grid(self.valid.shape[0], self.valid.shape[1], self.gsd_m)
        return ArrayRaster(scene, grid, np.ascontiguousarray(self.rgb.transpose(2, 0, 1)), self.valid)

    def scaled(self, gsd_m: float) -> Chip:
        """The same ground at a coarser GSD, pixels averaged."""
        factor = self.gsd_m / gsd_m
        size = (max(8, round(self.rgb.shape[1] * factor)), max(8, round(self.rgb.shape[0] * factor)))
        rgb = cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        valid = cv2.resize(self.valid.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        boxes = self.boxes * np.array([factor, factor, factor, factor, 1.0])
        tracks = tuple(line * factor for line in self.tracks)
        ignore = tuple(line * factor for line in self.ignore)
        return Chip(rgb, valid, gsd_m, boxes, self.kinds, self.covers, tracks, self.name, ignore)

    def part(self, rows: slice, cols: slice) -> Chip:
        """A window, with the boxes whose centres lie in it."""
        corner = np.array([cols.start or 0, rows.start or 0], dtype=np.float64)
        rgb, valid = self.rgb[rows, cols], self.valid[rows, cols]
        boxes = self.boxes - np.array([*corner, 0, 0, 0])
        inside = (boxes[:, :2] >= 0).all(1) & (boxes[:, :2] < [rgb.shape[1], rgb.shape[0]]).all(1)
        tracks = tuple(line - corner for line in self.tracks)
        ignore = tuple(line - corner for line in self.ignore)
        return Chip(
            rgb,
            valid,
            self.gsd_m,
            boxes[inside],
            self.kinds[inside],
            self.covers[inside],
            tracks,
            self.name,
            ignore,
        )


def read_picture(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Red, green, blue (rows, cols, 3) and mask of a PNG or JPEG without a map position."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UnreadableError(f"picture {path} cannot be read; is it a PNG or JPEG?")
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    valid = image[..., 3] > 0 if image.shape[2] == 4 else np.ones(image.shape[:2], dtype=bool)
    return np.ascontiguousarray(image[..., 2::-1]).astype(np.uint8), valid


def labelled(folder: Path, use: str | None = "train and evaluate") -> Iterator[Chip]:
    """Hand-labelled pictures of a folder with ``index.csv``, ``labels/`` and ``tracks/``.

    Args:
        folder: Such as ``data/railcars``.
        use: Only rows with this ``use``; all with None.
    """
    for row in _table(folder / "index.csv"):
        labels = folder / "labels" / Path(row["file"]).with_suffix(".json").name
        if (use is not None and row["use"] != use) or not labels.exists():
            continue
        rgb, valid = read_picture(folder / row["file"])
        record = json.loads(labels.read_text())
        keys = ("cx", "cy", "length_px", "width_px", "angle_deg")
        boxes = np.array([[box[k] for k in keys] for box in record["boxes"]], dtype=np.float64).reshape(-1, 5)
        unknown = np.full(len(boxes), -1, dtype=np.int8)
        tracks = read_lines(folder / "tracks" / labels.with_suffix(".geojson").name)
        ignore = tuple(np.asarray(line, dtype=np.float64) for line in record.get("ignore", []))
        name = Path(row["file"]).stem
        yield Chip(rgb, valid, float(row["gsd_m"]), boxes, unknown, unknown, tracks, name, ignore)


def read_lines(path: Path) -> tuple[Line, ...]:
    """LineStrings of a GeoJSON in pixels; none where the file is absent."""
    if not path.exists():
        return ()
    features = json.loads(path.read_text())["features"]
    return tuple(np.asarray(f["geometry"]["coordinates"], dtype=np.float64)[:, :2] for f in features)


def backgrounds(
    folder: Path, without: tuple[str, ...] = ("light_rail", "cc-by-sa")
) -> Iterator[tuple[str, Chip]]:
    """Pictures of a folder with ``index.csv`` that hold no wagon, with the site of each.

    Args:
        folder: Such as ``data/backgrounds``.
        without: Rows whose file or contents hold one of these words are left out.
    """
    empty = np.empty(0, dtype=np.int8)
    for row in _table(folder / "index.csv"):
        if row["any_wagons"] != "0" or any(w in row["file"] + row["contents"] for w in without):
            continue
        rgb, valid = read_picture(folder / row["file"])
        stem = Path(row["file"]).stem
        yield (
            site_of(stem),
            Chip(rgb, valid, float(row["gsd_m"]), np.empty((0, 5)), empty, empty, name=row["file"]),
        )


def site_of(stem: str) -> str:
    """``naip_city_year_site`` without its year: one site is one place whatever the year."""
    return "_".join(
        part for part in stem.split("_") if not (len(part) == 4 and part.startswith(("19", "20")))
    )


def held_out(site: str, share: float = HELD_OUT_SHARE) -> bool:
    """Whether a site is kept for validation: the same answer on every machine and in every year."""
    value = 2166136261
    for byte in site.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return (value >> 8) % 1000 < 1000 * share


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        raise InputError(f"{path} is absent; give the folder that holds index.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def strip_target(strip: Strip, chip: Chip, reach_m: float = 1.9, doubt_m: float = 2.6) -> NDArray[np.float32]:
    """What each column of a strip should say.

    Wagons within ``reach_m`` of the axis are this track's; those between ``reach_m`` and ``doubt_m`` may be
    read from either track, so their columns are not counted; those beyond are a neighbour's.

    Returns:
        (len(TARGETS), n).
    """
    frame, n = strip.frame, len(strip.frame)
    target = np.zeros((len(TARGETS), n), dtype=np.float32)
    row = {name: target[i] for i, name in enumerate(TARGETS)}
    row["kind"][:] = row["cover"][:] = -1
    row["counted"][:] = row["ends_counted"][:] = strip.valid[strip.valid.shape[0] // 2]
    first, last, across, slant = _boxes_in(frame, chip.boxes)
    parallel = np.abs(np.sin(slant)) < 0.26
    doubtful = (np.abs(across) < doubt_m) & ((np.abs(across) > reach_m) | ~parallel)
    for i in np.flatnonzero(doubtful):
        a, b = max(0, round(first[i]) - 3), min(n, round(last[i]) + 3)
        row["counted"][a:b] = row["ends_counted"][a:b] = 0
    for i in sorted(np.flatnonzero((np.abs(across) <= reach_m) & parallel), key=lambda i: -abs(across[i])):
        _write(row, strip.valid, first[i], last[i], across[i], int(chip.kinds[i]), int(chip.covers[i]))
    for line in chip.ignore:
        along, side = frame.locate(line)
        if side.min() < IGNORE_M and side.max() > -IGNORE_M:
            a, b = max(0, int(along.min()) - 2), max(0, int(along.max()) + 3)
            row["counted"][a:b] = row["ends_counted"][a:b] = 0
    return target


def _boxes_in(frame: Frame, boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """First and last boundary (in columns), metres across and slant (radians) of boxes in a strip."""
    if not len(boxes):
        return tuple(np.empty(0) for _ in range(4))
    cx, cy, length, _, angle = boxes.T
    half = np.stack([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))], axis=1) * (length / 2)[:, None]
    centre = np.stack([cx, cy], axis=1)
    tail, tail_side = frame.locate(centre - half)
    head, head_side = frame.locate(centre + half)
    along, side = frame.locate(centre)
    reach = np.hypot(head - tail, (head_side - tail_side) / ALONG_M)
    # Curved strips and far boxes: the length is the box's own, only the place is the strip's.
    slant = np.arctan2((head_side - tail_side) / ALONG_M, head - tail)
    columns = length * frame.gsd_m / ALONG_M / 2
    far = np.abs(reach - 2 * columns) > 0.35 * 2 * columns
    side = np.where(far, 99.0, side)
    return along - columns + 0.5, along + columns + 0.5, side, slant


def _write(
    row: dict[str, NDArray[np.float32]],
    valid: NDArray[np.bool_],
    first: float,
    last: float,
    across: float,
    kind: int,
    cover: int,
) -> None:
    n = valid.shape[1]
    middle = valid[valid.shape[0] // 2]
    a, b = max(0, round(first)), min(n, round(last))
    inside = np.flatnonzero(middle[a:b]) if b > a else np.empty(0, dtype=np.intp)
    if len(inside) < 3:
        return
    cut_first, cut_last = a + inside[0] > round(first), a + inside[-1] + 1 < round(last)
    a, b = a + int(inside[0]), a + int(inside[-1]) + 1
    for name in ("start", "stop"):
        row[name][a:b] = 0
    row["occupied"][a:b] = 1
    row["across_m"][a:b] = across
    row["kind"][a:b], row["cover"][a:b] = kind, cover
    # An end at a boundary between columns is shared by the two nearest; where the piece runs on beyond the
    # strip it has no end there, where the image itself ends it has.
    for name, at, runs_on in (
        ("start", a if cut_first else first, cut_first and a == 0),
        ("stop", (b if cut_last else last) - 1, cut_last and b == n),
    ):
        if not runs_on:
            columns = np.arange(max(0, int(at) - 3), min(n, int(at) + 5))
            row[name][columns] = np.maximum(row[name][columns], np.exp(-0.5 * (columns - at) ** 2))


def crop_target(chip: Chip, sigma_m: float = 0.8) -> NDArray[np.float32]:
    """What each 2 x 2 cell of a crop should say: (rows / 2, cols / 2, len(CELL_TARGETS))."""
    rows, cols = chip.rgb.shape[0] // 2, chip.rgb.shape[1] // 2
    target = np.zeros((rows, cols, len(CELL_TARGETS)), dtype=np.float32)
    seen = cv2.resize(chip.valid.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    target[..., 3] = seen > 0.5
    y, x = np.mgrid[:rows, :cols] * 2.0 + 1.0
    for cx, cy, length, width, angle in chip.boxes:
        reach = length / 2 + 4
        r = slice(max(0, int((cy - reach) / 2)), max(0, int((cy + reach) / 2) + 2))
        c = slice(max(0, int((cx - reach) / 2)), max(0, int((cx + reach) / 2) + 2))
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        dx, dy = x[r, c] - cx, y[r, c] - cy
        along, across = dx * cos + dy * sin, (dy * cos - dx * sin) * chip.gsd_m
        heat = np.exp(-0.5 * (across / sigma_m) ** 2) * (np.abs(along) < length / 2)
        body = (np.abs(across) < width * chip.gsd_m / 2) & (np.abs(along) < length / 2)
        part = target[r, c]
        stronger = heat > part[..., 0]
        part[..., 0] = np.maximum(part[..., 0], heat)
        double = np.deg2rad(2 * angle)
        part[..., 1] = np.where(stronger & body, np.cos(double), part[..., 1])
        part[..., 2] = np.where(stronger & body, np.sin(double), part[..., 2])
    for line in chip.ignore:
        mask = np.zeros((rows, cols), np.uint8)
        thick = max(1, round(IGNORE_M / chip.gsd_m))
        cv2.polylines(mask, [np.round(line / 2).astype(np.int32)], False, 1, thick)
        target[..., 3] *= mask == 0
    return target
