"""Area of coloured covers on the ground and on wagons in coarse optical images: blue, white or green.

A date is held against the same place at the same season on other dates, and what differs at each point is
explained as a share of some cover or of something else, as the posterior over assumed spectra says. Only
the colour is told: a tarpaulin, a painted roof of a container and a blue tank are one. What is always
there is part of the usual look and is not seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.measurement import Measurement, Skip
from models.occupancy.cells import ROLES
from models.occupancy.lattice import Look
from models.occupancy.limits import (
    LEAST_AROUND,
    LEAST_DATES,
    LEAST_SEEN,
    MOST_UNREST,
    SNOW_BRIGHTNESS,
    SNOW_SHARE,
)
from models.occupancy.residual import Residual, Stack, brightness, in_common_light, residual
from models.occupancy.spectra import LIBRARY, share_by_top

METHOD = "covers"
COLOURS: Mapping[str, tuple[tuple[float, ...], ...]] = MappingProxyType(
    {
        "blue": (
            (0.12, 0.06, 0.035, 0.28),
            (0.22, 0.10, 0.04, 0.30),
            (0.28, 0.17, 0.08, 0.32),
            (0.38, 0.25, 0.14, 0.35),
            (0.30, 0.22, 0.16, 0.30),
        ),
        "white": ((0.42, 0.44, 0.45, 0.46), (0.60, 0.61, 0.61, 0.60), (0.30, 0.31, 0.32, 0.36)),
        "green": ((0.05, 0.10, 0.04, 0.28), (0.08, 0.18, 0.08, 0.30), (0.14, 0.26, 0.13, 0.33)),
    }
)
"""Reflectance of covers in blue, green, red and near infrared: round figures assumed of coated plastic,
whose dye shows in the visible only; several of a colour, because dyes are dark or pale and fade."""
OTHERS = ("weathered steel", "dark load or paint", "red oxide", "dull tank", "sand or timber", "bare metal")
"""Tops of models.occupancy.spectra that are none of these colours."""
ALL = "all"
"""Stands for all yards and tracks of a place together."""
ALARMS_PER_YEAR = 0.1
"""False alarms that the detection limit allows a place and year."""
DYE_SPREAD = 0.35
"""Relative spread of an area from not knowing how pale the cover is. Set on simulated yards."""
MISSED = (0.84, 1.84)
"""How many spreads the truth may lie below and above the estimate: split conformal, on stacks under drawn
dyes in simulated yards kept for this (benchmarks.occupancy_rows.blue --calibrate), at a level of 0.9."""
LEAST_YEARLY = 20
"""Dates of earlier years from which on they alone say what is usual."""
_HALF_YEAR = 182
_HEAVY = 1.5  # set on simulated yards
_LEAST_LIMIT_M2 = 100.0  # a pixel at 10 m
_TAIL = 0.2  # share of the dates that stand for the rare ones


@dataclass(frozen=True)
class Cover:
    """Ground under covers of one colour in one yard or along one track, on one date."""

    area: str
    """Id of the yard or track."""
    colour: str
    """``blue``, ``white`` or ``green``; never what lies below."""
    area_m2: float
    """The estimate."""
    low_m2: float
    """Lower end of the interval; 0 where the estimate is no larger than the limit."""
    high_m2: float
    """Upper end of the interval."""
    spread_m2: float
    """What the interval's ends are multiples of: the scatter of other dates and the unknown dye."""
    limit_m2: float
    """Detection limit: exceeded by chance in one of ten years of such dates at this place."""
    visible_share: float
    """Share of its points that are seen; the figures are for the whole, as if the rest were alike."""


