"""How the answer changes with what was decided on the way: the gate, the method, the cross-check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from evidence.claims import Claim
from evidence.ledger import Outcome
from evidence.tables import write_csv
from evidence.verdicts.verdict import ANSWERED_BY, Outcome4, Verdict, judge, yardsticks
from models.stats.series import Series


@dataclass(frozen=True)
class Alternative:
    """One claim judged in another way."""

    claim_id: str
    """The claim."""
    way: str
    """What was done otherwise, in words."""
    verdict: Outcome4
    """What it would be then."""
    quantity: str | None
    """What would be held against it."""
    value: float | None
    """What was measured in the claim's period."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end of its interval."""


def alternatives(
    claims: Sequence[Claim],
    verdicts: Sequence[Verdict],
    series: Sequence[Series],
    ungated: Sequence[Series],
    outcomes: Sequence[Outcome],
    years: int = 5,
    season_days: int | None = None,
) -> list[Alternative]:
    """Judge every claim that was held against something again, in each other way that this run allows.

    Args:
        claims: As judged.
        verdicts: As given, in the same order.
        series: What they rest on.
        ungated: The same with the dates that the gate kept back.
        outcomes: Where the cross-checks stand.
        years: Length of the baseline.
        season_days: Only baseline dates within this many days of the season; all the year where None.

    Returns:
        By claim; nothing for a claim that no series of the run answers.
    """
    checked = list(_cross_checked(series, outcomes))
    found = []
    for claim, verdict in zip(claims, verdicts, strict=True):
        if verdict.quantity is None:
            continue
        for way, changed in _ways(claim, series, ungated, checked):
            other = judge(claim, changed, years, season_days=season_days)
            found.append(
                Alternative(claim.id, way, other.verdict, other.quantity, other.value, other.low, other.high)
            )
    return found


def _ways(
    claim: Claim, series: Sequence[Series], ungated: Sequence[Series], checked: Sequence[Series]
) -> Iterator[tuple[str, Sequence[Series]]]:
    """Each other way and the series that it leaves."""
    here = [_of(claim, part) for part in (series, ungated, checked)]
    if sum(map(len, here[1])) > sum(map(len, here[0])):
        yield "without the gate", here[1]
    if here[2]:
        yield "by the cross-check in place of the net", here[2]
    alone = list(yardsticks(here[0]))
    if len(alone) > 1:
        for one in alone:
            orbit = f", orbit {one.orbits[0]}" if one.orbits[0] else ""
            yield f"by {one.quantity} of {one.methods[0]}{orbit} alone", [one]


def _of(claim: Claim, series: Iterable[Series]) -> list[Series]:
    """Those that may answer a claim."""
    wanted = ANSWERED_BY.get(claim.quantity, (claim.quantity,))
    return [one for one in series if one.site == claim.site and one.quantity in wanted and len(one)]


def _cross_checked(series: Sequence[Series], outcomes: Sequence[Outcome]) -> Iterator[Series]:
    """Series of the dates that a simpler method read too, with its values and the same width of interval."""
    simple = {
        (o.site, o.scene_id, m.quantity, m.method): m.cross_check
        for o in outcomes
        for m in o.measurements
        if m.cross_check is not None
    }
    for one in series:
        looks = zip(one.scene_ids, one.methods, strict=True)
        found = [simple.get((one.site, id, one.quantity, method)) for id, method in looks]
        part = one.take(np.array([value is not None for value in found], dtype=bool))
        if len(part):
            values = np.array([value for value in found if value is not None])
            by = values - part.values
            yield replace(
                part,
                values=values,
                lows=np.minimum(np.maximum(part.lows + by, 0.0), values),
                highs=part.highs + by,
                methods=tuple(f"cross-check of {method}" for method in part.methods),
            )


def write_sensitivity(found: Sequence[Alternative], out: Path) -> None:
    """Write ``sensitivity.csv`` into ``out``."""
    columns = [field.name for field in fields(Alternative)]
    write_csv(pd.DataFrame([asdict(one) for one in found], columns=columns), out / "sensitivity.csv")
