"""What differs on one date from the same place at the same season on other dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

Cube = NDArray[np.float64]

NEIGHBOURS = 24
"""Dates of a seasonal baseline: those nearest to the target's day of the year."""
GUARD_DAYS = 20
"""Dates this near to the target are left out too, so that a stay of weeks does not hide itself."""
_FLOOR = 0.004  # reflectance below which no pixel repeats
_CALM = 0.7  # surroundings calmer than this share of their own spread are chance
_LIGHT_WEIGHT = 100.0  # surroundings count as this many independent points when light is fitted
_MOST_SHIFT = 0.03  # share of its brightness by which wet or hazy ballast may differ as a whole
_LIGHT_PRIOR = np.diag([1 / 0.10**2, 1 / 0.03**2])  # spread expected of gain and offset


@dataclass(frozen=True, eq=False)
class Stack:
    """Looks of many dates at the same cells."""

    tracks: Cube
    """(dates, bands, cells) reflectance along the tracks, NaN where not seen."""
    around: Cube
    """(dates, bands, points) reflectance of the surroundings, NaN where not seen."""
    days: NDArray[np.int64]
    """(dates,) days since 1970-01-01."""

    def __post_init__(self) -> None:
        dates, bands = self.tracks.shape[:2]
        if self.around.shape[:2] != (dates, bands) or self.days.shape != (dates,):
            raise InputError(
                f"tracks {self.tracks.shape}, surroundings {self.around.shape} and days {self.days.shape} "
                "must agree in dates and bands"
            )
        for array in (self.tracks, self.around, self.days):
            array.setflags(write=False)

    def others(self, date: int, usable: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The baseline's dates: usable, not near the target in time, nearest to it in season."""
        near = np.abs(self.days - self.days[date]) <= GUARD_DAYS
        candidates = np.flatnonzero(usable & ~near)
        apart = np.abs(self.days[candidates] - self.days[date]) % 365.25
        season = np.minimum(apart, 365.25 - apart)
        order: NDArray[np.intp] = candidates[np.argsort(season, kind="stable")[:NEIGHBOURS]]
        return order


@dataclass(frozen=True, eq=False)
class Residual:
    """One date against its seasonal baseline."""

    difference: NDArray[np.float64]
    """(bands, cells) look minus baseline, after light was brought to that of the baseline and what all
    cells share was taken off."""
    empty: NDArray[np.float64]
    """(bands, cells) the baseline: the usual state of each cell, mostly empty track."""
    covariance: NDArray[np.float64]
    """(cells, bands, bands) of the difference where nothing changed."""
    unrest: float
    """Scatter of this date's surroundings about their baseline, as a multiple of their usual scatter."""


def nan_median(values: Cube) -> Cube:
    """Median over the first axis, NaN left out; NaN where there is nothing else."""
    ordered = np.sort(values, axis=0)  # NaN goes last
    count = np.isfinite(values).sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    middle: Cube = np.where(count > 0, (low + high) / 2, np.nan)
    return middle


def nan_spread(values: Cube, centre: Cube) -> Cube:
    """Standard deviation over the first axis as the median absolute deviation from ``centre`` gives it."""
    return 1.4826 * nan_median(np.abs(values - centre))


def brightness(stack: Stack, usable: NDArray[np.bool_], bands: int) -> NDArray[np.float64]:
    """How many times as bright as on most dates the surroundings are: about 1, far above under snow or cloud.

    Args:
        stack: Dates in their own light.
        usable: (dates,) which dates say what is usual.
        bands: How many of the first bands to average: the visible ones, where snow stands out, crops do not.

    Returns:
        (dates,), NaN where the surroundings are not seen.
    """
    now = stack.around[:, :bands].mean(axis=1)
    usual = nan_median(now[usable])
    steady = np.isfinite(usual) & (usual > 0)
    if not steady.any():
        return np.full(len(now), np.nan)
    ratio = np.where(np.isfinite(now), now / np.where(steady, usual, np.nan), np.nan)
    return nan_median(ratio.T)


def in_common_light(stack: Stack, usable: NDArray[np.bool_], dates: NDArray[np.bool_] | None = None) -> Stack:
    """Bring dates to the light of their own seasonal baselines, band by band.

    Gain and offset are fitted on the surroundings by iterated least squares, weighted by how well each
    point repeats (so that steady ground counts and fields do not) and held towards "no change".

    Args:
        stack: Dates in their own light.
        usable: (dates,) which may be part of a baseline.
        dates: (dates,) which are brought to it; the usable ones by default.
    """
    tracks, around = stack.tracks.copy(), stack.around.copy()
    for date in np.flatnonzero(usable if dates is None else dates):
        others = stack.others(int(date), usable)
        if not len(others):
            continue
        usual = nan_median(stack.around[others])
        spread = nan_spread(stack.around[others], usual) + _FLOOR
        for band in range(tracks.shape[1]):
            gain, offset = _light(stack.around[date, band], usual[band], spread[band])
            tracks[date, band] = (tracks[date, band] - offset) / gain
            around[date, band] = (around[date, band] - offset) / gain
    return Stack(tracks, around, stack.days)


def _light(
    now: NDArray[np.float64], usual: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[float, float]:
    """Gain and offset that take the usual look to today's, robust against ground that changed."""
    both = np.isfinite(now) & np.isfinite(usual) & np.isfinite(spread)
    design = np.stack([usual[both], np.ones(int(both.sum()))], axis=1)
    target, sigma = now[both], spread[both]
    fit = np.array([1.0, 0.0])
    if not len(target):
        return 1.0, 0.0
    for _ in range(8):
        z = np.abs(target - design @ fit) / sigma
        scale = 1.4826 * float(np.median(z)) + 1e-9
        weight = np.minimum(1.0, 1.5 * scale / np.maximum(z, 1e-9)) / sigma**2 * _LIGHT_WEIGHT / len(target)
        normal = design.T @ (design * weight[:, None]) + _LIGHT_PRIOR
        fit = np.linalg.solve(normal, design.T @ (target * weight) + _LIGHT_PRIOR @ [1.0, 0.0])
    return float(np.clip(fit[0], 0.6, 1.5)), float(fit[1])


def residual(stack: Stack, date: int, others: NDArray[np.intp]) -> Residual:
    """One date against the median of the others, and the noise that they and its own surroundings show.

    The noise of a cell is its own spread over the other dates, enlarged where today's surroundings are
    more restless than usual; bands are correlated as they are in today's surroundings. Ballast is darker as a
    whole when wet, and lighter under haze: what most cells share is no train, up to 3 % of brightness.

    Args:
        stack: Dates in common light.
        date: Index of the target.
        others: Indices of its baseline.
    """
    empty = nan_median(stack.tracks[others])
    usual = nan_median(stack.around[others])
    usual_spread = nan_spread(stack.around[others], usual) + _FLOOR / 2
    z = (stack.around[date] - usual) / usual_spread
    unrest = 1.4826 * float(np.nanmedian(np.abs(z)))
    z = z[:, np.isfinite(z).all(axis=0)]
    centred = z - z.mean(axis=1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=1)) + 1e-9
    # Held below one, so that the matrix can be inverted where two bands move as one.
    correlation = 0.98 * (centred @ centred.T) / np.outer(norm, norm)
    np.fill_diagonal(correlation, 1.0)
    sigma = np.maximum(nan_spread(stack.tracks[others], empty), _FLOOR) * max(unrest, _CALM)
    sigma = np.where(np.isfinite(sigma), sigma, 1.0)
    covariance = np.einsum("kn,kl,ln->nkl", sigma, correlation, sigma)
    difference = stack.tracks[date] - empty
    for band in range(len(difference)):
        known = difference[band] / np.maximum(empty[band], _FLOOR)
        shared = half_sample_mode(known[np.isfinite(known)])
        difference[band] -= float(np.clip(shared, -_MOST_SHIFT, _MOST_SHIFT)) * empty[band]
    return Residual(difference, empty, covariance, unrest)


def half_sample_mode(values: NDArray[np.float64]) -> float:
    """Where values crowd most: the densest half, its densest half, and so on (Bickel and Fruehwirth 2006)."""
    ordered = np.sort(values)
    while len(ordered) > 3:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        start = int(np.argmin(widths))
        ordered = ordered[start : start + half]
    return float(ordered.mean()) if len(ordered) else 0.0
