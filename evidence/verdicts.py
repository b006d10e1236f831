"""A Claim held against a Series: supported, contradicted, undecided, or out of this sensor's reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evidence.claims import Claim
from evidence.comparisons import RULES, Case, Finding, number, stated
from imagery.sensors import SINGLE_MAX_M
from models.occupancy.profile import METHOD as PROFILE
from models.stats.baseline import baseline_of
from models.stats.ranks import rank_p_value
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


ANSWERED_BY = {"railcars": ("railcars", "railcar_equivalents")}
"""Quantities of ours that a claim may be held against, the best first; a claim's own where none stands."""


def judge(
    claim: Claim,
    series: Sequence[Series],
    years: int = 5,
    gsd_by_scene: Mapping[str, float] | None = None,
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

    Returns:
        One of four outcomes, with its reason. Never ``supported`` without a measured date.
    """
    if not claim.testable:
        return Verdict(claim.id, "out of reach", f"No imagery could test this: {claim.reason}.")
    wanted = ANSWERED_BY.get(claim.quantity, (claim.quantity,))
    measured = [one for quantity in wanted for one in series if one.quantity == quantity and len(one)]
    here = list(_yardsticks([one for one in measured if one.site == claim.site], gsd_by_scene or {}))
    if not here:
        return _nothing_here(claim, series, bool(measured))
    cases = [Case(claim, one, years) for one in here if one.within(claim.period).any()]
    if not cases:
        return _nothing_then(claim, here)
    findings = [(case, RULES[claim.comparison](case)) for case in cases]
    decided = [pair for pair in findings if pair[1].decision != "undecided"]
    return _verdict(*(decided or findings)[0])


def _yardsticks(series: Sequence[Series], gsd_by_scene: Mapping[str, float]) -> Iterator[Series]:
    """Series of one method each; the coarse profile after those that see wagons."""
    for one in series:
        single = one.quantity.endswith("railcars")
        resolved = [not single or gsd_by_scene.get(id, 0.0) <= SINGLE_MAX_M for id in one.scene_ids]
        for method in sorted(set(one.methods), key=lambda name: (name == PROFILE, name)):
            part = one.take(np.array(resolved) & (np.array(one.methods) == method))
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
    claim, series = case.claim, case.series
    baseline = baseline_of(series, claim.period, case.years)
    p_rank = None
    if baseline.n:
        falling = claim.comparison in ("falls", "disappears")
        p_rank = rank_p_value(
            case.inside.values,
            baseline.values,
            "minimum" if falling else "maximum",
            "fall" if falling else "rise",
        )
    return Verdict(
        claim.id,
        finding.decision,
        f"{_claimed(case)}: {finding.sentence}.",
        series.quantity,
        finding.value,
        finding.low,
        finding.high,
        p_rank,
        finding.scene_ids,
    )


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
    # Only railcars have a stand-in.
    return f"{words}, held against {series.quantity} as no count of single wagons then decides it"
