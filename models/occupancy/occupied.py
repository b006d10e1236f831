"""Occupied metres along known tracks in coarse optical images, without learning.

At 10 m a wagon is a third of a pixel wide. What is measured is how much of the whole bundle of tracks
wagons cover, from how each date differs from the same place at the same season on other dates. The
figure is relative to the usual state: a rake that is always there cannot be seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from models.measurement import Measurement, Skip
from models.occupancy.cells import WAGON_WIDTH_M, full_response
from models.occupancy.limits import (
    LEAST_AROUND,
    LEAST_DATES,
    LEAST_SEEN,
    MOST_UNREST,
    SNOW_BRIGHTNESS,
    SNOW_SHARE,
    WAGON_LENGTH_M,
    WAGON_LENGTHS_M,
)
from models.occupancy.profile import METHOD, Profile
from models.occupancy.residual import (
    Residual,
    Stack,
    brightness,
    in_common_light,
    nan_median,
    residual,
)
from models.occupancy.spectra import BALLAST, covered_share, library

CONTRAST_SPREAD = (0.25, 0.5)
"""Relative standard deviation of the metres, down and up, from not knowing the wagons' colour: wagons as
dark as the ballast are missed more often than others are overrated. Set on simulated yards."""
_SMOOTH_M = 10.0  # along the track: rakes are longer than that


def occupied(
    profiles: Sequence[Profile], level: float = 0.9
) -> list[tuple[str, tuple[Measurement, ...] | Skip]]:
    """Occupied metres of track and railcar equivalents, one date against the others.

    Dates are compared only with dates of the same GSD, bands and tracks. Each is held against the median
    of the dates nearest in season, itself and its neighbours in time left out; what differs is explained
    as a share of wagon in each look; the mean share over all cells, as a share of what full tracks would
    show, times the total length of track gives the metres. Tracks closer than a pixel are thus counted
    together, once.

    Args:
        profiles: Dates of one place.
        level: Nominal coverage of the intervals. They come from the scatter of the other dates and an
            assumed spread of contrast; they are not calibrated. The lower end lies above 0 only where a date
            reads more than nearly all others.

    Returns:
        A scene id with its measurements, or with the reason why there are none; in the order given.
    """
    results: list[tuple[Measurement, ...] | Skip | None] = [_unusable(profile) for profile in profiles]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, profile in enumerate(profiles):
        if results[index] is None:
            cells = tuple(part.shape[1] for part in profile.samples)
            key = (round(profile.gsd_m, 1), profile.bands, profile.track_ids, cells, profile.around.shape)
            groups[key].append(index)
    for group in groups.values():
        for index, result in zip(group, _measure([profiles[i] for i in group], level), strict=True):
            results[index] = result
    return [
        (profile.scene_id, result)
        for profile, result in zip(profiles, results, strict=True)
        if result is not None
    ]


def _unusable(profile: Profile) -> Skip | None:
    """Why a profile cannot be measured whatever the other dates show."""
    inside, seen, snow = profile.inside_share, profile.seen_share, profile.snow_share
    if not profile.track_ids:
        return Skip("no-tracks", "no track is known here; add LineStrings to the site file")
    if not profile.bands:
        return Skip("no-method", "no optical band was found")
    if profile.taken_at is None:
        return Skip("no-date", "occupancy is read against other dates, and this image has none")
    if inside < LEAST_SEEN:
        return Skip("outside-image", f"{inside:.0%} of the tracks lie inside the image; 60 % are needed")
    if snow > SNOW_SHARE:
        return Skip("snow", f"{snow:.0%} of the tracks lie under snow by the image's own classes")
    if seen < LEAST_SEEN:
        return Skip("clouded", f"{seen:.0%} of the tracks are seen through cloud or gaps; 60 % are needed")
    around = int(np.isfinite(profile.around).all(axis=0).sum())
    if around < LEAST_AROUND:
        detail = f"{around} points beside the tracks are seen, {LEAST_AROUND} are needed to judge the light"
        return Skip("no-surroundings", f"{detail}; read a wider window")
    return None


def _measure(group: Sequence[Profile], level: float) -> list[tuple[Measurement, ...] | Skip]:
    """Profiles of one layout against each other."""
    stack = _stack(group)
    usable = np.ones(len(group), dtype=bool)
    visible = sum(band != "nir" for band in group[0].bands) or 1
    bright = brightness(stack, usable, visible)
    usable &= bright <= SNOW_BRIGHTNESS
    lit = in_common_light(stack, usable)
    ruler = _Ruler.of(group[0])
    found: list[Residual | Skip] = []
    for date in range(len(group)):
        others = stack.others(date, usable)
        if np.isnan(bright[date]):
            detail = "the surroundings are black; check scale, offset and nodata of the images"
            found.append(Skip("no-surroundings", detail))
        elif not usable[date]:
            detail = f"the surroundings are {bright[date]:.1f} times as bright as usual: snow, haze or cloud"
            found.append(Skip("snow", detail))
        elif len(others) < LEAST_DATES:
            detail = f"{len(others)} other dates can be compared, {LEAST_DATES} are needed; add dates"
            found.append(Skip("no-baseline", detail))
        else:
            found.append(residual(lit, date, others))
    calm = [item.unrest for item in found if not isinstance(item, Skip)]
    usual = float(np.median(calm)) if calm else 1.0
    read = [
        item if isinstance(item, Skip) else ruler.metres(item, usual, profile.shadow_m)
        for item, profile in zip(found, group, strict=True)
    ]
    metres = np.array([item[0] for item in read if not isinstance(item, Skip)])
    noise = _Noise.of(metres, level)
    return [
        item if isinstance(item, Skip) else _measurements(*item, noise, ruler.total_m, level) for item in read
    ]


def _stack(group: Sequence[Profile]) -> Stack:
    """Cells of all tracks side by side, in reflectance."""
    tracks = np.stack([np.concatenate(p.samples, axis=1) for p in group]).astype(np.float64)
    around = np.stack([p.around for p in group]).astype(np.float64)
    # A yard has a plausible reflectance; anything else is digital numbers, scaled as if it were ballast.
    usual = float(np.median(nan_median(tracks)[:, np.isfinite(tracks).any(axis=(0, 1))]))
    unit = 1.0 if 0.02 <= usual <= 0.6 else BALLAST / max(usual, 1e-6)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = np.array([(p.taken_at - epoch).days for p in group if p.taken_at is not None], dtype=np.int64)
    return Stack(tracks * unit, around * unit, days)


@dataclass(frozen=True)
class _Noise:
    """What the dates of a place read without being known to be filled: noise and usual traffic together."""

    scatter_m: float
    """How far estimates lie apart, robustly."""
    top_m: float
    """What nearly no date goes beyond. Shares of cover are never negative, so that restless ground alone
    reads as metres of track: over bare fields 139 m in the middle, and a lower end that took off the scatter
    alone lay above 0 on a third of the dates."""

    @classmethod
    def of(cls, metres: NDArray[np.float64], level: float) -> _Noise:
        if not len(metres):
            return cls(0.0, 0.0)
        scatter = 1.4826 * float(np.median(np.abs(metres - np.median(metres))))
        return cls(scatter, float(np.quantile(metres, (1 + level) / 2, method="higher")))


@dataclass(frozen=True, eq=False)
class _Ruler:
    """How covered shares of looks become metres of track."""

    track: NDArray[np.intp]
    """(cells,) index of each cell's track."""
    lengths_m: NDArray[np.float64]
    """(cells,) metres of track that each cell stands for."""
    full: float
    """Sum over cells of the share that full tracks cover."""
    tops: NDArray[np.float64]
    """(kinds, bands) assumed wagon tops."""

    @classmethod
    def of(cls, profile: Profile) -> _Ruler:
        counts = [len(part) for part in profile.xy_m]
        lengths = np.repeat(np.array(profile.lengths_m) / counts, counts)
        full = full_response(np.concatenate(profile.xy_m), lengths, profile.gsd_m)
        track = np.repeat(np.arange(len(counts)), counts)
        return cls(track, lengths, float(full.sum()), library(profile.bands))

    @property
    def total_m(self) -> float:
        """Length of all tracks."""
        return float(self.lengths_m.sum())

    def metres(self, found: Residual, usual_unrest: float, shadow_m: float) -> tuple[float, float] | Skip:
        """Occupied metres of the part of the tracks that is seen, and that part's share."""
        if found.unrest > MOST_UNREST * usual_unrest:
            detail = f"the surroundings scatter {found.unrest / usual_unrest:.1f} times as much as usual"
            return Skip("unsettled", f"{detail}: haze, a missed cloud or a shifted image")
        seen = np.asarray(np.isfinite(found.difference).all(axis=0))
        if seen.mean() < LEAST_SEEN:
            return Skip("no-baseline", f"{seen.mean():.0%} of the tracks are seen now and on other dates")
        share = covered_share(
            self._smoothed(found.difference, seen)[:, seen],
            found.empty[:, seen],
            found.covariance[seen],
            self.tops,
            shadow_m / WAGON_WIDTH_M,
        )
        return float(min(share.sum() / self.full, 1.0) * self.total_m), float(seen.mean())

    def _smoothed(self, values: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Mean along each track under a Gaussian, of seen cells only."""
        result = np.zeros_like(values)
        for index in np.unique(self.track):
            cells = self.track == index
            sigma = _SMOOTH_M / self.lengths_m[cells][0]
            weight = gaussian_filter1d(seen[cells].astype(np.float64), sigma)
            sums = gaussian_filter1d(np.where(seen[cells], values[:, cells], 0.0), sigma, axis=1)
            result[:, cells] = sums / np.maximum(weight, 1e-3)
        return result


def _measurements(
    metres: float, share: float, noise: _Noise, total_m: float, level: float
) -> tuple[Measurement, ...]:
    """Metres of the seen part as metres of the whole, with intervals, and as railcars.

    What is not seen is taken to be as full as the rest; the lower end counts only what is seen.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    down, up = (z * math.hypot(noise.scatter_m, spread * metres) for spread in CONTRAST_SPREAD)
    down = max(down, noise.top_m)
    value = min(metres / share, total_m)
    low, high = max(metres - down, 0.0), min((metres + up) / share, total_m)
    cars = value / WAGON_LENGTH_M
    return (
        Measurement("occupied_track_m", value, low, high, level, "m", METHOD, share),
        Measurement(
            "railcar_equivalents",
            cars,
            low / WAGON_LENGTHS_M[1],
            high / WAGON_LENGTHS_M[0],
            level,
            "railcars",
            METHOD,
            share,
        ),
    )
