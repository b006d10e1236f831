"""What is usual: the dates of a Series that a target period is held against, the target left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.period import Period
from models.stats.breaks import Step, step_between
from models.stats.series import Series

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Excluded:
    """A date that is not part of a baseline."""

    scene_id: str
    """The scene."""
    time: np.datetime64
    """UTC."""
    reason: str
    """``target``, ``guard``, ``too-old``, ``after-target``, ``too-late``, ``season``, ``orbit`` (another one
    than the target's) or ``break`` (another processing, with too few dates to say by how much it differs)."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """The values that a target period is held against."""

    target: Period
    """What is held against it; none of its dates is inside."""
    period: Period
    """From where to where dates were looked for, the target included where it lies within."""
    season_days: int | None
    """Only dates within this many days of the target's days of the year; None for all the year."""
    guard_days: int
    """Dates this near to the target are left out as well."""
    used: Series
    """The dates used, in time order; may be none. Those of another processing than the target's are moved by
    the step between both, and their intervals are as much wider as that step is unsure."""
    excluded: tuple[Excluded, ...]
    """Every other date of the series, and why it is not used."""
    steps: tuple[Step, ...] = ()
    """What such dates were moved by."""

    def __len__(self) -> int:
        return len(self.used)

    @property
    def n(self) -> int:
        """How many dates are used."""
        return len(self.used)

    @property
    def values(self) -> NDArray[np.float64]:
        """(n,) the values used."""
        return self.used.values

    @property
    def times(self) -> NDArray[np.datetime64]:
        """(n,) UTC."""
        return self.used.times

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) each: the values where every step is as low, and as high, as its interval allows."""
        ends = {step.era: (step.low - step.shift, step.high - step.shift) for step in self.steps}
        moved = np.array([ends.get(era, (0.0, 0.0)) for era in self.used.eras]).reshape(self.n, 2)
        return self.values + moved[:, 0], self.values + moved[:, 1]

    @property
    def median(self) -> float:
        """Middle value.

        Raises:
            InputError: No date is used; as for every statistic below.
        """
        return float(np.median(self._some()))

    @property
    def spread(self) -> float:
        """Standard deviation as the median absolute deviation gives it (times 1.4826, exact for a normal)."""
        values = self._some()
        return 1.4826 * float(np.median(np.abs(values - np.median(values))))

    @property
    def minimum(self) -> float:
        """Smallest value."""
        return float(self._some().min())

    @property
    def maximum(self) -> float:
        """Largest value."""
        return float(self._some().max())

    def _some(self) -> NDArray[np.float64]:
        if not self.n:
            raise InputError(
                f"no date of {self.used.site}/{self.used.quantity} in {self.period} can be a baseline of "
                f"{self.target}; allow more years, a wider season or a smaller guard"
            )
        return self.used.values


def baseline_of(
    series: Series,
    target: Period,
    years: int = 5,
    season_days: int | None = None,
    guard_days: int = 0,
    both_sides: bool = False,
) -> Baseline:
    """The dates of the ``years`` before a target, the target itself always left out.

    Where the reading depends on the orbit, only dates of the target's own orbits are used. Where dates went
    through another processing than the target, they are brought to its level by the step that the baseline's
    own dates show (see breaks.py); such a step is recorded and is never part of a change.

    Args:
        series: One quantity of one site.
        target: What will be held against the baseline.
        years: How far back dates are taken, and how far forward with ``both_sides``.
        season_days: Keep only dates whose day of the year lies within this many days of one of the
            target's, the turn of the year included.
        guard_days: Leave out dates this near to the target too, where a state lasts for days.
        both_sides: Take dates after the target as well.

    Returns:
        The baseline, with the reason of each date that is not in it.
    """
    start, end = target.before(years).start, target.end
    period = Period(start, _years_later(end, years) if both_sides else end)
    days = series.times.astype("datetime64[D]")
    first, after = np.datetime64(target.start, "D"), np.datetime64(target.end, "D")
    guard = np.timedelta64(guard_days, "D")
    orbits = {orbit for orbit, there in zip(series.orbits, series.within(target), strict=True) if there}
    rules = (
        ("target", (days >= first) & (days < after)),
        ("too-old", days < np.datetime64(period.start, "D")),
        ("after-target", (days >= after) & (not both_sides)),
        ("too-late", days >= np.datetime64(period.end, "D")),
        ("guard", (days >= first - guard) & (days < after + guard)),
        ("season", _out_of_season(days, first, after, season_days)),
        ("orbit", np.array([bool(orbits) and orbit not in orbits for orbit in series.orbits], dtype=bool)),
    )
    reason = np.select([hit for _, hit in rules], [name for name, _ in rules], default="")
    held = series.take(reason == "")
    to = _era(series.take(series.within(target))) or _era(held)
    found = {era: step_between(held, era, to) for era in sorted(set(held.eras) - {to})}
    steps = tuple(step for step in found.values() if step is not None)
    unknown = {era for era, step in found.items() if step is None}
    reason[(reason == "") & np.array([era in unknown for era in series.eras], dtype=bool)] = "break"
    excluded = tuple(
        Excluded(series.scene_ids[i], series.times[i], str(reason[i])) for i in np.flatnonzero(reason != "")
    )
    used = _moved(series.take(reason == ""), steps)
    return Baseline(target, period, season_days, guard_days, used, excluded, steps)


def _era(series: Series) -> str:
    """The era of most dates."""
    return Counter(series.eras).most_common(1)[0][0] if len(series) else ""


def _moved(series: Series, steps: tuple[Step, ...]) -> Series:
    by_era = {step.era: (step.shift, step.low, step.high) for step in steps}
    by = np.array([by_era.get(era, (0.0, 0.0, 0.0)) for era in series.eras]).reshape(len(series), 3).T
    return replace(series, values=series.values + by[0], lows=series.lows + by[1], highs=series.highs + by[2])


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February has no counterpart
        return day.replace(year=day.year + years, day=28)


def _out_of_season(
    days: NDArray[np.datetime64], first: np.datetime64, after: np.datetime64, season_days: int | None
) -> NDArray[np.bool_]:
    """Which days lie further than ``season_days`` from every day of the year in the target."""
    if season_days is None:
        return np.zeros(len(days), dtype=bool)
    inside = np.arange(first, min(after, first + np.timedelta64(366, "D")))
    apart = np.abs((days[:, None] - inside).astype(np.int64)) % _YEAR_DAYS
    nearest: NDArray[np.float64] = np.minimum(apart, _YEAR_DAYS - apart).min(axis=1, initial=_YEAR_DAYS)
    # Leap years make this right to within a day.
    return np.rint(nearest) > season_days
