"""The coverage calendar: on which days a place was looked at, and what could not be seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from evidence.ledger import Outcome
from evidence.report.charts import Figure, simulated, text

MEASURED, KEPT_BACK = "measured", "measured, kept back by the gate"
MARKERS = {MEASURED: ("square", "var(--accent)"), KEPT_BACK: ("square-open", "var(--accent)")}
"""Symbol and colour of a day."""
REASONS = (("x-thin", "var(--claim)"), ("line-ew-open", "var(--stamp)"), ("circle-open", "var(--muted)"))
"""The same of days that could not be measured, by how frequent their reason is; the last for all rarer."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ROW_PX, FRAME_PX = 30, 110
"""Height of a year in the drawing, and of what lies around it."""


@dataclass(frozen=True)
class Calendar:
    """One place."""

    figure: Figure
    """A row a year, for plotly."""
    words: str
    """How much was seen, in a sentence."""
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """A year, and for each of its months how many of its scenes were measured, or that there was none."""


def calendars(outcomes: Sequence[Outcome], hrefs: Mapping[tuple[str, str], str]) -> dict[str, Calendar]:
    """The calendar of each place, by site id.

    Args:
        outcomes: How every scene ended; undated ones stand in no calendar.
        hrefs: Where on the page a scene stands, by site and scene id.
    """
    sites: dict[str, list[tuple[date, Outcome]]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.taken_at is not None:
            sites[outcome.site].append((outcome.taken_at.astimezone(UTC).date(), outcome))
    return {site: _calendar(sorted(rows, key=lambda r: (r[0], r[1].scene_id)), hrefs)
            for site, rows in sites.items()}  # fmt: skip


def _calendar(rows: Sequence[tuple[date, Outcome]], hrefs: Mapping[tuple[str, str], str]) -> Calendar:
    states: dict[str, list[tuple[date, Outcome]]] = defaultdict(list)
    for day, outcome in rows:
        states[_state(outcome)].append((day, outcome))
    order = sorted(states, key=lambda state: (state not in MARKERS, -len(states[state]), state))
    others = iter(REASONS)
    data = []
    for state in order:
        symbol, colour = MARKERS.get(state) or next(others, REASONS[-1])
        data.append(_trace(state, symbol, colour, states[state], hrefs))
    years = range(rows[0][0].year, rows[-1][0].year + 1)
    painted = any(outcome.simulated for _, outcome in rows)
    axis = {"color": "var(--muted)", "zeroline": False, "automargin": True}
    layout = {
        "annotations": simulated() if painted else [],
        "height": ROW_PX * len(years) + FRAME_PX,
        "xaxis": {**axis, "type": "date", "range": ["1999-12-28", "2001-01-03"], "tickformat": "%b",
                  "dtick": "M1", "ticklabelmode": "period", "gridcolor": "var(--rule)"},
        "yaxis": {**axis, "autorange": "reversed", "dtick": 1, "showgrid": False, "tickformat": "d"},
    }  # fmt: skip
    seen = sum(bool(outcome.measurements) for _, outcome in rows)
    lost = Counter(o.skip.reason for _, o in rows if o.skip is not None)
    told = ", ".join(f"{n} {reason}" for reason, n in lost.most_common()) or "none"
    words = (
        f"{len(rows):,} scenes from {rows[0][0]} to {rows[-1][0]}: {seen:,} measured, {len(rows) - seen:,} "
        f"looked at and not measured ({told}). Days without a mark have no image."
    )
    return Calendar({"data": data, "layout": layout}, words, tuple(_months(rows, years)))


def _state(outcome: Outcome) -> str:
    if outcome.skip is not None:
        return f"not measured: {outcome.skip.reason}"
    return KEPT_BACK if all(m.gated_out for m in outcome.measurements) else MEASURED


def _trace(
    state: str,
    symbol: str,
    colour: str,
    rows: Sequence[tuple[date, Outcome]],
    hrefs: Mapping[tuple[str, str], str],
) -> Figure:
    return {
        "type": "scatter", "mode": "markers", "name": text(state),
        # One leap year carries every year's days.
        "x": [f"2000-{day:%m-%d}" for day, _ in rows], "y": [day.year for day, _ in rows],
        "marker": {"symbol": symbol, "size": 7, "color": colour, "line": {"width": 1.6, "color": colour}},
        "hoverinfo": "text",
        "text": [text(f"{day} {state}, {o.sensor}, {o.scene_id}") for day, o in rows],
        "customdata": [hrefs.get((o.site, o.scene_id), "#skips") for _, o in rows],
    }  # fmt: skip


def _months(
    rows: Sequence[tuple[date, Outcome]], years: Iterable[int]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    looked = Counter((day.year, day.month) for day, _ in rows)
    seen = Counter((day.year, day.month) for day, outcome in rows if outcome.measurements)
    for year in years:
        cells = ((seen[year, month], looked[year, month]) for month in range(1, 13))
        yield str(year), tuple(f"{n} of {of}" if of else "no image" for n, of in cells)
