"""Machine counts beside a person's: what was said of each box, and what checked dates say of the others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence.dossier.contents import config_in
from evidence.dossier.verify import Held, verify
from evidence.files import written
from evidence.report.reviewed import with_review
from evidence.review.marks import Mark, load_marks
from evidence.tables import BOX_COLUMNS, write_csv
from evidence.verdicts.readback import read_table
from imagery.errors import InputError
from imagery.period import Period
from models.stats.checked import Corrected, chances, corrected, draw

QUANTITY = "railcars"
"""What boxes count."""
PAGE = "report/index.html"
MARKS, TABLE, SUMMARY = "review.jsonl", "review.csv", "review.json"
DRAWS_A_DATE = 4
"""Draws prepared for each date: more than a person will ever check."""

_TEXTS = ("site", "scene_id", "taken_at", "quantity")
Box = tuple[float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class Counted:
    """One image in which the machine counted wagons one by one."""

    site: str
    """Site id, empty where there is none."""
    scene_id: str
    """The image."""
    taken_at: str
    """UTC, ISO 8601; empty where unknown."""
    value: float
    """The machine's count."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    boxes: NDArray[np.float64]
    """(n, 5) as in models.detections, in pixels of the image."""

    @property
    def key(self) -> tuple[str, str]:
        """What names it."""
        return self.site, self.scene_id


@dataclass(frozen=True)
class Looked:
    """What a person has made of one image."""

    boxes: Mapping[str, Box]
    """Where each box lies now, the machine's and the person's, in pixels of the image."""
    said: Mapping[str, str]
    """``accept``, ``reject``, ``move`` or ``add``, whichever was said last, by box; nothing of the others."""
    done: bool
    """Whether the person has gone through the whole image."""
    who: str
    """Who said something last; empty where nobody has."""
    when: str
    """And when, UTC."""

    @property
    def standing(self) -> dict[str, Box]:
        """Boxes that were not rejected."""
        return {name: box for name, box in self.boxes.items() if self.said.get(name) != "reject"}

    @property
    def count(self) -> int:
        """How many stand."""
        return len(self.standing)


def counted_images(held: Held) -> tuple[Counted, ...]:
    """The images of a verified dossier in which wagons were counted one by one, by site and time.

    Raises:
        InputError: There is none.
    """
    found = read_table(held.folder / "detections.parquet", ("site", "scene_id"), BOX_COLUMNS)
    boxes = {
        key: rows[list(BOX_COLUMNS)].to_numpy(float) for key, rows in found.groupby(["site", "scene_id"])
    }
    measured = read_table(held.folder / "measurements.parquet", _TEXTS, ("value", "low", "high"))
    measured = measured[measured["quantity"] == QUANTITY].fillna({"taken_at": ""})
    images = tuple(
        Counted(row["site"], row["scene_id"], row["taken_at"], row["value"], row["low"], row["high"],
                boxes.get((row["site"], row["scene_id"]), np.empty((0, 5))))
        for row in measured.sort_values(["site", "taken_at", "scene_id"]).to_dict("records")
    )  # fmt: skip
    if not images:
        raise InputError("no image of this run was counted wagon by wagon: there is no box to look at")
    return images


def looked_at(images: Iterable[Counted], marks: Iterable[Mark]) -> list[Looked]:
    """What a person has made of each image, from all that was said of the dossier that they are from."""
    of_image: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        of_image[mark.site, mark.scene_id].append(mark)
    return [_looked(image, of_image[image.key]) for image in images]


def _looked(image: Counted, marks: Iterable[Mark]) -> Looked:
    """Go through what was said of one image, in order."""
    boxes: dict[str, Box] = {f"m{i}": _box(box) for i, box in enumerate(image.boxes)}
    said: dict[str, str] = {}
    done, who, when = False, "", ""
    for mark in marks:
        box = f"p{mark.index}" if mark.action == "add" else mark.box
        if mark.action in ("done", "reopen"):
            done = mark.action == "done"
        elif box is not None:
            said[box] = mark.action
            if mark.at is not None:
                boxes[box] = mark.at
        who, when = mark.who, mark.when
    return Looked(boxes, said, done, who, when)


def check_wish(looked: Looked, action: str, box: str | None, at: Box | None) -> None:
    """Refuse what cannot be done to an image.

    Raises:
        InputError: As the message says.
    """
    about_box, places = action in ("accept", "reject", "move"), action in ("move", "add")
    if about_box != (box is not None) or (box is not None and box not in looked.boxes):
        raise InputError(f"{action} of box {box!r}: there is no such box")
    if places != (at is not None) or (at is not None and min(at[2:4]) <= 0):
        raise InputError(f"{action} to {at}: give a place with a length and a width, or none")
    if looked.done and action != "reopen":
        raise InputError("this image is done: reopen it first")


