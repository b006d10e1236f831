"""What a person drew in an image, as a label file holds it: nothing here knows where the image lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.textfile import short

Role = Literal["railcar", "doubtful", "ignore"]
LARGEST = 1e9
"""No pixel, degree or metre of map is larger."""
FORMATS = "GeoJSON polygons, a Label Studio JSON export, COCO JSON, DOTA text, or yardwatch labels"
IGNORED_WORDS = frozenset({"ignore", "ignored", "doubtful", "difficult", "unsure"})
"""Classes whose objects are neither right nor wrong to find."""
MOST_MARKS = 100_000
"""Objects in one file."""
MOST_POINTS = 10_000
"""Vertices of one outline."""


@dataclass(frozen=True, eq=False)
class Mark:
    """One object of a label file."""

    label: str
    """How messages name it: the file and the place in it."""
    points: NDArray[np.float64]
    """(n, 2) outline of a railcar, n at least 3, or an ``ignore`` line, n at least 2."""
    word: str = ""
    """Class as written, empty where there is none."""
    role: Role = "railcar"
    """``doubtful`` railcars and ``ignore`` lines are neither right nor wrong to find."""

    def __post_init__(self) -> None:
        fewest = 2 if self.role == "ignore" else 3
        if self.points.ndim != 2 or self.points.shape[1] != 2 or len(self.points) < fewest:
            raise InputError(f"{self.label} has {len(self.points)} corners: draw at least {fewest}")
        if len(self.points) > MOST_POINTS:
            raise InputError(f"{self.label} has {len(self.points)} corners, more than {MOST_POINTS}")
        if not (np.abs(self.points) < LARGEST).all():  # NaN compares false
            raise InputError(f"{self.label} has a corner that is no finite position")
        spread = np.linalg.svd(self.points - self.points.mean(axis=0), compute_uv=False)
        if spread[fewest - 2] <= 1e-9 * max(1.0, float(spread[0])):
            raise InputError(f"{self.label} has no {'length' if fewest == 2 else 'area'}: draw it again")
        self.points.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Sheet:
    """What one label file says of one image."""

    path: Path
    """The label file."""
    image: str
    """File name of the image, or its stem."""
    marks: tuple[Mark, ...]
    """May be empty: an image without railcars."""
    pixel: bool | None = True
    """Whether points are in pixels (origin top-left, y down), or in longitude and latitude (WGS 84); None
    where only the image can tell."""
    size: tuple[int, int] | None = None
    """Columns and rows of the image that was labelled, where the file says so."""
    gsd_m: float | None = None
    """Metres a pixel, where the file says so."""

    def __post_init__(self) -> None:
        if len(self.marks) > MOST_MARKS:
            raise InputError(f"{self.path} holds {len(self.marks)} objects, more than {MOST_MARKS}")
        if self.gsd_m is not None and not 0 < self.gsd_m < 1000:
            raise InputError(f"{self.path}: gsd_m is {self.gsd_m}: give metres a pixel, more than 0")


def number(label: str, value: object, name: str) -> float:
    """A finite number from outside.

    Raises:
        InputError: It is something else; the message names object, key and value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        raise InputError(f"{label}: {name} is {short(value)}: write a finite number")
    return float(value)


def side(label: str, value: object, name: str) -> float:
    """A length from outside, more than 0; raises as ``number`` does."""
    length = number(label, value, name)
    if length <= 0:
        raise InputError(f"{label}: {name} is {length}: a railcar has a size")
    return length


def mapping(label: str, value: object) -> dict[str, Any]:
    """A JSON object from outside, or InputError."""
    if not isinstance(value, dict):
        raise InputError(f"{label} is {short(value)}: expected an object with keys")
    return value


def listed(label: str, value: object, name: str) -> list[Any]:
    """A JSON list from outside, or InputError."""
    if not isinstance(value, list):
        raise InputError(f"{label}: {name} is {short(value)}: expected a list")
    if len(value) > MOST_MARKS:
        raise InputError(f"{label}: {name} holds {len(value)} entries, more than {MOST_MARKS}")
    return value


def word_of(value: object) -> str:
    """A class name from outside, short; empty where it is no text."""
    return value.strip()[:64] if isinstance(value, str) else ""


def turned_box(cx: float, cy: float, length: float, width: float, angle_deg: float) -> NDArray[np.float64]:
    """Corners (4, 2) of a box turned clockwise about its centre (y down)."""
    angle = np.deg2rad(angle_deg)
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * width / 2
    centre = np.array([cx, cy])
    corners: NDArray[np.float64] = np.stack(
        [centre - along - across, centre + along - across, centre + along + across, centre - along + across]
    )
    return corners


def positions(label: str, value: object) -> NDArray[np.float64]:
    """Positions (n, 2) from outside, or InputError."""
    rows = []
    for pair in listed(label, value, "points"):
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"{label}: {short(pair)} is not a position: write [x, y]")
        rows.append([number(label, pair[0], "x"), number(label, pair[1], "y")])
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def role_of(word: str, unsure: bool) -> Role:
    """``doubtful`` where the class or a flag says so."""
    return "doubtful" if unsure or word.lower() in IGNORED_WORDS else "railcar"


def file_name(value: object) -> str:
    """The file's name at the end of a path or address; empty where there is none.

    Label Studio writes ``/data/upload/3/1f2e3d4c-yard.png`` or ``/data/local-files/?d=images/yard.png``.
    """
    if not isinstance(value, str):
        return ""
    path = value.split("?d=", 1)[1] if "?d=" in value else value.split("?", 1)[0]
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return re.sub(r"^[0-9a-f]{8}-(?=.)", "", name)[:255]
