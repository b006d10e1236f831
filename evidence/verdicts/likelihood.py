"""How probable a claim is by the measured intervals, and the word that analysts use for it.

The words are those of Intelligence Community Directive 203, Analytic Standards (2 January 2015, technical
amendments of 2022), section D.6.e(2)(a).
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from evidence.claims import Comparison
from evidence.verdicts.cases import LEAST_BASELINE, Case, widened
from models.stats.change import change_of
from models.stats.series import Series

Numbers = NDArray[np.float64]

WORDS = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (1.00, "almost certain"),
)
"""Upper end of each range of probabilities and its word. A probability on a border takes the word nearer to
an even chance; the directive has no word beyond 1 and 99 %, so there the outermost ones stand."""


def in_words(probability: float) -> str:
    """The directive's word for a probability between 0 and 1."""
    if probability > 0.5:
        return next(word for lower, word in _FALLING if probability > lower)
    return next(word for upper, word in WORDS if probability < upper)


_FALLING = tuple((WORDS[i - 1][0], WORDS[i][1]) for i in range(len(WORDS) - 1, 2, -1))


def probability(case: Case) -> float | None:
    """The chance that the claimed amount, or step, stood there, by the dates that were measured.

    Errors are taken as normal, to either side of a value as wide as its interval says. The claimed figure
    carries the tolerance of published figures. Of several dates the one that decides is taken alone: the
    worst for ``at most``, else the best; so days that were not seen, and dates that show the same train,
    play no part.

    Returns:
        Between 0 and 1; None for ``rises`` and ``falls``, where a p-value answers what is usual and is no
        probability of the claim, and where there is nothing to compare with.
    """
    rule = _RULES.get(case.claim.comparison)
    return None if rule is None else rule(case)


def below(values: Numbers, lows: Numbers, highs: Numbers, level: float, figure: float) -> Numbers:
    """Chance (n,) that each truth lies below a figure: one half of it to either side of its value.

    A side without width is known; one without an end says nothing more than that.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    spread = np.where(figure <= values, values - lows, highs - values) / z
    sure = np.where(figure <= values, -np.inf, np.inf)
    far = np.divide(figure - values, spread, out=sure, where=spread > 0)
    return np.asarray(norm.cdf(far), dtype=np.float64)


def _short(series: Series, figure: float) -> Numbers:
    """Chance (n,) that the truth of each date lies below a figure."""
    return below(series.values, series.lows, series.highs, series.level, figure)


def _beyond(series: Series, figure: float) -> Numbers:
    """Chance (n,) that the truth of each date lies above a figure."""
    return below(-series.values, -series.highs, -series.lows, series.level, -figure)


def _at_least(case: Case) -> float:
    return float((1 - _short(case.inside, case.bounds[0])).max())


def _at_most(case: Case) -> float:
    return float((1 - _beyond(case.inside, case.bounds[1])).min())


def _about(case: Case) -> float:
    least, most = case.bounds
    return float((1 - _beyond(case.inside, most) - _short(case.inside, least)).max())


def _appears(case: Case) -> float | None:
    before = np.flatnonzero(case.series.times < case.inside.times[0])[-1:]
    return _step(case, before, +1)


def _disappears(case: Case) -> float | None:
    after = np.flatnonzero(case.series.times > case.inside.times[-1])[:1]
    return _step(case, after, -1)


def _step(case: Case, neighbour: NDArray[np.intp], sign: int) -> float | None:
    """Of the clearest step between two dates in time order, as the verdict looks for it."""
    keep = case.series.within(case.claim.period)
    keep[neighbour] = True
    dates = case.series.take(keep)
    if len(dates) < 2:
        return None
    lows, highs = widened(dates)  # so that many pairs make no step by chance
    order, eras = np.arange(len(dates)), np.array(dates.eras)
    first, second = np.nonzero((order[:, None] < order) & (eras[:, None] == eras))
    if not len(first):
        return None
    low, high = (first, second) if sign > 0 else (second, first)
    z = NormalDist().inv_cdf((1 + dates.level) / 2)
    error = np.hypot(dates.values[high] - lows[high], highs[low] - dates.values[low]) / z
    rise = dates.values[high] - dates.values[low]
    return float(norm.sf(case.least, rise, np.maximum(error, 1e-9)).max())


def _ratio(case: Case) -> float | None:
    if case.baseline.n < LEAST_BASELINE or case.baseline.maximum <= 0:
        return None
    change = change_of(case.series, case.claim.period, case.baseline, "maximum", "rise")
    if change.ratio is None:
        return None
    middle, low, high = (np.array([end]) for end in (change.ratio, change.ratio_low, change.ratio_high))
    twice = 2 * case.relative_tolerance  # both figures of a published ratio carry it
    least, most = case.figure[0] * (1 - twice), case.figure[1] * (1 + twice)
    inside = below(middle, low, high, change.level, most) - below(middle, low, high, change.level, least)
    return float(inside[0])


_RULES: dict[Comparison, Callable[[Case], float | None]] = {
    "about": _about,
    "between": _about,
    "at least": _at_least,
    "at most": _at_most,
    "appears": _appears,
    "disappears": _disappears,
    "ratio": _ratio,
}
