"""The shipped reader and its calibration: torch loads only when a coarse date is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from models.occupancy.differ import Difference
from models.occupancy.intervals import Calibration
from models.occupancy.reading import Reading

WEIGHTS = Path(__file__).parent.parent / "weights"


class FillReader(Protocol):
    """Reads how much of the tracks is filled."""

    def read(self, dates: Sequence[Difference], batch: int = 16) -> list[Reading]:
        """One reading a date."""
        ...


@cache
def reader(folder: Path = WEIGHTS) -> tuple[FillReader, Calibration]:
    """The trained net and what its intervals are made of.

    Args:
        folder: With ``occupancy.safetensors`` and ``occupancy.json``.

    Raises:
        UnreadableError: Either is absent or damaged.
    """
    from models.occupancy.learn import Reader

    return Reader(folder / "occupancy.safetensors"), Calibration.read(folder / "occupancy.json")
