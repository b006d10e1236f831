"""How far a target period stands out from its baseline: two p-values, effect and ratio, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from imagery.errors import InputError
from imagery.period import Period
from models.stats.baseline import Baseline
from models.stats.breaks import LEVEL as STEP_LEVEL
from models.stats.ranks import Direction, Statistic, picked, rank_p_value
from models.stats.series import Series
from models.stats.tail import Tail, tail_of


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
    tail: Tail | None
    """The p-value of a model, with its assumptions; None with too few dates to fit one."""
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

    p-values: see p_of and tail.py. Where baseline dates were moved by the step of a processing change, the
    step's interval is part of the median's, and its own chance to miss is taken off the level.

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
    value, low, high = (picked(part, statistic) for part in (inside.values, inside.lows, inside.highs))
    median_low, median_high, missed = _median_interval(baseline)
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
        p_rank=p_of(inside, baseline, statistic, direction),
        tail=tail_of(inside, baseline, statistic, direction),
        scene_ids=inside.scene_ids,
    )


def p_of(
    inside: Series, baseline: Baseline, statistic: Statistic = "maximum", direction: Direction = "rise"
) -> float:
    """Rank p-value of a target's dates against their baseline; see rank_p_value.

    Where baseline dates were moved by an estimated step, the least favourable step of its interval is taken
    and the chance that the interval misses is added, which keeps the p-value valid (Berger and Boos 1994).
    """
    least, most = baseline.bounds
    p = rank_p_value(inside.values, most if direction == "rise" else least, statistic, direction)
    return min(p + (1 - STEP_LEVEL) * len(baseline.steps), 1.0)


def _median_interval(baseline: Baseline) -> tuple[float, float, float]:
    """Interval of the baseline's median and the chance that it misses."""
    used, m = baseline.used, baseline.n
    # The largest k with P(Binomial(m, 1/2) < k) at most half of what may be missed.
    k = int(binom.ppf((1 - used.level) / 2, m, 0.5))
    if k < 1:
        return float(np.median(used.lows)), float(np.median(used.highs)), 1 - used.level
    least, most = (np.sort(values) for values in baseline.bounds)
    missed = 2 * float(binom.cdf(k - 1, m, 0.5)) + (1 - STEP_LEVEL) * len(baseline.steps)
    return float(least[k - 1]), float(most[m - k]), missed


def _ratio(
    value: float, low: float, high: float, used: Series
) -> tuple[float | None, float | None, float | None]:
    largest = float(used.values.max())
    if largest <= 0 or low < 0:
        return None, None, None
    top_low, top_high = float(used.lows.max()), float(used.highs.max())
    ends = low / top_high, (high / top_low if top_low > 0 else float("inf"))
    return value / largest, ends[0], ends[1]
