"""Every file below some paths, in a fixed order, each once; links never lead out of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagery.errors import InputError
from imagery.scenes import Refused

IMAGES = frozenset({".tif", ".tiff", ".gtiff", ".png", ".jpg", ".jpeg", ".jp2", ".j2k", ".vrt"})
"""Endings of images that are looked into without being named."""
CUBES = frozenset({".nc", ".nc4", ".zarr"})
"""Endings of cubes that are looked into without being named."""
ZARR_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""A folder that holds one of these is a Zarr store."""


@dataclass(frozen=True)
class Found:
    """One file or Zarr store, and the folder in which it was looked for."""

    path: Path
    """As reached from the root, links not resolved."""
    root: Path
    """The folder given by the user, or the parent of the file given."""
    label: str
    """Prefix of ids, empty where there is one root only."""
    named: bool
    """Given by name."""

    @property
    def key(self) -> str:
        """Id of the file: label and path below the root, without its ending."""
        return self.key_of(self.path.with_suffix(""))

    def key_of(self, path: Path) -> str:
        """Id of a path beside this file."""
        below = path.relative_to(self.root).as_posix()
        return f"{self.label}/{below}" if self.label else below


def walk(paths: Sequence[Path], refused: list[Refused]) -> Iterator[Found]:
    """Every file below the paths, sorted, each once; links that lead out are added to ``refused``.

    Hidden files and folders are passed over; a Zarr store is one file.

    Raises:
        InputError: A path does not exist.
    """
    missing = [path for path in paths if not path.exists()]
    if missing or not paths:
        raise InputError(f"no such file or folder: {', '.join(map(str, missing)) or '(none given)'}")
    roots = sorted({_root(path) for path in paths})
    seen: set[Path] = set()
    # Named files first: they stay named where a folder holds them, too.
    for path in sorted(set(paths), key=lambda path: (_root(path) == path, path)):
        root = _root(path)
        twins = sum(other.name == root.name for other in roots)
        label = "" if len(roots) == 1 else root.name if twins == 1 else root.as_posix()
        for file in _files(path, refused) if root == path else [path]:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield Found(file, root, label, named=file == path)


def is_zarr(path: Path) -> bool:
    """Whether a path is a Zarr store."""
    return path.is_dir() and any((path / mark).is_file() for mark in ZARR_MARKS)


def _root(path: Path) -> Path:
    return path if path.is_dir() and not is_zarr(path) else path.parent


def _files(folder: Path, refused: list[Refused]) -> Iterator[Path]:
    inside = folder.resolve()
    for place, below, names in os.walk(folder):
        folders = [Path(place, name) for name in sorted(below) if not name.startswith(".")]
        links = {path for path in folders if path.is_symlink()}
        stores = {path for path in folders if is_zarr(path)}
        below[:] = [path.name for path in folders if path not in links | stores]
        files = [Path(place, name) for name in sorted(names) if not name.startswith(".")]
        for path in sorted([*links, *stores, *files]):
            if not path.is_symlink() or path.resolve().is_relative_to(inside):
                if path not in links:  # what it links to is walked itself
                    yield path
            elif path in links or path.suffix.lower() in IMAGES | CUBES:
                refused.append(
                    Refused(
                        path,
                        "outside-folder",
                        f"{path.name} is a link out of {folder}: copy its target there, or name it",
                    )
                )
