"""A series as a chart: points with intervals, the baseline band, skips, and what was claimed, on one axis.

What is made here is plain data for plotly.js, which draws it in the browser. Colours are the names of the
page's own (``var(--accent)``), so that a chart follows dark, light and paper; every text is escaped, because
plotly reads a little markup of its own.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.report.content import Band
from evidence.report.words import interval, number, printable, unit_name
from imagery.period import Period
from models.stats.series import Series

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
"""One for each method, in the order of their names."""
COLOURS = ("var(--accent)", "var(--second)", "var(--third)", "var(--muted)")
"""The same."""
LANE = 0.11
"""Share of the height under the axis, for what has no figure: skipped scenes, and claims of another kind."""
SKIPPED, SAID = 0.5, 1.5
"""Height of each in that lane."""

Figure = dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """A claim, to be drawn beside what was measured."""

    label: str
    """Id of the claim."""
    said: str
    """What is claimed, in words."""
    href: str
    """Where it stands on the page."""
    start: np.datetime64
    """First second of its period."""
    end: np.datetime64
    """First second after."""
    low: float | None
    """The figure, or its lower end; None where it has none on this axis."""
    high: float | None
    """The figure, or its upper end."""


@dataclass(frozen=True, eq=False)
class Chart:
    """All that is drawn of one series."""

    series: Series
    """What was measured."""
    hrefs: tuple[str, ...]
    """(n,) where on the page each value's pixels, or its row, stand."""
    band: Band | None
    """What is usual."""
    skipped: tuple[tuple[np.datetime64, str], ...]
    """When scenes were taken that could not be measured, and why not."""
    marks: tuple[Mark, ...]
    """What was claimed."""
    target: Period | None
    """The period that is held against the years before."""
    simulated: bool
    """Whether any point comes from a painted scene."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Each once, in the order of their names."""
        return tuple(sorted(set(self.series.methods)))


def text(value: str) -> str:
    """Words for plotly: as they are, whatever they hold."""
    return html.escape(str(printable(value)), quote=False)


def figure(chart: Chart) -> Figure:
    """The chart as plotly's data and layout."""
    unit = unit_name(chart.series.unit)
    floor, top = _ends(chart)
    data = [_points(chart, i, method, (floor, top)) for i, method in enumerate(chart.methods)]
    data += [_skipped(chart), *_claims(chart)]
    axis = {"gridcolor": "var(--rule)", "zeroline": False, "color": "var(--muted)", "automargin": True}
    return {
        "data": [trace for trace in data if trace["x"]],
        "layout": {
            "shapes": [*_band(chart.band), *_target(chart), *_claimed(chart)],
            "annotations": simulated() if chart.simulated else [],
            "xaxis": {**axis, "type": "date", "showgrid": False, "anchor": "y2"},
            "yaxis": {
                **axis, "range": [floor, top], "domain": [LANE, 1.0], "title": {"text": text(unit)},
                "separatethousands": True, "nticks": 6,
            },
            "yaxis2": {"domain": [0.0, LANE], "range": [0, 2], "visible": False, "fixedrange": True},
        },
        "views": _views(chart),
    }  # fmt: skip


def simulated() -> list[Figure]:
    """SIMULATED in the corner of a chart."""
    return [
        {
            "text": "SIMULATED", "xref": "paper", "yref": "paper", "x": 0.005, "y": 0.995,
            "xanchor": "left", "yanchor": "top", "showarrow": False,
            "font": {"color": "var(--stamp)", "weight": 700},
        }
    ]  # fmt: skip


def stamps(times: Iterable[np.datetime64] | NDArray[np.datetime64]) -> list[str]:
    """Times as plotly reads them."""
    return [str(time) for time in times]


def _ends(chart: Chart) -> tuple[float, float]:
    series, band = chart.series, chart.band
    first, last = series.times[[0, -1]]
    near = [mark for mark in chart.marks if mark.start <= last and mark.end >= first]
    figures = [mark.high for mark in near if mark.high is not None]
    tops = [series.values, series.highs, [] if band is None else [band.maximum, band.high], figures, [1.0]]
    numbers = np.concatenate([np.asarray(part, dtype=np.float64) for part in tops])
    lows = series.lows[np.isfinite(series.lows)]
    floor = min(0.0, float(lows.min(initial=0.0)))
    return floor, 1.08 * float(numbers[np.isfinite(numbers)].max())


