"""What stands for several dates, and how often exchangeable dates would reach so far."""

from __future__ import annotations

from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Statistic = Literal["maximum", "median", "minimum"]
Direction = Literal["rise", "fall"]


def rank_p_value(
    target: NDArray[np.float64],
    baseline: NDArray[np.float64],
    statistic: Statistic = "maximum",
    direction: Direction = "rise",
) -> float:
    """Chance of a target at least this extreme if all dates were exchangeable.

    For one target date it is the conformal p-value (1 + k) / (m + 1), k of m baseline values being at
    least as extreme (Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2.2). Where one of
    n target dates is picked, the number of baseline values beyond the picked one is negative
    hypergeometric, and that chance is exact; the largest of many is thereby not mistaken for a surprise.
    The larger of both is returned: dates within a target often show the same train, so several never
    count for more than one. Ties count against the target.

    Args:
        target: (n,) values of the target's dates, n at least 1.
        baseline: (m,) values of the baseline's dates.
        statistic: Which target date stands for all.
        direction: Which way is extreme.

    Returns:
        Between 1 / (m + 1) and 1.
    """
    n, m = len(target), len(baseline)
    sign = 1.0 if direction == "rise" else -1.0
    value = picked(target, statistic)
    k = int((sign * baseline >= sign * value).sum())
    rank = rank_of(n, statistic, direction)
    simple = (1 + k) / (m + 1)
    # At most k of the baseline lie beyond: of the k + rank most extreme, at least rank are the target's.
    first = k + rank
    ways = sum(comb(n, j) * comb(m, first - j) for j in range(rank, min(n, first) + 1))
    exact = ways / comb(n + m, first)
    return min(max(simple, exact), 1.0)


def rank_of(n: int, statistic: Statistic, direction: Direction) -> int:
    """How many of n target dates are at least as extreme as the picked one, itself included."""
    position = _position(n, statistic)
    return n - position if direction == "rise" else position + 1


def picked(values: NDArray[np.float64], statistic: Statistic) -> float:
    """The date that stands for all; of an even number the lower middle one is the median."""
    return float(np.sort(values)[_position(len(values), statistic)])


def _position(n: int, statistic: Statistic) -> int:
    """Index of the statistic in ascending order."""
    return {"minimum": 0, "median": (n - 1) // 2, "maximum": n - 1}[statistic]
