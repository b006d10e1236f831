"""What lies in the folder of a run, and what each file is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evidence.dossier.crate import WORDS
from imagery.errors import InputError

BESIDE = {
    "dossier": "All of it sealed, to be handed on: `yardwatch verify` checks it",
    "review.jsonl": "What a person said of the boxes, mark by mark",
    "review.csv": "The machine's counts and a person's, side by side",
    "review.json": "What the checked images say of all the others",
}
"""What a run leaves beside the files of its dossier."""
RASTERS = "rasters"
"""Folder of a run's rasters."""
STYLE = "How QGIS shows the layer of this name"
RASTER = "Where the tracks are filled on this date (COG); its STAC Item (.json) and style (.qml) beside it"


@dataclass(frozen=True)
class Item:
    """One file or folder."""

    path: Path
    """Where it lies."""
    words: str
    """What it is."""
    bytes: int | None
    """Its size, None of a folder."""


def contents(out: Path) -> list[Item]:
    """The files of a run, the page first; hidden ones and what lies beside a raster are left out.

    Raises:
        InputError: It is no folder of a run.
    """
    if not (out / "run.json").is_file():
        raise InputError(f"{out} holds no run: give the folder of `yardwatch run` or `yardwatch count`")
    shown_below = *(out / "report").glob("*.html"), *(out / RASTERS).glob("*.tif")
    names = [path.relative_to(out).as_posix() for path in (*out.iterdir(), *shown_below)]
    known = [*sorted(WORDS, key=lambda name: not name.endswith(".html")), *BESIDE]
    shown = [name for name in known if name in names]
    others = sorted(
        name for name in names if name not in shown and name not in ("report", RASTERS) and name[0] != "."
    )
    return [_item(out, name) for name in (*shown, *others)]


def _item(out: Path, name: str) -> Item:
    path = out / name
    words = {**WORDS, **BESIDE}.get(name, {".qml": STYLE, ".tif": RASTER}.get(path.suffix, ""))
    return Item(path.resolve(), words, path.stat().st_size if path.is_file() else None)
