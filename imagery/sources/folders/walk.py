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
    folder: Path
    """Where it lies, links resolved."""

    @property
    def real(self) -> Path:
        """The file itself, links resolved."""
        return self.path.resolve() if self.path.is_symlink() else self.folder / self.path.name

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
    missing = [path for path in paths if not os.path.exists(path)]  # unlike Path.exists, it takes any name
    if missing or not paths:
        raise InputError(f"no such file or folder: {', '.join(map(str, missing)) or '(none given)'}")
    roots = sorted({_root(path) for path in paths})
    seen: set[Path] = set()
    # Named files first: they stay named where a folder holds them, too.
    for path in sorted(set(paths), key=lambda path: (_root(path) == path, path)):
        root = _root(path)
        twins = sum(other.name == root.name for other in roots)
        label = "" if len(roots) == 1 else root.name if twins == 1 else root.as_posix()
        files = _files(path, refused) if root == path else _named(path, refused)
        for file, folder in files:
            found = Found(file, root, label, file == path, folder)
            if (real := found.real) not in seen:
                seen.add(real)
                yield found


def is_zarr(path: Path) -> bool:
    """Whether a path is a Zarr store."""
    return path.is_dir() and any((path / mark).is_file() for mark in ZARR_MARKS)


def _root(path: Path) -> Path:
    return path if path.is_dir() and not is_zarr(path) else path.parent


def _named(path: Path, refused: list[Refused]) -> Iterator[tuple[Path, Path]]:
    if _usable(path, None, refused):
        yield path, path.parent.resolve()


def _files(folder: Path, refused: list[Refused]) -> Iterator[tuple[Path, Path]]:
    """Each file and its folder, whose links are resolved once and not for each of its files."""

    def unreadable(error: OSError) -> None:
        refused.append(
            Refused(Path(error.filename), "unreadable", f"folder cannot be read: {error.strerror}")
        )

    for place, below, names in os.walk(folder, onerror=unreadable):
        here = Path(place).resolve()
        entries = [Path(place, name) for name in sorted((*below, *names)) if not name.startswith(".")]
        folders = {
            path for path in entries if path.name in below and not path.is_symlink() and not is_zarr(path)
        }
        below[:] = sorted(path.name for path in folders)
        for path in entries:
            # A link to a folder inside is passed over: what it links to is walked itself.
            inner = path.is_symlink() and path.is_dir() and path.resolve().is_relative_to(folder.resolve())
            if path not in folders and not inner and _usable(path, folder, refused):
                yield path, here


def _usable(path: Path, folder: Path | None, refused: list[Refused]) -> Path | None:
    """The path, or None where it cannot be used; if it looks like an image that is written down."""
    ending = path.suffix.lower()
    reason, detail = "", ""
    if not str(path).isprintable():
        # It would break tables and terminals further on.
        path = Path(ascii(str(path))[1:-1])
        reason, detail = "bad-name", f"{path.name} has a name with odd characters: rename it"
    elif folder and path.is_symlink() and not _inside(path, folder):
        reason, detail = "outside-folder", f"{path.name} is a link out of {folder}: copy its target there"
    elif not (path.is_file() or is_zarr(path)):
        reason, detail = "not-an-image", f"{path.name} is no file (a folder, pipe, device or dead link)"
    if reason and (folder is None or ending in {*IMAGES, *CUBES} or path.is_dir()):
        refused.append(Refused(path, reason, detail))
    return None if reason else path


def _inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # it leads nowhere, or round and round
        return False
