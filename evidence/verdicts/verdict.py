"""A Claim held against a Series: supported, contradicted, undecided, or out of this sensor's reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evidence.claims import Claim
from evidence.verdicts.cases import Case, Finding, number, stated
from evidence.verdicts.comparisons import RULES
from evidence.verdicts.likelihood import in_words, probability
from imagery.sensors import SINGLE_MAX_M
from models.occupancy.fuse import METHOD as FUSED
from models.occupancy.profile import METHOD as PROFILE
from models.occupancy.radar import METHOD as RADAR
from models.stats.change import change_of
from models.stats.placebo import stretches
from models.stats.power import Power, power_of
from models.stats.ranks import Direction, Statistic
from models.stats.series import Series

Outcome4 = Literal["supported", "contradicted", "undecided", "out of reach"]


@dataclass(frozen=True)
class Verdict:
    """What the imagery says of one claim."""

    claim_id: str
    """The claim."""
    verdict: Outcome4
    """One of four."""
    reason: str
    """Why, in one plain sentence."""
    quantity: str | None = None
    """Which quantity of ours was held against it."""
    value: float | None = None
    """What was measured in the claim's period."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of its interval."""
    p_rank: float | None = None
    """Rank p-value against the baseline, where there is one."""
    scene_ids: tuple[str, ...] = ()
    """The scenes behind it."""
    p_model: float | None = None
    """P-value of a model, where the baseline has dates enough to fit one."""
    model: str = ""
    """What that model assumes."""
    smallest_change: float | None = None
    """The smallest rise, or fall where one is claimed, that these dates would have shown in 80 % of cases;
    None where none could have been shown."""
    placebo_periods: int | None = None
    """How many earlier periods of the same length the claim was held against too; None where not asked."""
    placebo_supported: int | None = None
    """In how many of them it would have been supported: the rate of false support."""
    probability: float | None = None
    """The chance that what is claimed stood there, by the measured intervals; None where there is none."""
    likelihood: str = ""
    """The word of ICD 203 for that probability; empty where there is none."""


CHANGES = ("rises", "falls", "ratio", "appears", "disappears")
"""Comparisons that claim a change."""
ANSWERED_BY = {"railcars": ("railcars", "railcar_equivalents"), "containers": ("containers", "teu")}
"""Quantities of ours that a claim may be held against, the best first; a claim's own where none stands."""
_LATER = {FUSED: 1, RADAR: 2, PROFILE: 3}
"""Methods that are asked only after what read each optical date by itself, in this order."""


def judge(
    claim: Claim,
    series: Sequence[Series],
    years: int = 5,
    gsd_by_scene: Mapping[str, float] | None = None,
    season_days: int | None = None,
    placebo: bool = False,
) -> Verdict:
    """Hold one claim against what a run measured.

    A count is held against wagons counted one by one first and against railcar equivalents then; each
    series is split by method, because two methods are not one yardstick. The first of them that decides
    has the last word.

    Args:
        claim: What is claimed.
        series: All series of the run.
        years: How many years before the claim's period make its baseline.
        gsd_by_scene: Ground sample distance in metres by scene id, where known: counts of single railcars
            from pixels that cannot show them are left out.
        season_days: Only baseline dates within this many days of the season; all the year where None.
        placebo: Hold the claim against earlier periods as well, to see how often it is supported there.

    Returns:
        One of four outcomes, with its reason. Never ``supported`` without a measured date.
    """
    if not claim.testable:
        return Verdict(claim.id, "out of reach", f"No imagery could test this: {claim.reason}.")
    wanted = ANSWERED_BY.get(claim.quantity, (claim.quantity,))
    measured = [one for quantity in wanted for one in series if one.quantity == quantity and len(one)]
    here = list(yardsticks([one for one in measured if one.site == claim.site], gsd_by_scene))
    if not here:
        return _nothing_here(claim, series, bool(measured))
    cases = [Case(claim, one, years, season_days) for one in here if one.within(claim.period).any()]
    if not cases:
        return _nothing_then(claim, here)
    findings = [(case, RULES[claim.comparison](case)) for case in cases]
    decided = [pair for pair in findings if pair[1].decision != "undecided"]
    case, finding = (decided or findings)[0]
    verdict = _verdict(case, finding)
    return _with_placebo(verdict, case) if placebo else verdict


def yardsticks(series: Sequence[Series], gsd_by_scene: Mapping[str, float] | None = None) -> Iterator[Series]:
    """Series of one method, and of radar one orbit, each; see _LATER for which come last."""
    gsd_by_scene = gsd_by_scene or {}
    for one in series:
        single = one.quantity.endswith("railcars")
        resolved = [not single or gsd_by_scene.get(id, 0.0) <= SINGLE_MAX_M for id in one.scene_ids]
        looks = list(zip(one.methods, one.orbits, strict=True))
        for look in sorted(set(looks), key=lambda pair: (_LATER.get(pair[0], 0), *pair)):
            part = one.take(np.array(resolved) & np.array([other == look for other in looks]))
            if len(part):
                yield part


