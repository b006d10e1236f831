"""A model's word beside the rank's: how far out a target lies in the tail of a fitted Student t."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, gammaln, ndtri, stdtr, stdtrit
from scipy.stats import rankdata

from models.stats.baseline import Baseline
from models.stats.ranks import Direction, Statistic, picked, rank_of
from models.stats.series import Series

LEAST = 8
"""Baseline dates that a model needs."""
_FREEDOMS = np.array([2.0, 3.0, 4.0, 6.0, 10.0, 30.0])  # tails tried, the heaviest first
_AT = np.array([0.5, 0.9])  # shares of the distances from the centre that the t has to reach
_POINTS = stdtrit(_FREEDOMS[:, None], (1 + _AT) / 2)  # how far it does, at scale 1
_NORMS = gammaln((_FREEDOMS + 1) / 2) - gammaln(_FREEDOMS / 2) - np.log(_FREEDOMS) / 2
_ALIKE_DAYS = (0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # correlation times tried
_PAIR_DAYS = 90.0  # dates further apart say nothing of how long a state lasts


@dataclass(frozen=True)
class Tail:
    """What a Student t fitted to the baseline says of a target."""

    p: float
    """Chance of a target at least this extreme if nothing changed, under the model."""
    centre: float
    """The baseline's median."""
    scale: float
    """Scale of the t on the side in question, the doubt about the centre included."""
    freedom: float
    """Its degrees of freedom: the fewer, the heavier its tail."""
    alike_days: float
    """Days after which two dates have lost two thirds of their likeness; 0 where none is seen."""
    independent: float
    """How many independent dates the baseline is worth."""

    @property
    def assumptions(self) -> str:
        """What must hold, in a sentence."""
        alike = f"states that last {self.alike_days:.0f} days" if self.alike_days else "dates independent"
        return (
            f"Student t with {self.freedom:.0f} degrees of freedom beyond the median on this side, one "
            f"scale for all years, {alike} (baseline worth {self.independent:.0f} dates)"
        )


def tail_of(
    inside: Series, baseline: Baseline, statistic: Statistic = "maximum", direction: Direction = "rise"
) -> Tail | None:
    """Hold a target against a Student t fitted to its baseline.

    A t and no bootstrap: a resampled baseline never shows more than its own largest value, so that a
    bootstrap says no more than the rank does. The t has heavy tails, as traffic that comes in whole trains
    has (Lange, Little and Taylor 1989); its centre is the median, its scale such that it
    reaches at least the middle and the highest tenth of the distances beyond the median on the side in
    question (traffic is skewed, and often nothing stands there) and the middle measured error,
    and its degrees of freedom the likeliest of a few, never more than the independent dates less one. Dates
    near in time are alike: their correlation, fitted as exp(-days / tau) on normal scores (after Mudelsee
    2002), gives the number of independent dates (Bayley and Hammersley 1946), and with it the doubt
    about the centre. Several target dates: the larger of the chance for one and for n independent ones.

    Returns:
        None with fewer than 8 baseline dates.
    """
    if baseline.n < LEAST:
        return None
    least, most = baseline.bounds
    values = most if direction == "rise" else least
    sign = 1.0 if direction == "rise" else -1.0
    alike = correlation_days(baseline.times, values)
    independent = independent_dates(baseline.times, alike)
    centre = float(np.median(values))
    beyond = sign * (values - centre)
    beyond = beyond[beyond >= 0]
    freedom, scale = _fitted(beyond, _measured_error(baseline.used))
    freedom = max(min(freedom, independent - 1), 1.0)
    scale *= float(np.sqrt(1 + 1 / independent))
    n = len(inside)
    one = float(stdtr(freedom, -sign * (picked(inside.values, statistic) - centre) / scale))
    several = float(bdtrc(rank_of(n, statistic, direction) - 1, n, one))
    return Tail(max(one, several), centre, scale, freedom, alike, independent)


def correlation_days(times: NDArray[np.datetime64], values: NDArray[np.float64]) -> float:
    """The tau whose exp(-days / tau) fits the products of normal scores of neighbouring dates best."""
    days = times.astype("datetime64[s]").astype(np.float64) / 86400
    scores = ndtri(rankdata(values) / (len(values) + 1))
    variance = float(np.mean(scores**2))
    first, second = np.triu_indices(len(values), 1)
    apart = days[second] - days[first]
    near = apart <= _PAIR_DAYS
    if variance <= 0 or not near.any():
        return 0.0
    products = scores[first[near]] * scores[second[near]] / variance
    lost = [float(np.square(products - _likeness(apart[near], tau)).sum()) for tau in _ALIKE_DAYS]
    return _ALIKE_DAYS[int(np.argmin(lost))]


def independent_dates(times: NDArray[np.datetime64], alike_days: float) -> float:
    """How many independent dates have a mean as sure as these have, n^2 over the sum of correlations."""
    days = times.astype("datetime64[s]").astype(np.float64) / 86400
    likeness = _likeness(np.abs(days[:, None] - days), alike_days)
    np.fill_diagonal(likeness, 1.0)
    return float(len(days) ** 2 / likeness.sum())


def _likeness(apart: NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    return np.exp(-apart / tau) if tau else np.zeros_like(apart)


def _measured_error(series: Series) -> float:
    """Standard deviation of the middle interval."""
    z = NormalDist().inv_cdf((1 + series.level) / 2)
    halves = (series.highs - series.lows) / 2
    return max(float(np.median(halves)) / z, 1e-9) if np.isfinite(np.median(halves)) else 1e-9


def _fitted(beyond: NDArray[np.float64], least: float) -> tuple[float, float]:
    """Degrees of freedom and scale of the half t that fits distances beyond the centre best."""
    n = len(beyond)
    scales = np.maximum((np.quantile(beyond, _AT, method="higher") / _POINTS).max(axis=1), least)
    logs = np.log1p((beyond / scales[:, None]) ** 2 / _FREEDOMS[:, None]).sum(axis=1)
    likelihood = n * (_NORMS - np.log(scales)) - (_FREEDOMS + 1) / 2 * logs
    best = int(np.argmax(likelihood))
    return float(_FREEDOMS[best]), float(scales[best])
