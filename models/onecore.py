"""Nets and image operators kept to one core each, while scenes are looked at side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_BEFORE: dict[str, int] = {}
"""Cores that each library had, while it is kept to one."""


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let torch, if it is loaded, and OpenCV compute on one core meanwhile.

    Threads that all ask for every core slow each other down; and how many cores a net is spread over may
    change the last bit of what it gives, which must not depend on the machine.
    """
    _BEFORE.setdefault("opencv", cv2.getNumThreads())
    cv2.setNumThreads(1)
    keep_torch_to_one()
    try:
        yield
    finally:
        cv2.setNumThreads(_BEFORE.pop("opencv", 1))
        if "torch" in _BEFORE:
            sys.modules["torch"].set_num_threads(_BEFORE.pop("torch"))


def keep_torch_to_one() -> None:
    """To be called by whoever loads torch: ``one_core_each`` knows of it only where it was loaded before."""
    torch = sys.modules.get("torch")  # not imported here: it loads only where a net is used
    if torch and _BEFORE:
        _BEFORE.setdefault("torch", torch.get_num_threads())
        torch.set_num_threads(1)