def order(images: Sequence[Counted], content: str) -> dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """For each site the order in which its images (their indices) are to be checked, and their chances.

    The dossier's content decides the order, so nobody can choose which dates correct the series.
    """
    result = {}
    for number, site in enumerate(sorted({image.site for image in images})):
        here = [i for i, image in enumerate(images) if image.site == site]
        lows, highs = (np.array([getattr(images[i], end) for i in here]) for end in ("low", "high"))
        chance = chances(lows, highs)
        rng = np.random.default_rng([int(content[:16], 16), number])
        result[site] = np.array(here)[draw(chance, DRAWS_A_DATE * len(here), rng)], chance
    return result


def corrections(
    images: Sequence[Counted], marks: Sequence[Mark], content: str, target: str | None, level: float
) -> dict[str, dict[str, Corrected]]:
    """Corrected means by site and group of dates: all, those in the target period, those outside it."""
    result: dict[str, dict[str, Corrected]] = defaultdict(dict)
    looks = looked_at(images, marks)
    for site, (drawn, chance) in order(images, content).items():
        here = [i for i, image in enumerate(images) if image.site == site]
        place = {index: k for k, index in enumerate(here)}
        checked = {k: float(looks[i].count) for k, i in enumerate(here) if looks[i].done}
        values = np.array([images[i].value for i in here])
        inside = _inside([images[i] for i in here], target)
        groups = {
            "all dates": np.ones(len(here), dtype=bool),
            "target period": inside,
            "other dates": ~inside,
        }
        for name, among in groups.items():
            if among.any() and (target or name == "all dates"):
                draws = [place[int(i)] for i in drawn]
                result[site][name] = corrected(values, checked, draws, chance, among, level)
    return dict(result)


def write_review(held: Held, images: Sequence[Counted], marks: Sequence[Mark], out: Path) -> None:
    """Write ``review.csv`` (each image: machine and person side by side) and ``review.json`` (the means).

    The page in ``out`` is the sealed one with these counts added; the sealed one stays as it is.
    """
    rows = [_row(image, looked) for image, looked in zip(images, looked_at(images, marks), strict=True)]
    write_csv(pd.DataFrame(rows), out / TABLE)
    config = config_in(held)
    content = held.seal.content_sha256
    means = corrections(images, marks, content, config.target, config.level)
    plain = {
        "content_sha256": content,
        "last_mark": marks[-1].hash if marks else None,
        "quantity": QUANTITY,
        "level": config.level,
        "mean": {
            site: {name: _plain(mean) for name, mean in groups.items()} for site, groups in means.items()
        },
    }
    with written(out / SUMMARY) as path:
        path.write_text(json.dumps(plain, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    sealed = held.folder / PAGE
    if marks and sealed.exists():
        said = [row for row in rows if row["who"]]
        with written(out / PAGE) as path:
            path.write_text(with_review(sealed.read_text(encoding="utf-8"), said, means), encoding="utf-8")


def refresh(out: Path) -> None:
    """Write the review's files of a run again, from the marks that were made of it.

    Raises:
        YardwatchError: The dossier or the marks do not hold.
    """
    held = verify(out, look_at_inputs=False)
    marks = [mark for mark in load_marks(out / MARKS) if mark.content == held.seal.content_sha256]
    if marks:
        write_review(held, counted_images(held), marks, out)


def _row(image: Counted, looked: Looked) -> dict[str, object]:
    said = list(looked.said.values())
    return {
        "site": image.site,
        "scene_id": image.scene_id,
        "taken_at": image.taken_at,
        "machine": image.value,
        "low": image.low,
        "high": image.high,
        "machine_boxes": len(image.boxes),
        "person": looked.count if looked.done else None,
        "accepted": said.count("accept"),
        "rejected": said.count("reject"),
        "moved": said.count("move"),
        "added": sum(name.startswith("p") and looked.said[name] != "reject" for name in looked.boxes),
        "who": looked.who,
        "when": looked.when,
    }


def _plain(mean: Corrected) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in asdict(mean).items()}


def _inside(images: Sequence[Counted], target: str | None) -> NDArray[np.bool_]:
    if target is None:
        return np.zeros(len(images), dtype=bool)
    period = Period.parse(target)
    first, end = str(period.start), str(period.end)
    return np.array([first <= image.taken_at < end for image in images], dtype=bool)


def _box(values: NDArray[np.float64]) -> Box:
    x, y, length, width, angle = map(float, values)
    return x, y, length, width, angle
