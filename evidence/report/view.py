"""A Page laid out for its template: grouped, ordered, linked and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.ledger import Outcome
from evidence.report.calendar import Calendar, calendars
from evidence.report.cards import BEYOND, VERDICTS, Card, claim_anchors, claim_cards
from evidence.report.certainty import Placebos, Sensitivity, placebos, powers, sensitivities
from evidence.report.content import Page
from evidence.report.frames import Frame, frames
from evidence.report.timelines import Timeline, timelines
from evidence.report.words import METHODS, anchors, day, interval, moment, number, quantity_name
from models.measurement import Skip

FINDINGS = 6
"""Decided claims told at the head of the page."""
SHORT = 8
"""Entries of a mapping that still read well on one line."""


@dataclass(frozen=True)
class SkipGroup:
    """The scenes that were skipped for one reason."""

    reason: str
    """Slug."""
    first: str
    """Earliest day, or that none is dated."""
    last: str
    """Latest day."""
    rows: tuple[tuple[str, str, str, str], ...]
    """Time, site, scene, detail."""


@dataclass(frozen=True, eq=False)
class SiteView:
    """One site."""

    anchor: str
    """Part of HTML ids."""
    name: str
    """In words."""
    answered: tuple[Card, ...]
    """Claims about it that these scenes speak to, even where they leave them undecided."""
    beyond: tuple[Card, ...]
    """Claims about it that are out of reach."""
    charts: tuple[Timeline, ...]
    """Its series."""
    pictures: tuple[Frame, ...]
    """Its pictures, by date."""
    swipe: tuple[Frame, Frame] | None
    """Two of them, of the same ground, to be laid over each other first; None where no two are."""
    calendar: Calendar | None
    """When it was looked at."""

    @property
    def framed(self) -> list[Frame]:
        """Pictures that can be laid over each other."""
        return [one for one in self.pictures if one.picture.framed]


@dataclass(frozen=True, eq=False)
class View:
    """Everything the template shows."""

    page: Page
    """As given."""
    sites: tuple[SiteView, ...]
    """Measured ones first."""
    tally: tuple[tuple[str, int], ...]
    """Each of the four verdicts and how often it was given."""
    skips: tuple[SkipGroup, ...]
    """Most frequent reason first."""
    undated: tuple[tuple[str, str, str, str, str, str], ...]
    """Measured without a date: scene, site, quantity, value, interval, method."""
    scenes: int
    """How many different scenes there were."""
    painted: int
    """How many of them are simulated."""
    looks: int
    """How many ends there are: a scene that shows two sites ends once for each."""
    measured: int
    """How many of these ends are measurements."""
    command: str
    """The line that runs it again, or empty."""
    facts: tuple[tuple[str, str], ...]
    """Short facts of the run, in words."""
    lists: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Long facts of the run, such as the hash of each input, entry by entry."""
    placebos: Placebos | None
    """The target period beside earlier periods and other sites."""
    sensitivities: tuple[Sensitivity, ...]
    """Claims judged in other ways."""
    powers: tuple[tuple[str, str, str, str], ...]
    """What each series could have shown."""
    findings: tuple[Card, ...]
    """Claims that the imagery decides, the first of them."""
    methods: tuple[tuple[str, str], ...]
    """Each method of this run and how it reads."""


def lay_out(page: Page) -> View:
    """Arrange a page for its template; equal pages give equal views."""
    pictures = frames(page.pictures)
    at = {(p.picture.site, p.picture.scene_id): f"#{p.anchor}" for p in reversed(pictures)}
    hrefs = claim_anchors(page)
    charts = timelines(page, at, hrefs)
    rows: dict[tuple[str, str], str] = {}
    for chart in charts:
        for row, scene in zip(chart.rows, chart.chart.series.scene_ids, strict=True):
            rows.setdefault((chart.chart.series.site, scene), f"#{row[0]}")
    claims = claim_cards(page, at, rows)
    calendar = calendars(page.outcomes, {**rows, **at})
    ids = _site_ids(page)
    sites = tuple(
        SiteView(
            anchor,
            page.site_names.get(site) or site or "No site given",
            tuple(c for c in claims if c.claim.site == site and c.verdict.verdict != BEYOND),
            tuple(c for c in claims if c.claim.site == site and c.verdict.verdict == BEYOND),
            tuple(c for c in charts if c.chart.series.site == site),
            tuple(p for p in pictures if p.picture.site == site),
            _swipe([p for p in pictures if p.picture.site == site and p.picture.framed]),
            calendar.get(site),
        )
        for site, anchor in zip(ids, anchors("site", ids), strict=True)
    )
    facts, lists = _facts(page.run)
    given = Counter(verdict.verdict for verdict in page.verdicts)
    return View(
        page,
        sites,
        tuple((verdict, given[verdict]) for verdict in VERDICTS),
        _skips(page.outcomes),
        _undated(page.outcomes),
        len({o.scene_id for o in page.outcomes}),
        len({o.scene_id for o in page.outcomes if o.simulated}),
        len(page.outcomes),
        sum(bool(o.measurements) for o in page.outcomes),
        str(page.run.get("command", "")),
        tuple(facts),
        tuple(lists),
        placebos(page),
        tuple(sensitivities(page, hrefs)),
        tuple(powers(page)),
        tuple(_findings(claims)),
        tuple((name, METHODS[name]) for name in METHODS if any(name in s.methods for s in page.series)),
    )


