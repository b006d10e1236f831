"""How far a target period stands out from its baseline: rank p-value, effect and ratio, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, nhypergeom

from imagery.errors import InputError
from imagery.period import Period
from models.stats.baseline import Baseline
from models.stats.series import Series

Statistic = Literal["maximum", "median", "minimum"]
Direction = Literal["rise", "fall"]


@dataclass(frozen=True)
class Change:
    """A target period against its baseline."""

    quantity: str
    """Such as ``railcars``."""
    unit: str
    """Of value and effect."""
    target: Period
    """What is held against the baseline."""
    statistic: Statistic
    """Which of the target's dates stands for it; of an even number the lower middle one is the median."""
    direction: Direction
    """Which way the p-value looks; fixed before the data are seen."""
    n: int
    """Dates in the target."""
    m: int
    """Dates in the baseline."""
    value: float
    """The statistic over the target's dates."""
    low: float
    """Lower end: the statistic over their lower ends."""
    high: float
    """Upper end: the statistic over their upper ends."""
    level: float
    """Nominal coverage of each measured interval."""
    effect: float
    """Value minus the baseline's median."""
    effect_low: float
    """Lower end of its interval."""
    effect_high: float
    """Upper end of its interval."""
    effect_level: float
    """Coverage that the effect's interval has at least (Bonferroni), where measured intervals hold theirs;
    below 5 baseline dates it speaks of those dates only, see change_of."""
    ratio: float | None
    """Value over the baseline's largest value; None where that is not positive or ``low`` is negative."""
    ratio_low: float | None
    """Lower end: over the upper end of that date, as measured."""
    ratio_high: float | None
    """Upper end: infinite where the largest value may be zero."""
    p_rank: float
    """Rank p-value, between 1 / (m + 1) and 1."""
    scene_ids: tuple[str, ...]
    """The target's scenes."""


def change_of(
    series: Series,
    target: Period,
    baseline: Baseline,
    statistic: Statistic = "maximum",
    direction: Direction = "rise",
) -> Change:
    """Hold the dates inside a target period against a baseline.

    Value: each statistic grows with every date's value, so it lies between the same statistic of the
    lower ends and of the upper ends whenever all measured intervals hold.

    Effect: the baseline's median gets the exact distribution-free interval between two order statistics
    (the sign test turned round; Conover, Practical Nonparametric Statistics, 3.2), at the series' level,
    and both intervals are subtracted end from end. With fewer baseline dates than such an interval needs
    (5 at 90 %), the measured intervals of those dates stand in: the effect is then against those dates,
    not against what is usual.

    Ratio: value over the largest baseline value, each end over the other end of the largest.

    p-value: see rank_p_value.

    Args:
        series: The series that the baseline was taken from.
        target: The period; at least one date must lie inside.
        baseline: At least one date, none inside the target.
        statistic: What stands for several dates.
        direction: ``rise`` asks whether the target is unusually high, ``fall`` whether it is unusually low.

    Returns:
        The change.

    Raises:
        InputError: No date in the target or in the baseline, or they overlap.
    """
    inside = series.take(series.within(target))
    if not len(inside) or not baseline.n:
        raise InputError(
            f"{series.site}/{series.quantity}: {len(inside)} dates in {target} and {baseline.n} in its "
            "baseline; both need at least one"
        )
    if baseline.used.within(target).any():
        raise InputError(f"the baseline holds dates of its own target {target}; leave them out")
    value, low, high = (_statistic(part, statistic) for part in (inside.values, inside.lows, inside.highs))
    median_low, median_high, missed = _median_interval(baseline.used)
    ratio, ratio_low, ratio_high = _ratio(value, low, high, baseline.used)
    return Change(
        quantity=series.quantity,
        unit=series.unit,
        target=target,
        statistic=statistic,
        direction=direction,
        n=len(inside),
        m=baseline.n,
        value=value,
        low=low,
        high=high,
        level=series.level,
        effect=value - baseline.median,
        effect_low=low - median_high,
        effect_high=high - median_low,
        effect_level=max(series.level - missed, 0.0),
        ratio=ratio,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
        p_rank=rank_p_value(inside.values, baseline.values, statistic, direction),
        scene_ids=inside.scene_ids,
    )


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
    picked = _statistic(target, statistic)
    k = int((sign * baseline >= sign * picked).sum())
    # The picked date is the rank-th most extreme of the target's own.
    position = _position(n, statistic)
    rank = n - position if direction == "rise" else position + 1
    simple = (1 + k) / (m + 1)
    exact = float(nhypergeom.cdf(k, n + m, m, rank)) if m else 1.0
    return min(max(simple, exact), 1.0)


def _position(n: int, statistic: Statistic) -> int:
    """Index of the statistic in ascending order."""
    return {"minimum": 0, "median": (n - 1) // 2, "maximum": n - 1}[statistic]


def _statistic(values: NDArray[np.float64], statistic: Statistic) -> float:
    return float(np.sort(values)[_position(len(values), statistic)])


def _median_interval(used: Series) -> tuple[float, float, float]:
    """Interval of the baseline's median and the chance that it misses."""
    m = len(used)
    # The largest k with P(Binomial(m, 1/2) < k) at most half of what may be missed.
    k = int(binom.ppf((1 - used.level) / 2, m, 0.5))
    if k < 1:
        return float(np.median(used.lows)), float(np.median(used.highs)), 1 - used.level
    ordered = np.sort(used.values)
    return float(ordered[k - 1]), float(ordered[m - k]), 2 * float(binom.cdf(k - 1, m, 0.5))


def _ratio(
    value: float, low: float, high: float, used: Series
) -> tuple[float | None, float | None, float | None]:
    largest = float(used.values.max())
    if largest <= 0 or low < 0:
        return None, None, None
    top_low, top_high = float(used.lows.max()), float(used.highs.max())
    ends = low / top_high, (high / top_low if top_low > 0 else float("inf"))
    return value / largest, ends[0], ends[1]
