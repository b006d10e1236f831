"""A folder that one process writes to at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagery.errors import InputError

LOCK = ".lock"
_LONGEST = 200  # bytes of what stands in it


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder to this process; the file says whose it is, by process and machine.

    The lock is the system's own and ends with its process, however that ends: the file that stays behind
    locks nothing, and no clock is asked.

    Raises:
        InputError: Another process has it, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); choose another --out") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()} on {socket.gethostname()}".encode()[:_LONGEST])
        except BlockingIOError:
            holder = os.read(handle, _LONGEST).decode("utf-8", "replace") or "unknown"
            raise InputError(
                f"{folder} is in use by process {holder}: wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise InputError(f"{folder}: cannot be written ({error}); choose another --out") from error
        yield
    finally:
        os.close(handle)
