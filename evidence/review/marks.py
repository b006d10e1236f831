"""What a person says of boxes, kept append-only: each line holds the hash of the line before."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from evidence.dossier.seal import FIRST, Hex, Plain, canonical, digest
from imagery.errors import InputError
from imagery.textfile import read_text
from imagery.whole import appended

MAX_BYTES = 64 * 1024 * 1024
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e7, le=1e7)]
Action = Literal["accept", "reject", "move", "add", "done", "reopen"]


class Said(Plain):
    """One thing said, by whom and when."""

    who: str = Field(min_length=1, max_length=200)
    """Name that the person gave."""
    when: str
    """UTC, ISO 8601."""
    content: Hex
    """Content hash of the dossier whose boxes were looked at."""
    site: str
    """Site id, empty where there is none."""
    scene_id: str
    """The image."""
    action: Action
    """``accept``, ``reject``, ``move`` or ``add`` a box; the whole image ``done``, or to ``reopen``."""
    box: str | None
    """``m7``: the machine's eighth box in the image; ``p12``: the one that line 12 of this file added."""
    at: tuple[Number, Number, Number, Number, Number] | None
    """Centre x and y, length, width in pixels of the image, angle in degrees, of a box moved or added."""


class Mark(Said):
    """One line of ``review.jsonl``."""

    index: int = Field(ge=0)
    """Counted from 0."""
    previous: Hex
    """Hash of the line before, FIRST where there is none."""
    hash: Hex
    """SHA-256 of all the above in canonical JSON."""

    def computed(self) -> str:
        """What ``hash`` must be."""
        return digest(self.model_dump(mode="json", exclude={"hash"}))

    def line(self) -> bytes:
        """Its line."""
        return canonical(self.model_dump(mode="json"))


def load_marks(path: Path) -> list[Mark]:
    """All marks of a file, none where there is no file.

    Raises:
        InputError: A line was changed, dropped, added or moved; the message names it.
    """
    if not path.exists():
        return []
    text = read_text(path, MAX_BYTES)
    marks: list[Mark] = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        try:
            mark = Mark.model_validate_json(line)
        except ValidationError as error:
            raise InputError(f"{path}, line {number}: is no mark of a review; restore the file") from error
        follows = mark.index == len(marks) and mark.previous == (marks[-1].hash if marks else FIRST)
        if not follows or mark.hash != mark.computed() or mark.line() != line.encode():
            raise InputError(f"{path}, line {number}: was changed, or a line before it is missing or moved")
        marks.append(mark)
    return marks


class Book:
    """A file of marks, open for one writer at a time; a mark counts once it is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open for appending.

        Raises:
            InputError: The file cannot be written, does not hold together, or another review has it open.
        """
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise InputError(f"{path}: another review has it open; end that one first") from error
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error
        self._path = path
        self.marks = load_marks(path)

    def append(self, said: Said) -> Mark:
        """Write one more mark to the disk."""
        previous = self.marks[-1].hash if self.marks else FIRST
        mark = Mark(**said.model_dump(), index=len(self.marks), previous=previous, hash=FIRST)
        mark = mark.model_copy(update={"hash": mark.computed()})
        appended(self._file, self._path, mark.line())
        self.marks.append(mark)
        return mark

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
