"""Cells and texts that are safe to hand on, and the hash that identifies a file."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from imagery.whole import noted as noted
from imagery.whole import written as written

_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are their full-width forms


def plain_cell(value: Any) -> Any:
    """A cell of a table: spreadsheets run text that starts like a formula, an apostrophe stops them."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def without_folder(text: str, *folders: Path) -> str:
    """A text for others to read: paths in it start at one of the folders, or at the home of who ran it."""
    for path, short in (*((folder, "") for folder in folders), (Path.home(), "~/")):
        if len(path.parts) > 1:
            text = text.replace(f"{path}/", short)
    return text


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the disk or its rights do not allow that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files and names in order (a Zarr store), hexadecimal."""
    digest = hashlib.sha256()
    if path.is_dir():
        for part in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{part.relative_to(path).as_posix()}\0{sha256(part)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@cache
def code_files() -> Mapping[str, str]:
    """SHA-256 of each file of this installation's code and weights, by path, when it is first asked for."""
    root = Path(__file__).resolve().parents[1]
    return {
        path.relative_to(root).as_posix(): sha256(path)
        for storey in ("imagery", "models", "evidence")
        for path in sorted((root / storey).rglob("*"))
        if path.is_file() and path.suffix in (".py", ".safetensors", ".json", ".html", ".css", ".js")
    }


def code_digest() -> str:
    """SHA-256 over this installation's code and weights, hexadecimal: a version nobody forgets to raise."""
    digest = hashlib.sha256()
    for path, of_it in code_files().items():
        digest.update(f"{path}\0{of_it}\n".encode())
    return digest.hexdigest()
