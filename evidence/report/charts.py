"""A series as a drawing: points with intervals, the baseline band, skips as ticks, and what was claimed.

The drawing is SVG inside the page: its text is text, its colours are the page's own (so that it follows dark
and light), and its numbers are the same on every machine and day.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from evidence.report.content import Band
from evidence.report.words import interval, number, printable
from models.stats.series import Series

INK, MUTED, RULE, POINT, USUAL, CLAIM, STAMP = (f"#0102{i:02x}" for i in range(7))
COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    POINT: "var(--accent)",
    USUAL: "var(--usual)",
    CLAIM: "var(--claim)",
    STAMP: "var(--stamp)",
}
"""Colours drawn with, and the page's own that they stand for."""
MARKERS = ("o", "D", "s", "^")
"""One for each method, in the order of their names."""
RUG = 0.07
"""Share of the drawing's height kept below zero for the ticks of skipped scenes."""
STYLE: Any = {
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.size": 9.0,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "text.usetex": False,
    "text.parse_math": False,
}
NAMESPACE = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Mark:
    """A claimed figure, to be drawn beside what was measured."""

    label: str
    """Id of the claim."""
    start: np.datetime64
    """First second of its period."""
    end: np.datetime64
    """First second after."""
    low: float
    """The figure, or its lower end."""
    high: float
    """The figure, or its upper end."""


@dataclass(frozen=True, eq=False)
class Chart:
    """All that is drawn of one series."""

    series: Series
    """What was measured."""
    band: Band | None
    """What is usual."""
    skipped: NDArray[np.datetime64]
    """(k,) datetime64[s], when scenes were taken that could not be measured."""
    marks: tuple[Mark, ...]
    """What was claimed of this quantity."""
    simulated: bool
    """Whether any point comes from a painted scene."""

    def markers(self) -> dict[str, str]:
        """Marker of each method."""
        methods = sorted(set(self.series.methods))
        return {method: MARKERS[i % len(MARKERS)] for i, method in enumerate(methods)}


