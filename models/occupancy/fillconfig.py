"""What decides the weights of the net that reads filled track."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.occupancy.lessons import Wanted

TRIED = (
    Wanted(36),
    Wanted(12, cars=(0, 100)),
    Wanted(12, "held-out", (0, 100)),
    Wanted(5, cars=(73, 73)),
    Wanted(5, "held-out", (73, 73)),
)
"""Visits of each place that the finished net is tried on."""
TRIED_KINDS = ("ordinary", "known", "unseen", "known_73", "unseen_73")
"""What they are called."""


class FillConfig(BaseModel):
    """Everything that decides the weights and their calibration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["occupancy"]
    """Says that this config trains occupancy."""
    name: str = "occupancy"
    """Names the run, its lessons and its checkpoints."""
    seed: int = 100
    """Of the training places; those of calibration have seed + 100, those of tests seed + 200."""
    work: Path = Path("out/train")
    """Where lessons and checkpoints are kept; a run that was broken off goes on from there."""
    into: Path = Path("models/weights")
    """Where the finished weights and their calibration go."""
    places: int = Field(90, ge=1)
    """Simulated places to learn from."""
    calibrate_places: int = Field(20, ge=1)
    """Other simulated places, on which intervals are calibrated."""
    test_places: int = Field(12, ge=0)
    """Others still, on which the finished net is tried."""
    ordinary: int = Field(36, ge=20)
    """Dates of ordinary traffic, 0 to 20 wagons, painted of each place: what baselines are made of."""
    busy: int = Field(8, ge=0)
    """Dates painted of each place to learn from with wagons drawn evenly from 0 to 100."""
    copies: float = Field(2.0, ge=0)
    """Dates made of each painted one by adding up to 100 wagons more; see traffic.busier."""
    calibrate_busy: int = Field(24, ge=0)
    """As ``busy``, of the places for calibration: the prior of the counts that intervals are made for."""
    minutes: float = Field(30.0, gt=0)
    """Of fitting."""
    rate: float = Field(2e-3, gt=0)
    """Highest learning rate."""
    threads: int = Field(2, ge=1)
    """CPU threads."""

    def wanted(self, busy: int) -> tuple[Wanted, Wanted]:
        """Visits of each place."""
        return Wanted(self.ordinary), Wanted(busy, cars=(0, 100))
