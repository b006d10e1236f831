"""How each kind of claim is held against measured dates: one small pure function a comparison.

The terms are the same everywhere. A claimed figure is read with the tolerance of published figures. A
measured date speaks through its interval. Where the best, worst or any of n dates decides, intervals are
widened first (Bonferroni, as if errors were normal), so that many dates do not decide by chance. Nothing
is supported or contradicted by dates that were not seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evidence.claims import Comparison
from evidence.verdicts.cases import LEAST_BASELINE, NARROW, SEEN_ENOUGH, Case, Finding, found, stated, widened
from evidence.verdicts.trends import appears, disappears, falls, rises
from models.stats.change import change_of


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
        return found(case, "supported", f"the imagery agrees with {told}", best, alone=True)
    if agrees:
        return found(case, "undecided", f"{told} agrees, but is too wide to have contradicted it", best, True)
    if not ((above < least) | (below > most)).all():
        return found(
            case, "undecided", f"measured nearest to it is {told}, which overlaps only in part", best, False
        )
    if case.seen_share < SEEN_ENOUGH:
        return found(
            case, "undecided", f"no measured date agrees, nearest is {told}, but {case.seen}", best, False
        )
    return found(
        case, "contradicted", f"no measured date agrees, nearest is {told}; {case.seen}", best, False
    )


def at_least(case: Case) -> Finding:
    """Some date of the period is surely that high, or every date surely lower."""
    inside, (least, _) = case.inside, case.bounds
    below, above = widened(inside)
    best = int(np.argmax(below))
    if below[best] >= least:
        return found(case, "supported", f"{stated(inside, best)} is enough", best, alone=True)
    top = int(np.argmax(inside.values))
    told = stated(inside, top)
    if (above >= least).any():
        return found(case, "undecided", f"the highest measured is {told}, which leaves it open", top, False)
    if case.seen_share < SEEN_ENOUGH:
        return found(case, "undecided", f"the highest measured is {told}, but {case.seen}", top, False)
    return found(case, "contradicted", f"the highest measured is {told}; {case.seen}", top, False)


def at_most(case: Case) -> Finding:
    """One date that is surely higher contradicts; support needs every date, and enough of the days."""
    inside, (_, most) = case.inside, case.bounds
    below, above = widened(inside)
    worst = int(np.argmax(below))
    if below[worst] > most:
        n = int((below > most).sum())
        more = f", and {n - 1} more dates are clearly higher" if n > 1 else ""
        told = f"{stated(inside, worst)} is clearly higher{more}; {case.seen}"
        return found(case, "contradicted", told, worst, alone=True)
    top = int(np.argmax(inside.values))
    told = f"the highest measured is {stated(inside, top)}"
    if (above > most).any():
        return found(case, "undecided", f"{told}, and not every date rules out more; {case.seen}", top, False)
    if case.seen_share < SEEN_ENOUGH:
        return found(case, "undecided", f"{told}, but {case.seen}", top, False)
    return found(case, "supported", f"{told}; {case.seen}", top, False)


def ratio(case: Case) -> Finding:
    """The period's highest date over the highest of the years before."""
    baseline = case.baseline
    top = int(np.argmax(case.inside.values))
    if baseline.n < LEAST_BASELINE or baseline.maximum <= 0:
        told = f"{stated(case.inside, top)} has {baseline.n} earlier dates to be compared with"
        return found(case, "undecided", f"{told}; {LEAST_BASELINE} above zero are needed", top, alone=False)
    change = change_of(case.series, case.claim.period, baseline, "maximum", "rise")
    if change.ratio is None or change.ratio_low is None or change.ratio_high is None:
        return found(case, "undecided", f"{stated(case.inside, top)} reaches below zero", top, alone=False)
    # Both figures of a published ratio carry the tolerance.
    (low, high), twice = case.figure, 2 * case.relative_tolerance
    from_, to = change.ratio_low, change.ratio_high
    told = (
        f"{stated(case.inside, top)} is {change.ratio:.1f} ({from_:.1f} to {to:.1f}) times the highest of "
        f"{change.m} dates in the {case.years} years before"
    )
    if from_ > high * (1 + twice) or to < low * (1 - twice):
        return found(case, "contradicted", told, top, alone=False)
    agrees = low * (1 - twice) <= change.ratio <= high * (1 + twice)
    narrow = (to - from_) / 2 < NARROW * (low + high) / 2
    return found(case, "supported" if agrees and narrow else "undecided", told, top, alone=False)


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
