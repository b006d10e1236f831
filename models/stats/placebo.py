"""Periods and places in which nothing is claimed, tested in the same way: the run's own false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy.stats import beta

from imagery.period import Period
from models.stats.baseline import Baseline
from models.stats.ranks import Direction, Statistic, rank_p_value

LEAST = 8
"""Other dates that a placebo period is held against at least."""


@dataclass(frozen=True)
class Placebo:
    """How often nothing alarmed."""

    kind: str
    """``periods`` or ``sites``."""
    level: float
    """Largest p-value that counts as an alarm."""
    n: int
    """How many were tested."""
    alarms: int
    """How many of them alarmed."""
    p: tuple[float, ...]
    """Their p-values, (n,)."""

    @property
    def interval(self) -> tuple[float, float]:
        """90 % interval of the rate of alarms (Clopper and Pearson 1934)."""
        low = float(beta.ppf(0.05, self.alarms, self.n - self.alarms + 1)) if self.alarms else 0.0
        high = float(beta.ppf(0.95, self.alarms + 1, self.n - self.alarms)) if self.alarms < self.n else 1.0
        return low, high

    @property
    def words(self) -> str:
        """In a sentence."""
        what = {"periods": "earlier period", "sites": "other site"}[self.kind]
        if not self.n:
            return f"No {what} could serve as a placebo"
        low, high = self.interval
        return (
            f"Of {self.n} {what}{'' if self.n == 1 else 's'} tested in the same way, {self.alarms} alarmed "
            f"at {self.level:.2g} (a rate of {low:.0%} to {high:.0%})"
        )


def placebo_periods(
    baseline: Baseline,
    statistic: Statistic = "maximum",
    direction: Direction = "rise",
    level: float = 0.1,
    guard_days: int = 7,
) -> Placebo:
    """Test stretches of the baseline, each as long as the target, against the rest of the baseline.

    The target's own dates take no part. Stretches follow each other backwards from the target without
    overlap; those without a date are no test. Dates within ``guard_days`` of a stretch are left out of what
    it is held against, as they may show the same train.

    Args:
        baseline: Of the target.
        statistic: As for the target.
        direction: As for the target.
        level: Largest p-value that counts as an alarm.
        guard_days: See above.
    """
    days = baseline.times.astype("datetime64[D]")
    guard = np.timedelta64(guard_days, "D")
    found = []
    for period in stretches(baseline):
        first, after = np.datetime64(period.start, "D"), np.datetime64(period.end, "D")
        inside = (days >= first) & (days < after)
        rest = (days < first - guard) | (days >= after + guard)
        if inside.any() and rest.sum() >= LEAST:
            found.append(rank_p_value(baseline.values[inside], baseline.values[rest], statistic, direction))
    return _placebo("periods", found, level)


def stretches(baseline: Baseline) -> list[Period]:
    """Stretches as long as the target, one after the other from the target's start back through time."""
    length = timedelta(days=baseline.target.days)
    start, result = baseline.target.start, []
    while start - length >= baseline.period.start:
        result.append(Period(start - length, start))
        start -= length
    return result


def placebo_sites(p: Sequence[float], level: float = 0.1) -> Placebo:
    """The same period at other sites.

    Args:
        p: A p-value each, of the same quantity, statistic and direction.
        level: Largest that counts as an alarm.
    """
    return _placebo("sites", p, level)


def _placebo(kind: str, p: Sequence[float], level: float) -> Placebo:
    return Placebo(kind, level, len(p), sum(value <= level for value in p), tuple(p))
