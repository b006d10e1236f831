"""Occupied metres along known tracks in radar images: what a date returns beyond its orbit's history.

Wagons return more than ballast, by walls and rails that face the radar. How much more depends on the
direction it looks from, so that a date is held only against dates of its own orbit. Weather does not hide
the tracks; wet and snow change all ground together, and what the surroundings share is taken off.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models.measurement import Measurement, Skip
from models.occupancy.lattice import Look
from models.occupancy.limits import LEAST_AROUND, LEAST_DATES, LEAST_SEEN, WAGON_LENGTH_M, WAGON_LENGTHS_M
from models.occupancy.residual import GUARD_DAYS, Stack, nan_median

METHOD = "radar"
RESPONSE = (28.0, 80.0)
"""Square metres of empty ground that return as much as a metre of train, and how many more where its wall
faces the radar. Set on simulated yards, whose wagons' strength is itself assumed."""
WEIGHTS = {"vv": 0.2, "vh": 0.8}
"""How much each polarisation counts: VV changes more with weather. Set on simulated yards."""
SHARED = 0.6
"""Part of what the surroundings gained or lost, in decibels, that is taken off the tracks: ballast follows
the weather less than fields. Set on simulated yards."""
USUAL_M = 80.0
"""Metres on the middle date, which no difference shows: as in simulated yards of 0 to 20 wagons."""
DOUBT = (0.5, 1.5)
"""Relative doubt of the metres, down and up, from not knowing how much the wagons of a date return."""
SCATTER = 0.7
"""Part of the other dates' scatter that is noise; the rest is their traffic. Set, as the doubt is, so that
nine in ten intervals hold on simulated yards."""


def occupied(looks: Sequence[Look], level: float = 0.9) -> list[tuple[str, tuple[Measurement, ...] | Skip]]:
    """Occupied metres of track and railcar equivalents by radar, one date against others of its orbit.

    Args:
        looks: Dates of one place.
        level: Nominal coverage of the intervals.

    Returns:
        A scene id with its measurements, or with the reason why there are none; in the order given.
    """
    results: list[tuple[Measurement, ...] | Skip | None] = [_unusable(look) for look in looks]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, look in enumerate(looks):
        if results[index] is None:
            shapes = look.samples.shape, look.around.shape
            groups[(look.orbit, round(look.gsd_m, 1), look.bands, look.area_ids, shapes)].append(index)
    for members in groups.values():
        for index, result in zip(members, _measure([looks[i] for i in members], level), strict=True):
            results[index] = result
    return [
        (look.scene_id, result) for look, result in zip(looks, results, strict=True) if result is not None
    ]


def _unusable(look: Look) -> Skip | None:
    if not any(look.lengths_m):
        return Skip("no-tracks", "no track is known here; add LineStrings to the site file")
    if look.taken_at is None:
        return Skip("no-date", "occupancy is read against other dates, and this image has none")
    seen = float(np.isfinite(look.samples).all(axis=0).mean())
    if seen < LEAST_SEEN:
        return Skip("outside-image", f"{seen:.0%} of the tracks lie inside the image; 60 % are needed")
    around = int(np.isfinite(look.around).all(axis=0).sum())
    if around < LEAST_AROUND:
        return Skip(
            "no-surroundings", f"{around} points beside the tracks are seen, {LEAST_AROUND} are needed"
        )
    return None


def _measure(group: Sequence[Look], level: float) -> list[tuple[Measurement, ...] | Skip]:
    """Looks of one orbit and layout against each other."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = np.array([(look.taken_at - epoch).days for look in group if look.taken_at], dtype=np.int64)
    raw = excess(group, days) / (RESPONSE[0] + RESPONSE[1] * group[0].facing)
    total = sum(group[0].lengths_m)
    share = [float(np.isfinite(look.samples).all(axis=0).mean()) for look in group]
    results: list[tuple[Measurement, ...] | Skip] = []
    for date in range(len(group)):
        others = np.isfinite(raw) & (np.abs(days - days[date]) > GUARD_DAYS)
        if np.isnan(raw[date]) or others.sum() < LEAST_DATES:
            detail = f"{others.sum()} other dates of orbit {group[date].orbit} can be compared"
            results.append(Skip("no-baseline", f"{detail}, {LEAST_DATES} are needed; add dates"))
        else:
            results.append(_measurements(float(raw[date]), raw[others], share[date], total, level))
    return results


def excess(group: Sequence[Look], days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Square metres of empty ground that return what the tracks return beyond their usual, (dates,).

    Usual is the median of the orbit's dates nearest in season, as for optical dates. Ground nearer to a yard
    than to a track is left out. The sum runs over speckle, so that it may be negative; NaN for dates with
    too few others.
    """
    on_tracks = np.array(group[0].lengths_m)[group[0].area] > 0
    samples, around = (
        10 * np.log10(np.stack(part).astype(np.float64))
        for part in ([look.samples[:, on_tracks] for look in group], [look.around for look in group])
    )
    stack = Stack(samples, around, days)
    area_m2 = on_tracks.sum() * group[0].gsd_m ** 2
    weights = np.array([WEIGHTS[band] for band in group[0].bands])
    result = np.full(len(group), np.nan)
    for date in range(len(group)):
        others = stack.others(date, np.ones(len(group), dtype=bool))
        if len(others) < LEAST_DATES:
            continue
        shared = np.nanmedian(around[date] - nan_median(around[others]), axis=1)
        change = samples[date] - nan_median(samples[others]) - SHARED * shared[:, None]
        gain = 10 ** (change[:, np.isfinite(change).all(axis=0)] / 10) - 1
        result[date] = weights @ gain.mean(axis=1) / weights.sum() * area_m2
    return result


def _measurements(
    metres: float, others: NDArray[np.float64], share: float, total_m: float, level: float
) -> tuple[Measurement, ...]:
    """Metres beyond the middle date, and as railcars; see profile for the range of a wagon's length."""
    usual = float(np.median(others))
    scores = np.sort(np.abs(others - usual))
    scatter = SCATTER * float(scores[min(math.ceil((len(scores) + 1) * level), len(scores)) - 1])
    value = min(max(metres - usual + USUAL_M, 0.0), total_m)
    # The usual metres may as well not be there.
    down, up = math.hypot(scatter, DOUBT[0] * value, USUAL_M), math.hypot(scatter, DOUBT[1] * value)
    low, high = max(value - down, 0.0), min(value + up, total_m)
    return (
        Measurement("occupied_track_m", value, low, high, level, "m", METHOD, share),
        Measurement(
            "railcar_equivalents",
            value / WAGON_LENGTH_M,
            low / WAGON_LENGTHS_M[1],
            high / WAGON_LENGTHS_M[0],
            level,
            "railcars",
            METHOD,
            share,
        ),
    )
