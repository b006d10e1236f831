"""The shipped reader and its calibration: torch loads only when a coarse date is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from models.occupancy.intervals import Calibration
from models.occupancy.reading import FillReader

WEIGHTS = Path(__file__).parent.parent / "weights"


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