def _points(chart: Chart, index: int, method: str, ends: tuple[float, float]) -> Figure:
    series = chart.series
    here = np.flatnonzero(np.array([name == method for name in series.methods]))
    part = series.take(np.array([name == method for name in series.methods]))
    # An interval without an end runs out of the drawing.
    up = np.clip(part.highs, None, 2 * ends[1]) - part.values
    down = part.values - np.clip(part.lows, 2 * ends[0] - 1, None)
    colour = COLOURS[index % len(COLOURS)]
    return {
        "type": "scatter", "mode": "markers", "name": text(f"read by {method}"),
        "x": stamps(part.times), "y": part.values.tolist(),
        "error_y": {
            "type": "data", "symmetric": False, "array": up.tolist(), "arrayminus": down.tolist(),
            "width": 0, "thickness": 1, "color": colour,
        },
        "marker": {"symbol": SYMBOLS[index % len(SYMBOLS)], "size": 6, "color": colour},
        "hoverinfo": "text",
        "text": [
            f"{str(part.times[k])[:10]}: {number(part.values[k])} {text(unit_name(series.unit))} "
            f"({interval(part.lows[k], part.highs[k])})<br>{text(part.scene_ids[k])}"
            for k in range(len(part))
        ],
        "customdata": [chart.hrefs[k] for k in here],
    }  # fmt: skip


def _skipped(chart: Chart) -> Figure:
    times = [time for time, _ in chart.skipped]
    return {
        "type": "scatter", "mode": "markers", "name": "not measured", "yaxis": "y2",
        "x": stamps(times), "y": [SKIPPED] * len(times),
        "marker": {"symbol": "line-ns-open", "size": 9, "color": "var(--muted)"},
        "hoverinfo": "text",
        "text": [f"{str(time)[:10]} not measured: {text(why)}" for time, why in chart.skipped],
        "customdata": ["#skips"] * len(times),
    }  # fmt: skip


def _claims(chart: Chart) -> list[Figure]:
    """Points to rest on and to follow: claims at their figure, the others in the lane below."""
    return [
        _said([mark for mark in chart.marks if mark.high is not None], "claimed", "y"),
        _said([mark for mark in chart.marks if mark.high is None], "claimed, no figure here", "y2"),
    ]


def _said(marks: Sequence[Mark], name: str, axis: str) -> Figure:
    return {
        "type": "scatter", "mode": "markers", "name": name, "yaxis": axis,
        "x": stamps(mark.start + (mark.end - mark.start) // 2 for mark in marks),
        "y": [SAID if mark.high is None else mark.high for mark in marks],
        "marker": {"symbol": "triangle-down", "size": 9, "color": "var(--claim)"},
        "hoverinfo": "text",
        "text": [text(f"{mark.label} claims: {mark.said}") for mark in marks],
        "customdata": [mark.href for mark in marks],
    }  # fmt: skip


def _claimed(chart: Chart) -> list[Figure]:
    """The days and the figure of each claim."""
    return [
        {
            "type": "rect", "x0": str(mark.start), "x1": str(mark.end), "layer": "below",
            "yref": "y2" if mark.high is None else "y",
            "y0": SAID if mark.high is None else mark.low, "y1": SAID if mark.high is None else mark.high,
            "line": {"color": "var(--claim)", "width": 2}, "fillcolor": "var(--claim)", "opacity": 0.5,
        }
        for mark in chart.marks
    ]  # fmt: skip


def _band(band: Band | None) -> list[Figure]:
    if band is None:
        return []
    across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below", "showlegend": True}
    usual = {"color": "var(--usual)"}
    return [
        {**across, "type": "rect", "y0": band.low, "y1": band.high, "name": "usual range",
         "fillcolor": "var(--usual)", "opacity": 0.25, "line": {"width": 0}},
        {**across, "type": "line", "y0": band.median, "y1": band.median, "name": "usual middle",
         "line": {**usual, "width": 1.5}},
        {**across, "type": "line", "y0": band.maximum, "y1": band.maximum, "name": "highest of the baseline",
         "line": {**usual, "width": 1.2, "dash": "dot"}},
    ]  # fmt: skip


def _target(chart: Chart) -> list[Figure]:
    if chart.target is None:
        return []
    return [
        {
            "type": "rect", "x0": str(chart.target.start), "x1": str(chart.target.end), "yref": "paper",
            "y0": 0, "y1": 1, "layer": "below", "fillcolor": "var(--accent)", "opacity": 0.07,
            "line": {"width": 0}, "name": "target period", "showlegend": True,
        }
    ]  # fmt: skip


def _views(chart: Chart) -> dict[str, list[str]]:
    """Parts of the time axis that a reader may want, by their name."""
    times = [chart.series.times, np.array([time for time, _ in chart.skipped], dtype="datetime64[s]")]
    first, last = (edge(np.concatenate(times)) for edge in (np.min, np.max))
    room = max((last - first) // 50, np.timedelta64(10 * 86400, "s"))
    views = {"All dates": [first - room, last + room]}
    if chart.target is not None:
        days = np.timedelta64(30, "D")
        ends = np.array([chart.target.start, chart.target.end], dtype="datetime64[s]")
        views["Target period"] = [ends[0] - days, ends[1] + days]
    return {name: [_readable(end) for end in ends] for name, ends in views.items()}


def _readable(time: np.datetime64) -> str:
    """A time that has four digits for its year."""
    ends = np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[s]")
    return str(min(max(time, ends[0]), ends[1]))