def covers(looks: Sequence[Look], level: float = 0.9) -> list[tuple[str, tuple[Cover, ...] | Skip]]:
    """Ground under coloured covers in each area, one date against the others.

    Dates are compared with dates of the same GSD, bands and points. Each is brought to common light and
    held against its seasonal baseline (see residual); the posterior share of each colour at each point,
    summed over an area, less what the area shows on the middle date, is the estimate.

    Args:
        looks: Dates of one place.
        level: Nominal coverage of the intervals: conformal over the other dates of the place, and a spread
            for the unknown dye.

    Returns:
        A scene id with its covers, each area and ALL by colour, or with the reason why there are none; in
        the order given.
    """
    results: list[tuple[Cover, ...] | Skip | None] = [_unusable(look) for look in looks]
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, look in enumerate(looks):
        if results[index] is None:
            shapes = look.samples.shape, look.around.shape
            groups[(round(look.gsd_m, 1), look.bands, look.area_ids, shapes)].append(index)
    for members in groups.values():
        for index, result in zip(members, _measure([looks[i] for i in members], level), strict=True):
            results[index] = result
    return [
        (look.scene_id, result) for look, result in zip(looks, results, strict=True) if result is not None
    ]


def measured(found: Sequence[Cover], level: float) -> tuple[Measurement, ...]:
    """The blue area of the whole place as a measurement; empty where it is not seen."""
    return tuple(
        Measurement("blue_area_m2", c.area_m2, c.low_m2, c.high_m2, level, "m2", METHOD, c.visible_share)
        for c in found
        if c.area == ALL and c.colour == "blue"
    )


def _unusable(look: Look) -> Skip | None:
    if not {"blue", "red"} <= set(look.bands):
        return Skip("no-method", "colours need a blue and a red band")
    if look.taken_at is None:
        return Skip("no-date", "covers are read against other dates, and this image has none")
    if look.snow_share > SNOW_SHARE:
        return Skip("snow", f"{look.snow_share:.0%} of the place lies under snow by the image's own classes")
    around = int(np.isfinite(look.around).all(axis=0).sum())
    if around < LEAST_AROUND:
        return Skip(
            "no-surroundings", f"{around} points beside the yards are seen, {LEAST_AROUND} are needed"
        )
    return None


def _measure(group: Sequence[Look], level: float) -> list[tuple[Cover, ...] | Skip]:
    """Looks of one layout against each other."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = np.array([(look.taken_at - epoch).days for look in group if look.taken_at], dtype=np.int64)
    samples, around = [look.samples for look in group], [look.around for look in group]
    stack = Stack(np.stack(samples).astype(np.float64), np.stack(around).astype(np.float64), days)
    visible = sum(band != "nir" for band in group[0].bands)
    bright = brightness(stack, np.ones(len(group), dtype=bool), visible)
    usable = np.asarray(bright <= SNOW_BRIGHTNESS)
    lit = in_common_light(stack, usable)
    sums = np.full((len(group), len(group[0].area_ids) + 1, len(COLOURS)), np.nan)
    shares = np.zeros(sums.shape[:2])
    unrest = np.full(len(group), np.nan)
    for date in map(int, np.flatnonzero(usable)):
        others = stack.others(date, usable)
        if len(others) >= LEAST_DATES:
            found = residual(lit, date, others)
            sums[date], shares[date] = _by_area(group[date], found)
            unrest[date] = found.unrest
    unrest /= np.nanmedian(unrest) if np.isfinite(unrest).any() else 1.0
    sums[~(unrest <= MOST_UNREST)] = np.nan
    return [
        _unsaid(float(bright[date]), float(unrest[date]), sums[date])
        or _covers_of(look.area_ids, date, sums, shares, days, level)
        for date, look in enumerate(group)
    ]


def _unsaid(bright: float, unrest: float, sums: NDArray[np.float64]) -> Skip | None:
    """Why a date's covers cannot be told."""
    if not bright <= SNOW_BRIGHTNESS:
        return Skip(
            "snow", f"the surroundings are {bright:.1f} times as bright as usual: snow, haze or cloud"
        )
    if math.isnan(unrest):
        return Skip("no-baseline", f"fewer than {LEAST_DATES} other dates can be compared; add dates")
    if unrest > MOST_UNREST:
        detail = f"the surroundings scatter {unrest:.1f} times as much as usual"
        return Skip("unsettled", f"{detail}: haze, a missed cloud or a shifted image")
    if np.isnan(sums).all():
        return Skip("clouded", f"no yard or track is seen to {LEAST_SEEN:.0%}")
    return None


