"""Optical and radar dates that lie near each other: one figure where they agree, both where they do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.measurement import Measurement

METHOD = "fused"
WITHIN = timedelta(days=3)
"""How far apart two dates may lie: trains were reported to stay for 2 to 4 days (claims T21)."""
_LEAST_HALF = 1e-3  # of an interval, so that none weighs endlessly


@dataclass(frozen=True)
class Pair:
    """An optical and a radar reading of one quantity, near each other in time."""

    optical: Measurement
    """By a method with a gate, which it may have failed."""
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
        if one.quantity == other.quantity and one.gate
    )


def fused(optical: Measurement, radar: Measurement) -> Measurement | None:
    """Two readings of one quantity as one, each weighed by the inverse square of its interval.

    Of an interval that side counts which faces the other reading: radar may have read a full yard far too
    low, and hardly too high. They are taken to err independently, and nothing to have moved in between. The
    gate stays that of the optical date.

    Returns:
        None where the intervals do not meet.
    """
    if optical.low > radar.high or radar.low > optical.high:
        return None
    (down, up), (radar_down, radar_up) = _sides(optical), _sides(radar)
    facing = (down, radar_up) if radar.value < optical.value else (up, radar_down)
    value = _mean((optical.value, radar.value), facing)
    return Measurement(
        optical.quantity,
        value,
        max(value - _both(down, radar_down), 0.0),
        value + _both(up, radar_up),
        optical.level,
        optical.unit,
        METHOD,
        min(optical.visible_share, radar.visible_share),
        optical.gate,
    )


def _sides(one: Measurement) -> tuple[float, float]:
    """How far the interval reaches down and up; one that is cut off at nothing reaches down as far as up."""
    up = max(one.high - one.value, _LEAST_HALF)
    down = max(one.value - one.low, _LEAST_HALF)
    return (down if one.low > 0 else max(down, up)), up


def _mean(values: tuple[float, float], sides: tuple[float, float]) -> float:
    weights = [side**-2 for side in sides]
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _both(side: float, other: float) -> float:
    """The same side of both together."""
    return 1 / math.hypot(1 / side, 1 / other)


def nearest(moment: datetime, others: Sequence[datetime]) -> int | None:
    """Index of the moment that lies nearest, if it lies near enough; see WITHIN."""
    best = min(range(len(others)), key=lambda k: abs(others[k] - moment), default=None)
    return best if best is not None and abs(others[best] - moment) <= WITHIN else None
