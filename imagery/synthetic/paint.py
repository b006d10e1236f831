"""A picture of a yard with its truth: paint for a given yard and date, paint_chip for training."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.synthetic.bodies import body
from imagery.synthetic.canvas import Canvas
from imagery.synthetic.clutter import draw_blocks, draw_spans, overlay_spans
from imagery.synthetic.ground import draw_ground, over_ground, settled
from imagery.synthetic.layout import Layout
from imagery.synthetic.light import Light, leaned, random_light, sunlit
from imagery.synthetic.rakes import random_rakes
from imagery.synthetic.sensor import Optics, expose, random_optics
from imagery.synthetic.wagons import Placed
from imagery.synthetic.yards import random_layout


@dataclass(frozen=True, eq=False)
class Truth:
    """The wagons in a painted picture."""

    boxes: NDArray[np.float64]
    """(n, 5) cx, cy, length, width in pixels, angle in degrees (image axes, y down, clockwise)."""
    visible: NDArray[np.float64]
    """(n,) share of each box inside the frame, above 0 to 1; a centre may lie outside."""
    kinds: tuple[str, ...]
    """(n,) of wagons.KINDS."""
    tarps: tuple[str, ...]
    """(n,) ``none`` or a key of wagons.TARPS."""
    tracks: tuple[int, ...]
    """(n,) index into Painted.tracks of the track that each wagon stands on."""

    def __post_init__(self) -> None:
        n = len(self.visible)
        if self.boxes.shape != (n, 5) or not len(self.kinds) == len(self.tarps) == len(self.tracks) == n:
            raise InputError(f"truth of {n} wagons holds boxes of shape {self.boxes.shape}")
        self.boxes.setflags(write=False)
        self.visible.setflags(write=False)

    def __len__(self) -> int:
        return len(self.visible)


@dataclass(frozen=True, eq=False)
class Painted:
    """A simulated picture and what is in it."""

    image: NDArray[np.uint8]
    """(rows, cols, 3) red, green, blue, read-only."""
    truth: Truth
    """Its wagons."""
    tracks: tuple[NDArray[np.float64], ...]
    """Axes that cross the frame, (n, 2) pixels each; they run on beyond its edges."""
    gsd_m: float
    """Ground sample distance in metres."""
    light: Light
    """Sun and sky."""
    simulated: bool = True
    """Always: painted, not photographed."""

    def __post_init__(self) -> None:
        self.image.setflags(write=False)

    def to_json(self) -> str:
        """Truth as text, in the form of the hand labels: cx, cy, length_px, width_px, angle_deg."""
        truth = self.truth
        boxes = [
            {
                **dict(
                    zip(
                        ("cx", "cy", "length_px", "width_px", "angle_deg"),
                        np.round(row, 3).tolist(),
                        strict=True,
                    )
                ),
                "visible": round(float(share), 4),
                "kind": kind,
                "tarp": tarp,
                "track": track,
            }
            for row, share, kind, tarp, track in zip(
                truth.boxes, truth.visible, truth.kinds, truth.tarps, truth.tracks, strict=True
            )
        ]
        record: dict[str, Any] = {
            "simulated": self.simulated,
            "gsd_m": self.gsd_m,
            "shape": list(self.image.shape[:2]),
            "sun_azimuth_deg": self.light.sun_azimuth_deg,
            "sun_elevation_deg": self.light.sun_elevation_deg,
            "boxes": boxes,
            "tracks": [np.round(line, 2).tolist() for line in self.tracks],
        }
        return json.dumps(record, indent=1)


def paint(
    layout: Layout,
    placed: Sequence[Placed],
    light: Light,
    optics: Optics,
    rng: np.random.Generator,
    shape: tuple[int, int],
    origin_m: tuple[float, float] = (0.0, 0.0),
    ground: NDArray[np.uint8] | None = None,
) -> Painted:
    """Paint one picture of a yard.

    Args:
        layout: The yard; the same layout and origin give the same ground whatever ``rng`` says.
        placed: Its wagons.
        light: Sun and sky of the date.
        optics: The camera, with the GSD.
        rng: Source of the camera's noise and of the mix with a real ground.
        shape: (rows, cols) of the picture.
        origin_m: Local metres of the picture's top-left corner.
        ground: (rows, cols, 3) a real picture at the same GSD to paint on; the painted yard's own if None.

    Returns:
        The picture with its truth.

    Raises:
        InputError: ``ground`` has another shape than the picture.
    """
    if ground is not None and ground.shape != (*shape, 3):
        raise InputError(f"ground of shape {ground.shape}: give {(*shape, 3)}, resampled to the GSD")
    canvas = Canvas.around(shape, origin_m, optics.gsd_m, light)
    draw_ground(canvas, layout)
    factor = 1.0
    if ground is None:
        draw_blocks(canvas, layout.blocks, light)
    else:
        factor = over_ground(canvas, layout, ground, rng)
    poses = _poses(layout, placed)
    for wagon, (x, y, angle) in zip(placed, poses.tolist(), strict=True):
        if canvas.holds(x, y, wagon.spec.length_m / 2 + 2):
            canvas.stamp(body(wagon.spec, canvas.px_m, light, angle), (x, y), angle)
    lit = sunlit(canvas.height, canvas.px_m, light)
    lit *= draw_spans(canvas, layout.spans, light)
    image = canvas.shaded(lit, light)
    image = leaned(image, canvas.height, canvas.px_m, optics.lean, light)
    image = overlay_spans(canvas, image, layout.spans, optics.lean)
    image = canvas.cropped(image)
    if ground is not None:
        image = settled(np.asarray(cv2.convertScaleAbs(image, alpha=factor)), ground)
    return Painted(
        image=expose(image, optics, light.haze, rng),
        truth=_truth(placed, poses, optics, shape, origin_m),
        tracks=tuple((line - np.array(origin_m)) / optics.gsd_m for line in layout.tracks_m),
        gsd_m=optics.gsd_m,
        light=light,
    )


def paint_chip(
    rng: np.random.Generator,
    gsd_m: float | None = None,
    size: int = 512,
    ground: NDArray[np.uint8] | None = None,
) -> Painted:
    """Draw everything at random: what training sees.

    Args:
        rng: Source of all of it.
        gsd_m: Ground sample distance; 0.2 to 1.2 m drawn if None (finer ones more often).
        size: Rows and columns.
        ground: (size, size, 3) a real picture at ``gsd_m`` to paint wagons on; then give ``gsd_m`` too.

    Returns:
        A picture with its truth; some hold no wagon.
    """
    gsd = float(np.exp(rng.uniform(math.log(0.2), math.log(1.2)))) if gsd_m is None else gsd_m
    layout = random_layout(rng, (size * gsd, size * gsd))
    if ground is not None:
        layout = replace(layout, snow=0.0)
    placed = random_rakes(rng, layout, snow=0.8 * layout.snow)
    if rng.random() < 0.08:
        placed = []
    light, optics = random_light(rng), random_optics(rng, gsd)
    if ground is not None:  # it has been through a camera and a provider already
        dark, middle = np.percentile(ground[::4, ::4], [2, 60])
        shade = float(np.clip(dark / max(middle, 1.0), 0.1, 0.45))
        light = replace(light, haze=0.3 * light.haze, ambient=shade)
        optics = replace(optics, blur_px=min(optics.blur_px, 0.45), level=None, noise=0.5 * optics.noise)
    return paint(layout, placed, light, optics, rng, (size, size), ground=ground)


def _poses(layout: Layout, placed: Sequence[Placed]) -> NDArray[np.float64]:
    """Centre x, y in metres and direction in degrees, (n, 3): a body lies on the chord of its pivots."""
    poses = np.empty((len(placed), 3))
    tracks = np.array([wagon.track for wagon in placed], dtype=np.intp)
    start = np.array([wagon.start_m for wagon in placed])
    length = np.array([wagon.spec.length_m for wagon in placed])
    for track in np.unique(tracks):
        on = tracks == track
        rear = layout.at(int(track), start[on] + 0.15 * length[on])
        front = layout.at(int(track), start[on] + 0.85 * length[on])
        poses[on, :2] = (rear + front) / 2
        poses[on, 2] = np.degrees(np.arctan2(front[:, 1] - rear[:, 1], front[:, 0] - rear[:, 0]))
    return poses


def _truth(
    placed: Sequence[Placed],
    poses: NDArray[np.float64],
    optics: Optics,
    shape: tuple[int, int],
    origin_m: tuple[float, float],
) -> Truth:
    """Boxes around what a labeller sees of each body: its foot and its leaning top together."""
    length = np.array([wagon.spec.length_m for wagon in placed])
    width = np.array([wagon.spec.width_m for wagon in placed])
    tilt = np.array([wagon.spec.height_m for wagon in placed])[:, None] * np.array(optics.lean)
    cos, sin = np.cos(np.radians(poses[:, 2])), np.sin(np.radians(poses[:, 2]))
    along, across = np.abs(tilt[:, 0] * cos + tilt[:, 1] * sin), np.abs(tilt[:, 1] * cos - tilt[:, 0] * sin)
    # The lower third of a wall is underframe and wheels: dark, and not outlined.
    centre = poses[:, :2] + 0.65 * tilt - np.array(origin_m)
    boxes = np.column_stack([centre, length + 0.7 * along, width + 0.7 * across]) / optics.gsd_m
    boxes = np.column_stack([boxes, poses[:, 2]])
    share = np.array([_inside(row, shape) for row in boxes.tolist()])
    kept = np.flatnonzero(share > 0.01).tolist()
    return Truth(
        boxes=boxes[kept],
        visible=share[kept],
        kinds=tuple(placed[i].spec.kind for i in kept),
        tarps=tuple(placed[i].spec.tarp for i in kept),
        tracks=tuple(placed[i].track for i in kept),
    )


def _inside(box: list[float], shape: tuple[int, int]) -> float:
    """Share of a box inside the frame."""
    cx, cy, length, width, angle = box
    rows, cols = shape
    radius = math.hypot(length, width) / 2
    if radius <= cx <= cols - radius and radius <= cy <= rows - radius:
        return 1.0
    if not (-radius < cx < cols + radius and -radius < cy < rows + radius):
        return 0.0
    frame = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], dtype=np.float32)
    common = cv2.intersectConvexConvex(cv2.boxPoints(((cx, cy), (length, width), angle)), frame)[0]
    return min(1.0, common / (length * width))
