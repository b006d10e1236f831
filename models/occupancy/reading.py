"""What is read from a date before its interval is calibrated, and what is known of the date as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.occupancy.differ import Difference

FACTS = 7
"""Numbers that facts gives."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the net says of one date, before its interval is calibrated."""

    metres: float
    """Filled metres of all tracks."""
    scale_m: float
    """Scale of their error as the net expects it."""
    filled: NDArray[np.float32]
    """(height, length) filled share of each pixel's track."""


class FillReader(Protocol):
    """Reads how much of the tracks is filled."""

    def read(self, dates: Sequence[Difference], batch: int = 16) -> list[Reading]:
        """One reading a date."""
        ...


def facts(one: Difference) -> NDArray[np.float32]:
    """What is known of a date as a whole, (FACTS,); the first is the logarithm of its unrest."""
    return np.array(
        [
            np.log(np.clip(one.unrest, 0.2, 20.0)),
            one.seen_share,
            one.snow_share,
            np.log(np.clip(one.bright, 0.2, 2.0)),
            np.log(one.total_m / 3000.0),
            one.dates / 24.0,
            float(one.shade.sum() / max(one.cover.sum(), 1e-6)),
        ],
        dtype=np.float32,
    )
