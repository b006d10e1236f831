"""Coverage as a calendar: letters for the terminal, squares for the eye, lines for a table."""

from __future__ import annotations

import calendar
import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from evidence.files import plain_cell, written
from imagery.errors import InputError
from imagery.fetching.coverage import STATES, Day, DayState

LETTERS: Mapping[DayState, str] = {
    "measured": "M",
    "failed": "!",
    "snow": "s",
    "clouded": "c",
    "rejected": "r",
    "out-of-swath": "o",
    "missing": "?",
    "no-pass": "·",
}
"""One a state, for the terminal."""
COLOURS: Mapping[DayState, str] = {
    "measured": "#1b7837",
    "failed": "#d7301f",
    "snow": "#67a9cf",
    "clouded": "#bdbdbd",
    "rejected": "#762a83",
    "out-of-swath": "#dfc27d",
    "missing": "#fdae61",
    "no-pass": "#f5f5f5",
}
"""One a state, told apart by colour-blind eyes, too."""
_MONTH_DAYS = 31
_ALL_NAMED = 12
"""Up to so many months each is named; of more each third."""


def months(days: Sequence[Day]) -> Iterator[tuple[date, list[DayState | None]]]:
    """Each month of one sensor at one site: its first day, and 31 states; None where nothing was asked."""
    states = {day.day: day.state for day in days}
    for first in _months(days):
        last = calendar.monthrange(first.year, first.month)[1]
        own = [states.get(first.replace(day=i)) for i in range(1, last + 1)]
        yield first, [*own, *[None] * (_MONTH_DAYS - last)]


def draw(days: Sequence[Day], path: Path) -> None:
    """Draw one calendar a site and sensor, months downwards, days across.

    Args:
        days: Of all of them.
        path: Ends in ``.svg`` or ``.png``; the same days give the same file.

    Raises:
        InputError: It cannot be written, or ends otherwise.
    """
    if path.suffix not in (".svg", ".png"):
        raise InputError(f"{path}: a calendar is drawn as .svg or .png")
    groups = _groups(days)
    rows = max(len(_months(group)) for group in groups.values())
    figure = Figure(figsize=(4.6 * len(groups), 1.8 + 0.14 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    for axes, (title, group) in zip(panels, groups.items(), strict=True):
        axes.set_title(", ".join(title), fontsize=9)
        _panel(axes, group)
    # Without date and chance names the same days are the same file.
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    with written(path) as partial, rc_context({"svg.hashsalt": "yardwatch"}):
        figure.savefig(partial, format=path.suffix[1:], dpi=110, metadata=metadata)


def _panel(axes: Axes, days: Sequence[Day]) -> None:
    every = list(months(days))
    squares = [[np.nan if state is None else STATES.index(state) for state in line] for _, line in every]
    axes.pcolormesh(
        np.array(squares),
        cmap=ListedColormap([COLOURS[state] for state in STATES]),
        vmin=-0.5,
        vmax=len(STATES) - 0.5,
        edgecolors="white",
        linewidth=0.4,
    )
    axes.invert_yaxis()
    axes.set_aspect("equal", anchor="N")
    axes.set_xticks([0.5, 9.5, 19.5, 29.5], ["1", "10", "20", "30"], fontsize=7)
    named = [
        (i + 0.5, f"{first:%Y-%m}")
        for i, (first, _) in enumerate(every)
        if first.month % 3 == 1 or len(every) <= _ALL_NAMED
    ]
    axes.set_yticks([at for at, _ in named], [name for _, name in named], fontsize=7)
    own = Counter(day.state for day in days)
    patches = [
        Patch(facecolor=COLOURS[state], edgecolor="#999", label=f"{own[state]} {state}")
        for state in STATES
        if own[state]
    ]
    # Below the names of the days, however high the calendar is.
    axes.legend(
        handles=patches, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=2.5, ncols=2
    )


def write_table(days: Sequence[Day], path: Path) -> None:
    """Every day as one line of CSV.

    Raises:
        InputError: It cannot be written.
    """
    with written(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("site", "sensor", "day", "state", "rule", "clear_share", "detail", "scenes"))
        for day in days:
            clear = "" if day.clear is None else f"{day.clear:.3f}"
            scenes = " ".join(day.scenes)
            cells = (day.site, day.sensor, day.day, day.state, day.rule, clear, day.detail, scenes)
            table.writerow(map(plain_cell, cells))


def _groups(days: Sequence[Day]) -> dict[tuple[str, str], list[Day]]:
    found: dict[tuple[str, str], list[Day]] = {}
    for day in days:
        found.setdefault((day.site, day.sensor), []).append(day)
    return found


def _months(days: Sequence[Day]) -> list[date]:
    """First days of all months from the first to the last."""
    first, last = min(day.day for day in days), max(day.day for day in days)
    span = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(i // 12, i % 12 + 1, 1) for i in span]
