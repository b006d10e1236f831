"""Pictures as a reader meets them: with what was found in them, scale, crops, and what they are in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.report.content import Picture
from evidence.report.images import Bar, Encoded, crop_sheet, encode, scale_bar, sheet_place
from evidence.report.words import anchors, count, moment

PICTURES_BYTES = 5_500_000
"""All pictures together, before base64 adds a third: with the chart library the page stays under 15 MB."""
PICTURE_BYTES = 500_000
"""One picture at most."""
CROPS_BYTES = 1_200_000
"""All crops together, before base64."""

Shape = tuple[str, str]
"""Points as SVG writes them, and a label."""


@dataclass(frozen=True)
class Cell:
    """One detection by itself."""

    x: int
    """Left edge in the sheet of crops."""
    y: int
    """Upper edge."""
    number: int
    """Counted from 1, as the box in the picture is."""
    label: str
    """What it is."""


@dataclass(frozen=True, eq=False)
class Crops:
    """Every detection of a picture by itself."""

    sheet: Encoded
    """All of them."""
    size: tuple[int, int]
    """Width and height of one."""
    cells: tuple[Cell, ...]
    """Where each stands."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture with what was found in it."""

    anchor: str
    """HTML id."""
    picture: Picture
    """As given."""
    encoded: Encoded
    """As embedded."""
    bar: Bar | None
    """Scale bar, where the scale is known."""
    boxes: tuple[Shape, ...]
    """Outline of each box."""
    occupied: tuple[str, ...]
    """Course of each stretch of occupied track."""
    goods: tuple[Shape, ...]
    """Outline of each stack or ship."""
    crops: Crops | None
    """Its detections one by one, where there are any."""
    name: str
    """Date and sensor, to be chosen by."""
    facts: str
    """Date, sensor, scale and number of boxes."""
    alt: str
    """What a reader who cannot see it must know."""


def frames(pictures: Sequence[Picture]) -> list[Frame]:
    """Each picture ready for the page, by site and date; all of them together keep it under 15 MB."""
    share = min(PICTURE_BYTES, PICTURES_BYTES // max(1, len(pictures)))
    ordered = sorted(pictures, key=lambda p: (p.site, moment(p.taken_at), p.scene_id))
    names = anchors("picture", (f"{p.site} {p.scene_id}" for p in ordered))
    crops = max(1, sum(len(picture.crops) for picture in pictures))
    return [
        _frame(one, anchor, share, CROPS_BYTES // crops) for one, anchor in zip(ordered, names, strict=True)
    ]


def _frame(picture: Picture, anchor: str, share: int, crop_share: int) -> Frame:
    boxes = count(len(picture.boxes), "box").replace("boxs", "boxes")
    scale = "" if picture.gsd_m is None else f", {picture.gsd_m:.3g} m a pixel"
    when = moment(picture.taken_at) if picture.taken_at is None else f"{moment(picture.taken_at)} UTC"
    facts = f"{when}, {picture.sensor}{scale}, {boxes}"
    name = "SIMULATED picture" if picture.simulated else "Picture"
    labels = [
        f"{i + 1}: {label}" if label else str(i + 1)
        for i, label in enumerate(picture.labels or ("",) * len(picture.boxes))
    ]
    return Frame(
        anchor,
        picture,
        encode(picture, share),
        scale_bar(picture),
        tuple((_points(corners), label) for corners, label in zip(picture.boxes, labels, strict=True)),
        tuple(_points(line) for line in picture.occupied),
        tuple((_points(one.ring), one.label) for one in picture.goods),
        _crops(picture, labels, crop_share) if picture.crops else None,
        f"{moment(picture.taken_at)[:10]}, {picture.sensor}, {boxes}",
        facts,
        f"{name} of {picture.scene_id}: {facts}. {picture.caption}",
    )


def _crops(picture: Picture, labels: Iterable[str], share: int) -> Crops:
    rows, cols = picture.crops[0].shape[:2]
    places = [sheet_place(i, rows, cols) for i in range(len(picture.crops))]
    cells = tuple(
        Cell(x, y, i + 1, label) for i, ((y, x), label) in enumerate(zip(places, labels, strict=False))
    )
    return Crops(crop_sheet(picture.crops, picture.simulated, share * len(cells)), (cols, rows), cells)


def _points(corners: NDArray[np.float64]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
