"""The desk of one review: a verified dossier, its images, and the book that takes down what is said."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from evidence.config import RunConfig, anchored
from evidence.dossier.contents import config_in
from evidence.dossier.seal import Plain
from evidence.dossier.verify import Held
from evidence.review.counts import (
    Box,
    Counted,
    Looked,
    check_wish,
    corrections,
    counted_images,
    looked_at,
    order,
    write_review,
)
from evidence.review.marks import Action, Book, Mark, Number, Said
from evidence.review.pictures import View, view_of
from evidence.tables import utc_text
from imagery.errors import InputError
from imagery.scenes import Scene
from imagery.sites import load_site
from imagery.sources.folders.folder import find_scenes

KEPT = 6
"""Pictures kept in memory."""


class Wish(Plain):
    """What the page asks for."""

    action: Action
    """See evidence.review.marks."""
    box: str | None = Field(max_length=20)
    """Which box."""
    at: tuple[Number, Number, Number, Number, Number] | None
    """Where to, in pixels of the picture."""


@dataclass(frozen=True, eq=False)
class Laid:
    """A verified dossier with its images at hand."""

    held: Held
    """The dossier."""
    config: RunConfig
    """Its config, with absolute paths."""
    scenes: Mapping[str, Scene]
    """What its tiles hold, by id."""
    images: tuple[Counted, ...]
    """Those in which wagons were counted one by one."""


def lay_out(held: Held) -> Laid:
    """Find the images behind the boxes of a dossier.

    Raises:
        InputError: Nothing was counted wagon by wagon, or the inputs are not at hand.
    """
    if held.base is None:
        raise InputError("a review needs the images: give the folder of the inputs with --inputs")
    config = anchored(config_in(held), held.base, held.stores)
    scenes = find_scenes(config.tiles, gsd_m=config.gsd_m, bands=config.bands).scenes
    return Laid(held, config, {scene.id: scene for scene in scenes}, counted_images(held))


class Desk:
    """Answers what the page asks, and writes down what the person says."""

    def __init__(self, laid: Laid, book: Book, who: str, out: Path) -> None:
        """Open for one person.

        Args:
            laid: The dossier and its images.
            book: Where marks go.
            who: Name of the person.
            out: The run's folder, for the tables.
        """
        self._held, self._config, self._scenes, self.images = laid.held, laid.config, laid.scenes, laid.images
        self._book, self._who, self._out = book, who, out
        self._lock = threading.Lock()
        self._sites = {site.id: site for site in map(load_site, laid.config.sites)}
        self.view = lru_cache(KEPT)(self._view)

    @property
    def content(self) -> str:
        """Content hash of the dossier."""
        return self._held.seal.content_sha256

    @property
    def marks(self) -> list[Mark]:
        """What was said of this dossier; marks of another stay in the book unused."""
        return [mark for mark in self._book.marks if mark.content == self.content]

    def overview(self) -> dict[str, Any]:
        """Every image with both counts, in the order in which checking helps most, and the means."""
        marks = self.marks
        looks = looked_at(self.images, marks)
        means = corrections(self.images, marks, self.content, self._config.target, self._config.level)
        return {
            "title": self._config.title,
            "who": self._who,
            "simulated": any(scene.simulated for scene in self._scenes.values()),
            "images": [self._line(i, looks[i]) for i in self._in_order()],
            "means": [
                {
                    "site": site,
                    "dates": f"{name} ({mean.dates})",
                    "machine": mean.machine,
                    "person": mean.value if mean.draws else None,
                    "low": _finite(mean.low),
                    "high": _finite(mean.high),
                    "draws": mean.draws,
                    "checked": mean.checked,
                }
                for site, groups in means.items()
                for name, mean in groups.items()
            ],
        }

    def image(self, number: int) -> dict[str, Any]:
        """One image: its picture's size, and its boxes in pixels of the picture."""
        looked, view = self._looked(number), self.view(number)
        placed = view.to_picture(np.array(list(looked.boxes.values())).reshape(-1, 5))
        return {
            **self._line(number, looked),
            "width": view.width,
            "height": view.height,
            "gsd_m": view.gsd_m,
            "boxes": [
                {"id": id, "at": [round(float(x), 2) for x in at], "said": looked.said.get(id, "")}
                for id, at in zip(looked.boxes, placed, strict=True)
            ],
        }

    def picture(self, number: int) -> bytes:
        """One image as WebP."""
        return self.view(number).webp

    def say(self, number: int, wish: Wish) -> dict[str, Any]:
        """Write down what was said of one image; gives what ``image`` gives then.

        Raises:
            InputError: There is no such image or box, or it is not to be changed.
        """
        image = self._image(number)
        with self._lock:
            check_wish(self._looked(number), wish.action, wish.box, wish.at)
            self._book.append(
                Said(
                    who=self._who,
                    when=utc_text(datetime.now(UTC)) or "",
                    content=self.content,
                    site=image.site,
                    scene_id=image.scene_id,
                    action=wish.action,
                    box=wish.box,
                    at=None if wish.at is None else self._placed(number, wish.at),
                )
            )
            self.write()
        return self.image(number)

    def write(self) -> None:
        """Write the tables of the review beside those of the run."""
        write_review(self._held, self.images, self.marks, self._out)

    def page(self) -> bytes:
        """The run's report."""
        return (self._held.folder / "report" / "index.html").read_bytes()

    def _placed(self, number: int, at: Box) -> Box:
        x, y, length, width, angle = map(float, self.view(number).to_image(np.array([at]))[0])
        return x, y, length, width, angle

    def _image(self, number: int) -> Counted:
        if not 0 <= number < len(self.images):
            raise InputError(f"there is no image {number}")
        return self.images[number]

    def _view(self, number: int) -> View:
        image = self._image(number)
        if image.scene_id not in self._scenes:
            raise InputError(f"{image.scene_id} is not among the inputs any more")
        return view_of(self._scenes[image.scene_id], self._sites.get(image.site))

    def _in_order(self) -> list[int]:
        """First those drawn, site after site, each once; then the others."""
        drawn = [int(i) for draws, _ in order(self.images, self.content).values() for i in draws]
        return list(dict.fromkeys([*drawn, *range(len(self.images))]))

    def _looked(self, number: int) -> Looked:
        return looked_at([self._image(number)], self.marks)[0]

    def _line(self, number: int, looked: Looked) -> dict[str, Any]:
        image = self.images[number]
        scene = self._scenes.get(image.scene_id)
        return {
            "number": number,
            "site": image.site,
            "scene_id": image.scene_id,
            "taken_at": image.taken_at,
            "simulated": scene is not None and scene.simulated,
            "machine": image.value,
            "low": _finite(image.low),
            "high": _finite(image.high),
            "person": looked.count,
            "done": looked.done,
            "who": looked.who,
            "when": looked.when,
        }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
