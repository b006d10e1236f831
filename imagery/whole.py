"""Files that are whole or not there: the one door through which this project writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from imagery.errors import InputError

_NOTED: ContextVar[list[Path] | None] = ContextVar("noted", default=None)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes ``path``, on failure it is gone.

    Raises:
        InputError: The folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        if (noted := _NOTED.get()) is not None:
            noted.append(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error}); choose another --out") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def removed(path: Path) -> None:
    """Take a file away that is not to stay, if it is there.

    Raises:
        InputError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be removed ({error}); choose another --out") from error


def appended(file: int, path: Path, line: bytes) -> None:
    """Add whole lines to an open file and bring them to the disk, or leave it as it was.

    Raises:
        InputError: They cannot be written.
    """
    before = os.fstat(file).st_size
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file)
    except OSError as error:
        with suppress(OSError):
            os.ftruncate(file, before)
        raise InputError(f"{path}: cannot be written ({error}); free the disk") from error


@contextmanager
def noted() -> Iterator[list[Path]]:
    """Give a list that fills with every file that ``written`` finishes meanwhile."""
    paths: list[Path] = []
    token = _NOTED.set(paths)
    try:
        yield paths
    finally:
        _NOTED.reset(token)