def _findings(cards: Sequence[Card]) -> list[Card]:
    """What the imagery decides, what it contradicts first; an answer that several claims share once."""
    decided = [c for verdict in reversed(VERDICTS[:2]) for c in cards if c.verdict.verdict == verdict]
    return list({(c.headline, c.claim.period): c for c in reversed(decided)}.values())[::-1][:FINDINGS]


def _swipe(pictures: Sequence[Frame]) -> tuple[Frame, Frame] | None:
    """The date with most boxes, and before it the earliest of the same sensor."""
    dated = [one for one in pictures if one.picture.taken_at is not None]
    if len(dated) < 2:
        return None
    after = max(dated[1:], key=lambda one: (len(one.boxes), len(one.occupied)))
    like = [one for one in dated if one.picture.sensor == after.picture.sensor]
    before = like[0] if like[0] is not after else dated[0]
    return before, after


def _site_ids(page: Page) -> list[str]:
    """Those with most answers first, then those measured, then by id."""
    measured = {series.site for series in page.series}
    named = measured | {claim.site for claim in page.claims} | {picture.site for picture in page.pictures}
    named |= {outcome.site for outcome in page.outcomes if outcome.taken_at is not None}
    sites = {claim.id: claim.site for claim in page.claims}
    answers = Counter(sites[v.claim_id] for v in page.verdicts if v.verdict != BEYOND)
    return sorted(named, key=lambda site: (-answers[site], site not in measured, site))


def _skips(outcomes: Sequence[Outcome]) -> tuple[SkipGroup, ...]:
    groups: dict[str, list[tuple[Outcome, Skip]]] = {}
    for outcome in outcomes:
        if outcome.skip is not None:
            groups.setdefault(outcome.skip.reason, []).append((outcome, outcome.skip))
    result = []
    for reason, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        members.sort(key=lambda member: (moment(member[0].taken_at), member[0].site, member[0].scene_id))
        dated = [day(outcome.taken_at) for outcome, _ in members if outcome.taken_at is not None]
        rows = tuple((moment(o.taken_at), o.site, o.scene_id, skip.detail) for o, skip in members)
        first, last = (dated[0], dated[-1]) if dated else ("no date", "no date")
        result.append(SkipGroup(reason, first, last, rows))
    return tuple(result)


def _undated(outcomes: Sequence[Outcome]) -> tuple[tuple[str, str, str, str, str, str], ...]:
    return tuple(
        (
            o.scene_id,
            o.site,
            quantity_name(m.quantity),
            f"{number(m.value)} {m.unit}",
            interval(m.low, m.high),
            m.method,
        )
        for o in outcomes
        if o.taken_at is None
        for m in o.measurements
    )


def _facts(
    run: Mapping[str, Any],
) -> tuple[list[tuple[str, str]], list[tuple[str, tuple[tuple[str, str], ...]]]]:
    """Short facts on one line each, and mappings too long for a line entry by entry."""
    facts, lists = [], []
    for key, value in run.items():
        name = key.replace("_", " ").capitalize()
        if isinstance(value, Mapping) and len(value) > SHORT:
            lists.append((name, tuple((str(k), _flat(v)) for k, v in value.items())))
        elif key not in ("command", "title"):
            facts.append((name, _flat(value)))
    return facts, lists


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_flat(entry) for entry in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value)
