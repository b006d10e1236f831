"""Claims that something changed within a period: rises and falls, appears and disappears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from evidence.verdicts.cases import (
    LEAST_BASELINE,
    SEEN_ENOUGH,
    Case,
    Decision,
    Finding,
    found,
    stated,
    widened,
)
from imagery.period import Period
from models.stats.baseline import Baseline, baseline_of
from models.stats.change import Change, change_of, p_of
from models.stats.series import Series

_NEAR = np.timedelta64(5 * 86400, "s")
"""A date further from the period than one overpass leaves open whether the change happened outside of it."""


def rises(case: Case) -> Finding:
    """The last third of the period's dates against the first; a single date against the years before."""
    return _trend(case, +1)


def falls(case: Case) -> Finding:
    """As rises, the other way."""
    return _trend(case, -1)


def _trend(case: Case, sign: int) -> Finding:
    inside, verb = case.inside, "rise" if sign > 0 else "fall"
    days = inside.times.astype("datetime64[D]")
    if days[0] == days[-1]:
        return _unusual(case, sign)
    third = max(len(inside) // 3, 1)
    # Dates of one day stay on one side, and both sides hold some.
    turn = max(days[-third], days[days > days[0]][0])
    early, late = inside.take(days <= min(days[third - 1], turn - 1)), inside.take(days >= turn)
    later = Period(turn.item(), case.claim.period.end)
    if set(early.eras) != set(late.eras):
        told = f"the processing of the images changes between {_days(early)} and {_days(late)}"
        return found(case, "undecided", told, int(np.argmax(sign * inside.values)), alone=False)
    baseline = Baseline(later, case.claim.period, None, 0, early, ())
    change = change_of(late, later, baseline, "median", "rise")
    told = (
        f"for a {verb} from {_days(early)} to {_days(late)} the middle value changed by "
        f"{_range(change)} {inside.unit}"
    )
    high = late if sign > 0 else early
    decision, (p, kind) = _sign_of(change, sign), _by_chance(case, high, sign)
    if decision == "supported" and (p > case.most_p or _usual_lately(case, high, sign=1)):
        decision = "undecided"
    scenes = early.scene_ids + late.scene_ids
    return Finding(decision, f"{told} ({kind} {p:.2g})", change.value, change.low, change.high, scenes)


def _by_chance(case: Case, high: Series, sign: int) -> tuple[float, str]:
    """How often usual coming and going would rise or fall so far: against the years before, or by order.

    Trains come and go all the time, so that two dates that surely differ are no rise yet: a rise has to end,
    and a fall to begin, higher than is usual. With too few earlier dates the order of the period's own has
    to show it (Kendall's tau as a test of trend, Mann 1945).
    """
    if case.baseline.n >= LEAST_BASELINE:
        return p_of(high, case.baseline, "median", "rise"), "rank p-value"
    days = case.inside.times.astype("datetime64[D]")
    # Pictures of one day show the same trains, and are one date.
    daily = [float(np.median(case.inside.values[days == day])) for day in np.unique(days)]
    if np.ptp(daily) == 0:
        return 1.0, "p-value of their order"
    alternative = "greater" if sign > 0 else "less"
    ordered = kendalltau(np.arange(len(daily)), daily, alternative=alternative)
    return float(ordered.pvalue), "p-value of their order"


def _usual_lately(case: Case, dates: Series, sign: int) -> bool:
    """Whether such dates were usual in the last year: levels drift, and five years may hold quieter ones.

    The month before is left out: what is claimed may have begun in it.
    """
    recent = baseline_of(case.series, case.claim.period, 1, guard_days=30)
    if recent.n < LEAST_BASELINE:
        return False
    p = p_of(dates, recent, "median", "rise" if sign > 0 else "fall")
    # Few dates can say no more than that none was so extreme.
    return p > max(2 * case.most_p, 1.01 / (recent.n + 1))


def _unusual(case: Case, sign: int) -> Finding:
    """One day against the years before: clearly off the median, and rarely matched."""
    baseline = case.baseline
    inside = case.inside
    index = int(np.argmax(sign * inside.values))
    told = stated(inside, index)
    if baseline.n < LEAST_BASELINE:
        need = f"{baseline.n} earlier dates, {LEAST_BASELINE} are needed to call it a change"
        return found(case, "undecided", f"{told} is the only day measured, with {need}", index, alone=False)
    change = (
        change_of(case.series, case.claim.period, baseline, "maximum", "rise")
        if sign > 0
        else change_of(case.series, case.claim.period, baseline, "minimum", "fall")
    )
    decision = _sign_of(change, sign)
    if decision == "supported" and (change.p_rank > case.most_p or _usual_lately(case, inside, sign)):
        decision = "undecided"
    told = (
        f"{told} differs by {_range(change)} {inside.unit} from the median of {change.m} dates in the "
        f"{case.years} years before (rank p-value {change.p_rank:.2g})"
    )
    return found(case, decision, told, index, alone=False)


def _days(series: Series) -> str:
    first, last = (np.datetime_as_string(series.times[i], unit="D") for i in (0, -1))
    n = len(series)
    return f"{first}" if n == 1 else f"{first}/{last} ({n} dates)"


def _range(change: Change) -> str:
    return f"{change.effect:+,.0f} ({change.effect_low:+,.0f} to {change.effect_high:+,.0f})"


def _sign_of(change: Change, sign: int) -> Decision:
    low, high = sorted((sign * change.effect_low, sign * change.effect_high))
    return "supported" if low > 0 else "contradicted" if high < 0 else "undecided"


def appears(case: Case) -> Finding:
    """A date of the period is surely higher than an earlier one, the last before it included if near."""
    start = np.datetime64(case.claim.period.start, "s")
    times = case.series.times
    before = np.flatnonzero((times < case.inside.times[0]) & (start - times <= _NEAR))[-1:]
    return _step(case, before, +1)


def disappears(case: Case) -> Finding:
    """A date is surely lower than an earlier one of the period, the first after it included if near."""
    end = np.datetime64(case.claim.period.end, "s")
    times = case.series.times
    after = np.flatnonzero((times > case.inside.times[-1]) & (times - end <= _NEAR))[:1]
    return _step(case, after, -1)


def _step(case: Case, neighbour: NDArray[np.intp], sign: int) -> Finding:
    """The clearest step up (or down) between two dates in time order."""
    keep = case.series.within(case.claim.period)
    keep[neighbour] = True
    dates = case.series.take(keep)
    if len(dates) < 2:
        told = f"{stated(dates, 0)} has no other date to be compared with"
        return found(case, "undecided", told, 0, alone=False)
    below, above = widened(dates)
    order = np.arange(len(dates))
    lower, upper = (order[:, None], order[None, :]) if sign > 0 else (order[None, :], order[:, None])
    eras = np.array(dates.eras)
    # Between two processings a step may have happened in a computer.
    earlier = (order[:, None] < order[None, :]) & (eras[:, None] == eras[None, :])
    sure = np.where(earlier, below[upper] - above[lower], -np.inf)
    possible = np.where(earlier, above[upper] - below[lower], -np.inf)
    first, second = np.unravel_index(int(np.argmax(sure)), sure.shape)
    told = f"{stated(dates, int(first))} was followed by {stated(dates, int(second))}"
    decision: Decision = "undecided"
    if sure[first, second] >= case.least:
        decision = "supported"
    elif possible.max() < case.least and case.seen_share >= SEEN_ENOUGH:
        decision = "contradicted"
    inner = int(second if sign > 0 else first)
    return Finding(
        decision,
        f"{told}; {case.seen}",
        float(dates.values[inner]),
        float(dates.lows[inner]),
        float(dates.highs[inner]),
        dates.scene_ids if decision != "supported" else (dates.scene_ids[first], dates.scene_ids[second]),
    )