def _by_area(look: Look, found: Residual) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square metres of each colour in each area and in all, (areas + 1, colours), and the share seen."""
    seen = np.asarray(np.isfinite(found.difference).all(axis=0) & np.isfinite(found.empty).all(axis=0))
    part = share_by_top(
        found.difference[:, seen], found.empty[:, seen], found.covariance[seen], _tops(look.bands)
    )
    ends = np.cumsum([len(tops) for tops in COLOURS.values()])
    by_colour = np.stack([rows.sum(axis=0) for rows in np.split(part, ends)[: len(COLOURS)]], axis=1)
    areas = len(look.area_ids)
    sums, share = np.full((areas + 1, len(COLOURS)), np.nan), np.zeros(areas + 1)
    for index in range(areas + 1):
        here = (look.area == index) | (index == areas)
        share[index] = seen[here].mean() if here.any() else 0.0
        if share[index] >= LEAST_SEEN:
            sums[index] = by_colour[here[seen]].sum(axis=0) * look.gsd_m**2 / share[index]
    return sums, share


def _tops(bands: Sequence[str]) -> NDArray[np.float64]:
    """Assumed tops (kinds, bands): those of each colour in turn, then those of none."""
    known = [top for tops in COLOURS.values() for top in tops] + [LIBRARY[name] for name in OTHERS]
    return np.array(known)[:, [list(ROLES).index(band) for band in bands]]


def _covers_of(
    area_ids: Sequence[str],
    date: int,
    sums: NDArray[np.float64],
    shares: NDArray[np.float64],
    days: NDArray[np.int64],
    level: float,
) -> tuple[Cover, ...]:
    """One date's covers, each against the same area and colour on other dates."""
    found = []
    for area, id in enumerate((*area_ids, ALL)):
        for colour, name in enumerate(COLOURS):
            values = sums[:, area, colour]
            others = _years(date, days, np.isfinite(values))
            if not np.isfinite(values[date]) or len(others) < LEAST_DATES:
                continue
            usual = float(np.median(values[others]))
            value = max(float(values[date]) - usual, 0.0)
            limit = max(_limit(values[others] - usual, days[others]), _LEAST_LIMIT_M2)
            scatter = _conformal(np.abs(values[others] - usual), level)
            spread = math.hypot(scatter, DYE_SPREAD * value)
            low = max(value - MISSED[0] * spread, 0.0) if value > limit else 0.0
            high = value + MISSED[1] * spread
            found.append(Cover(id, name, value, low, high, spread, limit, float(shares[date, area])))
    return tuple(found)


def _years(date: int, days: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The dates whose estimates are usual: of earlier years where there are enough, else of all other years.

    A store that fills for months is no part of what is usual.
    """
    earlier = np.flatnonzero(known & (days < days[date] - _HALF_YEAR))
    if len(earlier) >= LEAST_YEARLY:
        return earlier
    return np.flatnonzero(known & (np.abs(days - days[date]) > _HALF_YEAR))


def _conformal(scores: NDArray[np.float64], level: float) -> float:
    """The score that a date like the others keeps below with this chance (split conformal prediction)."""
    rank = math.ceil((len(scores) + 1) * level)
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def _limit(values: NDArray[np.float64], days: NDArray[np.int64]) -> float:
    """What the largest of a year's dates exceeds in one year of ten.

    The largest fifth of the dates are taken to fall off exponentially, and are carried on from there; half as
    much again is added, because they fall off more slowly.
    """
    start = float(np.quantile(values, 1 - _TAIL))
    beyond = values[values >= start] - start
    per_year = len(values) / max(float(np.ptp(days)) / 365.25, 1.0)
    return _HEAVY * (start + float(beyond.mean()) * math.log(max(_TAIL * per_year / ALARMS_PER_YEAR, 1.0)))
