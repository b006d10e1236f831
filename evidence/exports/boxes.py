"""Boxes of a run for labelling tools: COCO, DOTA and Label Studio; models/wagons/labels reads them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.files import written
from evidence.review.counts import looked_at
from evidence.review.desk import Laid
from evidence.review.marks import Mark
from evidence.review.pictures import grid_of
from imagery.errors import InputError
from models.detections import Detections

CLASS = "railcar"
LOCAL = "/data/local-files/?d="
"""Where Label Studio looks for files of its own disk."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """The boxes of one image, as a labelling tool takes them."""

    file: str
    """Name of the image's file."""
    boxes: Detections
    """On the image's own grid."""
    by_person: bool
    """Whether a person has gone through them, not the machine alone."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        rows, cols = self.boxes.grid.shape
        return int(cols), int(rows)


def boxes_of(laid: Laid, marks: Sequence[Mark], reviewed: bool = False) -> list[Drawn]:
    """The boxes of a dossier: those that stand where a person is done with an image, else the machine's.

    Args:
        laid: The dossier and its images.
        marks: What was said, of this dossier and others.
        reviewed: Whether images that no person is done with are left out.

    Raises:
        InputError: No image is left.
        UnreadableError: An image cannot be opened.
    """
    ours = [mark for mark in marks if mark.content == laid.held.seal.content_sha256]
    images = []
    for image, looked in zip(laid.images, looked_at(laid.images, ours), strict=True):
        if looked.done or not reviewed:
            scene = laid.scenes[image.scene_id]
            boxes = np.array(list(looked.standing.values())).reshape(-1, 5) if looked.done else image.boxes
            found = Detections(grid_of(scene), boxes, np.ones(len(boxes)))
            images.append(Drawn(scene.assets[0].path.name, found, looked.done))
    if not images:
        raise InputError("no person is done with any image: `yardwatch review` them, or leave out --reviewed")
    return images


def write_coco(images: Sequence[Drawn], folder: Path) -> list[Path]:
    """Write ``coco.json``: each box as an outline, and the upright box around it."""
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        for corners in image.boxes.corners():
            low, high = corners.min(axis=0), corners.max(axis=0)
            sides = np.hypot(*np.diff(corners[:3], axis=0).T)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": [_rounded(corners)],
                    "bbox": _rounded(np.array([low, high - low])),
                    "area": round(float(sides.prod()), 3),
                    "iscrowd": 0,
                }
            )
    plain = {
        "images": [
            {"id": number, "file_name": image.file, "width": image.size[0], "height": image.size[1]}
            for number, image in enumerate(images, 1)
        ],
        "categories": [{"id": 1, "name": CLASS}],
        "annotations": annotations,
    }
    return [_json(plain, folder / "coco.json")]


def write_dota(images: Sequence[Drawn], folder: Path) -> list[Path]:
    """Write a text file an image, named after it: eight corners, class, difficulty 0."""
    paths = []
    for image in images:
        lines = ["imagesource:yardwatch", f"gsd:{image.boxes.gsd_m:.6g}"]
        for corners in image.boxes.corners():
            lines.append(" ".join([*map(str, _rounded(corners)), CLASS, "0"]))
        path = folder / f"{Path(image.file).stem}.txt"
        with written(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        paths.append(path)
    return paths


def write_label_studio(images: Sequence[Drawn], folder: Path) -> list[Path]:
    """Write ``label-studio.json``: what a person went through as annotations, the rest as predictions."""
    tasks = []
    for image in images:
        shapes = {"result": [_shape(image, i) for i in range(len(image.boxes))]}
        kind = "annotations" if image.by_person else "predictions"
        tasks.append({"data": {"image": LOCAL + image.file}, kind: [shapes]})
    return [_json(tasks, folder / "label-studio.json")]


FORMATS: dict[str, Callable[[Sequence[Drawn], Path], list[Path]]] = {
    "coco": write_coco,
    "dota": write_dota,
    "label-studio": write_label_studio,
}
"""Writers by name."""


def export(images: Sequence[Drawn], name: str, folder: Path) -> list[Path]:
    """Write boxes in the format ``name`` into a folder.

    Raises:
        InputError: The format is not known, two images have one file name, or nothing can be written.
    """
    if name not in FORMATS:
        raise InputError(f"format {name!r} is not known: give {', '.join(FORMATS)}")
    stems = [Path(image.file).stem for image in images]
    if twins := {stem for stem in stems if stems.count(stem) > 1}:
        raise InputError(f"{min(twins)} names two images; labels go by the file name: rename one")
    return FORMATS[name](images, folder)


def _shape(image: Drawn, index: int) -> dict[str, Any]:
    """Positions in percent of the image; the box is turned clockwise about its first corner."""
    _, _, length, width, angle = map(float, image.boxes.boxes[index])
    x, y = map(float, image.boxes.corners()[index, 0])
    across, down = 100 / image.size[0], 100 / image.size[1]
    return {
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": image.size[0],
        "original_height": image.size[1],
        "image_rotation": 0,
        "value": {
            "x": x * across,
            "y": y * down,
            "width": length * across,
            "height": width * down,
            "rotation": angle % 360,
            "rectanglelabels": [CLASS],
        },
    }


def _rounded(points: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 3) for value in points.ravel()]


def _json(plain: Any, path: Path) -> Path:
    with written(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    return path
