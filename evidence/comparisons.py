"""How each kind of claim is held against measured dates: one small pure function a comparison.

The terms are the same everywhere. A claimed figure is read with the tolerance of published figures. A
measured date speaks through its interval. Where the best, worst or any of n dates decides, intervals are
widened first (Bonferroni, as if errors were normal), so that many dates do not decide by chance. Nothing
is supported or contradicted by dates that were not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from evidence.claims import Claim, Comparison
from imagery.period import Period
from models.stats.baseline import Baseline, baseline_of
from models.stats.change import Change, change_of, p_of
from models.stats.ranks import Direction, Statistic
from models.stats.series import Series

Decision = Literal["supported", "contradicted", "undecided"]

LENGTH_TOLERANCE = 0.25
"""Relative spread of published lengths: two outlets gave 395 m and 500 m for the same yard and day,
2023-09-24 (claims T08d and T07c)."""
COUNT_TOLERANCE = 0.10
"""Relative spread of published counts: readers agreed to nine in ten when ships in port were counted twice
in the same daily images (Murata 2024, Frontiers in Remote Sensing, 90.5 %)."""
LEAST_TOLERANCE = {"m": 14.0}
"""Absolute tolerance by unit, 1 where none stands: one railcar, 13.92 m."""
NARROW = 0.5
"""An interval whose half-width is below this share of the figure could have contradicted it."""
SEEN_WITHIN_DAYS = 1
"""A day counts as seen where a measured date lies this near: trains were reported to stay for 2 to 4 days
(claims T21)."""
SEEN_ENOUGH = 0.5
"""Share of a period's days that must be seen before absence says anything."""
LEAST_BASELINE = 8
"""Dates that a baseline needs before a rise or a ratio is read from it."""


@dataclass(frozen=True, eq=False)
class Case:
    """A claim and the one series that it is held against; at least one date lies in the claim's period."""

    claim: Claim
    """What is claimed."""
    series: Series
    """One quantity, one method, one site."""
    years: int
    """Length of a baseline."""
    season_days: int | None = None
    """Only baseline dates within this many days of the season; all the year where None."""

    @cached_property
    def inside(self) -> Series:
        """The dates in the claim's period."""
        return self.series.take(self.series.within(self.claim.period))

    @cached_property
    def baseline(self) -> Baseline:
        """The dates of the years before the claim's period."""
        return baseline_of(self.series, self.claim.period, self.years, self.season_days)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The claimed figure or range, with the tolerance of published figures."""
        (low, high), relative = self.figure, self.relative_tolerance
        return low - max(relative * low, self.least), high + max(relative * high, self.least)

    @property
    def relative_tolerance(self) -> float:
        """Relative spread of published figures in this unit."""
        return LENGTH_TOLERANCE if self.series.unit == "m" else COUNT_TOLERANCE

    @property
    def figure(self) -> tuple[float, float]:
        """The claimed range as published; both ends the same for a single figure."""
        assert self.claim.low is not None
        assert self.claim.high is not None
        return self.claim.low, self.claim.high

    @property
    def least(self) -> float:
        """Smallest difference that means anything."""
        return LEAST_TOLERANCE.get(self.series.unit, 1.0)

    @cached_property
    def seen_share(self) -> float:
        """Share of the period's days that lie near enough to a measured date."""
        first = np.datetime64(self.claim.period.start, "D")
        days = first + np.arange(self.claim.period.days)
        measured = np.unique(self.series.times.astype("datetime64[D]"))
        apart = np.abs((days[:, None] - measured).astype(np.int64)).min(axis=1)
        return float((apart <= SEEN_WITHIN_DAYS).mean())

    @property
    def seen(self) -> str:
        """How much was seen, in words."""
        n = len(self.inside)
        dates = "1 measured date covers" if n == 1 else f"{n} measured dates cover"
        return f"{dates} {self.seen_share:.0%} of the days"


@dataclass(frozen=True, eq=False)
class Finding:
    """What the dates say of a claim."""

    decision: Decision
    """Supported, contradicted or undecided."""
    sentence: str
    """Why, with figures and dates."""
    value: float
    """The measured value that decided."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    scene_ids: tuple[str, ...]
    """The scenes that decided."""


def number(value: float) -> str:
    """A figure in running text: 1,016 or 4.5."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def stated(series: Series, index: int) -> str:
    """One date in running text: value, interval, day."""
    low, high = number(series.lows[index]), number(series.highs[index])
    day = np.datetime_as_string(series.times[index], unit="D")
    return f"{number(series.values[index])} {series.unit} ({low} to {high}) on {day}"


