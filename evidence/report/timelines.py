"""Series as a reader meets them: drawn, told in sentences, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evidence.claims import Claim
from evidence.ledger import Outcome
from evidence.report.charts import Chart, Figure, Mark, figure
from evidence.report.content import LEAST, Band, Page, band_of
from evidence.report.words import (
    anchors,
    claimed,
    count,
    days,
    interval,
    moment,
    number,
    quantity_name,
    unit_name,
)
from models.stats.series import Series


@dataclass(frozen=True, eq=False)
class Timeline:
    """One series: a chart, sentences, and a table."""

    anchor: str
    """HTML id."""
    name: str
    """The quantity in words."""
    chart: Chart
    """What is drawn."""
    figure: Figure
    """The same for plotly."""
    described: str
    """What a reader who cannot see it must know."""
    usual: str
    """The baseline in a sentence, or that there is none."""
    told: tuple[str, ...]
    """The target period in sentences."""
    rows: tuple[tuple[str, str, str, str, str, str, str | None], ...]
    """HTML id, time, value, interval, scene, method, fragment of its picture."""


def timelines(page: Page, at: Mapping[tuple[str, str], str], claims: Mapping[str, str]) -> list[Timeline]:
    """Each series that holds a value, drawn and tabulated; those that most claims were held against first.

    Args:
        page: What the page says.
        at: Where on the page each picture stands, by site and scene id.
        claims: Where on the page each claim stands, by id.
    """
    simulated = {(o.site, o.scene_id) for o in page.outcomes if o.simulated}
    series = sorted((s for s in page.series if len(s)), key=lambda s: (-len(_held(page, s)), -len(s)))
    names = anchors("series", (f"{s.site} {s.quantity}" for s in series))
    return [
        _timeline(page, one, anchor, at, claims, any((one.site, id) in simulated for id in one.scene_ids))
        for one, anchor in zip(series, names, strict=True)
    ]


def _timeline(
    page: Page,
    one: Series,
    anchor: str,
    at: Mapping[tuple[str, str], str],
    claims: Mapping[str, str],
    simulated: bool,
) -> Timeline:
    pictures = [at.get((one.site, scene)) for scene in one.scene_ids]
    baseline = page.baselines.get((one.site, one.quantity))
    chart = Chart(
        one,
        tuple(picture or f"#{anchor}-{i}" for i, picture in enumerate(pictures)),
        band_of(baseline),
        _skipped(page.outcomes, one.site),
        tuple(_mark(claim, one, claims[claim.id]) for claim in _held(page, one)),
        None if baseline is None else baseline.target,
        simulated,
    )
    rows = tuple(
        (
            f"{anchor}-{i}",
            str(one.times[i])[:16].replace("T", " "),
            number(one.values[i]),
            interval(one.lows[i], one.highs[i]),
            one.scene_ids[i],
            one.methods[i],
            pictures[i],
        )
        for i in range(len(one))
    )
    told = tuple(page.told.get((one.site, one.quantity), ()))
    usual = _usual(chart.band, unit_name(one.unit))
    name = quantity_name(one.quantity)
    return Timeline(anchor, name, chart, figure(chart), _described(chart, usual), usual, told, rows)


def _skipped(outcomes: Sequence[Outcome], site: str) -> tuple[tuple[np.datetime64, str], ...]:
    found = [
        (np.datetime64(moment(o.taken_at).replace(" ", "T"), "s"), f"{o.skip.reason}, {o.scene_id}")
        for o in outcomes
        if o.skip is not None and o.site == site and o.taken_at is not None
    ]
    return tuple(sorted(found))


def _held(page: Page, series: Series) -> list[Claim]:
    """The claims that were held against this quantity here."""
    tested = {verdict.claim_id for verdict in page.verdicts if verdict.quantity == series.quantity}
    return [claim for claim in page.claims if claim.site == series.site and claim.id in tested]


def _mark(claim: Claim, series: Series, href: str) -> Mark:
    """At its figure where that is of this series' own unit, and so can stand on its axis."""
    plain = claim.comparison in ("at least", "at most", "about", "between") and claim.unit == series.unit
    return Mark(
        claim.id,
        f"{claimed(claim)}, {days(claim.period)}",
        href,
        np.datetime64(claim.period.start, "s"),
        np.datetime64(claim.period.end, "s"),
        claim.low if plain else None,
        claim.high if plain else None,
    )


def _described(chart: Chart, usual: str) -> str:
    series = chart.series
    top = int(np.argmax(series.values))
    return (
        f"{count(len(series), 'value')} measured, {count(len(chart.skipped), 'scene')} not measured. "
        f"Values from {number(series.values.min())} to {number(series.values.max())} "
        f"{unit_name(series.unit)}; the highest on {str(series.times[top])[:10]}, "
        f"interval {interval(series.lows[top], series.highs[top])}. {usual} "
        "The arrow keys go from date to date, Enter leads to its picture or row."
    )


def _usual(band: Band | None, unit: str) -> str:
    if band is None:
        return f"No usual range: fewer than {LEAST} dates make a baseline."
    return (
        f"Usual: {interval(band.low, band.high)} {unit} ({band.words}); middle {number(band.median)}, "
        f"highest {number(band.maximum)}."
    )
