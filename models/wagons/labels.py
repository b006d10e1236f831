"""Labels that a user brings: found in files, given to the image they belong to, put onto its grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import ground_gsd, lonlat_to_pixel, pixel_to_lonlat
from imagery.sources.folders.walk import IMAGES
from models.wagons.labelfiles import read_sheets
from models.wagons.marks import FORMATS, Mark, Sheet
from models.wagons.score import Labels

ENDINGS = frozenset({".json", ".geojson", ".txt"})
"""Files of a folder that are read; what they hold decides the format."""
MOST_FILES = 20_000
USUAL_M = (3.0, 60.0)
"""Between these lies the median length of real railcars, cut ones and long units among them."""

Points = NDArray[np.float64]


def find_sheets(path: Path) -> list[Sheet]:
    """Read one label file, or every one below a folder.

    Raises:
        InputError: There is none, one cannot be used, or two speak of the same image.
    """
    files = [path]
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
    if not files:
        raise InputError(f"{path} holds no label file ({', '.join(sorted(ENDINGS))}): give {FORMATS}")
    if len(files) > MOST_FILES:
        raise InputError(f"{path} holds {len(files)} files, more than {MOST_FILES}: give a smaller folder")
    sheets = [sheet for file in files for sheet in read_sheets(file)]
    first: dict[str, Sheet] = {}
    for sheet in sheets:
        other = first.setdefault(_stem(sheet.image), sheet)
        if other is not sheet:
            raise InputError(
                f"labels of {sheet.image!r} stand in {other.path} and in {sheet.path}: keep one of them"
            )
    return sheets


def sheets_of(images: Mapping[str, Iterable[str]], sheets: Sequence[Sheet]) -> dict[str, Sheet]:
    """Which labels belong to which image: by the stem of its file name, or being the only ones of only one.

    Args:
        images: Names of each image (file names, a Scene's id) by its key.
        sheets: What the label files hold.

    Returns:
        The Sheet of each image that has one.

    Raises:
        InputError: No image has any.
    """
    by_stem = {_stem(sheet.image): sheet for sheet in sheets}
    found = {
        key: by_stem[stem]
        for key, names in images.items()
        if (stem := next((s for name in names if (s := _stem(name)) in by_stem), None)) is not None
    }
    if not found and len(images) == len(sheets) == 1:
        return {key: sheets[0] for key in images}
    if not found:
        raise InputError(
            f"labels are of {_some(sheet.image for sheet in sheets)}, images are {_some(images)}: "
            "name a label file as its image, or give one image and its labels alone"
        )
    return found


def classes_of(sheets: Iterable[Sheet]) -> Counter[str]:
    """How many railcars are labelled in each class, as the files name it."""
    return Counter(mark.word for sheet in sheets for mark in sheet.marks if mark.role == "railcar")


def labels_on(
    sheet: Sheet, native: GeoBox, grid: GeoBox | None = None, classes: Collection[str] = ()
) -> Labels:
    """Put labels onto the grid of their image.

    Outlines become their smallest turned rectangles. Railcars whose centre lies outside the image are
    doubtful; what does not touch it is left out.

    Args:
        sheet: Labels of the image.
        native: Grid of the file, in whose pixels labels are drawn.
        grid: Grid on which the image is read, with square pixels; the native one by default.
        classes: Only these classes are railcars; all by default.

    Returns:
        Labels in pixels of ``grid``.

    Raises:
        InputError: The labels belong to another image: its size, position or GSD does not fit.
    """
    grid = native if grid is None else grid
    _check_size(sheet, native)
    wanted = [mark for mark in sheet.marks if mark.role == "ignore" or not classes or mark.word in classes]
    if classes and not wanted and sheet.marks:
        told = ", ".join(repr(word) for word in sorted(classes_of([sheet])))
        raise InputError(
            f"{sheet.path}: no railcar is of class {', '.join(sorted(classes))}; there are {told}"
        )
    pixel = native.crs is None if sheet.pixel is None else sheet.pixel
    placed = [(mark, _placed(mark.points, pixel, native, grid)) for mark in _upright(wanted, pixel)]
    placed = [(mark, points) for mark, points in placed if _touches(points, grid)]
    boxes = {
        role: np.array([_rectangle(points) for mark, points in placed if mark.role == role]).reshape(-1, 5)
        for role in ("railcar", "doubtful")
    }
    inside = _inside(boxes["railcar"][:, :2], grid)
    railcars = [mark for mark in wanted if mark.role == "railcar"]
    if railcars and not inside.any():
        x, y = railcars[0].points[0]
        raise InputError(
            f"{sheet.path}: none of {len(railcars)} railcars lies in {sheet.image!r} "
            f"({grid.shape[1]} x {grid.shape[0]} pixels; the first is at {x:g}, {y:g}): "
            "check the image, and the order and CRS of the coordinates"
        )
    labels = Labels(
        image=sheet.image,
        gsd_m=ground_gsd(grid),
        boxes=boxes["railcar"][inside],
        doubtful=np.concatenate([boxes["doubtful"], boxes["railcar"][~inside]]),
        ignore=tuple(points for mark, points in placed if mark.role == "ignore"),
    )
    _check_length(sheet, labels)
    return labels


def _stem(name: str) -> str:
    """A file's name without folder and an image's ending, in small letters; a Scene's id may hold a path."""
    file = Path(name.lower())
    return file.stem if file.suffix in IMAGES else file.name


def _some(names: Iterable[str]) -> str:
    every = sorted(names)
    return ", ".join(every[:5]) + (f" and {len(every) - 5} more" if len(every) > 5 else "")


def _check_size(sheet: Sheet, native: GeoBox) -> None:
    here = (int(native.shape[1]), int(native.shape[0]))
    if sheet.size is not None and sheet.size != here:
        raise InputError(
            f"{sheet.path}: labels of {sheet.image!r} were drawn on {sheet.size[0]} x {sheet.size[1]} "
            f"pixels, the image has {here[0]} x {here[1]}: give the image that was labelled"
        )
    if sheet.pixel is False and native.crs is None:
        raise InputError(
            f"{sheet.path}: labels are on the map but {sheet.image!r} has no map position: "
            "give labels in pixels, or an image with a position"
        )


def _check_length(sheet: Sheet, labels: Labels) -> None:
    if not len(labels.boxes):
        return
    median = float(np.median(labels.boxes[:, 2])) * labels.gsd_m
    if not USUAL_M[0] <= median <= USUAL_M[1]:
        raise InputError(
            f"{sheet.path}: railcars measure {median:.3g} m (median) at {labels.gsd_m:.3g} m a pixel: "
            "check the GSD, and label railcars one by one"
        )


def _upright(marks: Sequence[Mark], pixel: bool) -> list[Mark]:
    """Rows counted downwards: QGIS shows an image without a map position with its rows at negative y."""
    if not pixel or not marks or np.median(np.concatenate([mark.points[:, 1] for mark in marks])) >= 0:
        return list(marks)
    return [Mark(mark.label, mark.points * [1, -1], mark.word, mark.role) for mark in marks]


def _placed(points: Points, pixel: bool, native: GeoBox, grid: GeoBox) -> Points:
    if pixel and native == grid:
        return points
    with np.errstate(invalid="ignore"):  # infinite where the projection is not defined
        return lonlat_to_pixel(grid, pixel_to_lonlat(native, points) if pixel else points)


def _touches(points: Points, grid: GeoBox) -> bool:
    rows, cols = grid.shape
    if not np.isfinite(points).all():
        return False
    low, high = points.min(axis=0), points.max(axis=0)
    return bool((high > 0).all() and (low < [cols, rows]).all())


def _inside(centres: Points, grid: GeoBox) -> NDArray[np.bool_]:
    rows, cols = grid.shape
    return np.asarray(((centres >= 0) & (centres < [cols, rows])).all(axis=1), dtype=bool)


def _rectangle(points: Points) -> tuple[float, float, float, float, float]:
    """Smallest turned rectangle around points: cx, cy, length, width, angle; length is the longer side."""
    corner = points.mean(axis=0)  # cv2 works in single precision
    (x, y), (first, second), degrees = cv2.minAreaRect((points - corner).astype(np.float32))
    if first < second:
        first, second, degrees = second, first, degrees + 90
    return corner[0] + x, corner[1] + y, first, second, (degrees + 90) % 180 - 90
