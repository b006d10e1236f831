"""Appear and disappear: spans in which something was there, bracketed by the dates on which it was not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.stats.series import Series


@dataclass(frozen=True)
class Episode:
    """A span in which a series was surely above a threshold at least once, and never surely below."""

    first: np.datetime64
    """The first date surely above."""
    last: np.datetime64
    """The last one."""
    after: np.datetime64 | None
    """The last date before it that was surely not above: it began after that. None where none is."""
    before: np.datetime64 | None
    """The first date after it that was surely not above. None where none is."""
    n: int
    """Dates surely above."""
    unsure: int
    """Dates inside the bracket that leave it open."""
    longest_gap_days: float
    """Longest time without a date inside the bracket: something may have left and come back in it."""
    highest: float
    """Largest value."""
    scene_ids: tuple[str, ...]
    """The scenes surely above."""

    @property
    def words(self) -> str:
        """In a sentence."""
        began = f"after {_day(self.after)} and by" if self.after is not None else "by"
        ended = f", gone by {_day(self.before)}" if self.before is not None else ", its end not seen"
        seen = f", seen until {_day(self.last)} on {self.n} dates" if self.n > 1 else ""
        return f"there {began} {_day(self.first)}{seen}{ended}"


def episodes_of(series: Series, threshold: float) -> tuple[Episode, ...]:
    """The spans in which a series was above a threshold.

    A date is surely above where the lower end of its interval is, surely not above where the upper end is
    not, and else leaves it open. A span ends only at a date that is surely not above.

    Args:
        series: One quantity of one method.
        threshold: In its unit.
    """
    above, below = series.lows > threshold, series.highs <= threshold
    edges = np.concatenate([[-1], np.flatnonzero(below), [len(series)]])
    episodes = []
    for start, end in pairwise(edges.tolist()):
        sure = start + 1 + np.flatnonzero(above[start + 1 : end])
        if not len(sure):
            continue
        bracket = series.times[max(start, 0) : min(end, len(series) - 1) + 1]
        gaps = np.diff(bracket) / np.timedelta64(86400, "s")
        episodes.append(
            Episode(
                series.times[sure[0]],
                series.times[sure[-1]],
                series.times[start] if start >= 0 else None,
                series.times[end] if end < len(series) else None,
                len(sure),
                int(end - start - 1 - len(sure)),
                float(gaps.max(initial=0.0)),
                float(series.values[sure].max()),
                tuple(series.scene_ids[i] for i in sure),
            )
        )
    return tuple(episodes)


def _day(time: np.datetime64) -> str:
    return str(np.datetime_as_string(time, unit="D"))