def widened(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends (n,) that hold for all n dates at once at the series' level."""
    miss, normal = 1 - series.level, NormalDist()
    factor = normal.inv_cdf(1 - miss / 2 / max(len(series), 1)) / normal.inv_cdf(1 - miss / 2)
    return (
        series.values - factor * (series.values - series.lows),
        series.values + factor * (series.highs - series.values),
    )


def _found(case: Case, decision: Decision, sentence: str, index: int, alone: bool) -> Finding:
    """A finding told by one date of the period; ``alone`` where the others played no part."""
    inside = case.inside
    scenes = (inside.scene_ids[index],) if alone else inside.scene_ids
    return Finding(
        decision,
        sentence,
        float(inside.values[index]),
        float(inside.lows[index]),
        float(inside.highs[index]),
        scenes,
    )


def about(case: Case) -> Finding:
    """``about`` and ``between``: some date of the period agrees, or every date disagrees."""
    inside, (least, most), (low, high) = case.inside, case.bounds, case.figure
    apart = np.maximum(np.maximum(low - inside.values, inside.values - high), 0.0)
    best = int(np.argmin(apart))
    value, from_, to = inside.values[best], inside.lows[best], inside.highs[best]
    agrees = least <= value <= most or (from_ <= high and to >= low)
    half = (to - from_) / 2
    below, above = widened(inside)
    told = stated(inside, best)
    if agrees and half < max(NARROW * (low + high) / 2, case.least):
        return _found(case, "supported", f"the imagery agrees with {told}", best, alone=True)
    if agrees:
        return _found(
            case, "undecided", f"{told} agrees, but is too wide to have contradicted it", best, True
        )
    if not ((above < least) | (below > most)).all():
        return _found(
            case, "undecided", f"measured nearest to it is {told}, which overlaps only in part", best, False
        )
    if case.seen_share < SEEN_ENOUGH:
        return _found(
            case, "undecided", f"no measured date agrees, nearest is {told}, but {case.seen}", best, False
        )
    return _found(
        case, "contradicted", f"no measured date agrees, nearest is {told}; {case.seen}", best, False
    )


def at_least(case: Case) -> Finding:
    """Some date of the period is surely that high, or every date surely lower."""
    inside, (least, _) = case.inside, case.bounds
    below, above = widened(inside)
    best = int(np.argmax(below))
    if below[best] >= least:
        return _found(case, "supported", f"{stated(inside, best)} is enough", best, alone=True)
    top = int(np.argmax(inside.values))
    told = stated(inside, top)
    if (above >= least).any():
        return _found(case, "undecided", f"the highest measured is {told}, which leaves it open", top, False)
    if case.seen_share < SEEN_ENOUGH:
        return _found(case, "undecided", f"the highest measured is {told}, but {case.seen}", top, False)
    return _found(case, "contradicted", f"the highest measured is {told}; {case.seen}", top, False)


def at_most(case: Case) -> Finding:
    """One date that is surely higher contradicts; support needs every date, and enough of the days."""
    inside, (_, most) = case.inside, case.bounds
    below, above = widened(inside)
    worst = int(np.argmax(below))
    if below[worst] > most:
        n = int((below > most).sum())
        more = f", and {n - 1} more dates are clearly higher" if n > 1 else ""
        told = f"{stated(inside, worst)} is clearly higher{more}; {case.seen}"
        return _found(case, "contradicted", told, worst, alone=True)
    top = int(np.argmax(inside.values))
    told = f"the highest measured is {stated(inside, top)}"
    if (above > most).any():
        return _found(
            case, "undecided", f"{told}, and not every date rules out more; {case.seen}", top, False
        )
    if case.seen_share < SEEN_ENOUGH:
        return _found(case, "undecided", f"{told}, but {case.seen}", top, False)
    return _found(case, "supported", f"{told}; {case.seen}", top, False)


def ratio(case: Case) -> Finding:
    """The period's highest date over the highest of the years before."""
    baseline = case.baseline
    top = int(np.argmax(case.inside.values))
    if baseline.n < LEAST_BASELINE or baseline.maximum <= 0:
        told = f"{stated(case.inside, top)} has {baseline.n} earlier dates to be compared with"
        return _found(case, "undecided", f"{told}; {LEAST_BASELINE} above zero are needed", top, alone=False)
    change = change_of(case.series, case.claim.period, baseline, "maximum", "rise")
    if change.ratio is None or change.ratio_low is None or change.ratio_high is None:
        return _found(case, "undecided", f"{stated(case.inside, top)} reaches below zero", top, alone=False)
    # Both figures of a published ratio carry the tolerance.
    (low, high), twice = case.figure, 2 * case.relative_tolerance
    from_, to = change.ratio_low, change.ratio_high
    told = (
        f"{stated(case.inside, top)} is {change.ratio:.1f} ({from_:.1f} to {to:.1f}) times the highest of "
        f"{change.m} dates in the {case.years} years before"
    )
    if from_ > high * (1 + twice) or to < low * (1 - twice):
        return _found(case, "contradicted", told, top, alone=False)
    agrees = low * (1 - twice) <= change.ratio <= high * (1 + twice)
    narrow = (to - from_) / 2 < NARROW * (low + high) / 2
    return _found(case, "supported" if agrees and narrow else "undecided", told, top, alone=False)


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
        return _found(case, "undecided", told, int(np.argmax(sign * inside.values)), alone=False)
    baseline = Baseline(later, case.claim.period, None, 0, early, ())
    change = change_of(late, later, baseline, "median", "rise")
    told = (
        f"for a {verb} from {_days(early)} to {_days(late)} the middle value changed by "
        f"{_range(change)} {inside.unit}"
    )
    decision, (p, kind) = _sign_of(change, sign), _by_chance(case, sign)
    if decision == "supported" and p > 1 - change.level:
        decision = "undecided"
    scenes = early.scene_ids + late.scene_ids
    return Finding(decision, f"{told} ({kind} {p:.2g})", change.value, change.low, change.high, scenes)


def _by_chance(case: Case, sign: int) -> tuple[float, str]:
    """How often usual coming and going would rise so far: against the years before, or by order alone.

    Trains come and go all the time, so that two dates that surely differ are no rise yet. With too few
    earlier dates the order of the period's own has to show it (Kendall's tau, Mann 1945).
    """
    direction: Direction = "rise" if sign > 0 else "fall"
    if case.baseline.n >= LEAST_BASELINE:
        statistic: Statistic = "maximum" if sign > 0 else "minimum"
        return p_of(case.inside, case.baseline, statistic, direction), "rank p-value"
    days = case.inside.times.astype("datetime64[D]").astype(np.int64)
    # Pictures of one day show the same trains, and are one date.
    daily = [float(np.median(case.inside.values[days == day])) for day in np.unique(days)]
    if np.ptp(daily) == 0:
        return 1.0, "p-value of their order"
    alternative = "greater" if sign > 0 else "less"
    ordered = kendalltau(np.arange(len(daily)), daily, alternative=alternative)
    return float(ordered.pvalue), "p-value of their order"


def _unusual(case: Case, sign: int) -> Finding:
    """One day against the years before: clearly off the median, and rarely matched."""
    baseline = case.baseline
    inside = case.inside
    index = int(np.argmax(sign * inside.values))
    told = stated(inside, index)
    if baseline.n < LEAST_BASELINE:
        need = f"{baseline.n} earlier dates, {LEAST_BASELINE} are needed to call it a change"
        return _found(case, "undecided", f"{told} is the only day measured, with {need}", index, alone=False)
    change = (
        change_of(case.series, case.claim.period, baseline, "maximum", "rise")
        if sign > 0
        else change_of(case.series, case.claim.period, baseline, "minimum", "fall")
    )
    decision = _sign_of(change, sign)
    if decision == "supported" and change.p_rank > 1 - change.level:
        decision = "undecided"
    told = (
        f"{told} differs by {_range(change)} {inside.unit} from the median of {change.m} dates in the "
        f"{case.years} years before (rank p-value {change.p_rank:.2g})"
    )
    return _found(case, decision, told, index, alone=False)


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
    """A date of the period is surely higher than an earlier one, the last before the period included."""
    before = np.flatnonzero(case.series.times < case.inside.times[0])[-1:]
    return _step(case, before, +1)


def disappears(case: Case) -> Finding:
    """A date is surely lower than an earlier one of the period, the first after it included."""
    after = np.flatnonzero(case.series.times > case.inside.times[-1])[:1]
    return _step(case, after, -1)


def _step(case: Case, neighbour: NDArray[np.intp], sign: int) -> Finding:
    """The clearest step up (or down) between two dates in time order."""
    keep = case.series.within(case.claim.period)
    keep[neighbour] = True
    dates = case.series.take(keep)
    if len(dates) < 2:
        told = f"{stated(dates, 0)} has no other date to be compared with"
        return _found(case, "undecided", told, 0, alone=False)
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
    if sure[first, second] > 0:
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


RULES: dict[Comparison, Callable[[Case], Finding]] = {
    "about": about,
    "between": about,
    "at least": at_least,
    "at most": at_most,
    "ratio": ratio,
    "rises": rises,
    "falls": falls,
    "appears": appears,
    "disappears": disappears,
}
"""Who answers which comparison."""
