"""The answer to a claim as a headline: what a reader should take away from it, in plain words."""

from __future__ import annotations

from evidence.claims import Claim
from evidence.report.words import amount, claimed, interval, quantity_name
from evidence.verdicts.verdict import Verdict

CHANGES = ("rises", "falls", "appears", "disappears")
"""Comparisons that claim a change rather than an amount."""
OPENINGS = {
    "supported": "The imagery agrees",
    "contradicted": "The imagery disagrees",
    "undecided": "The imagery leaves it open",
}


def headline(claim: Claim, verdict: Verdict, unit: str, simulated: bool) -> str:
    """One sentence a claim.

    Args:
        claim: What was published.
        verdict: What was found.
        unit: Of what was measured.
        simulated: Whether the images behind it were painted.
    """
    if verdict.verdict == "out of reach":
        return "Imagery cannot tell" if not claim.testable else "Not measured in these images"
    if verdict.value is None:
        return "Not seen: no usable image of those days"
    opening = OPENINGS[verdict.verdict].replace("imagery", "SIMULATED imagery" if simulated else "imagery")
    if verdict.verdict == "supported" and verdict.probability is not None and verdict.probability < 0.5:
        opening += ", within a wide error"
    assert verdict.low is not None
    assert verdict.high is not None
    found = f"{amount(verdict.value, unit)} ({interval(verdict.low, verdict.high)})"
    if verdict.quantity == "railcar_equivalents":
        found = f"track filled as by {found}"
    elif verdict.quantity is not None and verdict.quantity != claim.quantity and unit != claim.unit:
        found += f" of {quantity_name(verdict.quantity).lower()}"
    if claim.comparison in CHANGES:
        change = {"rises": "a rise", "falls": "a fall", "appears": "an arrival", "disappears": "a departure"}
        return f"{opening}: {found} where {change[claim.comparison]} was reported"
    if claim.comparison == "ratio":
        return f"{opening}: {found} at most, where {claimed(claim)} was reported"
    return f"{opening}: {found} where {claimed(claim)} {_were(claim)} reported"


def _were(claim: Claim) -> str:
    return "was" if claim.low == claim.high == 1 or claim.unit in ("m", "m2", "m3", "t") else "were"
