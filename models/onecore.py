"""Nets and image operators kept to one core each, while scenes are looked at side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def one_core_each() -> Iterator[None]:
    """Let torch, if it is loaded, and OpenCV compute on one core meanwhile.

    Threads that all ask for every core slow each other down; and how many cores a net is spread over may
    change the last bit of what it gives, which must not depend on the machine.
    """
    torch = sys.modules.get("torch")  # not imported here: it loads only where a net is used
    before = cv2.getNumThreads(), torch.get_num_threads() if torch else 0
    cv2.setNumThreads(1)
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        if torch:
            torch.set_num_threads(before[1])
