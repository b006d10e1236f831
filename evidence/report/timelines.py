"""Series as a reader meets them: drawn as a whole, drawn enlarged, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evidence.ledger import Outcome
from evidence.report.charts import Chart, Mark, Span, draw, whole_span
from evidence.report.content import LEAST, Band, Page, band_of
from evidence.report.words import anchors, count, interval, moment, number, quantity_name
from imagery.period import Period
from models.stats.series import Series

DAY = 86400
"""Seconds."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """One series: drawn as a whole and enlarged, and as a table."""

    anchor: str
    """HTML id."""
    name: str
    """The quantity in words."""
    chart: Chart
    """What is drawn."""
    drawings: tuple[tuple[str, Markup], ...]
    """Caption and drawing."""
    methods: tuple[tuple[str, str], ...]
    """Method and its marker."""
    usual: str
    """The baseline in a sentence, or that there is none."""
    told: tuple[str, ...]
    """The target period in sentences."""
    rows: tuple[tuple[str, str, str, str, str, str, str | None], ...]
    """HTML id, time, value, interval, scene, method, fragment of its picture."""


def timelines(page: Page, at: Mapping[tuple[str, str], str]) -> list[Timeline]:
    """Each series that holds a value, drawn and tabulated.

    Args:
        page: What the page says.
        at: Where on the page each picture stands, by site and scene id.
    """
    simulated = {(o.site, o.scene_id) for o in page.outcomes if o.simulated}
    series = [s for s in page.series if len(s)]
    names = anchors("series", (f"{s.site} {s.quantity}" for s in series))
    views = []
    for one, anchor in zip(series, names, strict=True):
        chart = Chart(
            one,
            band_of(page.baselines.get((one.site, one.quantity))),
            _skipped_times(page.outcomes, one.site),
            _marks(page, one),
            any((one.site, scene) in simulated for scene in one.scene_ids),
        )
        views.append(
            Timeline(
                anchor,
                quantity_name(one.quantity),
                chart,
                _drawings(chart, anchor, page),
                tuple(chart.markers().items()),
                _usual(chart.band, one.unit),
                tuple(page.told.get((one.site, one.quantity), ())),
                tuple(
                    (
                        f"{anchor}-{i}",
                        str(one.times[i])[:16].replace("T", " "),
                        number(one.values[i]),
                        interval(one.lows[i], one.highs[i]),
                        one.scene_ids[i],
                        one.methods[i],
                        at.get((one.site, one.scene_ids[i])),
                    )
                    for i in range(len(one))
                ),
            )
        )
    return views


def _skipped_times(outcomes: Sequence[Outcome], site: str) -> NDArray[np.datetime64]:
    times = [o.taken_at for o in outcomes if o.skip is not None and o.site == site and o.taken_at is not None]
    return np.sort(np.array([moment(time).replace(" ", "T") for time in times], dtype="datetime64[s]"))


def _marks(page: Page, series: Series) -> tuple[Mark, ...]:
    """Claims whose figure is of this series' own kind and unit, and so can stand on its axis."""
    tested = {verdict.claim_id for verdict in page.verdicts if verdict.quantity == series.quantity}
    return tuple(
        Mark(
            claim.id,
            np.datetime64(claim.period.start, "s"),
            np.datetime64(claim.period.end, "s"),
            claim.low,
            claim.high,
        )
        for claim in page.claims
        if claim.site == series.site
        and claim.id in tested
        and claim.unit == series.unit
        and claim.low is not None
        and claim.high is not None
        and claim.comparison in ("at least", "at most", "about", "between")
    )


def _drawings(chart: Chart, anchor: str, page: Page) -> tuple[tuple[str, Markup], ...]:
    """All dates; and where the last part would be too narrow to read, that part again."""
    whole = whole_span(np.concatenate([chart.series.times, chart.skipped]))
    site = page.site_names.get(chart.series.site, chart.series.site)
    name = f"{quantity_name(chart.series.quantity)}, {site}"
    if chart.simulated:
        name = f"SIMULATED: {name}"
    baseline = page.baselines.get((chart.series.site, chart.series.quantity))
    near = None if baseline is None else _near(baseline.target, whole)
    views = [(whole, near, "all dates", "all")]
    if near is not None:
        views.append((near, None, "enlarged", "near"))
    return tuple(
        (
            f"{str(span.start)[:10]} to {str(span.end)[:10]}, {words}",
            draw(chart, span, f"{anchor}-{key}", f"{name}, {words}", _described(chart, span), shade),
        )
        for span, shade, words, key in views
    )


def _near(target: Period, whole: Span) -> Span | None:
    """The target's days, where the whole is too wide to read them."""
    start, end = target.start, target.end
    room = np.timedelta64(2 * DAY, "s")
    near = Span(
        max(np.datetime64(start, "s") - room, whole.start), min(np.datetime64(end, "s") + room, whole.end)
    )
    length = near.end - near.start
    return near if np.timedelta64(DAY, "s") < length < (whole.end - whole.start) / 3 else None


def _described(chart: Chart, span: Span) -> str:
    part = chart.series.take(span.holds(chart.series.times))
    skipped = int(span.holds(chart.skipped).sum())
    said = [f"{count(len(part), 'date')} measured, {count(skipped, 'scene')} not measured."]
    if len(part):
        top = int(np.argmax(part.values))
        said.append(
            f"Values from {number(part.values.min())} to {number(part.values.max())} {part.unit}; "
            f"the highest on {str(part.times[top])[:10]}, "
            f"interval {interval(part.lows[top], part.highs[top])}."
        )
    said.append(_usual(chart.band, chart.series.unit))
    return " ".join(said)


def _usual(band: Band | None, unit: str) -> str:
    if band is None:
        return f"No usual range: fewer than {LEAST} dates make a baseline."
    return (
        f"Usual: {interval(band.low, band.high)} {unit} ({band.words}); middle {number(band.median)}, "
        f"highest {number(band.maximum)}."
    )
