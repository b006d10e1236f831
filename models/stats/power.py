"""What these dates could have shown: the smallest change that would have been noticed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from models.stats.baseline import Baseline
from models.stats.change import p_of
from models.stats.ranks import Direction, Statistic
from models.stats.series import Series


@dataclass(frozen=True)
class Power:
    """The smallest change that a target's dates would have shown."""

    smallest: float | None
    """In the series' unit; None where no change of any size could have been shown."""
    unit: str
    """Of it."""
    direction: Direction
    """Rise or fall."""
    usual: float
    """Median of the baseline."""
    level: float
    """Largest p-value that counts as shown."""
    power: float
    """Chance with which it would have been shown."""
    least_p: float
    """The smallest p-value that these dates can give."""
    m: int
    """Dates of the baseline."""

    @property
    def words(self) -> str:
        """In a sentence."""
        if self.smallest is None:
            return (
                f"no {self.direction} of any size could have been shown: against {self.m} earlier dates the "
                f"rank p-value is never below {self.least_p:.2g}"
            )
        told = (
            f"these dates would have shown a {self.direction} of {self.smallest:,.0f} {self.unit} or more in "
            f"{self.power:.0%} of cases"
        )
        if self.direction == "fall" and self.smallest > self.usual:
            return f"{told}, which is more than usually stands there ({self.usual:,.0f})"
        return told


def power_of(
    inside: Series,
    baseline: Baseline,
    statistic: Statistic = "maximum",
    direction: Direction = "rise",
    level: float = 0.1,
    power: float = 0.8,
) -> Power:
    """The smallest change that the rank p-value would have called with the given chance.

    The p-value depends only on how many baseline dates lie beyond the target, so there is a threshold that
    the target must pass. Under a change of size d a target date is a baseline date plus d, drawn again, with
    normal error wherever the target's own intervals are wider than the baseline's. Dates of one target may
    show the same train, so several are worth one here, which makes the figure large rather than small.

    Args:
        inside: The target's dates; their values play no part, only their number and intervals.
        baseline: At least one date.
        statistic: As the change was tested.
        direction: As the change was tested.
        level: Largest p-value that counts as shown.
        power: Wanted chance.
    """
    sign = 1.0 if direction == "rise" else -1.0
    threshold, least_p = _threshold(inside, baseline, statistic, direction, level)
    smallest = None
    if threshold is not None:
        beyond = sign * threshold - sign * baseline.values
        more = _excess_error(inside, baseline.used)
        smallest = max(_smallest(beyond, more, power), 0.0)
    return Power(smallest, inside.unit, direction, baseline.median, level, power, least_p, baseline.n)


def _threshold(
    inside: Series, baseline: Baseline, statistic: Statistic, direction: Direction, level: float
) -> tuple[float | None, float]:
    """The least extreme baseline value that a target has to pass, and the smallest p-value there can be."""
    step = np.inf if direction == "rise" else -np.inf
    ends = np.unique(baseline.bounds[1] if direction == "rise" else -baseline.bounds[0])[::-1]
    values = ends if direction == "rise" else -ends  # the most extreme first
    shown, least_p = None, 1.0
    for k, value in enumerate(values):
        just_past = np.full(len(inside), np.nextafter(value, step))
        past = replace(inside, values=just_past, lows=just_past, highs=just_past)
        p = p_of(past, baseline, statistic, direction)
        least_p = p if k == 0 else least_p
        if p > level:
            break
        shown = float(value)
    return shown, least_p


def _excess_error(inside: Series, used: Series) -> float:
    """Standard deviation by which the target's measured error exceeds the baseline's."""
    z = NormalDist().inv_cdf((1 + used.level) / 2)
    ours, theirs = (float(np.median(one.highs - one.lows)) / 2 / z for one in (inside, used))
    return float(np.sqrt(max(ours**2 - theirs**2, 0.0))) if np.isfinite(ours) and np.isfinite(theirs) else 0.0


def _smallest(beyond: NDArray[np.float64], error: float, power: float) -> float:
    """The d at which the share of dates past the threshold, error added, reaches ``power``."""
    if error < 1e-9 * max(float(np.ptp(beyond)), 1.0):
        return float(np.quantile(beyond, power, method="higher"))
    low, high = float(beyond.min()) - 9 * error, float(beyond.max()) + 9 * error
    return float(brentq(lambda d: float(norm.cdf((d - beyond) / error).mean()) - power, low, high))
