"""Claims as a reader meets them: what was said, what was found, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evidence.claims import Claim
from evidence.report.content import Page, band_of
from evidence.report.words import anchors, claimed, interval, number, quantity_name, web_address
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


def claim_cards(page: Page, at: Mapping[tuple[str, str], str]) -> list[Card]:
    """One card a claim, those that the imagery answers first.

    Args:
        page: What the page says.
        at: Where on the page each scene stands, by site and scene id.
    """
    verdicts = {verdict.claim_id: verdict for verdict in page.verdicts}
    ordered = sorted(page.claims, key=lambda c: VERDICTS.index(verdicts[c.id].verdict))
    ids = [claim.id for claim in ordered]
    place = dict(zip(ids, anchors("claim", ids), strict=True))
    views = []
    for claim in ordered:
        verdict = verdicts[claim.id]
        linked = [(scene, at[claim.site, scene]) for scene in verdict.scene_ids if (claim.site, scene) in at]
        views.append(
            Card(
                place[claim.id],
                claim,
                verdict,
                tuple(_figures(claim, verdict, page)),
                tuple(Link(href, scene) for scene, href in linked[:LINKS]),
                len(verdict.scene_ids) - len(linked[:LINKS]),
                tuple(Link(f"#{place[other]}", other) for other in claim.see_also if other in place),
                web_address(claim.locator),
            )
        )
    return views


def _figures(claim: Claim, verdict: Verdict, page: Page) -> list[tuple[str, str]]:
    figures = [("Claimed", claimed(claim))]
    if verdict.quantity is None:
        return figures
    if verdict.quantity != claim.quantity:
        figures.append(("Held against", quantity_name(verdict.quantity).lower()))
    unit = next((s.unit for s in page.series if (s.site, s.quantity) == (claim.site, verdict.quantity)), "")
    if verdict.value is not None:
        figures.append(("Measured", f"{number(verdict.value)} {unit}".strip()))
    if verdict.low is not None and verdict.high is not None:
        figures.append(("Interval", interval(verdict.low, verdict.high)))
    band = band_of(page.baselines.get((claim.site, verdict.quantity)))
    # Dates of the claim's own days, or later ones, say nothing of what was usual before them.
    if band is not None and band.last < np.datetime64(claim.period.start, "s"):
        figures.append(("Usual here", f"{interval(band.low, band.high)} {unit}".strip()))
        figures.append(("Highest before", f"{number(band.maximum)} {unit}".strip()))
    if verdict.p_rank is not None:
        figures.append(("Rank p-value", f"{verdict.p_rank:.2g}"))
    if verdict.p_model is not None:
        figures.append(("Model p-value", f"{verdict.p_model:.2g} ({verdict.model})"))
    if verdict.placebo_periods:
        figures.append(("Placebo", f"{verdict.placebo_supported} of {verdict.placebo_periods} supported"))
    return figures
