"""The training pool: chips painted and real, cut into strips and crops and kept on disk as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.paint import paint_chip
from imagery.whole import written
from models.axes.line import Line, clip_to_frame, extend, length, resample
from models.axes.strips import ACROSS, ALONG_M, Frame, Strip, frame_along, straighten
from models.wagons.data import CELL_TARGETS, TARGETS, Chip, crop_target, strip_target
from models.wagons.nets import COVERS, KINDS

COLUMNS = 320
"""Columns of a training strip: 128 m."""
CROP = 160
"""Side of a training crop in pixels of the working GSD."""
WORKING_GSD_M = 0.5
"""GSD that the proposer works at."""

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Pool:
    """Arrays on disk, written once and read by every epoch."""

    strips: NDArray[np.uint8]
    """(n, 4, ACROSS, COLUMNS) red, green, blue, valid x 255."""
    strip_targets: NDArray[np.float16]
    """(n, len(TARGETS), COLUMNS)."""
    crops: NDArray[np.uint8]
    """(m, 4, CROP, CROP)."""
    crop_targets: NDArray[np.float16]
    """(m, len(CELL_TARGETS), CROP / 2, CROP / 2)."""


def write_pool(folder: Path, chips: Iterator[tuple[Chip, int, int]], rng: Rng) -> Pool:
    """Cut chips into strips and crops and write them.

    Args:
        folder: Made if absent; a pool already there is read instead, so that training can resume.
        chips: Each with how many strips and how many crops to take from it.
        rng: Where they are taken.
    """
    done = folder / "pool.json"
    if not done.exists():
        counts = [0, 0]
        with written(done) as part, ExitStack() as stack:  # without it, the others count as not written
            names = ("strips", "strip_targets", "crops", "crop_targets")
            files = [stack.enter_context((folder / f"{name}.bin").open("wb")) for name in names]
            for chip, strips, crops in chips:
                for pixels, target in sample_strips(rng, chip, strips):
                    files[0].write(pixels.tobytes())
                    files[1].write(target.astype(np.float16).tobytes())
                    counts[0] += 1
                for pixels, target in sample_crops(rng, chip, crops):
                    files[2].write(pixels.tobytes())
                    files[3].write(target.astype(np.float16).tobytes())
                    counts[1] += 1
            part.write_text(json.dumps({"strips": counts[0], "crops": counts[1]}))
    return read_pool(folder)


def read_pool(folder: Path) -> Pool:
    """Map the arrays of a written pool."""
    counts = json.loads((folder / "pool.json").read_text())
    n, m, half = counts["strips"], counts["crops"], CROP // 2

    def mapped(name: str, kind: type, shape: tuple[int, ...]) -> NDArray[Any]:
        if shape[0] == 0:
            return np.empty(shape, dtype=kind)
        return np.memmap(folder / f"{name}.bin", dtype=kind, mode="r", shape=shape)

    return Pool(
        mapped("strips", np.uint8, (n, 4, ACROSS, COLUMNS)),
        mapped("strip_targets", np.float16, (n, len(TARGETS), COLUMNS)),
        mapped("crops", np.uint8, (m, 4, CROP, CROP)),
        mapped("crop_targets", np.float16, (m, len(CELL_TARGETS), half, half)),
    )


def painted_chip(rng: Rng, grounds: Sequence[Chip] = (), size: int = 512, gsd_m: float | None = None) -> Chip:
    """A painted chip at 0.2 to 1.2 m; half of them on real ground where any is given."""
    gsd = float(np.exp(rng.uniform(np.log(0.2), np.log(1.2)))) if gsd_m is None else gsd_m
    ground = None
    if len(grounds) and rng.random() < 0.5:
        ground = _ground(rng, grounds[int(rng.integers(len(grounds)))], gsd, size)
    painted = paint_chip(rng, gsd_m=gsd, size=size, ground=ground)
    truth = painted.truth
    kinds = np.array([KINDS.index(kind) for kind in truth.kinds], dtype=np.int8)
    covers = np.array([COVERS.index(tarp) for tarp in truth.tarps], dtype=np.int8)
    valid = np.ones(painted.image.shape[:2], dtype=bool)
    return Chip(
        np.array(painted.image),
        valid,
        painted.gsd_m,
        np.array(truth.boxes),
        kinds,
        covers,
        painted.tracks,
        "painted",
    )


def _ground(rng: Rng, chip: Chip, gsd: float, size: int) -> NDArray[np.uint8]:
    """A real picture at another GSD, turned, and mirrored at its edges until it fills the frame."""
    factor = chip.gsd_m / gsd
    rgb = np.rot90(chip.rgb, int(rng.integers(4))) if rng.random() < 0.5 else np.rot90(chip.rgb[:, ::-1])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    whole = cv2.resize(np.ascontiguousarray(rgb), None, fx=factor, fy=factor, interpolation=method)
    rgb = whole.astype(np.uint8)
    rows, cols = rgb.shape[:2]
    if rows < size or cols < size:
        rgb = np.pad(rgb, ((0, max(0, size - rows)), (0, max(0, size - cols)), (0, 0)), mode="reflect")
    r, c = (int(rng.integers(0, n - size + 1)) for n in rgb.shape[:2])
    ground: NDArray[np.uint8] = np.ascontiguousarray(rgb[r : r + size, c : c + size]).astype(np.uint8)
    return ground


def sample_strips(
    rng: Rng, chip: Chip, count: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Strips of ``COLUMNS`` columns along tracks and rows of wagons; a quarter lie beside both."""
    if chip.gsd_m < 0.75 * ALONG_M and count > 0:
        chip = chip.scaled(ALONG_M)
    for _ in range(count):
        line = _some_line(rng, chip)
        if line is None:
            continue
        strip = straighten(chip.rgb, chip.valid, _jittered(rng, line, chip.gsd_m))
        yield strip_bytes(strip), strip_target(strip, chip)


