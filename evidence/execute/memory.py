"""A memory ceiling: what a scene will take, and how many may be looked at together."""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from odc.geo.geobox import GeoBox

from imagery.alignment.frames import MOST_BYTES
from imagery.errors import ConfigError
from imagery.grid import ground_gsd
from imagery.sensors import SINGLE_MAX_M

ENGINE_BYTES = 900 * 2**20
"""What a process takes before and beside its scenes: libraries, nets, GDAL's block cache, tables."""
LEAST_BYTES = 128 * 2**20
"""Of any scene: windows, what a net holds between its layers."""
FINE_BYTES = 40
"""Of each pixel of a fine image, up to the most that is kept of one (``KEEP_PIXELS``)."""
COARSE_BYTES = 32
"""Of each pixel and band of a coarse view, which is read whole."""
KEEP_PIXELS = 30_000_000
"""As in models.wagons.picture, which is not imported here: torch comes with it."""
_UNITS = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 1e3, "mb": 1e6, "gb": 1e9}


class Budget:
    """Bytes that the scenes in hand of one process may take together."""

    def __init__(self, limit: int | None = None, firm: bool = True) -> None:
        """Begin with nothing in hand.

        Args:
            limit: Bytes; without it everything has room.
            firm: Whether a scene that needs more has no room; else it is looked at alone.
        """
        self.limit = limit
        self._firm = firm
        self._free = limit or 0
        self._changed = threading.Condition()

    def __reduce__(self) -> tuple[type[Budget], tuple[int | None, bool]]:
        return Budget, (self.limit, self._firm)  # each process has its own

    def fits(self, needed: int) -> bool:
        """Whether a scene has room at all, once it is alone."""
        return self.limit is None or not self._firm or needed <= self.limit

    @contextmanager
    def room(self, needed: int) -> Iterator[None]:
        """Wait until so many bytes are free, and hold them meanwhile; they must fit."""
        if self.limit is None:
            yield
            return
        needed = min(needed, self.limit)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= needed)
            self._free -= needed
        try:
            yield
        finally:
            with self._changed:
                self._free += needed
                self._changed.notify_all()


def budget_of(memory: int | None, remembered: int) -> Budget:
    """The budget of one process.

    Args:
        memory: Its ceiling in bytes; None for half of this machine's, and a larger scene is looked at alone.
        remembered: Places times sensors whose other dates it keeps.

    Raises:
        ConfigError: Nothing is left for a scene.
    """
    kept = ENGINE_BYTES + remembered * MOST_BYTES
    if memory is None:
        half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        return Budget(max(half - kept, LEAST_BYTES), firm=False)
    if memory - kept < LEAST_BYTES:
        raise ConfigError(
            f"{memory / 2**30:.2f} GiB a process is too little: the engine and what it remembers of "
            f"{remembered} places take {kept / 2**30:.2f}, and a scene needs {LEAST_BYTES / 2**30:.2f}; "
            "raise --memory, or take fewer workers or sites"
        )
    return Budget(memory - kept)


def parse_bytes(text: str) -> int:
    """``4GiB``, ``500MB`` or plain bytes as a number.

    Raises:
        ConfigError: It is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in _UNITS:
        raise ConfigError(f"memory {text!r}: write it like 4GiB or 500MiB")
    return int(float(found[1]) * _UNITS[found[2]])


def needed(grid: GeoBox, bands: int) -> int:
    """Bytes that looking at a view of so many bands takes at its peak, as measured and rounded up."""
    pixels = math.prod(grid.shape)
    fine = ground_gsd(grid) <= SINGLE_MAX_M
    return LEAST_BYTES + (min(pixels, KEEP_PIXELS) * FINE_BYTES if fine else pixels * bands * COARSE_BYTES)
