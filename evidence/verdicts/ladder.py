"""How a claim is known, rung by rung, and where sources disagree with each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evidence.claims import Claim
from evidence.verdicts.cases import COUNT_TOLERANCE, LENGTH_TOLERANCE, number
from evidence.verdicts.verdict import Verdict
from imagery.period import Period
from models.occupancy.limits import WAGON_LENGTHS_M

Rung = Literal["seen", "measured", "inferred", "not measured", "not testable"]

RUNGS: dict[Rung, str] = {
    "seen": "visible in single pictures: it is there, or it came and went",
    "measured": "a figure of the same quantity, with its interval",
    "inferred": "from another quantity, or against the dates before: it rests on an assumption",
    "not measured": "imagery could test it, this run's did not",
    "not testable": "no imagery could test it",
}
"""Each rung in words, the surest first."""

_FROM_OTHERS = ("ratio", "rises", "falls")
_RAILCARS_IN_METRES = {"railcars", "occupied_track_m"}


def rung(claim: Claim, verdict: Verdict) -> Rung:
    """On which rung a verdict stands.

    Args:
        claim: What is claimed.
        verdict: What was said of it.
    """
    if not claim.testable:
        return "not testable"
    if verdict.quantity is None:
        return "not measured"
    if verdict.quantity != claim.quantity or claim.comparison in _FROM_OTHERS:
        return "inferred"
    return "seen" if claim.comparison in ("appears", "disappears") else "measured"


@dataclass(frozen=True)
class Conflict:
    """Two published figures that speak of the same thing."""

    first: Claim
    """One of them."""
    second: Claim
    """The other."""
    agree: bool
    """Whether one state of the yard could satisfy both, with the tolerance of published figures."""
    sentence: str
    """Why, in figures."""


def conflicts(claims: Sequence[Claim]) -> Iterator[Conflict]:
    """Claims that name each other and can be put in one unit, each pair once.

    Counts become metres at 13.9 to 19.6 m a wagon. ``at most`` holds for every day of its period, so that a
    larger figure of any day inside it disagrees.

    Args:
        claims: All of them; those without a figure or in other units are passed over.
    """
    by_id = {claim.id: claim for claim in claims}
    told = set()
    for claim in claims:
        for other in (by_id[id] for id in claim.see_also if id in by_id):
            pair = frozenset((claim.id, other.id))
            if pair in told or claim.site != other.site or not _comparable(claim, other):
                continue
            told.add(pair)
            yield _held(claim, other)


def _comparable(first: Claim, second: Claim) -> bool:
    if first.low is None or second.low is None or "ratio" in (first.comparison, second.comparison):
        return False
    # One of several trains says nothing against another, nor against the sum of all of them.
    if "train_length_m" in (first.quantity, second.quantity) or not _near(first.period, second.period):
        return False
    return first.quantity == second.quantity or {first.quantity, second.quantity} == _RAILCARS_IN_METRES


def _near(first: Period, second: Period) -> bool:
    """Whether two periods meet or follow each other: figures a day apart are of one stay."""
    return (second.start - first.end).days <= 0 and (first.start - second.end).days <= 0


def _held(first: Claim, second: Claim) -> Conflict:
    if first.quantity == second.quantity:
        ranges = [_range(claim) for claim in (first, second)]
        how = ""
    else:
        ranges = [_metres(claim) for claim in (first, second)]
        how = f", at {WAGON_LENGTHS_M[0]} to {WAGON_LENGTHS_M[1]} m a wagon"
    (a, b), (c, d) = ranges
    agree = a <= d and c <= b
    said = " and ".join(f"{claim.id} says {_figure(claim)} ({claim.period})" for claim in (first, second))
    unit = first.unit if first.quantity == second.quantity else "m"
    spans = " and ".join(
        f"{number(low)} or more" if math.isinf(high) else f"{number(low)} to {number(high)}"
        for low, high in ranges
    )
    return Conflict(
        first,
        second,
        agree,
        f"{said}: with tolerance {spans} {unit}{how}, which {'meet' if agree else 'do not meet'}",
    )


def _figure(claim: Claim) -> str:
    assert claim.low is not None
    assert claim.high is not None
    ends = number(claim.low) if claim.low == claim.high else f"{number(claim.low)} to {number(claim.high)}"
    how = "" if claim.comparison in ("about", "between") else f"{claim.comparison} "
    return f"{how}{ends} {claim.unit}"


def _range(claim: Claim) -> tuple[float, float]:
    assert claim.low is not None
    assert claim.high is not None
    tolerance = LENGTH_TOLERANCE if claim.unit == "m" else COUNT_TOLERANCE
    low, high = claim.low * (1 - tolerance), claim.high * (1 + tolerance)
    return (0.0 if claim.comparison == "at most" else low), (
        float("inf") if claim.comparison == "at least" else high
    )


def _metres(claim: Claim) -> tuple[float, float]:
    low, high = _range(claim)
    if claim.quantity != "railcars":
        return low, high
    return low * WAGON_LENGTHS_M[0], high * WAGON_LENGTHS_M[1]
