"""Exports of labelling tools: Label Studio, COCO and DOTA, each into Sheets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.textfile import short
from models.wagons.marks import (
    FORMATS,
    Mark,
    Sheet,
    file_name,
    listed,
    mapping,
    number,
    positions,
    role_of,
    side,
    turned_box,
    word_of,
)

_NOT_DRAWN = frozenset({"choices", "textarea", "rating", "number", "datetime", "relation", "taxonomy"})
"""What a Label Studio result may be besides a shape."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?", re.IGNORECASE | re.ASCII)


def label_studio(path: Path, tasks: list[Mapping[str, Any]]) -> list[Sheet]:
    """Label Studio's JSON export: positions in percent of the image, boxes turned about their first corner.

    A task without an annotation says nothing; one with an empty annotation says that there is no railcar.
    """
    sheets = []
    for i, task in enumerate(tasks, 1):
        where = f"{path}: task {short(task.get('id', i))}"
        results = _results(where, task)
        if results is None:
            continue
        drawn = [
            found for j, result in enumerate(results, 1) if (found := _drawn(f"{where}, result {j}", result))
        ]
        sizes = {size for _, size in drawn}
        if len(sizes) > 1:
            raise InputError(f"{where}: its results name different image sizes, {sorted(sizes)}")
        data = mapping(f"{where}: data", task.get("data", {}))
        names = [data.get("image"), *data.values(), task.get("file_upload")]
        image = next((name for value in names if (name := file_name(value))), path.stem)
        sheets.append(
            Sheet(path, image, tuple(mark for mark, _ in drawn), size=sizes.pop() if sizes else None)
        )
    return sheets


def _results(where: str, task: Mapping[str, Any]) -> list[Any] | None:
    """What the one annotation of a task holds, or None where nobody has worked on it."""
    every = [
        mapping(f"{where}: annotation", annotation)
        for annotation in listed(where, task.get("annotations"), "annotations")
    ]
    done = [annotation for annotation in every if annotation.get("was_cancelled") is not True]
    if len(done) > 1:
        raise InputError(f"{where} has {len(done)} annotations: keep one of them and export again")
    return listed(where, done[0].get("result"), "result") if done else None


def _drawn(label: str, value: object) -> tuple[Mark, tuple[int, int]] | None:
    """A shape and the size of the image it was drawn in; None for choices, texts and relations."""
    result = mapping(label, value)
    kind = result.get("type")
    if kind in _NOT_DRAWN:
        return None
    if kind not in ("rectanglelabels", "polygonlabels"):
        raise InputError(f"{label} is of type {short(kind)}: use RectangleLabels or PolygonLabels")
    if result.get("image_rotation") not in (0, None):
        raise InputError(f"{label}: the image was turned while labelling: turn it back")
    size = [side(label, result.get(key), key) for key in ("original_width", "original_height")]
    shape = mapping(f"{label}: value", result.get("value"))
    words = shape.get(kind)
    word = word_of(words[0]) if isinstance(words, list) and words else ""
    percent = np.array(size) / 100
    points = (
        positions(label, shape.get("points")) * percent
        if kind == "polygonlabels"
        else _turned(label, shape, percent)
    )
    return Mark(label, points, word, role_of(word, False)), (round(size[0]), round(size[1]))


