"""A text file from outside, read whole but never larger than stated, and its values in messages."""

from __future__ import annotations

import reprlib
from pathlib import Path

from imagery.errors import InputError

LONGEST = 160
"""Characters of a value in a message."""


def read_text(path: Path, limit_bytes: int) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Args:
        path: The file.
        limit_bytes: How large it may be; no more than that is ever read.

    Returns:
        Its text.

    Raises:
        InputError: It cannot be opened, is larger than the limit, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > limit_bytes:
        raise InputError(f"{path} is larger than {limit_bytes} bytes: is it the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 (byte {error.start}): save it as UTF-8") from error


def short(value: object) -> str:
    """A value from outside as a message shows it: never long, however deep or large it is."""
    try:
        text = reprlib.repr(value)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
    except ValueError:  # an integer of more digits than Python is willing to print
        return f"a very large {type(value).__name__}"
