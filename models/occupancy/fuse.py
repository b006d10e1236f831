"""Optical and radar dates that lie near each other: one figure where they agree, both where they do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.measurement import PASS, Measurement

METHOD = "fused"
WITHIN = timedelta(days=3)
"""How far apart two dates may lie: trains were reported to stay for 2 to 4 days (claims T21)."""
_LEAST_HALF = 1e-3  # of an interval, so that none weighs endlessly


@dataclass(frozen=True)
class Pair:
    """An optical and a radar reading of one quantity, near each other in time."""

    optical: Measurement
    """It passed its gate."""
    radar: Measurement
    """The nearest in time."""
    radar_scene: str
    """Scene of the radar reading."""
    apart: timedelta
    """Radar after optical; negative where it came before."""
    fused: Measurement | None
    """Both as one; None where their intervals do not meet: then they disagree, and nothing is averaged."""


def pairs(
    optical: Sequence[Measurement], radar: Sequence[Measurement], radar_scene: str, apart: timedelta
) -> tuple[Pair, ...]:
    """Hold the readings of two dates against each other, quantity by quantity; see fused."""
    return tuple(
        Pair(one, other, radar_scene, apart, fused(one, other))
        for one in optical
        for other in radar
        if one.quantity == other.quantity and one.gate == PASS
    )


def fused(optical: Measurement, radar: Measurement) -> Measurement | None:
    """Two readings of one quantity as one, each weighed by the inverse square of its interval's half-width.

    They are taken to err independently, and nothing to have moved in between.

    Returns:
        None where the intervals do not meet.
    """
    if optical.low > radar.high or radar.low > optical.high:
        return None
    weights = [max((one.high - one.low) / 2, _LEAST_HALF) ** -2 for one in (optical, radar)]
    value = (optical.value * weights[0] + radar.value * weights[1]) / sum(weights)
    half = math.sqrt(1 / sum(weights))
    return Measurement(
        optical.quantity,
        value,
        max(value - half, 0.0),
        value + half,
        optical.level,
        optical.unit,
        METHOD,
        min(optical.visible_share, radar.visible_share),
    )


def nearest(moment: datetime, others: Sequence[datetime]) -> int | None:
    """Index of the moment that lies nearest, if it lies near enough; see WITHIN."""
    best = min(range(len(others)), key=lambda k: abs(others[k] - moment), default=None)
    return best if best is not None and abs(others[best] - moment) <= WITHIN else None