def _turned(label: str, shape: Mapping[str, Any], percent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of a box in pixels, turned clockwise about its first corner."""
    corner = np.array([number(label, shape.get(key), key) for key in ("x", "y")]) * percent
    across, down = np.array([side(label, shape.get(key), key) for key in ("width", "height")]) * percent
    angle = np.deg2rad(number(label, shape.get("rotation", 0), "rotation"))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners: NDArray[np.float64] = corner + turned_box(across / 2, down / 2, across, down, 0.0) @ turn
    return corners


def coco(path: Path, data: Mapping[str, Any]) -> list[Sheet]:
    """COCO: outlines where there are any, else boxes, turned where ``attributes.rotation`` says so."""
    words = {
        _key(category.get("id")): word_of(category.get("name"))
        for _, category in _entries(path, data, "categories")
    }
    marks: dict[str, list[Mark]] = defaultdict(list)
    for label, annotation in _entries(path, data, "annotations"):
        word = words.get(_key(annotation.get("category_id")), "")
        crowd = annotation.get("iscrowd") in (1, True)
        mark = Mark(label, _coco_points(label, annotation, crowd), word, role_of(word, crowd))
        marks[_key(annotation.get("image_id"))].append(mark)
    sheets = {}
    for label, image in _entries(path, data, "images"):
        name, key = file_name(image.get("file_name")), _key(image.get("id"))
        if not name or key in sheets:
            raise InputError(f"{label}: an image needs a file_name and an id of its own")
        size = None
        if image.get("width") is not None and image.get("height") is not None:
            size = (
                round(side(label, image["width"], "width")),
                round(side(label, image["height"], "height")),
            )
        sheets[key] = Sheet(path, name, tuple(marks.pop(key, [])), size=size)
    if marks:
        raise InputError(f"{next(iter(marks.values()))[0].label}: its image_id is that of no image")
    return list(sheets.values())


def _entries(path: Path, data: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with how messages name it."""
    for i, value in enumerate(listed(str(path), data.get(name, []), name), 1):
        label = f"{path}: {name} {i}"
        entry = mapping(label, value)
        yield f"{label} (id {short(entry['id'])})" if "id" in entry else label, entry


def _coco_points(label: str, annotation: Mapping[str, Any], crowd: bool) -> NDArray[np.float64]:
    outline = annotation.get("segmentation")
    if isinstance(outline, list) and outline:
        rings = [listed(label, ring, "segmentation") for ring in outline]
        if any(len(ring) % 2 for ring in rings):
            raise InputError(f"{label}: segmentation has an odd number of values: write x, y, x, y, ...")
        flat = [number(label, value, "segmentation") for ring in rings for value in ring]
        return np.array(flat, dtype=np.float64).reshape(-1, 2)
    if isinstance(outline, dict) and not crowd:
        raise InputError(f"{label}: segmentation is a mask: export outlines (polygons) instead")
    box = listed(label, annotation.get("bbox"), "bbox")
    if len(box) != 4:
        raise InputError(f"{label}: bbox is {short(box)}: write [x, y, width, height]")
    x, y = (number(label, value, "bbox") for value in box[:2])
    width, height = (side(label, value, "bbox") for value in box[2:])
    attributes = annotation.get("attributes")
    turn = attributes.get("rotation", 0) if isinstance(attributes, dict) else 0
    return turned_box(x + width / 2, y + height / 2, width, height, number(label, turn, "rotation"))


def _key(value: object) -> str:
    """An id as text, so that 1, 1.0 and "1" are one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else short(value)


def dota(path: Path, text: str) -> Sheet:
    """DOTA: eight coordinates, class and difficulty a line, after lines with ``imagesource`` and ``gsd``."""
    marks, gsd, known = [], None, False
    for i, line in enumerate(text.splitlines(), 1):
        label = f"{path}: line {i}"
        start, _, told = line.strip().lower().partition(":")
        if start in ("imagesource", "gsd"):
            known = True
            if start == "gsd" and told.strip() not in ("", "null", "none"):
                gsd = _float(label, told.strip(), "gsd")
        elif line.strip():
            marks.append(_dota_mark(label, line.split()))
    if not known and not marks:
        raise InputError(f"{path} holds no labels that are known: give {FORMATS}")
    return Sheet(path, path.stem, tuple(marks), gsd_m=gsd)


def _dota_mark(label: str, parts: list[str]) -> Mark:
    if not 9 <= len(parts) <= 10 or _NUMBER.fullmatch(parts[8]):
        said = short(" ".join(parts))
        raise InputError(
            f"{label} is {said}: expected x1 y1 x2 y2 x3 y3 x4 y4 class difficult (DOTA); "
            f"labels that are known are {FORMATS}"
        )
    points = np.array([_float(label, part, "a coordinate") for part in parts[:8]]).reshape(4, 2)
    word = word_of(parts[8])
    return Mark(label, points, word, role_of(word, parts[9:] == ["1"]))


def _float(label: str, text: str, name: str) -> float:
    return number(label, float(text) if _NUMBER.fullmatch(text) else text, name)
