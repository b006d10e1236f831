"""What the time of year does to the ground: growth, snow and wet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from imagery.synthetic.chance import stream


@dataclass(frozen=True)
class Climate:
    """How the year runs at a place north of the equator."""

    green_up: float = 125.0
    """Day of the year at which half of the growth is there."""
    senescence: float = 282.0
    """Day of the year at which half of it is gone."""
    wet_share: float = 0.18
    """Share of days on which the ground is wet."""
    first_snow: tuple[int, int] = (11, 25)
    """Month and day from which snow may fall, for 112 days."""
    snowfalls: tuple[int, int] = (2, 6)
    """Fewest, and one more than most, in a winter."""


MONSOON_COAST = Climate()
"""That of the two sites."""


@dataclass(frozen=True)
class Season:
    """State of the ground on one day."""

    lush: float
    """Green growth, 0 in winter to 1 in high summer."""
    snow: float
    """Share of open ground under snow, 0 to 1."""
    wet: float
    """0 dry to 1 just rained on."""


def season_of(seed: int, site: str, day: date, climate: Climate = MONSOON_COAST) -> Season:
    """The ground of a temperate place on one day; years differ by chance.

    Growth is a double logistic curve over the year; its dates move by about a week from year to year.
    """
    rng = stream(seed, site, day.year, "growth")
    up, down = climate.green_up + rng.normal(0, 6), climate.senescence + rng.normal(0, 6)
    lush = rng.uniform(0.9, 1.0) * growth(day.timetuple().tm_yday, up, down)
    wet = stream(seed, site, day, "wet")
    soaked = float(wet.beta(2, 3)) if wet.random() < climate.wet_share else 0.0
    return Season(lush, _snow(seed, site, day, climate), soaked)


def growth(day_of_year: float, up: float, down: float) -> float:
    """Share of full growth: it rises about the day ``up`` and falls about the day ``down``."""
    return 1 / (1 + math.exp(-(day_of_year - up) / 9)) / (1 + math.exp((day_of_year - down) / 11))


def _snow(seed: int, site: str, day: date, climate: Climate) -> float:
    """A few snowfalls a winter, each melting over days to weeks."""
    winter = day.year if day.month >= 7 else day.year - 1
    rng = stream(seed, site, winter, "snow")
    cover = 0.0
    for _ in range(int(rng.integers(*climate.snowfalls))):
        fall = date(winter, *climate.first_snow) + timedelta(days=int(rng.integers(0, 112)))
        lasts, depth = int(rng.integers(5, 22)), float(rng.uniform(0.4, 1.0))
        age = (day - fall).days
        if 0 <= age < lasts:
            cover = max(cover, float(np.clip(2.2 * depth * (1 - age / lasts), 0, 1)))
    return cover


def crops_of(
    seed: int, site: str, day: date, season: Season, count: int, climate: Climate = MONSOON_COAST
) -> list[float]:
    """Growth of each kind of crop: the first follows the season, others are sown in other weeks."""
    rng = stream(seed, site, day.year, "crops")
    n = day.timetuple().tm_yday
    late, tops = rng.normal(0, 25, (count - 1, 2)), rng.uniform(0.6, 1.0, count - 1)
    others = [
        float(top * growth(n, climate.green_up + up, climate.senescence + down))
        for top, (up, down) in zip(tops, late, strict=True)
    ]
    return [season.lush, *others]