def strips_around(rng: Rng, chip: Chip, count: int, reach_m: float) -> Iterator[NDArray[np.uint8]]:
    """Strips that run as its wagons do, anywhere within a reach of them: empty track, full track, neither."""
    if chip.gsd_m < 0.75 * ALONG_M:
        chip = chip.scaled(ALONG_M)
    half = np.array([-1, 1])[:, None] * (COLUMNS * ALONG_M / chip.gsd_m / 2 + 2)
    for _ in range(count):
        cx, cy, _, _, degrees = chip.boxes[rng.integers(len(chip.boxes))]
        along = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
        behind, beside = rng.uniform(-reach_m, reach_m, 2) / chip.gsd_m
        line = np.array([cx, cy]) + behind * along + beside * np.array([-along[1], along[0]]) + half * along
        yield strip_bytes(straighten(chip.rgb, chip.valid, _jittered(rng, line, chip.gsd_m)))


def strip_bytes(strip: Strip) -> NDArray[np.uint8]:
    """Colours of a strip with its mask as the last channel."""
    return np.concatenate([strip.pixels, strip.valid.astype(np.uint8)[None] * np.uint8(255)])


def _some_line(rng: Rng, chip: Chip) -> Line | None:
    """A line of one strip's length whose middle lies in the image."""
    draw = rng.random()
    # Rows that were seen where nothing stands are what a strip of bare ground should show.
    share = 0.65 if chip.name == "painted" else 0.3 if len(chip.boxes) else 0.9
    if len(chip.tracks) and draw < share:
        track = chip.tracks[rng.integers(len(chip.tracks))]
        rows, cols = chip.valid.shape
        parts = [p for p in clip_to_frame(track, rows, cols, 1.0) if length(p) * chip.gsd_m > 15]
        if not parts:
            return None
        part = parts[rng.integers(len(parts))]
        at = part[rng.integers(len(part))]
        whole = extend(track, COLUMNS * ALONG_M / chip.gsd_m, 20 / chip.gsd_m)
        points = resample(whole, 1.0)
        middle = int(((points - at) ** 2).sum(axis=1).argmin())
        half = int(COLUMNS * ALONG_M / chip.gsd_m / 2) + 2
        return points[max(0, middle - half) : middle + half + 1]
    if len(chip.boxes) and draw < 0.9:
        cx, cy, _, _, degrees = chip.boxes[rng.integers(len(chip.boxes))]
        at, angle = np.array([cx, cy]), np.deg2rad(degrees)
        if rng.random() < 0.4:  # a line beside the wagons sees their shadows and no wagon of its own
            side = rng.uniform(2.6, 6) * rng.choice([-1, 1]) / chip.gsd_m
            at = at + side * np.array([-np.sin(angle), np.cos(angle)])
        shift = rng.uniform(-0.5, 0.5) * COLUMNS * ALONG_M / chip.gsd_m
        at = at + shift * np.array([np.cos(angle), np.sin(angle)])
    else:
        rows, cols = chip.valid.shape
        at = np.array([rng.uniform(0, cols), rng.uniform(0, rows)])
        angle = _grain(chip, at) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    half_px = COLUMNS * ALONG_M / chip.gsd_m / 2 + 2
    line: Line = at + np.outer([-half_px, half_px], [np.cos(angle), np.sin(angle)])
    return line


