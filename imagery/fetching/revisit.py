"""On which days a satellite passes over a place, told from the pictures that there are.

Sentinel-2 and Sentinel-1 repeat their ground tracks: the same relative orbit of the same satellite comes
again after 10 days (143 orbits) and 12 days (175 orbits). Two pictures of one satellite and one relative
orbit that lie a whole number of cycles apart fix all its passes in between.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from imagery.period import Period

CYCLE_DAYS = {"S1": 12, "S2": 10}
ALWAYS_ON = {
    "S2A": Period(date(2018, 1, 1), date(2025, 1, 21)),
    "S2B": Period(date(2018, 1, 1), date(2100, 1, 1)),
    "S2C": Period(date(2025, 1, 21), date(2100, 1, 1)),
}
"""When a satellite surely took every pass over land: the twins once both were in routine, S2C in the place
of S2A from 2025-01-21. Outside of it, and for Sentinel-1, whose plan changes, passes are expected only
between the first and the last picture."""
MIN_SEEN = 0.5
"""Least share of its passes that are seen for a track to be expected where not every pass is taken."""

_PLATFORM = re.compile(r"(S[12])[A-D]_")


@dataclass(frozen=True)
class Pass:
    """One seen pass."""

    datatake: str
    """Starts with the satellite: ``S2A_...``."""
    orbit: int
    """Relative orbit."""
    day: date
    """Local day by the sun."""


def expected_days(passes: Iterable[Pass], period: Period) -> set[date]:
    """Days of a period on which a picture is to be expected; none where no two pictures tell.

    Args:
        passes: Those over the place, of one sensor.
        period: Days.
    """
    tracks: dict[tuple[str, int, int], set[date]] = defaultdict(set)
    for seen in passes:
        match = _PLATFORM.match(seen.datatake)
        if match:
            cycle = CYCLE_DAYS[match[1]]
            tracks[seen.datatake[:3], seen.orbit, seen.day.toordinal() % cycle].add(seen.day)
    found: set[date] = set()
    for (satellite, _, _), days in tracks.items():
        if len(days) > 1:
            found |= _of_track(satellite, days, period)
    return found


def _of_track(satellite: str, days: set[date], period: Period) -> set[date]:
    cycle = timedelta(days=CYCLE_DAYS[satellite[:2]])
    first, last = min(days), max(days)
    passes = (last - first) // cycle + 1
    between = {first + i * cycle for i in range(passes)}
    always = ALWAYS_ON.get(satellite)
    if always is None:
        return {day for day in between if period.contains(day)} if len(days) >= MIN_SEEN * passes else set()
    steps = range((period.start - first) // cycle, (period.end - first) // cycle + 1)
    more = {first + i * cycle for i in steps if always.contains(first + i * cycle)}
    return {day for day in between | more if period.contains(day)}
