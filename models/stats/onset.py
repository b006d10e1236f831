"""When it began: the day on which a level starts to rise or fall, with an interval, or that none is seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, stdtr

from imagery.errors import InputError
from imagery.period import Period
from models.stats.ranks import Direction
from models.stats.series import Series

Matrix = NDArray[np.float64]
Shape = Literal["step", "ramp", "either"]

LEAST = 6
"""Dates that a change point needs."""
SHUFFLES = 999
"""Orders of the dates that the fit is held against."""
_BEFORE_DAYS = 365
_AGAIN = 3  # fits with errors as large as the fit before says
_RAMP_DAYS = (0, *range(2, 31), *range(33, 60, 3), *range(60, 121, 10))
"""How long a change may take until the new level is reached; 0 is a step."""
_FEW = (0, 3, 6, 10, 15, 20, 30, 60)
"""Those of them that the random orders are tried with."""


@dataclass(frozen=True)
class Onset:
    """When a change began."""

    period: Period
    """Where it was looked for."""
    direction: Direction
    """Which way."""
    found: bool
    """Whether the dates show one: ``p`` is at most 1 - level."""
    p: float
    """Share of random orders of the dates in which some day fits as well."""
    day: date | None
    """The middle of the posterior, None where none is found; so for all that follows."""
    low: date | None
    """First day of its interval."""
    high: date | None
    """Last day of its interval."""
    level: float
    """Coverage of the interval."""
    before: float | None
    """Level before it."""
    height: float | None
    """By how much the level changed in the end, as the likeliest fit has it."""
    ramp_days: float | None
    """How long the likeliest change took; 0 for a step."""
    n: int
    """Dates it was read from."""

    @property
    def words(self) -> str:
        """In a sentence."""
        verb = "rise" if self.direction == "rise" else "fall"
        if self.low is None or self.high is None:
            return f"No {verb} is seen to begin in {self.period} (p {self.p:.2g}, {self.n} dates)"
        open_end = "on or before" if self.low == self.period.start else f"between {self.low} and"
        return f"The {verb} began {open_end} {self.high} ({self.level:.0%} interval, {self.n} dates)"


def onset_of(
    series: Series,
    period: Period,
    generator: np.random.Generator,
    direction: Direction = "rise",
    level: float = 0.9,
    shape: Shape = "either",
) -> Onset:
    """The day on which a step or a linear change began.

    Model: one level, from an unknown day a linear change over an unknown number of days, then a new level.
    Errors are normal and independent, as large as the date's measured interval and the place's own unrest
    before the period together, up to one common factor. Every day of the period is as likely beforehand,
    and a step as likely as all longer changes together. Level, height (of the right sign) and common factor
    are integrated out (the regression's marginal likelihood under flat priors and Jeffreys' prior of the
    factor; as Smith 1975 for a switch of level), the length of the change is summed over.

    Whether there is a change at all is asked of the dates alone: the best fit of any day is held against
    the best fit of any day in random orders of the dates (a permutation test, exact where dates are
    exchangeable if nothing changed).

    Args:
        series: Dates in the period and in the year before it; those before say what the level was and how
            restless. Levels drift over years, so older dates are not used, nor are those after the period.
        period: The days on which it may have begun.
        generator: For the random orders.
        direction: Which way.
        level: Coverage of the interval.
        shape: What is known of the change beforehand: at once, over at least three days, or neither.

    Raises:
        InputError: Fewer than 6 dates up to the period's end, or none in the period.
    """
    first = np.datetime64(period.start, "s") - np.timedelta64(_BEFORE_DAYS, "D")
    used = series.take((series.times >= first) & (series.times < np.datetime64(period.end, "s")))
    inside = used.within(period)
    if len(used) < LEAST or not inside.any():
        raise InputError(
            f"{series.site}/{series.quantity}: {int(inside.sum())} dates in {period} and {len(used)} until "
            f"its end show no onset; {LEAST} are needed, one of them in the period"
        )
    sign = 1.0 if direction == "rise" else -1.0
    values = sign * used.values
    days = (used.times - np.datetime64(period.start, "s")) / np.timedelta64(86400, "s")
    starts = np.arange(0.0, min(period.days, np.ceil(days[-1])))
    if not len(starts):
        starts = np.zeros(1)
    shapes, start, ramp = _shapes(days, starts, shape)
    p = _shuffled_p(shapes[np.isin(ramp, _FEW)], values, generator)
    if p > 1 - level:
        return Onset(period, direction, False, p, None, None, None, level, None, None, None, len(used))
    weight, base, height = _posterior(shapes, values, _variances(used, values, inside, values), ramp)
    for _ in range(_AGAIN):
        fitted = weight @ (base[:, None] + height[:, None] * shapes)
        weight, base, height = _posterior(shapes, values, _variances(used, values, inside, fitted), ramp)
    by_day = np.array([weight[start == day].sum() for day in starts])
    ends = np.searchsorted(np.cumsum(by_day), [(1 - level) / 2, 0.5, (1 + level) / 2])
    low, middle, high = np.minimum(ends, len(starts) - 1).tolist()
    best = int(np.argmax(weight))
    return Onset(
        period,
        direction,
        True,
        p,
        _day(period, middle),
        _day(period, low),
        _day(period, high),
        level,
        sign * float(base[best]),
        sign * float(height[best]),
        float(ramp[best]),
        len(used),
    )


def _day(period: Period, offset: int) -> date:
    return period.start + timedelta(days=offset)


def _shapes(
    days: NDArray[np.float64], starts: NDArray[np.float64], shape: Shape
) -> tuple[Matrix, Matrix, Matrix]:
    """Every change that is tried: (k, n) from 0 before it to 1 in the end, start (k,), length (k,)."""
    ramps = [length for length in _RAMP_DAYS if shape == "either" or (shape == "step") == (length == 0)]
    start, ramp = (part.ravel() for part in np.meshgrid(starts, ramps, indexing="ij"))
    since = days - start[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        shapes = np.where(ramp[:, None] > 0, np.clip(since / ramp[:, None], 0, 1), since >= 0)
    top = shapes[:, -1]
    seen = (top > 0) & (shapes[:, 0] < top)
    return shapes[seen] / top[seen, None], start[seen], ramp[seen]


def _shuffled_p(shapes: Matrix, values: NDArray[np.float64], generator: np.random.Generator) -> float:
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    orders = generator.permuted(np.tile(values, (SHUFFLES, 1)), axis=1)
    best = float((centred @ values).max())
    others = (centred @ orders.T).max(axis=0)
    # Rounding must not make an equal fit a worse one.
    return float((1 + (others >= best - 1e-9 * max(abs(best), 1.0)).sum()) / (SHUFFLES + 1))


def _variances(
    used: Series, values: NDArray[np.float64], inside: NDArray[np.bool_], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measured error and the place's own unrest, (n,), where the level is ``at`` (n,).

    A date that came out low by chance has a narrow interval too, and would count for too much: the interval's
    width is taken as it goes with the level, not with what was read.
    """
    z = NormalDist().inv_cdf((1 + used.level) / 2)
    half = (used.highs - used.lows) / 2
    half = np.where(np.isfinite(half), half, np.nanmax(half[np.isfinite(half)], initial=1.0))
    if np.ptp(values) > 0:
        slope = np.polyfit(values, half, 1)[0]
        half = np.clip(half + slope * (at - values), half.min(), half.max())
    measured = (half / z) ** 2
    quiet = values[~inside] if (~inside).sum() >= LEAST else values
    unrest = (1.4826 * float(np.median(np.abs(quiet - np.median(quiet))))) ** 2
    own = max(unrest - float(np.median(measured)), 0.0)
    total: NDArray[np.float64] = measured + own
    return np.maximum(total, 1e-6 * max(float(np.ptp(values)) ** 2, 1.0))


def _posterior(
    shapes: Matrix, values: NDArray[np.float64], variances: NDArray[np.float64], ramp: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Probability of each shape, and its level and height, (k,) each."""
    n, weight = len(values), 1 / variances
    total = weight.sum()
    mean = shapes @ weight / total
    centre = float(values @ weight / total)
    sxx = (shapes**2) @ weight - total * mean**2
    sxy = shapes @ (weight * values) - total * mean * centre
    syy = float((values**2) @ weight - total * centre**2)
    height = sxy / sxx
    rest = np.maximum(syy - sxy * height, 1e-9 * max(syy, 1.0))
    rising = stdtr(n - 2, height / np.sqrt(rest / (n - 2) / sxx))
    steps = (ramp == 0).mean()
    prior = np.where(ramp == 0, 1 / max(steps, 1e-9), 1 / max(1 - steps, 1e-9))
    log = np.log(prior) - 0.5 * np.log(total * sxx) - (n - 2) / 2 * np.log(rest) + np.log(rising + 1e-300)
    return np.exp(log - logsumexp(log)), centre - height * mean, height