def _grain(chip: Chip, at: Line) -> float:
    """Direction along which the image around a point changes least, from its structure tensor."""
    reach = max(8, int(12 / chip.gsd_m))
    x, y = int(at[0]), int(at[1])
    part = chip.rgb[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach].mean(axis=2)
    if min(part.shape) < 4:
        return 0.0
    gy, gx = np.gradient(part)
    return float(0.5 * np.arctan2(2 * (gx * gy).sum(), (gx**2 - gy**2).sum()) + np.pi / 2)


def _jittered(rng: Rng, line: Line, gsd: float) -> Frame:
    """The line moved across by up to about 1.5 m, turned and bent a little: maps are that wrong."""
    frame = frame_along(line, gsd)
    x = np.linspace(-1, 1, len(frame))
    shift = rng.normal(0, 0.6) + rng.normal(0, 0.35) * x
    shift = shift + rng.normal(0, 0.25) * np.sin(rng.uniform(1, 4) * x + rng.uniform(0, 6.28))
    if rng.random() < 0.5:
        shift = shift * 0.4
    moved = frame_along(frame.shifted(np.clip(shift, -1.6, 1.6)), gsd)
    short = COLUMNS - len(moved)
    if short > 0:
        moved = frame_along(extend(moved.centres, short * ALONG_M / gsd, 10 / gsd), gsd)
    first = (len(moved) - COLUMNS) // 2
    part = slice(first, first + COLUMNS)
    return Frame(moved.centres[part], moved.normals[part], gsd)


def sample_crops(rng: Rng, chip: Chip, count: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Crops of ``CROP`` pixels at the working GSD, two in three around a wagon where there is one."""
    if count <= 0:
        return
    factor = chip.gsd_m / WORKING_GSD_M
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    for _ in range(count):
        if len(chip.boxes) and rng.random() < 0.67:
            at = chip.boxes[rng.integers(len(chip.boxes)), :2] + rng.normal(0, 20 / chip.gsd_m, 2)
        elif len(chip.tracks) and not len(chip.boxes) and rng.random() < 0.67:
            line = chip.tracks[rng.integers(len(chip.tracks))]
            at = line[rng.integers(len(line))] + rng.normal(0, 10 / chip.gsd_m, 2)
        else:
            at = rng.random(2) * [chip.rgb.shape[1], chip.rgb.shape[0]]
        turn = np.deg2rad(rng.uniform(0, 360))
        scale = 1 / factor * np.exp(rng.uniform(-0.1, 0.1))
        cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
        # From crop pixels (centres) to chip pixels: turned about the point.
        matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
        matrix[:, 2] = at - matrix[:, :2] @ np.array([CROP / 2, CROP / 2])
        smooth = (
            chip.rgb if factor >= 0.7 else cv2.GaussianBlur(chip.rgb, (0, 0), 0.4 * scale).astype(np.uint8)
        )
        yield _crop(chip, smooth, matrix, scale, method if factor >= 1 else cv2.INTER_LINEAR)


def _crop(
    chip: Chip, rgb: NDArray[np.uint8], matrix: NDArray[np.float64], scale: float, method: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    linear, shift = matrix[:, :2], matrix[:, 2]
    centre = shift + linear @ np.array([0.5, 0.5]) - 0.5
    warp = np.column_stack([linear, centre])
    flags = method | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(rgb, warp, (CROP, CROP), flags=flags, borderMode=cv2.BORDER_REFLECT).astype(
        np.uint8
    )
    seen = cv2.warpAffine(
        chip.valid.astype(np.uint8), warp, (CROP, CROP), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    inverse = np.linalg.inv(linear)
    boxes = chip.boxes.copy()
    boxes[:, :2] = (boxes[:, :2] - shift) @ inverse.T
    boxes[:, 2:4] /= scale
    boxes[:, 4] -= np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))
    ignore = tuple((line - shift) @ inverse.T for line in chip.ignore)
    part = Chip(
        pixels, seen > 0, chip.gsd_m * scale, boxes, chip.kinds, chip.covers, name=chip.name, ignore=ignore
    )
    stacked = np.concatenate([pixels.transpose(2, 0, 1), seen[None] * np.uint8(255)])
    return np.ascontiguousarray(stacked), crop_target(part).transpose(2, 0, 1)
