"""Claims as a reader meets them: what was said, what was found, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evidence.claims import Claim
from evidence.report.content import Page, band_of
from evidence.report.headlines import headline
from evidence.report.words import (
    amount,
    anchors,
    claimed,
    interval,
    percent,
    quantity_name,
    unit_name,
    web_address,
)
from evidence.verdicts.cases import COUNT_TOLERANCE, LENGTH_TOLERANCE
from evidence.verdicts.verdict import Outcome4, Verdict

VERDICTS: tuple[Outcome4, ...] = ("supported", "contradicted", "undecided", "out of reach")
"""In the order in which a reader meets them."""
BEYOND: Outcome4 = "out of reach"
"""The verdict that no figure of ours stands beside."""
LINKS = 6
"""How many scenes a claim links to before it says how many more there are."""


@dataclass(frozen=True)
class Link:
    """A place on the page."""

    href: str
    """Fragment, ``#...``."""
    text: str
    """Words of the link."""


@dataclass(frozen=True)
class Card:
    """One claim, what the imagery says of it, and the figures."""

    anchor: str
    """HTML id."""
    claim: Claim
    """As published."""
    verdict: Verdict
    """As found."""
    headline: str
    """The answer in plain words."""
    simulated: bool
    """Whether a scene behind it was painted."""
    figures: tuple[tuple[str, str], ...]
    """Name and figure, in words."""
    links: tuple[Link, ...]
    """Where its scenes are on the page."""
    more: int
    """Scenes behind the verdict beyond those linked."""
    see_also: tuple[Link, ...]
    """Claims that repeat it, underlie it or disagree with it."""
    address: str | None
    """Web address of the source, where the locator is one."""


def claim_anchors(page: Page) -> dict[str, str]:
    """Fragment of each claim's card, by claim id, in the order of the cards."""
    verdicts = {verdict.claim_id: verdict for verdict in page.verdicts}
    ids = [c.id for c in sorted(page.claims, key=lambda c: VERDICTS.index(verdicts[c.id].verdict))]
    return {id: f"#{anchor}" for id, anchor in zip(ids, anchors("claim", ids), strict=True)}


def claim_cards(
    page: Page, at: Mapping[tuple[str, str], str], rows: Mapping[tuple[str, str], str]
) -> list[Card]:
    """One card a claim, those that the imagery answers first.

    Args:
        page: What the page says.
        at: Where on the page each picture stands, by site and scene id.
        rows: The same of each scene's row in a table.
    """
    verdicts = {verdict.claim_id: verdict for verdict in page.verdicts}
    claims = {claim.id: claim for claim in page.claims}
    place = claim_anchors(page)
    painted = {(o.site, o.scene_id) for o in page.outcomes if o.simulated}
    units = {(s.site, s.quantity): s.unit for s in page.series}
    views = []
    for id, anchor in place.items():
        claim, verdict = claims[id], verdicts[id]
        scenes = [(claim.site, scene) for scene in verdict.scene_ids]
        # Those that can be seen on the page first.
        found = sorted((one for one in scenes if one in at or one in rows), key=lambda one: one not in at)
        linked = [Link(at.get(one) or rows[one], one[1]) for one in found[:LINKS]]
        simulated = any(one in painted for one in scenes)
        unit = units.get((claim.site, verdict.quantity or ""), "")
        views.append(
            Card(
                anchor[1:],
                claim,
                verdict,
                headline(claim, verdict, unit, simulated),
                simulated,
                tuple(_figures(claim, verdict, unit, page)),
                tuple(linked),
                len(scenes) - len(linked),
                tuple(Link(place[other], other) for other in claim.see_also if other in place),
                web_address(claim.locator),
            )
        )
    return views


def _likelihood(claim: Claim, word: str, probability: float) -> str:
    """The word, its probability, and of what: a figure can be compatible and not probable to a tenth."""
    told = f"{word} ({percent(probability)})"
    if claim.comparison in ("about", "between", "ratio"):
        near = LENGTH_TOLERANCE if claim.unit == "m" else COUNT_TOLERANCE
        return f"{told} to lie within {2 * near if claim.comparison == 'ratio' else near:.0%} of it"
    return told


def _figures(claim: Claim, verdict: Verdict, unit: str, page: Page) -> list[tuple[str, str]]:
    figures = [("Claimed", claimed(claim))]
    if verdict.quantity is None:
        return figures
    if verdict.quantity != claim.quantity:
        figures.append(("Held against", quantity_name(verdict.quantity).lower()))
    if verdict.value is not None:
        figures.append(("Measured", amount(verdict.value, unit)))
    if verdict.low is not None and verdict.high is not None:
        figures.append(("Interval", interval(verdict.low, verdict.high)))
    if verdict.probability is not None:
        figures.append(("Likelihood", _likelihood(claim, verdict.likelihood, verdict.probability)))
    band = band_of(page.baselines.get((claim.site, verdict.quantity)))
    # Dates of the claim's own days, or later ones, say nothing of what was usual before them.
    if band is not None and band.last < np.datetime64(claim.period.start, "s"):
        figures.append(("Usual here", f"{interval(band.low, band.high)} {unit_name(unit)}".strip()))
        figures.append(("Highest before", amount(band.maximum, unit)))
    if verdict.p_rank is not None:
        figures.append(("Rank p-value", f"{verdict.p_rank:.2g}"))
    if verdict.p_model is not None:
        figures.append(("Model p-value", f"{verdict.p_model:.2g}"))
    if verdict.smallest_change is not None:
        figures.append(("Could have shown", f"{amount(verdict.smallest_change, unit)} or more"))
    if verdict.placebo_periods:
        figures.append(("Placebo", f"{verdict.placebo_supported} of {verdict.placebo_periods} supported"))
    return figures
