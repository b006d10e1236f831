"""How well an image of 2 to 5 m can be judged: a gate fixed beforehand, and intervals that hold there."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from models.measurement import PASS

WEIGHTS = Path(__file__).parents[1] / "weights" / "trains.json"
"""Errors on simulated yards, from which the intervals come."""
LEAST_SEEN = 0.9
"""Share of the tracks that must be seen to pass."""
MOST_UNREST = 1.6
"""Ground beside the yard that scatters more, against its own usual scatter, lies under haze or thin cloud."""
MOST_BRIGHT = 1.5
"""Ground beside the yard more times as bright as usual lies under snow, haze or cloud."""
_SCALE_M = 20.0  # errors of a length or of metres grow as if this much were added to it
_SHARE = 0.1


@dataclass(frozen=True)
class Sight:
    """What is known of an image before its tracks are read."""

    seen: float
    """Share of the tracks that is seen."""
    dates: int = 0
    """Other dates that told the bare yard; 0 where the image did."""
    unrest: float = math.nan
    """Scatter of the ground beside the yard about other dates, as a multiple of theirs; NaN without any."""
    bright: float = math.nan
    """How many times as bright as on other dates that ground is; NaN without any."""

    @property
    def gate(self) -> str:
        """``pass``, or the first rule that the image breaks; of an image alone only its view is asked."""
        if self.seen < LEAST_SEEN:
            return f"clouded: {self.seen:.0%} of the tracks seen"
        if self.bright > MOST_BRIGHT:
            return f"bright: surroundings {self.bright:.1f} times as bright as usual"
        if self.unrest > MOST_UNREST:
            return f"unsettled: surroundings {self.unrest:.1f} times as restless as usual"
        return PASS

    @property
    def kind(self) -> str:
        """Whose errors its intervals are made of: those of images beside other dates, or of images alone."""
        return "beside" if self.dates else "alone"

    def scale(self, quantity: str, value: float) -> float:
        """How far an estimate may be expected to lie off, up to a factor: what scores are divided by.

        Images more restless than the gate allows count as so many times less sure.
        """
        plain = math.sqrt(1 + value) if quantity == "trains" else _SCALE_M + _SHARE * value
        return plain * max(1.0, self.unrest / MOST_UNREST if self.unrest > 0 else 1.0)

    def interval(self, quantity: str, value: float, level: float) -> tuple[float, float]:
        """Split conformal: the quantiles of (truth - estimate) / scale on simulated yards kept for this.

        Args:
            quantity: ``length``, ``metres`` or ``trains``.
            value: The estimate.
            level: Nominal coverage.
        """
        scores = np.sort(_errors()[self.kind][quantity])
        n = len(scores)
        rank = int(np.floor((n + 1) * (1 - level) / 2))
        low, high = scores[max(rank - 1, 0)], scores[min(n - rank, n - 1)]
        spread = self.scale(quantity, value)
        return max(min(value + low * spread, value), 0.0), max(value + high * spread, value)


@cache
def _errors() -> dict[str, dict[str, list[float]]]:
    loaded: dict[str, dict[str, list[float]]] = json.loads(WEIGHTS.read_text(encoding="utf-8"))["scores"]
    return loaded
