"""Series as a reader meets them: drawn as a whole, drawn enlarged, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evidence.ledger import Outcome
from evidence.report.charts import Chart, Mark, Span, draw, whole_span
from evidence.report.content import Band, Page
from evidence.report.words import anchors, count, interval, moment, number, quantity_name
from models.stats.series import Series


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
            page.baselines.get((one.site, one.quantity)),
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
            claim.low if claim.high is None else claim.high,
        )
        for claim in page.claims
        if claim.site == series.site
        and claim.id in tested
        and claim.unit == series.unit
        and claim.low is not None
        and claim.comparison in ("at least", "at most", "about", "between")
    )


def _drawings(chart: Chart, anchor: str, page: Page) -> tuple[tuple[str, Markup], ...]:
    """All dates; and where the last part would be too narrow to read, that part again."""
    times = np.concatenate([chart.series.times, chart.skipped])
    whole = whole_span(times)
    site = page.site_names.get(chart.series.site, chart.series.site)
    name = f"{quantity_name(chart.series.quantity)}, {site}"
    if chart.simulated:
        name = f"SIMULATED: {name}"
    near = _near(chart, times, page)
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


def _near(chart: Chart, times: NDArray[np.datetime64], page: Page) -> Span | None:
    period = page.target
    if period is not None:
        inside = times[(times >= np.datetime64(period.start, "s")) & (times < np.datetime64(period.end, "s"))]
    elif chart.band is not None:
        inside = times[times >= np.datetime64(chart.band.period.end, "s")]
    else:
        inside = times[:0]
    if not len(inside):
        return None
    near, whole = whole_span(inside), whole_span(times)
    return near if (near.end - near.start) * 3 < whole.end - whole.start else None


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
        return "There is no baseline: too few dates before these, or none asked for."
    return (
        f"Usual from {band.period.start} to {band.period.end}: {interval(band.low, band.high)} {unit}, "
        f"middle {number(band.median)}, highest {number(band.maximum)}."
    )
