"""A claim beside the dates that it is held against, what they say of it, and how figures are told."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evidence.claims import Claim
from models.stats.baseline import Baseline, baseline_of
from models.stats.series import Series

Decision = Literal["supported", "contradicted", "undecided"]


LENGTH_TOLERANCE = 0.25
"""Relative spread of published lengths: two outlets gave 395 m and 500 m for the same yard and day,
2023-09-24 (claims T08d and T07c)."""
COUNT_TOLERANCE = 0.10
"""Relative spread of published counts: readers agreed to nine in ten when ships in port were counted twice
in the same daily images (Murata 2024, Frontiers in Remote Sensing, 90.5 %)."""
LEAST_TOLERANCE = {"m": 14.0}
"""Absolute tolerance by unit, 1 where none stands: one railcar, 13.92 m."""
NARROW = 0.5
"""An interval whose half-width is below this share of the figure could have contradicted it."""
SEEN_WITHIN_DAYS = 1
"""A day counts as seen where a measured date lies this near: trains were reported to stay for 2 to 4 days
(claims T21)."""
SEEN_ENOUGH = 0.5
"""Share of a period's days that must be seen before absence says anything."""
LEAST_BASELINE = 8
"""Dates that a baseline needs before a rise or a ratio is read from it."""


@dataclass(frozen=True, eq=False)
class Case:
    """A claim and the one series that it is held against; at least one date lies in the claim's period."""

    claim: Claim
    """What is claimed."""
    series: Series
    """One quantity, one method, one site."""
    years: int
    """Length of a baseline."""
    season_days: int | None = None
    """Only baseline dates within this many days of the season; all the year where None."""

    @cached_property
    def inside(self) -> Series:
        """The dates in the claim's period."""
        return self.series.take(self.series.within(self.claim.period))

    @cached_property
    def baseline(self) -> Baseline:
        """The dates of the years before the claim's period."""
        return baseline_of(self.series, self.claim.period, self.years, self.season_days)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The claimed figure or range, with the tolerance of published figures."""
        (low, high), relative = self.figure, self.relative_tolerance
        return low - max(relative * low, self.least), high + max(relative * high, self.least)

    @property
    def most_p(self) -> float:
        """Largest p-value that counts: what one end of an interval of the series' level may miss."""
        return (1 - self.series.level) / 2

    @property
    def relative_tolerance(self) -> float:
        """Relative spread of published figures in this unit."""
        return LENGTH_TOLERANCE if self.series.unit == "m" else COUNT_TOLERANCE

    @property
    def figure(self) -> tuple[float, float]:
        """The claimed range as published; both ends the same for a single figure."""
        assert self.claim.low is not None
        assert self.claim.high is not None
        return self.claim.low, self.claim.high

    @property
    def least(self) -> float:
        """Smallest difference that means anything."""
        return LEAST_TOLERANCE.get(self.series.unit, 1.0)

    @cached_property
    def seen_share(self) -> float:
        """Share of the period's days that lie near enough to a measured date."""
        first = np.datetime64(self.claim.period.start, "D")
        days = first + np.arange(self.claim.period.days)
        measured = np.unique(self.series.times.astype("datetime64[D]"))
        apart = np.abs((days[:, None] - measured).astype(np.int64)).min(axis=1)
        return float((apart <= SEEN_WITHIN_DAYS).mean())

    @property
    def seen(self) -> str:
        """How much was seen, in words."""
        n = len(self.inside)
        dates = "1 measured date covers" if n == 1 else f"{n} measured dates cover"
        return f"{dates} {self.seen_share:.0%} of the days"


@dataclass(frozen=True, eq=False)
class Finding:
    """What the dates say of a claim."""

    decision: Decision
    """Supported, contradicted or undecided."""
    sentence: str
    """Why, with figures and dates."""
    value: float
    """The measured value that decided."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    scene_ids: tuple[str, ...]
    """The scenes that decided."""


def number(value: float) -> str:
    """A figure in running text: 1,016 or 4.5."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def stated(series: Series, index: int) -> str:
    """One date in running text: value, interval, day."""
    low, high = number(series.lows[index]), number(series.highs[index])
    day = np.datetime_as_string(series.times[index], unit="D")
    return f"{number(series.values[index])} {series.unit} ({low} to {high}) on {day}"


def widened(series: Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends (n,) that hold for all n dates at once at the series' level."""
    miss, normal = 1 - series.level, NormalDist()
    factor = normal.inv_cdf(1 - miss / 2 / max(len(series), 1)) / normal.inv_cdf(1 - miss / 2)
    return (
        series.values - factor * (series.values - series.lows),
        series.values + factor * (series.highs - series.values),
    )


def found(case: Case, decision: Decision, sentence: str, index: int, alone: bool) -> Finding:
    """A finding told by one date of the period; ``alone`` where the others played no part."""
    inside = case.inside
    scenes = (inside.scene_ids[index],) if alone else inside.scene_ids
    return Finding(
        decision,
        sentence,
        float(inside.values[index]),
        float(inside.lows[index]),
        float(inside.highs[index]),
        scenes,
    )