@dataclass(frozen=True)
class Span:
    """The part of the time axis that one drawing shows."""

    start: np.datetime64
    """Left end."""
    end: np.datetime64
    """Right end."""

    def holds(self, times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Which times lie inside, (n,)."""
        inside: NDArray[np.bool_] = (times >= self.start) & (times <= self.end)
        return inside

    def limits(self) -> tuple[float, float]:
        """Both ends as the drawing counts days."""
        return tuple(date2num([self.start, self.end]))  # type: ignore[no-untyped-call]


def whole_span(times: NDArray[np.datetime64]) -> Span:
    """From the first to the last time, with some room at both ends."""
    first, last = times.min(), times.max()
    room = max((last - first) // 50, np.timedelta64(10 * 86400, "s"))
    floor, ceiling = np.datetime64("0002-01-01", "s"), np.datetime64("9998-01-01", "s")
    return Span(max(first - room, floor), min(last + room, ceiling))


def draw(
    chart: Chart, span: Span, key: str, title: str, description: str, enlarged: Span | None = None
) -> Markup:
    """Draw the part of a chart that lies in ``span``.

    Args:
        chart: What to draw.
        span: Which days.
        key: Unique on the page; makes the drawing's inner ids unique and the same on every run.
        title: Accessible name.
        description: What a reader who cannot see it must know.
        enlarged: Days that another drawing enlarges, shaded.

    Returns:
        An ``svg`` element.
    """
    with mpl.rc_context({**STYLE, "svg.hashsalt": key}):
        figure = Figure(figsize=(5.2, 2.9))
        axes = figure.add_axes((0.105, 0.115, 0.875, 0.855))
        _frame(axes, chart, span)
        if enlarged is not None:
            axes.axvspan(*enlarged.limits(), color=MUTED, alpha=0.12, lw=0)
        if chart.band is not None:
            _band(axes, chart.band)
        texts = _marks(axes, chart.marks, span)
        tips = _points(axes, chart, span)
        ticks = chart.skipped[span.holds(chart.skipped)]
        axes.vlines(ticks, 0.005, RUG - 0.025, color=MUTED, lw=0.7, transform=axes.get_xaxis_transform())
        if chart.simulated:
            axes.text(
                0.012, 0.975, "SIMULATED", transform=axes.transAxes, va="top", weight="bold", color=STAMP
            )
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True)
    return _inline(stream.getvalue(), key, title, description, texts, tips)


def _frame(axes: Axes, chart: Chart, span: Span) -> None:
    band = [] if chart.band is None else [chart.band.maximum, chart.band.high]
    reach = [chart.series.values, chart.series.highs, band, [m.high for m in chart.marks], [1.0]]
    numbers = np.concatenate([np.asarray(part, dtype=np.float64) for part in reach])
    top = 1.1 * float(numbers[np.isfinite(numbers)].max())
    lows = chart.series.lows[np.isfinite(chart.series.lows)]
    floor = min(0.0, float(lows.min(initial=0.0)))
    axes.set_xlim(span.limits())
    axes.set_ylim(floor - RUG / (1 - RUG) * (top - floor), top)
    axes.axhline(0, color=MUTED, lw=0.6)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call]
    formatter.formats = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S"]
    formatter.zero_formats = ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]
    axes.xaxis.set_major_formatter(formatter)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}" if value >= floor else ""))
    axes.tick_params(length=0, colors=MUTED, pad=4)
    axes.grid(axis="y", color=RULE, lw=0.5)
    axes.set_axisbelow(True)


def _band(axes: Axes, band: Band) -> None:
    axes.axhspan(band.low, band.high, color=USUAL, alpha=0.28, lw=0)
    axes.axhline(band.median, color=USUAL, lw=1.2)
    axes.axhline(band.maximum, color=USUAL, lw=1.0, ls=(0, (1.5, 2)))


def _points(axes: Axes, chart: Chart, span: Span) -> dict[str, list[str]]:
    """Draw every point with its interval; give the text that belongs to each, by the group drawn."""
    series, (bottom, top) = chart.series, axes.get_ylim()
    tips: dict[str, list[str]] = {}
    for i, (method, marker) in enumerate(chart.markers().items()):
        keep = np.array([name == method for name in series.methods]) & span.holds(series.times)
        part = series.take(keep)
        ends = np.clip(
            np.stack([part.lows, part.highs], axis=1), bottom, top
        )  # (n, 2); an end may be infinite
        gap = np.full((len(part), 1), np.nan)
        times = np.repeat(part.times, 3)
        # All intervals as one broken line: one path, however many dates there are.
        axes.plot(times, np.hstack([ends, gap]).ravel(), color=POINT, lw=0.8, alpha=0.55)
        (dots,) = axes.plot(part.times, part.values, marker, ms=3.4, color=POINT, mew=0)
        dots.set_gid(f"points-{i}")
        tips[f"points-{i}"] = [
            f"{str(part.times[k])[:10]}: {number(part.values[k])} ({interval(part.lows[k], part.highs[k])}) "
            f"{series.unit}, scene {part.scene_ids[k]}"
            for k in range(len(part))
        ]
    return tips


def _marks(axes: Axes, marks: Sequence[Mark], span: Span) -> dict[str | None, str]:
    """Draw claimed figures. Their labels come from outside, so they are set as text only afterwards."""
    texts: dict[str | None, str] = {}
    for i, mark in enumerate(marks):
        if mark.end < span.start or mark.start > span.end:
            continue
        least = (span.end - span.start) // 60  # so that the figure of one day can be seen in five years
        start, end = max(mark.start, span.start), min(max(mark.end, mark.start + least), span.end)
        axes.fill_between(
            [start, end], mark.low, mark.high, facecolor=CLAIM, edgecolor=CLAIM, lw=2.0, alpha=0.75
        )
        right = start - span.start > span.end - end  # the label hangs from the end with more room
        axes.annotate(
            f"@{i}", (end if right else start, mark.high), (0, 2.5), textcoords="offset points",
            ha="right" if right else "left", va="bottom", color=CLAIM, size=8, annotation_clip=False,
        )  # fmt: skip
        texts[f"@{i}"] = mark.label
    return texts


def _inline(
    drawing: str,
    key: str,
    title: str,
    description: str,
    texts: Mapping[str | None, str],
    tips: Mapping[str, list[str]],
) -> Markup:
    """The drawing as an element of a page: named, without outside references, in the page's colours."""
    root = ET.fromstring(drawing)
    for element in root.iter():
        element.tag = element.tag.removeprefix(NAMESPACE)
        _attributes(element)
        if element.text in texts:
            element.text = printable(texts[element.text])
    for group in [g for g in root.iter("g") if g.get("id") in tips]:
        for use, tip in zip(group.findall(".//use"), tips[group.attrib["id"]], strict=True):
            ET.SubElement(use, "title").text = printable(tip)
    drawn = [part for part in root if part.tag in ("g", "defs") and part.find("style") is None]
    svg = ET.Element("svg", {"viewBox": root.attrib["viewBox"], "role": "img"})
    svg.set("aria-labelledby", f"{key}-title {key}-desc")
    ET.SubElement(svg, "title", {"id": f"{key}-title"}).text = printable(title)
    ET.SubElement(svg, "desc", {"id": f"{key}-desc"}).text = printable(description)
    svg.extend(drawn)
    for element in svg.iter("g"):
        element.attrib.pop("id", None)  # named alike in every drawing, and referred to by nothing
    return Markup(ET.tostring(svg, encoding="unicode"))  # built and escaped above


def _attributes(element: ET.Element) -> None:
    """Turn the inline style into attributes: the page allows no inline style."""
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name and name != "font-family":
            element.set(name, COLOURS.get(value, value))
    if reference := element.attrib.pop(HREF, None):
        element.set("href", reference)
    if element.tag == "path":
        element.set("d", " ".join(element.attrib.get("d", "").split()))