def _nothing_here(claim: Claim, series: Sequence[Series], elsewhere: bool) -> Verdict:
    if elsewhere:
        return Verdict(claim.id, "undecided", f"No image of {claim.site} was measured in this run.")
    there = sorted({one.quantity for one in series if one.site == claim.site})
    what = f"its images gave {', '.join(there)}" if there else f"it measured nothing at {claim.site}"
    return Verdict(claim.id, "out of reach", f"This run does not measure {claim.quantity}: {what}.")


def _nothing_then(claim: Claim, here: Sequence[Series]) -> Verdict:
    start = np.datetime64(claim.period.start, "s")
    before = [(one.times[i], stated(one, i)) for one in here for i in np.flatnonzero(one.times < start)[-1:]]
    after = [(one.times[i], stated(one, i)) for one in here for i in np.flatnonzero(one.times >= start)[:1]]
    nearest = [
        f"the last before is {max(before)[1]}" if before else "there is none before",
        f"the next is {min(after)[1]}" if after else "there is none after",
    ]
    reason = f"No measured date lies in {claim.period}: {' and '.join(nearest)}."
    return Verdict(claim.id, "undecided", reason, here[0].quantity)


def _verdict(case: Case, finding: Finding) -> Verdict:
    statistic, direction = _looked_for(case.claim)
    change = power = None
    if case.baseline.n:
        change = change_of(case.series, case.claim.period, case.baseline, statistic, direction)
        power = power_of(case.inside, case.baseline, statistic, direction, case.most_p)
    chance = probability(case)
    return Verdict(
        case.claim.id,
        finding.decision,
        f"{_claimed(case)}: {finding.sentence}{_could_show(case, finding, power)}{_steps(case)}.",
        case.series.quantity,
        finding.value,
        finding.low,
        finding.high,
        change.p_rank if change else None,
        finding.scene_ids,
        change.tail.p if change and change.tail else None,
        change.tail.assumptions if change and change.tail else "",
        power.smallest if power else None,
        probability=chance,
        likelihood="" if chance is None else in_words(chance),
    )


def _looked_for(claim: Claim) -> tuple[Statistic, Direction]:
    falling = claim.comparison in ("falls", "disappears")
    return ("minimum", "fall") if falling else ("maximum", "rise")


def _could_show(case: Case, finding: Finding, power: Power | None) -> str:
    """What the dates could have shown, where they are said to show nothing or no change."""
    silent = finding.decision == "contradicted" and case.claim.comparison in CHANGES
    if finding.decision != "undecided" and not silent:
        return ""
    if power is None:
        return "; without an earlier date no change could have been shown"
    return f"; {power.words}"


def _steps(case: Case) -> str:
    """Which changes of processing were taken off the baseline."""
    return "".join(
        f"; {step.n_from} dates processed as {step.era} were moved by {step.shift:+,.1f} "
        f"({step.low:+,.1f} to {step.high:+,.1f}) {case.series.unit}"
        for step in case.baseline.steps
    )


def _with_placebo(verdict: Verdict, case: Case) -> Verdict:
    """How often the same claim, made of an earlier period, would have been supported."""
    if case.claim.comparison == "at most":
        return verdict  # usual traffic is meant to support it
    before = case.series.take(case.series.times < np.datetime64(case.claim.period.start, "s"))
    moved = [replace(case.claim, period=period) for period in stretches(case.baseline)]
    cases = [
        replace(case, claim=claim, series=before) for claim in moved if before.within(claim.period).any()
    ]
    supported = sum(RULES[case.claim.comparison](one).decision == "supported" for one in cases)
    return replace(verdict, placebo_periods=len(cases), placebo_supported=supported)


def _claimed(case: Case) -> str:
    """The claim in a few words, and what it is held against."""
    claim, series = case.claim, case.series
    figure: str = claim.comparison
    if claim.low is not None and claim.high is not None:
        ends = (
            number(claim.low) if claim.low == claim.high else f"{number(claim.low)} and {number(claim.high)}"
        )
        figure = f"{claim.comparison} {ends} {claim.unit}"
    period = claim.period
    when = f"on {period.start}" if period.days == 1 else f"in {period}"
    words = f"Claimed {figure} {when}"
    if series.quantity == claim.quantity:
        return words
    singly = "wagons" if claim.quantity == "railcars" else claim.quantity
    return f"{words}, held against {series.quantity} as no count of single {singly} then decides it"
